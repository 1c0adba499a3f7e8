//! Questions to policy: why, and who may read what.

mod access;
mod affected;
mod diff;
mod explain;
mod matrix;
mod who_can;

pub use access::Access;
pub use access::AccessError;
pub use access::Numbers;
pub use access::Pair;
pub use access::access;
pub use affected::Affected;
pub use diff::AccessDiff;
pub use diff::Cause;
pub use diff::Change;
pub use diff::DiffError;
pub use diff::EndChange;
pub use diff::KeyChange;
pub use diff::Range;
pub use diff::Reason;
pub use diff::SideName;
pub use diff::diff;
pub use explain::Explained;
pub use explain::explain;
pub use matrix::matrix;
pub use who_can::Reader;
pub use who_can::WhoCan;
pub use who_can::readable_by;
pub use who_can::readers_of;

pub use crate::policy::Decision;
pub use crate::policy::Explanation;
pub use crate::policy::Matrix;
pub use crate::policy::Objection;
pub use crate::policy::RuleRef;
pub use crate::policy::Services;
