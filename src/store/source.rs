//! Sources: the ciphertext of each secret for admins, with its verified ledger.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::documents::Loaded;
use super::documents::Part;
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
use crate::ledger::Authors;
use crate::ledger::Event;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::ledger::LedgerError;
use crate::ledger::Line;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::secret::SecretBytes;
use crate::sops::SopsError;

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
    #[error("two sources for `{secret}`: `{}` and `{}`", first.display(), second.display())]
    #[diagnostic(
        code(store::two_sources),
        help("keep one of them; names that differ in case only are one file on some machines")
    )]
    TwoSources {
        /// The name.
        secret: SecretName,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// There is no serial left for the next manifest of a host.
    #[error(
        "the manifest of host `{host}` has serial {last}, and the next one would be above the largest that counts"
    )]
    #[diagnostic(
        code(store::serial_end),
        help(
            "find out who signed it with `git log -p -- sealed/{host}`; once that key is no longer an admin's (`secretctl admin remove`, or another signing key), its serials are forgotten: run `secretctl seal` then"
        )
    )]
    SerialEnd {
        /// The host.
        host: HostName,
        /// The serial that it has.
        last: u64,
    },
    /// A source without history.
    #[error("`{secret}` in `{}` has no ledger, so nobody vouches for it", path.display())]
    #[diagnostic(code(store::no_ledger))]
    NoLedger {
        /// The secret.
        secret: SecretName,
        /// The source.
        path: PathBuf,
        /// How somebody can vouch for it.
        #[help]
        help: String,
    },
    /// A source that is not the one in the ledger.
    #[error("`{secret}` in `{}` is not what its ledger vouches for", path.display())]
    #[diagnostic(code(store::source_changed))]
    SourceChanged {
        /// The secret.
        secret: SecretName,
        /// The source.
        path: PathBuf,
        /// How to get it back, or how somebody can vouch for it.
        #[help]
        help: String,
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
    /// A document can't be read or opened.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Document(#[from] SopsError),
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
            Self::NoLedger { .. } | Self::SourceChanged { .. } | Self::SerialEnd { .. } => Class::Integrity,
            Self::Decrypt { source, .. } => source.class(),
            Self::Seal { source, .. } | Self::Encrypt { source, .. } => source.class(),
            Self::Document(error) => error.class(),
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
    body: Body,
}

/// Where the ciphertext is.
#[derive(Debug)]
enum Body {
    /// An age file of its own.
    File(Vec<u8>),
    /// A part of a document.
    Part(Arc<Loaded>, Part),
}

impl Source {
    /// The bytes of its file; none for a part of a document.
    pub fn file(&self) -> Option<&[u8]> {
        match &self.body {
            Body::File(ciphertext) => Some(ciphertext),
            Body::Part(..) => None,
        }
    }

    /// The document that it is a part of.
    pub fn document(&self) -> Option<(&Arc<Loaded>, &Part)> {
        match &self.body {
            Body::File(_) => None,
            Body::Part(document, part) => Some((document, part)),
        }
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
        let ciphertext = match &self.body {
            Body::File(ciphertext) => ciphertext,
            Body::Part(document, part) => return document.value(part, identities),
        };
        decrypt(ciphertext, identities).map_err(|source| {
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
    /// Documents, whose keys are among the sources.
    pub documents: BTreeMap<SecretName, Arc<Loaded>>,
    /// Documents that can't be read.
    pub broken: Vec<(PathBuf, StoreError)>,
    /// Files that are neither, with the reason.
    pub strays: BTreeMap<PathBuf, &'static str>,
}

impl Survey {
    /// The same where every document could be read; else why the first could not, for what is in it would count as gone.
    pub fn whole(mut self) -> Result<Self, StoreError> {
        match self.broken.pop() {
            None => Ok(self),
            Some((_, error)) => Err(error),
        }
    }

    fn add(
        &mut self,
        folded: &mut BTreeMap<String, PathBuf>,
        name: SecretName,
        path: &Path,
    ) -> Result<(), StoreError> {
        if let Some(first) = folded.insert(name.as_str().to_ascii_lowercase(), path.to_owned()) {
            return Err(StoreError::TwoSources { first, second: path.to_owned(), secret: name });
        }
        self.sources.insert(name);
        Ok(())
    }
}

/// How somebody can vouch for a source that has no ledger, or is not what its ledger says.
fn help_to_vouch(secret: &SecretName, body: &Body, path: &Path) -> String {
    let path = path.display();
    match body {
        Body::File(_) => format!(
            "restore it with `git checkout HEAD -- {path} {}`, or take the value over with `age -d … | secretctl set {secret} --from-file -`",
            Layout::ledger(secret).display()
        ),
        Body::Part(document, _) => format!(
            "if the change is meant, such as one by `sops`, run `secretctl adopt {}`; if not, `git checkout HEAD -- {path}`",
            document.prefix
        ),
    }
}

impl Layout {
    /// Walks `secrets/` and reads every document. Two sources for one name are an error naming both.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        let mut survey = Survey::default();
        let mut folded: BTreeMap<String, PathBuf> = BTreeMap::new();
        let files = self.files("secrets")?;
        let places = self.places(&files)?;
        let documents: BTreeSet<&PathBuf> = places.values().map(|place| &place.path).collect();
        for path in files.iter().filter(|path| !documents.contains(path)) {
            match classify(path) {
                _ if self.root().join(path).is_symlink() => {
                    survey.strays.insert(path.clone(), "it is a link, and sources are files");
                }
                Found::Source(name) => survey.add(&mut folded, name, path)?,
                Found::Ledger(name) => drop(survey.ledgers.insert(name)),
                Found::Document => {}
                Found::Stray(reason) => drop(survey.strays.insert(path.clone(), reason)),
            }
        }
        for (prefix, place) in &places {
            match self.document(prefix, place) {
                Ok(loaded) => {
                    for name in loaded.names.keys() {
                        survey.add(&mut folded, name.clone(), &place.path)?;
                    }
                    survey.documents.insert(prefix.clone(), loaded);
                }
                Err(error) => survey.broken.push((place.path.clone(), error)),
            }
        }
        Ok(survey)
    }

    /// Where the source of a secret lies, or would lie.
    pub fn source_path(&self, secret: &SecretName) -> PathBuf {
        let file = Self::source(secret);
        if self.root().join(&file).exists() {
            return file;
        }
        self.document_of(secret).ok().flatten().map_or(file, |document| document.place.path.clone())
    }

    /// Reads and verifies the ledger of a secret; a missing one is empty.
    pub fn read_ledger(&self, secret: &SecretName, authors: &Authors) -> Result<VerifiedLedger, StoreError> {
        let path = Self::ledger(secret);
        match self.read(&path, LEDGER_MAX) {
            Err(error) if error.is_missing() => Ok(VerifiedLedger::default()),
            Err(error) => Err(error.into()),
            Ok(bytes) => Ok(Ledger::parse(&bytes, &path)?.verify(secret, authors, &path)?),
        }
    }

    /// The names of all secrets; an error where a document can't be read, for what is in it would count as gone.
    pub fn sources(&self) -> Result<BTreeSet<SecretName>, StoreError> {
        Ok(self.survey()?.whole()?.sources)
    }

    /// The last line of the ledger of a secret as it lies there; see [`Ledger::unverified_head`].
    pub fn unverified_head(&self, secret: &SecretName) -> Option<Line> {
        let bytes = self.read(&Self::ledger(secret), LEDGER_MAX).ok()?;
        Ledger::unverified_head(&bytes)
    }

    /// Reads a source and checks that its ledger vouches for exactly this ciphertext.
    pub fn read_source(&self, secret: &SecretName, authors: &Authors) -> Result<Source, StoreError> {
        let path = Self::source(secret);
        let (body, digest, path) = match self.read(&path, SOURCE_MAX) {
            Ok(ciphertext) => {
                let digest = Digest::of(&ciphertext);
                (Body::File(ciphertext), digest, path)
            }
            Err(error) if error.is_missing() => self.read_part(secret)?,
            Err(error) => return Err(error.into()),
        };
        let ledger = self.read_ledger(secret, authors)?;
        let help = || help_to_vouch(secret, &body, &path);
        let vouched = match ledger.head() {
            None => return Err(StoreError::NoLedger { secret: secret.clone(), help: help(), path }),
            Some(head) => head.source_sha256,
        };
        if vouched != Some(digest) {
            return Err(StoreError::SourceChanged { secret: secret.clone(), help: help(), path });
        }
        Ok(Source { name: secret.clone(), ledger, body })
    }

    /// The part of a document that a secret is.
    fn read_part(&self, secret: &SecretName) -> Result<(Body, Digest, PathBuf), StoreError> {
        let document = self.document_of(secret)?.ok_or_else(|| self.unknown(secret))?;
        let part = document.names.get(secret).cloned().ok_or_else(|| self.unknown(secret))?;
        let digest = document.digest(&part).ok_or_else(|| self.unknown(secret))?;
        let path = document.place.path.clone();
        Ok((Body::Part(document, part), digest, path))
    }

    /// Whether a source exists, believed or not.
    pub fn has_source(&self, secret: &SecretName) -> bool {
        let part = || self.document_of(secret).ok().flatten();
        self.root().join(Self::source(secret)).exists()
            || part().is_some_and(|document| document.names.contains_key(secret))
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
                let ended = self.unverified_head(secret).is_some_and(|line| line.event == Event::Removed);
                let what = if ended { "was removed" } else { "is gone, and `secretctl check` says more" };
                format!("it {what}; `secretctl log {secret}` shows its life")
            }
            Some(name) => format!("did you mean `{name}`? `secretctl list` shows all names"),
            None => format!("`secretctl list` shows all names; `secretctl edit {secret}` makes it"),
        };
        StoreError::Unknown { secret: secret.clone(), help }
    }
}
