//! Documents: files of several secrets, such as SOPS files, that `secretctl.toml` names.

use std::collections::BTreeSet;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

use crate::crypto::Recipient;
use crate::name::HostName;

/// What `secretctl.toml` says of one document. Those in `secrets/` that are named `NAME.sops.…` need no entry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    /// Where it lies, relative to the root; none for `secrets/NAME.sops.…`.
    pub path: Option<DocumentPath>,
    /// Whether the whole decrypted file is one secret, rather than each of its keys.
    pub whole: bool,
    /// Hosts that can open the file themselves, while another tool still reads it there.
    pub direct: BTreeSet<HostName>,
    /// Recipients of another tool that stay until `secretctl rekey --settle`.
    pub legacy: BTreeSet<Recipient>,
}

/// A path below the root that a document may have: no folder of ours, nothing hidden.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DocumentPath(PathBuf);

/// Why a path can't be that of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentPathError {
    /// It is not below the root.
    #[error("it must be relative to the folder of `secretctl.toml`, without `.` and `..`")]
    Outside,
    /// Programs of others read such files as their settings.
    #[error("no part of it may start with a dot")]
    Hidden,
    /// It is not UTF-8, or has control characters.
    #[error("it must be UTF-8 without control characters")]
    Text,
    /// Everything there has a meaning already.
    #[error("`policies/`, `sealed/` and `public/` hold no documents")]
    Taken,
}

impl DocumentPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for DocumentPath {
    type Err = DocumentPathError;

    fn from_str(text: &str) -> Result<Self, DocumentPathError> {
        let path = Path::new(text);
        if text.chars().any(char::is_control) {
            return Err(DocumentPathError::Text);
        }
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        // The same path must not have two spellings.
        let spelled = path.components().collect::<PathBuf>() == path && !text.ends_with('/');
        if text.is_empty() || !plain || !spelled || text.contains("//") || text.contains("/./") {
            return Err(DocumentPathError::Outside);
        }
        if text.split('/').any(|part| part.starts_with('.')) {
            return Err(DocumentPathError::Hidden);
        }
        let first = text.split('/').next().unwrap_or_default();
        if ["policies", "sealed", "public"].iter().any(|taken| first.eq_ignore_ascii_case(taken)) {
            return Err(DocumentPathError::Taken);
        }
        Ok(Self(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_repository_that_mean_nothing_else_can_be_documents() {
        for good in ["hosts/forge/secrets.sops.yaml", "secrets/secrets.yaml", "x.env", "a b/c"] {
            assert!(good.parse::<DocumentPath>().is_ok(), "{good}");
        }
        for (bad, error) in [
            ("", DocumentPathError::Outside),
            ("/etc/shadow", DocumentPathError::Outside),
            ("../x.yaml", DocumentPathError::Outside),
            ("a/../x.yaml", DocumentPathError::Outside),
            ("./x.yaml", DocumentPathError::Outside),
            ("a//x.yaml", DocumentPathError::Outside),
            ("a/./x.yaml", DocumentPathError::Outside),
            ("a/", DocumentPathError::Outside),
            (".git/hooks/pre-commit", DocumentPathError::Hidden),
            ("a/.secretctl/change", DocumentPathError::Hidden),
            ("sealed/forge/x.yaml", DocumentPathError::Taken),
            ("Policies/x.yaml", DocumentPathError::Taken),
            ("a\nb", DocumentPathError::Text),
        ] {
            assert_eq!(bad.parse::<DocumentPath>(), Err(error), "{bad:?}");
        }
    }
}
