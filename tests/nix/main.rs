//! The modules, evaluated and built by two versions of Nix: over a stand-in for nixpkgs, home-manager and nix-darwin, and over
//! real checkouts of them where `SECRETCTL_NIX_CHECKOUTS` names a folder with `nixpkgs.lib`, `home-manager`, `nix-darwin`
//! and `nixbsd`.
//!
//! These tests need the two versions below `target/tools`, which `scripts/test nix` unpacks.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests"
)]

#[path = "../common/model.rs"]
mod model;
#[path = "../common/nix.rs"]
mod nix;

mod build;
mod cases;
mod flake;
mod golden;
mod stand_in;
