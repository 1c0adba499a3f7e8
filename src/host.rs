//! The host side: verifies what was signed, installs it in memory, and tells units about changes.
//!
//! This runs as root at boot, so it is small: no script engine, no keyring, no network.
//! `docs/reference/host.md` describes its files and promises.

mod accounts;
mod activate;
mod clear;
mod draft;
mod generation;
mod grant;
mod harden;
mod index;
mod links;
mod make;
mod mount;
mod outcome;
mod placement;
mod plan;
mod publish;
mod request;
mod run;
mod sealed;
mod state;
mod system;
mod template;
mod trust;
mod units;
mod unwrap;
mod verify;
mod wish;

pub use activate::ActivateError;
pub use activate::Options;
pub use activate::Refused;
pub use activate::activate;
pub use grant::FileError;
pub use index::Change;
pub use index::UnitActions;
pub use mount::mount;
pub use outcome::FailureReport;
pub use outcome::FileOutcome;
pub use outcome::FileReport;
pub use outcome::Outcome;
pub use plan::Plan;
pub use plan::PlanResult;
pub use plan::PlannedFile;
pub use plan::plan;
pub use plan::plan_removal;
pub use request::Content;
pub use request::Need;
pub use request::Phase;
pub use request::Places;
pub use request::Request;
pub use request::RequestError;
pub use request::Wanted;
pub use system::SystemError;
pub use system::find_request;
pub use trust::Consent;
pub use trust::Consents;
pub use trust::Remark;
pub use trust::TrustError;
pub use units::Scope;
pub use units::UnitDelivery;
pub use verify::Verification;
pub use verify::verify;
