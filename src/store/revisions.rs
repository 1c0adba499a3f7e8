//! The revisions that hosts have, read once for each version of a manifest.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::documents::Stamp;
use super::documents::stamp;
use super::layout::Layout;
use super::sealed::Signers;
use super::sealed::TreeState;
use crate::crypto::VerifyingKey;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::name::SecretName;

/// The manifests that were read, by host.
#[derive(Debug, Default)]
pub(super) struct Revisions(Mutex<BTreeMap<HostName, Known>>);

/// What one manifest says, and when that counts.
#[derive(Debug)]
struct Known {
    files: [Stamp; 2],
    trusted: BTreeSet<VerifyingKey>,
    revisions: Arc<BTreeMap<SecretName, u64>>,
}

impl Layout {
    /// The highest revision of a secret in the sealed trees of these hosts, as far as they can be believed.
    pub fn sealed_revision(&self, secret: &SecretName, hosts: &BTreeSet<HostName>, signers: &Signers) -> u64 {
        let revision = |host: &HostName| self.sealed_revisions(host, signers).get(secret).copied();
        hosts.iter().filter_map(revision).max().unwrap_or_default()
    }

    fn sealed_revisions(&self, host: &HostName, signers: &Signers) -> Arc<BTreeMap<SecretName, u64>> {
        let folder = self.root().join(Self::sealed(host));
        let file = |name: &str| stamp(&folder.join(name)).ok();
        let files = file(MANIFEST_FILE).zip(file(SIGNATURE_FILE)).map(|(one, other)| [one, other]);
        let mut known = self.revisions().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(host)
            && Some(known.files) == files
            && known.trusted == signers.trusted
        {
            return Arc::clone(&known.revisions);
        }
        let revisions = Arc::new(match self.read_state(host, signers) {
            Ok(TreeState::Sound(verified) | TreeState::NoIdentity(verified)) => {
                let entries = verified.manifest().secrets.iter();
                entries.map(|(secret, entry)| (secret.clone(), entry.revision)).collect()
            }
            _ => BTreeMap::new(),
        });
        if let Some(files) = files {
            let (trusted, revisions) = (signers.trusted.clone(), Arc::clone(&revisions));
            known.insert(host.clone(), Known { files, trusted, revisions });
        }
        revisions
    }
}
