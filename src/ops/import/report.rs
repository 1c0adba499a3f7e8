//! What an import found, did, or would do.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::Request;
use super::prove::Proved;
use crate::crypto::Recipient;
use crate::diag::Finding;
use crate::fleet::EditorScope;
use crate::fleet::Fleet;
use crate::fleet::HostState;
use crate::import::Body;
use crate::import::Found;
use crate::import::Pairs;
use crate::import::Plan;
use crate::import::PlannedDocument;
use crate::import::Tool;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::host::Run;

/// What became of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It stays in its SOPS file.
    Document,
    /// It was, or would be, encrypted to its editors as a source of its own.
    Converted,
    /// Its file was encrypted to just its editors, and is a source as it is.
    Kept,
    /// An earlier import took it over.
    There,
    /// No key at hand opens it.
    Left,
}

/// One value.
#[derive(Clone, Debug, Serialize)]
pub struct ImportedSecret {
    /// The file that it came from.
    pub file: PathBuf,
    /// Its key there, if the file has several values.
    pub key: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Hosts that need it.
    pub needed_by: BTreeSet<HostName>,
    /// Hosts that could open it before.
    pub open_to: BTreeSet<HostName>,
}

/// A SOPS file.
#[derive(Clone, Debug, Serialize)]
pub struct ImportedDocument {
    /// Where it lies.
    pub path: PathBuf,
    /// Hosts that stay recipients of it.
    pub direct: BTreeSet<HostName>,
    /// How many others can open it until it is settled.
    pub legacy_recipients: usize,
    /// Whether the whole file is one secret.
    pub whole: bool,
}

/// How much is open, before and after.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Access {
    /// Pairs of a host and a value that declarations need today.
    pub needed: usize,
    /// Declared pairs on hosts that cannot open them today.
    pub waiting: usize,
    /// Pairs that can be opened today.
    pub decryptable_before: usize,
    /// Pairs that the policy grants to hosts which have a key: what can be opened once all is sealed and settled.
    pub decryptable_after: usize,
}

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// Version of this schema.
    pub version: u32,
    /// The tool.
    pub tool: Tool,
    /// Whether Nix told what hosts declare, or the files alone.
    pub evaluated: bool,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How much is open.
    pub access: Access,
    /// How many rules say so.
    pub rules: usize,
    /// Where they are.
    pub policy: PathBuf,
    /// Admins that were added.
    pub admins: BTreeSet<AdminName>,
    /// Those of them who open only what they could open before.
    pub named_admins: BTreeSet<AdminName>,
    /// Recovery recipients that were added.
    pub recovery: BTreeSet<Recipient>,
    /// Hosts that were found.
    pub hosts: BTreeMap<HostName, HostState>,
    /// SOPS files that stay, by the prefix of their secrets.
    pub documents: BTreeMap<String, ImportedDocument>,
    /// Every value.
    pub secrets: BTreeMap<SecretName, ImportedSecret>,
    /// How many values were read back and compared.
    pub proved_equal: usize,
    /// Files that were written beside sources and ledgers.
    pub written: BTreeSet<PathBuf>,
    /// What should be looked at.
    pub findings: Vec<Finding>,
}

impl ImportReport {
    pub(super) fn of(request: &Request, found: &Found, plan: &Plan, policy: &Proved, fleet: &Fleet) -> Self {
        let Pairs { needed, waiting, decryptable } = plan.pairs;
        let secret = |(name, one): (&SecretName, &crate::import::PlannedSecret)| {
            let outcome = if one.body == Body::Sops { Outcome::Document } else { Outcome::Converted };
            let key = (!one.key.is_empty()).then(|| one.key.join("/"));
            let needed_by =
                plan.needed.get(name).map(|hosts| hosts.keys().cloned().collect()).unwrap_or_default();
            let open_to = one.openers.clone();
            (name.clone(), ImportedSecret { file: one.file.clone(), key, outcome, needed_by, open_to })
        };
        let named = plan.admins.iter().filter(|(_, admin)| admin.editor == EditorScope::Named);
        let state = |name: &HostName| fleet.hosts.get(name).map_or(HostState::Pending, |host| host.state);
        Self {
            version: 1,
            tool: request.tool,
            evaluated: found.evaluated,
            dry_run: request.run == Run::Dry,
            access: Access {
                needed,
                waiting,
                decryptable_before: decryptable,
                decryptable_after: policy.granted,
            },
            rules: policy.rules,
            policy: policy.path.clone(),
            admins: plan.admins.keys().cloned().collect(),
            named_admins: named.map(|(name, _)| name.clone()).collect(),
            recovery: plan.recovery.clone(),
            hosts: plan.hosts.keys().map(|name| (name.clone(), state(name))).collect(),
            documents: plan.documents.iter().map(kept).collect(),
            secrets: plan.secrets.iter().map(secret).collect(),
            proved_equal: 0,
            written: BTreeSet::new(),
            findings: plan.findings.clone(),
        }
    }

    /// Values that no key at hand opens.
    pub fn left(&self) -> impl Iterator<Item = &SecretName> {
        self.secrets.iter().filter(|(_, one)| one.outcome == Outcome::Left).map(|(name, _)| name)
    }

    pub(super) fn outcome(&mut self, name: &SecretName, outcome: Outcome) {
        if let Some(one) = self.secrets.get_mut(name) {
            one.outcome = outcome;
        }
    }
}

fn kept(one: &PlannedDocument) -> (String, ImportedDocument) {
    let kept = ImportedDocument {
        path: one.path.clone(),
        direct: one.direct.clone(),
        legacy_recipients: one.legacy.len(),
        whole: one.whole,
    };
    (one.prefix.clone(), kept)
}
