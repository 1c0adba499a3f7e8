//! Sources: the ciphertext of each secret for admins, with its verified ledger.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::layout::Found;
use super::layout::Layout;
use super::layout::classify;
use crate::crypto::DecryptError;
use crate::crypto::Digest;
use crate::crypto::EncryptError;
use crate::crypto::Identities;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::crypto::SignerError;
use crate::crypto::decrypt;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::read_bounded;
use crate::ledger::Authors;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::ledger::LedgerError;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::secret::SecretBytes;

/// Largest source that is read.
pub const SOURCE_MAX: u64 = 1 << 30;

/// Why something in the store cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such secret.
    #[error("there is no secret `{secret}`")]
    #[diagnostic(code(store::unknown_secret))]
    Unknown {
        /// The name.
        secret: SecretName,
        /// The nearest name that exists.
        #[help]
        help: String,
    },
    /// Two files would be the source of one name.
    #[error("two sources for one name: `{}` and `{}`", first.display(), second.display())]
    #[diagnostic(
        code(store::two_sources),
        help("keep one of them; names that differ in case only are one file on some machines")
    )]
    TwoSources {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A source without history.
    #[error("`{}` has no ledger, so nobody vouches for it", Layout::source(secret).display())]
    #[diagnostic(
        code(store::no_ledger),
        help("restore `{}` from Git, or take the value over with `age -d … | secretctl set {secret} --from-file -`", Layout::ledger(secret).display())
    )]
    NoLedger {
        /// The secret.
        secret: SecretName,
    },
    /// A source that is not the one in the ledger.
    #[error("`{}` is not the file that its ledger vouches for", Layout::source(secret).display())]
    #[diagnostic(
        code(store::source_changed),
        help("restore it with `git checkout HEAD -- {}`, or take the value over with `age -d … | secretctl set {secret} --from-file -`", Layout::source(secret).display())
    )]
    SourceChanged {
        /// The secret.
        secret: SecretName,
    },
    /// A source could not be opened.
    #[error("cannot decrypt `{secret}`")]
    #[diagnostic(code(store::decrypt))]
    Decrypt {
        /// The secret.
        secret: SecretName,
        /// Why.
        source: DecryptError,
        /// What the file is encrypted to, by its ledger, and what to do.
        #[help]
        help: String,
    },
    /// A sealed copy could not be made.
    #[error("cannot seal for host `{host}`")]
    #[diagnostic(code(store::seal), help("{}, then run `secretctl seal`", help_of(source)))]
    Seal {
        /// The host.
        host: HostName,
        /// Why.
        source: EncryptError,
    },
    /// The source could not be encrypted.
    #[error("cannot encrypt the source of `{secret}`")]
    #[diagnostic(code(store::encrypt), help("{}", help_of(source)))]
    Encrypt {
        /// The secret.
        secret: SecretName,
        /// Why.
        source: EncryptError,
    },
    /// A ledger does not hold.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ledger(#[from] LedgerError),
    /// Signing failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Signer(#[from] SignerError),
    /// A file could not be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

fn help_of(error: &EncryptError) -> String {
    miette::Diagnostic::help(error).map(|help| help.to_string()).unwrap_or_default()
}

impl Failure for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown { .. } | Self::TwoSources { .. } => Class::Usage,
            Self::NoLedger { .. } | Self::SourceChanged { .. } => Class::Integrity,
            Self::Decrypt { source, .. } => source.class(),
            Self::Seal { source, .. } | Self::Encrypt { source, .. } => source.class(),
            Self::Ledger(error) => error.class(),
            Self::Signer(error) => error.class(),
            Self::Fs(error) => error.class(),
        }
    }
}

/// A source and its ledger, both read and found to belong together.
#[derive(Debug)]
pub struct Source {
    /// The secret.
    pub name: SecretName,
    /// Its life so far.
    pub ledger: VerifiedLedger,
    ciphertext: Vec<u8>,
}

impl Source {
    /// The bytes of the file.
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// Number of the current value.
    pub fn revision(&self) -> u64 {
        self.ledger.head().map_or(0, |head| head.revision)
    }

    /// What the source is encrypted to, by its ledger.
    pub fn recipients(&self) -> BTreeSet<Recipient> {
        self.ledger.head().map(|head| head.recipients.clone()).unwrap_or_default()
    }

    /// Hosts that have a sealed copy, by its ledger.
    pub fn hosts(&self) -> BTreeSet<HostName> {
        self.ledger.head().map(|head| head.hosts.clone()).unwrap_or_default()
    }

    /// Decrypts the current value.
    pub fn open(&self, identities: &Identities) -> Result<SecretBytes, StoreError> {
        decrypt(&self.ciphertext, identities).map_err(|source| {
            let recipients: Vec<String> = self.recipients().iter().map(|r| format!("`{r}`")).collect();
            let help = match source {
                DecryptError::NoMatch { .. } => format!(
                    "by its ledger it is encrypted to {}; name one of those keys with `--identity FILE`",
                    recipients.join(", ")
                ),
                ref other => miette::Diagnostic::help(other).map(|h| h.to_string()).unwrap_or_default(),
            };
            StoreError::Decrypt { secret: self.name.clone(), source, help }
        })
    }

    /// Encrypts a value for admins.
    pub fn encrypt(
        secret: &SecretName,
        value: &SecretBytes,
        recipients: &BTreeSet<Recipient>,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<Vec<u8>, StoreError> {
        crate::crypto::encrypt(value, recipients, prompt)
            .map_err(|source| StoreError::Encrypt { secret: secret.clone(), source })
    }
}

/// What lies below `secrets/`, by name alone: cheap, and nothing is believed yet.
#[derive(Debug, Default)]
pub struct Survey {
    /// Secrets that have a source.
    pub sources: BTreeSet<SecretName>,
    /// Secrets that have a ledger.
    pub ledgers: BTreeSet<SecretName>,
    /// Files that are neither, with the reason.
    pub strays: BTreeMap<PathBuf, &'static str>,
}

impl Layout {
    /// Walks `secrets/`. Two sources for one name are an error naming both.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        let mut survey = Survey::default();
        let mut folded: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in self.files("secrets")? {
            match classify(&path) {
                _ if self.root().join(&path).is_symlink() => {
                    survey.strays.insert(path, "it is a link, and sources are files");
                }
                Found::Source(name) => {
                    if let Some(first) = folded.insert(name.as_str().to_ascii_lowercase(), path.clone()) {
                        return Err(StoreError::TwoSources { first, second: path });
                    }
                    survey.sources.insert(name);
                }
                Found::Ledger(name) => drop(survey.ledgers.insert(name)),
                Found::Stray(reason) => drop(survey.strays.insert(path, reason)),
            }
        }
        Ok(survey)
    }

    /// Reads and verifies the ledger of a secret; a missing one is empty.
    pub fn read_ledger(&self, secret: &SecretName, authors: &Authors) -> Result<VerifiedLedger, StoreError> {
        let path = Self::ledger(secret);
        match read_bounded(&self.root().join(&path), LEDGER_MAX) {
            Err(error) if error.is_missing() => Ok(VerifiedLedger::default()),
            Err(error) => Err(error.into()),
            Ok(bytes) => Ok(Ledger::parse(&bytes, &path)?.verify(secret, authors, &path)?),
        }
    }

    /// Reads a source and checks that its ledger vouches for exactly these bytes.
    pub fn read_source(&self, secret: &SecretName, authors: &Authors) -> Result<Source, StoreError> {
        let path = self.root().join(Self::source(secret));
        let ciphertext = match read_bounded(&path, SOURCE_MAX) {
            Err(error) if error.is_missing() => return Err(self.unknown(secret)),
            other => other?,
        };
        let ledger = self.read_ledger(secret, authors)?;
        let vouched = match ledger.head() {
            None => return Err(StoreError::NoLedger { secret: secret.clone() }),
            Some(head) => head.source_sha256,
        };
        if vouched != Some(Digest::of(&ciphertext)) {
            return Err(StoreError::SourceChanged { secret: secret.clone() });
        }
        Ok(Source { name: secret.clone(), ledger, ciphertext })
    }

    /// Whether a source exists, believed or not.
    pub fn has_source(&self, secret: &SecretName) -> bool {
        self.root().join(Self::source(secret)).exists()
    }

    /// Reads and verifies every ledger that has a source, in parallel.
    pub fn read_ledgers(
        &self,
        names: &BTreeSet<SecretName>,
        authors: &Authors,
    ) -> BTreeMap<SecretName, Result<VerifiedLedger, StoreError>> {
        let read = |name: &SecretName| (name.clone(), self.read_ledger(name, authors));
        names.par_iter().map(read).collect()
    }

    /// Reads the ledgers of sources and checks that each vouches for its source, in parallel.
    pub fn read_vouched(
        &self,
        names: &BTreeSet<SecretName>,
        authors: &Authors,
    ) -> BTreeMap<SecretName, Result<VerifiedLedger, StoreError>> {
        let read =
            |name: &SecretName| (name.clone(), self.read_source(name, authors).map(|source| source.ledger));
        names.par_iter().map(read).collect()
    }

    /// The error for a name without a source, with the nearest name that has one.
    pub fn unknown(&self, secret: &SecretName) -> StoreError {
        let sources = self.survey().map(|survey| survey.sources).unwrap_or_default();
        let near = |name: &SecretName| strsim::jaro_winkler(name.as_str(), secret.as_str());
        let nearest =
            sources.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|name| near(name) > 0.8);
        let help = match nearest {
            _ if self.root().join(Self::ledger(secret)).exists() => {
                format!("it was removed; `secretctl log {secret}` shows its life")
            }
            Some(name) => format!("did you mean `{name}`? `secretctl list` shows all names"),
            None => format!("`secretctl list` shows all names; `secretctl edit {secret}` makes it"),
        };
        StoreError::Unknown { secret: secret.clone(), help }
    }
}
