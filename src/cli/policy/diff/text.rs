//! The difference as text for a terminal.

use super::rows;
use super::rows::Row;
use super::totals;
use crate::cli::policy::fold;
use crate::cli::policy::fold::Entry;
use crate::cli::policy::fold::Length;
use crate::cli::table::count;
use crate::ops::policy::AccessDiff;
use crate::ops::policy::Affected;
use crate::ops::policy::Change;
use crate::ops::policy::EndChange;
use crate::ops::policy::KeyChange;
use crate::ops::policy::RuleRef;
use crate::ops::policy::SideName;

/// Most groups of each kind that are shown without `--full`.
const GROUPS_MAX: usize = 20;
/// Most lists by services in one group.
const LISTS_MAX: usize = 6;

/// The whole report.
pub(super) fn text(diff: &AccessDiff, length: Length) -> Vec<String> {
    let sides = format!("{} and {}", side(&diff.old), side(&diff.new));
    if diff.is_empty() {
        return vec![format!("nobody gains or loses access between {sides}")];
    }
    let mut lines = vec![format!("between {sides}: {}", totals(diff))];
    changes(&mut lines, "gained", '+', &diff.gained, length);
    changes(&mut lines, "lost", '-', &diff.lost, length);
    section(&mut lines, "other ends", &diff.ends, length, end);
    section(&mut lines, "other keys", &diff.keys, Length::Full, |change, _| keys(change));
    lines
}

fn side(side: &SideName) -> String {
    match rows::revision(side) {
        Some((revision, commit)) => format!("`{}` ({commit})", revision.escape_debug()),
        None => "the working tree".to_owned(),
    }
}

fn changes(lines: &mut Vec<String>, title: &str, sign: char, changes: &[Change], length: Length) {
    let rows = rows::rows(changes);
    section(lines, title, &rows, length, |row, length| group(row, sign, length));
    let hidden = rows.iter().skip(shown(length)).map(Row::pairs).sum::<usize>();
    if hidden > 0 {
        lines.push(format!("… and {hidden} more pairs; `--full` lists them"));
    }
}

fn shown(length: Length) -> usize {
    if length == Length::Full { usize::MAX } else { GROUPS_MAX }
}

fn section<T>(
    lines: &mut Vec<String>,
    title: &str,
    items: &[T],
    length: Length,
    words: impl Fn(&T, Length) -> Vec<String>,
) {
    if items.is_empty() {
        return;
    }
    lines.extend([String::new(), title.to_owned()]);
    lines.extend(items.iter().take(shown(length)).flat_map(|item| words(item, length)));
}

/// One group: its hosts, then its secrets, then the rules behind it.
fn group(row: &Row<'_>, sign: char, length: Length) -> Vec<String> {
    let (named, more) = fold::hosts(&row.hosts, length);
    let mut hosts = named.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ");
    if more > 0 {
        hosts.push_str(&format!(" and {}", count(more, "more host", "more hosts")));
    }
    let cause = rows::cause(row.reason.cause).map(|cause| format!(" ({cause})")).unwrap_or_default();
    let mut lines = vec![format!("{sign} {hosts}{cause}")];
    for (services, names) in row.lists(length, LISTS_MAX) {
        lines.extend(list(&services, &names, length));
    }
    lines.extend(row.reason.rules.iter().flat_map(|rule| rule_lines(rows::was(row.reason), rule)));
    lines
}

/// Names with the services behind them, or below them where each has its own.
fn list(services: &[&Affected], names: &[&str], length: Length) -> Vec<String> {
    let names: Vec<String> = fold::fold(names, length).into_iter().map(entry).collect();
    if let [services] = services {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        return names.iter().map(|name| format!("    {name:width$}  {services}")).collect();
    }
    let (named, more) = fold::hosts(services, length);
    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
    let below = format!("    each for one of {} and {more} more services", named.join(", "));
    names.iter().map(|name| format!("    {name}")).chain([below]).collect()
}

fn entry(entry: Entry<'_>) -> String {
    match entry {
        Entry::Name(name) => name.to_owned(),
        Entry::Below(prefix, count) => format!("{prefix} ({count})"),
        Entry::Others(more) => format!("… {more} more"),
    }
}

fn rule_lines(was: &str, rule: &RuleRef) -> Vec<String> {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let place = rule.place.to_string();
    let mut lines =
        vec![format!("    {was}{}({}) at {}", rule.effect, patterns.join(", "), place.escape_debug())];
    lines.extend(rows::because(rule).map(|because| format!("      because {because}")));
    lines
}

fn end(change: &EndChange, _: Length) -> Vec<String> {
    let EndChange { secret, host, services, from, to, .. } = change;
    let word = |end: &Option<jiff::Timestamp>| end.map_or("no end".to_owned(), |end| end.to_string());
    let mut lines =
        vec![format!("~ {host}"), format!("    {secret}  {services}  {} → {}", word(from), word(to))];
    lines.extend(change.rules.iter().flat_map(|rule| rule_lines("", rule)));
    lines
}

fn keys(change: &KeyChange) -> Vec<String> {
    let mut lines = vec![format!("~ {}", change.owner.replace('`', ""))];
    lines.extend(change.gained.iter().map(|key| format!("    + {}", rows::key(key))));
    lines.extend(change.lost.iter().map(|key| format!("    - {}", rows::key(key))));
    lines
}
