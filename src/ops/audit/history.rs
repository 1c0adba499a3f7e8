//! What an old key could still open of what Git remembers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::crypto::Recipient;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;

/// What one key could open, ever.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryReport {
    /// Version of this schema.
    pub version: u32,
    /// Whose key, in words.
    pub who: String,
    /// Every secret whose ciphertext was once written for it, by name.
    pub secrets: Vec<OldSecret>,
}

/// One secret that a key could open.
#[derive(Clone, Debug, Serialize)]
pub struct OldSecret {
    /// The secret.
    pub secret: SecretName,
    /// Values that it could open.
    pub revisions: BTreeSet<u64>,
    /// Whether the value in use is one of them.
    pub current: bool,
}

/// What a host or a recipient could open, by verified ledgers, those of removed secrets included: whatever was once
/// committed stays in every clone.
pub fn history(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    keys: &BTreeSet<Recipient>,
) -> Result<HistoryReport, OpsError> {
    let survey = ws.layout.survey()?;
    let mut found: BTreeMap<SecretName, OldSecret> = BTreeMap::new();
    for (secret, ledger) in ws.layout.read_ledgers(&survey.ledgers, &ws.authors()) {
        let ledger = ledger?;
        let opened = ledger
            .lines()
            .iter()
            .filter(|line| !line.hosts.is_disjoint(hosts) || !line.recipients.is_disjoint(keys));
        let revisions: BTreeSet<u64> = opened.map(|line| line.revision).collect();
        if revisions.is_empty() {
            continue;
        }
        let current = ledger.current().is_some_and(|line| revisions.contains(&line.revision));
        found.insert(secret.clone(), OldSecret { secret, revisions, current });
    }
    let names = hosts.iter().map(|host| format!("host `{host}`"));
    let keys = keys.iter().map(|key| ws.fleet.owner_of(key).unwrap_or_else(|| format!("`{key}`")));
    let who: BTreeSet<String> = names.chain(keys).collect();
    Ok(HistoryReport {
        version: 1,
        who: who.into_iter().collect::<Vec<_>>().join(", "),
        secrets: found.into_values().collect(),
    })
}
