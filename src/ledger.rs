//! The signed life of each secret: JSON lines beside its source, only ever appended to.

mod chain;
mod error;
mod life;
mod merge;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

pub use error::LedgerError;
pub use life::CurrentValue;
pub use merge::Relation;

use chain::Chain;

use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Recipient;
use crate::crypto::SignatureError;
use crate::crypto::SignedLine;
use crate::crypto::Signer;
use crate::crypto::SignerError;
use crate::crypto::VerifyingKey;
use crate::crypto::sign_line;
use crate::name::AdminName;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;

/// Largest ledger that is read.
pub const LEDGER_MAX: u64 = 64 << 20;
/// The version of lines in a fleet without an id.
const VERSION_WITHOUT_FLEET: u64 = 1;
/// The version of lines that name their fleet.
const VERSION: u64 = 2;

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
    /// Two branches wrote about the secret, and at most one of them gave it a value.
    Merged,
    /// The fleet got an id: the lines before, which name no fleet, count in this one from here on.
    Bound,
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

/// What was seen of a new value when it was written. Nothing here lets anyone guess the value itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Whether it differs from the value before: null where nobody at hand could open that one.
    pub changed: Option<bool>,
    /// When the value says of itself that it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether it could be guessed, by its length and its kinds of characters alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak: bool,
}

/// What a value was made from, and what of it is meant for everybody. Digests are of lines and of public text.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The generator in the words of the policy; absent for a value that somebody wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The secrets that it was made from, each with the digest of the ledger line that made the value used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<SecretName, Digest>,
    /// Digest of the file with its public half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_sha256: Option<Digest>,
}

/// One line, without its signature.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    version: u64,
    /// The fleet; none in lines from before it had an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
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
    /// What was seen of the value, in lines that stand for a new one; absent in those of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Seen>,
    /// What the value was made from, in lines that stand for a new one that a generator made or that has a public half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The admin who did it.
    pub author: AdminName,
    /// When, in whole seconds.
    pub time: Timestamp,
    /// Digest of the whole line before; null on the first.
    pub previous: Option<Digest>,
    /// Digest of the last line of another branch, in the line that joins the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Digest>,
}

/// What is new in a line; the rest follows from the ledger it is appended to.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Key inside a document.
    pub key: Option<String>,
    /// Digest of the source afterwards.
    pub source_sha256: Option<Digest>,
    /// What the source is encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Hosts that have a sealed copy.
    pub hosts: BTreeSet<HostName>,
    /// The highest revision that is known from elsewhere: a new value gets a higher one.
    pub above: u64,
    /// What was seen of a new value.
    pub value: Option<Seen>,
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
    /// The fleet that the lines are for, if it has an id.
    pub fleet: Option<FleetId>,
}

/// Whose signature counts, and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownAuthor {
    /// The admin.
    pub name: AdminName,
    /// When they left, if they did.
    pub removed: Option<Timestamp>,
    /// Set for an admin who is named for some secrets alone.
    pub limited: Option<Limits>,
}

/// How far the lines of a limited admin count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Lines from before then counted about every secret.
    pub since: Timestamp,
    /// What the admin can open, or could since then.
    pub recipients: BTreeSet<Recipient>,
}

impl KnownAuthor {
    /// A limited admin gives new values to what the line before let them open, and decides nothing else.
    fn may_write(&self, line: &Line, latest: Timestamp, before: Option<&Line>) -> Result<(), &'static str> {
        let Some(limits) = self.limited.as_ref().filter(|limits| latest >= limits.since) else {
            return Ok(());
        };
        let Some(before) = before.filter(|before| !before.recipients.is_disjoint(&limits.recipients)) else {
            return Err("it is by a limited admin who could not open the value before");
        };
        if !matches!(line.event, Event::Edited | Event::Rotated) {
            return Err("it is by a limited admin, who may only give new values");
        }
        if line.secret != before.secret || line.recipients != before.recipients || line.hosts != before.hosts
        {
            return Err("it is by a limited admin, and changes who may read the secret");
        }
        Ok(())
    }
}

/// Whose lines count, and in which fleet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Authors {
    /// Every key whose lines count.
    pub keys: BTreeMap<VerifyingKey, KnownAuthor>,
    /// The id of the fleet. With one, the last line must name it, and no later line may leave it out.
    pub fleet: Option<FleetId>,
}

/// The lines of one secret. Nothing here is believed until [`Ledger::verify`] says so.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    text: String,
    lines: Vec<Line>,
}

/// A ledger whose lines are chained and signed by known authors. Only [`Ledger::verify`] makes one.
#[derive(Clone, Debug, Default)]
pub struct VerifiedLedger {
    inner: Ledger,
    value_line: Option<Digest>,
    backdated: Vec<usize>,
}

impl Ledger {
    /// Parses every line; `path` is for messages. A cut-off last line is an error, not skipped.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, LedgerError> {
        let malformed = |number, reason: &str| LedgerError::Malformed {
            path: path.to_owned(),
            number,
            reason: reason.to_owned(),
        };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "it is not UTF-8"))?.to_owned();
        if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
            return Err(LedgerError::Unmerged { path: path.to_owned() });
        }
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
        let trusted: BTreeSet<VerifyingKey> = authors.keys.keys().cloned().collect();
        let mut chain = Chain::default();
        let mut backdated = Vec::new();
        let broken = |number, reason| LedgerError::Chain { path: path.to_owned(), number, reason };
        self.check_fleet(authors.fleet, path)?;
        for (at, (line, raw)) in self.lines.iter().zip(self.text.lines()).enumerate() {
            let number = at + 1;
            let link = chain.link(line);
            // A line says its own time, but it cannot have been written before the lines it follows.
            let latest = link.as_ref().map_or(line.time, |link| link.latest);
            if latest > line.time {
                backdated.push(number);
            }
            let author = verify_signature((line, latest), raw, &trusted, authors, path, number)?;
            let digest = Digest::of(raw.as_bytes());
            let added = link.and_then(|link| {
                author.may_write(line, latest, chain.previous(&link))?;
                chain.add(line, digest, &link)
            });
            added.map_err(|reason| broken(number, reason))?;
        }
        if let Some(number) = chain.loose_end() {
            return Err(broken(number, "no later line goes on from it"));
        }
        let value_line = chain.value_line();
        match self.lines.last() {
            Some(last) if last.secret != *secret => Err(LedgerError::Chain {
                path: path.to_owned(),
                number: self.lines.len(),
                reason: "it is about another secret",
            }),
            _ => Ok(VerifiedLedger { inner: self, value_line, backdated }),
        }
    }

    /// Every line that names a fleet must name this one, and in a fleet with an id the last line must.
    fn check_fleet(&self, fleet: Option<FleetId>, path: &Path) -> Result<(), LedgerError> {
        let named =
            self.lines.iter().enumerate().find(|(_, line)| line.fleet.is_some_and(|id| Some(id) != fleet));
        if let Some((at, found)) = named.and_then(|(at, line)| Some((at, line.fleet?))) {
            return Err(LedgerError::OtherFleet { path: path.to_owned(), number: at + 1, found });
        }
        match self.lines.last() {
            Some(last) if fleet.is_some() && last.fleet.is_none() => {
                Err(LedgerError::Unbound { path: path.to_owned(), secret: last.secret.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The lines, unverified.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The last line alone, unverified: a reason to doubt, never one to believe.
    pub fn unverified_head(bytes: &[u8]) -> Option<Line> {
        let signed = SignedLine::split(std::str::from_utf8(bytes).ok()?.lines().next_back()?)?;
        serde_json::from_str(signed.text()).ok()
    }
}

impl VerifiedLedger {
    /// The last line.
    pub fn head(&self) -> Option<&Line> {
        self.inner.lines.last()
    }

    /// Every line, oldest first.
    pub fn lines(&self) -> &[Line] {
        &self.inner.lines
    }

    /// Numbers, from 1, of lines that are dated before a line that they follow.
    pub fn backdated(&self) -> &[usize] {
        &self.backdated
    }

    /// Whether the life of the secret has ended; one that never began has not.
    pub fn is_removed(&self) -> bool {
        self.head().is_some_and(|head| head.event == Event::Removed)
    }

    /// Digest of the line that made the current value: two branches may give one number to two values.
    pub fn value_line(&self) -> Option<Digest> {
        self.value_line
    }

    /// The line that made the current value.
    pub fn value(&self) -> Option<&Line> {
        self.inner.lines.get(self.value_at()?)
    }

    /// Where among the lines the one is that made the current value.
    fn value_at(&self) -> Option<usize> {
        let digest = self.value_line?;
        // Most often the last line is it.
        let from_end = self.inner.text.lines().rev().position(|raw| Digest::of(raw.as_bytes()) == digest)?;
        self.inner.lines.len().checked_sub(from_end + 1)
    }

    /// Whether one of the lines has this digest.
    pub fn has_line(&self, digest: Digest) -> bool {
        // The newest is asked for most.
        self.inner.text.lines().rev().any(|raw| Digest::of(raw.as_bytes()) == digest)
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.inner.text.as_bytes()
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
        self.append_made(secret, entry, None, author)
    }

    /// The same about a value that was made from others, or has a public half.
    pub fn append_made(
        &mut self,
        secret: &SecretName,
        entry: Entry,
        origin: Option<Origin>,
        author: Author<'_>,
    ) -> Result<(), SignerError> {
        let last = self.head().map_or(0, |head| head.revision);
        let revision =
            if entry.event.is_new_value() { last.max(entry.above).saturating_add(1) } else { last };
        self.push(secret, (entry, origin), author, revision, None)
    }

    fn push(
        &mut self,
        secret: &SecretName,
        (entry, origin): (Entry, Option<Origin>),
        author: Author<'_>,
        revision: u64,
        joined: Option<Joined>,
    ) -> Result<(), SignerError> {
        let last = || self.inner.text.lines().last().map(|last| Digest::of(last.as_bytes()));
        let line = Line {
            version: if author.fleet.is_some() { VERSION } else { VERSION_WITHOUT_FLEET },
            fleet: author.fleet,
            event: entry.event,
            secret: secret.clone(),
            key: entry.key,
            revision,
            source_sha256: entry.source_sha256,
            recipients: entry.recipients,
            hosts: entry.hosts,
            value: entry.value,
            origin,
            author: author.name.clone(),
            time: author.now,
            previous: joined.map_or_else(last, |joined| Some(joined.previous)),
            merged: joined.map(|joined| joined.merged),
        };
        let raw = sign_line(&to_json(&line), author.signer, Namespace::Ledger)?;
        if entry.event.is_new_value() {
            self.value_line = Some(Digest::of(raw.as_bytes()));
        }
        self.inner.text.push_str(&raw);
        self.inner.text.push('\n');
        self.inner.lines.push(line);
        Ok(())
    }
}

/// The last lines of two branches.
#[derive(Clone, Copy)]
struct Joined {
    previous: Digest,
    merged: Digest,
}

#[expect(clippy::expect_used, reason = "a line has string keys and no failing serializer")]
fn to_json(line: &Line) -> String {
    serde_json::to_string(line).expect("a line serializes")
}

fn parse_line(raw: &str, path: &Path, number: usize) -> Result<Line, LedgerError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let malformed = |reason: String| LedgerError::Malformed { path: path.to_owned(), number, reason };
    let signed =
        SignedLine::split(raw).ok_or_else(|| malformed("it has no signature at its end".to_owned()))?;
    let parsed: Versioned =
        serde_json::from_str(signed.text()).map_err(|error| malformed(error.to_string()))?;
    if !matches!(parsed.version, VERSION_WITHOUT_FLEET | VERSION) {
        return Err(LedgerError::Version { path: path.to_owned(), number, found: parsed.version });
    }
    let line: Line = serde_json::from_str(signed.text()).map_err(|error| malformed(error.to_string()))?;
    if line.fleet.is_some() == (line.version == VERSION) {
        Ok(line)
    } else {
        Err(malformed("lines of version 2 name their fleet, and only those".to_owned()))
    }
}

fn verify_signature<'a>(
    (line, latest): (&Line, Timestamp),
    raw: &str,
    trusted: &BTreeSet<VerifyingKey>,
    authors: &'a Authors,
    path: &Path,
    number: usize,
) -> Result<&'a KnownAuthor, LedgerError> {
    let failed = |source| LedgerError::Signature { path: path.to_owned(), number, source };
    let author_error = |reason| LedgerError::Author { path: path.to_owned(), number, reason };
    let signed = SignedLine::split(raw).ok_or_else(|| failed(SignatureError::Malformed))?;
    let key = signed.verify(Namespace::Ledger, trusted).map_err(failed)?;
    let Some(author) = authors.keys.get(key) else {
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
        _ => Ok(author),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
