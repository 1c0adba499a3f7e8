//! The policy of an import, run by the engine that decides: it grants what is needed, pair by pair, and nothing else.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;

use super::ImportError;
use crate::fleet::Fleet;
use crate::import;
use crate::import::Needed;
use crate::import::Plan;
use crate::import::Tool;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::error::OpsError;
use crate::ops::workspace::WorkspaceError;
use crate::policy::Policy;
use crate::policy::PolicyFile;
use crate::policy::Services;
use crate::store::Declared;
use crate::store::Layout;

/// A policy that is exact.
pub(super) struct Proved {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// How many of its rules grant something.
    pub(super) rules: usize,
    /// Pairs that it grants to hosts which have a key.
    pub(super) granted: usize,
}

/// A pair, and whether it is granted to somebody it should not be, or not to all that need it.
struct Wrong {
    secret: SecretName,
    host: HostName,
    difference: &'static str,
}

/// Few rules where they are exact, else every name written out; refused if rules that are there get in the way.
pub(super) fn policy(
    root: &Path,
    tool: Tool,
    plan: &Plan,
    fleet: &Fleet,
    now: Timestamp,
) -> Result<Proved, OpsError> {
    let path = PathBuf::from(format!("policies/imported-{tool}.rhai"));
    let others = Layout::new(root, Declared::default()).policy_texts()?;
    let there = others.iter().find(|file| file.path == path).map(|file| file.text.clone());
    let others: Vec<PolicyFile> = others
        .into_iter()
        .filter(|file| file.path != path)
        .map(|file| PolicyFile { path: file.path, text: file.text })
        .collect();
    let all: BTreeSet<_> = fleet.editors(None).map(|(name, _)| name.clone()).collect();
    let editors = plan.editor_rules(&all);
    let exact = import::exact_rules(&plan.needed);
    for (rules, last) in [(&plan.rules, false), (&exact, true)] {
        let text = text(tool, rules, &editors);
        let own = PolicyFile { path: path.clone(), text: text.clone() };
        let files: Vec<PolicyFile> = others.iter().cloned().chain([own]).collect();
        let policy = Policy::load(&files, fleet).map_err(WorkspaceError::from)?;
        match compare(&policy, &plan.needed, now) {
            Ok(()) => {
                if there.as_ref().is_some_and(|there| *there != text) {
                    return Err(ImportError::Policy { path }.into());
                }
                let granted = granted(&policy, plan, now);
                let rules = policy.rules().iter().filter(|rule| rule.reference().place.file == path).count();
                return Ok(Proved { path, text, rules, granted });
            }
            Err((Wrong { secret, host, difference }, count)) if last => {
                return Err(ImportError::NotExact { host, secret, difference, count }.into());
            }
            Err(_) => {}
        }
    }
    Err(ImportError::Policy { path }.into())
}

fn text(tool: Tool, rules: &str, editors: &str) -> String {
    let mut text = format!(
        "// Who needs what, as the declarations of {tool} said when they were imported: no more, and no less.\n\
         // `secretctl policy matrix` shows all of it; from now on these rules are yours.\n\n{rules}"
    );
    if !editors.is_empty() {
        text.push_str("\n// Who edits what: those whose keys opened the files.\n");
        text.push_str(editors);
    }
    text
}

/// Compares grants with needs, services included.
fn compare(policy: &Policy, needed: &Needed, now: Timestamp) -> Result<(), (Wrong, usize)> {
    let names: Vec<SecretName> = needed.keys().cloned().collect();
    let mut granted: BTreeMap<(&SecretName, &HostName), Option<BTreeSet<ServiceName>>> = BTreeMap::new();
    let matrix = policy.matrix(&names, now);
    for row in &matrix.rows {
        let services = match &row.grant.services {
            Services::All => None,
            Services::Only(services) => Some(services.clone()),
        };
        granted.insert((&row.secret, &row.host), services);
    }
    let wanted: BTreeMap<(&SecretName, &HostName), &BTreeSet<ServiceName>> = needed
        .iter()
        .flat_map(|(secret, hosts)| hosts.iter().map(move |(host, services)| ((secret, host), services)))
        .collect();
    let mut wrong = Vec::new();
    for pair in wanted.keys().chain(granted.keys()).collect::<BTreeSet<_>>() {
        let difference = match (wanted.get(pair), granted.get(pair)) {
            (Some(wanted), Some(Some(granted))) if *wanted == granted => continue,
            (Some(_), Some(_)) => "for other services",
            (Some(_), None) => "no access to",
            (None, _) => "access that it does not need to",
        };
        wrong.push(Wrong { secret: pair.0.clone(), host: pair.1.clone(), difference });
    }
    let count = wrong.len();
    wrong.into_iter().next().map_or(Ok(()), |first| Err((first, count)))
}

/// Pairs of hosts that have a key of their own.
fn granted(policy: &Policy, plan: &Plan, now: Timestamp) -> usize {
    let names: Vec<SecretName> = plan.needed.keys().cloned().collect();
    policy.matrix(&names, now).rows.iter().filter(|row| policy.seals_for(&row.host)).count()
}
