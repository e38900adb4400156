//! Dropout of framed planes.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use crate::backend::planes::Planes;
use crate::trunk::{Draws, Dropout};

impl Dropout {
    /// m ∘ x in place: both directions, whatever the frame.
    ///
    /// # Panics
    /// When there are not as many seeds as columns.
    pub(in crate::backend) fn mask_in_place(&self, planes: &mut Planes, draws: &Draws) {
        let keep = 1.0 / (1.0 - self.rate);
        let draw = |random: &mut Pcg64Mcg| {
            if random.random::<f32>() < self.rate {
                0.0
            } else {
                keep
            }
        };
        let mut random = match draws {
            Draws::Together(seed) => Pcg64Mcg::seed_from_u64(*seed),
            Draws::ByColumn(seeds) => {
                assert_eq!(seeds.len(), planes.width(), "a seed a column");
                let mut random: Vec<_> = seeds
                    .iter()
                    .map(|seed| Pcg64Mcg::seed_from_u64(*seed))
                    .collect();
                for c in 0..planes.channels() {
                    for y in 0..planes.height() {
                        let row = planes.row_mut(c, y).iter_mut();
                        row.zip(&mut random)
                            .for_each(|(value, random)| *value *= draw(random));
                    }
                }
                return;
            }
        };
        let mut draw = || draw(&mut random);
        if self.single {
            for c in 0..planes.channels() {
                for y in 0..planes.height() {
                    let row = planes.row_mut(c, y);
                    row.iter_mut().for_each(|value| *value *= draw());
                }
            }
            return;
        }
        let masks: Vec<f32> = (0..planes.channels()).map(|_| draw()).collect();
        let plane = planes.plane_stride();
        planes
            .data_mut()
            .par_chunks_exact_mut(plane)
            .zip(masks)
            .for_each(|(plane, mask)| {
                plane.iter_mut().for_each(|value| *value *= mask);
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_of_channels_and_keeps_the_mean() {
        let mut planes = Planes::from_contiguous(2000, 1, 2, 1, &[1.0; 4000]);
        let drop = Dropout {
            rate: 0.25,
            single: false,
        };
        drop.mask_in_place(&mut planes, &Draws::Together(7));
        let values = planes.to_contiguous();
        let zeros = values.iter().filter(|v| **v == 0.0).count() / 2;
        // Four standard deviations of a binomial with n = 2000, p = 1/4: 77.
        assert!((423..=577).contains(&zeros), "{zeros}");
        assert!(values.chunks(2).all(|pair| pair[0] == pair[1]));
        assert!(
            values
                .iter()
                .all(|v| *v == 0.0 || (*v - 4.0 / 3.0).abs() < 1e-6)
        );

        let mut again = Planes::from_contiguous(2000, 1, 2, 0, &[1.0; 4000]);
        drop.mask_in_place(&mut again, &Draws::Together(7));
        assert_eq!(again.data(), &values);
        drop.mask_in_place(&mut again, &Draws::Together(8));
        assert_ne!(again.data(), &values);
    }

    #[test]
    fn single_numbers_are_drawn_each_for_itself_whatever_the_frame() {
        let drop = Dropout {
            rate: 0.5,
            single: true,
        };
        let mut framed = Planes::from_contiguous(50, 2, 20, 1, &[1.0; 2000]);
        let mut bare = Planes::from_contiguous(50, 2, 20, 0, &[1.0; 2000]);
        drop.mask_in_place(&mut framed, &Draws::Together(3));
        drop.mask_in_place(&mut bare, &Draws::Together(3));
        assert_eq!(framed.to_contiguous(), bare.data());
        let zeros = bare.data().iter().filter(|v| **v == 0.0).count();
        // Four standard deviations of a binomial with n = 2000, p = 1/2: 89.
        assert!((911..=1089).contains(&zeros), "{zeros}");
        assert!(bare.data()[..20].iter().any(|v| *v != bare.data()[0]));
    }

    #[test]
    fn dropout_of_a_column_does_not_depend_on_the_others() {
        let drop = Dropout {
            rate: 0.5,
            single: true,
        };
        let masked = |seeds: &[u64]| {
            let ones = vec![1.0; 40 * seeds.len()];
            let mut planes = Planes::from_contiguous(40, 1, seeds.len(), 1, &ones);
            drop.mask_in_place(&mut planes, &Draws::ByColumn(seeds.to_vec()));
            let values = planes.to_contiguous();
            let column = |x: usize| {
                values
                    .iter()
                    .skip(x)
                    .step_by(seeds.len())
                    .copied()
                    .collect()
            };
            (0..seeds.len()).map(column).collect::<Vec<Vec<f32>>>()
        };
        let all = masked(&[5, 6, 7]);
        assert_eq!(masked(&[7, 5]), [all[2].clone(), all[0].clone()]);
        assert_ne!(all[0], all[1]);
        let zeros = all[0].iter().filter(|v| **v == 0.0).count();
        // Four standard deviations of a binomial with n = 40, p = 1/2: 13.
        assert!((7..=33).contains(&zeros), "{zeros}");
    }
}
