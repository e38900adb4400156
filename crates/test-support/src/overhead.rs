//! What a bridge to a framework adds to a rule: times, printed as rows of a table.

use std::hint::black_box;
use std::time::Instant;

/// Of so many rounds the fastest counts: on a machine that is busy otherwise, others tell of its load.
const ROUNDS: usize = 25;

/// Prints the head of the table.
pub fn print_head(framework: &str) {
    println!(
        "milliseconds of one call forth and back; loss: {framework}'s sums of outputs alone\n"
    );
    println!("| function | input | type | rule | loss | {framework} | more | of it loss |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
}

/// Prints a row: the rule alone, the loss alone, and both through the framework, the fastest of rounds in which they take turns.
///
/// An argument of the program picks the rows that contain it.
///
/// # Errors
/// The first error of a call.
pub fn print_row<A, B, C, E>(
    name: &str,
    rule: impl Fn() -> Result<A, E>,
    loss: impl Fn() -> Result<B, E>,
    both: impl Fn() -> Result<C, E>,
) -> Result<(), E> {
    let picked = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if picked.is_some_and(|picked| !name.contains(&picked)) {
        return Ok(());
    }
    let mut fastest = [f64::INFINITY; 3];
    for _ in 0..ROUNDS {
        let found = [
            milliseconds(&rule)?,
            milliseconds(&loss)?,
            milliseconds(&both)?,
        ];
        for (fastest, found) in fastest.iter_mut().zip(found) {
            *fastest = fastest.min(found);
        }
    }
    let [rule, loss, both] = fastest;
    let (more, of_loss) = (100.0 * (both / rule - 1.0), 100.0 * loss / rule);
    println!("| {name} | {rule:.2} | {loss:.2} | {both:.2} | {more:.0} % | {of_loss:.0} % |");
    Ok(())
}

fn milliseconds<T, E>(call: &impl Fn() -> Result<T, E>) -> Result<f64, E> {
    let start = Instant::now();
    black_box(call()?);
    Ok(1e3 * start.elapsed().as_secs_f64())
}
