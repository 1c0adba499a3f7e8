//! The SOPS format: files whose values are encrypted one by one while their keys and layout stay readable.
//!
//! Bytes in, bytes out: nothing here touches a file. Whatever a change does not concern keeps its bytes.

mod error;
mod json;
mod metadata;
mod number;
mod selector;
mod shamir;
mod splice;
pub mod tree;
mod value;
mod yaml;

pub use error::Problem;
pub use error::SopsError;
pub use metadata::Access;
pub use metadata::AgeStanza;
pub use metadata::Foreign;
pub use metadata::ForeignKind;
pub use metadata::Group;
pub use selector::Selector;
pub use tree::KeyPath;
pub use tree::Step;
