//! The clock: how an engine is loaded, asked by one thread and by all, and how much memory that took.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::engine::Ask;
use crate::engine::Engine;
use crate::world;
use crate::world::PAIRS;
use crate::world::Question;
use crate::world::SECRETS;

/// The least and the median of several runs.
#[derive(Clone, Copy)]
pub struct Times {
    pub median: Duration,
    pub least: Duration,
    pub most: Duration,
}

/// Runs once to warm up, then `runs` times; a run that takes more than `patience` makes it three at most.
pub fn repeat(runs: usize, patience: Duration, mut run: impl FnMut() -> Duration) -> Times {
    let runs = if run() > patience { runs.min(3) } else { runs };
    let mut times: Vec<_> = (0..runs).map(|_| run()).collect();
    times.sort_unstable();
    Times { median: times[runs / 2], least: times[0], most: times[runs - 1] }
}

/// How long `work` takes.
pub fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// Asks `count` questions about each secret with so many threads, and gives how long the slowest took.
///
/// Threads take one secret after the other from a common counter. Each prepares itself before the clock starts.
pub fn ask_all<E: Engine>(engine: &E, count: usize, threads: usize) -> Duration {
    let (next, ready) = (AtomicUsize::new(0), Barrier::new(threads));
    let ask = || {
        let mut asker = engine.asker();
        ready.wait();
        let start = Instant::now();
        loop {
            let secret = next.fetch_add(1, Ordering::Relaxed);
            if secret >= SECRETS {
                return start.elapsed();
            }
            world::questions(secret, count).for_each(|question| {
                black_box(asker.allows(black_box(question)));
            });
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread asks")).max().unwrap_or_default()
    })
}

/// What was answered to each question: `y`, `n`, or a space if it was not asked.
pub struct Answers(Vec<u8>);

impl Answers {
    /// Asks `count` questions about each secret, off the clock.
    pub fn of<E: Engine>(engine: &E, count: usize, threads: usize) -> Self {
        let next = AtomicUsize::new(0);
        let ask = || {
            let mut asker = engine.asker();
            let mut rows = Vec::new();
            loop {
                let secret = next.fetch_add(1, Ordering::Relaxed);
                if secret >= SECRETS {
                    return rows;
                }
                let mut row = vec![b' '; PAIRS];
                for question in world::questions(secret, count) {
                    row[place(question) % PAIRS] = if asker.allows(question) { b'y' } else { b'n' };
                }
                rows.push((secret, row));
            }
        };
        let mut rows: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("a thread asks")).collect()
        });
        rows.sort_unstable();
        Self(rows.into_iter().flat_map(|(_, row)| row).collect())
    }

    pub fn asked(&self) -> usize {
        self.0.iter().filter(|answer| **answer != b' ').count()
    }

    pub fn allowed(&self) -> usize {
        self.0.iter().filter(|answer| **answer == b'y').count()
    }

    /// Some questions that were denied, spread over all.
    pub fn denied(&self, count: usize) -> Vec<Question> {
        let denied: Vec<_> = (0..self.0.len()).filter(|at| self.0[*at] == b'n').collect();
        denied.iter().step_by((denied.len() / count).max(1)).take(count).map(|at| question(*at)).collect()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a passing note between two processes, not a file of secretctl"
    )]
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(path, &self.0)?)
    }

    pub fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let answers = fs::read(path)?;
        if answers.len() == SECRETS * PAIRS { Ok(Self(answers)) } else { Err("not a file of answers".into()) }
    }

    /// The first question that both were asked and answered differently.
    pub fn difference(&self, other: &Self) -> Option<Question> {
        let pairs = self.0.iter().zip(&other.0);
        let mut differ = pairs.map(|(one, another)| one != another && *one != b' ' && *another != b' ');
        differ.position(|differs| differs).map(question)
    }

    pub fn is_allowed(&self, question: Question) -> bool {
        self.0[place(question)] == b'y'
    }
}

fn place(question: Question) -> usize {
    let services = world::SERVICES.len();
    (question.secret * world::HOSTS + question.host) * services + question.service
}

fn question(place: usize) -> Question {
    let services = world::SERVICES.len();
    let (rest, service) = (place / services, place % services);
    Question { secret: rest / world::HOSTS, host: rest % world::HOSTS, service }
}

/// A line of `/proc/self/status` in KiB: `VmHWM`, the most that was resident, or `VmRSS`, what is now.
pub fn memory(line: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    Ok(found.and_then(|text| text.split_whitespace().next()).ok_or("no such line")?.parse()?)
}
