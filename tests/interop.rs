//! Our files beside the tools that people already have: `age`, `rage`, `ssh-keygen`, `ssh-agent`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod common;

mod interop {
    mod age;
    mod agent;
    mod generators;
    mod identities;
    mod plugin;
    mod plugin_documents;
    mod signatures;
    pub(crate) mod sops;
    mod sops_config;
    mod values;
}
