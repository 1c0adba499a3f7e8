//! Moves an existing fleet to what a new one starts with.

mod services;

pub use services::Narrowing;
pub use services::narrow;
pub use services::narrowing;
//! Moving a fleet that an older program made over to what this one writes.

pub mod fleet;
