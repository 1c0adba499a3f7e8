//! Joins the manifests of one host, and signs what came out.
//!
//! Git asks for `manifest.json` and for its signature apart, in an order of its own, and shows only one of them. So
//! both answers are made from the same three pairs, which are found in the history, and both come out the same.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use super::Contents;
use super::error::MergeError;
use crate::crypto::Namespace;
use crate::crypto::VerifyingKey;
use crate::git::Change;
use crate::git::From;
use crate::manifest::Entry;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::manifest::next_serial;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::denied_bytes;
use crate::store::parse_denied;

/// Joins `manifest.json` or its signature, whichever `path` is.
pub(super) fn manifest(
    ws: &Workspace,
    host: &HostName,
    path: &Path,
    contents: &Contents<'_>,
) -> Result<Vec<u8>, OpsError> {
    let conflict = |reason: &str| MergeError::Sealed { host: host.clone(), reason: reason.to_owned() };
    let repository = ws.repository()?;
    let folder = Layout::sealed(host);
    let (listed, signed) = (folder.join(MANIFEST_FILE), folder.join(SIGNATURE_FILE));
    let changes = repository.changes(From::Everywhere, &[&listed, &signed])?;
    let signers = ws.signers();
    let all: BTreeSet<VerifyingKey> = signers.trusted.union(&signers.left).cloned().collect();
    let mut blobs = repository.blobs()?;
    let mut read = |id: &str, keys: &BTreeSet<VerifyingKey>| -> Result<Manifest, OpsError> {
        let (manifest, signature) = pair(&changes, path, id)
            .ok_or_else(|| conflict("one of them is in no commit with its signature"))?;
        let [bytes, signature] = [manifest, signature].map(|id| blobs.content_of(id, MANIFEST_MAX));
        let (bytes, signature) = (bytes?.unwrap_or_default(), signature?.unwrap_or_default());
        let verified = Manifest::verify(&bytes, &String::from_utf8_lossy(&signature), keys);
        let verified = verified.and_then(|verified| verified.for_host(host));
        Ok(verified.map_err(|error| conflict(&format!("{error}")))?.manifest().clone())
    };
    let own = repository.changes(From::Head, &[&listed])?;
    let ids = repository.identify(&[contents.base, contents.ours, contents.theirs])?;
    let [base, ours, theirs] = ids.as_slice() else { return Err(conflict("Git named no contents").into()) };
    if pair(&changes, path, theirs).is_some_and(|(manifest, _)| is_ours(&own, manifest)) {
        return Err(conflict("one branch put it back to what ours had before").into());
    }
    // What an active admin did not sign is never signed again by another.
    let (ours, theirs) = (read(ours, &signers.trusted)?, read(theirs, &signers.trusted)?);
    let base = read(base, &all)?;
    let joined = join(&base, &ours, &theirs).map_err(|reason| conflict(&reason))?;
    let bytes = joined.to_bytes();
    let author = ws.author()?;
    let signature =
        author.signer.sign(&bytes, Namespace::Manifest).map_err(crate::store::StoreError::from)?;
    Ok(if path.ends_with(SIGNATURE_FILE) { signature.to_armored().into_bytes() } else { bytes })
}

/// Whether our own branch had this manifest once. A branch from before a revocation, with a manifest from before it
/// as well, would take the revocation back.
fn is_ours(own: &[Change], manifest: &str) -> bool {
    own.iter().any(|change| change.blob.as_deref() == Some(manifest))
}

/// The manifest and the signature of one commit, of which `id` is the one at `path`.
fn pair<'a>(changes: &'a [Change], path: &Path, id: &str) -> Option<(&'a str, &'a str)> {
    let mut commits: BTreeMap<&str, [Option<&str>; 2]> = BTreeMap::new();
    for change in changes {
        let [manifest, signature] = commits.entry(&change.commit).or_default();
        let slot = if change.path.ends_with(SIGNATURE_FILE) { signature } else { manifest };
        *slot = change.blob.as_deref();
    }
    let at = usize::from(path.ends_with(SIGNATURE_FILE));
    commits.into_values().find_map(|ids| {
        let wanted = ids.get(at).copied().flatten() == Some(id);
        ids.first().copied().flatten().zip(ids.get(1).copied().flatten()).filter(|_| wanted)
    })
}

/// Every entry as the branch has it that changed it. The outcome depends on nothing but the three manifests.
fn join(base: &Manifest, ours: &Manifest, theirs: &Manifest) -> Result<Manifest, String> {
    let identity = |m: &Manifest| (m.sealing_recipient.clone(), m.host_recipients.clone(), m.host_key_sha256);
    if identity(ours) != identity(theirs) {
        return Err("one branch gave it a new sealing identity".to_owned());
    }
    // An older manifest that was put back is signed too.
    if ours.serial <= base.serial || theirs.serial <= base.serial {
        return Err("one branch put it back to an older serial".to_owned());
    }
    if ours.fleet != theirs.fleet {
        return Err("one branch moved it to another fleet id".to_owned());
    }
    let secrets = three_ways([base, ours, theirs].map(|manifest| &manifest.secrets))?;
    let put_back =
        |entry: &&Entry| base.secrets.get(&entry.name).is_some_and(|was| entry.revision < was.revision);
    if let Some(entry) = secrets.values().find(put_back) {
        return Err(format!("one branch put `{}` back to an older value", entry.name));
    }
    let serial = ours.serial.max(theirs.serial);
    let policy = if ours.policy_sha256 == base.policy_sha256 { theirs } else { ours };
    Ok(Manifest {
        serial: next_serial(serial).ok_or_else(|| format!("no serial is left above {serial}"))?,
        sealed_at: ours.sealed_at.max(theirs.sealed_at),
        policy_sha256: policy.policy_sha256,
        revoked: three_ways([base, ours, theirs].map(|manifest| &manifest.revoked))?,
        secrets,
        ..ours.clone()
    })
}

/// Every entry as the branch has it that changed it.
fn three_ways<T: Clone + PartialEq>(
    sides: [&BTreeMap<SecretName, T>; 3],
) -> Result<BTreeMap<SecretName, T>, String> {
    let mut joined = BTreeMap::new();
    let names: BTreeSet<&SecretName> = sides.iter().flat_map(|side| side.keys()).collect();
    for name in names {
        let [was, mine, other] = sides.map(|side| side.get(name));
        let entry = match (mine == was, other == was) {
            (_, true) => mine,
            (true, false) => other,
            (false, false) if mine == other => mine,
            (false, false) => return Err(format!("both branches changed `{name}`")),
        };
        joined.extend(entry.map(|entry| (name.clone(), entry.clone())));
    }
    Ok(joined)
}

/// Joins reasons, which nobody signs; what one branch dropped is gone, what one added is there.
pub(super) fn denied(host: &HostName, [base, ours, theirs]: [&[u8]; 3]) -> Option<Vec<u8>> {
    let base = parse_denied(host, base).unwrap_or_default();
    let (ours, theirs) = (parse_denied(host, ours)?, parse_denied(host, theirs)?);
    let stays = |one: &&_| !base.contains(*one) || (ours.contains(*one) && theirs.contains(*one));
    denied_bytes(host, &ours.union(&theirs).filter(stays).cloned().collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::crypto::Digest;
    use crate::crypto::SealingIdentity;
    use crate::manifest::GrantedServices;

    fn manifest(serial: u64, secrets: &[(&str, u64)]) -> Manifest {
        let entry = |(name, revision): &(&str, u64)| {
            let name: SecretName = name.parse().unwrap();
            let (file, digest) = (Entry::file_of(&name), Digest::of(&revision.to_be_bytes()));
            let services = GrantedServices::All;
            let (sha256, line_sha256, revision) = (digest, digest, *revision);
            let not_after = None;
            (name.clone(), Entry { name, file, sha256, revision, line_sha256, services, not_after })
        };
        Manifest {
            fleet: None,
            revoked: BTreeMap::new(),
            host: "forge".parse().unwrap(),
            serial,
            sealed_at: "2026-11-20T10:00:00Z".parse().unwrap(),
            sealing_recipient: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
                .parse()
                .unwrap(),
            host_recipients: BTreeSet::new(),
            host_key_sha256: Digest::of(b"k"),
            policy_sha256: Digest::of(b"p"),
            secrets: secrets.iter().map(entry).collect(),
        }
    }

    fn revisions(manifest: &Manifest) -> Vec<(String, u64)> {
        manifest.secrets.values().map(|entry| (entry.name.to_string(), entry.revision)).collect()
    }

    #[test]
    fn each_entry_comes_from_the_branch_that_changed_it_whichever_is_ours() {
        let base = manifest(5, &[("a", 1), ("b", 1), ("gone", 1)]);
        let one = manifest(6, &[("a", 2), ("b", 1), ("new", 1)]);
        let other = manifest(9, &[("a", 1), ("b", 3), ("gone", 1)]);
        for joined in [join(&base, &one, &other).unwrap(), join(&base, &other, &one).unwrap()] {
            assert_eq!(joined.serial, 10);
            let expected = [("a", 2), ("b", 3), ("new", 1)].map(|(name, at)| (name.to_owned(), at));
            assert_eq!(revisions(&joined), expected);
        }
    }

    #[test]
    fn what_does_not_go_together_is_not_joined() {
        let base = manifest(5, &[("a", 2), ("b", 2)]);
        let ours = manifest(6, &[("a", 3), ("b", 2)]);
        let renewed =
            Manifest { sealing_recipient: SealingIdentity::generate().recipient(), ..manifest(6, &[]) };
        for (theirs, reason) in [
            (manifest(6, &[("a", 4), ("b", 2)]), "both branches changed `a`"),
            (manifest(6, &[("b", 2)]), "both branches changed `a`"),
            (manifest(5, &[("a", 2), ("b", 3)]), "older serial"),
            (manifest(6, &[("a", 2), ("b", 1)]), "put `b` back"),
            (renewed, "new sealing identity"),
        ] {
            let refused = [join(&base, &ours, &theirs), join(&base, &theirs, &ours)];
            for outcome in refused {
                assert!(outcome.unwrap_err().contains(reason), "{reason}");
            }
        }
    }
}
