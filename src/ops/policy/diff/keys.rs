//! Keys that open more or less than before: a host with another key is another reader under the same name.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::crypto::Recipient;
use crate::fleet::EditorScope;
use crate::fleet::Fleet;
use crate::ops::policy::diff::Side;

/// The keys that one owner has got or given up.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeyChange {
    /// Whose keys, in words: ``admin `alice` ``, ``admin `bo`, where named``, `recovery` or ``host `forge` ``.
    pub owner: String,
    /// Keys that open what they did not open before.
    pub gained: BTreeSet<Recipient>,
    /// Keys that do not open it any more.
    pub lost: BTreeSet<Recipient>,
}

/// Owners whose keys differ. A host counts where both sides seal for it; else its access has come or gone as a whole.
pub(super) fn changes(old: &Side, new: &Side) -> Vec<KeyChange> {
    let owners = |fleet: &Fleet| {
        let mut owners: BTreeMap<String, BTreeSet<Recipient>> = BTreeMap::new();
        for (name, admin) in fleet.active_admins() {
            // Who need not be named any more opens more, with the same keys.
            let owner = match admin.editor {
                EditorScope::All => format!("admin `{name}`"),
                EditorScope::Named => format!("admin `{name}`, where named"),
            };
            owners.insert(owner, admin.recipients.clone());
        }
        owners.insert("recovery".to_owned(), fleet.recovery.clone());
        for (name, host) in
            fleet.hosts.iter().filter(|(name, _)| old.policy.seals_for(name) && new.policy.seals_for(name))
        {
            owners.insert(format!("host `{name}`"), host.recipients.clone());
        }
        owners
    };
    let (before, after) = (owners(&old.fleet), owners(&new.fleet));
    let none = BTreeSet::new();
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |owner: &String| {
        let (old, new) = (before.get(owner).unwrap_or(&none), after.get(owner).unwrap_or(&none));
        let gained = new.difference(old).cloned().collect();
        let lost = old.difference(new).cloned().collect();
        KeyChange { owner: owner.clone(), gained, lost }
    };
    let changes = all.into_iter().map(change);
    changes.filter(|change| !change.gained.is_empty() || !change.lost.is_empty()).collect()
}
