//! Whether a sealed tree may be used: signature, host, trust roots, serial.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use super::request::Request;
use super::request::RollbackRule;
use super::state::Accepted;
use super::state::State;
use super::state::StateError;
use crate::crypto::Digest;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::read_bounded;
use crate::manifest::HOST_KEY_FILE;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::ManifestError;
use crate::manifest::SIGNATURE_FILE;
use crate::manifest::VerifiedManifest;

/// Largest signature that is read.
const SIGNATURE_MAX: u64 = 64 << 10;
/// Largest wrapped sealing identity that is read.
const HOST_KEY_MAX: u64 = 4 << 20;

/// Why a sealed tree is refused as a whole.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum TrustError {
    /// A file of the tree cannot be read.
    #[error("the sealed tree cannot be read")]
    #[diagnostic(
        code(trust::unreadable),
        help("check `sealed` in the request; a tree is made by `secretctl seal`")
    )]
    Unreadable(#[source] FsError),
    /// The manifest does not hold.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Manifest(#[from] ManifestError),
    /// The wrapped sealing identity is not the one that was signed.
    #[error("`{}` is not the one that the manifest was signed with", path.display())]
    #[diagnostic(
        code(trust::host_key_changed),
        help("restore the sealed tree from Git: `git checkout -- sealed`")
    )]
    HostKeyChanged {
        /// The file.
        path: PathBuf,
    },
    /// The trusted keys changed, and none of the old ones stands behind the change.
    #[error(
        "the trusted keys changed, and the manifest is signed by {signer}, which this host did not trust before"
    )]
    #[diagnostic(
        code(trust::keys_changed),
        help(
            "change keys in two steps: add the new key and deploy a manifest signed by an old one, then remove the old one; or confirm the new keys on this host with `--accept-new-trust`"
        )
    )]
    KeysChanged {
        /// Fingerprint of the signer.
        signer: String,
    },
    /// The manifest is older than one accepted before.
    #[error("the manifest has serial {found}, and this host has accepted serial {highest} before")]
    #[diagnostic(
        code(trust::rollback),
        help("deploy the current sealed tree, or confirm the older one with `--accept-rollback`")
    )]
    Rollback {
        /// Serial of the manifest.
        found: u64,
        /// Highest serial accepted so far.
        highest: u64,
    },
    /// The state cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    State(#[from] StateError),
}

impl Failure for TrustError {
    fn class(&self) -> Class {
        match self {
            // A tree that was cut short is as broken as one that was changed.
            Self::Unreadable(error) if !error.is_missing() => Class::Environment,
            Self::State(error) => error.class(),
            _ => Class::Integrity,
        }
    }
}

/// Whether the operator confirmed something that would be refused otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Consent {
    /// Not asked or not given.
    #[default]
    None,
    /// Given on the command line.
    Given,
}

/// What was unusual about a manifest that was accepted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Remark {
    /// Its serial is lower than one accepted before.
    Rollback {
        /// Serial of the manifest.
        serial: u64,
        /// Highest serial accepted so far.
        highest: u64,
    },
    /// Another manifest with the same serial was accepted before, as after a merge of two branches.
    SameSerial {
        /// The serial.
        serial: u64,
    },
    /// The trusted keys were pinned for the first time.
    TrustPinned,
    /// The trusted keys changed.
    TrustChanged,
    /// The state could not be read, so that keys and serial were not compared.
    StateUnreadable,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rollback { serial, highest } => {
                write!(f, "the manifest has serial {serial}, older than serial {highest} accepted before")
            }
            Self::SameSerial { serial } => {
                write!(f, "another manifest with serial {serial} was accepted before")
            }
            Self::TrustPinned => f.write_str("the trusted keys are pinned from now on"),
            Self::TrustChanged => f.write_str("the trusted keys changed"),
            Self::StateUnreadable => {
                f.write_str("the state cannot be read by this user: pinned keys and serial were not compared")
            }
        }
    }
}

/// A sealed tree that may be used, with the state to remember once it is. Only [`admit`] makes one.
#[derive(Debug)]
pub(super) struct Admitted {
    tree: SealedTree,
    next: State,
    remarks: Vec<Remark>,
}

impl Admitted {
    /// The tree.
    pub(super) fn tree(&self) -> &SealedTree {
        &self.tree
    }

    /// What was unusual.
    pub(super) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The state to remember once the tree is in use.
    pub(super) fn next_state(&self) -> &State {
        &self.next
    }
}

/// A sealed tree whose signature, host and sealing identity hold. Only [`SealedTree::open`] makes one.
#[derive(Debug)]
pub(super) struct SealedTree {
    folder: PathBuf,
    verified: VerifiedManifest,
    digest: Digest,
    host_key: Vec<u8>,
}

impl SealedTree {
    /// Reads manifest, signature and sealing identity, and checks them against each other.
    pub(super) fn open(request: &Request, folder: &Path) -> Result<Self, TrustError> {
        let read =
            |name: &str, limit| read_bounded(&folder.join(name), limit).map_err(TrustError::Unreadable);
        let bytes = read(MANIFEST_FILE, MANIFEST_MAX)?;
        let signature = String::from_utf8_lossy(&read(SIGNATURE_FILE, SIGNATURE_MAX)?).into_owned();
        let verified =
            Manifest::verify(&bytes, &signature, &request.trusted_keys)?.for_host(&request.host)?;
        let host_key = read(HOST_KEY_FILE, HOST_KEY_MAX)?;
        if Digest::of(&host_key) != verified.manifest().host_key_sha256 {
            return Err(TrustError::HostKeyChanged { path: folder.join(HOST_KEY_FILE) });
        }
        Ok(Self { folder: folder.to_owned(), verified, digest: Digest::of(&bytes), host_key })
    }

    /// The manifest.
    pub(super) fn manifest(&self) -> &Manifest {
        self.verified.manifest()
    }

    /// Who signed it.
    pub(super) fn signer(&self) -> &VerifyingKey {
        self.verified.signer()
    }

    /// Path of a file of the tree.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(Path::new(file))
    }

    /// The wrapped sealing identity.
    pub(super) fn host_key(&self) -> &[u8] {
        &self.host_key
    }

    fn accepted(&self) -> Accepted {
        Accepted {
            serial: self.manifest().serial,
            manifest_sha256: self.digest,
            signer: self.signer().clone(),
            sealed_at: self.manifest().sealed_at,
        }
    }
}

/// What the operator said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consents {
    /// To trusted keys that no old key stands behind.
    pub new_trust: Consent,
    /// To a manifest that is older than one accepted before.
    pub rollback: Consent,
}

/// Compares a tree with what the host remembers; `None` is a host that remembers nothing yet.
pub(super) fn admit(
    tree: SealedTree,
    request: &Request,
    state: Option<State>,
    consents: Consents,
) -> Result<Admitted, TrustError> {
    let mut remarks = Vec::new();
    let mut next = match state {
        Some(state) => state,
        None => {
            remarks.push(Remark::TrustPinned);
            State { trusted_keys: request.trusted_keys.clone(), ..State::default() }
        }
    };
    if next.trusted_keys != request.trusted_keys {
        check_new_keys(&tree, &next.trusted_keys, consents.new_trust)?;
        remarks.push(Remark::TrustChanged);
        next.trusted_keys.clone_from(&request.trusted_keys);
    }
    let accepted = tree.accepted();
    let (serial, highest) = (accepted.serial, next.highest_serial);
    if serial < highest {
        if request.rollback == RollbackRule::Refuse && consents.rollback == Consent::None {
            return Err(TrustError::Rollback { found: serial, highest });
        }
        remarks.push(Remark::Rollback { serial, highest });
    }
    let before = next.accepted.as_ref();
    if before.is_some_and(|b| b.serial == serial && b.manifest_sha256 != accepted.manifest_sha256) {
        remarks.push(Remark::SameSerial { serial });
    }
    remember(&mut next, accepted, consents.rollback);
    Ok(Admitted { tree, next, remarks })
}

fn check_new_keys(
    tree: &SealedTree,
    pinned: &BTreeSet<VerifyingKey>,
    consent: Consent,
) -> Result<(), TrustError> {
    if pinned.contains(tree.signer()) || consent == Consent::Given {
        return Ok(());
    }
    Err(TrustError::KeysChanged { signer: tree.signer().fingerprint() })
}

/// An older manifest that the operator confirmed lowers the bar; any other leaves it where it is.
fn remember(next: &mut State, accepted: Accepted, rollback: Consent) {
    let serial = accepted.serial;
    let of_signer = next.serials.entry(accepted.signer.clone()).or_default();
    if rollback == Consent::Given {
        *of_signer = serial;
        next.highest_serial = serial;
    } else {
        *of_signer = serial.max(*of_signer);
        next.highest_serial = serial.max(next.highest_serial);
    }
    next.accepted = Some(accepted);
}
