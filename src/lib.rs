//! Declarative secrets and policy for NixOS fleets.
//!
//! Policy in Rhai decides which hosts and services may read each secret, an age-based store encrypts to
//! per-host recipients so that the decision is enforced by cryptography, and the host side verifies,
//! decrypts into memory-backed files and restarts what changed. `docs/explanation/architecture.md` has the map.

pub mod cli;
pub mod crypto;
pub mod diag;
#[cfg(feature = "admin")]
pub mod fleet;
pub mod fsx;
#[cfg(feature = "admin")]
pub mod git;
pub mod host;
#[cfg(feature = "admin")]
pub mod import;
#[cfg(feature = "admin")]
pub mod ledger;
pub mod manifest;
pub mod name;
pub mod ops;
#[cfg(feature = "admin")]
pub mod policy;
pub mod roots;
#[cfg(feature = "admin")]
pub mod sandbox;
pub mod secret;
#[cfg(feature = "admin")]
pub mod sops;
#[cfg(feature = "admin")]
pub mod store;
#[cfg(feature = "admin")]
pub mod value;
