//! Eigenvalues and eigenvectors on a GPU, where they are worth the way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faer::{MatMut, MatRef};
use gpu::{EigenSolver, Gpu};
use matbackprop_core::Eigenpairs;

use super::Transfers;

/// Σ n³ of a batch from which on it goes to the GPU: a processor's core takes some ten milliseconds for as much. By what
/// launches and copies are known to take; no GPU has measured it.
const WORTH: usize = 1 << 24;

/// Matrices are filled up to the next multiple of this side: regions have as many positions as they have, a batch has one
/// side.
const STEP: usize = 32;

/// A solver of eigenproblems on a GPU.
#[derive(Debug)]
pub(super) struct Spectra(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    /// `None` once the GPU has refused: the processor takes over.
    solver: Option<EigenSolver>,
    worth: usize,
    transfers: Transfers,
}

impl Spectra {
    /// `None` for a GPU that is slow in double precision, and without cuSOLVER.
    pub(super) fn on(card: &Gpu) -> Option<Self> {
        let fast = card.has_fast_doubles().unwrap_or(false);
        let solver = fast.then(|| EigenSolver::open(card).ok()).flatten()?;
        Some(Self(Mutex::new(Counted {
            solver: Some(solver),
            // Tests have little time.
            worth: if cfg!(test) { 1 } else { WORTH },
            transfers: Transfers::default(),
        })))
    }

    /// Adds what crossed since this was asked last.
    pub(super) fn add_transfers(&self, transfers: &mut Transfers) {
        let counted = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = std::mem::take(&mut counted.transfers);
        transfers.seconds += own.seconds;
        transfers.bytes += own.bytes;
        transfers.decomposed += own.decomposed;
    }

    /// Eigenpairs of what is worth the way and converged; lower triangles are read.
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
            if places.len() * side.pow(3) < counted.worth {
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
    /// `None` where the GPU refuses, now or before.
    fn solve(&mut self, side: usize, batch: &[MatRef<'_, f64>]) -> Option<Vec<Option<Eigenpairs>>> {
        let solver = self.solver.as_mut()?;
        let mut numbers = vec![0.0; batch.len() * side * side];
        for (matrix, numbers) in batch.iter().zip(numbers.chunks_exact_mut(side * side)) {
            fill(
                *matrix,
                MatMut::from_column_major_slice_mut(numbers, side, side),
            );
        }
        let Ok(solved) = solver.solve(side, &mut numbers) else {
            self.solver = None;
            return None;
        };
        self.transfers.seconds += solved.copies.seconds;
        self.transfers.bytes += solved.copies.bytes;
        let values = solved.values.chunks_exact(side);
        let vectors = numbers.chunks_exact(side * side);
        let all = solved.converged.iter().zip(values.zip(vectors)).zip(batch);
        let pairs: Vec<_> = all
            .map(|((converged, (values, vectors)), matrix)| {
                let n = matrix.nrows();
                let vectors = MatRef::from_column_major_slice(vectors, side, side);
                converged.then(|| Eigenpairs {
                    values: values[..n].to_vec(),
                    vectors: vectors.submatrix(0, 0, n, n).to_owned(),
                })
            })
            .collect();
        self.transfers.decomposed += pairs.iter().flatten().count() as u64;
        Some(pairs)
    }
}

/// diag(A, β I) in place of zeros, β above every eigenvalue of A: those of A come first, with vectors that end in zeros.
///
/// ```text
/// β = 2 maxᵢ Σⱼ |aᵢⱼ| ≥ 2 λmax        (Gershgorin), not so far above that digits are lost
/// ```
fn fill(a: MatRef<'_, f64>, mut filled: MatMut<'_, f64>) {
    let (n, side) = (a.nrows(), filled.nrows());
    let mut sums = vec![0.0; n];
    for j in 0..n {
        for i in j..n {
            filled[(i, j)] = a[(i, j)];
            sums[i] += a[(i, j)].abs();
            if i > j {
                sums[j] += a[(i, j)].abs();
            }
        }
    }
    let bound = sums.into_iter().fold(0.0, f64::max);
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
        let name = "device::spectra::tests::matrices_of_every_side_are_found_side_by_side";
        gpu::stand_ins::run_among(name, || {
            // The second stand-in is slow in double precision.
            assert!(Spectra::on(&Gpu::open(1).unwrap()).is_none());
            let spectra = Spectra::on(&Gpu::open(0).unwrap()).unwrap();
            let gram = |n: usize, rank: usize| {
                let factor = gaussian(n, rank, n as u64);
                &factor * factor.transpose()
            };
            let matrices = [
                symmetric_with_spectrum(&[-3.0, 1.0, 1.0, 2.0, 7.0], 1),
                symmetric_with_spectrum(&[1.0, 2.0], 2),
                // Singular, and zero: what is filled in lies above.
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
            // Nothing to do, and what does not converge.
            assert_eq!(found[7..], [None, None]);
            let mut transfers = Transfers::default();
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 7);
            let bytes = |count: u64, side: u64| count * (8 * (2 * side * side + side) + 4);
            assert_eq!(transfers.bytes, bytes(6, 32) + bytes(2, 64));
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 7);

            // Two of a side of 64 are worth less than this, three are not.
            spectra.0.lock().unwrap().worth = 3 << 18;
            let three = [asked[5], asked[6], asked[5]];
            assert_eq!(spectra.eigenpairs(&three[..2]), [None, None]);
            assert!(spectra.eigenpairs(&three).iter().all(Option::is_some));
        });
    }
}
