//! The host program in machines that are really booted by systemd, with the units that a NixOS host gets.
//!
//! These tests need root, and machine trees under `target/tools`, which `scripts/test machine` makes.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests")]
#![expect(clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes owned values")]
#![expect(clippy::print_stdout, reason = "measurements")]

#[path = "../common/host.rs"]
mod host;
mod machine;
#[path = "../common/model.rs"]
mod model;
#[path = "../common/nix.rs"]
mod nix;
mod ran;
mod units;

mod beside;
mod boot;
mod cold;
mod crash;
mod credentials;
mod failure;
mod fleets;
mod sandbox;
mod switch;
