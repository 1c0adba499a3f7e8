//! Questions to policy: why, and who may read what.

mod affected;
mod diff;
mod explain;
mod matrix;

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

pub use crate::policy::Decision;
pub use crate::policy::Explanation;
pub use crate::policy::Matrix;
pub use crate::policy::Objection;
pub use crate::policy::RuleRef;
pub use crate::policy::Services;
