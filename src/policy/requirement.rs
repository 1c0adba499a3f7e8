//! Requirements: what `validate(..)` asks of a value, and of whether there is one.

use std::fmt;

use serde::Serialize;
use serde::Serializer;

use crate::value::Check;

/// One thing that a secret must be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Requirement {
    /// Something about the bytes.
    Value(Check),
    /// `optional()`: an empty value is meant, and passes every check.
    Optional,
    /// `install_once()`: hosts keep the first value, so a second one is a mistake.
    InstallOnce,
    /// `first_boot()`: a host needs it to come up, so it must exist before the host does.
    FirstBoot,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(check) => check.fmt(f),
            Self::Optional => f.write_str("optional()"),
            Self::InstallOnce => f.write_str("install_once()"),
            Self::FirstBoot => f.write_str("first_boot()"),
        }
    }
}

impl Serialize for Requirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
