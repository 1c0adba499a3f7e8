//! A SOPS file whose data key is at hand and whose MAC holds.

use std::sync::Arc;

use jiff::Timestamp;

use super::Format;
use super::document::Document;
use super::error::Problem;
use super::error::SopsError;
use super::leaves;
use super::leaves::Meant;
use super::leaves::Said;
use super::metadata;
use super::metadata::Metadata;
use super::tree::Block;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Node;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Text;
use super::tree::line_of;
use super::value::DataKey;
use crate::secret::SecretBytes;

/// A SOPS file with its data key, its MAC verified. Cloning is cheap; the data key is wiped with the last clone.
#[derive(Clone, Debug)]
pub struct Opened {
    document: Document,
    key: Arc<DataKey>,
    said: Arc<Vec<Said>>,
}

impl Opened {
    /// Opens every value with the data key and checks the MAC.
    pub(super) fn verify(document: Document, key: Arc<DataKey>) -> Result<Self, Problem> {
        let said = Arc::new(document.values(&key)?);
        Ok(Self { document, key, said })
    }

    /// The same values in a file of which nothing but the metadata differs.
    pub(super) fn as_document(&self, document: Document) -> Self {
        Self { document, key: Arc::clone(&self.key), said: Arc::clone(&self.said) }
    }

    /// The file itself.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The text of a value: of a string itself, of a number its decimal, else `true` or `false`.
    pub fn value(&self, key: &KeyPath) -> Result<SecretBytes, SopsError> {
        let scalar = self.scalar(key).ok_or_else(|| self.wrong(Problem::NoKey { key: key.to_string() }))?;
        let text = match scalar {
            Scalar::Bool(value) => if *value { "true" } else { "false" }.as_bytes(),
            other => other.canonical().unwrap_or_default(),
        };
        Ok(SecretBytes::from(text.to_vec()))
    }

    /// The whole file as an editor should see it, without metadata. Of a binary file its bytes.
    pub fn plaintext(&self) -> Result<SecretBytes, SopsError> {
        self.rendered().map_err(|problem| self.wrong(problem))
    }

    pub(super) fn rendered(&self) -> Result<SecretBytes, Problem> {
        if self.document.format() == Format::Binary {
            let data = self.scalar(&data_key()).and_then(Scalar::canonical);
            let data = data.ok_or_else(|| Problem::NoKey { key: data_key().to_string() })?;
            return Ok(SecretBytes::from(data.to_vec()));
        }
        let mut replacements = Replacements::new();
        for (index, (leaf, said)) in self.leaves().enumerate() {
            match said {
                Said::Clear => {}
                Said::Opened(plain) => drop(replacements.insert(index, plain.scalar.duplicate())),
                Said::Closed => return Err(self.closed(leaf)),
            }
        }
        Ok(self.document.text().render(&replacements, None)?)
    }

    /// Why a comment cannot be shown or encrypted anew.
    pub(super) fn closed(&self, comment: &Leaf) -> Problem {
        Problem::Comment { line: line_of(self.document.bytes(), comment.span.start) }
    }

    pub(super) fn key(&self) -> &Arc<DataKey> {
        &self.key
    }

    /// What each leaf says, by index.
    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// Every leaf and what it says.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (&Leaf, &Said)> {
        self.document.text().leaves().iter().zip(self.said.iter())
    }

    /// The plain value of a key.
    pub(super) fn scalar(&self, key: &KeyPath) -> Option<&Scalar> {
        let index = self.document.index(key)?;
        Some(self.said.get(index)?.scalar(self.document.text().leaves().get(index)?))
    }

    pub(super) fn wrong(&self, problem: Problem) -> SopsError {
        problem.of(self.document.path())
    }

    /// The same file with the ciphertext that `other` has of these keys, where both have one data key and the values
    /// are the same: what was signed about that ciphertext then holds here too.
    pub fn with_ciphertexts(&self, other: &Self, keys: &dyn Fn(&KeyPath) -> bool) -> Result<Self, SopsError> {
        self.borrowed(other, keys).map_err(|problem| self.wrong(problem))
    }

    fn borrowed(&self, other: &Self, keys: &dyn Fn(&KeyPath) -> bool) -> Result<Self, Problem> {
        if !self.key.to_secret().same(&other.key.to_secret()) {
            return Ok(self.clone());
        }
        let mut replacements = Replacements::new();
        for (index, (leaf, said)) in self.leaves().enumerate() {
            let same = || other.scalar(&leaf.path).is_some_and(|there| there.same(said.scalar(leaf)));
            if leaf.kind != LeafKind::Value || !keys(&leaf.path) || !same() {
                continue;
            }
            let (ours, theirs) =
                (self.document.ciphertext(&leaf.path), other.document.ciphertext(&leaf.path));
            if let Some(theirs) = theirs.filter(|theirs| ours.is_some_and(|ours| ours != *theirs)) {
                replacements.insert(index, Scalar::str(theirs.as_bytes()));
            }
        }
        if replacements.is_empty() {
            return Ok(self.clone());
        }
        let (text, node) = (self.document.text(), self.document.node());
        let bytes = text.render(&replacements, Some(Block { node, like: Some(text.bytes()) }))?;
        let document = Document::read(bytes.expose(), self.document.format(), self.document.path())?;
        Self::verify(document, Arc::clone(&self.key))
    }

    /// Checks that this says exactly what was meant.
    pub(super) fn kept<'m>(
        self,
        meant: impl Iterator<Item = (&'m Leaf, &'m Scalar)>,
    ) -> Result<Self, Problem> {
        let mut found = self.leaves();
        for (leaf, scalar) in meant {
            let kept = found.next().is_some_and(|(there, said)| {
                there.path == leaf.path && there.kind == leaf.kind && said.scalar(there).same(scalar)
            });
            if !kept {
                return Err(Problem::NotKept { key: leaf.path.to_string() });
            }
        }
        let more = found.next().map(|(leaf, _)| leaf.path.to_string());
        drop(found);
        more.map_or(Ok(self), |key| Err(Problem::NotKept { key }))
    }
}

/// Where a binary file lies in its envelope.
pub(super) fn data_key() -> KeyPath {
    KeyPath::of_keys(["data"])
}

/// What [`finish`] makes a file of.
pub(super) struct Draft<'a> {
    /// A text whose values are encrypted already, but for `values`; its MAC, if it has one, does not count.
    pub(super) text: &'a dyn Text,
    /// What is put in on the way, encrypted.
    pub(super) values: Replacements,
    /// What the outcome is to say.
    pub(super) meant: Vec<Meant<'a>>,
    pub(super) format: Format,
    pub(super) path: &'a std::path::Path,
    /// The metadata but for the MAC and its time.
    pub(super) node: Node,
    /// An earlier text of the same file.
    pub(super) like: Option<&'a [u8]>,
}

/// Gives a text its MAC and metadata, reads the outcome back, and checks that it says what was meant.
pub(super) fn finish(mut draft: Draft<'_>, key: &Arc<DataKey>, now: Timestamp) -> Result<Opened, Problem> {
    let node = &mut draft.node;
    metadata::set(node, "lastmodified", Node::Str(metadata::time(now)), Some("mac"));
    let metadata = Metadata::parse(node)?;
    let mac = leaves::mac(draft.meant.iter().copied(), metadata.access.mac_only_encrypted);
    let mac = key.seal(&mac, LeafKind::Value, &metadata.mac_place)?.unwrap_or_default();
    metadata::set(node, "mac", Node::Str(mac), None);
    let bytes = draft.text.render(&draft.values, Some(Block { node, like: draft.like }))?;
    let document = Document::read(bytes.expose(), draft.format, draft.path)?;
    let meant = || draft.meant.iter().map(|meant| (meant.leaf, meant.scalar));
    match Opened::verify(document.clone(), Arc::clone(key)) {
        // Which value differs says more than that the MAC does.
        Err(Problem::Mac) => {
            let said = Arc::new(leaves::open(document.text(), document.selected(), key)?);
            Opened { document, key: Arc::clone(key), said }.kept(meant()).and(Err(Problem::Mac))
        }
        verified => verified?.kept(meant()),
    }
}
