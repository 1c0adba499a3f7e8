//! Hosts that go by another name: a host that is gone, and one with its keys that came in its place.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::git::Change;
use crate::git::Commit;
use crate::git::From;
use crate::git::GitError;
use crate::git::Repository;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::store::Layout;

/// What is known about names that hosts had, looked up once for each.
pub(super) struct Former<'w> {
    ws: &'w Workspace,
    lives: RefCell<BTreeMap<HostName, Life>>,
    renamed: RefCell<BTreeMap<HostName, HostName>>,
}

/// What the history holds about one name of a host.
#[derive(Default)]
struct Life {
    /// Its manifests that an admin signed.
    manifests: Vec<Manifest>,
    /// Hosts that were sealed for while it was there: other machines, whatever keys they have.
    beside: BTreeSet<HostName>,
}

impl<'w> Former<'w> {
    pub(super) fn new(ws: &'w Workspace) -> Self {
        Self { ws, lives: RefCell::default(), renamed: RefCell::default() }
    }

    /// Whether `old`, which knows this value, is one of `readers` under its new name.
    ///
    /// Every key to which the value was sealed for it must be one of that reader's, by manifests that admins signed. A
    /// reader that was there beside it is another machine, with which it shared a key.
    pub(super) fn is_renamed(
        &self,
        old: &HostName,
        (secret, revision): (&SecretName, u64),
        readers: &BTreeSet<HostName>,
    ) -> bool {
        let mut lives = self.lives.borrow_mut();
        let life = lives.entry(old.clone()).or_insert_with(|| Life::of(self.ws, old).unwrap_or_default());
        let had = |manifest: &&Manifest| {
            manifest.secrets.get(secret).is_some_and(|entry| entry.revision == revision)
        };
        let keys: BTreeSet<&Recipient> =
            life.manifests.iter().filter(had).flat_map(|manifest| &manifest.host_recipients).collect();
        let has_keys = |new: &&HostName| {
            let host = self.ws.fleet.hosts.get(*new);
            host.is_some_and(|host| keys.iter().all(|key| host.recipients.contains(*key)))
        };
        let mut others = readers.iter().filter(|new| *new != old && !life.beside.contains(*new));
        let Some(new) = others.find(has_keys).filter(|_| !keys.is_empty()) else { return false };
        self.renamed.borrow_mut().insert(old.clone(), new.clone());
        true
    }

    /// What was found, as notes.
    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        self.renamed.into_inner().into_iter().map(|(old, new)| {
            let message = format!("host `{new}` has the keys of `{old}`, which is gone: it was renamed, so what it knows is no exposure");
            let finding = Finding::new(Severity::Note, Class::Finding, "exposure::renamed", message);
            let help = "if these are two machines, give `{new}` a key of its own and the secrets new values";
            finding.help(help.replace("{new}", new.as_str())).about([old, new])
        })
    }
}

impl Life {
    fn of(ws: &Workspace, host: &HostName) -> Result<Self, GitError> {
        let folder = Layout::sealed(host);
        let (listed, signed) = (folder.join(MANIFEST_FILE), folder.join(SIGNATURE_FILE));
        let repository = ws.repository()?;
        let changes = repository.changes(From::Head, &[&listed, &signed])?;
        let signers = ws.signers();
        let trusted: BTreeSet<VerifyingKey> = signers.trusted.union(&signers.left).cloned().collect();
        let mut life = Self::default();
        let mut blobs = repository.blobs()?;
        for (manifest, signature) in pairs(&changes) {
            let [bytes, signature] = [manifest, signature].map(|id| blobs.content_of(id, MANIFEST_MAX));
            let (bytes, signature) = (bytes?.unwrap_or_default(), signature?.unwrap_or_default());
            let verified = Manifest::verify(&bytes, &String::from_utf8_lossy(&signature), &trusted);
            let verified = verified.and_then(|verified| verified.for_host(host));
            life.manifests.extend(verified.ok().map(|verified| verified.manifest().clone()));
        }
        let ends = changes.iter().filter(|change| change.blob.is_none()).map(|c| format!("{}^", c.commit));
        let last: BTreeSet<String> = ends.chain(["HEAD".to_owned()]).collect();
        for commit in last.iter().filter_map(|name| repository.commit(name).ok()) {
            let sealed = sealed_hosts(&repository, &commit)?;
            if sealed.contains(host) {
                life.beside.extend(sealed);
            }
        }
        Ok(life)
    }
}

/// Manifests with their signatures, as each commit has both.
fn pairs(changes: &[Change]) -> Vec<(&str, &str)> {
    let mut commits: BTreeMap<&str, [Option<&str>; 2]> = BTreeMap::new();
    for change in changes {
        let [manifest, signature] = commits.entry(&change.commit).or_default();
        let slot = if change.path.ends_with(SIGNATURE_FILE) { signature } else { manifest };
        *slot = change.blob.as_deref();
    }
    commits.into_values().filter_map(|[manifest, signature]| manifest.zip(signature)).collect()
}

/// Hosts that have a sealed tree in a commit.
fn sealed_hosts(repository: &Repository, commit: &Commit) -> Result<BTreeSet<HostName>, GitError> {
    let entries = repository.entries(commit, &["sealed"])?;
    let manifests = entries.iter().filter(|entry| entry.path.ends_with(MANIFEST_FILE));
    Ok(manifests.filter_map(|entry| Layout::sealed_host(entry.path.parent()?)).collect())
}
