//! The calls of this crate, against stand-ins for NVIDIA's libraries, and against the libraries where there is a GPU:
//! `cargo test -p matbackprop-gpu --features stand-ins -- --ignored cuda`.

use gpu::stand_ins::run_among;
use gpu::{Collective, EigenMethod, EigenSolver, Error, Gpu, JobId};
use matbackprop_core::faer::{Mat, MatRef};
use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum};

/// A = V Λ Vᵀ with orthogonal V and nondecreasing Λ, to rounding.
fn assert_decomposed(a: &Mat<f64>, values: &[f64], vectors: &[f64]) {
    let n = a.nrows();
    let v = MatRef::from_column_major_slice(vectors, n, n);
    let scaled = Mat::from_fn(n, n, |i, j| v[(i, j)] * values[j]);
    let residual = (a - scaled * v.transpose()).norm_max();
    let turned = (v.transpose() * v - Mat::<f64>::identity(n, n)).norm_max();
    assert!(
        values.windows(2).all(|pair| pair[0] <= pair[1]),
        "{values:?}"
    );
    assert!(
        residual < 1e-12 && turned < 1e-12,
        "{n}: {residual} {turned}"
    );
}

#[test]
fn which_gpus_there_are() {
    run_among("which_gpus_there_are", || {
        assert_eq!(Gpu::count(), Ok(2));
        let missing = Gpu::open(2).unwrap_err();
        assert_eq!(
            missing,
            Error::NoSuchGpu {
                number: 2,
                count: 2
            }
        );
        assert_eq!(
            missing.to_string(),
            "expected GPU 2, found 2, counted from 0"
        );
        let cards = [0, 1].map(|number| Gpu::open(number).unwrap());
        assert_eq!(cards[1].number(), 1);
        assert_eq!(cards[1].name().unwrap(), "stand-in 1");
        assert_ne!(cards[0].uuid(), cards[1].uuid());
        assert_eq!(cards[0].uuid().unwrap(), [0x80; 16]);
        let fast = cards.map(|card| card.has_fast_doubles().unwrap());
        assert_eq!(fast, [true, false]);
    });
}

fn assert_batches_are_decomposed(card: &Gpu) {
    let mut solver = EigenSolver::open(card).unwrap();
    let newest = solver.method(33);
    for (side, count) in [(1, 3), (2, 1), (5, 7), (32, 4), (33, 3), (100, 2)] {
        let matrices: Vec<_> = (0..count)
            .map(|place| {
                let spectrum: Vec<f64> = (0..side).map(|i| (i / 2) as f64 / side as f64).collect();
                symmetric_with_spectrum(&spectrum, place)
            })
            .collect();
        for method in [solver.method(side), EigenMethod::DivideAndConquer, newest] {
            let mut numbers: Vec<f64> = Vec::new();
            for a in &matrices {
                // Entries above the diagonal are not read.
                let entry = |i, j| if i < j { f64::NAN } else { a[(i, j)] };
                let columns = (0..side).flat_map(|j| (0..side).map(move |i| (i, j)));
                numbers.extend(columns.map(|(i, j)| entry(i, j)));
            }
            let solved = solver.solve_by(method, side, &mut numbers).unwrap();
            assert_eq!(solved.converged, vec![true; matrices.len()], "{method:?}");
            for (place, a) in matrices.iter().enumerate() {
                let values = &solved.values[place * side..][..side];
                let vectors = &numbers[place * side * side..][..side * side];
                assert_decomposed(a, values, vectors);
            }
            let both_ways = 8 * (2 * numbers.len() + solved.values.len()) + 4 * matrices.len();
            assert_eq!(solved.copies.bytes, both_ways as u64);
            assert!(solved.copies.seconds > 0.0);
        }
    }
}

#[test]
fn batches_of_every_side_are_decomposed() {
    run_among("batches_of_every_side_are_decomposed", || {
        let card = Gpu::open(1).unwrap();
        let solver = EigenSolver::open(&card).unwrap();
        assert_eq!(solver.method(32), EigenMethod::Jacobi);
        assert_eq!(solver.method(33), EigenMethod::BatchedDivideAndConquer);
        assert_batches_are_decomposed(&card);
    });
}

#[test]
#[ignore = "needs an NVIDIA GPU and its driver"]
fn cuda_batches_of_every_side_are_decomposed() {
    assert_batches_are_decomposed(&Gpu::open(0).unwrap());
}

#[test]
fn more_matrices_than_fit_a_call_take_several() {
    run_among("more_matrices_than_fit_a_call_take_several", || {
        let mut solver = EigenSolver::open(&Gpu::open(0).unwrap()).unwrap();
        let mut numbers: Vec<f64> = (0..70_000).map(f64::from).collect();
        let expected = numbers.clone();
        let solved = solver.solve(1, &mut numbers).unwrap();
        assert_eq!(solved.values, expected);
        assert!(numbers.iter().all(|vector| *vector == 1.0));
        assert_eq!(solved.converged.len(), 70_000);
    });
}

#[test]
fn convergence_is_reported_matrix_by_matrix() {
    run_among("convergence_is_reported_matrix_by_matrix", || {
        let mut solver = EigenSolver::open(&Gpu::open(0).unwrap()).unwrap();
        let methods = [
            (4, EigenMethod::Jacobi),
            (40, EigenMethod::DivideAndConquer),
            (40, EigenMethod::BatchedDivideAndConquer),
        ];
        for (side, method) in methods {
            let mut numbers = vec![0.0; 3 * side * side];
            numbers[side * side + 1] = f64::NAN;
            let solved = solver.solve_by(method, side, &mut numbers).unwrap();
            assert_eq!(solved.converged, [true, false, true]);
        }
        assert_eq!(solver.solve(3, &mut []).unwrap().values, []);
        for (side, found) in [(3, 10), (0, 4)] {
            let refused = solver.solve(side, &mut vec![0.0; found]);
            assert_eq!(refused, Err(Error::Shape { side, found }));
        }
    });
}

/// Sums of several lengths, by as many ranks as there are GPUs, each with its own.
fn assert_sums_are_those_of_all(gpus: usize) {
    let id = JobId::new().unwrap();
    let rank = |rank: usize| {
        let card = Gpu::open(rank).unwrap();
        let mut collective = Collective::join(&card, rank, gpus, id).unwrap();
        let mut sums = Vec::new();
        for length in [1, 1000, 7, 1000, 1 << 20] {
            let numbers = gaussian(length, 1, (length + rank) as u64);
            let numbers: Vec<f32> = (0..length).map(|i| numbers[(i, 0)] as f32).collect();
            collective.begin(&numbers).unwrap();
            while !collective.is_done().unwrap() {
                std::thread::yield_now();
            }
            let mut total = vec![f32::NAN; length];
            collective.finish(&mut total).unwrap();
            assert!(collective.is_done().unwrap());
            sums.push((numbers, total));
        }
        sums
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let rank = &rank;
        let threads: Vec<_> = (0..gpus)
            .map(|place| scope.spawn(move || rank(place)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for sum in 0..5 {
        let total = &all[0][sum].1;
        assert!(all.iter().all(|sums| sums[sum].1 == *total));
        for (place, found) in total.iter().enumerate() {
            let expected: f32 = all.iter().map(|sums| sums[sum].0[place]).sum();
            assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()));
        }
    }
}

#[test]
fn sums_are_those_of_all_ranks() {
    run_among("sums_are_those_of_all_ranks", || {
        assert_sums_are_those_of_all(2)
    });
}

#[test]
#[ignore = "needs NVIDIA GPUs, their driver and NCCL; NCCL_P2P_DIRECT_DISABLE=1, as ranks are threads here"]
fn cuda_sums_are_those_of_all_gpus() {
    assert_sums_are_those_of_all(Gpu::count().unwrap());
}

#[test]
fn room_for_another_sum_is_refused() {
    run_among("room_for_another_sum_is_refused", || {
        let id = JobId::new().unwrap();
        let mut alone = Collective::join(&Gpu::open(0).unwrap(), 0, 1, id).unwrap();
        alone.begin(&[1.0, 2.0]).unwrap();
        let refused = alone.finish(&mut [0.0]);
        assert_eq!(
            refused,
            Err(Error::Length {
                expected: 2,
                found: 1
            })
        );
        let beyond = Collective::join(&Gpu::open(0).unwrap(), 9, 1, JobId::new().unwrap());
        let refused = beyond.unwrap_err().to_string();
        assert_eq!(refused, "NCCL: ncclInvalidArgument");
    });
}
