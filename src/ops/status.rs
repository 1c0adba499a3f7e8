//! What to do next, by what must be done: the repository at a glance, without a key.

mod groups;
mod merge;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::git::GitError;
use crate::git::Repository;
use crate::name::SecretName;
use crate::ops::audit;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::store::Layout;

/// What belongs to a fleet in its Git repository.
const TRACKED: [&str; 6] = ["secretctl.toml", "policies", "secrets", "sealed", "public", ".gitattributes"];

/// Where the repository stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Version of this schema.
    pub version: u32,
    /// The time that it was made for.
    pub at: Timestamp,
    /// Number of secrets.
    pub secrets: usize,
    /// Number of hosts that secretctl seals for.
    pub hosts: usize,
    /// What is to be done, the most urgent first; empty if there is nothing.
    pub groups: Vec<Group>,
    /// What should be known, and may well be meant.
    pub notes: Vec<String>,
    /// Whether something cannot be believed, in an unsettled merge too.
    #[serde(skip)]
    broken: bool,
}

/// Things for which the same command is next.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// What they have in common.
    pub task: Task,
    /// What to run or edit.
    pub next: String,
    /// What it is about, sorted.
    pub items: Vec<Item>,
}

/// One thing of a group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Item {
    /// A secret, a host, a file, or the whole message where nothing of these is meant.
    pub about: String,
    /// What there is to say of it.
    pub note: Option<String>,
}

/// What must be done, in the order in which to do it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Settle a merge that has stopped; until then nothing is committed.
    Merge,
    /// Bring a change to its end that was interrupted; half of it looks like tampering.
    Interrupted,
    /// Find out why a signature, a digest or a chain does not hold.
    Tampered,
    /// Repair what `check` calls an error and no other task covers.
    Repair,
    /// Encrypt sources to those who should open them.
    Rekey,
    /// Make values that the policy asks for.
    Generate,
    /// Bring sealed trees in line.
    Seal,
    /// Replace values that somebody knows who may not.
    Exposed,
    /// Replace values whose time is over.
    Overdue,
    /// Replace values whose time is soon over.
    Soon,
    /// Look at grants that end soon.
    Ending,
    /// Give hosts a key.
    Pending,
    /// Commit what was changed.
    Commit,
    /// Look at warnings.
    Look,
}

impl Status {
    /// Whether something was tampered with.
    pub fn is_tampered(&self) -> bool {
        self.broken
    }
}

/// Looks at everything that needs no key.
pub fn status(ws: &Workspace) -> Result<Status, OpsError> {
    let checked = audit::looked(ws)?;
    let report = audit::whole(ws, &checked, Vec::new());
    let repository = ws.repository();
    let unmerged = repository.as_ref().ok().and_then(|repository| repository.unmerged().ok());
    let unmerged = unmerged.unwrap_or_default();
    let mut found = Found { secrets: secrets(checked.ledgers.keys()), groups: BTreeMap::new() };
    for finding in report.findings.iter().filter(|finding| !is_about(finding, &unmerged)) {
        found.sort_in(finding);
    }
    groups::values(&report, &mut found.groups);
    groups::missing(ws, &mut found.groups)?;
    groups::ending(ws, &mut found.groups)?;
    groups::pending(ws, &mut found.groups);
    let merge = merge::unsettled(ws, repository.as_ref().ok(), &unmerged, &checked, &found.groups);
    if let (None, Ok(repository)) = (&merge, &repository) {
        commit(repository, &mut found.groups);
    }
    let groups = found.groups.into_iter().map(|(task, items)| Group {
        task,
        next: groups::next(task, &items),
        items: items.into_iter().collect(),
    });
    Ok(Status {
        version: 1,
        at: report.at,
        secrets: report.secrets,
        hosts: report.hosts,
        broken: report.findings.iter().any(|finding| task(finding) == Some(Task::Tampered)),
        groups: merge.into_iter().chain(groups).collect(),
        notes: notes(ws, repository.err())?,
    })
}

/// Whether a finding is about a file that a merge left to be settled.
fn is_about(finding: &Finding, unmerged: &BTreeSet<PathBuf>) -> bool {
    finding.place.as_ref().is_some_and(|place| {
        let counterpart = place.file.with_extension("ledger");
        unmerged.contains(&place.file) || unmerged.contains(&counterpart)
    })
}

/// Secrets without a reader, and a fleet of which no history is kept.
fn notes(ws: &Workspace, no_git: Option<GitError>) -> Result<Vec<String>, OpsError> {
    let mut notes = Vec::new();
    if let Some(error) = no_git {
        notes.push(format!("{error}; without history `check` cannot see what was put back to the past"));
    }
    let secrets: Vec<SecretName> = ws.layout.survey()?.sources.into_iter().collect();
    let rows = ws.policy.matrix(&secrets, ws.settings.now).rows;
    let read: BTreeSet<&SecretName> = rows.iter().map(|row| &row.secret).collect();
    let unread = secrets.iter().filter(|secret| !secret.is_for_admins() && !read.contains(secret));
    let unread: Vec<&SecretName> = unread.filter(|secret| ws.policy.companion(secret).is_none()).collect();
    if let Some(first) = unread.first() {
        let more = if unread.len() > 1 { format!(" and {} more", unread.len() - 1) } else { String::new() };
        notes.push(format!("no host may read `{first}`{more}; `secretctl policy lint` tells of each"));
    }
    Ok(notes)
}

type Groups = BTreeMap<Task, BTreeSet<Item>>;

fn secrets<'n>(names: impl Iterator<Item = &'n SecretName>) -> BTreeMap<PathBuf, String> {
    let files =
        |name: &SecretName| [Layout::source(name), Layout::ledger(name)].map(|file| (file, name.to_string()));
    names.flat_map(files).collect()
}

struct Found {
    /// The secret that a file is about.
    secrets: BTreeMap<PathBuf, String>,
    groups: Groups,
}

impl Found {
    /// Puts a finding where its command is; what the values tell themselves is put in elsewhere.
    fn sort_in(&mut self, finding: &Finding) {
        let Some(task) = task(finding) else { return };
        let place = finding.place.as_ref().map(|place| &place.file);
        let secret = place.and_then(|file| self.secrets.get(file));
        let host = place.filter(|file| file.starts_with("sealed")).and_then(|file| file.iter().nth(1));
        let item = match (task, secret, host) {
            (Task::Rekey | Task::Seal, Some(secret), _) => Item { about: secret.clone(), note: None },
            (Task::Seal, _, Some(host)) => {
                Item { about: host.to_string_lossy().into_owned(), note: Some("host".to_owned()) }
            }
            _ => Item { about: finding.message.clone(), note: None },
        };
        self.groups.entry(task).or_default().insert(item);
    }
}

/// Where a finding belongs; none for those that are told from the values, and for notes.
fn task(finding: &Finding) -> Option<Task> {
    let error = finding.severity == Severity::Error;
    match finding.code.as_str() {
        _ if error && finding.class == Class::Integrity => Some(Task::Tampered),
        "store::interrupted" => Some(Task::Interrupted),
        "store::recipients" => Some(Task::Rekey),
        "sealed::drift" | "sealed::surplus" | "sealed::reasons" | "ledger::readers" => Some(Task::Seal),
        "fleet::pending" => None,
        code if code.starts_with("exposure::") => None,
        "rotation::overdue" | "rotation::soon" | "value::expired" | "value::expires_soon" => None,
        _ if error => Some(Task::Repair),
        _ => (finding.severity == Severity::Warning).then_some(Task::Look),
    }
}

/// What is not committed.
fn commit(repository: &Repository, groups: &mut Groups) {
    let changed = repository.uncommitted(&TRACKED);
    let items = changed.unwrap_or_default().into_iter();
    let items: BTreeSet<Item> =
        items.map(|path| Item { about: path.display().to_string(), note: None }).collect();
    if !items.is_empty() {
        groups.insert(Task::Commit, items);
    }
}
