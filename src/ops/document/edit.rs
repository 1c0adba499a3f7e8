//! Edits a whole document in the person's own editor, in memory.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::for_writing;
use super::present;
use super::recipients;
use super::refuse_outdated;
use super::refuse_readers;
use crate::diag::Finding;
use crate::fsx::PrivateDir;
use crate::fsx::Transaction;
use crate::ledger::Event;
use crate::ledger::Origin;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::adopt::removed;
use crate::ops::document;
use crate::ops::edit::Editor;
use crate::ops::edit::ask_again;
use crate::ops::edit::run_on;
use crate::ops::edit::unfit;
use crate::ops::error::OpsError;
use crate::ops::previous;
use crate::ops::public;
use crate::ops::put::Made;
use crate::ops::put::append;
use crate::ops::put::existing;
use crate::ops::put::found;
use crate::ops::seal::Scope;
use crate::ops::seal::seal_locked;
use crate::ops::settle::Settled;
use crate::ops::settle::settle;
use crate::ops::values;
use crate::ops::wanted::readers;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::Writing;
use crate::ops::writing::Written;
use crate::ops::writing::key_of;
use crate::secret::SecretBytes;
use crate::sops::Document;
use crate::sops::Foreigners;
use crate::sops::Format;
use crate::sops::Opened;
use crate::sops::Settings;
use crate::store::DocumentPlace;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::Part;
use crate::store::StoreError;
use crate::store::digest;

/// What became of a document.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DocumentReport {
    /// Version of this schema.
    pub version: u32,
    /// Secrets that are new.
    pub created: BTreeSet<SecretName>,
    /// Secrets with another value.
    pub changed: BTreeSet<SecretName>,
    /// Secrets that are gone.
    pub removed: BTreeSet<SecretName>,
    /// Hosts that may read some of them.
    pub hosts: BTreeSet<HostName>,
    /// Why sealing did not finish, where it did not; the document stands.
    pub unsealed: Option<Finding>,
}

/// Decrypts a document, lets the person edit all of it, and puts what they changed; an unchanged text touches nothing.
pub fn edit(
    ws: &Workspace,
    (prefix, place): (&SecretName, &DocumentPlace),
    editor: &mut dyn Editor,
) -> Result<DocumentReport, OpsError> {
    let author = ws.author()?;
    ws.complete()?;
    let mut base = Base::read(ws, prefix, place)?;
    editor.guard();
    let folder = PrivateDir::create(&ws.settings.memory_places)?;
    // Editors choose colours by the ending.
    let ending = place.path.extension().and_then(|ending| ending.to_str()).unwrap_or("txt");
    let file = format!("document.{ending}");
    let mut old = base.plaintext()?;
    folder.write(&file, &old)?;
    loop {
        let text = run_on(prefix, &file, editor, &folder)?;
        if text.same(&old) {
            let settled = settle(ws, &document::secrets(ws, &BTreeSet::from([prefix.clone()]))?)?;
            let Settled { hosts, unsealed } = settled;
            return Ok(DocumentReport { version: 1, hosts, unsealed, ..DocumentReport::default() });
        }
        let new = match base.edited(ws, (prefix, place), &text) {
            Ok(new) => new,
            Err(OpsError::Store(StoreError::Document(error))) => {
                ask_again(prefix, editor, &error.to_string())?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let after = Loaded::new(prefix.clone(), place.clone(), new.document().clone());
        let difference = Difference::between(base.loaded(), &after);
        if let Some(complaint) = difference.complaint(ws, &new, &after)? {
            ask_again(prefix, editor, &complaint)?;
            continue;
        }
        let lock = ws.lock()?;
        let now = Base::read(ws, prefix, place)?;
        if now.bytes() == base.bytes() {
            return put(ws, &lock, &author, &base, (after, new), difference);
        }
        // Somebody else was faster. What was typed stays in the editor; saving it again replaces theirs.
        drop(lock);
        ask_again(prefix, editor, &format!("`{}` was changed while you were editing", place.path.display()))?;
        base = now;
        old = base.plaintext()?;
    }
}

/// A document before it is edited; one that is not there yet is made.
struct Base(Option<There>);

struct There {
    /// As it lies there.
    found: Arc<Loaded>,
    /// The same, perhaps under another data key.
    loaded: Loaded,
    opened: Opened,
}

impl Base {
    fn read(ws: &Workspace, prefix: &SecretName, place: &DocumentPlace) -> Result<Self, OpsError> {
        if !ws.layout.root().join(&place.path).exists() {
            return Ok(Self(None));
        }
        let found = ws.layout.document(prefix, place)?;
        refuse_outdated(ws, &found)?;
        let opened = for_writing(ws, &found)?;
        let loaded = Loaded::new(prefix.clone(), place.clone(), opened.document().clone());
        Ok(Self(Some(There { found, loaded, opened })))
    }

    fn loaded(&self) -> Option<&Loaded> {
        self.0.as_ref().map(|there| &there.loaded)
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_ref().map(|there| there.found.document.bytes()).unwrap_or_default()
    }

    fn plaintext(&self) -> Result<SecretBytes, OpsError> {
        let Some(there) = &self.0 else { return Ok(SecretBytes::default()) };
        Ok(there.opened.plaintext().map_err(StoreError::from)?)
    }

    fn value(&self, secret: &SecretName) -> Result<Option<SecretBytes>, OpsError> {
        self.0.as_ref().map(|there| value_of(&there.opened, &there.loaded, secret)).transpose()
    }

    /// What the person made of it, encrypted.
    fn edited(
        &self,
        ws: &Workspace,
        (prefix, place): (&SecretName, &DocumentPlace),
        text: &SecretBytes,
    ) -> Result<Opened, OpsError> {
        let (now, prompt) = (ws.settings.now, &ws.settings.prompt);
        if let Some(there) = &self.0 {
            return Ok(there.opened.edited(text, now).map_err(StoreError::from)?);
        }
        let settings = Settings { recipients: ws.source_recipients(prefix)?, ..Settings::default() };
        let format = Format::of(&place.path);
        let new = Document::encrypt(text, format, &settings, now, prompt, &place.path);
        let new = new.map_err(StoreError::from)?;
        // Who its editors are is known only when it is known which secrets it has.
        let loaded = Loaded::new(prefix.clone(), place.clone(), new.document().clone());
        let right = recipients(ws, &loaded)?;
        if right == present(new.document()) {
            return Ok(new);
        }
        Ok(new.rekeyed(&right, &Foreigners::Drop, now, prompt).map_err(StoreError::from)?)
    }
}

/// What differs between two texts of one document, told by their ciphertext.
#[derive(Debug, Default)]
struct Difference {
    created: BTreeSet<SecretName>,
    changed: BTreeSet<SecretName>,
    removed: BTreeSet<SecretName>,
}

impl Difference {
    fn between(before: Option<&Loaded>, after: &Loaded) -> Self {
        let mut difference = Self::default();
        for (name, part) in &after.names {
            let old = before.and_then(|before| Some(before.digest(before.names.get(name)?)));
            match old {
                None => drop(difference.created.insert(name.clone())),
                Some(old) if old != after.digest(part) => drop(difference.changed.insert(name.clone())),
                Some(_) => {}
            }
        }
        let gone = before.into_iter().flat_map(|before| before.names.keys());
        let gone = gone.filter(|name| !after.names.contains_key(*name));
        difference.removed = gone.cloned().collect();
        difference
    }

    /// Why the text goes back to the editor.
    fn complaint(&self, ws: &Workspace, new: &Opened, after: &Loaded) -> Result<Option<String>, OpsError> {
        if let Some(clash) = self.clash(ws, after)? {
            return Ok(Some(clash.to_string()));
        }
        for secret in self.created.iter().chain(&self.changed) {
            if let Err(error) = refuse_readers(ws, after, secret) {
                return Ok(Some(error.to_string()));
            }
            let value = value_of(new, after, secret)?;
            if let Some(complaint) = unfit(ws, secret, &value) {
                return Ok(Some(complaint));
            }
            if self.changed.contains(secret) {
                values::refuse_second(ws, secret, &existing(ws, secret)?)?;
            }
        }
        Ok(None)
    }

    /// A new name that is there already, or is another one in other letters: nobody could tell the two apart.
    fn clash(&self, ws: &Workspace, after: &Loaded) -> Result<Option<OpsError>, OpsError> {
        if self.created.is_empty() {
            return Ok(None);
        }
        let survey = ws.layout.survey()?;
        if let Some(secret) = self.created.intersection(&survey.sources).next() {
            return Ok(Some(OpsError::SecretExists { secret: secret.clone() }));
        }
        let elsewhere = survey.sources.iter().filter(|name| !self.removed.contains(*name));
        let mut folded: BTreeMap<String, &SecretName> = BTreeMap::new();
        for name in elsewhere.chain(after.names.keys()) {
            let first = *folded.entry(name.as_str().to_ascii_lowercase()).or_insert(name);
            if first != name {
                let (secret, existing) = (name.clone(), first.clone());
                return Ok(Some(OpsError::CaseClash { secret, existing }));
            }
        }
        Ok(None)
    }
}

fn value_of(opened: &Opened, loaded: &Loaded, secret: &SecretName) -> Result<SecretBytes, OpsError> {
    let value = match loaded.names.get(secret) {
        Some(Part::Key(key)) => opened.value(key),
        _ => opened.plaintext(),
    };
    Ok(value.map_err(StoreError::from)?)
}

/// Writes the document with a line for each secret that changed, then seals.
fn put(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    base: &Base,
    (after, new): (Loaded, Opened),
    difference: Difference,
) -> Result<DocumentReport, OpsError> {
    let mut report = DocumentReport { version: 1, ..DocumentReport::default() };
    let mut change = ws.change(lock)?;
    let mut writing = Writing::with(ws, &after, new);
    for secret in &difference.changed {
        let Some(old) = base.value(secret)? else { continue };
        keep_previous(ws, author, &mut writing, (secret, &old), &mut change)?;
    }
    let new = writing.opened(&after.place.path).cloned();
    let Some(new) = new else { return Ok(report) };
    for secret in difference.created.iter().chain(&difference.changed) {
        let value = value_of(&new, &after, secret)?;
        let changed = difference.changed.contains(secret).then_some(true);
        line(ws, author, (&new, &after), (secret, &value), changed, &mut change)?;
        report.hosts.extend(readers(ws, secret));
    }
    for secret in &difference.removed {
        let ledger = ws.layout.read_ledger(secret, &ws.authors())?;
        report.hosts.extend(ledger.head().map(|head| head.hosts.clone()).unwrap_or_default());
        if ledger.current().is_some() {
            change.write(Layout::ledger(secret), removed(ws, author, secret, ledger)?.bytes())?;
        }
        public::stage(ws, secret, None, &mut change)?;
    }
    writing.commit(author, change)?;
    let Difference { created, changed, removed } = difference;
    (report.created, report.changed, report.removed) = (created, changed, removed);
    report.unsealed = sealed(ws, lock, author, &report.hosts);
    Ok(report)
}

/// Keeps the value before beside the new one, if the policy says so.
fn keep_previous(
    ws: &Workspace,
    author: &Author,
    writing: &mut Writing<'_>,
    (secret, old): (&SecretName, &SecretBytes),
    change: &mut Transaction,
) -> Result<(), OpsError> {
    if !previous::is_asked(ws, secret) || existing(ws, secret)?.ledger().current().is_none() {
        return Ok(());
    }
    let (name, existing, made) = previous::place_of(ws, secret)?;
    let written = writing.put(&name, old)?;
    let mut ledger = existing.into_ledger();
    append(ws, author, (&name, old), (made, written), &mut ledger, &readers(ws, &name))?;
    Ok(change.write(Layout::ledger(&name), ledger.bytes())?)
}

/// The line about one new value, and its public half.
fn line(
    ws: &Workspace,
    author: &Author,
    (new, after): (&Opened, &Loaded),
    (secret, value): (&SecretName, &SecretBytes),
    changed: Option<bool>,
    change: &mut Transaction,
) -> Result<(), OpsError> {
    let Some(part) = after.names.get(secret) else { return Ok(()) };
    let Some(source_sha256) = digest(new.document(), part) else { return Ok(()) };
    let recipients = present(new.document());
    let written = Written { source_sha256, recipients, key: key_of(part) };
    let mut ledger = found(ws, secret)?.into_ledger();
    let public = public::of(ws, secret, value);
    let origin = Origin {
        public_sha256: public.as_ref().map(|public| crate::crypto::Digest::of(public.text.as_bytes())),
        ..Origin::default()
    };
    public::stage(ws, secret, public.as_ref(), change)?;
    let made = Made { event: Event::Edited, changed, origin };
    append(ws, author, (secret, value), (made, written), &mut ledger, &readers(ws, secret))?;
    Ok(change.write(Layout::ledger(secret), ledger.bytes())?)
}

fn sealed(ws: &Workspace, lock: &WriteLock, author: &Author, hosts: &BTreeSet<HostName>) -> Option<Finding> {
    let hosts: BTreeSet<HostName> = hosts.iter().filter(|host| ws.policy.seals_for(host)).cloned().collect();
    if hosts.is_empty() {
        return None;
    }
    match seal_locked(ws, lock, &Scope::hosts(hosts), Some(author), &BTreeMap::new()) {
        Ok(report) => report.stopped(),
        Err(error) => Some(Finding::from_failure(&error)),
    }
}
