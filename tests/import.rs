//! Repositories of other tools, made with the real programs, taken over in one command each.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod common;

mod import {
    mod agenix;
    mod clashes;
    mod evaluation;
    mod folder;
    mod hostile;
    mod network;
    mod others;
    mod readers;
    mod recovery;
    mod repository;
    mod shapes;
    mod sops_nix;
}
