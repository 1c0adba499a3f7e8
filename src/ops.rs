//! Use cases, one per file: what a command means, without arguments or rendering.

pub mod activate;
#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "admin")]
pub mod adopt;
#[cfg(feature = "admin")]
pub mod audit;
#[cfg(feature = "admin")]
pub mod check;
#[cfg(feature = "admin")]
pub mod document;
#[cfg(feature = "admin")]
pub mod edit;
#[cfg(feature = "admin")]
mod error;
#[cfg(feature = "admin")]
pub mod export;
#[cfg(feature = "admin")]
pub mod generate;
#[cfg(feature = "admin")]
pub mod git_diff;
#[cfg(feature = "admin")]
pub mod git_merge;
#[cfg(feature = "admin")]
pub mod git_setup;
#[cfg(feature = "admin")]
pub mod history;
#[cfg(feature = "admin")]
pub mod host;
#[cfg(feature = "admin")]
pub mod import;
#[cfg(feature = "admin")]
pub mod init;
pub mod mount;
pub mod plan;
#[cfg(feature = "admin")]
pub mod policy;
#[cfg(feature = "admin")]
mod previous;
#[cfg(feature = "admin")]
mod public;
#[cfg(feature = "admin")]
pub mod put;
#[cfg(feature = "admin")]
pub mod rekey;
#[cfg(feature = "admin")]
pub mod relocate;
#[cfg(feature = "admin")]
pub mod report;
#[cfg(feature = "admin")]
pub mod rotate;
#[cfg(feature = "admin")]
pub mod run;
#[cfg(feature = "admin")]
pub mod seal;
#[cfg(feature = "admin")]
mod settle;
#[cfg(feature = "admin")]
pub mod show;
pub mod source;
#[cfg(feature = "admin")]
pub mod status;
#[cfg(feature = "admin")]
mod trust;
#[cfg(feature = "admin")]
pub mod upgrade;
#[cfg(feature = "admin")]
mod values;
pub mod verify;
#[cfg(feature = "admin")]
mod wanted;
#[cfg(feature = "admin")]
mod work_dir;
#[cfg(feature = "admin")]
mod workspace;
#[cfg(feature = "admin")]
mod writing;

#[cfg(feature = "admin")]
pub use edit::Edited;
#[cfg(feature = "admin")]
pub use edit::Editor;
#[cfg(feature = "admin")]
pub use error::OpsError;
#[cfg(feature = "admin")]
pub use workspace::Settings;
#[cfg(feature = "admin")]
pub use workspace::Workspace;
#[cfg(feature = "admin")]
pub use workspace::WorkspaceError;

#[cfg(feature = "admin")]
pub use crate::crypto::KEY_VARIABLE;
#[cfg(feature = "admin")]
pub use crate::crypto::Prompt;
#[cfg(feature = "admin")]
pub use crate::crypto::Recipient;
#[cfg(feature = "admin")]
pub use crate::crypto::SignerSource;
#[cfg(feature = "admin")]
pub use crate::crypto::VerifyingKey;
#[cfg(feature = "admin")]
pub use crate::fleet::Admin;
#[cfg(feature = "admin")]
pub use crate::fleet::EditorScope;
#[cfg(feature = "admin")]
pub use crate::fleet::Host;
#[cfg(feature = "admin")]
pub use crate::fleet::HostChange;
#[cfg(feature = "admin")]
pub use crate::fleet::HostState;
#[cfg(feature = "admin")]
pub use crate::fsx::Disk;
