//! One file per subcommand: arguments in, one call of `ops`, the answer rendered.

pub mod activate;
pub mod arguments;
pub mod exit;
#[cfg(feature = "admin")]
mod exposed;
pub mod mount;
pub mod plan;
pub mod source;
pub mod ui;
#[cfg(feature = "admin")]
mod upgrade;
pub mod verify;

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "admin")]
mod adopt;
#[cfg(feature = "admin")]
mod audit;
#[cfg(feature = "admin")]
mod check;
#[cfg(feature = "admin")]
mod completions;
#[cfg(feature = "admin")]
pub mod context;
#[cfg(feature = "admin")]
mod edit;
#[cfg(feature = "admin")]
mod editor;
#[cfg(feature = "admin")]
mod escape;
#[cfg(feature = "admin")]
mod export;
#[cfg(feature = "admin")]
mod generate;
#[cfg(feature = "admin")]
mod git_diff;
#[cfg(feature = "admin")]
mod git_merge;
#[cfg(feature = "admin")]
mod git_setup;
#[cfg(feature = "admin")]
mod host;
#[cfg(feature = "admin")]
mod import;
#[cfg(feature = "admin")]
mod init;
#[cfg(feature = "admin")]
mod list;
#[cfg(feature = "admin")]
mod log;
#[cfg(feature = "admin")]
mod mv;
#[cfg(feature = "admin")]
mod page;
#[cfg(feature = "admin")]
mod policy;
#[cfg(feature = "admin")]
mod prompt;
#[cfg(feature = "admin")]
mod question;
#[cfg(feature = "admin")]
mod recipients;
#[cfg(feature = "admin")]
pub mod reference;
#[cfg(feature = "admin")]
mod rekey;
#[cfg(feature = "admin")]
mod report;
#[cfg(feature = "admin")]
mod rm;
#[cfg(feature = "admin")]
mod rotate;
#[cfg(feature = "admin")]
mod run;
#[cfg(feature = "admin")]
mod run_guard;
#[cfg(feature = "admin")]
mod seal;
#[cfg(feature = "admin")]
pub mod secretctl;
#[cfg(feature = "admin")]
mod set;
#[cfg(feature = "admin")]
mod show;
#[cfg(feature = "admin")]
mod signals;
#[cfg(feature = "admin")]
mod status;
#[cfg(feature = "admin")]
mod table;
