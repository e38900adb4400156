//! Eigenvalues and eigenvectors on a GPU, when the batch is large enough to repay the transfer.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faer::{Mat, MatMut, MatRef};
use gpu::{EigenMethod, EigenSolver, Gpu};
use matbackprop_core::Eigenpairs;

use super::Transfers;

/// Σ n³ of a batch from which on it goes to the GPU: a processor's core takes some ten milliseconds for as much. By what
/// launches and copies are known to take; no GPU has measured it.
const MIN_WORK: usize = 1 << 24;

/// The least side for a solver that takes one matrix after another.
const LONE_SIDE: usize = 512;

/// Matrices are filled up to the next multiple of this side: regions have as many positions as they have, a batch has one
/// side.
const STEP: usize = 32;

/// Rounding that an eigendecomposition may show, in n ε: LAPACK's stays below one.
const ROUNDING: f64 = 32.0;

/// A solver of eigenproblems on a GPU.
#[derive(Debug)]
pub(super) struct GpuEigenSolver(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    solver: Solver,
    min_work: usize,
    transfers: Transfers,
    /// Why the processor took over, until a caller takes the message.
    refusal: Option<String>,
}

#[derive(Debug)]
enum Solver {
    /// Until a batch is large enough.
    Unopened(Gpu),
    Open(EigenSolver),
    /// The processor has taken over.
    Refused,
}

impl GpuEigenSolver {
    /// `None` for a GPU that is slow in double precision.
    pub(super) fn on(card: &Gpu) -> Option<Self> {
        let fast = card.has_fast_doubles().unwrap_or(false);
        fast.then(|| {
            Self(Mutex::new(Counted {
                solver: Solver::Unopened(card.clone()),
                // Tests have little time.
                min_work: if cfg!(any(test, feature = "stand-ins")) {
                    1
                } else {
                    MIN_WORK
                },
                transfers: Transfers::default(),
                refusal: None,
            }))
        })
    }

    /// Why the processor took over for good; `Some` once.
    pub(super) fn take_refusal(&self) -> Option<String> {
        let counted = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.refusal.take()
    }

    /// Adds the transfers since the last call.
    pub(super) fn add_transfers(&self, transfers: &mut Transfers) {
        let counted = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = std::mem::take(&mut counted.transfers);
        transfers.seconds += own.seconds;
        transfers.bytes += own.bytes;
        transfers.decomposed += own.decomposed;
    }

    /// Eigenpairs of symmetric matrices with both triangles: of batches that repay the transfer, where they converged.
    pub(super) fn eigenpairs(
        &self,
        matrices: &[Option<MatRef<'_, f64>>],
    ) -> Vec<Option<Eigenpairs>> {
        let mut by_side: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, matrix) in matrices.iter().enumerate() {
            if let Some(matrix) = matrix {
                let side = matrix.nrows().next_multiple_of(STEP);
                by_side.entry(side).or_default().push(place);
            }
        }
        let mut found = vec![None; matrices.len()];
        let counted = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (side, places) in by_side {
            if places.len() * side.pow(3) < counted.min_work {
                continue;
            }
            let batch: Vec<_> = places.iter().filter_map(|place| matrices[*place]).collect();
            if let Some(eigenpairs) = counted.solve(side, &batch) {
                for (place, eigenpairs) in places.into_iter().zip(eigenpairs) {
                    found[place] = eigenpairs;
                }
            }
        }
        found
    }
}

impl Counted {
    /// `None` where the processor is to find them all.
    fn solve(&mut self, side: usize, batch: &[MatRef<'_, f64>]) -> Option<Vec<Option<Eigenpairs>>> {
        let solver = self.solver()?;
        if solver.method(side) == EigenMethod::DivideAndConquer && side < LONE_SIDE {
            return None;
        }
        let mut numbers = vec![0.0; batch.len() * side * side];
        for (matrix, numbers) in batch.iter().zip(numbers.chunks_exact_mut(side * side)) {
            fill(
                *matrix,
                MatMut::from_column_major_slice_mut(numbers, side, side),
            );
        }
        let solved = match solver.solve(side, &mut numbers) {
            Ok(solved) => solved,
            // There may be room another time.
            Err(gpu::Error::OUT_OF_MEMORY) => return None,
            Err(error) => return self.refuse(error.to_string()),
        };
        self.transfers.seconds += solved.copies.seconds;
        self.transfers.bytes += solved.copies.bytes;
        let values = solved.values.chunks_exact(side);
        let vectors = numbers.chunks_exact(side * side);
        let all = solved.converged.iter().zip(values.zip(vectors)).zip(batch);
        let mut pairs = Vec::with_capacity(batch.len());
        for ((converged, (values, vectors)), matrix) in all {
            let n = matrix.nrows();
            let vectors = MatRef::from_column_major_slice(vectors, side, side);
            let found = converged.then(|| Eigenpairs {
                values: values[..n].to_vec(),
                vectors: vectors.submatrix(0, 0, n, n).to_owned(),
            });
            if found
                .as_ref()
                .is_some_and(|found| !decomposes(*matrix, found))
            {
                return self.refuse(format!(
                    "eigenvectors of a matrix of side {n} that are none"
                ));
            }
            pairs.push(found);
        }
        self.transfers.decomposed += pairs.iter().flatten().count() as u64;
        Some(pairs)
    }

    fn solver(&mut self) -> Option<&mut EigenSolver> {
        if let Solver::Unopened(card) = &self.solver {
            match EigenSolver::open(card) {
                Ok(solver) => self.solver = Solver::Open(solver),
                Err(error) => return self.refuse(error.to_string()),
            }
        }
        match &mut self.solver {
            Solver::Open(solver) => Some(solver),
            _ => None,
        }
    }

    fn refuse<T>(&mut self, why: String) -> Option<T> {
        self.solver = Solver::Refused;
        self.refusal = Some(why);
        None
    }
}

/// Whether A V = V Λ and VᵀV = I, as far as one vector x shows it: A (V x) = V (Λ x) and ‖V x‖ = ‖x‖ to rounding, and
/// whether Λ is nondecreasing. A library that is wrong, is wrong by more.
fn decomposes(a: MatRef<'_, f64>, pairs: &Eigenpairs) -> bool {
    let n = a.nrows();
    let x = Mat::from_fn(n, 1, |i, _| (1.0 + i as f64).cos());
    let scaled = Mat::from_fn(n, 1, |i, _| pairs.values[i] * x[(i, 0)]);
    let turned = &pairs.vectors * &x;
    let residual = (a * &turned - &pairs.vectors * scaled).norm_l2();
    let length = x.norm_l2();
    let rounding = ROUNDING * n as f64 * f64::EPSILON * length;
    // Written so that NaN says no.
    residual <= rounding * bound(a)
        && (turned.norm_l2() - length).abs() <= rounding
        && pairs.values.windows(2).all(|pair| pair[0] <= pair[1])
}

/// maxᵢ Σⱼ |aᵢⱼ| ≥ |λ| (Gershgorin), from the lower triangle.
fn bound(a: MatRef<'_, f64>) -> f64 {
    let mut sums = vec![0.0; a.nrows()];
    for j in 0..a.nrows() {
        for i in j..a.nrows() {
            sums[i] += a[(i, j)].abs();
            if i > j {
                sums[j] += a[(i, j)].abs();
            }
        }
    }
    sums.into_iter().fold(0.0, f64::max)
}

/// diag(A, β I) in place of zeros, β above every eigenvalue of A: those of A come first, with vectors that end in zeros.
///
/// ```text
/// β = 2 maxᵢ Σⱼ |aᵢⱼ| ≥ 2 λmax        not so far above that digits are lost
/// ```
fn fill(a: MatRef<'_, f64>, mut filled: MatMut<'_, f64>) {
    let (n, side) = (a.nrows(), filled.nrows());
    for j in 0..n {
        for i in j..n {
            filled[(i, j)] = a[(i, j)];
        }
    }
    let bound = bound(a);
    let beta = if bound > 0.0 { 2.0 * bound } else { 1.0 };
    for i in n..side {
        filled[(i, i)] = beta;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use faer::Mat;
    use matbackprop_core::gradcheck::{gaussian, symmetric_with_spectrum};

    fn assert_decomposed(a: MatRef<'_, f64>, pairs: &Eigenpairs) {
        let (n, v) = (a.nrows(), &pairs.vectors);
        let scaled = Mat::from_fn(n, n, |i, j| v[(i, j)] * pairs.values[j]);
        let residual = (a - scaled * v.transpose()).norm_max();
        let turned = (v.transpose() * v - Mat::<f64>::identity(n, n)).norm_max();
        let size = a.norm_max();
        assert!(
            residual <= 1e-13 * size && turned < 1e-13,
            "{n}: {residual} {turned}"
        );
        assert!(pairs.values.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn matrices_of_every_side_are_found_side_by_side() {
        let name = "device::gpu_eigen_solver::tests::matrices_of_every_side_are_found_side_by_side";
        gpu::stand_ins::run_among(name, || {
            // The second stand-in is slow in double precision.
            assert!(GpuEigenSolver::on(&Gpu::open(1).unwrap()).is_none());
            let spectra = GpuEigenSolver::on(&Gpu::open(0).unwrap()).unwrap();
            let gram = |n: usize, rank: usize| {
                let factor = gaussian(n, rank, n as u64);
                &factor * factor.transpose()
            };
            let matrices = [
                symmetric_with_spectrum(&[-3.0, 1.0, 1.0, 2.0, 7.0], 1),
                symmetric_with_spectrum(&[1.0, 2.0], 2),
                // Singular, and zero: the filled-in values lie above.
                gram(30, 4),
                Mat::zeros(3, 3),
                gram(32, 40),
                gram(33, 40),
                gram(60, 20),
            ];
            let strange = Mat::from_fn(5, 5, |_, _| f64::NAN);
            let mut asked: Vec<_> = matrices.iter().map(|a| Some(a.as_ref())).collect();
            asked.extend([None, Some(strange.as_ref())]);
            let found = spectra.eigenpairs(&asked);
            for (a, pairs) in matrices.iter().zip(&found) {
                assert_decomposed(a.as_ref(), pairs.as_ref().unwrap());
            }
            // Nothing to do, and a matrix that does not converge.
            assert_eq!(found[7..], [None, None]);
            let mut transfers = Transfers::default();
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 7);
            let bytes = |count: u64, side: u64| count * (8 * (2 * side * side + side) + 4);
            assert_eq!(transfers.bytes, bytes(6, 32) + bytes(2, 64));
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 7);

            assert_eq!(spectra.take_refusal(), None);
            // Two of a side of 64 are worth less than this, three are not.
            spectra.0.lock().unwrap().min_work = 3 << 18;
            let three = [asked[5], asked[6], asked[5]];
            assert_eq!(spectra.eigenpairs(&three[..2]), [None, None]);
            assert!(spectra.eigenpairs(&three).iter().all(Option::is_some));
        });
    }

    #[test]
    fn invalid_decompositions_are_detected() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 3.0, 4.0], 5);
        let eigen = matbackprop_core::SymEig::forward(a.as_ref(), Default::default()).unwrap();
        let right = Eigenpairs {
            values: eigen.values().to_vec(),
            vectors: eigen.vectors().to_owned(),
        };
        assert!(decomposes(a.as_ref(), &right));
        let wrong: [fn(&mut Eigenpairs); 4] = [
            |pairs| pairs.values[1] += 1e-10,
            |pairs| pairs.values[2] = f64::NAN,
            |pairs| pairs.vectors *= faer::Scale(1.0 + 1e-10),
            |pairs| {
                pairs.values.reverse();
                pairs.vectors = pairs.vectors.as_ref().reverse_cols().to_owned();
            },
        ];
        for spoil in wrong {
            let mut pairs = right.clone();
            spoil(&mut pairs);
            assert!(!decomposes(a.as_ref(), &pairs), "{pairs:?}");
        }
        let zero = Mat::zeros(2, 2);
        let identity = Mat::identity(2, 2);
        let pairs = Eigenpairs {
            values: vec![0.0; 2],
            vectors: identity,
        };
        assert!(decomposes(zero.as_ref(), &pairs));
    }
}
