//! Documents of the store: files of several secrets, each key of which is a secret with a ledger of its own.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::layout::Layout;
use super::source::StoreError;
use crate::crypto::Digest;
use crate::crypto::Identities;
use crate::crypto::Namespace;
use crate::crypto::SshSignature;
use crate::crypto::VerifyingKey;
use crate::fsx::FsError;
use crate::fsx::read_below;
use crate::name::SecretName;
use crate::secret::SecretBytes;
use crate::sops::Document;
use crate::sops::Format;
use crate::sops::Gpg;
use crate::sops::KeyPath;
use crate::sops::Keyring;
use crate::sops::Opened;
use crate::sops::Step;

/// Largest document that is read.
pub const DOCUMENT_MAX: u64 = 64 << 20;
/// Endings of documents that need no entry in `secretctl.toml`, below `secrets/`.
const ENDINGS: [&str; 6] = [".sops.yaml", ".sops.yml", ".sops.json", ".sops.env", ".sops.ini", ".sops"];

/// Where a document lies and what becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentPlace {
    /// Relative to the root.
    pub path: PathBuf,
    /// Whether the whole decrypted file is one secret, rather than each of its keys.
    pub whole: bool,
}

/// A document as it was read: nothing in it is believed yet.
#[derive(Debug)]
pub struct Loaded {
    /// What stands before the names of its keys.
    pub prefix: SecretName,
    /// Where it lies.
    pub place: DocumentPlace,
    /// Its text.
    pub document: Document,
    /// Its secrets.
    pub names: BTreeMap<SecretName, Part>,
    /// Keys that can't be the name of a secret, with the reason.
    pub unnamable: Vec<(KeyPath, &'static str)>,
    /// Opened once for each set of identities: a token is asked for one touch, whatever the number of keys.
    opened: Mutex<Option<(Arc<()>, Opened)>>,
}

/// What the note in a document says of how it was left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Note {
    /// There is none: nobody wrote the document with this program yet, or `sops` has written it since.
    None,
    /// An admin left it just as it is.
    Holds,
    /// It was left in another way, or by nobody who counts.
    Differs,
}

/// What is signed of a document.
pub fn statement(prefix: &SecretName, document: &Document) -> String {
    format!("secretctl-document 1\n{prefix}\n{}\n", document.content_sha256())
}

/// What of a document one secret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The value of one key.
    Key(KeyPath),
}

/// Which version of a file was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The documents that were read, by path.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<BTreeMap<PathBuf, (Stamp, Arc<Loaded>)>>);

/// The prefix of a document below `secrets/` that needs no entry.
pub(super) fn prefix_of(path: &Path) -> Option<SecretName> {
    let text = path.strip_prefix("secrets").ok()?.to_str()?;
    // The longer endings stand first, since `.sops` alone is that of a binary one.
    ENDINGS.iter().find_map(|ending| text.strip_suffix(ending))?.parse().ok()
}

/// A key's place in a document as the end of a secret's name: what does not fit is percent-encoded.
fn name_of(prefix: &SecretName, key: &KeyPath) -> Result<SecretName, &'static str> {
    let mut name = prefix.as_str().to_owned();
    if key.document() > 0 {
        // Documents of one YAML stream share its name; `#` keeps them apart from every other key.
        name.push_str(&format!("/%23{}", key.document() + 1));
    }
    if is_number_of_document(key) {
        return Err("`#` and a number stand for a further document of the file");
    }
    for step in key.steps() {
        name.push('/');
        match step {
            Step::Key(text) if text.is_empty() => return Err("one of its keys is empty"),
            Step::Key(text) => name.push_str(&SecretName::encoded_segment(text)),
            Step::Item(at) => name.push_str(&at.to_string()),
        }
    }
    name.parse().map_err(|error: crate::name::NameError| error.rule())
}

/// Whether a key at the top is spelled like the number of a further document in [`name_of`].
fn is_number_of_document(key: &KeyPath) -> bool {
    let Some(Step::Key(text)) = key.steps().first() else { return false };
    let number = text.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
    key.document() == 0 && number.is_some()
}

impl Loaded {
    /// Reads the text of a document.
    pub fn parse(prefix: SecretName, place: DocumentPlace, bytes: &[u8]) -> Result<Self, StoreError> {
        let document = Document::parse(bytes, Format::of(&place.path), &place.path)?;
        Ok(Self::new(prefix, place, document))
    }

    /// Takes a document for what it says; `prefix` is before the names of its keys.
    pub fn new(prefix: SecretName, place: DocumentPlace, document: Document) -> Self {
        let mut loaded = Self {
            prefix,
            document,
            names: BTreeMap::new(),
            unnamable: Vec::new(),
            opened: Mutex::new(None),
            place,
        };
        if loaded.is_whole() {
            loaded.names.insert(loaded.prefix.clone(), Part::Whole);
            return loaded;
        }
        for key in loaded.document.keys() {
            match name_of(&loaded.prefix, key) {
                Ok(name) => drop(loaded.names.insert(name, Part::Key(key.clone()))),
                Err(reason) => loaded.unnamable.push((key.clone(), reason)),
            }
        }
        loaded
    }

    /// The same for a text that is open already: none of these identities is asked again.
    pub fn of_opened(
        prefix: SecretName,
        place: DocumentPlace,
        opened: &Opened,
        identities: &Identities,
    ) -> Self {
        let mut loaded = Self::new(prefix, place, opened.document().clone());
        loaded.opened = Mutex::new(Some((Arc::clone(identities.token()), opened.clone())));
        loaded
    }

    /// Whether all of it is one secret.
    pub fn is_whole(&self) -> bool {
        self.place.whole || Format::of(&self.place.path) == Format::Binary
    }

    /// Where a new key of this name would stand; none where the name is not below this document's.
    pub fn key_for(&self, name: &SecretName) -> Option<KeyPath> {
        let rest = name.as_str().strip_prefix(self.prefix.as_str())?.strip_prefix('/')?;
        let mut segments: Vec<&str> = rest.split('/').collect();
        let mut document = 0;
        if let Some(number) = segments.first().and_then(|first| first.strip_prefix("%23")) {
            document = number.parse::<usize>().ok()?.checked_sub(1)?;
            segments.remove(0);
        }
        let decoded: Vec<Step> =
            segments.iter().map(|segment| Step::Key(SecretName::decoded_segment(segment))).collect();
        // A number is a place in a list only where there is a list.
        let mut steps: Vec<Step> = Vec::new();
        for step in decoded {
            let Step::Key(text) = step else { continue };
            let item = text.parse::<usize>().ok().filter(|_| self.is_list(document, &steps));
            steps.push(item.map_or(Step::Key(text), Step::Item));
        }
        let key = KeyPath::in_document(document, steps);
        // `%231`, `%2302` and `list/00` would be second names of what has one.
        (!key.steps().is_empty() && name_of(&self.prefix, &key).as_ref() == Ok(name)).then_some(key)
    }

    fn is_list(&self, document: usize, at: &[Step]) -> bool {
        let below = |key: &&KeyPath| key.document() == document && key.steps().starts_with(at);
        let next = |key: &KeyPath| matches!(key.steps().get(at.len()), Some(Step::Item(_)));
        self.document.keys().iter().find(below).is_some_and(next)
    }

    /// Digest of the ciphertext of one secret: that of a document's other keys, its date and its recipients are not
    /// in it.
    pub fn digest(&self, part: &Part) -> Option<Digest> {
        digest(&self.document, part)
    }

    /// Whether it is as an admin left it; needs no key.
    pub fn note(&self, trusted: &BTreeSet<VerifyingKey>) -> Note {
        let Some(note) = self.document.note() else { return Note::None };
        let statement = statement(&self.prefix, &self.document);
        let holds = SshSignature::from_base64(note)
            .is_ok_and(|note| note.verify(statement.as_bytes(), Namespace::Document, trusted).is_ok());
        if holds { Note::Holds } else { Note::Differs }
    }

    /// Decrypts one secret.
    pub fn value(&self, part: &Part, identities: &Identities) -> Result<SecretBytes, StoreError> {
        let opened = self.open(identities)?;
        Ok(match part {
            Part::Whole => opened.plaintext()?,
            Part::Key(key) => opened.value(key)?,
        })
    }

    /// Opens the document, or gives what was opened before with the same identities.
    pub fn open(&self, identities: &Identities) -> Result<Opened, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, before)) = &*opened
            && Arc::ptr_eq(token, identities.token())
        {
            return Ok(before.clone());
        }
        let now = self.document.open(&Keyring { identities, gpg: Gpg::OnPath })?;
        *opened = Some((Arc::clone(identities.token()), now.clone()));
        Ok(now)
    }
}

/// Digest of the ciphertext of one part of a document. Of a whole one it is over all but the metadata: hosts get what
/// stands there in the clear too, and its own check of integrity need not cover that.
pub fn digest(document: &Document, part: &Part) -> Option<Digest> {
    match part {
        Part::Key(key) => {
            document.ciphertext(key).map(|text| Digest::of(format!("{key}\u{0}{text}\n").as_bytes()))
        }
        Part::Whole => document.body().ok().map(|body| Digest::of(&body)),
    }
}

/// Whether a value of this part is encrypted with the data key: an empty one tells nothing of it.
pub fn is_sealed_with_data_key(document: &Document, part: &Part) -> bool {
    let one = |key: &KeyPath| document.ciphertext(key).is_some_and(|text| !text.is_empty());
    match part {
        Part::Key(key) => one(key),
        Part::Whole => document.keys().iter().any(one),
    }
}

impl Cache {
    /// Reads a document, or gives what was read of the same version of the file.
    pub(super) fn load(
        &self,
        root: &Path,
        prefix: &SecretName,
        place: &DocumentPlace,
    ) -> Result<Arc<Loaded>, StoreError> {
        let path = root.join(&place.path);
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&path)?;
        if let Some((read, loaded)) = cache.get(&place.path)
            && *read == stamp
        {
            return Ok(Arc::clone(loaded));
        }
        let bytes = read_below(root, &place.path, DOCUMENT_MAX)?;
        let loaded = Arc::new(Loaded::parse(prefix.clone(), place.clone(), &bytes)?);
        cache.insert(place.path.clone(), (stamp, Arc::clone(&loaded)));
        Ok(loaded)
    }

    fn remember(&self, root: &Path, loaded: Loaded) {
        let Ok(stamp) = stamp(&root.join(&loaded.place.path)) else { return };
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(loaded.place.path.clone(), (stamp, Arc::new(loaded)));
    }
}

pub(super) fn stamp(path: &Path) -> Result<Stamp, FsError> {
    let found = path.symlink_metadata().map_err(FsError::on("read", path))?;
    if found.is_symlink() {
        let link = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is a link");
        return Err(FsError::on("read", path)(link));
    }
    Ok(Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.size(),
        changed: (found.mtime(), found.mtime_nsec()),
    })
}

/// What `secretctl.toml` says of documents.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Declared {
    /// By the name that is before those of the keys; without a path it is `secrets/NAME.sops.…`.
    pub documents: BTreeMap<SecretName, DeclaredDocument>,
}

/// What `secretctl.toml` says of one document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeclaredDocument {
    /// Relative to the root; none for `secrets/NAME.sops.…`.
    pub path: Option<PathBuf>,
    /// Whether the whole decrypted file is one secret.
    pub whole: bool,
}

impl Declared {
    /// Where documents lie that are not below `secrets/` under a name of their own.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.documents.values().filter_map(|document| document.path.as_deref())
    }

    /// The document that a path relative to the root is, by these words and by its name.
    pub fn place_of(&self, path: &Path) -> Option<(SecretName, DocumentPlace)> {
        let here = |document: &DeclaredDocument| document.path.as_deref() == Some(path);
        let named = self.documents.iter().find(|(_, document)| here(document)).map(|(prefix, _)| prefix);
        let prefix = named.cloned().or_else(|| prefix_of(path))?;
        let whole = self.documents.get(&prefix).is_some_and(|document| document.whole);
        Some((prefix, DocumentPlace { path: path.to_owned(), whole }))
    }
}

impl Layout {
    /// The document that has this prefix, if there is one.
    pub fn document_place(&self, prefix: &SecretName) -> Option<DocumentPlace> {
        let declared = self.declared().documents.get(prefix);
        let whole = declared.is_some_and(|document| document.whole);
        if let Some(path) = declared.and_then(|document| document.path.clone()) {
            return Some(DocumentPlace { path, whole });
        }
        let paths = ENDINGS.iter().map(|ending| PathBuf::from(format!("secrets/{prefix}{ending}")));
        let path = paths.into_iter().find(|path| self.root().join(path).is_file())?;
        Some(DocumentPlace { path, whole })
    }

    /// Reads a document; what was read of the same version of the file is used again.
    pub fn document(&self, prefix: &SecretName, place: &DocumentPlace) -> Result<Arc<Loaded>, StoreError> {
        self.cache().load(self.root(), prefix, place)
    }

    /// Takes note of a document that was just written and is open: no token is asked for it again.
    pub fn remember(&self, loaded: Loaded) {
        self.cache().remember(self.root(), loaded);
    }

    /// The document that a secret is in, or would be in if it were made: the one with the longest prefix.
    pub fn document_of(&self, secret: &SecretName) -> Result<Option<Arc<Loaded>>, StoreError> {
        let name = secret.as_str();
        let inner = name.rmatch_indices('/').filter_map(|(at, _)| name.get(..at));
        let mut nearest = None;
        for text in std::iter::once(name).chain(inner) {
            let Ok(prefix) = text.parse::<SecretName>() else { continue };
            let Some(place) = self.document_place(&prefix) else { continue };
            if !self.root().join(&place.path).exists() {
                continue;
            }
            let loaded = self.document(&prefix, &place)?;
            // One that has the secret comes before a nearer one that could have it.
            if loaded.names.contains_key(secret) {
                return Ok(Some(loaded));
            }
            if prefix != *secret && !loaded.is_whole() {
                nearest = nearest.or(Some(loaded));
            }
        }
        Ok(nearest)
    }

    /// Every document that is there, by path; those that can't be read are errors.
    pub(super) fn places(
        &self,
        below: &[PathBuf],
    ) -> Result<BTreeMap<SecretName, DocumentPlace>, StoreError> {
        let mut all = BTreeMap::new();
        for prefix in self.declared().documents.keys() {
            all.extend(self.document_place(prefix).map(|place| (prefix.clone(), place)));
        }
        let taken: BTreeSet<PathBuf> = all.values().map(|place: &DocumentPlace| place.path.clone()).collect();
        for path in below.iter().filter(|path| !taken.contains(*path)) {
            let Some(prefix) = prefix_of(path) else { continue };
            let place = DocumentPlace { path: path.clone(), whole: false };
            if let Some(first) = all.insert(prefix.clone(), place) {
                return Err(StoreError::TwoSources {
                    secret: prefix,
                    first: first.path,
                    second: path.clone(),
                });
            }
        }
        Ok(all)
    }
}
