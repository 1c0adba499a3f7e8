//! Names, or what stands for them on a page that gives none away.

use std::path::Path;
use std::path::PathBuf;

use data_encoding::BASE32_NOPAD;
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::read_bounded;

/// Letters of an identifier, five bits each: two of a million names meet with a chance of one in two thousand.
const LETTERS: usize = 10;
/// A salt that is shorter could be found by trying, and the names with it.
const SALT_MIN: usize = 16;
/// Largest salt that is read.
const SALT_MAX: u64 = 4096;

/// Why names cannot be hashed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SaltError {
    /// The file has too few bytes.
    #[error("the salt in `{}` is shorter than 16 bytes, so names could be found by trying", path.display())]
    #[diagnostic(code(report::salt), help("make one: `head -c 32 /dev/urandom > {}`", path.display()))]
    Short {
        /// The file.
        path: PathBuf,
    },
    /// It could not be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for SaltError {
    fn class(&self) -> Class {
        match self {
            Self::Short { .. } => Class::Usage,
            Self::Fs(error) => error.class(),
        }
    }
}

/// How names are shown.
pub enum Mask {
    /// As they are.
    Plain,
    /// As short identifiers, which nobody can lead back without the salt.
    Hashed(Zeroizing<[u8; 32]>),
}

impl Mask {
    /// Identifiers that no other report has.
    pub fn random() -> Self {
        let mut salt = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(salt.as_mut_slice());
        Self::Hashed(salt)
    }

    /// Identifiers that every report with the same salt has. Whoever knows it can find out names by trying.
    pub fn with_salt(path: &Path) -> Result<Self, SaltError> {
        let bytes = Zeroizing::new(read_bounded(path, SALT_MAX)?);
        if bytes.len() < SALT_MIN {
            return Err(SaltError::Short { path: path.to_owned() });
        }
        Ok(Self::Hashed(Zeroizing::new(Sha256::digest(&bytes).into())))
    }

    /// Whether names stay hidden, and texts that could hold one with them.
    pub fn hides(&self) -> bool {
        matches!(self, Self::Hashed(_))
    }

    /// What stands for a name of this kind; equal names of two kinds get different identifiers.
    pub fn name(&self, kind: &str, name: &str) -> String {
        let Self::Hashed(salt) = self else { return name.to_owned() };
        // The first word of the text has no `:`, so no two pairs give the same bytes.
        let digest =
            Sha256::new().chain_update(salt.as_slice()).chain_update(format!("{kind}:{name}")).finalize();
        let id: String = BASE32_NOPAD.encode(&digest).chars().take(LETTERS).collect();
        format!("{kind}-{}", id.to_lowercase())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_identifier_for_each_salt_and_kind() {
        let dir = tempfile::tempdir().unwrap();
        let salt = dir.path().join("salt");
        crate::fsx::write_atomic(&salt, &[7; 32], 0o600).unwrap();
        let (one, same, other) =
            (Mask::with_salt(&salt).unwrap(), Mask::with_salt(&salt).unwrap(), Mask::random());
        assert_eq!(one.name("host", "forge"), same.name("host", "forge"));
        assert_ne!(one.name("host", "forge"), other.name("host", "forge"));
        assert_ne!(one.name("host", "forge")[5..], one.name("secret", "forge")[7..]);
        assert!(!one.name("host", "forge").contains("forge") && Mask::Plain.name("host", "forge") == "forge");
    }

    #[test]
    fn a_salt_that_could_be_guessed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let salt = dir.path().join("salt");
        crate::fsx::write_atomic(&salt, &[7; 15], 0o600).unwrap();
        assert!(matches!(Mask::with_salt(&salt), Err(SaltError::Short { .. })));
    }
}
