//! Eigenvalues and eigenvectors on a GPU, where they are worth the way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faer::{Mat, MatRef};
use gpu::{EigenSolver, Gpu};
use matbackprop_core::Eigenpairs;

use super::Transfers;

/// Σ n³ of the matrices of one side from which on they go to the GPU: a processor's core takes some ten milliseconds for
/// as much. By what launches and copies are known to take; no GPU has measured it.
const WORTH: usize = 1 << 24;

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
                by_side.entry(matrix.nrows()).or_default().push(place);
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
        let mut numbers = Vec::with_capacity(batch.len() * side * side);
        for matrix in batch {
            for column in matrix.col_iter() {
                numbers.extend(column.iter());
            }
        }
        let solved = self.solver.as_mut()?.solve(side, &mut numbers);
        let Ok(solved) = solved else {
            self.solver = None;
            return None;
        };
        self.transfers.seconds += solved.copies.seconds;
        self.transfers.bytes += solved.copies.bytes;
        let values = solved.values.chunks_exact(side);
        let vectors = numbers.chunks_exact(side * side);
        let all = solved.converged.iter().zip(values.zip(vectors));
        let pairs: Vec<_> = all
            .map(|(converged, (values, vectors))| {
                converged.then(|| Eigenpairs {
                    values: values.to_vec(),
                    vectors: MatRef::from_column_major_slice(vectors, side, side).to_owned(),
                })
            })
            .collect();
        self.transfers.decomposed += pairs.iter().flatten().count() as u64;
        Some(pairs)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use matbackprop_core::gradcheck::symmetric_with_spectrum;

    #[test]
    fn what_is_worth_the_way_is_found_side_by_side() {
        let name = "device::spectra::tests::what_is_worth_the_way_is_found_side_by_side";
        gpu::stand_ins::run_among(name, || {
            // The second stand-in is slow in double precision.
            assert!(Spectra::on(&Gpu::open(1).unwrap()).is_none());
            let spectra = Spectra::on(&Gpu::open(0).unwrap()).unwrap();
            let small = symmetric_with_spectrum(&[1.0, 2.0], 1);
            let large: Vec<_> = (0..3)
                .map(|seed| symmetric_with_spectrum(&[0.0, 1.0, 1.0, 2.0, 7.0], seed))
                .collect();
            let strange = Mat::from_fn(5, 5, |_, _| f64::NAN);
            let matrices = [
                Some(large[0].as_ref()),
                None,
                Some(small.as_ref()),
                Some(strange.as_ref()),
                Some(large[1].as_ref()),
                Some(large[2].as_ref()),
            ];
            spectra.0.lock().unwrap().worth = 9;
            let found = spectra.eigenpairs(&matrices);
            // Nothing to do, too little, and what does not converge.
            assert_eq!(
                found.iter().map(Option::is_some).collect::<Vec<_>>(),
                [true, false, false, false, true, true]
            );
            for (matrix, pairs) in matrices.iter().zip(&found) {
                let (Some(matrix), Some(pairs)) = (matrix, pairs) else {
                    continue;
                };
                let v = &pairs.vectors;
                let scaled = Mat::from_fn(5, 5, |i, j| v[(i, j)] * pairs.values[j]);
                assert!((matrix.to_owned() - scaled * v.transpose()).norm_max() < 1e-13);
            }
            let mut transfers = Transfers::default();
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 3);
            assert_eq!(transfers.bytes, 4 * (8 * (2 * 25 + 5) + 4));
            spectra.add_transfers(&mut transfers);
            assert_eq!(transfers.decomposed, 3);
        });
    }
}
