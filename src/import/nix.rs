//! A careful reader of Nix files where no Nix is at hand: literals, bindings, functions of the file itself and
//! the few library functions that people write secrets with. Whatever it does not understand is unknown.

mod builtin;
mod modules;
mod read;
mod scope;
mod value;

pub(super) use modules::Modules;
pub(super) use modules::host_folders;
pub(super) use read::Reader;
pub(super) use read::parsed;
pub(super) use value::Value;
