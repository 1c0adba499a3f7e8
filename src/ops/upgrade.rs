//! Moves an existing fleet to what a new one starts with.

pub mod fleet;
mod services;

pub use services::Narrowing;
pub use services::narrow;
pub use services::narrowing;
