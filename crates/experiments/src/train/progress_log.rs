//! How a training goes, in lines: means over the steps since the last one.

use std::time::{Duration, Instant};

use training::{BoundaryMeasures, CutMeasures, RegionMeasures, StepRecord};

use super::messages::skipped;
use crate::observer::{Observer, Shown};

/// Steps after which the means on a bar begin again.
const BAR_STEPS: f64 = 100.0;

/// Measures of a step that a line shows the mean of.
pub(super) trait Measured {
    /// The word for examples.
    const EXAMPLES: &'static str;
    /// Decimal places of examples per second.
    const DIGITS: usize;

    /// The numbers that are averaged.
    fn numbers(&self) -> [f64; 2];

    /// Their means, in words.
    fn in_words(means: [f64; 2]) -> String;
}

impl Measured for CutMeasures {
    const EXAMPLES: &'static str = "images";
    const DIGITS: usize = 2;

    fn numbers(&self) -> [f64; 2] {
        [self.similarity_rank, self.target_rank]
    }

    fn in_words([similarity, target]: [f64; 2]) -> String {
        format!("ranks {similarity:.1} of {target:.1}")
    }
}

impl Measured for BoundaryMeasures {
    const EXAMPLES: &'static str = "images";
    const DIGITS: usize = 2;

    fn numbers(&self) -> [f64; 2] {
        [self.predicted_boundaries, self.drawn_boundaries]
    }

    fn in_words([predicted, drawn]: [f64; 2]) -> String {
        format!("boundaries {predicted:.3} of {drawn:.3}")
    }
}

impl Measured for RegionMeasures {
    const EXAMPLES: &'static str = "regions";
    const DIGITS: usize = 1;

    fn numbers(&self) -> [f64; 2] {
        [self.training_error, 0.0]
    }

    fn in_words([error, _]: [f64; 2]) -> String {
        format!("training error {error:.3}")
    }
}

/// Shows an observer how a training goes.
pub(super) struct ProgressLog<'a> {
    observer: &'a mut dyn Observer,
    pace: Pace,
    means: RunningMeans,
    clipped: u64,
}

impl<'a> ProgressLog<'a> {
    /// Of a training of `steps`, `first` of them done before.
    pub fn new(observer: &'a mut dyn Observer, first: u64, steps: u64) -> Self {
        observer.begin("step", steps);
        Self {
            observer,
            pace: Pace::new(first, steps),
            means: RunningMeans::default(),
            clipped: 0,
        }
    }

    /// Takes in a step.
    pub fn step<M: Measured>(&mut self, record: &StepRecord<M>) {
        self.clipped += u64::from(record.clipped);
        if record.skipped {
            self.observer.message(&skipped(record.step, &record.images));
        } else {
            self.means.add(record);
        }
        let (means, pace) = (&self.means, &self.pace);
        let note = || format!("{}, {}", means.line(record), pace.left(record.step));
        match self.observer.advance(record.step, &note) {
            Shown::Nowhere => {}
            Shown::Bar if self.means.steps < BAR_STEPS => {}
            Shown::Line | Shown::Bar => self.means = RunningMeans::default(),
        }
    }

    /// A line beside the steps.
    pub fn message(&mut self, line: &str) {
        self.observer.message(line);
    }

    /// A line about images that are not learned from.
    pub fn warning(&mut self, line: &str) {
        self.observer.warning(line);
    }

    /// Whether the training should stop.
    pub fn stops(&mut self) -> bool {
        self.observer.stops()
    }

    /// The observer that gets all this.
    pub fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }

    /// The last step is done; how many gradients were clipped.
    pub fn end(self) -> u64 {
        self.observer.end();
        self.clipped
    }
}

/// Sums since the last line.
#[derive(Default)]
struct RunningMeans {
    steps: f64,
    examples: f64,
    seconds: f64,
    loss: f64,
    numbers: [f64; 2],
}

impl RunningMeans {
    fn add<M: Measured>(&mut self, record: &StepRecord<M>) {
        self.steps += 1.0;
        self.examples += record.images.len() as f64;
        self.seconds += record.seconds;
        self.loss += record.loss;
        for (sum, number) in self.numbers.iter_mut().zip(record.measures.numbers()) {
            *sum += number;
        }
    }

    fn line<M: Measured>(&self, record: &StepRecord<M>) -> String {
        let mean = |sum: f64| sum / self.steps.max(1.0);
        format!(
            "epoch {}, loss {:.4}, {}, rate {:.2e}, {:.*} {}/s",
            record.epoch,
            mean(self.loss),
            M::in_words(self.numbers.map(mean)),
            record.rate,
            M::DIGITS,
            self.examples / self.seconds.max(1e-9),
            M::EXAMPLES,
        )
    }
}

/// How long the steps that are left take, at the pace since this call began.
struct Pace {
    began: Instant,
    first: u64,
    steps: u64,
}

impl Pace {
    fn new(first: u64, steps: u64) -> Self {
        Self {
            began: Instant::now(),
            first,
            steps,
        }
    }

    /// After `step`, in words.
    fn left(&self, step: u64) -> String {
        let done = (step - self.first).max(1) as f64;
        let left = self.began.elapsed().as_secs_f64() / done * (self.steps - step) as f64;
        format!("{} left", in_words(Duration::from_secs_f64(left)))
    }
}

/// A time in words: `45 s`, `12 min`, `3 h 05 min`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<M>(loss: f64, measures: M) -> StepRecord<M> {
        StepRecord {
            step: 7,
            epoch: 2,
            images: vec!["a".into(), "b".into()],
            loss,
            measures,
            gradient_norm: 1.0,
            clipped: false,
            rate: 1e-3,
            seconds: 0.5,
            transfers: None,
            skipped: false,
        }
    }

    #[test]
    fn a_line_shows_means_since_the_last() {
        let ranks = || CutMeasures {
            similarity_rank: 30.0,
            target_rank: 8.0,
            dropped_segments: 0,
        };
        let mut means = RunningMeans::default();
        means.add(&record(1.0, ranks()));
        means.add(&record(2.0, ranks()));
        assert_eq!(
            means.line(&record(2.0, ranks())),
            "epoch 2, loss 1.5000, ranks 30.0 of 8.0, rate 1.00e-3, 4.00 images/s"
        );
        let errors = |training_error| RegionMeasures {
            training_error,
            ..RegionMeasures::default()
        };
        let mut means = RunningMeans::default();
        means.add(&record(1.0, errors(0.5)));
        means.add(&record(2.0, errors(1.0)));
        assert_eq!(
            means.line(&record(2.0, errors(1.0))),
            "epoch 2, loss 1.5000, training error 0.750, rate 1.00e-3, 4.0 regions/s"
        );
    }

    #[test]
    fn times_in_words() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(
            [words(99), words(130), words(7500)],
            ["99 s", "2 min", "2 h 05 min"]
        );
    }
}
