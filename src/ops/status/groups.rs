//! What values, rules and hosts ask for, and the command that is next.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::Groups;
use super::Item;
use super::Task;
use crate::fleet::HostState;
use crate::name::SecretName;
use crate::ops::audit::AuditReport;
use crate::ops::audit::ValueState;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;

/// So long before its end a grant is told.
const ENDING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Exposures, and values that are or will soon be due or at their end.
pub(super) fn values(report: &AuditReport, groups: &mut Groups) {
    for exposure in &report.exposures {
        let note = format!("{} knows it: {}", exposure.known_by, exposure.reason);
        put(groups, Task::Exposed, exposure.secret.as_ref(), note);
    }
    for value in &report.values {
        let secret = value.secret.as_ref();
        let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
        match (value.state, value.due) {
            (ValueState::Overdue, Some(due)) => {
                put(groups, Task::Overdue, secret, format!("due since {}", day(due)));
            }
            (ValueState::Soon, Some(due)) => put(groups, Task::Soon, secret, format!("due on {}", day(due))),
            _ => {}
        }
        match value.expires {
            Some(end) if end <= report.at => {
                put(groups, Task::Overdue, secret, format!("ended on {}", day(end)));
            }
            Some(end) if value.ends_soon(report.at) => {
                put(groups, Task::Soon, secret, format!("ends on {}", day(end)));
            }
            _ => {}
        }
    }
}

/// Values that a generator would make.
pub(super) fn missing(ws: &Workspace, groups: &mut Groups) -> Result<(), OpsError> {
    let survey = ws.layout.survey()?;
    for name in ws.policy.generated().into_iter().filter(|name| !survey.sources.contains(name)) {
        groups.entry(Task::Generate).or_default().insert(Item { about: name.to_string(), note: None });
    }
    Ok(())
}

/// Grants whose end is near: what they gave goes with the next `seal` after it.
pub(super) fn ending(ws: &Workspace, groups: &mut Groups) -> Result<(), OpsError> {
    let now = ws.settings.now;
    let secrets: Vec<SecretName> = ws.layout.survey()?.sources.into_iter().collect();
    for row in ws.policy.matrix(&secrets, now).rows {
        let near = row.grant.not_after.filter(|end| end.duration_since(now) <= ENDING);
        if let Some(end) = near {
            let note = format!("host `{}` may read it until {}", row.host, end.strftime("%Y-%m-%d"));
            put(groups, Task::Ending, row.secret.as_ref(), note);
        }
    }
    Ok(())
}

/// Hosts that wait for a key, or to be told that they have one.
pub(super) fn pending(ws: &Workspace, groups: &mut Groups) {
    for (name, host) in ws.fleet.hosts.iter().filter(|(_, host)| host.state == HostState::Pending) {
        let note =
            if host.recipients.is_empty() { "has no key yet" } else { "has a key and is still pending" };
        put(groups, Task::Pending, name.as_ref(), note.to_owned());
    }
}

fn put(groups: &mut Groups, task: Task, about: &str, note: String) {
    groups.entry(task).or_default().insert(Item { about: about.to_owned(), note: Some(note) });
}

/// The command that comes next; for one thing after the other it names the first.
pub(super) fn next(task: Task, items: &BTreeSet<Item>) -> String {
    let first = items.first().map(|item| item.about.as_str()).unwrap_or_default();
    match task {
        Task::Merge => "git status".to_owned(),
        Task::Tampered | Task::Repair => "secretctl check".to_owned(),
        Task::Interrupted | Task::Seal => "secretctl seal".to_owned(),
        Task::Rekey => "secretctl rekey".to_owned(),
        Task::Generate => "secretctl generate".to_owned(),
        Task::Exposed => "secretctl rotate --exposed".to_owned(),
        Task::Overdue => "secretctl rotate --due".to_owned(),
        Task::Soon => format!("secretctl rotate {first}"),
        Task::Ending => format!("secretctl policy who-can {first}"),
        Task::Pending => format!("secretctl host set {first} --ssh ADDRESS"),
        Task::Commit => format!("git add {} && git commit", tops(items).join(" ")),
        Task::Look => "secretctl audit".to_owned(),
    }
}

/// The files and folders at the top in which something changed.
pub(super) fn tops(items: &BTreeSet<Item>) -> Vec<&str> {
    let top = |item: &'_ Item| item.about.find('/').unwrap_or(item.about.len());
    let tops: BTreeSet<&str> = items.iter().filter_map(|item| item.about.get(..top(item))).collect();
    tops.into_iter().collect()
}
