//! Time, medians, and work on several threads at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Items a thread takes at a time; the engine's own workers take as many.
const ITEMS_AT_A_TIME: usize = 32;

/// How long the work takes, and what it gives.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures how long things take"
)]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// What was found in repeated measurements of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The median: a burst of other work on the machine shifts it less than a mean.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(2, 4)
    }

    /// First and third quartile.
    pub(crate) fn quartiles(&self) -> [f64; 2] {
        [self.quantile(1, 4), self.quantile(3, 4)]
    }

    fn quantile(&self, part: usize, parts: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = sorted.len().saturating_sub(1) * part / parts;
        sorted.get(place).copied().unwrap_or(f64::NAN)
    }
}

/// Applies `work` to each item on so many threads; returns when all are done.
pub(crate) fn on_threads<T: Sync>(threads: usize, items: &[T], work: impl Fn(&T) + Sync) {
    let portions: Vec<&[T]> = items.chunks(ITEMS_AT_A_TIME).collect();
    let next = AtomicUsize::new(0);
    let run = || {
        while let Some(portion) = portions.get(next.fetch_add(1, Ordering::Relaxed)) {
            portion.iter().for_each(&work);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "rates need no 64 bits")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}
