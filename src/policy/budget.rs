//! How much work the script that runs on this thread may still do.
//!
//! The engine's own count forgets what callbacks did (`array.map(..)` hands each call a copy of it), and it
//! counts an operation on a large array like one on a number. This count does neither.

use std::cell::Cell;

thread_local! {
    /// Units left; one is about the work of one simple operation.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Starts a script with `units` to spend.
pub(super) fn start(units: u64) {
    LEFT.set(units);
}

/// Does something that starts scripts of its own, after which the script that ran before has as much left as then.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    let left = LEFT.get();
    let done = work();
    LEFT.set(left);
    done
}

/// What is left to spend.
pub(super) fn left() -> u64 {
    LEFT.get()
}

/// Whether `units` were left to spend; if not, nothing is left from now on.
pub(super) fn spend(units: u64) -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(units));
    left >= units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_overspent_stays_spent() {
        start(3);
        assert!(spend(2));
        assert!(!spend(2));
        assert!(!spend(1));
    }

    #[test]
    fn what_is_done_aside_costs_nothing() {
        start(3);
        aside(|| start(100));
        assert!(spend(3) && !spend(1));
    }
}
