//! Sources and sealed trees of a fleet repository, and the plan that brings the two in line.

mod denied;
mod documents;
mod layout;
mod plan;
mod seal;
mod sealed;
mod source;

pub use denied::DENIED_FILE;
pub use denied::Denied;
pub use denied::denied_bytes;
pub use denied::parse_denied;
pub use documents::DOCUMENT_MAX;
pub use documents::Declared;
pub use documents::DeclaredDocument;
pub use documents::DocumentPlace;
pub use documents::Loaded;
pub use documents::Part;
pub use documents::digest;
pub use layout::Layout;
pub use layout::POLICY_FILE_MAX;
pub use layout::PolicyText;
pub use plan::Drift;
pub use plan::HostPlan;
pub use plan::LostServices;
pub use plan::Wanted;
pub use plan::WantedGrant;
pub use seal::HostSeal;
pub use seal::Signing;
pub use sealed::SealedTree;
pub use sealed::Signer;
pub use sealed::Signers;
pub use sealed::TreeState;
pub use source::SOURCE_MAX;
pub use source::Source;
pub use source::StoreError;
pub use source::Survey;
