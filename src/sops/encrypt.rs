//! From a plaintext to a SOPS file: for the first time, or after an editor.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::Digest;
use sha2::Sha256;

use super::Format;
use super::document::Document;
use super::error;
use super::error::Problem;
use super::error::SopsError;
use super::json;
use super::leaves;
use super::leaves::Meant;
use super::leaves::Said;
use super::metadata;
use super::number;
use super::opened;
use super::opened::Draft;
use super::opened::Opened;
use super::selector::Selector;
use super::stanzas::Foreigners;
use super::stanzas::Wrapping;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Node;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Text;
use super::tree::TextError;
use super::tree::line_of;
use super::unlock;
use super::value::DataKey;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::secret::SecretBytes;

/// How a new file is encrypted.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who can open it. Not asked where there are `groups`.
    pub recipients: BTreeSet<Recipient>,
    /// Key groups, each of which opens a share of the data key; none for a file that each recipient opens alone.
    pub groups: Vec<BTreeSet<Recipient>>,
    /// How many groups are needed; 0 for all.
    pub threshold: usize,
    /// Which values are encrypted.
    pub selector: Selector,
    /// Leaves values in the clear out of the MAC.
    pub mac_only_encrypted: bool,
}

impl Settings {
    fn groups(&self) -> Vec<&BTreeSet<Recipient>> {
        if self.groups.is_empty() { vec![&self.recipients] } else { self.groups.iter().collect() }
    }

    /// The metadata of a new file, but for MAC and time.
    fn metadata(&self, key: &DataKey, now: Timestamp, prompt: &Arc<dyn Prompt>) -> Result<Node, Problem> {
        let groups = self.groups();
        let threshold = if self.threshold == 0 { groups.len() } else { self.threshold };
        if groups.iter().any(|group| group.is_empty()) {
            return Err(Problem::Encrypt(crate::crypto::EncryptError::NoRecipient));
        }
        let shares = unlock::shares(key, groups.len(), threshold)?;
        let wrapping = Wrapping { foreigners: &Foreigners::Drop, now, prompt };
        let mut fields = wrapping.lists(&shares, &groups, threshold)?;
        let text = |name: &str, text: &str| (name.to_owned(), Node::Str(text.to_owned()));
        fields.extend([text("lastmodified", ""), text("mac", "")]);
        fields.push(text(self.selector.field(), self.selector.text()));
        if self.mac_only_encrypted {
            fields.push(("mac_only_encrypted".to_owned(), Node::Bool(true)));
        }
        fields.push(text("version", metadata::VERSION));
        Ok(Node::Map(fields))
    }
}

impl Document {
    /// Encrypts a plaintext for the first time. The path is for messages alone.
    pub fn encrypt(
        plaintext: &SecretBytes,
        format: Format,
        settings: &Settings,
        now: Timestamp,
        prompt: &Arc<dyn Prompt>,
        path: &Path,
    ) -> Result<Opened, SopsError> {
        let encrypt = || {
            let key = Arc::new(DataKey::generate()?);
            let node = settings.metadata(&key, now, prompt)?;
            let source = Source::read(plaintext, format)?;
            source.sealed(path, node, None, &key, now)
        };
        encrypt().map_err(|problem: Problem| problem.of(path))
    }
}

impl Opened {
    /// The file after an editor: what did not change keeps its ciphertext, and the same plaintext gives the same bytes.
    pub fn edited(&self, plaintext: &SecretBytes, now: Timestamp) -> Result<Self, SopsError> {
        self.edit(plaintext, now).map_err(|problem| self.wrong(problem))
    }

    fn edit(&self, plaintext: &SecretBytes, now: Timestamp) -> Result<Self, Problem> {
        let before = self.rendered()?;
        if before.same(plaintext) {
            return Ok(self.clone());
        }
        let document = self.document();
        let source = Source::read(plaintext, document.format())?;
        let earlier = Earlier::of(self, &before);
        source.sealed(document.path(), document.node().clone(), Some((document, &earlier)), self.key(), now)
    }
}

/// A plaintext as a text whose leaves can be encrypted.
struct Source {
    format: Format,
    text: Box<dyn Text>,
    /// Of a binary file its bytes, which stand in no text.
    data: Option<Scalar>,
}

impl Source {
    fn read(plaintext: &SecretBytes, format: Format) -> Result<Self, Problem> {
        if format == Format::Binary {
            let text = json::parse(json::envelope("data").expose())?;
            return Ok(Self { format, text, data: Some(Scalar::str(plaintext.expose())) });
        }
        let normalized = format.normalized(plaintext.expose())?;
        let text = format.parse(normalized.as_ref().unwrap_or(plaintext).expose())?;
        if text.metadata().is_some() {
            return Err(Problem::Reserved);
        }
        Ok(Self { format, text, data: None })
    }

    fn scalar<'a>(&'a self, leaf: &'a Leaf) -> &'a Scalar {
        self.data.as_ref().unwrap_or(&leaf.scalar)
    }

    fn meant(&self) -> impl Iterator<Item = (&Leaf, &Scalar)> {
        self.text.leaves().iter().map(|leaf| (leaf, self.scalar(leaf)))
    }

    fn sealed(
        &self,
        path: &Path,
        node: Node,
        before: Option<(&Document, &Earlier<'_>)>,
        key: &Arc<DataKey>,
        now: Timestamp,
    ) -> Result<Opened, Problem> {
        let selected = match before {
            Some((document, _)) => leaves::selected(&*self.text, document.selector()),
            None => leaves::selected(&*self.text, &selector(&node)?),
        };
        let known = |leaf, scalar| before.and_then(|(_, earlier)| earlier.unchanged(leaf, scalar));
        let known: Vec<Option<Known<'_>>> = self.meant().map(|(leaf, scalar)| known(leaf, scalar)).collect();
        let text = self.text.render(&self.replacements(&selected, &known, key)?, None)?;
        let text = self.format.parse(text.expose())?;
        let meant =
            self.meant().zip(&known).zip(&selected).map(|(((leaf, scalar), known), selected)| Meant {
                leaf,
                scalar: known.map_or(scalar, |known| known.scalar),
                selected: *selected,
                counts: leaf.kind == LeafKind::Value
                    || (*selected && known.is_some_and(|known| known.counts)),
            });
        let like = before.map(|(document, _)| document.bytes());
        let (values, meant, format) = (Replacements::new(), meant.collect(), self.format);
        opened::finish(Draft { text: &*text, values, meant, format, path, node, like }, key, now)
    }

    fn replacements(
        &self,
        selected: &[bool],
        known: &[Option<Known<'_>>],
        key: &DataKey,
    ) -> Result<Replacements, Problem> {
        let (mut replacements, mut anew) = (Replacements::new(), Vec::new());
        for (index, (((leaf, scalar), selected), known)) in self.meant().zip(selected).zip(known).enumerate()
        {
            if known.is_none() {
                self.check_number(leaf)?;
                self.check_carried(leaf)?;
            }
            if !selected {
                continue;
            }
            if let Some(stored) = known.and_then(|known| known.stored) {
                replacements.insert(index, Scalar::str(stored.expose()));
            } else {
                anew.push((index, leaf, scalar));
            }
        }
        replacements.append(&mut leaves::seal(&anew, key)?);
        Ok(replacements)
    }

    /// Refuses a new value that `sops` would change on the way.
    fn check_carried(&self, leaf: &Leaf) -> Result<(), Problem> {
        if leaf.kind == LeafKind::Comment {
            return Ok(());
        }
        Ok(self.text.carries(&leaf.scalar).map_err(|kind| TextError::about(kind, &leaf.path))?)
    }

    /// Refuses a number that is another one after a round trip through 64 bits.
    fn check_number(&self, leaf: &Leaf) -> Result<(), Problem> {
        let (Scalar::Float(canonical) | Scalar::Int(canonical)) = &leaf.scalar else { return Ok(()) };
        let raw = self.text.bytes().get(leaf.span.clone()).unwrap_or_default();
        let (Ok(raw), Ok(canonical)) = (std::str::from_utf8(raw), std::str::from_utf8(canonical.expose()))
        else {
            return Ok(());
        };
        if !number::survives(raw, canonical) {
            let line = line_of(self.text.bytes(), leaf.span.start);
            return Err(Problem::Number { place: error::place(Some(&leaf.path), Some(line)) });
        }
        Ok(())
    }
}

fn selector(node: &Node) -> Result<super::selector::Compiled, Problem> {
    let set = |field: &&str| node.field(field).and_then(Node::as_str).is_some_and(|text| !text.is_empty());
    let field = Selector::FIELDS.into_iter().find(set).unwrap_or("unencrypted_suffix");
    let text = node.field(field).and_then(Node::as_str).unwrap_or_default();
    let selector = Selector::of_field(field, text).and_then(|selector| selector.compiled());
    selector.ok_or(Problem::Selector { field })
}

/// What stood in a file before an edit, by place and value, so that it can be told what did not change.
struct Earlier<'o> {
    /// By exact path.
    by_path: HashMap<&'o KeyPath, ([u8; 32], Known<'o>)>,
    /// Ciphertexts by what they are bound to, so that items of a list and comments may move.
    by_place: HashMap<[u8; 32], Alike<'o>>,
}

/// Leaves of one place and value. Each is handed out once before the last is handed out again, so that two comments of
/// one wording keep their ciphertexts.
#[derive(Default)]
struct Alike<'o> {
    known: Vec<Known<'o>>,
    next: Cell<usize>,
}

impl<'o> Alike<'o> {
    fn next(&self) -> Option<Known<'o>> {
        let next = self.next.replace(self.next.get() + 1);
        self.known.get(next).or(self.known.last()).copied()
    }
}

/// A leaf that is as it was.
#[derive(Clone, Copy)]
struct Known<'o> {
    /// Its ciphertext; none for a value in the clear.
    stored: Option<&'o SecretBytes>,
    /// Its value, of the type that it was stored with.
    scalar: &'o Scalar,
    /// Whether the MAC is over it.
    counts: bool,
}

impl<'o> Earlier<'o> {
    /// `before` is the plaintext that the editor saw: types that it cannot show are as it shows them.
    fn of(opened: &'o Opened, before: &SecretBytes) -> Self {
        let shown = Source::read(before, opened.document().format()).ok();
        let shown = shown.filter(|shown| shown.text.leaves().len() == opened.leaves().count());
        let mut seen = shown.iter().flat_map(Source::meant);
        let mut earlier = Self { by_path: HashMap::new(), by_place: HashMap::new() };
        for (leaf, said) in opened.leaves() {
            let scalar = said.scalar(leaf);
            let mark = mark(leaf, seen.next().map_or(scalar, |(_, seen)| seen));
            let stored = match (said, &leaf.scalar) {
                (Said::Opened(_), Scalar::Str(text)) if !text.is_empty() => Some(text),
                _ => None,
            };
            let known = Known { stored, scalar, counts: said.counts(leaf) };
            if stored.is_some() {
                earlier.by_place.entry(mark).or_default().known.push(known);
            }
            if leaf.kind == LeafKind::Value {
                earlier.by_path.insert(&leaf.path, (mark, known));
            }
        }
        earlier
    }

    /// What was there before; none for a leaf that is new.
    fn unchanged(&self, leaf: &Leaf, scalar: &Scalar) -> Option<Known<'o>> {
        let mark = mark(leaf, scalar);
        let there = self.by_path.get(&leaf.path).filter(|(known, _)| *known == mark);
        there.map(|(_, known)| *known).or_else(|| self.by_place.get(&mark)?.next())
    }
}

/// A digest of all that decides a ciphertext but the nonce, so that no second copy of a value is kept.
fn mark(leaf: &Leaf, scalar: &Scalar) -> [u8; 32] {
    let mut hash = Sha256::new();
    let place = leaves::place(&leaf.path);
    hash.update(place.len().to_le_bytes());
    hash.update(place);
    let word: u8 = match scalar {
        Scalar::Str(_) => 0,
        Scalar::Int(_) => 1,
        Scalar::Float(_) => 2,
        Scalar::Bool(_) => 3,
        Scalar::Time(_) => 4,
        Scalar::Null => 5,
        Scalar::EmptyMap => 6,
        Scalar::EmptyList => 7,
    };
    hash.update([word, u8::from(leaf.kind == LeafKind::Comment)]);
    hash.update(scalar.canonical().unwrap_or_default());
    hash.finalize().into()
}
