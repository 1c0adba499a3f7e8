//! What a text layer and the SOPS format say to each other: leaves with places, the metadata tree, edits.
//!
//! A text layer (`json`, `yaml`, `dotenv`, `ini`) knows where scalars stand in the bytes of a file and nothing of
//! encryption. The format knows nothing of quotes, indentation and line ends. The same layer reads encrypted files,
//! where most scalars are `ENC[…]` strings, and plaintexts.
//!
//! Each layer is a module with `pub(super) fn parse(text: &[u8]) -> Result<Box<dyn Text>, TextError>`. YAML has besides
//! `pub(super) fn normalized(plaintext: &[u8]) -> Result<Option<SecretBytes>, TextError>`: aliases and merge keys written
//! out as sops would, none where there are none. It is called before a plaintext is parsed for encrypting.

mod error;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::secret::SecretBytes;

pub use error::TextError;
pub use error::TextErrorKind;
pub use error::line_of;

/// One step from a map or list to what it holds.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Into a map, by key.
    Key(String),
    /// Into a list, by position. Comments do not count as items.
    Item(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Item(position) => write!(f, "{position}"),
        }
    }
}

/// The place of a leaf: the document of a YAML stream (0 elsewhere), then steps from its top.
///
/// Shown as `a/b/0`, with the number of the document in front (`2:a/b/0`) where it is not the first.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyPath {
    document: usize,
    steps: Vec<Step>,
}

impl KeyPath {
    /// A path in the first document.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::in_document(0, steps)
    }

    /// A path in one document of a stream, counted from 0.
    pub fn in_document(document: usize, steps: impl IntoIterator<Item = Step>) -> Self {
        Self { document, steps: steps.into_iter().collect() }
    }

    /// A path of map keys in the first document.
    pub fn of_keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self::new(keys.into_iter().map(|key| Step::Key(key.into())))
    }

    /// Which document of a YAML stream, counted from 0.
    pub fn document(&self) -> usize {
        self.document
    }

    /// The steps from the top of the document.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The same path, one step deeper.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut longer = self.clone();
        longer.steps.push(step);
        longer
    }

    /// The path of the map or list that holds this; none at the top.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.steps.split_last()?;
        Some(Self { document: self.document, steps: rest.to_vec() })
    }

    /// Tells whether this is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.document == other.document && self.steps.starts_with(&other.steps)
    }

    /// About how many bytes of memory it takes.
    fn size(&self) -> usize {
        size_of::<Step>() * self.steps.len() + self.keys().map(str::len).sum::<usize>()
    }

    /// The map keys on the way; positions in lists left out, as the format does.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document > 0 {
            write!(f, "{}:", self.document)?;
        }
        for (position, step) in self.steps.iter().enumerate() {
            let slash = if position == 0 { "" } else { "/" };
            write!(f, "{slash}{step}")?;
        }
        Ok(())
    }
}

/// The value of a leaf, in the one spelling that the format encrypts and hashes.
///
/// Every text may be plaintext, so each is held in [`SecretBytes`].
#[derive(Debug)]
pub enum Scalar {
    /// A string as UTF-8, unquoted and unescaped; of a comment the text behind its `#`, as sops reads it.
    Str(SecretBytes),
    /// A decimal integer that fits 64 bits, without `+`, leading zeros or `_` (Go: `strconv.Itoa`).
    Int(SecretBytes),
    /// The shortest decimal without exponent that reads back as the same 64-bit number (Go: `FormatFloat(x, 'f', -1, 64)`).
    Float(SecretBytes),
    /// True or false.
    Bool(bool),
    /// A timestamp as RFC 3339 with as many fractional digits as needed (Go: `time.Time.MarshalText`).
    Time(SecretBytes),
    /// Nothing; never encrypted, not in the MAC.
    Null,
    /// `{}`; never encrypted, not in the MAC.
    EmptyMap,
    /// `[]`; never encrypted, not in the MAC.
    EmptyList,
}

impl Scalar {
    /// A string.
    pub fn str(text: &[u8]) -> Self {
        Self::Str(SecretBytes::from(text.to_vec()))
    }

    /// The bytes that are encrypted and hashed; none for null and empty containers.
    pub fn canonical(&self) -> Option<&[u8]> {
        match self {
            Self::Str(text) | Self::Int(text) | Self::Float(text) | Self::Time(text) => Some(text.expose()),
            Self::Bool(true) => Some(b"True"),
            Self::Bool(false) => Some(b"False"),
            Self::Null | Self::EmptyMap | Self::EmptyList => None,
        }
    }

    /// Tells whether kind and bytes are equal.
    pub fn same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.canonical() == other.canonical()
    }

    /// A second copy, for where two texts need it.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let copy = |text: &SecretBytes| SecretBytes::from(text.expose().to_vec());
        match self {
            Self::Str(text) => Self::Str(copy(text)),
            Self::Int(text) => Self::Int(copy(text)),
            Self::Float(text) => Self::Float(copy(text)),
            Self::Time(text) => Self::Time(copy(text)),
            Self::Bool(value) => Self::Bool(*value),
            Self::Null => Self::Null,
            Self::EmptyMap => Self::EmptyMap,
            Self::EmptyList => Self::EmptyList,
        }
    }
}

/// What a leaf is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeafKind {
    /// A value in a map or list.
    Value,
    /// A comment that the format treats as a value.
    Comment,
}

/// One value or comment of a text. Those of the metadata (top-level key `sops`) are not among them.
#[derive(Debug)]
pub struct Leaf {
    /// Place of a value; for a comment that of the map or list that holds it, as sops computes it.
    pub path: KeyPath,
    /// Value or comment.
    pub kind: LeafKind,
    /// Its value as it stands in the text.
    pub scalar: Scalar,
    /// Its bytes in the text, quotes and block indicators included.
    pub span: Range<usize>,
    /// The nearest comment that is active for it, by its index among the leaves; the `above` of that one leads to the
    /// next. Active are those directly above it in its map or list, and directly above each enclosing map or list in
    /// *its* holder. A list of all of them in each leaf would grow with the square of a text of comments.
    pub above: Option<usize>,
}

/// How many bytes of memory all leaves of a text may take, their paths included.
const LEAVES_MAX: usize = 256 << 20;

/// The leaves of a text, in order. What they take together is bounded: one long key, or a deep nesting, is in the path of
/// each value below it.
#[derive(Debug, Default)]
pub struct Leaves {
    all: Vec<Leaf>,
    size: usize,
}

impl Leaves {
    /// Adds the next leaf, and gives its index.
    pub fn push(&mut self, leaf: Leaf) -> Result<usize, TextError> {
        self.size += size_of::<Leaf>() + leaf.path.size();
        if self.size > LEAVES_MAX {
            let what = "what the values and the keys above them take of the memory in bytes";
            return Err(TextError::at(TextErrorKind::TooLarge { what, limit: LEAVES_MAX }, leaf.span.start));
        }
        self.all.push(leaf);
        Ok(self.all.len() - 1)
    }

    /// Those so far.
    pub fn all(&self) -> &[Leaf] {
        &self.all
    }

    /// Those so far, to be changed in place.
    pub fn all_mut(&mut self) -> &mut [Leaf] {
        &mut self.all
    }

    /// All of them.
    pub fn into_all(self) -> Vec<Leaf> {
        self.all
    }
}

/// The metadata subtree, in order. Strings are what the format knows; all else is kept as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Node {
    /// A map, in order of the text.
    Map(Vec<(String, Node)>),
    /// A list.
    List(Vec<Node>),
    /// A string. Text layers without types (`dotenv`, `ini`) read every scalar as this.
    Str(String),
    /// A number, spelled as in the text.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
}

impl Node {
    /// The field of a map.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        let Self::Str(text) = self else { return None };
        Some(text)
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        let Self::List(items) = self else { return None };
        Some(items)
    }
}

/// New values by index of the leaf. A comment is replaced by a [`Scalar::Str`].
pub type Replacements = BTreeMap<usize, Scalar>;

/// The metadata that a rendered text is to carry.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The whole subtree below `sops`.
    pub node: &'a Node,
    /// An earlier text of the same file whose metadata block shows how to spell and where to put it. Only of use
    /// where the rendered text has no metadata of its own, that is, after an editor.
    pub like: Option<&'a [u8]>,
}

/// What was read from a text.
#[derive(Debug, Default)]
pub struct Parsed {
    /// What [`Text::bytes`] lends.
    pub bytes: SecretBytes,
    /// What [`Text::leaves`] lends.
    pub leaves: Leaves,
    /// What [`Text::metadata`] lends.
    pub metadata: Option<Node>,
}

/// A parsed text. Immutable: each edit gives a new text, which the format parses again to see that it says what was meant.
pub trait Text: fmt::Debug + Send + Sync {
    /// What was read.
    fn parsed(&self) -> &Parsed;

    /// The bytes it was parsed from, BOM and line ends included.
    fn bytes(&self) -> &[u8] {
        self.parsed().bytes.expose()
    }

    /// All values and comments in the order of the MAC: that of the text.
    fn leaves(&self) -> &[Leaf] {
        self.parsed().leaves.all()
    }

    /// The subtree below the top-level key `sops`; in a stream of documents the first one that has it.
    fn metadata(&self) -> Option<&Node> {
        self.parsed().metadata.as_ref()
    }

    /// The same text with these leaves replaced in place, and with this metadata block (none removes it).
    ///
    /// Bytes outside the replaced leaves and the block stay. A replacement keeps the style of the scalar where the new
    /// value allows it, so that replacing there and back gives the same bytes. Inside the block, what is equal keeps its
    /// bytes, where only scalars differ only these are spliced, and only what has another shape is written anew. Removing
    /// the block removes its lines and the separators that it needed, and adding it where there is none puts it at the end
    /// of the top map, in the style of the current `sops`. In a stream each document has the block.
    fn render(&self, replacements: &Replacements, block: Option<Block<'_>>)
    -> Result<SecretBytes, TextError>;

    /// Whether a value comes back as it is once a plaintext of this format was written and read by `sops`. Encrypted, any
    /// text would fit, and the next edit with `sops` would change it without a word.
    fn carries(&self, _value: &Scalar) -> Result<(), TextErrorKind> {
        Ok(())
    }

    /// The text with one more value; missing maps on the way are made.
    ///
    /// The new entry comes last in its map or list (`Item(n)` with n the length of the list appends), in the style of
    /// its neighbours. An existing path is [`TextErrorKind::Exists`]; a step through a scalar or of the wrong kind is
    /// [`TextErrorKind::NotAContainer`].
    fn insert(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError>;

    /// The text without the entry at this path, be it a value, a map or a list, and without the comments directly above
    /// it. A map or list that loses its last entry becomes `{}` or `[]`. A missing path is [`TextErrorKind::Missing`].
    fn remove(&self, path: &KeyPath) -> Result<SecretBytes, TextError>;

    /// The text with the key of one map entry changed, the entry staying where it is. Only the last step may differ, and
    /// both must be keys: anything else is [`TextErrorKind::NotAContainer`]. A missing `from` is
    /// [`TextErrorKind::Missing`], a `to` that is taken [`TextErrorKind::Exists`].
    fn rename(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_with_slashes_and_its_document_only_behind_the_first() {
        let path = KeyPath::of_keys(["a", "b"]).join(Step::Item(0));
        assert_eq!(path.to_string(), "a/b/0");
        assert_eq!(KeyPath::in_document(2, path.steps().to_vec()).to_string(), "2:a/b/0");
        assert_eq!(path.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn documents_come_first_in_the_order_of_paths() {
        let late = KeyPath::in_document(1, [Step::Key("a".to_owned())]);
        assert!(KeyPath::of_keys(["z"]) < late);
        assert!(!late.starts_with(&KeyPath::default()));
    }

    #[test]
    fn an_integer_is_not_the_string_of_its_digits() {
        let int = Scalar::Int(SecretBytes::from(b"5".to_vec()));
        assert!(!int.same(&Scalar::str(b"5")));
        assert!(int.same(&int.duplicate()));
    }
}
