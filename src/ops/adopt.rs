//! Takes over what another tool wrote into documents: each new or changed value gets a signed ledger line.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::Origin;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::document::DocumentError;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::put::Existing;
use crate::ops::put::Made;
use crate::ops::put::append;
use crate::ops::put::existing;
use crate::ops::seal::Scope;
use crate::ops::seal::seal_locked;
use crate::ops::settle;
use crate::ops::values;
use crate::ops::wanted::readers;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::Written;
use crate::ops::writing::key_of;
use crate::sops::Foreigners;
use crate::sops::Gpg;
use crate::sops::Opened;
use crate::sops::SopsError;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::Note;
use crate::store::Part;
use crate::store::StoreError;
use crate::store::is_sealed_with_data_key;

/// What becomes of a document whose data key nobody vouches for, where somebody's way in cannot be made for another: that of a key
/// service, or an OpenPGP key that `gpg` does not know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unwrappable {
    /// It is not adopted.
    Refuse,
    /// All keys of other tools go.
    Drop,
    /// The data key stays: whoever made the document can read all that is put into it.
    DangerKeep,
}

/// What `adopt` did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AdoptReport {
    /// Version of this schema.
    pub version: u32,
    /// Documents that were opened.
    pub documents: BTreeSet<PathBuf>,
    /// Secrets that nobody had vouched for.
    pub new: BTreeSet<SecretName>,
    /// Secrets whose value another tool replaced, or encrypted anew.
    pub changed: BTreeSet<SecretName>,
    /// Secrets that another tool took away.
    pub removed: BTreeSet<SecretName>,
    /// Values that are not as the policy asks; they were taken over as they are.
    pub unfit: BTreeMap<SecretName, Vec<String>>,
    /// Documents that got a new data key, since nobody vouched for the one they had.
    pub rekeyed: BTreeSet<PathBuf>,
    /// Documents that kept a data key that nobody vouched for, as was wanted.
    pub kept: BTreeSet<PathBuf>,
    /// Documents that were not adopted.
    pub left: Vec<Finding>,
    /// Hosts that may read what is new or changed.
    pub hosts: BTreeSet<HostName>,
    /// Why sealing did not finish, where it did not.
    pub unsealed: Option<Finding>,
}

/// Vouches for every value of these documents, or of all, that no ledger vouches for. Each document is opened for it,
/// so that its own check of integrity holds.
pub fn adopt(
    ws: &Workspace,
    prefixes: &BTreeSet<SecretName>,
    unwrappable: Unwrappable,
    run: Run,
) -> Result<AdoptReport, OpsError> {
    let mut report = AdoptReport { version: 1, ..AdoptReport::default() };
    let author = ws.author()?;
    let lock = ws.lock()?;
    let documents = chosen(ws, prefixes)?;
    let mut prefixes = BTreeSet::new();
    for loaded in documents {
        let found = loaded.open(ws.identities()?)?;
        let key = if run == Run::Real { own_key(ws, &loaded, &found, unwrappable)? } else { DataKey::Same };
        let fresh = match key {
            DataKey::Same => None,
            DataKey::Kept => {
                report.kept.insert(loaded.place.path.clone());
                None
            }
            DataKey::New(fresh) => {
                report.rekeyed.insert(loaded.place.path.clone());
                Some(*fresh)
            }
            DataKey::None(finding) => {
                report.left.push(*finding);
                continue;
            }
        };
        let lines = lines(ws, &author, fresh.as_ref().unwrap_or(&loaded), &mut report)?;
        report.documents.insert(loaded.place.path.clone());
        prefixes.insert(loaded.prefix.clone());
        if run == Run::Real {
            let fresh = noted(ws, &author, &loaded, fresh.as_ref())?;
            write(ws, &lock, fresh, lines)?;
        }
    }
    if run == Run::Real {
        // A run before this one may have been interrupted before it sealed.
        let left = settle::left(ws, &document::secrets(ws, &prefixes)?)?;
        report.hosts.extend(left.into_values().flatten());
        report.unsealed = sealed(ws, &lock, &author, &report);
    }
    Ok(report)
}

/// The document with a note that it was left so, if it has none that holds; it was opened, so it is sound.
fn noted(
    ws: &Workspace,
    author: &Author,
    loaded: &Loaded,
    fresh: Option<&Loaded>,
) -> Result<Option<Loaded>, OpsError> {
    if fresh.is_none() && loaded.note(&ws.fleet.trusted_keys()) == Note::Holds {
        return Ok(None);
    }
    let (prefix, place) = (loaded.prefix.clone(), loaded.place.clone());
    let opened = fresh.unwrap_or(loaded).open(ws.identities()?)?;
    let noted = document::noted(author, &prefix, &opened)?;
    Ok(Some(Loaded::of_opened(prefix, place, &noted, ws.identities()?)))
}

/// Writes a document that changed, and the ledgers of its secrets.
fn write(
    ws: &Workspace,
    lock: &WriteLock,
    fresh: Option<Loaded>,
    lines: Vec<(SecretName, VerifiedLedger)>,
) -> Result<(), OpsError> {
    let mut change = ws.change(lock)?;
    if let Some(fresh) = &fresh {
        change.write(&fresh.place.path, fresh.document.bytes())?;
    }
    for (secret, ledger) in lines {
        change.write(Layout::ledger(&secret), ledger.bytes())?;
    }
    change.commit()?;
    if let Some(fresh) = fresh {
        ws.layout.remember(fresh);
    }
    Ok(())
}

/// The data key that a document is adopted with.
enum DataKey {
    /// Its own, which a ledger vouches for, or which nothing is encrypted with.
    Same,
    /// Its own, which nobody vouches for.
    Kept,
    /// Another one.
    New(Box<Loaded>),
    /// There is none to trust.
    None(Box<Finding>),
}

/// A new data key, if no ledger vouches for the one there is: whoever made the document knows that one, and could read all that
/// is ever put into it.
fn own_key(
    ws: &Workspace,
    loaded: &Loaded,
    opened: &Opened,
    unwrappable: Unwrappable,
) -> Result<DataKey, OpsError> {
    let sealed = |part: &Part| is_sealed_with_data_key(&loaded.document, part);
    if !loaded.names.values().any(sealed) || document::data_key(ws, loaded).vouched {
        return Ok(DataKey::Same);
    }
    let rotated = |foreigners| opened.rotated(&foreigners, ws.settings.now, &ws.settings.prompt);
    let foreign = loaded.document.access().groups.iter().any(|group| !group.foreign.is_empty());
    let new = match (rotated(Foreigners::Keep(Gpg::OnPath)), unwrappable) {
        (Err(error), Unwrappable::Refuse) if foreign => {
            return Ok(DataKey::None(Box::new(refused(loaded, &error))));
        }
        (Err(_), Unwrappable::DangerKeep) if foreign => return Ok(DataKey::Kept),
        (Err(_), Unwrappable::Drop) if foreign => rotated(Foreigners::Drop),
        (new, _) => new,
    };
    let new = new.map_err(StoreError::from)?;
    let (prefix, place) = (loaded.prefix.clone(), loaded.place.clone());
    Ok(DataKey::New(Box::new(Loaded::of_opened(prefix, place, &new, ws.identities()?))))
}

fn refused(loaded: &Loaded, error: &SopsError) -> Finding {
    let (path, prefix) = (&loaded.place.path, &loaded.prefix);
    let message = format!("`{prefix}` was not adopted: whoever made it knows its data key, and {error}");
    Finding::new(Severity::Error, Class::Finding, "adopt::data_key", message)
        .at(Place::file(path))
        .help(format!(
            "take the keys of other tools out with `secretctl adopt --drop-foreign {prefix}`; if only admins have ever had that data key, `--danger-keep-data-key` keeps it"
        ))
}

/// The documents of these prefixes, or every one.
fn chosen(ws: &Workspace, prefixes: &BTreeSet<SecretName>) -> Result<Vec<std::sync::Arc<Loaded>>, OpsError> {
    let survey = ws.layout.survey()?.whole()?;
    if prefixes.is_empty() {
        return Ok(survey.documents.into_values().collect());
    }
    let one = |prefix: &SecretName| {
        let unknown = || DocumentError::Unknown { name: prefix.clone() };
        survey.documents.get(prefix).cloned().ok_or_else(unknown)
    };
    Ok(prefixes.iter().map(one).collect::<Result<_, _>>()?)
}

/// The ledgers of one document that need a line, with it.
fn lines(
    ws: &Workspace,
    author: &Author,
    loaded: &Loaded,
    report: &mut AdoptReport,
) -> Result<Vec<(SecretName, VerifiedLedger)>, OpsError> {
    let mut lines = Vec::new();
    let recipients = document::present(&loaded.document);
    for (secret, part) in &loaded.names {
        let Existing::Unvouched(before) = existing(ws, secret)? else { continue };
        let mut ledger = *before;
        let Some(source_sha256) = loaded.digest(part) else { continue };
        let known = ledger.current().is_some();
        let noted = if known { &mut report.changed } else { &mut report.new };
        noted.insert(secret.clone());
        let value = loaded.value(part, ws.identities()?)?;
        let complaints = values::complaints(ws, secret, &value);
        if !complaints.is_empty() {
            report.unfit.insert(secret.clone(), complaints);
        }
        let written = Written { source_sha256, recipients: recipients.clone(), key: key_of(part) };
        let event = if known { Event::Edited } else { Event::Imported };
        let made = Made { event, changed: None, origin: Origin::default() };
        let hosts = readers(ws, secret);
        append(ws, author, (secret, &value), (made, written), &mut ledger, &hosts)?;
        report.hosts.extend(hosts);
        lines.push((secret.clone(), ledger));
    }
    for (secret, ledger) in gone(ws, loaded)? {
        report.removed.insert(secret.clone());
        report.hosts.extend(ledger.head().map(|head| head.hosts.clone()).unwrap_or_default());
        lines.push((secret.clone(), removed(ws, author, &secret, ledger)?));
    }
    Ok(lines)
}

/// Secrets that a document had by their ledgers and has no more.
fn gone(ws: &Workspace, loaded: &Loaded) -> Result<Vec<(SecretName, VerifiedLedger)>, OpsError> {
    let below = format!("{}/", loaded.prefix);
    let survey = ws.layout.survey()?;
    let left = survey.ledgers.difference(&survey.sources).filter(|name| name.as_str().starts_with(&below));
    let mut gone = Vec::new();
    for name in left {
        let ledger = ws.layout.read_ledger(name, &ws.authors())?;
        if ledger.current().is_some_and(|line| line.key.is_some()) {
            gone.push((name.clone(), ledger));
        }
    }
    Ok(gone)
}

/// Notes the end of a secret.
pub(super) fn removed(
    ws: &Workspace,
    author: &Author,
    secret: &SecretName,
    mut ledger: VerifiedLedger,
) -> Result<VerifiedLedger, OpsError> {
    let entry = ledger::Entry {
        event: Event::Removed,
        key: ledger.head().and_then(|head| head.key.clone()),
        source_sha256: None,
        recipients: BTreeSet::new(),
        hosts: BTreeSet::new(),
        above: 0,
        value: None,
    };
    ledger.append(secret, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    Ok(ledger)
}

/// Seals what is new or changed for the hosts that may read it; what stopped it, if something did.
fn sealed(ws: &Workspace, lock: &WriteLock, author: &Author, report: &AdoptReport) -> Option<Finding> {
    let hosts: BTreeSet<HostName> =
        report.hosts.iter().filter(|host| ws.policy.seals_for(host)).cloned().collect();
    if hosts.is_empty() {
        return None;
    }
    match seal_locked(ws, lock, &Scope::hosts(hosts), Some(author), &BTreeMap::new()) {
        Ok(report) => report.stopped(),
        Err(error) => Some(Finding::from_failure(&error)),
    }
}
