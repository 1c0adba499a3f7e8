//! Long, random and bounded: kills, injected faults, mutations and concurrent writers lose nothing and let nothing foreign in.
//!
//! `scripts/test hard` runs it. Every failure names its seed: `SECRETCTL_HARD_SEED=SEED SECRETCTL_HARD_ROUNDS=1`
//! plays that round again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod mutations;
mod random;
mod writers;
