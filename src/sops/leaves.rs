//! The values of a text in the light of its selectors: which are encrypted, what they say, what the MAC is over.

use data_encoding::HEXUPPER;
use rand::RngCore;
use rayon::prelude::*;
use sha2::Digest;
use sha2::Sha512;

use super::error::Problem;
use super::selector::Compiled;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Text;
use super::value::Cipher;
use super::value::DataKey;
use super::value::NONCE;
use super::value::Plain;
use super::value::Refusal;
use crate::secret::SecretBytes;

/// So many values are worth a thread of their own.
const PORTION: usize = 256;

/// What one leaf says.
#[derive(Debug)]
pub(super) enum Said {
    /// What stands in the text.
    Clear,
    /// What was decrypted.
    Opened(Plain),
    /// A comment that is encrypted and does not open: it was moved or changed. It stays as it stands.
    Closed,
}

impl Said {
    /// The plain value.
    pub(super) fn scalar<'a>(&'a self, leaf: &'a Leaf) -> &'a Scalar {
        match self {
            Self::Clear | Self::Closed => &leaf.scalar,
            Self::Opened(plain) => &plain.scalar,
        }
    }

    /// Whether the MAC is over it. Comments count only where an older version encrypted them as if they were strings.
    pub(super) fn counts(&self, leaf: &Leaf) -> bool {
        match (leaf.kind, self) {
            (LeafKind::Value, _) => true,
            (LeafKind::Comment, Self::Opened(plain)) => !plain.comment,
            (LeafKind::Comment, Self::Clear | Self::Closed) => false,
        }
    }
}

/// A leaf and what a text is to say there.
#[derive(Clone, Copy)]
pub(super) struct Meant<'m> {
    pub(super) leaf: &'m Leaf,
    pub(super) scalar: &'m Scalar,
    /// Whether the selector wants it encrypted.
    pub(super) selected: bool,
    /// Whether the MAC is over it.
    pub(super) counts: bool,
}

/// Which leaves the selector wants encrypted.
pub(super) fn selected(text: &dyn Text, selector: &Compiled) -> Vec<bool> {
    let leaves = text.leaves();
    // Whether each leaf, or a comment that is active for it, decides about what comes below it.
    let mut spoken: Vec<bool> = Vec::with_capacity(leaves.len());
    let mut selected = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let above = leaf.above.and_then(|index| spoken.get(index)).is_some_and(|spoken| *spoken);
        let own = comment_text(leaf);
        selected.push(selector.selects(&leaf.path, above, own));
        spoken.push(above || own.is_some_and(|text| selector.speaks_of(text)));
    }
    selected
}

fn comment_text(leaf: &Leaf) -> Option<&str> {
    let Scalar::Str(text) = &leaf.scalar else { return None };
    std::str::from_utf8(text.expose()).ok().filter(|_| leaf.kind == LeafKind::Comment)
}

/// What a value at this path is bound to: its map keys, each with a colon behind it.
pub(super) fn place(path: &KeyPath) -> String {
    let mut place = String::with_capacity(path.keys().map(|key| key.len() + 1).sum::<usize>().max(1));
    for key in path.keys() {
        place.push_str(key);
        place.push(':');
    }
    if place.is_empty() {
        place.push(':');
    }
    place
}

/// Decrypts every leaf that the selector wants encrypted.
pub(super) fn open(text: &dyn Text, selected: &[bool], key: &DataKey) -> Result<Vec<Said>, Problem> {
    let open = |cipher: &Cipher<'_>, (leaf, selected): &(&Leaf, &bool)| match leaf.kind {
        _ if !**selected => Ok(Said::Clear),
        LeafKind::Value => open_value(leaf, cipher),
        LeafKind::Comment => Ok(open_comment(leaf, cipher)),
    };
    let leaves: Vec<(&Leaf, &bool)> = text.leaves().iter().zip(selected).collect();
    // Whatever is found first by the clock, the first one in the text is told.
    with_cipher(&leaves, key, open).into_iter().collect()
}

/// New ciphertexts, by index, of values that have one.
pub(super) fn seal(asked: &[(usize, &Leaf, &Scalar)], key: &DataKey) -> Result<Replacements, Problem> {
    // All at once: a call of the kernel for each value takes longer than the encryption.
    let mut nonces = vec![[0; NONCE]; asked.len()];
    rand::rngs::OsRng.try_fill_bytes(nonces.as_flattened_mut())?;
    let asked: Vec<_> = asked.iter().zip(nonces).collect();
    let sealed = with_cipher(&asked, key, |cipher, ((index, leaf, scalar), nonce)| {
        let text = cipher.seal(scalar, leaf.kind, &place(&leaf.path), *nonce)?;
        Ok(text.map(|text| (*index, Scalar::Str(SecretBytes::from(text.into_bytes())))))
    });
    let sealed = sealed.into_iter().filter_map(Result::transpose).collect::<Result<_, rand::Error>>();
    Ok(sealed?)
}

/// Does the same with each value, in order, on all cores where there are many.
fn with_cipher<T: Sync, R: Send>(
    values: &[T],
    key: &DataKey,
    work: impl Fn(&Cipher<'_>, &T) -> R + Sync,
) -> Vec<R> {
    if values.len() < 2 * PORTION {
        let cipher = key.cipher();
        return values.iter().map(|value| work(&cipher, value)).collect();
    }
    let all = values.par_iter().with_min_len(PORTION);
    all.map_init(|| key.cipher(), |cipher, value| work(cipher, value)).collect()
}

fn open_value(leaf: &Leaf, key: &Cipher<'_>) -> Result<Said, Problem> {
    let name = || leaf.path.to_string();
    match &leaf.scalar {
        Scalar::Null | Scalar::EmptyMap | Scalar::EmptyList => Ok(Said::Clear),
        Scalar::Str(text) => match key.open(text.expose(), &place(&leaf.path)) {
            Ok(plain) => Ok(Said::Opened(plain)),
            Err(Refusal::Plain) => Err(Problem::Plain { key: name() }),
            Err(Refusal::Malformed(reason)) => Err(Problem::Value { key: name(), reason }),
            Err(Refusal::Tag) => {
                Err(Problem::Value { key: name(), reason: "it was changed, moved, or is of another file" })
            }
        },
        Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_) | Scalar::Time(_) => {
            Err(Problem::Plain { key: name() })
        }
    }
}

/// A comment that does not look encrypted never was: older versions of sops left them alone.
fn open_comment(leaf: &Leaf, key: &Cipher<'_>) -> Said {
    let Scalar::Str(text) = &leaf.scalar else { return Said::Clear };
    let mut holders = std::iter::successors(Some(leaf.path.clone()), KeyPath::parent);
    match key.open(text.expose(), &place(&leaf.path)) {
        Ok(plain) => Said::Opened(plain),
        Err(Refusal::Plain) => Said::Clear,
        Err(_) => holders
            .find_map(|holder| key.open(text.expose(), &place(&holder)).ok())
            .map_or(Said::Closed, Said::Opened),
    }
}

/// The MAC, as it is encrypted: SHA-512 over all values in order, in upper-case hex.
pub(super) fn mac<'m>(meant: impl Iterator<Item = Meant<'m>>, only_encrypted: bool) -> Scalar {
    let mut hash = Sha512::new();
    if only_encrypted {
        hash.update(sha2::Sha256::digest(b"sops"));
    }
    for meant in meant.filter(|meant| meant.counts && (meant.selected || !only_encrypted)) {
        hash.update(meant.scalar.canonical().unwrap_or_default());
    }
    Scalar::str(HEXUPPER.encode(&hash.finalize()).as_bytes())
}
