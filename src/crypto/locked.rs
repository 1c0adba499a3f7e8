//! Identities under a passphrase, opened when they are first needed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use age_core::format::FileKey;
use age_core::format::Stanza;

use super::identity::IDENTITY_FILE_MAX;
use super::identity::Identities;
use super::identity::parse_lines;
use super::prompt::Prompt;
use super::prompt::as_secret;
use super::prompt::unlock;
use crate::secret::SecretBytes;

/// How far a key under a passphrase has been opened; nobody is asked twice.
#[derive(Default)]
enum Lock {
    #[default]
    Untried,
    Refused,
    Open(Box<age::ssh::Identity>),
}

/// An ssh key under a passphrase. Asks only for files that are encrypted to it, and once.
pub(super) struct LockedSsh {
    key: age::ssh::EncryptedKey,
    public: Option<age::ssh::Recipient>,
    origin: String,
    prompt: Arc<dyn Prompt>,
    unlocked: Mutex<Lock>,
}

impl LockedSsh {
    /// A key that stays locked until a file is encrypted to it.
    pub(super) fn new(
        key: age::ssh::EncryptedKey,
        public: Option<age::ssh::Recipient>,
        origin: String,
        prompt: &Arc<dyn Prompt>,
    ) -> Self {
        Self { key, public, origin, prompt: Arc::clone(prompt), unlocked: Mutex::default() }
    }

    /// The tag of ssh stanzas: the first four bytes of the SHA-256 of the public key (<https://c2sp.org/age>).
    fn is_for_this(&self, stanza: &Stanza) -> bool {
        use base64::Engine;
        use sha2::Digest;
        let Some(age::ssh::Recipient::SshRsa(public, _) | age::ssh::Recipient::SshEd25519(public, _)) =
            &self.public
        else {
            return false;
        };
        let digest = sha2::Sha256::digest(public);
        let tag =
            base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest.get(..4).unwrap_or_default());
        stanza.tag.starts_with("ssh-") && stanza.args.first() == Some(&tag)
    }

    fn unlock(&self) -> Option<age::ssh::Identity> {
        let mut lock = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*lock, Lock::Untried) {
            let open = |passphrase: &SecretBytes| self.key.decrypt(as_secret(passphrase)?).ok();
            let key = unlock(&self.prompt, &self.origin, open);
            *lock = key.map_or(Lock::Refused, |key| Lock::Open(Box::new(age::ssh::Identity::from(key))));
        }
        match &*lock {
            Lock::Open(key) => Some(age::ssh::Identity::clone(key)),
            Lock::Untried | Lock::Refused => None,
        }
    }
}

impl age::Identity for LockedSsh {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        if !self.is_for_this(stanza) {
            return None;
        }
        match self.unlock() {
            Some(key) => key.unwrap_stanza(stanza),
            None => Some(Err(age::DecryptError::KeyDecryptionFailed)),
        }
    }
}

/// An age identity file under a passphrase, opened when it is first needed.
pub(super) struct LockedAge {
    file: SecretBytes,
    origin: PathBuf,
    prompt: Arc<dyn Prompt>,
    unlocked: Mutex<Option<Result<Identities, ()>>>,
}

impl LockedAge {
    /// An identity file that stays locked until it is needed.
    pub(super) fn new(file: SecretBytes, origin: PathBuf, prompt: &Arc<dyn Prompt>) -> Self {
        Self { file, origin, prompt: Arc::clone(prompt), unlocked: Mutex::default() }
    }

    fn open(&self) -> Option<Identities> {
        unlock(&self.prompt, &self.origin.display().to_string(), |passphrase| self.open_with(passphrase))
    }

    fn open_with(&self, passphrase: &SecretBytes) -> Option<Identities> {
        let reader = age::armor::ArmoredReader::new(self.file.expose());
        let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(reader)).ok()?;
        let identity = age::scrypt::Identity::new(as_secret(passphrase)?);
        let plaintext = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
        let text = SecretBytes::read_bounded(plaintext, IDENTITY_FILE_MAX).ok()?;
        parse_lines(text.expose(), &self.origin, &self.prompt).ok()
    }
}

impl age::Identity for LockedAge {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        match unlocked.get_or_insert_with(|| self.open().ok_or(())) {
            Ok(identities) => identities.iter().find_map(|identity| identity.unwrap_stanzas(stanzas)),
            Err(()) => Some(Err(age::DecryptError::KeyDecryptionFailed)),
        }
    }
}
