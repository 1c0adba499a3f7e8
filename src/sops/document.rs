//! A SOPS file of which nothing was opened or verified: its keys, and who can open it.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use super::Format;
use super::error::Problem;
use super::error::SopsError;
use super::leaves;
use super::leaves::Meant;
use super::leaves::Said;
use super::metadata::Access;
use super::metadata::Metadata;
use super::opened::Opened;
use super::selector::Compiled;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Node;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Text;
use super::unlock;
use super::unlock::Keyring;
use super::value::DataKey;

/// A SOPS file, nothing opened or verified. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Document(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    format: Format,
    text: Box<dyn Text>,
    metadata: Metadata,
    selector: Compiled,
    selected: Vec<bool>,
    /// Worked out when somebody asks: most files are opened without.
    names: OnceLock<Names>,
}

#[derive(Debug, Default)]
struct Names {
    keys: Vec<KeyPath>,
    plain_keys: Vec<KeyPath>,
    by_path: HashMap<KeyPath, usize>,
}

impl Names {
    fn of(text: &dyn Text, selected: &[bool]) -> Self {
        let mut names = Self::default();
        for (index, (leaf, selected)) in text.leaves().iter().zip(selected).enumerate() {
            if !is_value(leaf) {
                continue;
            }
            names.by_path.insert(leaf.path.clone(), index);
            let list = if *selected { &mut names.keys } else { &mut names.plain_keys };
            list.push(leaf.path.clone());
        }
        names
    }
}

impl Document {
    /// Reads a file. The path is for messages alone.
    pub fn parse(bytes: &[u8], format: Format, path: &Path) -> Result<Self, SopsError> {
        Self::read(bytes, format, path).map_err(|problem| problem.of(path))
    }

    pub(super) fn read(bytes: &[u8], format: Format, path: &Path) -> Result<Self, Problem> {
        let text = format.parse(bytes)?;
        let metadata = Metadata::parse(text.metadata().ok_or(Problem::NoMetadata)?)?;
        let selector = metadata.access.selector.compiled();
        let field = metadata.access.selector.field();
        let selector = selector.ok_or(Problem::Selector { field })?;
        let selected = leaves::selected(&*text, &selector);
        let (path, names) = (path.to_owned(), OnceLock::new());
        let inner = Inner { path, format, text, metadata, selector, selected, names };
        Ok(Self(Arc::new(inner)))
    }

    /// Tells cheaply whether a file has the metadata of the format. One that does not parse counts as having them
    /// when it looks like it, so that nobody takes a damaged file for a plaintext.
    pub fn is_sops(bytes: &[u8], format: Format) -> bool {
        let marks: &[&[u8]] = match format {
            Format::Yaml => &[b"sops:", b"sops\":", b"sops':"],
            Format::Json | Format::Binary => &[b"\"sops\""],
            Format::Dotenv => &[b"sops_"],
            Format::Ini => &[b"[sops]"],
        };
        let found = |mark: &&[u8]| bytes.windows(mark.len()).any(|window| window == *mark);
        marks.iter().any(found) && format.parse(bytes).map_or(true, |text| text.metadata().is_some())
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.0.text.bytes()
    }

    /// The format that it was read as.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// The path that messages name.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The secrets: values that are encrypted, or would be if they were not empty. Not comments, nulls and empty maps.
    pub fn keys(&self) -> &[KeyPath] {
        &self.names().keys
    }

    /// The values that the selectors leave in the clear.
    pub fn plain_keys(&self) -> &[KeyPath] {
        &self.names().plain_keys
    }

    /// The text of a value as stored: `ENC[…]`, or empty. None for what is no secret of this file.
    pub fn ciphertext(&self, key: &KeyPath) -> Option<&str> {
        let index = self.index(key).filter(|index| self.selected().get(*index) == Some(&true))?;
        let Scalar::Str(text) = &self.text().leaves().get(index)?.scalar else { return None };
        std::str::from_utf8(text.expose()).ok()
    }

    /// The bytes of the file without its metadata.
    pub fn body(&self) -> Result<Vec<u8>, SopsError> {
        let body = self.text().render(&Replacements::new(), None);
        body.map(|body| body.expose().to_vec()).map_err(|error| Problem::from(error).of(self.path()))
    }

    /// Who can open it, and what is encrypted.
    pub fn access(&self) -> &Access {
        &self.0.metadata.access
    }

    /// Opens it: finds the data key, verifies the MAC and decrypts every value.
    pub fn open(&self, keyring: &Keyring<'_>) -> Result<Opened, SopsError> {
        let opened = unlock::data_key(self.access(), keyring)
            .and_then(|key| Opened::verify(self.clone(), Arc::new(key)));
        opened.map_err(|problem| problem.of(self.path()))
    }

    pub(super) fn text(&self) -> &dyn Text {
        &*self.0.text
    }

    pub(super) fn node(&self) -> &Node {
        self.text().metadata().unwrap_or(&Node::Null)
    }

    pub(super) fn selector(&self) -> &Compiled {
        &self.0.selector
    }

    pub(super) fn selected(&self) -> &[bool] {
        &self.0.selected
    }

    /// The leaf of a key.
    pub(super) fn index(&self, key: &KeyPath) -> Option<usize> {
        self.names().by_path.get(key).copied()
    }

    fn names(&self) -> &Names {
        self.0.names.get_or_init(|| Names::of(self.text(), self.selected()))
    }

    /// Opens every value and checks the MAC.
    pub(super) fn values(&self, key: &DataKey) -> Result<Vec<Said>, Problem> {
        let metadata = &self.0.metadata;
        let stored = metadata.mac.as_ref().ok_or(Problem::NoMac)?;
        // The MAC comes first: with the wrong data key it says so before any value is blamed.
        let stored = key.open(stored.as_bytes(), &metadata.mac_place).map_err(|_| Problem::Mac)?;
        let said = leaves::open(self.text(), self.selected(), key)?;
        let mac = leaves::mac(self.meant(&said), metadata.access.mac_only_encrypted);
        if stored.scalar.same(&mac) { Ok(said) } else { Err(Problem::Mac) }
    }

    /// What these values make of the leaves.
    pub(super) fn meant<'m>(&'m self, said: &'m [Said]) -> impl Iterator<Item = Meant<'m>> {
        self.text().leaves().iter().zip(self.selected()).zip(said).map(|((leaf, selected), said)| Meant {
            leaf,
            scalar: said.scalar(leaf),
            selected: *selected,
            counts: said.counts(leaf),
        })
    }
}

fn is_value(leaf: &Leaf) -> bool {
    let nothing = matches!(leaf.scalar, Scalar::Null | Scalar::EmptyMap | Scalar::EmptyList);
    leaf.kind == LeafKind::Value && !nothing
}
