//! A pattern of secrets that somebody gives to narrow a report.

use std::str::FromStr;

use super::glob::Binding;
use super::pattern::Pattern;
use crate::name::HostName;
use crate::name::SecretName;

/// A text that is no pattern of secrets; its message holds the remedy, since that is all a command line shows.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct SecretPatternError {
    message: String,
    help: String,
}

/// A pattern of secrets as rules write it: `*`, `**`, `{host}`, `{service}`.
#[derive(Clone, Debug)]
pub struct SecretPattern(Pattern);

impl SecretPattern {
    /// Whether the pattern covers `secret`, if `{host}` stands for `host` and `{service}` for any text.
    pub fn covers(&self, secret: &SecretName, host: &HostName) -> bool {
        self.0.matches(secret.as_str(), Binding { host: Some(host.as_str()), service: None })
    }

    /// Whether the pattern covers `secret` for some host and service.
    pub fn may_cover(&self, secret: &SecretName) -> bool {
        self.0.matches(secret.as_str(), Binding::NONE)
    }
}

impl std::fmt::Display for SecretPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.text())
    }
}

impl FromStr for SecretPattern {
    type Err = SecretPatternError;

    fn from_str(text: &str) -> Result<Self, SecretPatternError> {
        let wrong = |error: super::pattern::PatternError| SecretPatternError {
            message: error.message,
            help: error.help,
        };
        Pattern::parse(text).map(Self).map_err(wrong)
    }
}
