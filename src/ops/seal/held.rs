//! What a seal leaves as it is: trees that look tampered with, and secrets whose record does not hold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::outlook::Compared;
use super::outlook::as_wanted;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::history::Merging;
use crate::ops::wanted::denied;
use crate::ops::workspace::Workspace;
use crate::store::Drift;
use crate::store::Layout;
use crate::store::SealedTree;
use crate::store::TreeState;
use crate::store::Wanted;

/// What happens to trees that somebody seems to have tampered with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tampered {
    /// They stay as they are, so that somebody can look at them.
    #[default]
    Leave,
    /// They are made anew: somebody has looked.
    Repair,
}

/// Secrets that a seal does not touch, with the reason.
pub(in crate::ops) type Unsound = BTreeMap<SecretName, Finding>;

/// Trees that a seal does not touch, with every difference in words.
pub(in crate::ops) type Held = BTreeMap<HostName, Vec<String>>;

/// Wants the copies of secrets that do not hold just as they are there.
pub(super) fn keep_unsound(tree: &mut SealedTree, wanted: &mut Wanted, unsound: &Unsound) {
    if unsound.is_empty() {
        return;
    }
    tree.damaged.retain(|name| !unsound.contains_key(name));
    let there = tree.manifest().map(as_wanted).unwrap_or_default();
    wanted.grants.extend(there.into_iter().filter(|(name, _)| unsound.contains_key(name)));
}

/// Says of secrets that do not hold what policy denies, as of all others.
pub(super) fn deny_unsound(ws: &Workspace, hosts: &mut [Compared], unsound: &Unsound) {
    for compared in hosts {
        compared.denied.extend(denied(ws, &compared.wanted.host, unsound.keys()));
    }
}

/// Takes the trees out that stay as they are.
pub(super) fn hold(ws: &Workspace, hosts: &mut Vec<Compared>, unsound: &Unsound, tampered: Tampered) -> Held {
    let mut held = Held::new();
    let suspect = |compared: &Compared| compared.plan.drift.iter().any(is_suspect);
    let merging = if hosts.iter().any(suspect) { Merging::of(ws) } else { Merging::default() };
    hosts.retain(|compared| {
        let mut reasons = BTreeSet::new();
        if tampered == Tampered::Leave && !compared.plan.drift.iter().any(is_of_the_past) {
            let drift = compared.plan.drift.iter().filter(|drift| is_suspect(drift));
            let drift = drift.filter(|drift| !comes_with_the_merge(ws, compared, drift, &merging));
            reasons.extend(drift.map(ToString::to_string));
        }
        reasons.extend(needs_unsound(ws, compared, unsound));
        if !reasons.is_empty() {
            held.insert(compared.wanted.host.clone(), reasons.into_iter().collect());
        }
        !held.contains_key(&compared.wanted.host)
    });
    held
}

/// What stops a seal by itself.
fn is_of_the_past(drift: &Drift) -> bool {
    matches!(drift, Drift::RolledBack(_) | Drift::Lost(_))
}

/// What somebody should look at first.
fn is_suspect(drift: &Drift) -> bool {
    drift.is_tampering() && !is_of_the_past(drift)
}

/// Whether a file is there because an admin sealed it on the branch that is being merged.
fn comes_with_the_merge(ws: &Workspace, compared: &Compared, drift: &Drift, merging: &Merging) -> bool {
    let host = &compared.wanted.host;
    let folder = Layout::sealed(host);
    match drift {
        Drift::Stray(path) => merging.has_file(ws, host, path),
        Drift::Damaged(secret) => {
            let entry = compared.tree.manifest().and_then(|manifest| manifest.secrets.get(secret));
            entry.is_some_and(|entry| merging.has_file(ws, host, &folder.join(&entry.file)))
        }
        Drift::NoIdentity => merging.has_file(ws, host, &folder.join(crate::manifest::HOST_KEY_FILE)),
        _ => false,
    }
}

/// A tree that must be made anew needs every value, and this one can't be opened.
fn needs_unsound(ws: &Workspace, compared: &Compared, unsound: &Unsound) -> Option<String> {
    let anew = compared.plan.renew_identity && !matches!(compared.tree.state, TreeState::Missing);
    let host = &compared.wanted.host;
    let granted = |secret: &&SecretName| ws.policy.grant(secret, host, ws.settings.now).is_some();
    let secret = unsound.keys().filter(|_| anew).find(granted)?;
    Some(format!("must be sealed anew, and `{secret}` does not hold"))
}

/// As one error: what a seal has left, and where to look.
pub(super) fn stopped(held: &Held, unsound: &Unsound) -> Option<Finding> {
    if let Some((host, reasons)) = held.first_key_value() {
        let message = format!("host `{host}` {}, so its sealed tree was left as it is", reasons.join("; "));
        let finding = Finding::new(Severity::Error, Class::Integrity, "sealed::held", message);
        return Some(finding.help(help(host)));
    }
    unsound.values().next().cloned()
}

/// How somebody finds out, and goes on.
pub fn help(host: &HostName) -> String {
    format!(
        "look at `git log -p -- sealed/{host}`; if the tree may be made anew, run `secretctl seal --repair`"
    )
}
