//! The SOPS format: files whose values are encrypted one by one while their keys and layout stay readable.
//!
//! Bytes in, bytes out: nothing here touches a file. Whatever a change does not concern keeps its bytes.

pub mod tree;
mod yaml;

pub use tree::KeyPath;
pub use tree::Step;
