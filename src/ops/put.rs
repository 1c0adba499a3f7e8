//! Gives a secret a value: source, ledger line, and sealed copies for every host that may read it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::crypto::Digest;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::Origin;
use crate::ledger::Seen;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::previous;
use crate::ops::public;
use crate::ops::seal::Scope;
use crate::ops::seal::seal_locked;
use crate::ops::seal::settle_reasons;
use crate::ops::values;
use crate::ops::wanted::readers;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::Writing;
use crate::ops::writing::Written;
use crate::secret::SecretBytes;
use crate::store::Layout;
use crate::store::Source;
use crate::store::StoreError;
use crate::value::Traits;

/// What became of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Put {
    /// A secret that did not exist.
    Created,
    /// A new value of one that did.
    Changed,
    /// The same value: nothing was touched.
    Unchanged,
}

/// What `set` and `edit` did.
#[derive(Clone, Debug, Serialize)]
pub struct PutReport {
    /// Version of this schema.
    pub version: u32,
    /// The secret.
    pub secret: SecretName,
    /// What became of the value.
    pub outcome: Put,
    /// Number of the current value.
    pub revision: u64,
    /// Hosts that may read it.
    pub hosts: BTreeSet<HostName>,
    /// Whether the value that was written could be found by trying.
    pub weak: bool,
    /// Why sealing did not finish, where it did not; the new source stands.
    pub unsealed: Option<Finding>,
}

/// Whether an empty value is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmptyValue {
    /// Most likely an accident.
    Refuse,
    /// Meant.
    Allow,
}

/// Gives `secret` a value. The old one is compared where an identity is at hand: the same bytes touch nothing.
///
/// Works without any identity, since sources and copies are encrypted to public recipients.
pub fn set(
    ws: &Workspace,
    secret: &SecretName,
    value: &SecretBytes,
    empty: EmptyValue,
) -> Result<PutReport, OpsError> {
    write(ws, secret, value, empty, (Event::Edited, Origin::default()))
}

/// The same with the event that replaces a value, edited by a person or rotated, and what it was made from.
pub(super) fn write(
    ws: &Workspace,
    secret: &SecretName,
    value: &SecretBytes,
    empty: EmptyValue,
    (event, origin): (Event, Origin),
) -> Result<PutReport, OpsError> {
    if value.is_empty() && empty == EmptyValue::Refuse && !values::may_be_empty(ws, secret) {
        return Err(OpsError::Empty { secret: secret.clone() });
    }
    let author = ws.author()?;
    let lock = ws.lock()?;
    let existing = existing(ws, secret)?;
    let mut compared = existing.ledger().current().is_none();
    let (mut old, mut same) = (None, false);
    if let Existing::Sound(source) = &existing {
        old = ws.identities().ok().and_then(|identities| source.open(identities).ok());
        compared = old.is_some();
        same = old.as_ref().is_some_and(|old| old.same(value));
        if same && !tells_more(source, &origin) {
            // An earlier attempt may have been interrupted before it sealed.
            let report = unchanged(ws, source);
            let unsealed = sealed(ws, &lock, &author, (secret, value), &report.hosts);
            return Ok(PutReport { unsealed, ..report });
        }
    }
    values::refuse_second(ws, secret, &existing)?;
    values::refuse_unfit(ws, secret, value)?;
    if !same {
        previous::keep(ws, &lock, &author, (secret, &existing), old.as_ref())?;
    }
    let made = Made { event, changed: compared.then_some(!same), origin };
    put(ws, &lock, &author, (secret, value), made, existing)
}

/// Whether a value that is there already comes from other inputs than those in its line.
fn tells_more(source: &Source, origin: &Origin) -> bool {
    let recorded = source.ledger.value().and_then(|line| line.origin.clone()).unwrap_or_default();
    let words = |origin: &Origin| (origin.generator.clone(), origin.inputs.clone());
    origin.generator.is_some() && words(origin) != words(&recorded)
}

/// How a value came about, for its ledger line.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// What happened to a secret that had a value before.
    pub(super) event: Event,
    /// Whether it differs from the value before, as far as somebody could look.
    pub(super) changed: Option<bool>,
    /// What it was made from.
    pub(super) origin: Origin,
}

/// What there is of a secret before it gets a value.
pub(super) enum Existing {
    /// A source that its ledger vouches for.
    Sound(Box<Source>),
    /// No source, or one that somebody replaced or made without us; a new value takes its place.
    Unvouched(Box<VerifiedLedger>),
}

impl Existing {
    /// The life of the secret so far.
    pub(super) fn ledger(&self) -> &VerifiedLedger {
        match self {
            Self::Sound(source) => &source.ledger,
            Self::Unvouched(ledger) => ledger,
        }
    }

    pub(super) fn into_ledger(self) -> VerifiedLedger {
        match self {
            Self::Sound(source) => source.ledger,
            Self::Unvouched(ledger) => *ledger,
        }
    }
}

pub(super) fn existing(ws: &Workspace, secret: &SecretName) -> Result<Existing, OpsError> {
    if !ws.layout.has_source(secret) {
        refuse_case_clash(ws, secret)?;
    }
    found(ws, secret)
}

/// The same for a name of which it is known that no other has its letters.
pub(super) fn found(ws: &Workspace, secret: &SecretName) -> Result<Existing, OpsError> {
    let unvouched = || -> Result<Existing, OpsError> {
        Ok(Existing::Unvouched(Box::new(ws.layout.read_ledger(secret, &ws.authors())?)))
    };
    if !ws.layout.has_source(secret) {
        return unvouched();
    }
    match ws.layout.read_source(secret, &ws.authors()) {
        Ok(source) => Ok(Existing::Sound(Box::new(source))),
        Err(StoreError::NoLedger { .. } | StoreError::SourceChanged { .. }) => unvouched(),
        Err(error) => Err(error.into()),
    }
}

/// A new name must not be an existing one in other letters.
pub(super) fn refuse_case_clash(ws: &Workspace, secret: &SecretName) -> Result<(), OpsError> {
    let survey = ws.layout.survey()?;
    let clash = survey.sources.iter().find(|name| name.as_str().eq_ignore_ascii_case(secret.as_str()));
    match clash {
        Some(existing) if existing != secret => {
            Err(OpsError::CaseClash { secret: secret.clone(), existing: existing.clone() })
        }
        _ => Ok(()),
    }
}

pub(super) fn unchanged(ws: &Workspace, source: &Source) -> PutReport {
    PutReport {
        version: 1,
        secret: source.name.clone(),
        outcome: Put::Unchanged,
        revision: source.revision(),
        hosts: readers(ws, &source.name),
        weak: false,
        unsealed: None,
    }
}

/// Writes the source and its ledger line as one change, then seals. If sealing fails the source stands.
pub(super) fn put(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    (secret, value): (&SecretName, &SecretBytes),
    mut made: Made,
    existing: Existing,
) -> Result<PutReport, OpsError> {
    let mut ledger = existing.into_ledger();
    let outcome = if ledger.current().is_some() { Put::Changed } else { Put::Created };
    let hosts = readers(ws, secret);
    let public = public::of(ws, secret, value);
    made.origin.public_sha256 = public.as_ref().map(|public| Digest::of(public.text.as_bytes()));
    let mut writing = Writing::new(ws);
    let written = writing.put(secret, value)?;
    append(ws, author, (secret, value), (made, written), &mut ledger, &hosts)?;
    let mut change = ws.change(lock)?;
    public::stage(ws, secret, public.as_ref(), &mut change)?;
    change.write(Layout::ledger(secret), ledger.bytes())?;
    writing.commit(author, change)?;
    let unsealed = sealed(ws, lock, author, (secret, value), &hosts);
    Ok(PutReport {
        version: 1,
        secret: secret.clone(),
        outcome,
        revision: ledger.head().map_or(0, |head| head.revision),
        hosts,
        weak: Traits::of(value).weak,
        unsealed,
    })
}

/// Seals one value for its readers; what stopped it, if something did.
fn sealed(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    (secret, value): (&SecretName, &SecretBytes),
    hosts: &BTreeSet<HostName>,
) -> Option<Finding> {
    if hosts.is_empty() {
        return settle_reasons(ws, lock, secret).err().map(|error| Finding::from_failure(&error));
    }
    let scope = Scope::of_one(secret, hosts);
    let known = BTreeMap::from([(secret.clone(), value)]);
    let left = match seal_locked(ws, lock, &scope, Some(author), &known) {
        Ok(report) if !report.is_whole() => return report.stopped(),
        Ok(report) => report.left,
        Err(error) => return Some(Finding::from_failure(&error)),
    };
    let left: Vec<&str> = left.iter().map(HostName::as_str).collect();
    let message = format!(
        "the sealed tree of {} must be made anew, so it lacks this value of `{secret}`",
        left.join(", ")
    );
    let finding = Finding::new(Severity::Error, Class::Finding, "sealed::left", message);
    (!left.is_empty()).then(|| finding.help("look at `secretctl check`, then run `secretctl seal`"))
}

/// Appends the line about a value that was encrypted for admins.
pub(super) fn append(
    ws: &Workspace,
    author: &Author,
    (secret, value): (&SecretName, &SecretBytes),
    (made, written): (Made, Written),
    ledger: &mut VerifiedLedger,
    hosts: &BTreeSet<HostName>,
) -> Result<(), OpsError> {
    let begins = ledger.current().is_none() && made.event != Event::Imported;
    let event = if begins { Event::Created } else { made.event };
    let traits = Traits::of(value);
    let seen = Seen { changed: made.changed, expires: traits.ends, weak: traits.weak };
    let Written { key, recipients, source_sha256 } = written;
    // A host may have a newer value than the ledger knows, if somebody put the ledger back to the past.
    let above = ws.layout.sealed_revision(secret, hosts, &ws.signers());
    let (source_sha256, hosts, value) = (Some(source_sha256), hosts.clone(), Some(seen));
    let entry = ledger::Entry { event, key, source_sha256, recipients, hosts, above, value };
    let origin = Some(made.origin).filter(|origin| *origin != Origin::default());
    ledger.append_made(secret, entry, origin, author.at(ws.settings.now)).map_err(StoreError::from)?;
    Ok(())
}
