//! Identities: the secret side of age, read from the files that people and hosts already have.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age_core::primitives::bech32_encode;
use zeroize::Zeroizing;

use super::locked::LockedAge;
use super::locked::LockedSsh;
use super::prompt::AgeCallbacks;
use super::prompt::Prompt;
use super::recipient::Recipient;
use crate::diag::Class;
use crate::diag::Failure;
use crate::secret::SecretBytes;

/// Largest identity file that is read.
pub(super) const IDENTITY_FILE_MAX: usize = 1 << 20;

/// The variable that may hold an identity itself, which is nothing for the programs that we start.
pub const KEY_VARIABLE: &str = "SOPS_AGE_KEY";

/// What messages call an identity that a plugin holds.
const PLUGIN: &str = "plugin identity";

/// Boxed, so that every kind of identity stands in one list; `Sync`, so that files decrypt in parallel.
type AnyIdentity = Box<dyn age::Identity + Send + Sync>;

/// Why an identity file could not be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file could not be read.
    #[error("cannot read identity file `{}`", path.display())]
    #[diagnostic(
        code(identity::unreadable),
        help("check that the path is right, mounted and readable by this user")
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds a public key.
    #[error("`{}` holds a public key, not an identity", path.display())]
    #[diagnostic(code(identity::public), help("name the private half, the same path without `.pub`"))]
    Public {
        /// The file.
        path: PathBuf,
    },
    /// The file holds nothing that is an identity.
    #[error("`{}` holds no identity: {reason}", path.display())]
    #[diagnostic(
        code(identity::malformed),
        help(
            "an identity is an `AGE-SECRET-KEY-1…` or `AGE-PLUGIN-…` line or an ssh-ed25519 or ssh-rsa private key"
        )
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong; a line number, never the line.
        reason: String,
    },
    /// The plugin of an identity cannot be started.
    #[error("identity file `{}` needs `age-plugin-{plugin}`, which is not on the path", path.display())]
    #[diagnostic(code(identity::no_plugin), help("install `age-plugin-{plugin}` and try again"))]
    NoPlugin {
        /// The file.
        path: PathBuf,
        /// Name of the plugin.
        plugin: String,
    },
}

impl Failure for IdentityError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Identities in the order in which they are tried, each with where it came from.
#[derive(Default)]
pub struct Identities {
    entries: Vec<Entry>,
    /// Files that were found and could not be used, in words.
    unusable: Vec<String>,
    /// Tells these from every other set of identities.
    token: Arc<()>,
}

struct Entry {
    origin: String,
    /// The public half, where it can be told without asking anybody.
    recipient: Option<Recipient>,
    kind: &'static str,
    identity: AnyIdentity,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.recipient {
            Some(recipient) => write!(f, "{recipient} from {}", self.origin),
            None => write!(f, "{} from {}", self.kind, self.origin),
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(ToString::to_string)).finish()
    }
}

impl Identities {
    /// Reads one identity file: age identities (also encrypted with a passphrase), plugin identities, or an
    /// OpenSSH private key. A passphrase is asked for only when the key is needed, and once.
    pub fn read(path: &Path, prompt: &Arc<dyn Prompt>) -> Result<Self, IdentityError> {
        let unreadable = |source| IdentityError::Unreadable { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let text = SecretBytes::read_bounded(file, IDENTITY_FILE_MAX).map_err(unreadable)?;
        Self::parse(&text, path, prompt)
    }

    /// Reads identities from text that did not come from a file, such as a variable; `origin` names it.
    pub fn parse(text: &SecretBytes, origin: &Path, prompt: &Arc<dyn Prompt>) -> Result<Self, IdentityError> {
        let bytes = text.expose();
        if contains(bytes, b"PRIVATE KEY-----") {
            return parse_ssh(bytes, origin, prompt);
        }
        if starts_with(bytes, "age-encryption.org/") || starts_with(bytes, "-----BEGIN AGE ENCRYPTED FILE") {
            return Ok(encrypted(text, origin, prompt));
        }
        parse_lines(bytes, origin, prompt)
    }

    /// Adds the identities of `other` after these.
    pub fn append(&mut self, mut other: Self) {
        self.token = Arc::default();
        self.entries.append(&mut other.entries);
        self.unusable.append(&mut other.unusable);
    }

    /// Remembers a file that could not be used, for messages about what was tried.
    pub fn note_unusable(&mut self, reason: String) {
        self.unusable.push(reason);
    }

    /// What tells these identities from every other set, so that what they opened can be kept for them alone.
    pub fn token(&self) -> &Arc<()> {
        &self.token
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a plugin takes part, which may ask for a touch per file and must not run twice at once.
    pub fn has_plugin(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == PLUGIN)
    }

    /// The same without those of plugins, which may ask for a touch each time.
    #[must_use]
    pub fn without_plugins(self) -> Self {
        let mut kept = Self { unusable: self.unusable, ..Self::default() };
        for entry in self.entries {
            if entry.kind == PLUGIN {
                kept.note_unusable(entry.to_string());
            } else {
                kept.entries.push(entry);
            }
        }
        kept
    }

    /// Whether there are some that were not or could not be used.
    pub fn has_unused(&self) -> bool {
        !self.unusable.is_empty()
    }

    /// Every identity in words, by its public half and origin.
    pub fn describe(&self) -> Vec<String> {
        let tried = self.entries.iter().map(ToString::to_string);
        tried.chain(self.unusable.iter().cloned()).collect()
    }

    /// Public halves of the identities that tell theirs.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.entries.iter().filter_map(|entry| entry.recipient.as_ref())
    }

    /// Those of plugins come last: a token is asked only where no key at hand fits.
    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        let of_plugin = |entry: &&Entry| entry.kind == PLUGIN;
        let at_hand = self.entries.iter().filter(move |entry| !of_plugin(entry));
        at_hand
            .chain(self.entries.iter().filter(of_plugin))
            .map(|entry| &*entry.identity as &dyn age::Identity)
    }
}

fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    bytes.trim_ascii_start().starts_with(prefix.as_bytes())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn malformed(origin: &Path, reason: impl Into<String>) -> IdentityError {
    IdentityError::Malformed { path: origin.to_owned(), reason: reason.into() }
}

/// Takes every line that is understood; the others are named by number and by what they look like, never quoted.
pub(super) fn parse_lines(
    bytes: &[u8],
    origin: &Path,
    prompt: &Arc<dyn Prompt>,
) -> Result<Identities, IdentityError> {
    let mut found = Identities::default();
    let mut first = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let text = std::str::from_utf8(line).unwrap_or_default();
        let described = format!("{}:{}", origin.display(), number + 1);
        let error = if let Ok(identity) = text.parse::<age::x25519::Identity>() {
            found.entries.push(x25519_entry(identity, described, "X25519"));
            continue;
        } else if let Ok(identity) = text.parse::<age::plugin::Identity>() {
            match plugin_entry(&identity, origin, described, prompt) {
                Ok(entry) => {
                    found.entries.push(entry);
                    continue;
                }
                Err(error) => error,
            }
        } else if is_public(line) {
            IdentityError::Public { path: origin.to_owned() }
        } else {
            malformed(origin, format!("line {} {}", number + 1, resembles(text)))
        };
        found.note_unusable(format!("line {} of `{}` ({})", number + 1, origin.display(), short(&error)));
        first = first.or(Some(error));
    }
    match first {
        _ if !found.is_empty() => Ok(found),
        Some(error) => Err(error),
        None => Err(malformed(origin, "it is empty")),
    }
}

fn is_public(text: &[u8]) -> bool {
    starts_with(text, "ssh-") || starts_with(text, "age1")
}

/// What a line that is not understood looks like.
fn resembles(line: &str) -> &'static str {
    let upper = line.get(..20).unwrap_or(line).to_ascii_uppercase();
    if upper.starts_with("AGE-SECRET-KEY-PQ-") {
        "is a post-quantum age identity, which needs a newer secretctl or `age-plugin-pq`"
    } else if upper.starts_with("AGE-") {
        "is an age identity that is cut off or mistyped"
    } else {
        "is not an age identity"
    }
}

/// Why one line of a file that holds other identities is not used.
fn short(error: &IdentityError) -> String {
    match error {
        IdentityError::Malformed { reason, .. } => {
            reason.split_once(" is ").map_or_else(|| reason.clone(), |(_, what)| what.to_owned())
        }
        IdentityError::NoPlugin { plugin, .. } => {
            format!("needs `age-plugin-{plugin}`, which is not on the path")
        }
        IdentityError::Public { .. } | IdentityError::Unreadable { .. } => "a public key".to_owned(),
    }
}

fn x25519_entry(identity: age::x25519::Identity, origin: String, kind: &'static str) -> Entry {
    let recipient = Some(Recipient::from(identity.to_public()));
    Entry { origin, recipient, kind, identity: Box::new(identity) }
}

fn plugin_entry(
    identity: &age::plugin::Identity,
    path: &Path,
    origin: String,
    prompt: &Arc<dyn Prompt>,
) -> Result<Entry, IdentityError> {
    let name = identity.plugin().to_owned();
    let callbacks = AgeCallbacks(Arc::clone(prompt));
    let plugin = age::plugin::IdentityPluginV1::new(&name, std::slice::from_ref(identity), callbacks)
        .map_err(|_| IdentityError::NoPlugin { path: path.to_owned(), plugin: name })?;
    Ok(Entry { origin, recipient: None, kind: PLUGIN, identity: Box::new(plugin) })
}

fn parse_ssh(bytes: &[u8], origin: &Path, prompt: &Arc<dyn Prompt>) -> Result<Identities, IdentityError> {
    use age::ssh::Identity as Ssh;
    let described = origin.display().to_string();
    let parsed = Ssh::from_buffer(bytes, Some(described.clone())).map_err(|_| {
        malformed(origin, "the ssh private key is cut off, encrypted in an old format, or of another kind")
    })?;
    let public = age::ssh::Recipient::try_from(parsed.clone()).ok();
    let recipient = public.as_ref().and_then(|public| public.to_string().parse().ok());
    let identity: AnyIdentity = match parsed {
        Ssh::Unencrypted(_) => Box::new(parsed),
        Ssh::Encrypted(key) => Box::new(LockedSsh::new(key, public, described.clone(), prompt)),
        Ssh::Unsupported(_) => {
            return Err(malformed(origin, "only ssh-ed25519 and ssh-rsa keys can decrypt"));
        }
    };
    let converted =
        ssh_to_age(bytes).map(|key| x25519_entry(key, format!("{described} by ssh-to-age"), "X25519"));
    let entry = Entry { origin: described, recipient, kind: "ssh key", identity };
    Ok(Identities { entries: std::iter::once(entry).chain(converted).collect(), ..Identities::default() })
}

/// The X25519 identity that `ssh-to-age` makes of an ed25519 key; hosts that sops-nix knows have its recipient.
fn ssh_to_age(key: &[u8]) -> Option<age::x25519::Identity> {
    let key = ssh_key::PrivateKey::from_openssh(key).ok()?;
    let pair = ed25519_dalek::SigningKey::try_from(key.key_data().ed25519()?).ok()?;
    let scalar = Zeroizing::new(pair.to_scalar_bytes());
    let prefix = bech32::Hrp::parse("age-secret-key-").ok()?;
    Zeroizing::new(bech32_encode(prefix, &*scalar)).parse().ok()
}

fn encrypted(text: &SecretBytes, origin: &Path, prompt: &Arc<dyn Prompt>) -> Identities {
    let described = origin.display().to_string();
    let file = SecretBytes::from(text.expose().to_vec());
    let locked = LockedAge::new(file, origin.to_owned(), prompt);
    let kind = "passphrase-protected identity";
    Identities {
        entries: vec![Entry { origin: described, recipient: None, kind, identity: Box::new(locked) }],
        ..Identities::default()
    }
}

/// The identity that a host's sealed files are encrypted to. Made in memory, wrapped to the host, forgotten.
pub struct SealingIdentity(age::x25519::Identity);

impl SealingIdentity {
    /// Makes a new one from the operating system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads the plaintext of a `host-key.age`: one age identity, as `age-keygen` writes it.
    pub fn parse(text: &SecretBytes) -> Option<Self> {
        let mut lines = text.expose().split(|byte| *byte == b'\n');
        let line = lines.find(|line| line.starts_with(b"AGE-SECRET-KEY-1"))?;
        let identity = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
        Some(Self(identity))
    }

    /// The plaintext that is wrapped to the host.
    pub fn to_text(&self) -> SecretBytes {
        let text = self.0.to_string();
        let secret = text.expose_secret();
        let mut bytes = SecretBytes::with_capacity(secret.len() + 1);
        bytes.extend(secret.as_bytes());
        bytes.extend(b"\n");
        bytes
    }

    /// The public half, which stands in the manifest.
    pub fn recipient(&self) -> Recipient {
        Recipient::from(self.0.to_public())
    }

    pub(super) fn as_identity(&self) -> &dyn age::Identity {
        &self.0
    }
}

impl fmt::Debug for SealingIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingIdentity({})", self.recipient())
    }
}
