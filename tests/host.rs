//! The host program against real keys, real mounts and real users, each test in a mount namespace of its own.
//!
//! These tests need root: mounting and giving files to other users is what they are about.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests")]
#![expect(clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes owned values")]
#![expect(clippy::print_stdout, reason = "measurements")]

#[path = "host/fixture.rs"]
mod fixture;
#[path = "common/host.rs"]
mod host;

#[path = "host/containers.rs"]
mod containers;
#[path = "host/crash.rs"]
mod crash;
#[path = "host/identities.rs"]
mod identities;
#[path = "host/install.rs"]
mod install;
#[path = "host/isolation.rs"]
mod isolation;
#[path = "host/launchd.rs"]
mod launchd;
#[path = "host/paths.rs"]
mod paths;
#[path = "host/plan.rs"]
mod plan;
#[path = "host/system.rs"]
mod system;
#[path = "host/templates.rs"]
mod templates;
#[path = "host/trust.rs"]
mod trust;
#[path = "host/user.rs"]
mod user;
