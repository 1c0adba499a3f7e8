//! The key that a machine shows over ssh, compared by a person before it is believed.

use std::fmt;
use std::process::Command;
use std::process::Stdio;
use std::str::FromStr;

use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::HostName;

/// The program that asks. It takes part in a key exchange, and logs in nowhere.
const PROGRAM: &str = "ssh-keyscan";
/// What is asked for. No age recipient is an ECDSA key; where there is no other, that is what to tell.
const KINDS: &str = "ed25519,rsa,ecdsa";
/// Seconds that each connection may take.
const PATIENCE: &str = "5";
/// Where ssh listens unless somebody says otherwise.
const PORT: u16 = 22;

/// A name or number of a machine that ssh can reach; a user before an `@` is dropped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SshAddress(String);

impl FromStr for SshAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = text.rsplit_once('@').map_or(text, |(_, address)| address);
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        // An IPv6 address has two colons at least; one alone leads a port.
        let port = bare.matches(':').count() == 1;
        let first = bare.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == ':');
        if first && !port && bare.chars().all(allowed) {
            return Ok(Self(bare.to_owned()));
        }
        Err("it must be a host name or an IP address; the port has an option of its own, `--port`")
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fingerprint as ssh prints it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fingerprint(String);

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "it must be `SHA256:` and 43 letters, as `ssh-keygen -l` prints it";
        let digest = text.strip_prefix("SHA256:").ok_or(RULE)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        if digest.len() == 43 && digest.chars().all(allowed) { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

/// Where a machine's key is read.
#[derive(Clone, Debug)]
pub struct SshSource {
    /// The machine.
    pub address: SshAddress,
    /// Its port, unless it is the usual one.
    pub port: Option<u16>,
    /// The fingerprint that a person has compared already.
    pub fingerprint: Option<Fingerprint>,
}

/// Why no key was learned.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ScanError {
    /// The program does not start.
    #[error("cannot run `ssh-keyscan`")]
    #[diagnostic(
        code(ssh::no_keyscan),
        help(
            "install the OpenSSH client; or read `/etc/ssh/ssh_host_ed25519_key.pub` on the machine and name it with `--recipient`"
        )
    )]
    NoProgram(#[source] std::io::Error),
    /// Nothing there speaks ssh.
    #[error("nothing that speaks ssh answered at `{address}`, port {port}{said}")]
    #[diagnostic(
        code(ssh::no_answer),
        help(
            "check the address and `--port`, and that sshd runs there; a host without a key yet is added without `--ssh`"
        )
    )]
    NoAnswer {
        /// The address.
        address: SshAddress,
        /// The port.
        port: u16,
        /// What the program said about it, behind a colon.
        said: String,
    },
    /// It has keys, but none of a kind that age knows.
    #[error("`{address}` shows no key that can be encrypted to: {reason}")]
    #[diagnostic(
        code(ssh::no_usable_key),
        help("make it one with `ssh-keygen -t ed25519`, and let sshd use it")
    )]
    Unusable {
        /// The address.
        address: SshAddress,
        /// Why the last one does not do.
        reason: String,
    },
    /// The key is not the one that was expected.
    #[error("`{address}` shows {shown}, and not {wanted}")]
    #[diagnostic(
        code(ssh::other_key),
        help(
            "something else may answer at that address; compare on the console: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"
        )
    )]
    OtherKey {
        /// The address.
        address: SshAddress,
        /// The fingerprints that it shows.
        shown: String,
        /// The fingerprint that was given.
        wanted: String,
    },
    /// Nobody is there to compare.
    #[error("`{address}` shows {shown}, and nobody is here to compare it")]
    #[diagnostic(
        code(ssh::unconfirmed),
        help(
            "if `{compare}` on the console of the machine shows the same, run the command again with `--fingerprint {shown}`"
        )
    )]
    Unconfirmed {
        /// The address.
        address: SshAddress,
        /// The fingerprint that it shows.
        shown: String,
        /// What shows it on the machine.
        compare: String,
    },
    /// The person said no.
    #[error("the key of `{address}` was not confirmed, and nothing was changed")]
    #[diagnostic(
        code(ssh::declined),
        help("compare on the console: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`")
    )]
    Declined {
        /// The address.
        address: SshAddress,
    },
}

impl Failure for ScanError {
    fn class(&self) -> Class {
        match self {
            Self::OtherKey { .. } => Class::Integrity,
            Self::Unconfirmed { .. } => Class::Usage,
            _ => Class::Environment,
        }
    }
}

/// A key with what people compare.
struct Shown {
    key: Recipient,
    fingerprint: String,
}

/// Reads the key of a machine, and takes it only if its fingerprint was given or a person confirms it: whoever
/// is in between could show a key of their own.
pub(super) fn learn(
    source: &SshSource,
    host: &HostName,
    prompt: &dyn Prompt,
) -> Result<Recipient, ScanError> {
    let shown = scan(source)?;
    if let Some(Fingerprint(wanted)) = &source.fingerprint {
        let fingerprints: Vec<&str> = shown.iter().map(|shown| shown.fingerprint.as_str()).collect();
        let other = || ScanError::OtherKey {
            address: source.address.clone(),
            shown: fingerprints.join(" and "),
            wanted: wanted.clone(),
        };
        let found = shown.iter().find(|shown| shown.fingerprint == *wanted);
        return found.map(|shown| shown.key.clone()).ok_or_else(other);
    }
    let silent = || no_answer(source, "");
    confirmed(source, host, prompt, shown.into_iter().next().ok_or_else(silent)?)
}

fn confirmed(
    source: &SshSource,
    host: &HostName,
    prompt: &dyn Prompt,
    shown: Shown,
) -> Result<Recipient, ScanError> {
    let address = source.address.clone();
    let kind = shown.key.as_str().split(' ').next().unwrap_or_default();
    let compare = format!("ssh-keygen -lf /etc/ssh/ssh_host_{}_key.pub", kind.trim_start_matches("ssh-"));
    prompt.tell(&format!("{address} shows this {kind} key: {}", shown.fingerprint));
    prompt.tell(&format!("on the console of {host} compare: {compare}"));
    match prompt.confirm("Is it the same?", "yes", None) {
        Some(true) => Ok(shown.key),
        Some(false) => Err(ScanError::Declined { address }),
        None => Err(ScanError::Unconfirmed { address, shown: shown.fingerprint, compare }),
    }
}

/// Every key that can be encrypted to, ed25519 first.
fn scan(source: &SshSource) -> Result<Vec<Shown>, ScanError> {
    let port = source.port.unwrap_or(PORT).to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["-T", PATIENCE, "-p", &port, "-t", KINDS, "--", &source.address.0]);
    let ran = command.stdin(Stdio::null()).output().map_err(ScanError::NoProgram)?;
    let mut shown = Vec::new();
    let mut unusable = None;
    for line in String::from_utf8_lossy(&ran.stdout).lines().filter(|line| !line.starts_with('#')) {
        // The name, as in `known_hosts`, stands before the key.
        let Some((_, key)) = line.split_once(' ') else { continue };
        match key.parse::<Recipient>() {
            Ok(key) => shown.extend(key.ssh_fingerprint().map(|fingerprint| Shown { key, fingerprint })),
            Err(error) => unusable = Some(error.to_string()),
        }
    }
    shown.sort_by(|a, b| a.key.cmp(&b.key));
    match (shown.is_empty(), unusable) {
        (true, Some(reason)) => Err(ScanError::Unusable { address: source.address.clone(), reason }),
        (true, None) => Err(no_answer(source, &String::from_utf8_lossy(&ran.stderr))),
        (false, _) => Ok(shown),
    }
}

fn no_answer(source: &SshSource, said: &str) -> ScanError {
    let said = said.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    // Some of it may come from the other side, and goes to a terminal.
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    ScanError::NoAnswer { address: source.address.clone(), port: source.port.unwrap_or(PORT), said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_no_option_list_or_port_and_loses_its_user() {
        for (text, wanted) in [
            ("10.0.0.7", "10.0.0.7"),
            ("root@luna.lan", "luna.lan"),
            ("[fe80::1%eth0]", "fe80::1%eth0"),
            ("::1", "::1"),
        ] {
            assert_eq!(text.parse::<SshAddress>().map(|address| address.0), Ok(wanted.to_owned()));
        }
        for text in
            ["", "-f/etc/passwd", "root@-D", "a,b", "a b", "a/b", "user@", "a\n", "[::1]:22", "luna:22"]
        {
            assert!(text.parse::<SshAddress>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_fingerprint_is_one_as_ssh_prints_it() {
        let good = format!("SHA256:{}", "a+/9".repeat(11).get(..43).unwrap_or_default());
        assert!(good.parse::<Fingerprint>().is_ok());
        for text in ["", "SHA256:", "MD5:aa:bb", &good[7..], &format!("{good}="), &format!("{good}a")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
