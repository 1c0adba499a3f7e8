//! What a document of several secrets should be encrypted to, and whether it is.

mod data_key;
pub mod edit;
mod error;
mod note;

use std::collections::BTreeSet;
use std::path::Path;

pub(super) use data_key::data_key;
pub(super) use data_key::for_writing;
pub use error::DocumentError;
pub(super) use note::noted;

use crate::crypto::Recipient;
use crate::fleet;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::host::change_fleet;
use crate::ops::wanted::readers;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::declared as declared_by;
use crate::secret::SecretBytes;
use crate::sops::Document;
use crate::sops::Format;
use crate::store::DocumentPlace;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::StoreError;

/// What `secretctl.toml` says of a document; nothing of one that needs no entry.
pub(super) fn declared(ws: &Workspace, prefix: &SecretName) -> fleet::Document {
    ws.fleet.documents.get(prefix).cloned().unwrap_or_default()
}

/// The files that a secret and its life are in, or were in, in words that Git understands.
pub(super) fn files_of(ws: &Workspace, secret: &SecretName) -> String {
    let key = ws.layout.unverified_head(secret).and_then(|line| line.key);
    let source = match key {
        Some(key) if !ws.layout.has_source(secret) => home(ws, secret, &key),
        _ => ws.layout.source_path(secret).display().to_string(),
    };
    format!("{source} {}", Layout::ledger(secret).display())
}

/// Where the document lay that is gone with this key, in words that Git understands.
pub(super) fn home(ws: &Workspace, name: &SecretName, key: &str) -> String {
    let prefix = name.as_str().strip_suffix(key).and_then(|rest| rest.strip_suffix('/'));
    let Some(prefix) = prefix.and_then(|prefix| prefix.parse::<SecretName>().ok()) else {
        return "FILE".to_owned();
    };
    let declared = declared(ws, &prefix).path;
    declared.map_or_else(|| format!("'secrets/{prefix}.sops*'"), |path| path.as_path().display().to_string())
}

/// The secrets of these documents, and those that they had once.
pub(super) fn secrets(
    ws: &Workspace,
    prefixes: &BTreeSet<SecretName>,
) -> Result<BTreeSet<SecretName>, OpsError> {
    let survey = ws.layout.survey()?;
    let within = |name: &&SecretName| prefixes.iter().any(|prefix| name.is_within(prefix));
    Ok(survey.sources.union(&survey.ledgers).filter(within).cloned().collect())
}

/// What a person means by a name: one secret, or a whole document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// One secret, which may be new.
    Secret(SecretName),
    /// A document, by the name before its keys.
    Document(SecretName, DocumentPlace),
}

/// Tells what is meant by a name or by the path of a document.
pub fn target(ws: &Workspace, text: &str) -> Result<Target, OpsError> {
    let here = ws.settings.current_dir.join(text);
    let inside = here.strip_prefix(ws.layout.root()).ok();
    let paths = [Some(Path::new(text)), inside];
    let declared = declared_by(&ws.fleet);
    for path in paths.into_iter().flatten() {
        let Some((prefix, place)) = declared.place_of(path) else { continue };
        let exists = ws.layout.root().join(path).is_file();
        let whole = place.whole || Format::of(path) == Format::Binary;
        if exists || path.starts_with("secrets") {
            return Ok(if whole { Target::Secret(prefix) } else { Target::Document(prefix, place) });
        }
    }
    let refused =
        |error: crate::name::NameError| DocumentError::Name { name: text.to_owned(), rule: error.rule() };
    let name: SecretName = text.parse().map_err(refused)?;
    match ws.layout.document_place(&name) {
        Some(place) if !ws.layout.has_source(&name) => Ok(Target::Document(name, place)),
        _ => Ok(Target::Secret(name)),
    }
}

/// Decrypts a whole document, without what SOPS keeps about it.
pub fn show(ws: &Workspace, prefix: &SecretName, place: &DocumentPlace) -> Result<SecretBytes, OpsError> {
    let loaded = ws.layout.document(prefix, place)?;
    Ok(loaded.open(ws.identities()?)?.plaintext().map_err(StoreError::from)?)
}

/// Which documents `rekey` is about to let go of other tools.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Beside {
    /// These hosts open the documents themselves, while another tool reads them there.
    Direct(BTreeSet<HostName>),
    /// Nobody but editors and recovery opens them any more.
    Settled,
}

/// Notes in `secretctl.toml` who opens documents beside their editors: these, or all. Refused where a host would read
/// more than policy grants it.
pub fn beside(ws: &Workspace, prefixes: &BTreeSet<SecretName>, beside: &Beside) -> Result<(), OpsError> {
    let survey = ws.layout.survey()?;
    let mut changes = Vec::new();
    for prefix in prefixes {
        if !survey.documents.contains_key(prefix) {
            return Err(DocumentError::Unknown { name: prefix.clone() }.into());
        }
    }
    for (prefix, loaded) in &survey.documents {
        if !prefixes.is_empty() && !prefixes.contains(prefix) {
            continue;
        }
        let mut entry = declared(ws, prefix);
        entry.legacy.clear();
        entry.direct = match beside {
            Beside::Settled => BTreeSet::new(),
            Beside::Direct(hosts) => direct(ws, loaded, hosts)?,
        };
        if entry != declared(ws, prefix) {
            changes.push((prefix.clone(), entry));
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    change_fleet(&ws.settings, Run::Real, |_, file| {
        changes.iter().for_each(|(prefix, entry)| file.set_document(prefix, entry));
        Ok(())
    })?;
    Ok(())
}

/// These hosts, if policy grants each of them every secret of the document.
fn direct(
    ws: &Workspace,
    loaded: &Loaded,
    hosts: &BTreeSet<HostName>,
) -> Result<BTreeSet<HostName>, OpsError> {
    for host in hosts {
        super::host::known(&ws.fleet, host)?;
    }
    match beyond_policy(ws, loaded, hosts).into_iter().next() {
        None => Ok(hosts.clone()),
        Some((host, secrets)) => {
            let (path, secrets) = (loaded.place.path.clone(), secrets.into_iter().collect());
            Err(DocumentError::BeyondPolicy { path, host, secrets }.into())
        }
    }
}

/// What a document should be encrypted to: the editors of its secrets, recovery, hosts that open it themselves, and
/// the recipients of another tool that stay for now.
pub(super) fn recipients(ws: &Workspace, loaded: &Loaded) -> Result<BTreeSet<Recipient>, OpsError> {
    let mut right = editors(ws, loaded)?;
    right.extend(beside_of(&ws.fleet, &loaded.prefix));
    Ok(right)
}

/// Who opens the document of this name, or the one that a secret of this name is in, beside editors and recovery.
pub(super) fn beside_of(fleet: &fleet::Fleet, name: &SecretName) -> BTreeSet<Recipient> {
    let nearest = fleet.documents.iter().filter(|(prefix, _)| name.is_within(prefix));
    let Some((_, document)) = nearest.max_by_key(|(prefix, _)| prefix.as_str().len()) else {
        return BTreeSet::new();
    };
    let hosts = document.direct.iter().filter_map(|host| fleet.hosts.get(host));
    let direct = hosts.flat_map(|host| host.recipients.iter().cloned());
    direct.chain(document.legacy.iter().cloned()).collect()
}

/// The editors of all of its secrets, and recovery; one text can't be encrypted to some for one key and to others for
/// another.
fn editors(ws: &Workspace, loaded: &Loaded) -> Result<BTreeSet<Recipient>, OpsError> {
    let mut names = loaded.names.keys();
    let Some(first) = names.next() else { return ws.source_recipients(&loaded.prefix) };
    let right = ws.source_recipients(first)?;
    for name in names {
        if ws.source_recipients(name)? != right {
            let (first, second) = (first.clone(), name.clone());
            let path = loaded.place.path.clone();
            return Err(DocumentError::MixedEditors { path, first, second }.into());
        }
    }
    Ok(right)
}

/// What a document is encrypted to by its own words, as far as age reads them. What it says is not believed: it only
/// tells whether something is to be done.
pub(super) fn present(document: &Document) -> BTreeSet<Recipient> {
    let stanzas = document.access().groups.iter().flat_map(|group| &group.recipients);
    stanzas.filter_map(|stanza| stanza.recipient.parse().ok()).collect()
}

/// Refuses to put a value into a document that others can open than should; gives its recipients.
pub(super) fn refuse_outdated(ws: &Workspace, loaded: &Loaded) -> Result<BTreeSet<Recipient>, OpsError> {
    let (right, has) = (recipients(ws, loaded)?, present(&loaded.document));
    if right == has { Ok(right) } else { Err(outdated(ws, loaded, &has, &right)) }
}

fn outdated(
    ws: &Workspace,
    loaded: &Loaded,
    has: &BTreeSet<Recipient>,
    right: &BTreeSet<Recipient>,
) -> OpsError {
    let owner = |r: &Recipient| ws.fleet.owner_of(r).unwrap_or_else(|| format!("`{r}`, whom nobody knows"));
    let words = |one: &BTreeSet<Recipient>, other: &BTreeSet<Recipient>| -> Vec<String> {
        one.difference(other).map(owner).collect()
    };
    let path = loaded.place.path.clone();
    DocumentError::Outdated { path, surplus: words(has, right), missing: words(right, has) }.into()
}

/// Secrets of a document that each host could read, though policy does not grant them, if it opened the file itself.
pub(super) fn beyond_policy(
    ws: &Workspace,
    loaded: &Loaded,
    hosts: &BTreeSet<HostName>,
) -> Vec<(HostName, BTreeSet<SecretName>)> {
    let refused = |host: &HostName| -> BTreeSet<SecretName> {
        loaded.names.keys().filter(|name| !readers(ws, name).contains(host)).cloned().collect()
    };
    let all = hosts.iter().map(|host| (host.clone(), refused(host)));
    all.filter(|(_, secrets)| !secrets.is_empty()).collect()
}

/// Refuses to give a value to hosts that open the document themselves and that policy does not grant it.
pub(super) fn refuse_readers(ws: &Workspace, loaded: &Loaded, secret: &SecretName) -> Result<(), OpsError> {
    let direct = declared(ws, &loaded.prefix).direct;
    let granted = if direct.is_empty() { BTreeSet::new() } else { readers(ws, secret) };
    match direct.difference(&granted).next() {
        None => Ok(()),
        Some(host) => {
            let (path, secrets) = (loaded.place.path.clone(), vec![secret.clone()]);
            Err(DocumentError::BeyondPolicy { path, host: host.clone(), secrets }.into())
        }
    }
}

/// Refuses to let hosts open the document themselves that can't yet, and would read more than policy grants them.
pub(super) fn refuse_wider(ws: &Workspace, loaded: &Loaded) -> Result<(), OpsError> {
    let has = present(&loaded.document);
    let opens = |host: &HostName| {
        ws.fleet.hosts.get(host).is_some_and(|host| host.recipients.iter().all(|r| has.contains(r)))
    };
    let hosts = declared(ws, &loaded.prefix).direct.into_iter().filter(|host| !opens(host)).collect();
    direct(ws, loaded, &hosts).map(drop)
}
