//! Makes a host's sealed tree what its plan says: copies, manifest, signature.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::layout::Layout;
use super::plan::Drift;
use super::plan::HostPlan;
use super::plan::Wanted;
use super::sealed::SealedTree;
use super::source::StoreError;
use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::crypto::SealingIdentity;
use crate::crypto::Signer;
use crate::crypto::encrypt;
use crate::fsx::Transaction;
use crate::manifest::Entry;
use crate::manifest::HOST_KEY_FILE;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::manifest::next_serial;
use crate::name::FleetId;
use crate::name::SecretName;
use crate::secret::SecretBytes;

/// Who signs a manifest, when, and under which policy.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// The admin's key.
    pub signer: &'a Signer,
    /// The time of the command.
    pub now: Timestamp,
    /// Digest of the policy files.
    pub policy_sha256: Digest,
    /// The fleet, if it has an id.
    pub fleet: Option<FleetId>,
    /// Where plugin recipients may ask.
    pub prompt: &'a Arc<dyn Prompt>,
}

/// The work on one host, between reading its tree and signing the new manifest.
pub struct HostSeal {
    plan: HostPlan,
    wanted: Wanted,
    serial: u64,
    sealing_recipient: Recipient,
    host_key_sha256: Digest,
    /// The wrapped identity, where a new one was made.
    new_host_key: Option<Vec<u8>>,
    entries: BTreeMap<SecretName, Entry>,
}

impl HostSeal {
    /// Prepares the work. A new sealing identity lives only inside this call: what is kept is its public
    /// half and the ciphertext for the host. The serial will be above `floor`, too.
    pub fn begin(
        plan: HostPlan,
        tree: &SealedTree,
        wanted: Wanted,
        floor: u64,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<Self, StoreError> {
        let kept = tree.manifest().filter(|_| !plan.renew_identity);
        let (sealing_recipient, host_key_sha256, new_host_key) = match kept {
            Some(manifest) => (manifest.sealing_recipient.clone(), manifest.host_key_sha256, None),
            None => {
                let (recipient, wrapped) = new_identity(&wanted, prompt)?;
                (recipient, Digest::of(&wrapped), Some(wrapped))
            }
        };
        let entries = plan.keep.clone();
        let last = tree.serial().max(floor);
        let serial =
            next_serial(last).ok_or_else(|| StoreError::SerialEnd { host: plan.host.clone(), last })?;
        Ok(Self { plan, wanted, serial, sealing_recipient, host_key_sha256, new_host_key, entries })
    }

    /// The plan that is being carried out.
    pub fn plan(&self) -> &HostPlan {
        &self.plan
    }

    /// Encrypts a value for this host; the path is relative to the root of the repository.
    pub fn encrypt(
        &self,
        secret: &SecretName,
        value: &SecretBytes,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<(PathBuf, Vec<u8>), StoreError> {
        let recipients = BTreeSet::from([self.sealing_recipient.clone()]);
        let host = &self.plan.host;
        let ciphertext = encrypt(value, &recipients, prompt)
            .map_err(|source| StoreError::Seal { host: host.clone(), source })?;
        Ok((Layout::sealed(host).join(Entry::file_of(secret)), ciphertext))
    }

    /// Notes the copy of a secret that is now staged.
    pub fn add(&mut self, secret: &SecretName, sha256: Digest) {
        let Some(grant) = self.wanted.grants.get(secret) else { return };
        let entry = Entry {
            name: secret.clone(),
            file: Entry::file_of(secret),
            sha256,
            revision: grant.revision,
            line_sha256: grant.line_sha256,
            services: grant.services.clone(),
            not_after: grant.not_after,
        };
        self.entries.insert(secret.clone(), entry);
    }

    /// Signs the manifest and stages it with everything that goes or comes beside it.
    pub fn finish(self, change: &mut Transaction, signing: Signing<'_>) -> Result<(), StoreError> {
        let folder = Layout::sealed(&self.plan.host);
        for drift in &self.plan.drift {
            if let Drift::Surplus(secret) = drift {
                change.remove(folder.join(Entry::file_of(secret)))?;
            }
        }
        // A refused tree knows no file, so what is about to be written must not be removed.
        for path in self.plan.strays.iter().filter(|path| !self.is_written(path)) {
            change.remove(path)?;
        }
        if let Some(wrapped) = &self.new_host_key {
            change.write(folder.join(HOST_KEY_FILE), wrapped)?;
        }
        let manifest = self.manifest(signing);
        let bytes = manifest.to_bytes();
        let signature = signing.signer.sign(&bytes, Namespace::Manifest)?;
        change.write(folder.join(MANIFEST_FILE), &bytes)?;
        change.write(folder.join(SIGNATURE_FILE), signature.to_armored().as_bytes())?;
        Ok(())
    }

    fn is_written(&self, path: &std::path::Path) -> bool {
        let folder = Layout::sealed(&self.plan.host);
        self.entries.values().any(|entry| folder.join(&entry.file) == path)
    }

    fn manifest(self, signing: Signing<'_>) -> Manifest {
        Manifest {
            fleet: signing.fleet,
            host: self.plan.host,
            serial: self.serial,
            sealed_at: signing.now,
            sealing_recipient: self.sealing_recipient,
            host_recipients: self.wanted.recipients,
            host_key_sha256: self.host_key_sha256,
            policy_sha256: signing.policy_sha256,
            revoked: self.wanted.revoked,
            secrets: self.entries,
        }
    }
}

fn new_identity(wanted: &Wanted, prompt: &Arc<dyn Prompt>) -> Result<(Recipient, Vec<u8>), StoreError> {
    let identity = SealingIdentity::generate();
    let wrapped = encrypt(&identity.to_text(), &wanted.recipients, prompt)
        .map_err(|source| StoreError::Seal { host: wanted.host.clone(), source })?;
    Ok((identity.recipient(), wrapped))
}
