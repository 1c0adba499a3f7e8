//! Values of another tool as sources of ours, written in batches and compared with what was read.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use super::ImportError;
use super::ImportReport;
use super::Outcome;
use super::documents;
use crate::crypto::Digest;
use crate::crypto::KEY_VARIABLE;
use crate::crypto::Recipient;
use crate::crypto::decrypt;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fsx::read_bounded;
use crate::import::Body;
use crate::import::Plan;
use crate::import::PlannedSecret;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::Seen;
use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::secret::PLAINTEXT_MAX;
use crate::secret::SecretBytes;
use crate::store::Layout;
use crate::store::Source;
use crate::store::StoreError;
use crate::value::Traits;

/// How many sources become one change: an interrupted import has lost at most this much work.
const BATCH: usize = 64;
/// Largest file that is read.
const FILE_MAX: u64 = 128 << 20;

/// What there is of a value.
enum Read {
    Value(SecretBytes),
    /// The file is encrypted to just its editors, and no key at hand opens it.
    AsItIs(Vec<u8>),
    Closed(String),
}

/// A source that is made, with its value where that was read.
struct Taken {
    ciphertext: Vec<u8>,
    value: Option<SecretBytes>,
    /// Whom it is encrypted to.
    right: BTreeSet<Recipient>,
}

/// Takes over every value that is not in a SOPS file.
pub(super) fn take(
    ws: &Workspace,
    from: &Path,
    plan: &Plan,
    report: &mut ImportReport,
) -> Result<(), OpsError> {
    documents::vouch(ws, plan, report)?;
    let ours: Vec<(&SecretName, &PlannedSecret)> =
        plan.secrets.iter().filter(|(_, secret)| secret.body != Body::Sops).collect();
    if ours.is_empty() {
        return Ok(());
    }
    let lock = ws.lock()?;
    let author = ws.author()?;
    for batch in ours.chunks(BATCH) {
        let mut change = ws.change(&lock)?;
        let mut written = Vec::new();
        for (name, secret) in batch {
            let Some(taken) = take_one(ws, from, (name, secret), report)? else { continue };
            let ledger = life(ws, &author, (name, secret), &taken)?;
            change.write(Layout::source(name), &taken.ciphertext)?;
            change.write(Layout::ledger(name), ledger.bytes())?;
            if let Some(value) = taken.value {
                written.push((*name, *secret, value));
            }
        }
        change.commit()?;
        report.proved_equal += compare(ws, &written)?;
    }
    Ok(())
}

/// The source that one value becomes, if it is not one already and can be.
fn take_one(
    ws: &Workspace,
    from: &Path,
    (name, secret): (&SecretName, &PlannedSecret),
    report: &mut ImportReport,
) -> Result<Option<Taken>, OpsError> {
    if ws.layout.has_source(name) && ws.layout.read_source(name, &ws.authors()).is_ok() {
        report.outcome(name, Outcome::There);
        return Ok(None);
    }
    let right = ws.source_recipients(name)?;
    match read(ws, from, secret, &right)? {
        Read::Closed(reason) => {
            report.outcome(name, Outcome::Left);
            report.findings.push(left(name, secret, &reason));
            Ok(None)
        }
        Read::AsItIs(ciphertext) => {
            report.outcome(name, Outcome::Kept);
            Ok(Some(Taken { ciphertext, value: None, right }))
        }
        Read::Value(value) => {
            let ciphertext = Source::encrypt(name, &value, &right, &ws.settings.prompt)?;
            report.outcome(name, Outcome::Converted);
            Ok(Some(Taken { ciphertext, value: Some(value), right }))
        }
    }
}

/// Reads the sources back: whoever can open them sees that nothing was lost on the way.
fn compare(
    ws: &Workspace,
    written: &[(&SecretName, &PlannedSecret, SecretBytes)],
) -> Result<usize, OpsError> {
    let Ok(identities) = ws.identities() else { return Ok(0) };
    let mut proved = 0;
    for (name, secret, value) in written {
        let source = ws.layout.read_source(name, &ws.authors())?;
        let Ok(now) = source.open(identities) else { continue };
        if !now.same(value) {
            return Err(ImportError::NotSame { secret: (*name).clone(), file: secret.file.clone() }.into());
        }
        proved += 1;
    }
    Ok(proved)
}

fn left(name: &SecretName, secret: &PlannedSecret, reason: &str) -> Finding {
    let message = format!("`{name}` was left where it is: {reason}");
    Finding::new(Severity::Warning, Class::Finding, "import::left", message)
        .at(Place::file(&secret.file))
        .help("import again with a key that opens it: `--identity FILE`")
        .about([name])
}

fn read(
    ws: &Workspace,
    from: &Path,
    secret: &PlannedSecret,
    right: &BTreeSet<Recipient>,
) -> Result<Read, OpsError> {
    let path = from.join(&secret.file);
    match secret.body {
        Body::Age => {
            let bytes = read_bounded(&path, FILE_MAX)?;
            // Armor would make it a file that is not one of ours.
            let is_source = secret.readers == *right
                && secret.openers.is_empty()
                && bytes.starts_with(b"age-encryption.org/");
            Ok(match age(ws, &bytes) {
                Ok(value) => Read::Value(value),
                Err(_) if is_source => Read::AsItIs(bytes),
                Err(reason) => Read::Closed(reason),
            })
        }
        Body::Gpg => Ok(gpg(&path)),
        Body::Dotenv | Body::Json => {
            let file = std::fs::File::open(&path).map_err(crate::fsx::FsError::on("read", &path))?;
            let text = SecretBytes::read_bounded(file, PLAINTEXT_MAX)
                .map_err(crate::fsx::FsError::on("read", &path))?;
            let value = if secret.body == Body::Dotenv {
                variable(&text, &secret.key)
            } else {
                member(&text, &secret.key)
            };
            Ok(value.map_or_else(|| Read::Closed("its key is not there any more".to_owned()), Read::Value))
        }
        Body::Sops => Ok(Read::Closed("it is in a SOPS file".to_owned())),
    }
}

/// What an age file holds, or why no key at hand opens it.
fn age(ws: &Workspace, bytes: &[u8]) -> Result<SecretBytes, String> {
    let identities = ws.identities().map_err(|error| error.to_string())?;
    decrypt(bytes, identities).map_err(|error| error.to_string())
}

/// Asks `gpg`, which asks for its passphrases itself.
fn gpg(path: &Path) -> Read {
    let mut command = Command::new("gpg");
    command.args(["--quiet", "--batch", "--decrypt", "--"]).arg(path).env_remove(KEY_VARIABLE);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |error: std::io::Error| Read::Closed(format!("`gpg`: {error}"));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(error),
    };
    let Some(out) = child.stdout.take() else { return Read::Closed("`gpg` gave nothing".to_owned()) };
    let value = SecretBytes::read_bounded(out, PLAINTEXT_MAX);
    match (child.wait(), value) {
        (Ok(status), Ok(value)) if status.success() => Read::Value(value),
        (Err(error), _) | (_, Err(error)) => failed(error),
        _ => Read::Closed("`gpg` has no key that opens it".to_owned()),
    }
}

/// The text behind `NAME=`, without the quotes around it; the last line counts.
fn variable(text: &SecretBytes, key: &[String]) -> Option<SecretBytes> {
    let name = key.first()?.as_bytes();
    let lines = text.expose().split(|byte| *byte == b'\n').rev();
    let value = lines.map(<[u8]>::trim_ascii).find_map(|line| {
        let line = line.strip_prefix(b"export ").unwrap_or(line);
        let rest = line.strip_prefix(name)?.trim_ascii_start();
        Some(rest.strip_prefix(b"=")?.trim_ascii())
    })?;
    let bare = [b'"', b'\''].iter().find_map(|quote| value.strip_prefix(&[*quote])?.strip_suffix(&[*quote]));
    Some(SecretBytes::from(bare.unwrap_or(value).to_vec()))
}

/// A text as it is, and anything else as JSON writes it. The file lay open, so the parser's own copies tell no more.
fn member(text: &SecretBytes, key: &[String]) -> Option<SecretBytes> {
    let whole: serde_json::Value = serde_json::from_slice(text.expose()).ok()?;
    let value = key.iter().try_fold(&whole, |value, name| value.get(name))?;
    let bytes = value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes();
    Some(SecretBytes::from(bytes))
}

fn seen(value: Option<&SecretBytes>) -> Seen {
    let traits = value.map(Traits::of);
    Seen {
        changed: None,
        expires: traits.as_ref().and_then(|traits| traits.ends),
        weak: traits.as_ref().is_some_and(|traits| traits.weak),
    }
}

/// The first lines of a secret: who could read it when it came, and whom it is encrypted to now.
fn life(
    ws: &Workspace,
    author: &Author,
    (name, secret): (&SecretName, &PlannedSecret),
    Taken { ciphertext, value, right }: &Taken,
) -> Result<VerifiedLedger, OpsError> {
    let mut ledger = ws.layout.read_ledger(name, &ws.authors())?;
    let seen = seen(value.as_ref());
    let hosts: BTreeSet<_> =
        secret.openers.iter().filter(|host| ws.fleet.hosts.contains_key(*host)).cloned().collect();
    let source_sha256 = Some(Digest::of(ciphertext));
    let known: BTreeSet<Recipient> = secret.readers.union(right).cloned().collect();
    let imported = ledger::Entry {
        event: Event::Imported,
        key: None,
        source_sha256,
        recipients: known.clone(),
        hosts: hosts.clone(),
        above: 0,
        value: Some(seen),
    };
    let at = || author.at(ws.settings.now);
    ledger.append(name, imported, at()).map_err(StoreError::from)?;
    if known != *right {
        let recipients = right.clone();
        let rekeyed = ledger::Entry {
            event: Event::Rekeyed,
            key: None,
            source_sha256,
            recipients,
            hosts,
            above: 0,
            value: None,
        };
        ledger.append(name, rekeyed, at()).map_err(StoreError::from)?;
    }
    Ok(ledger)
}
