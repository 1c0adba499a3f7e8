//! The difference as Markdown for a pull request: totals, tables, and the long tail folded away.

use super::rows;
use super::rows::Row;
use super::totals;
use crate::cli::escape::code;
use crate::cli::escape::prose;
use crate::cli::policy::fold;
use crate::cli::policy::fold::Entry;
use crate::cli::policy::fold::Length;
use crate::name::HostName;
use crate::ops::policy::AccessDiff;
use crate::ops::policy::Affected;
use crate::ops::policy::Change;
use crate::ops::policy::EndChange;
use crate::ops::policy::KeyChange;
use crate::ops::policy::RuleRef;
use crate::ops::policy::SideName;

/// Most lines of a table without `--full`; a comment on GitHub holds 65536 characters.
const LINES_MAX: usize = 12;
/// Most lines of one group, one for each set of services.
const LISTS_MAX: usize = 3;
/// Most lines of the folded table.
const TAIL_MAX: usize = 150;
/// Widest column that is padded, so that the source reads well too.
const PADDED_MAX: usize = 60;

type Cells = Vec<String>;

/// The whole report.
pub(super) fn markdown(diff: &AccessDiff, length: Length) -> String {
    let sides = |joint: &str| format!("{} {joint} {}", side(&diff.old), side(&diff.new));
    if diff.is_empty() {
        return format!("Nobody gains or loses access between {}.", sides("and"));
    }
    let mut parts = vec![format!("### Access: {}", totals(diff)), sides("→")];
    parts.extend(changes("Gained", &diff.gained, length));
    parts.extend(changes("Lost", &diff.lost, length));
    let ends: Vec<Cells> = diff.ends.iter().map(end).collect();
    parts.extend(section("Other ends", &["host", "secret", "services", "ends", "through"], &ends, length));
    let keys: Vec<Cells> = diff.keys.iter().map(keys).collect();
    parts.extend(section("Other keys", &["owner", "new keys", "keys that are gone"], &keys, Length::Full));
    parts.join("\n\n")
}

fn side(side: &SideName) -> String {
    match rows::revision(side) {
        Some((revision, commit)) => format!("{} ({})", code(revision), code(&commit)),
        None => "the working tree".to_owned(),
    }
}

/// The table of gains or losses and, where it leaves something out, every pair below it.
fn changes(title: &str, changes: &[Change], length: Length) -> Vec<String> {
    let rows = rows::rows(changes);
    let lines: Vec<Cells> = rows.iter().flat_map(|row| lines(row, length)).collect();
    let mut parts = section(title, &["hosts", "secrets", "services", "through"], &lines, length);
    let in_full: Vec<Cells> = rows.iter().flat_map(|row| self::lines(row, Length::Full)).collect();
    if length == Length::Short && (lines.len() > LINES_MAX || lines != in_full) {
        parts.extend(tail(title, &rows, changes.len()));
    }
    parts
}

/// One line for each set of services; hosts and rules stand in the first.
fn lines(row: &Row<'_>, length: Length) -> Vec<Cells> {
    let cause = rows::cause(row.reason.cause).map(|cause| format!(", {cause}")).unwrap_or_default();
    let hosts = format!("{}{cause}", hosts(&row.hosts, length));
    let through: Vec<String> =
        row.reason.rules.iter().map(|item| format!("{}{}", rows::was(row.reason), rule(item))).collect();
    let through = if through.is_empty() { "–".to_owned() } else { through.join("<br>") };
    let lists = row.lists(length, LISTS_MAX).into_iter();
    let mut lines: Vec<Cells> = lists
        .map(|(all, secrets)| vec![String::new(), names(&secrets, length), each(&all), String::new()])
        .collect();
    if let Some([host, .., rules]) = lines.first_mut().map(Vec::as_mut_slice) {
        (*host, *rules) = (hosts, through);
    }
    lines
}

/// The services of one list.
fn each(all: &[&Affected]) -> String {
    let (named, more) = fold::hosts(all, Length::Short);
    let mut words: Vec<String> = named.iter().map(|affected| services(affected)).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn section(title: &str, header: &[&str], lines: &[Cells], length: Length) -> Vec<String> {
    if lines.is_empty() {
        return Vec::new();
    }
    let max = if length == Length::Full { usize::MAX } else { LINES_MAX };
    let shown = lines.get(..lines.len().min(max)).unwrap_or(lines);
    let mut parts = vec![format!("**{title}**"), table(header, shown)];
    if shown.len() < lines.len() {
        parts.push(format!("… and {} more lines.", lines.len() - shown.len()));
    }
    parts
}

/// Every pair, a line for each secret, folded away.
fn tail(title: &str, rows: &[Row<'_>], pairs: usize) -> Vec<String> {
    let all = rows.iter().flat_map(|row| {
        let each =
            row.secrets.iter().flat_map(|(affected, secrets)| secrets.iter().map(move |s| (s, affected)));
        each.map(|(secret, affected)| {
            vec![code(secret.as_str()), services(affected), hosts(&row.hosts, Length::Full)]
        })
    });
    let mut all: Vec<Cells> = all.collect();
    let left = all.len().saturating_sub(TAIL_MAX);
    all.truncate(TAIL_MAX);
    let mut body = table(&["secret", "services", "hosts"], &all);
    if left > 0 {
        body.push_str(&format!("\n\n… and {left} more lines; `secretctl policy diff --full` lists them."));
    }
    let title = title.to_lowercase();
    vec![format!("<details><summary>All {pairs} pairs that are {title}</summary>\n\n{body}\n\n</details>")]
}

fn hosts(hosts: &[&HostName], length: Length) -> String {
    let (named, more) = fold::hosts(hosts, length);
    let mut words: Vec<String> = named.iter().map(|host| code(host.as_str())).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn names(names: &[&str], length: Length) -> String {
    let words = fold::fold(names, length).into_iter().map(|entry| match entry {
        Entry::Name(name) => code(name),
        Entry::Below(prefix, count) => format!("{} ({count})", code(&prefix)),
        Entry::Others(more) => format!("{more} more"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn services(affected: &Affected) -> String {
    let (head, names) = match affected {
        Affected::EveryBut(names) if names.is_empty() => return "every service".to_owned(),
        Affected::EveryBut(names) => ("every service but ", names),
        Affected::Only(names) => ("", names),
    };
    let names: Vec<String> = names.iter().map(|name| code(name.as_str())).collect();
    format!("{head}{}", names.join(", "))
}

/// Where a rule stands, and the reason that its author gave.
fn rule(rule: &RuleRef) -> String {
    let line = rule.place.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = code(&format!("{}{line}", rule.place.file.display()));
    match rows::because(rule) {
        Some(because) => format!("{place} because {}", prose(&because)),
        None => place,
    }
}

fn end(change: &EndChange) -> Cells {
    let word = |end: &Option<jiff::Timestamp>| end.map_or("no end".to_owned(), |end| end.to_string());
    let rules: Vec<String> = change.rules.iter().map(rule).collect();
    let ends = format!("{} → {}", word(&change.from), word(&change.to));
    let (host, secret) = (code(change.host.as_str()), code(change.secret.as_str()));
    vec![host, secret, services(&change.services), ends, rules.join("<br>")]
}

fn keys(change: &KeyChange) -> Cells {
    let list = |keys: Vec<String>| if keys.is_empty() { "–".to_owned() } else { keys.join("<br>") };
    let gained = change.gained.iter().map(|key| code(&rows::key(key))).collect();
    let lost = change.lost.iter().map(|key| code(&rows::key(key))).collect();
    vec![change.owner.clone(), list(gained), list(lost)]
}

/// A table whose columns stand below each other in the source too.
fn table(header: &[&str], lines: &[Cells]) -> String {
    let header: Cells = header.iter().map(|&word| word.to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&header).chain(lines).filter_map(|line| line.get(column));
        let widths = cells.map(|cell| cell.chars().count()).filter(|width| *width <= PADDED_MAX);
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let padded = |line: &Cells| {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Cells = widths.iter().map(|width| "-".repeat(*width)).collect();
    let rest = lines.iter().map(padded);
    [padded(&header), padded(&rule)].into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}
