//! Signing keys: an OpenSSH file or a key that an ssh-agent holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ssh_key::HashAlg;
use ssh_key::PrivateKey;
use ssh_key::SshSig;

use super::prompt::Prompt;
use super::prompt::unlock;
use super::signature::Namespace;
use super::signature::SshSignature;
use super::signature::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::secret::SecretBytes;

/// Largest key file that is read.
const KEY_FILE_MAX: usize = 64 << 10;

/// Why no signature could be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SignerError {
    /// The key file could not be read.
    #[error("cannot read signing key `{}`", path.display())]
    #[diagnostic(
        code(signer::unreadable),
        help("check the path given by `--signing-key` or `SECRETCTL_SIGNING_KEY`")
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file does not parse.
    #[error("`{}` is not an OpenSSH private key", path.display())]
    #[diagnostic(code(signer::malformed), help("make one with `ssh-keygen -t ed25519`"))]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The key is of another kind.
    #[error("signing key `{}` is not an ed25519 key", path.display())]
    #[diagnostic(
        code(signer::not_ed25519),
        help("only ed25519 keys count; make one with `ssh-keygen -t ed25519`")
    )]
    NotEd25519 {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase was wrong or not given.
    #[error("signing key `{}` stayed locked: its passphrase was wrong or could not be asked for", path.display())]
    #[diagnostic(
        code(signer::locked),
        help("run it at a terminal, or load the key into an ssh-agent with `ssh-add`")
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The agent does not answer or refuses.
    #[error("the ssh-agent refused: {reason}")]
    #[diagnostic(
        code(signer::agent),
        help("check it with `ssh-add -L`, or name a key file with `--signing-key FILE`")
    )]
    Agent {
        /// What it said.
        reason: String,
    },
    /// No key at all was found.
    #[error("no signing key was found; looked at {looked}")]
    #[diagnostic(
        code(signer::none),
        help("name one with `--signing-key FILE`, or load an admin's ed25519 key with `ssh-add`")
    )]
    None {
        /// The places that were looked at.
        looked: String,
    },
    /// The signature could not be made.
    #[error("signing failed: {reason}")]
    #[diagnostic(code(signer::failed), help("check the signing key with `ssh-keygen -y -f FILE`"))]
    Failed {
        /// What the library said.
        reason: String,
    },
}

impl Failure for SignerError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Where to look for a signing key, in order: the named file, the agent, the default file.
#[derive(Clone, Debug, Default)]
pub struct SignerSource {
    /// `--signing-key` or `SECRETCTL_SIGNING_KEY`. A public key here asks the agent for its private half.
    pub file: Option<PathBuf>,
    /// Socket of the ssh-agent.
    pub agent: Option<PathBuf>,
    /// `~/.ssh/id_ed25519`.
    pub default: Option<PathBuf>,
}

/// A key that signs.
pub struct Signer {
    key: VerifyingKey,
    place: KeyPlace,
}

enum KeyPlace {
    /// Unlocked, in memory.
    File(Box<PrivateKey>),
    /// Held by an agent, which is asked for every signature.
    Agent { client: Mutex<ssh_agent_client_rs::Client>, public: Box<ssh_key::PublicKey> },
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}

impl Signer {
    /// Finds a key whose public half `counts` accepts; an explicitly named file is used whatever it says.
    pub fn find(
        source: &SignerSource,
        counts: &dyn Fn(&VerifyingKey) -> bool,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<Self, SignerError> {
        if let Some(file) = &source.file {
            return Self::named(file, source.agent.as_deref(), prompt);
        }
        let mut looked = vec!["`--signing-key` (not given)".to_owned()];
        if let Some(socket) = &source.agent {
            match Self::from_agent(socket, counts) {
                Ok(Some(signer)) => return Ok(signer),
                Ok(None) => looked.push(format!("the ssh-agent at {} (no admin's key)", socket.display())),
                Err(error) => looked.push(format!("the ssh-agent at {} ({error})", socket.display())),
            }
        }
        if let Some(file) = &source.default {
            if file.exists() {
                // Nobody is asked for the passphrase of a key that does not count.
                let text =
                    std::fs::File::open(file).and_then(|file| SecretBytes::read_bounded(file, KEY_FILE_MAX));
                if text.ok().and_then(|text| public_half(&text)).is_some_and(|key| counts(&key)) {
                    return Self::named(file, None, prompt);
                }
                looked.push(format!("{} (not an admin's signing key)", file.display()));
            } else {
                looked.push(format!("{} (not there)", file.display()));
            }
        }
        Err(SignerError::None { looked: looked.join(", ") })
    }

    /// The public half.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Signs exactly `bytes` for `namespace`.
    pub fn sign(&self, bytes: &[u8], namespace: Namespace) -> Result<SshSignature, SignerError> {
        let failed = |error: ssh_key::Error| SignerError::Failed { reason: error.to_string() };
        let signature = match &self.place {
            KeyPlace::File(key) => key.sign(namespace.as_str(), HashAlg::Sha512, bytes).map_err(failed)?,
            KeyPlace::Agent { client, public } => {
                let data = SshSig::signed_data(namespace.as_str(), HashAlg::Sha512, bytes).map_err(failed)?;
                let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
                let signed = client
                    .sign(&**public, &data)
                    .map_err(|e| SignerError::Agent { reason: e.to_string() })?;
                SshSig::new(public.key_data().clone(), namespace.as_str(), HashAlg::Sha512, signed)
                    .map_err(failed)?
            }
        };
        let signature = SshSignature::new(signature);
        // An agent may answer anything; what does not verify must never be written.
        let own = BTreeSet::from([self.key.clone()]);
        let checked = signature.verify(bytes, namespace, &own);
        checked.map_err(|error| SignerError::Failed { reason: error.to_string() })?;
        Ok(signature)
    }

    /// A file that was named: a private key, or a public key whose private half the agent holds.
    fn named(path: &Path, agent: Option<&Path>, prompt: &Arc<dyn Prompt>) -> Result<Self, SignerError> {
        let unreadable = |source| SignerError::Unreadable { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let text = SecretBytes::read_bounded(file, KEY_FILE_MAX).map_err(unreadable)?;
        let public = std::str::from_utf8(text.expose()).ok().and_then(|t| t.parse::<VerifyingKey>().ok());
        let Some(wanted) = public else {
            return Self::parse(&text, path, prompt);
        };
        let socket = agent.ok_or_else(|| SignerError::Agent {
            reason: format!("`{}` is a public key and `SSH_AUTH_SOCK` is not set", path.display()),
        })?;
        let found = Self::from_agent(socket, &|key| *key == wanted)?;
        found.ok_or_else(|| SignerError::Agent {
            reason: format!("it does not hold the key of `{}`", path.display()),
        })
    }

    fn parse(text: &SecretBytes, path: &Path, prompt: &Arc<dyn Prompt>) -> Result<Self, SignerError> {
        let malformed = || SignerError::Malformed { path: path.to_owned() };
        let mut key = PrivateKey::from_openssh(text.expose()).map_err(|_| malformed())?;
        let public = VerifyingKey::from_key_data(key.public_key().key_data())
            .map_err(|_| SignerError::NotEd25519 { path: path.to_owned() })?;
        if key.is_encrypted() {
            let locked = || SignerError::Locked { path: path.to_owned() };
            let open = |passphrase: &SecretBytes| key.decrypt(passphrase.expose()).ok();
            let unlocked = unlock(prompt, &path.display().to_string(), open).ok_or_else(locked)?;
            key = unlocked;
        }
        Ok(Self { key: public, place: KeyPlace::File(Box::new(key)) })
    }

    fn from_agent(
        socket: &Path,
        counts: &dyn Fn(&VerifyingKey) -> bool,
    ) -> Result<Option<Self>, SignerError> {
        let refused = |error: ssh_agent_client_rs::Error| SignerError::Agent { reason: error.to_string() };
        let mut client = ssh_agent_client_rs::Client::connect(socket).map_err(refused)?;
        for identity in client.list_all_identities().map_err(refused)? {
            let ssh_agent_client_rs::Identity::PublicKey(public) = identity else { continue };
            let Ok(key) = VerifyingKey::from_key_data(public.key_data()) else { continue };
            if counts(&key) {
                let public = Box::new(public.into_owned());
                return Ok(Some(Self { key, place: KeyPlace::Agent { client: Mutex::new(client), public } }));
            }
        }
        Ok(None)
    }
}

/// The public half of an OpenSSH private key, which stays readable beside an encrypted one.
pub fn public_half(text: &SecretBytes) -> Option<VerifyingKey> {
    let key = PrivateKey::from_openssh(text.expose()).ok()?;
    VerifyingKey::from_key_data(key.public_key().key_data()).ok()
}
