//! Questions to policy: why, and who may read what.

mod explain;
mod lint;
mod matrix;
mod test;

pub use explain::Explained;
pub use explain::explain;
pub use lint::LintReport;
pub use lint::lint;
pub use matrix::Entry;
pub use matrix::Filter;
pub use matrix::View;
pub use matrix::ViewHost;
pub use matrix::entries;
pub use matrix::matrix;
pub use test::TestReport;
pub use test::test;

pub use crate::fleet::HostState;
pub use crate::policy::Case;
pub use crate::policy::CaseFailure;
pub use crate::policy::Decision;
pub use crate::policy::Explanation;
pub use crate::policy::Matrix;
pub use crate::policy::MatrixRow;
pub use crate::policy::Objection;
pub use crate::policy::RuleRef;
pub use crate::policy::SecretPattern;
pub use crate::policy::Services;
pub use crate::policy::SuiteReport;
pub use crate::policy::Violation;
pub use crate::policy::reference::definitions;
