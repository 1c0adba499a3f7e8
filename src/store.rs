//! Sources and sealed trees of a fleet repository, and the plan that brings the two in line.

mod layout;
mod plan;
mod seal;
mod sealed;
mod source;

pub use layout::Layout;
pub use layout::POLICY_FILE_MAX;
pub use layout::PolicyText;
pub use plan::Drift;
pub use plan::HostPlan;
pub use plan::Wanted;
pub use plan::WantedGrant;
pub use seal::HostSeal;
pub use seal::Signing;
pub use sealed::SealedTree;
pub use sealed::Signer;
pub use sealed::Signers;
pub use sealed::TreeState;
pub use source::Source;
pub use source::StoreError;
pub use source::Survey;
