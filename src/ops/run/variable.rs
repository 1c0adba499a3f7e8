//! Names of variables of the environment.

use std::fmt;
use std::str::FromStr;

/// Variables that decide which programs run or what they load. A prefix never sets them, since whoever adds a secret
/// to a repository would decide then what runs on other machines.
const TRUSTED: [&str; 32] = [
    "BASH_ENV",
    "BROWSER",
    "CDPATH",
    "EDITOR",
    "ENV",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "LOGNAME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PAGER",
    "PATH",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PS1",
    "PS4",
    "PWD",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSH_AUTH_SOCK",
    "TERM",
    "TMPDIR",
    "USER",
    "VISUAL",
    "ZDOTDIR",
];

/// The same, by how their names start.
const TRUSTED_STARTS: [&str; 8] =
    ["BASH_FUNC_", "DYLD_", "GIT_", "GLIBC_", "LD_", "NIX_", "SECRETCTL_", "SOPS_"];

/// Name of a variable: letters, digits and `_`, and no digit first, so that every shell can ask for it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct VariableName(String);

/// A text that is no name of a variable.
#[derive(Debug, thiserror::Error)]
#[error("a variable is of `A-Z`, `a-z`, `0-9` and `_`, and no digit first")]
pub struct VariableNameError;

impl VariableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Upper-cased, and `_` for what is no letter or digit; none where a digit would be first.
    pub(super) fn of_rest(rest: &str) -> Option<Self> {
        let sign = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        rest.chars().map(sign).collect::<String>().parse().ok()
    }

    /// Whether other programs believe what it says about where to find and how to run things.
    pub(super) fn is_trusted(&self) -> bool {
        TRUSTED.contains(&self.as_str()) || TRUSTED_STARTS.iter().any(|start| self.0.starts_with(start))
    }
}

impl FromStr for VariableName {
    type Err = VariableNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if allowed && start { Ok(Self(text.to_owned())) } else { Err(VariableNameError) }
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_name_becomes_a_variable_that_a_shell_can_ask_for() {
        let of = |rest: &str| VariableName::of_rest(rest).map(|name| name.to_string());
        assert_eq!(of("sonarr/api-key").as_deref(), Some("SONARR_API_KEY"));
        assert_eq!(of("tls.example.org/cert.pem").as_deref(), Some("TLS_EXAMPLE_ORG_CERT_PEM"));
        assert_eq!(of("7z/key"), None);
    }

    #[test]
    fn a_prefix_never_decides_which_programs_run() {
        for rest in ["path", "ld/preload", "Ld-Library.Path", "node-options", "git/ssh-command", "bash_env"] {
            assert!(VariableName::of_rest(rest).is_some_and(|name| name.is_trusted()), "{rest}");
        }
        for rest in ["api-key", "loader", "git", "paths"] {
            assert!(VariableName::of_rest(rest).is_some_and(|name| !name.is_trusted()), "{rest}");
        }
    }

    #[test]
    fn what_a_shell_could_not_ask_for_is_no_variable() {
        for text in ["", "1A", "A-B", "A B", "A=B", "Ä", "A\0"] {
            assert!(text.parse::<VariableName>().is_err(), "{text:?}");
        }
    }
}
