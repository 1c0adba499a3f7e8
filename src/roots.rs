//! The roots of a fleet: who its admins are, in versions that each the one before has vouched for.
//!
//! The manner is that of [TUF](https://theupdateframework.github.io/specification/latest/#update-root): a new version
//! counts only if a full admin of the version before signed exactly its bytes, and versions never fall. So a host that
//! has pinned one version follows an admin who comes or goes, and no key that only stands in `secretctl.toml`.

mod error;
#[cfg(feature = "admin")]
mod vouch;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

pub use error::RootsError;
#[cfg(feature = "admin")]
pub use vouch::Voucher;

use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Recipient;
use crate::crypto::SignedLine;
use crate::crypto::VerifyingKey;
use crate::name::AdminName;
use crate::name::FleetId;

/// File name of the roots, below `sealed/`.
pub const ROOTS_FILE: &str = "roots.jsonl";
/// Largest list of roots that is read.
pub const ROOTS_MAX: u64 = 16 << 20;
/// The version of the line format that this program writes and reads.
const VERSION: u64 = 1;

/// What an admin's signature is good for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manifests, ledger lines and new roots.
    #[default]
    Full,
    /// Ledger lines of secrets that policy names them an editor of: `editor = "named"`.
    Named,
}

/// One admin in a version of the roots.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RootAdmin {
    /// What the signatures are good for.
    pub role: Role,
    /// What sources are encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Whose signatures count.
    pub signing_keys: BTreeSet<VerifyingKey>,
    /// When the admin left, if they did.
    pub removed: Option<Timestamp>,
}

/// The people of a fleet, as one version of the roots has them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Admins by name, removed ones included.
    pub admins: BTreeMap<AdminName, RootAdmin>,
    /// What every source is encrypted to besides.
    pub recovery: BTreeSet<Recipient>,
}

impl People {
    /// Keys whose manifests and roots count: those of full admins who have not left.
    pub fn full_keys(&self) -> BTreeSet<VerifyingKey> {
        let full = self.admins.values().filter(|admin| admin.removed.is_none() && admin.role == Role::Full);
        full.flat_map(|admin| admin.signing_keys.iter().cloned()).collect()
    }
}

/// One version of the roots.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    version: u64,
    /// The fleet.
    pub fleet: FleetId,
    /// Number of this version, from 1.
    pub number: u64,
    /// Admins and recovery.
    pub people: People,
    /// The admin who vouched for it.
    pub author: AdminName,
    /// When, in whole seconds; never before the version that it follows.
    pub time: Timestamp,
    /// Digest of the whole line before; null in the first.
    pub previous: Option<Digest>,
}

/// Which version somebody has seen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its number.
    pub number: u64,
    /// Digest of its whole line.
    pub sha256: Digest,
}

/// A version that somebody vouched for, and who.
#[derive(Clone, Debug)]
struct Vouched {
    root: Root,
    sha256: Digest,
    signer: VerifyingKey,
}

/// Every version so far, each vouched for by the one before. Only [`Roots::verify`] makes a list that is read.
///
/// The first version vouches for itself: who reads a list must hold it against a [`Pin`] or a key that is known.
#[derive(Clone, Debug)]
pub struct Roots {
    text: String,
    earlier: Vec<Vouched>,
    head: Vouched,
}

impl Roots {
    /// Checks every signature and link before what it says is used.
    pub fn verify(bytes: &[u8]) -> Result<Self, RootsError> {
        let malformed = |number, reason: &str| RootsError::Malformed { number, reason: reason.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "it is not UTF-8"))?;
        if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
            return Err(RootsError::Unmerged);
        }
        if !text.ends_with('\n') {
            return Err(malformed(text.lines().count().max(1), "it is cut off"));
        }
        let mut versions: Vec<Vouched> = Vec::new();
        for (at, raw) in text.lines().enumerate() {
            let vouched = vouched(raw, at + 1, versions.last())?;
            versions.push(vouched);
        }
        let head = versions.pop().ok_or_else(|| malformed(1, "it is empty"))?;
        Ok(Self { text: text.to_owned(), earlier: versions, head })
    }

    /// The newest version.
    pub fn head(&self) -> &Root {
        &self.head.root
    }

    /// The fleet.
    pub fn fleet(&self) -> FleetId {
        self.head.root.fleet
    }

    /// What to remember of the newest version.
    pub fn pin(&self) -> Pin {
        Pin { number: self.head.root.number, sha256: self.head.sha256 }
    }

    /// What to remember of the first version.
    pub fn first_pin(&self) -> Pin {
        let first = self.earlier.first().unwrap_or(&self.head);
        Pin { number: first.root.number, sha256: first.sha256 }
    }

    /// Whether the list has the version that was pinned, so that all later ones follow from it.
    pub fn holds(&self, pin: &Pin) -> bool {
        self.versions().any(|version| version.root.number == pin.number && version.sha256 == pin.sha256)
    }

    /// Whether one of these keys vouched for a version, so that all later ones follow from that key.
    pub fn is_vouched_by(&self, keys: &BTreeSet<VerifyingKey>) -> bool {
        self.versions().any(|version| keys.contains(&version.signer))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Every version, the oldest first.
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        self.versions().map(|version| &version.root)
    }

    fn versions(&self) -> impl Iterator<Item = &Vouched> {
        self.earlier.iter().chain([&self.head])
    }
}

/// Reads one line, which a full admin of the version before must have signed; the first vouches for itself.
fn vouched(raw: &str, number: usize, before: Option<&Vouched>) -> Result<Vouched, RootsError> {
    let malformed = |reason: String| RootsError::Malformed { number, reason };
    let signed =
        SignedLine::split(raw).ok_or_else(|| malformed("it has no signature at its end".to_owned()))?;
    let trusted = match before {
        Some(before) => before.root.people.full_keys(),
        None => parse(&signed, number)?.people.full_keys(),
    };
    let signer = signed.verify(Namespace::Roots, &trusted);
    let signer = signer.map_err(|source| RootsError::NotVouched { number, source })?.clone();
    let root = parse(&signed, number)?;
    if let Err(reason) = follows(&root, number, before) {
        return Err(RootsError::Chain { number, reason });
    }
    Ok(Vouched { root, sha256: Digest::of(raw.as_bytes()), signer })
}

fn parse(signed: &SignedLine<'_>, number: usize) -> Result<Root, RootsError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let malformed = |error: serde_json::Error| RootsError::Malformed { number, reason: error.to_string() };
    let Versioned { version: found } = serde_json::from_str(signed.text()).map_err(malformed)?;
    if found != VERSION {
        return Err(RootsError::Version { number, found });
    }
    serde_json::from_str(signed.text()).map_err(malformed)
}

fn follows(root: &Root, number: usize, before: Option<&Vouched>) -> Result<(), &'static str> {
    if usize::try_from(root.number) != Ok(number) {
        return Err("its number is not that of its line");
    }
    if root.previous != before.map(|before| before.sha256) {
        return Err("its `previous` is not the digest of the line before");
    }
    if root.people.full_keys().is_empty() {
        return Err("it has no admin who could vouch for the next version");
    }
    match before {
        Some(before) if root.fleet != before.root.fleet => Err("it is for another fleet"),
        Some(before) if root.time < before.root.time => Err("it is dated before the version that it follows"),
        _ => Ok(()),
    }
}

#[cfg(all(test, feature = "admin"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
