//! New ciphertext for sources, whether each has a file of its own or is a part of a document.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::crypto::Digest;
use crate::crypto::Recipient;
use crate::fsx::Transaction;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::document::DocumentError;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;
use crate::sops::Change;
use crate::sops::KeyPath;
use crate::sops::Opened;
use crate::store::DocumentPlace;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::Part;
use crate::store::Source;
use crate::store::digest;

/// Sources that are about to change. Several changes of one document become one new text of it.
pub(super) struct Writing<'w> {
    ws: &'w Workspace,
    documents: BTreeMap<PathBuf, Draft>,
    files: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

/// A document with the changes so far.
struct Draft {
    prefix: SecretName,
    place: DocumentPlace,
    opened: Opened,
    empty: bool,
}

impl Draft {
    fn of(loaded: &Loaded, opened: Opened) -> Self {
        Self { prefix: loaded.prefix.clone(), place: loaded.place.clone(), opened, empty: false }
    }
}

/// What a ledger line says of a source that was written.
pub(super) struct Written {
    pub(super) source_sha256: Digest,
    pub(super) recipients: BTreeSet<Recipient>,
    /// Key inside a document.
    pub(super) key: Option<String>,
}

impl<'w> Writing<'w> {
    pub(super) fn new(ws: &'w Workspace) -> Self {
        Self { ws, documents: BTreeMap::new(), files: BTreeMap::new() }
    }

    /// Starts with a document that was changed already.
    pub(super) fn with(ws: &'w Workspace, loaded: &Loaded, opened: Opened) -> Self {
        let mut writing = Self::new(ws);
        writing.documents.insert(loaded.place.path.clone(), Draft::of(loaded, opened));
        writing
    }

    /// A document with the changes so far.
    pub(super) fn opened(&self, path: &Path) -> Option<&Opened> {
        self.documents.get(path).map(|draft| &draft.opened)
    }

    /// Gives a secret a value: in the document that its name belongs to, or in a file of its own.
    pub(super) fn put(&mut self, secret: &SecretName, value: &SecretBytes) -> Result<Written, OpsError> {
        let document = self.document_of(secret)?;
        if let Some(loaded) = document {
            return self.put_part(&loaded, secret, value);
        }
        let recipients = self.ws.source_recipients(secret)?;
        let ciphertext = Source::encrypt(secret, value, &recipients, &self.ws.settings.prompt)?;
        let source_sha256 = Digest::of(&ciphertext);
        self.files.insert(Layout::source(secret), Some(ciphertext));
        Ok(Written { source_sha256, recipients, key: None })
    }

    /// The same with the ciphertext that another version of the document has of it, where the data key is the same.
    pub(super) fn take(
        &mut self,
        loaded: &Loaded,
        (secret, value): (&SecretName, &SecretBytes),
        from: &Opened,
    ) -> Result<Written, OpsError> {
        let written = self.put_part(loaded, secret, value)?;
        let part = loaded.names.get(secret).cloned().or_else(|| loaded.key_for(secret).map(Part::Key));
        let Some(part) = part else { return Ok(written) };
        let here = |key: &KeyPath| part == Part::Whole || part == Part::Key(key.clone());
        let draft = self.draft(loaded)?;
        draft.opened = draft.opened.with_ciphertexts(from, &here).map_err(crate::store::StoreError::from)?;
        let source_sha256 = digest(draft.opened.document(), &part).unwrap_or(written.source_sha256);
        Ok(Written { source_sha256, ..written })
    }

    /// The same for a source whose ciphertext stays as it is, under another name.
    pub(super) fn keep(
        &mut self,
        secret: &SecretName,
        ciphertext: &[u8],
        recipients: BTreeSet<Recipient>,
    ) -> Written {
        self.files.insert(Layout::source(secret), Some(ciphertext.to_vec()));
        Written { source_sha256: Digest::of(ciphertext), recipients, key: None }
    }

    /// Whether a secret of this name belongs into a document.
    pub(super) fn document_of(&self, secret: &SecretName) -> Result<Option<Arc<Loaded>>, OpsError> {
        if self.ws.layout.root().join(Layout::source(secret)).exists() {
            return Ok(None);
        }
        Ok(self.ws.layout.document_of(secret)?)
    }

    fn put_part(
        &mut self,
        loaded: &Loaded,
        secret: &SecretName,
        value: &SecretBytes,
    ) -> Result<Written, OpsError> {
        let recipients = document::refuse_outdated(self.ws, loaded)?;
        document::refuse_readers(self.ws, loaded, secret)?;
        let now = self.ws.settings.now;
        let part = loaded.names.get(secret).cloned();
        let part = part.or_else(|| loaded.key_for(secret).map(Part::Key));
        let part = part.ok_or_else(|| DocumentError::NotInDocument {
            secret: secret.clone(),
            path: loaded.place.path.clone(),
        })?;
        let draft = self.draft(loaded)?;
        draft.opened = match &part {
            Part::Whole => draft.opened.edited(value, now),
            Part::Key(key) => {
                let value = SecretBytes::from(value.expose().to_vec());
                draft.opened.changed(&[Change::Set { key: key.clone(), value }], now)
            }
        }
        .map_err(crate::store::StoreError::from)?;
        let source_sha256 = digest(draft.opened.document(), &part);
        let source_sha256 = source_sha256.ok_or_else(|| DocumentError::InTheClear {
            secret: secret.clone(),
            path: loaded.place.path.clone(),
            field: loaded.document.access().selector.field(),
        })?;
        Ok(Written { source_sha256, recipients, key: key_of(&part) })
    }

    /// Takes a secret away; refused where others would get its place in a list.
    pub(super) fn remove(&mut self, secret: &SecretName) -> Result<(), OpsError> {
        let Some(loaded) = self.document_of(secret)? else {
            self.files.insert(Layout::source(secret), None);
            return Ok(());
        };
        let Some(part) = loaded.names.get(secret) else { return Ok(()) };
        let Part::Key(key) = part else {
            self.files.insert(loaded.place.path.clone(), None);
            return Ok(());
        };
        let now = self.ws.settings.now;
        document::refuse_outdated(self.ws, &loaded)?;
        let draft = self.draft(&loaded)?;
        let change = Change::Remove { key: key.clone() };
        let before = draft.opened.document().clone();
        draft.opened = draft.opened.changed(&[change], now).map_err(crate::store::StoreError::from)?;
        let after = draft.opened.document();
        let moved = |name: &&SecretName| {
            let Some(part) = loaded.names.get(*name) else { return false };
            *name != secret && digest(&before, part) != digest(after, part)
        };
        if let Some(other) = loaded.names.keys().find(moved).cloned() {
            let (path, prefix) = (loaded.place.path.clone(), loaded.prefix.clone());
            return Err(DocumentError::ListItem { secret: secret.clone(), other, path, prefix }.into());
        }
        let document = draft.opened.document();
        draft.empty = document.keys().is_empty() && document.plain_keys().is_empty();
        Ok(())
    }

    fn draft(&mut self, loaded: &Loaded) -> Result<&mut Draft, OpsError> {
        let path = &loaded.place.path;
        match self.documents.entry(path.clone()) {
            Entry::Occupied(draft) => Ok(draft.into_mut()),
            Entry::Vacant(place) => {
                let opened = document::for_writing(self.ws, loaded)?;
                Ok(place.insert(Draft::of(loaded, opened)))
            }
        }
    }

    /// Puts everything into a change, which it makes. What comes next needs none of the documents opened again.
    pub(super) fn commit(mut self, author: &Author, mut change: Transaction) -> Result<(), OpsError> {
        for draft in self.documents.values_mut().filter(|draft| !draft.empty) {
            draft.opened = document::noted(author, &draft.prefix, &draft.opened)?;
        }
        self.stage(&mut change)?;
        change.commit()?;
        self.settle();
        Ok(())
    }

    fn stage(&self, change: &mut Transaction) -> Result<(), OpsError> {
        for (path, bytes) in &self.files {
            match bytes {
                Some(bytes) => change.write(path, bytes)?,
                None => change.remove(path)?,
            }
        }
        for (path, draft) in &self.documents {
            if draft.empty {
                change.remove(path)?;
            } else {
                change.write(path, draft.opened.document().bytes())?;
            }
        }
        Ok(())
    }

    fn settle(self) {
        if self.documents.is_empty() {
            return;
        }
        let Ok(identities) = self.ws.identities() else { return };
        for draft in self.documents.into_values().filter(|draft| !draft.empty) {
            let Draft { prefix, place, opened, .. } = draft;
            self.ws.layout.remember(Loaded::of_opened(prefix, place, &opened, identities));
        }
    }
}

/// What a ledger line calls the part of a document.
pub(super) fn key_of(part: &Part) -> Option<String> {
    match part {
        Part::Whole => None,
        Part::Key(key) => Some(key.to_string()),
    }
}
