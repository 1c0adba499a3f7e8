//! Sealed trees: what each host gets, as it lies in the repository.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::denied::DENIED_FILE;
use super::layout::Layout;
use super::source::SOURCE_MAX;
use crate::crypto::Digest;
use crate::crypto::VerifyingKey;
use crate::fsx::FsError;
use crate::manifest::HOST_KEY_FILE;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::ManifestError;
use crate::manifest::SIGNATURE_FILE;
use crate::manifest::VerifiedManifest;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;

/// A host's sealed tree: its manifest, and which files are as the manifest says.
#[derive(Debug)]
pub struct SealedTree {
    /// The host.
    pub host: HostName,
    /// How far the tree can be believed.
    pub state: TreeState,
    /// Granted secrets whose file is missing or has another digest.
    pub damaged: BTreeSet<SecretName>,
    /// Files that the manifest does not know, relative to the root of the repository.
    pub strays: BTreeSet<PathBuf>,
}

/// How far a sealed tree can be believed.
#[derive(Debug)]
pub enum TreeState {
    /// There is none.
    Missing,
    /// Signed by a trusted key, for this host, with an intact wrapped identity.
    Sound(Box<VerifiedManifest>),
    /// Not to be used; the serial is kept, so that the next manifest is newer.
    Refused {
        /// Why.
        error: ManifestError,
        /// Serial that the refused manifest states.
        serial: u64,
        /// Who signed it.
        signer: Signer,
    },
    /// Signed, but `host-key.age` is missing or is not the one in the manifest.
    NoIdentity(Box<VerifiedManifest>),
}

/// Who signed a manifest that is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signer {
    /// An admin who has left since.
    Left,
    /// Nobody who ever counted.
    Unknown,
}

/// Whose manifests count, and whose did.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    /// Keys of active admins.
    pub trusted: BTreeSet<VerifyingKey>,
    /// Keys of admins who left: told apart in messages, and trusted no more than anybody's.
    pub left: BTreeSet<VerifyingKey>,
    /// The fleet that their manifests must name; none in a fleet without an id.
    pub fleet: Option<FleetId>,
}

impl SealedTree {
    /// The manifest, if a trusted key signed it.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            TreeState::Sound(verified) | TreeState::NoIdentity(verified) => Some(verified.manifest()),
            TreeState::Missing | TreeState::Refused { .. } => None,
        }
    }

    /// The serial that the tree states; zero where there is none.
    pub fn serial(&self) -> u64 {
        match &self.state {
            TreeState::Missing => 0,
            TreeState::Refused { serial, .. } => *serial,
            TreeState::Sound(verified) | TreeState::NoIdentity(verified) => verified.manifest().serial,
        }
    }
}

/// From here on, a serial that nobody who counts has signed is a jump, and is forgotten rather than gone above.
pub const SERIAL_BELIEVED: u64 = 1 << 32;

impl Layout {
    /// Reads a host's sealed tree, verifies its manifest, and takes the digest of every file in it.
    pub fn read_sealed(&self, host: &HostName, signers: &Signers) -> Result<SealedTree, FsError> {
        let folder = Self::sealed(host);
        let state = self.read_state(host, signers)?;
        let files = self.files(&folder)?.into_iter().collect();
        let mut tree = SealedTree { host: host.clone(), state, damaged: BTreeSet::new(), strays: files };
        for known in [MANIFEST_FILE, SIGNATURE_FILE, HOST_KEY_FILE, DENIED_FILE] {
            tree.strays.remove(&folder.join(known));
        }
        let Some(manifest) = tree.manifest() else { return Ok(tree) };
        let mut damaged = BTreeSet::new();
        let mut known = BTreeSet::new();
        for (name, entry) in &manifest.secrets {
            let path = folder.join(&entry.file);
            if self.digest(&path)? != Some(entry.sha256) {
                damaged.insert(name.clone());
            }
            known.insert(path);
        }
        tree.strays.retain(|path| !known.contains(path));
        Ok(SealedTree { damaged, ..tree })
    }

    pub(super) fn read_state(&self, host: &HostName, signers: &Signers) -> Result<TreeState, FsError> {
        let folder = Self::sealed(host);
        let bytes = match self.read(&folder.join(MANIFEST_FILE), MANIFEST_MAX) {
            Err(error) if error.is_missing() => return Ok(TreeState::Missing),
            other => other?,
        };
        let signature = match self.read(&folder.join(SIGNATURE_FILE), 64 << 10) {
            Err(error) if error.is_missing() => Vec::new(),
            other => other?,
        };
        let signature = String::from_utf8_lossy(&signature).into_owned();
        let verify =
            |keys| Manifest::verify(&bytes, &signature, keys)?.for_host(host)?.of_fleet(signers.fleet);
        let verified = match verify(&signers.trusted) {
            Ok(verified) => Box::new(verified),
            Err(error) => {
                let stated = Manifest::parse_unverified(&bytes).map_or(0, |manifest| manifest.serial);
                let serial = if stated < SERIAL_BELIEVED { stated } else { 0 };
                let signer = if verify(&signers.left).is_ok() { Signer::Left } else { Signer::Unknown };
                return Ok(TreeState::Refused { error, serial, signer });
            }
        };
        let intact = self.digest(&Self::sealed(host).join(HOST_KEY_FILE))?;
        let same = intact == Some(verified.manifest().host_key_sha256);
        Ok(if same { TreeState::Sound(verified) } else { TreeState::NoIdentity(verified) })
    }

    /// Digest of a file; none where it is missing.
    fn digest(&self, path: &std::path::Path) -> Result<Option<Digest>, FsError> {
        match self.read(path, SOURCE_MAX) {
            Err(error) if error.is_missing() => Ok(None),
            other => Ok(Some(Digest::of(&other?))),
        }
    }
}
