//! `secretctl status`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::ops;
use crate::ops::status::Group;
use crate::ops::status::Status;
use crate::ops::status::Task;

/// Most lines that a screen gets: each group has a title, a blank line before it, and at least one line.
const LINES: usize = 25;

/// Say what to do next, the most urgent first, without a key and without changing anything
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &StatusArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "status")?;
    let status = ops::status::status(&ws)?;
    match args.format {
        Format::Json => ui.json(&status)?,
        Format::Text => {
            ui.lines(text(&status))?;
            status.notes.iter().for_each(|note| ui.say(&format!("note: {note}")));
        }
    }
    // What is to be done is no failure; what cannot be believed is.
    Ok(if status.is_tampered() { Exit::Found(Class::Integrity) } else { Exit::Clean })
}

fn text(status: &Status) -> Vec<String> {
    let mut lines = vec![format!(
        "{}, {} sealed for, on {}",
        count(status.secrets, "secret", "secrets"),
        count(status.hosts, "host", "hosts"),
        status.at.strftime("%Y-%m-%d")
    )];
    if status.groups.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    let room = LINES.saturating_sub(1 + 3 * status.groups.len());
    let shares = shares(&status.groups, room);
    for (group, share) in status.groups.iter().zip(shares) {
        lines.push(String::new());
        lines.push(format!("{}: `{}`", title(group), group.next));
        lines.extend(items(group, share));
    }
    lines
}

/// How many lines each group gets beyond its first: what a small one does not need is for the next.
fn shares(groups: &[Group], mut room: usize) -> Vec<usize> {
    let mut shares = vec![0; groups.len()];
    let mut given = true;
    while room > 0 && given {
        given = false;
        for (share, group) in shares.iter_mut().zip(groups) {
            if room > 0 && *share + 1 < group.items.len() {
                *share += 1;
                room -= 1;
                given = true;
            }
        }
    }
    shares
}

/// Its first items, one a line, the last of which counts the rest.
fn items(group: &Group, share: usize) -> Vec<String> {
    let lines = share + 1;
    let shown = if group.items.len() > lines && lines > 1 { lines - 1 } else { lines.min(group.items.len()) };
    let mut told: Vec<String> = group
        .items
        .iter()
        .take(shown)
        .map(|item| match &item.note {
            Some(note) => format!("  {} ({note})", item.about),
            None => format!("  {}", item.about),
        })
        .collect();
    let rest = group.items.len() - shown;
    match told.last_mut() {
        Some(last) if rest > 0 && lines == 1 => last.push_str(&format!(" and {rest} more")),
        _ if rest > 0 => told.push(format!("  and {rest} more")),
        _ => {}
    }
    told
}

fn title(group: &Group) -> String {
    let number = group.items.len();
    match group.task {
        Task::Merge => "a merge waits to be settled, and nothing is committed before".to_owned(),
        Task::Tampered => "cannot be believed; find out why before anything else".to_owned(),
        Task::Interrupted => "a change was interrupted and waits to be completed".to_owned(),
        Task::Repair => format!("{} to repair", count(number, "error", "errors")),
        Task::Rekey => format!("{} to rekey", count(number, "source", "sources")),
        Task::Generate => format!("{} to generate", count(number, "missing value", "missing values")),
        Task::Seal => "not sealed as policy and sources say".to_owned(),
        Task::Exposed => {
            format!(
                "{}: values in use that somebody knows who may not",
                count(number, "exposure", "exposures")
            )
        }
        Task::Overdue => format!("{} overdue", count(number, "value", "values")),
        Task::Soon => format!("{} due soon", count(number, "value", "values")),
        Task::Ending => format!("{} near the end", count(number, "grant", "grants")),
        Task::Pending => format!("{} without sealed copies", count(number, "pending host", "pending hosts")),
        Task::Commit => format!("{} not committed", count(number, "change", "changes")),
        Task::Look => format!("{} to look at", count(number, "warning", "warnings")),
    }
}
