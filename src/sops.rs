//! The SOPS format: files whose values are encrypted one by one while their keys and layout stay readable.
//!
//! Bytes in, bytes out: nothing here touches a file. Whatever a change does not concern keeps its bytes.

mod change;
mod document;
mod dotenv;
mod encrypt;
mod error;
mod flat;
mod format;
mod gpg;
mod ini;
mod json;
mod leaves;
mod merge;
mod metadata;
mod note;
mod number;
mod opened;
mod rekey;
mod selector;
mod shamir;
mod splice;
mod stanzas;
#[cfg(test)]
mod tests;
pub mod tree;
mod unlock;
mod value;
mod yaml;

pub use change::Change;
pub use document::Document;
pub use encrypt::Settings;
pub use error::Problem;
pub use error::SopsError;
pub use format::Format;
pub use gpg::Gpg;
pub use merge::Conflict;
pub use merge::Merged;
pub use merge::Sides;
pub use merge::merge;
pub use metadata::Access;
pub use metadata::AgeStanza;
pub use metadata::Foreign;
pub use metadata::ForeignKind;
pub use metadata::Group;
pub use opened::Opened;
pub use selector::Selector;
pub use stanzas::Foreigners;
pub use tree::KeyPath;
pub use tree::Step;
pub use unlock::Keyring;
