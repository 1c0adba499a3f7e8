//! A secret that another one is made from, as the policy names it.

use std::fmt;

use crate::name::SecretName;
use crate::value::CheckError;

/// The name of a secret in which `{host}` stands for the host that the made secret is named after.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Input(String);

impl Input {
    /// Takes a name, with or without placeholders.
    pub fn parse(text: &str) -> Result<Self, CheckError> {
        match filled(text, "host").parse::<SecretName>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => {
                let message = format!("`{}` is no secret name", text.escape_debug());
                Err(CheckError::new(message, format!("{}; `{{host}}` stands for a host", error.rule())))
            }
        }
    }

    /// The secret; none while a placeholder is left.
    pub fn name(&self) -> Option<SecretName> {
        self.0.parse().ok()
    }

    pub(super) fn bind(&mut self, host: &str) {
        self.0 = filled(&self.0, host);
    }
}

/// A text with a host in place of the placeholders for one.
pub(super) fn filled(text: &str, host: &str) -> String {
    text.replace("{host}", host).replace("{host:_}", &host.replace('-', "_"))
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
