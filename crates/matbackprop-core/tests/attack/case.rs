//! One matrix after another: its shape, its task, and how to draw it again.

use crate::kinds::{KINDS, Make, RARE, RARE_EVERY};
use crate::numbers::Numbers;
use matbackprop_core::faer::{Mat, Scale};

/// The task for a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// `SymEig` and `eigenvalues`.
    Eigen,
    /// `ThinSvd` and `singular_values`.
    Svd,
}

/// Shape and purpose of one matrix.
#[derive(Clone, Copy)]
pub struct Want {
    pub m: usize,
    pub n: usize,
    pub task: Task,
}

impl Want {
    pub fn shorter(&self) -> usize {
        self.m.min(self.n)
    }

    pub fn symmetric(&self) -> bool {
        self.task == Task::Eigen
    }
}

/// A matrix that can be drawn again.
pub struct Case {
    pub kind: &'static str,
    pub want: Want,
    make: Make,
    numbers: Numbers,
}

impl Case {
    /// Number `index` of the run with that seed.
    pub fn draw(seed: u64, index: u64) -> Self {
        let mut numbers = Numbers::new(seed, index);
        if index % RARE_EVERY == RARE_EVERY - 1 {
            let (kind, (m, n), make) = RARE[(index / RARE_EVERY) as usize % RARE.len()];
            let task = Task::Svd;
            return Self {
                kind,
                want: Want { m, n, task },
                make,
                numbers,
            };
        }
        let (kind, make) = KINDS[index as usize % KINDS.len()];
        Self {
            kind,
            want: shape(&mut numbers),
            make,
            numbers,
        }
    }

    /// A kind by its name, at a chosen shape.
    pub fn named(name: &str, m: usize, n: usize, task: Task, seed: u64) -> Self {
        let rare = RARE.iter().map(|&(kind, _, make)| (kind, make));
        let (kind, make) = KINDS
            .into_iter()
            .chain(rare)
            .find(|(kind, _)| *kind == name)
            .expect("a kind of this list");
        Self {
            kind,
            want: Want { m, n, task },
            make,
            numbers: Numbers::new(seed, 0),
        }
    }

    /// The matrix itself: symmetric to the last bit where eigenvalues are asked for.
    pub fn matrix(mut self) -> Mat<f64> {
        let mut a = (self.make)(&mut self.numbers, &self.want);
        if self.want.symmetric() {
            for j in 0..a.ncols() {
                for i in 0..j {
                    a[(j, i)] = a[(i, j)];
                }
            }
        }
        // Now and then far from one as a whole, on both sides of where the rules begin to scale.
        if self.numbers.below(16) == 0 && (1e-40..1e40).contains(&a.norm_max()) {
            let power = self
                .numbers
                .one_of(&[-900, -600, -201, -199, 199, 201, 600, 880]);
            a = Scale(2f64.powi(power)) * a;
        }
        a
    }
}

/// First and last side of a class, sides where methods change, and how many in a thousand are of it.
type Class = (usize, usize, &'static [usize], usize);

/// Mostly small: the cost of a matrix grows with the cube of its side.
const CLASSES: [Class; 4] = [
    (1, 32, &[1, 2, 3, 4, 8, 9, 16, 23, 24, 25, 26, 31, 32], 800),
    (
        33,
        128,
        &[33, 48, 49, 50, 51, 63, 64, 65, 96, 97, 127, 128],
        170,
    ),
    (129, 256, &[129, 145, 150, 191, 192, 193, 255, 256], 27),
    (257, 500, &[257, 384, 385, 500], 3),
];

/// Entries of a matrix that is not square stay below this number.
const ENTRIES: usize = 60_000;

fn shape(numbers: &mut Numbers) -> Want {
    let mut ticket = numbers.below(1000);
    let class = CLASSES.iter().find(|class| {
        let here = ticket < class.3;
        ticket = ticket.saturating_sub(class.3);
        here
    });
    let (first, last, edges, _) = class.expect("the shares add up to a thousand");
    let side = if numbers.below(4) == 0 {
        numbers.one_of(edges)
    } else {
        numbers.between(*first, *last)
    };
    let square = |task| Want {
        m: side,
        n: side,
        task,
    };
    match numbers.below(10) {
        0..4 => return square(Task::Eigen),
        4..6 => return square(Task::Svd),
        _ => {}
    }
    // Aspects from 1 to 200, and those around which a QR factorisation comes first.
    let aspect = if numbers.coin() {
        200f64.powf(numbers.fraction())
    } else {
        numbers.one_of(&[1.01, 1.2, 1.5, 1.8, 1.84, 2.0, 3.0])
    };
    let longer = ((side as f64 * aspect).ceil() as usize)
        .min(ENTRIES / side)
        .max(side);
    let task = Task::Svd;
    if numbers.below(3) == 0 {
        Want {
            m: side,
            n: longer,
            task,
        }
    } else {
        Want {
            m: longer,
            n: side,
            task,
        }
    }
}
