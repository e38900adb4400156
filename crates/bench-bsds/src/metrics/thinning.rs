//! Thinning of a binary picture to lines of one pixel.

use crate::error::Size;

/// The pixels that are left when no more can be taken without tearing a line or shortening its end.
///
/// ```text
/// x₄ x₃ x₂     8 neighbours of a pixel p; x₉ = x₁; outside the picture all are 0
/// x₅ p  x₁     ∨, ∧, ¬: or, and, not
/// x₆ x₇ x₈
///
/// G₁   Σₖ₌₁..₄ [ ¬x₂ₖ₋₁ ∧ (x₂ₖ ∨ x₂ₖ₊₁) ] = 1              one run of neighbours
/// G₂   2 ≤ min( Σₖ₌₁..₄ x₂ₖ₋₁ ∨ x₂ₖ,  Σₖ₌₁..₄ x₂ₖ ∨ x₂ₖ₊₁ ) ≤ 3   neither an end nor inside
/// G₃   ¬( (x₂ ∨ x₃ ∨ ¬x₈) ∧ x₁ )                            from one side
/// G₃′  ¬( (x₆ ∨ x₇ ∨ ¬x₄) ∧ x₅ )                            then from the other
/// ```
///
/// All pixels with G₁, G₂ and G₃ are taken at once, then all with G₁, G₂ and G₃′, until neither takes one.
///
/// # Cost
/// O(pixels set) for each of about half the greatest thickness rounds.
///
/// # Source
/// Guo and Hall, Communications of the ACM 32(3), 1989, as in Lam, Lee and Suen, TPAMI 14(9), 1992. The
/// documentation of MATLAB's `bwmorph` defines its operation `thin`, which the benchmark repeats without end, by these
/// conditions.
pub(super) fn thinned(size: Size, pixels: &[bool]) -> Vec<bool> {
    let Size { width, height } = size;
    // A frame of zeros: no neighbour lies outside.
    let line = width + 2;
    let mut framed = vec![false; line * (height + 2)];
    let mut set = Vec::new();
    for (pixel, _) in pixels.iter().enumerate().filter(|(_, set)| **set) {
        let at = (pixel / width + 1) * line + pixel % width + 1;
        framed[at] = true;
        set.push(at);
    }
    let removable = [Side::First, Side::Second].map(table);
    let mut taken = Vec::new();
    loop {
        let before = set.len();
        for table in &removable {
            taken.clear();
            set.retain(|at| {
                let goes = table[neighbours(&framed, *at, line)];
                if goes {
                    taken.push(*at);
                }
                !goes
            });
            for at in &taken {
                framed[*at] = false;
            }
        }
        if set.len() == before {
            break;
        }
    }
    let mut left = vec![false; pixels.len()];
    for at in set {
        left[(at / line - 1) * width + at % line - 1] = true;
    }
    left
}

/// x₁ in the lowest bit, to x₈ in the highest.
fn neighbours(framed: &[bool], at: usize, line: usize) -> usize {
    let (above, below) = (at - line, at + line);
    [
        at + 1,
        above + 1,
        above,
        above - 1,
        at - 1,
        below - 1,
        below,
        below + 1,
    ]
    .iter()
    .enumerate()
    .fold(0, |bits, (k, at)| bits | usize::from(framed[*at]) << k)
}

#[derive(Clone, Copy)]
enum Side {
    /// G₃.
    First,
    /// G₃′.
    Second,
}

/// Whether a pixel goes, for each of the 256 neighbourhoods.
fn table(side: Side) -> [bool; 256] {
    std::array::from_fn(|bits| {
        // x[k] is xₖ.
        let x: [bool; 10] = std::array::from_fn(|k| k > 0 && bits >> ((k - 1) % 8) & 1 == 1);
        let count = |holds: &dyn Fn(usize) -> bool| (1..=4).filter(|k| holds(*k)).count();
        let runs = count(&|k| !x[2 * k - 1] && (x[2 * k] || x[2 * k + 1]));
        let pairs_before = count(&|k| x[2 * k - 1] || x[2 * k]);
        let pairs_after = count(&|k| x[2 * k] || x[2 * k + 1]);
        let held = match side {
            Side::First => (x[2] || x[3] || !x[8]) && x[1],
            Side::Second => (x[6] || x[7] || !x[4]) && x[5],
        };
        runs == 1 && (2..=3).contains(&pairs_before.min(pairs_after)) && !held
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Pictures drawn with `#` for a pixel that is set.
    fn thin(lines: &[&str]) -> Vec<String> {
        let size = Size {
            width: lines[0].len(),
            height: lines.len(),
        };
        let pixels: Vec<_> = lines
            .iter()
            .flat_map(|line| line.chars().map(|drawn| drawn == '#'))
            .collect();
        thinned(size, &pixels)
            .chunks(size.width)
            .map(|row| row.iter().map(|set| if *set { '#' } else { '.' }).collect())
            .collect()
    }

    #[test]
    fn lines_of_one_pixel_stay() {
        for drawn in [
            &["#####"][..],
            &["#", "#", "#"],
            &["#..", ".#.", "..#"],
            &["..#", ".#.", "#.."],
            &["#.#", ".#.", "#.#"],
            &["..#..", "..#..", "#####", "..#..", "..#.."],
            &["###", "#.#", "###"],
            &["#"],
            &["...", "..."],
        ] {
            let expected: Vec<_> = drawn.iter().map(|line| (*line).to_owned()).collect();
            // A ring loses its corners: they touch by a diagonal without them.
            if drawn[0] == "###" {
                assert_eq!(thin(drawn), [".#.", "#.#", ".#."]);
            } else {
                assert_eq!(thin(drawn), expected);
            }
        }
    }

    #[test]
    fn thick_lines_become_thin() {
        assert_eq!(thin(&["#####", "#####"]), [".....", "####."]);
        assert_eq!(
            thin(&["#######", "#######", "#######"]),
            [".......", ".#####.", "......."]
        );
        assert_eq!(thin(&["##", "##"]), ["..", "#."]);
    }

    #[test]
    fn a_step_of_a_staircase_goes() {
        assert_eq!(
            thin(&["##...", ".##..", "..##."]),
            ["#....", ".#...", "..##."]
        );
    }

    /// 8-connected components of the set pixels, 4-connected ones of the others with the outside.
    fn topology(size: Size, pixels: &[bool]) -> [usize; 2] {
        let Size { width, height } = Size {
            width: size.width + 2,
            height: size.height + 2,
        };
        let set = |at: usize| {
            let (x, y) = (at % width, at / width);
            let inside = (1..=size.width).contains(&x) && (1..=size.height).contains(&y);
            inside && pixels[(y - 1) * size.width + x - 1]
        };
        let mut seen = vec![false; width * height];
        let mut counts = [0; 2];
        for start in 0..seen.len() {
            if seen[start] {
                continue;
            }
            let kind = set(start);
            counts[usize::from(!kind)] += 1;
            seen[start] = true;
            let mut stack = vec![start];
            while let Some(at) = stack.pop() {
                let (x, y) = (at % width, at / width);
                for row in y.saturating_sub(1)..(y + 2).min(height) {
                    for column in x.saturating_sub(1)..(x + 2).min(width) {
                        let next = row * width + column;
                        let near = kind || row == y || column == x;
                        if near && !seen[next] && set(next) == kind {
                            seen[next] = true;
                            stack.push(next);
                        }
                    }
                }
            }
        }
        counts
    }

    #[test]
    fn pieces_and_holes_stay_and_thinning_again_changes_nothing() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(5);
        for (width, height) in [(30, 20), (7, 41), (1, 9), (2, 2)] {
            for dense in [3, 5, 8] {
                let size = Size { width, height };
                let pixels: Vec<_> = (0..width * height)
                    .map(|_| random.random_range(0..10) < dense)
                    .collect();
                let once = thinned(size, &pixels);
                assert_eq!(topology(size, &once), topology(size, &pixels));
                assert_eq!(thinned(size, &once), once);
                assert!(once.iter().zip(&pixels).all(|(left, set)| *set || !left));
            }
        }
    }
}
