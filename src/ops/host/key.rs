//! Host keys that are made before their hosts exist, and kept for admins alone.

use std::path::Path;
use std::path::PathBuf;

use crate::crypto::Recipient;
use crate::crypto::public_half;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Finding;
use crate::fleet::Host;
use crate::fsx::Disk;
use crate::fsx::Handout;
use crate::fsx::HandoutError;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::generate::GenerateError;
use crate::ops::host::Run;
use crate::ops::host::add;
use crate::ops::host::known;
use crate::ops::host::refuse_known;
use crate::ops::put::EmptyValue;
use crate::ops::put::set;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;
use crate::value::GeneratorError;
use crate::value::Random;

/// Where sshd and the request's usual `identities` look for the private half.
const PRIVATE: &str = "etc/ssh/ssh_host_ed25519_key";
/// Its public half.
const PUBLIC: &str = "etc/ssh/ssh_host_ed25519_key.pub";

/// Why a kept host key cannot be made or handed out.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum HostKeyError {
    /// One was made before, perhaps by a command that was interrupted.
    #[error("a key for host `{host}` is kept already, as `{secret}`")]
    #[diagnostic(
        code(host::key_exists),
        help(
            "use it: `secretctl host add {host} --recipient …` with what `secretctl show {secret} | ssh-keygen -yf /dev/stdin` prints; or make another after `secretctl rm {secret}`"
        )
    )]
    Exists {
        /// The host.
        host: HostName,
        /// The secret that keeps it.
        secret: SecretName,
    },
    /// None is kept.
    #[error("no key of host `{host}` is kept here")]
    #[diagnostic(
        code(host::no_key),
        help(
            "only keys that `secretctl host add NAME --pre-generate` made are kept; any other is on its machine alone"
        )
    )]
    Missing {
        /// The host.
        host: HostName,
    },
    /// What is kept is something else.
    #[error("`{secret}` holds no ssh-ed25519 private key")]
    #[diagnostic(
        code(host::key_unusable),
        help("`secretctl log {secret}` tells who gave it another value; Git has the older ones")
    )]
    Unusable {
        /// The secret.
        secret: SecretName,
    },
    /// The host and its key are there, and only the file is not.
    #[error("host `{host}` is added and its key is kept as `{secret}`, but it was not written to a file")]
    #[diagnostic(
        code(host::key_not_written),
        help("nothing is lost: run `secretctl host key {host} --out DIR` with a folder that can be written")
    )]
    NotWritten {
        /// The host.
        host: HostName,
        /// The secret that keeps it.
        secret: SecretName,
        /// Why not.
        #[source]
        cause: HandoutError,
    },
    /// The host has another key by now.
    #[error(
        "the key that is kept for host `{host}` is none of its recipients, so it would open nothing of what is sealed to it"
    )]
    #[diagnostic(
        code(host::other_key),
        help(
            "if the machine is to have it again, run `secretctl host set {host} --recipient \"{recipient}\"` and `secretctl seal` first"
        )
    )]
    Other {
        /// The host.
        host: HostName,
        /// The public half of what is kept.
        recipient: String,
    },
}

impl Failure for HostKeyError {
    fn class(&self) -> Class {
        match self {
            Self::Unusable { .. } => Class::Integrity,
            Self::NotWritten { cause, .. } => cause.class(),
            _ => Class::Usage,
        }
    }
}

/// A host key that was handed out.
#[derive(Debug)]
pub struct HandedOut {
    /// The secret that keeps it.
    pub secret: SecretName,
    /// The folder, for an installer that copies it to the new machine.
    pub folder: PathBuf,
    /// The private half in it.
    pub file: PathBuf,
    /// Why the secret was not brought to its end, where it was not; the key stands.
    pub unsealed: Option<Finding>,
}

/// Makes a host key, keeps it as a secret, adds the host with its public half, and hands out both halves.
///
/// In this order, whatever fails leaves no host whose key nobody has; and what can be refused is refused before.
pub fn pre_generate(
    ws: &Workspace,
    name: &HostName,
    host: &Host,
    out: (&Path, Disk),
    run: Run,
) -> Result<HandedOut, OpsError> {
    refuse_known(&ws.fleet, name)?;
    let secret = SecretName::of_host_key(name);
    if ws.layout.has_source(&secret) {
        return Err(HostKeyError::Exists { host: name.clone(), secret }.into());
    }
    let handout = opened(out)?;
    ws.author()?;
    let failed =
        |error: GeneratorError| GenerateError::Failed { secret: secret.clone(), reason: error.to_string() };
    let key = Random::SshKey.make().map_err(failed)?;
    let recipient = recipient_of(&key, &secret)?;
    let mut host = host.clone();
    host.recipients.insert(recipient.clone());
    add(&ws.settings, name, &host, None, Run::Dry)?;
    let (folder, file) = (handout.folder().to_owned(), handout.folder().join(PRIVATE));
    if run == Run::Dry {
        return Ok(HandedOut { secret, folder, file, unsealed: None });
    }
    let unsealed = set(ws, &secret, &key, EmptyValue::Refuse)?.unsealed;
    add(&ws.settings, name, &host, None, Run::Real)?;
    let not_written = |cause| HostKeyError::NotWritten { host: name.clone(), secret: secret.clone(), cause };
    write(&handout, &key, &recipient, name).map_err(not_written)?;
    Ok(HandedOut { secret, folder, file, unsealed })
}

/// Hands out a key that is kept, as for installing its host again.
pub fn hand_out(ws: &Workspace, name: &HostName, out: (&Path, Disk)) -> Result<HandedOut, OpsError> {
    let host = known(&ws.fleet, name)?;
    let secret = SecretName::of_host_key(name);
    if !ws.layout.has_source(&secret) {
        return Err(HostKeyError::Missing { host: name.clone() }.into());
    }
    let handout = opened(out)?;
    let key = read(ws, &secret)?;
    let recipient = recipient_of(&key, &secret)?;
    if !host.recipients.contains(&recipient) {
        return Err(HostKeyError::Other { host: name.clone(), recipient: recipient.to_string() }.into());
    }
    let file = write(&handout, &key, &recipient, name)?;
    Ok(HandedOut { secret, folder: handout.folder().to_owned(), file, unsealed: None })
}

fn opened((out, disk): (&Path, Disk)) -> Result<Handout, HandoutError> {
    let handout = Handout::open(out, disk)?;
    handout.check_vacant(PRIVATE)?;
    handout.check_vacant(PUBLIC)?;
    Ok(handout)
}

fn read(ws: &Workspace, secret: &SecretName) -> Result<SecretBytes, OpsError> {
    Ok(ws.layout.read_source(secret, &ws.authors())?.open(ws.identities()?)?)
}

fn recipient_of(key: &SecretBytes, secret: &SecretName) -> Result<Recipient, HostKeyError> {
    let recipient = public_half(key).and_then(|key| key.as_str().parse().ok());
    recipient.ok_or_else(|| HostKeyError::Unusable { secret: secret.clone() })
}

fn write(
    handout: &Handout,
    key: &SecretBytes,
    recipient: &Recipient,
    host: &HostName,
) -> Result<PathBuf, HandoutError> {
    let public = SecretBytes::from(format!("{recipient} root@{host}\n").into_bytes());
    let file = handout.write(PRIVATE, key, 0o600)?;
    handout.write(PUBLIC, &public, 0o644)?;
    Ok(file)
}
