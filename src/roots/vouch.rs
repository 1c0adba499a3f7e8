//! Signing the next version of the roots.

use jiff::Timestamp;

use super::People;
use super::Root;
use super::Roots;
use super::VERSION;
use super::Vouched;
use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Signer;
use crate::crypto::SignerError;
use crate::crypto::sign_line;
use crate::name::AdminName;
use crate::name::FleetId;

/// Who vouches for a version, and when.
#[derive(Clone, Copy, Debug)]
pub struct Voucher<'a> {
    /// The admin, a full one of the version before.
    pub name: &'a AdminName,
    /// Their key.
    pub signer: &'a Signer,
    /// The time of the command.
    pub now: Timestamp,
}

impl Roots {
    /// Signs the first version, in which the one who signs is a full admin.
    pub fn first(fleet: FleetId, people: People, voucher: Voucher<'_>) -> Result<Self, SignerError> {
        let root = Root {
            version: VERSION,
            fleet,
            number: 1,
            people,
            author: voucher.name.clone(),
            time: voucher.now,
            previous: None,
        };
        let (raw, head) = sign(root, voucher)?;
        Ok(Self { text: raw, earlier: Vec::new(), head })
    }

    /// Signs the next version. A clock that lags does not date it before the version that it follows.
    pub fn next(self, people: People, voucher: Voucher<'_>) -> Result<Self, SignerError> {
        let last = &self.head;
        let root = Root {
            version: VERSION,
            fleet: last.root.fleet,
            number: last.root.number.saturating_add(1),
            people,
            author: voucher.name.clone(),
            time: voucher.now.max(last.root.time),
            previous: Some(last.sha256),
        };
        let (raw, head) = sign(root, voucher)?;
        let Self { mut text, mut earlier, head: last } = self;
        text.push_str(&raw);
        earlier.push(last);
        Ok(Self { text, earlier, head })
    }
}

#[expect(clippy::expect_used, reason = "a root has string keys and no failing serializer")]
fn sign(root: Root, voucher: Voucher<'_>) -> Result<(String, Vouched), SignerError> {
    let json = serde_json::to_string(&root).expect("a root serializes");
    let mut raw = sign_line(&json, voucher.signer, Namespace::Roots)?;
    let vouched = Vouched { root, sha256: Digest::of(raw.as_bytes()), signer: voucher.signer.key().clone() };
    raw.push('\n');
    Ok((raw, vouched))
}
