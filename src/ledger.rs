//! The signed life of each secret: JSON lines beside its source, only ever appended to.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Recipient;
use crate::crypto::SignatureError;
use crate::crypto::Signer;
use crate::crypto::SignerError;
use crate::crypto::SshSignature;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;

/// Largest ledger that is read.
pub const LEDGER_MAX: u64 = 64 << 20;
/// The version of the line format that this program writes and reads.
const VERSION: u64 = 1;
/// What stands between the signed text of a line and its signature.
const SIGNATURE_FIELD: &str = ",\"sig\":\"";

/// What happened to a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// The first value.
    Created,
    /// A person gave it a new value.
    Edited,
    /// A new value made to replace the old one.
    Rotated,
    /// More hosts may read it.
    Granted,
    /// Fewer hosts may read it.
    Revoked,
    /// Same value, other recipients of the source.
    Rekeyed,
    /// Same value, other name; earlier lines carry the old one.
    Moved,
    /// Taken over from another tool.
    Imported,
    /// The source was removed; its history stays.
    Removed,
}

impl Event {
    /// Whether the line may start a ledger or follow a removal.
    fn begins(self) -> bool {
        matches!(self, Self::Created | Self::Imported)
    }

    /// Whether the line stands for a new value.
    pub fn is_new_value(self) -> bool {
        matches!(self, Self::Created | Self::Edited | Self::Rotated | Self::Imported)
    }
}

/// One line, without its signature.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    version: u64,
    /// What happened.
    pub event: Event,
    /// To which secret.
    pub secret: SecretName,
    /// Key inside a document; null for a secret with a file of its own.
    pub key: Option<String>,
    /// Number of the value, from 1; grows by one with each new value.
    pub revision: u64,
    /// Digest of the source after the event; null after a removal.
    pub source_sha256: Option<Digest>,
    /// What the source is encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Hosts that have a sealed copy.
    pub hosts: BTreeSet<HostName>,
    /// The admin who did it.
    pub author: AdminName,
    /// When, in whole seconds.
    pub time: Timestamp,
    /// Digest of the whole line before; null on the first.
    pub previous: Option<Digest>,
}

/// What is new in a line; the rest follows from the ledger it is appended to.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Digest of the source afterwards.
    pub source_sha256: Option<Digest>,
    /// What the source is encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Hosts that have a sealed copy.
    pub hosts: BTreeSet<HostName>,
    /// The highest revision that is known from elsewhere: a new value gets a higher one.
    pub above: u64,
}

/// Who writes lines, and when.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The admin.
    pub name: &'a AdminName,
    /// Their key.
    pub signer: &'a Signer,
    /// The time of the command.
    pub now: Timestamp,
}

/// Whose signature counts, and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownAuthor {
    /// The admin.
    pub name: AdminName,
    /// When they left, if they did.
    pub removed: Option<Timestamp>,
}

/// Every key whose lines count.
pub type Authors = BTreeMap<VerifyingKey, KnownAuthor>;

/// Why a ledger is not believed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum LedgerError {
    /// A line is not one that this program could have written.
    #[error("line {number} of `{}` does not parse: {reason}", path.display())]
    #[diagnostic(
        code(ledger::malformed),
        help("restore the ledger from Git: `git log -p -- {}` shows what changed it", path.display())
    )]
    Malformed {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// A line of a newer format.
    #[error("line {number} of `{}` has version {found}, and this program reads version 1", path.display())]
    #[diagnostic(code(ledger::version), help("update secretctl"))]
    Version {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// Version in the line.
        found: u64,
    },
    /// A line is not signed by an admin.
    #[error("line {number} of `{}` does not count", path.display())]
    #[diagnostic(
        code(ledger::signature),
        help("find out who wrote it with `git log -p -- {}`; a line that nobody vouches for must go", path.display())
    )]
    Signature {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// Why.
        source: SignatureError,
    },
    /// The signature and the stated author do not belong together.
    #[error("line {number} of `{}` {reason}", path.display())]
    #[diagnostic(code(ledger::author), help("find out who wrote it with `git log -p -- {}`", path.display()))]
    Author {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What does not fit.
        reason: String,
    },
    /// A line does not follow from the one before.
    #[error("line {number} of `{}` does not follow from the line before: {reason}", path.display())]
    #[diagnostic(
        code(ledger::chain),
        help("lines were dropped, changed or reordered; restore the ledger from Git")
    )]
    Chain {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What does not follow.
        reason: &'static str,
    },
}

impl Failure for LedgerError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}

/// The lines of one secret. Nothing here is believed until [`Ledger::verify`] says so.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    text: String,
    lines: Vec<Line>,
}

/// A ledger whose lines are chained and signed by known authors. Only [`Ledger::verify`] makes one.
#[derive(Clone, Debug, Default)]
pub struct VerifiedLedger(Ledger);

impl Ledger {
    /// Parses every line; `path` is for messages. A cut-off last line is an error, not skipped.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, LedgerError> {
        let malformed = |number, reason: &str| LedgerError::Malformed {
            path: path.to_owned(),
            number,
            reason: reason.to_owned(),
        };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "it is not UTF-8"))?.to_owned();
        let count = text.lines().count();
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(malformed(count, "it is cut off"));
        }
        let parsed = text.lines().enumerate().map(|(at, line)| parse_line(line, path, at + 1));
        let lines = parsed.collect::<Result<_, _>>()?;
        Ok(Self { text, lines })
    }

    /// Checks every signature, author and link of the chain. `secret` is the name the ledger stands for.
    pub fn verify(
        self,
        secret: &SecretName,
        authors: &Authors,
        path: &Path,
    ) -> Result<VerifiedLedger, LedgerError> {
        let trusted: BTreeSet<VerifyingKey> = authors.keys().cloned().collect();
        let mut before: Option<(&Line, Digest)> = None;
        let mut latest = Timestamp::MIN;
        for (at, (line, raw)) in self.lines.iter().zip(self.text.lines()).enumerate() {
            let number = at + 1;
            // A line says its own time, but it cannot have been written before the lines it follows.
            latest = latest.max(line.time);
            verify_signature((line, latest), raw, &trusted, authors, path, number)?;
            check_link(line, before).map_err(|reason| LedgerError::Chain {
                path: path.to_owned(),
                number,
                reason,
            })?;
            before = Some((line, Digest::of(raw.as_bytes())));
        }
        match self.lines.last() {
            Some(last) if last.secret != *secret => Err(LedgerError::Chain {
                path: path.to_owned(),
                number: self.lines.len(),
                reason: "it is about another secret",
            }),
            _ => Ok(VerifiedLedger(self)),
        }
    }

    /// The lines, unverified.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl VerifiedLedger {
    /// The last line.
    pub fn head(&self) -> Option<&Line> {
        self.0.lines.last()
    }

    /// Every line, oldest first.
    pub fn lines(&self) -> &[Line] {
        &self.0.lines
    }

    /// Digest of the line that made the current value: two branches may give one number to two values.
    pub fn value_line(&self) -> Option<Digest> {
        let lines = self.0.lines.iter().zip(self.0.text.lines());
        let made = lines.filter(|(line, _)| line.event.is_new_value()).last();
        made.map(|(_, raw)| Digest::of(raw.as_bytes()))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.0.text.as_bytes()
    }

    /// The current line of a secret that was not removed.
    pub fn current(&self) -> Option<&Line> {
        self.head().filter(|head| head.event != Event::Removed)
    }

    /// Appends a signed line about `secret`. The revision grows with every new value.
    pub fn append(
        &mut self,
        secret: &SecretName,
        entry: Entry,
        author: Author<'_>,
    ) -> Result<(), SignerError> {
        let last = self.head().map_or(0, |head| head.revision);
        let revision = if entry.event.is_new_value() { last.max(entry.above) + 1 } else { last };
        let line = Line {
            version: VERSION,
            event: entry.event,
            secret: secret.clone(),
            key: None,
            revision,
            source_sha256: entry.source_sha256,
            recipients: entry.recipients,
            hosts: entry.hosts,
            author: author.name.clone(),
            time: author.now,
            previous: self.0.text.lines().last().map(|last| Digest::of(last.as_bytes())),
        };
        let signed = to_json(&line);
        let signature = author.signer.sign(signed.as_bytes(), Namespace::Ledger)?;
        let open = signed.strip_suffix('}').unwrap_or(&signed);
        self.0.text.push_str(&format!("{open}{SIGNATURE_FIELD}{}\"}}\n", signature.to_base64()));
        self.0.lines.push(line);
        Ok(())
    }
}

#[expect(clippy::expect_used, reason = "a line has string keys and no failing serializer")]
fn to_json(line: &Line) -> String {
    serde_json::to_string(line).expect("a line serializes")
}

/// Splits a line into the exact text that was signed and the base64 of its signature.
///
/// The signature is always the last field, so that `sed 's/,"sig":"[^"]*"}$/}/'` gives what was signed.
fn split_signature(raw: &str) -> Option<(String, &str)> {
    let (open, rest) = raw.rsplit_once(SIGNATURE_FIELD)?;
    let signature = rest.strip_suffix("\"}")?;
    Some((format!("{open}}}"), signature))
}

fn parse_line(raw: &str, path: &Path, number: usize) -> Result<Line, LedgerError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let malformed = |reason: String| LedgerError::Malformed { path: path.to_owned(), number, reason };
    let (signed, _) =
        split_signature(raw).ok_or_else(|| malformed("it has no signature at its end".to_owned()))?;
    let parsed: Versioned = serde_json::from_str(&signed).map_err(|error| malformed(error.to_string()))?;
    if parsed.version != VERSION {
        return Err(LedgerError::Version { path: path.to_owned(), number, found: parsed.version });
    }
    serde_json::from_str(&signed).map_err(|error| malformed(error.to_string()))
}

fn verify_signature(
    (line, latest): (&Line, Timestamp),
    raw: &str,
    trusted: &BTreeSet<VerifyingKey>,
    authors: &Authors,
    path: &Path,
    number: usize,
) -> Result<(), LedgerError> {
    let failed = |source| LedgerError::Signature { path: path.to_owned(), number, source };
    let author_error = |reason| LedgerError::Author { path: path.to_owned(), number, reason };
    let (signed, signature) = split_signature(raw).ok_or_else(|| failed(SignatureError::Malformed))?;
    let signature = SshSignature::from_base64(signature).map_err(failed)?;
    let key = signature.verify(signed.as_bytes(), Namespace::Ledger, trusted).map_err(failed)?;
    let Some(author) = authors.get(key) else {
        return Err(failed(SignatureError::Untrusted { signer: key.to_string() }));
    };
    if author.name != line.author {
        return Err(author_error(format!(
            "says `{}`, but the key is that of `{}`",
            line.author, author.name
        )));
    }
    match author.removed {
        Some(left) if latest > left => {
            Err(author_error(format!("was signed by `{}` after they were removed", author.name)))
        }
        _ => Ok(()),
    }
}

fn check_link(line: &Line, before: Option<(&Line, Digest)>) -> Result<(), &'static str> {
    let Some((last, digest)) = before else {
        return match (line.previous, line.event.begins() && line.revision > 0) {
            (Some(_), _) => Err("earlier lines are missing"),
            (None, false) => Err("a history starts with `created` or `imported`"),
            (None, true) => Ok(()),
        };
    };
    if line.previous != Some(digest) {
        return Err("its `previous` is not the digest of that line");
    }
    let follows = if line.event.is_new_value() {
        line.revision > last.revision
    } else {
        line.revision == last.revision
    };
    if !follows {
        return Err("its revision does not follow");
    }
    if (last.event == Event::Removed) != line.event.begins() {
        return Err("only a removed secret is created again");
    }
    if line.secret != last.secret && line.event != Event::Moved {
        return Err("it is about another secret");
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crypto::NoPrompt;
    use crate::crypto::Prompt;
    use crate::crypto::SignerSource;

    struct Desk {
        _folder: tempfile::TempDir,
        alice: Signer,
        mallory: Signer,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let signer = |name: &str| {
                let file = folder.path().join(name);
                let made = std::process::Command::new("ssh-keygen")
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(&file)
                    .status();
                assert!(made.unwrap().success());
                let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
                let source = SignerSource { file: Some(file), ..SignerSource::default() };
                Signer::find(&source, &|_| true, &prompt).unwrap()
            };
            let (alice, mallory) = (signer("alice"), signer("mallory"));
            Self { _folder: folder, alice, mallory }
        }

        fn authors(&self, removed: Option<&str>) -> Authors {
            let removed = removed.map(|time| time.parse().unwrap());
            let author = KnownAuthor { name: "alice".parse().unwrap(), removed };
            [(self.alice.key().clone(), author)].into()
        }

        /// Created, edited, granted, revoked, rekeyed, removed, created again.
        fn life(&self) -> VerifiedLedger {
            use Event::{Created, Edited, Granted, Rekeyed, Removed, Revoked};
            let mut ledger = VerifiedLedger::default();
            for event in [Created, Edited, Granted, Revoked, Rekeyed, Removed, Created] {
                Self::append(&mut ledger, event, &self.alice);
            }
            ledger
        }

        fn append(ledger: &mut VerifiedLedger, event: Event, signer: &Signer) {
            let entry = Entry {
                event,
                source_sha256: (event != Event::Removed).then(|| Digest::of(b"source")),
                recipients: BTreeSet::new(),
                hosts: BTreeSet::new(),
                above: 0,
            };
            let name = "alice".parse().unwrap();
            let author = Author { name: &name, signer, now: "2026-11-20T10:00:00Z".parse().unwrap() };
            ledger.append(&secret(), entry, author).unwrap();
        }

        fn read(&self, text: &str, removed: Option<&str>) -> Result<VerifiedLedger, LedgerError> {
            let path = Path::new("secrets/a/b.ledger");
            Ledger::parse(text.as_bytes(), path)?.verify(&secret(), &self.authors(removed), path)
        }
    }

    fn secret() -> SecretName {
        "a/b".parse().unwrap()
    }

    fn text(ledger: &VerifiedLedger) -> String {
        String::from_utf8(ledger.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_life_is_read_back_with_its_revisions() {
        let desk = Desk::new();
        let ledger = desk.life();
        let read = desk.read(&text(&ledger), None).unwrap();
        assert_eq!(read.lines(), ledger.lines());
        let revisions: Vec<u64> = read.lines().iter().map(|line| line.revision).collect();
        assert_eq!(revisions, [1, 2, 2, 2, 2, 2, 3]);
    }

    #[test]
    fn no_line_can_be_dropped_moved_doubled_or_cut() {
        let desk = Desk::new();
        let whole = text(&desk.life());
        let lines: Vec<&str> = whole.lines().collect();
        let join = |lines: &[&str]| lines.join("\n") + "\n";
        // The last line may be missing: that is what the ledger was before it.
        for at in 0..lines.len() - 1 {
            let mut fewer = lines.clone();
            fewer.remove(at);
            assert!(desk.read(&join(&fewer), None).is_err(), "dropped line {at}");
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            assert!(desk.read(&join(&swapped), None).is_err(), "swapped line {at}");
        }
        for at in 0..lines.len() {
            let mut doubled = lines.clone();
            doubled.insert(at, lines.get(at).unwrap());
            assert!(desk.read(&join(&doubled), None).is_err(), "doubled line {at}");
        }
        for length in 1..whole.len() {
            let cut = whole.get(..length).unwrap();
            assert!(cut.ends_with('\n') || desk.read(cut, None).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn no_byte_of_a_line_can_be_changed() {
        let desk = Desk::new();
        let mut ledger = VerifiedLedger::default();
        Desk::append(&mut ledger, Event::Created, &desk.alice);
        let whole = ledger.bytes().to_vec();
        for at in 0..whole.len() - 1 {
            let mut changed = whole.clone();
            *changed.get_mut(at).unwrap() ^= 1;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(desk.read(&changed, None).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn only_a_known_author_counts_and_only_until_they_left() {
        let desk = Desk::new();
        let mut ledger = VerifiedLedger::default();
        Desk::append(&mut ledger, Event::Created, &desk.mallory);
        assert!(matches!(desk.read(&text(&ledger), None), Err(LedgerError::Signature { number: 1, .. })));

        let ledger = text(&desk.life());
        assert!(desk.read(&ledger, Some("2026-11-21T00:00:00Z")).is_ok());
        assert!(matches!(desk.read(&ledger, Some("2026-11-19T00:00:00Z")), Err(LedgerError::Author { .. })));
    }

    #[test]
    fn a_new_value_gets_a_number_above_every_known_one() {
        let desk = Desk::new();
        let mut ledger = VerifiedLedger::default();
        Desk::append(&mut ledger, Event::Created, &desk.alice);
        let first = ledger.value_line();
        let entry = Entry {
            event: Event::Edited,
            source_sha256: Some(Digest::of(b"source")),
            recipients: BTreeSet::new(),
            hosts: BTreeSet::new(),
            above: 7,
        };
        let name = "alice".parse().unwrap();
        let author =
            Author { name: &name, signer: &desk.alice, now: "2026-11-20T10:00:00Z".parse().unwrap() };
        ledger.append(&secret(), entry, author).unwrap();
        let made = ledger.value_line();
        Desk::append(&mut ledger, Event::Granted, &desk.alice);
        let read = desk.read(&text(&ledger), None).unwrap();
        assert_eq!(read.head().unwrap().revision, 8);
        assert_ne!(first, made);
        assert_eq!(read.value_line(), made);
    }

    #[test]
    fn a_ledger_of_another_secret_is_refused() {
        let desk = Desk::new();
        let path = Path::new("x");
        let parsed = Ledger::parse(desk.life().bytes(), path).unwrap();
        let other = "a/c".parse().unwrap();
        assert!(parsed.verify(&other, &desk.authors(None), path).is_err());
    }

    #[test]
    fn a_newer_line_is_refused_with_the_way_out() {
        let newer = "{\"version\":2,\"event\":\"x\",\"sig\":\"AAAA\"}\n";
        let error = Ledger::parse(newer.as_bytes(), Path::new("x")).unwrap_err();
        assert!(matches!(error, LedgerError::Version { number: 1, found: 2, .. }));
    }
}
