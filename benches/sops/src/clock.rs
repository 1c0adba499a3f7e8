//! The clock.

use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

/// The least, the median and the most of several runs.
#[derive(Clone, Copy)]
pub struct Times {
    pub median: Duration,
    pub least: Duration,
    pub most: Duration,
}

/// Runs so many times, at least once.
pub fn repeat(runs: usize, mut run: impl FnMut() -> Duration) -> Times {
    let mut times: Vec<_> = (0..runs.max(1)).map(|_| run()).collect();
    times.sort_unstable();
    Times { median: times[times.len() / 2], least: times[0], most: times[times.len() - 1] }
}

/// How long `work` takes; it says whether it worked.
pub fn time(work: impl FnOnce() -> bool) -> Duration {
    let start = Instant::now();
    assert!(black_box(work()), "it worked before");
    start.elapsed()
}

/// With three digits behind the point.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
