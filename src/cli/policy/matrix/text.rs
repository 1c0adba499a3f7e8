//! The table as lines that fit a terminal: hosts that may read a secret in the same way share one line.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ops::policy::Filter;
use crate::ops::policy::MatrixRow;
use crate::ops::policy::Services;
use crate::ops::policy::View;

/// Spaces between two columns.
const GAP: usize = 2;
/// The narrowest terminal that lines are fitted to.
const WIDTH_MIN: usize = 40;
/// The last second of a day, which `.until("2027-01-31")` means.
const DAY_END: &str = "T23:59:59Z";

/// How wide lines may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Width {
    /// As wide as they are.
    Any,
    /// As wide as a terminal.
    Columns(usize),
}

/// The width of the terminal that the table goes to, if it goes to one and is to fit it.
pub(super) fn width(full: bool) -> Width {
    let terminal = comfy_table::Table::new().width().filter(|_| !full);
    terminal.map_or(Width::Any, |columns| Width::Columns(usize::from(columns).max(WIDTH_MIN)))
}

/// What to say where there is no line.
pub(super) fn nothing(filter: &Filter) -> &'static str {
    if filter.hosts.is_empty() && filter.secrets.is_empty() && filter.services.is_empty() {
        "no rule allows anybody to read a secret that exists"
    } else {
        "no rule allows that for a secret that exists; `secretctl policy matrix` shows what is allowed"
    }
}

/// One line before it is fitted.
struct Line {
    secret: String,
    hosts: Cell,
    services: Cell,
}

/// A list of names, or the one phrase that stands for it.
struct Cell {
    names: Vec<String>,
    /// What the names are, for a count of those left out.
    many: &'static str,
    /// What follows the names and is never left out.
    end: String,
}

impl Cell {
    fn text(&self) -> String {
        format!("{}{}", self.names.join(" "), self.end)
    }

    fn len(&self) -> usize {
        self.text().chars().count()
    }

    /// As many names as fit, and how many more there are.
    fn fitted(&self, width: usize) -> String {
        if self.len() <= width {
            return self.text();
        }
        for shown in (1..self.names.len()).rev() {
            let names = self.names.get(..shown).unwrap_or_default().join(" ");
            let text = format!("{names} +{} more{}", self.names.len() - shown, self.end);
            if text.chars().count() <= width {
                return text;
            }
        }
        let names = match self.names.as_slice() {
            [one] => one.clone(),
            names => format!("{} {}", names.len(), self.many),
        };
        format!("{}{}", cut(&names, width.saturating_sub(self.end.chars().count())), self.end)
    }
}

/// The table with its header.
pub(super) fn table(view: &View, width: Width) -> Vec<String> {
    let lines = lines(view);
    let columns = Columns::of(&lines, width);
    let mut out = vec![columns.row(["SECRET", "HOSTS", "SERVICES"].map(str::to_owned))];
    let mut last = None;
    for line in &lines {
        let repeated = last == Some(&line.secret);
        last = Some(&line.secret);
        let secret = if repeated { String::new() } else { line.secret.clone() };
        let (hosts, services) = (line.hosts.fitted(columns.hosts), line.services.fitted(columns.services));
        if secret.chars().count() > columns.secret {
            // A name is never cut: it is what one copies into the next command.
            out.push(secret);
            out.push(columns.row([String::new(), hosts, services]));
        } else {
            out.push(columns.row([secret, hosts, services]));
        }
    }
    out
}

/// The rows, those of one secret with the same services and end joined, in order of their first host.
fn lines(view: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    for of_secret in view.rows.chunk_by(|a, b| a.secret == b.secret) {
        let mut groups: BTreeMap<Key, Vec<&MatrixRow>> = BTreeMap::new();
        for row in of_secret {
            groups.entry(key(row)).or_default().push(row);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| a.1.first().map(|row| &row.host).cmp(&b.1.first().map(|row| &row.host)));
        lines.extend(groups.into_iter().map(|((services, end), rows)| Line {
            secret: rows.first().map(|row| row.secret.to_string()).unwrap_or_default(),
            hosts: Cell { names: hosts(&rows, view), many: "hosts", end: String::new() },
            services: Cell {
                names: services.unwrap_or_else(|| vec!["every service".to_owned()]),
                many: "services",
                end: end.map(|end| format!(" until {}", day(end))).unwrap_or_default(),
            },
        }));
    }
    lines
}

/// What must be equal for two hosts to share a line; without names, every service.
type Key = (Option<Vec<String>>, Option<Timestamp>);

fn key(row: &MatrixRow) -> Key {
    let services = match &row.grant.services {
        Services::All => None,
        Services::Only(names) => Some(names.iter().map(ToString::to_string).collect()),
    };
    (services, row.grant.not_after)
}

fn hosts(rows: &[&MatrixRow], view: &View) -> Vec<String> {
    if rows.len() == view.hosts.len() && rows.len() > 2 && !view.narrowed {
        return vec![format!("all {} hosts", rows.len())];
    }
    rows.iter().map(|row| row.host.to_string()).collect()
}

/// A day where the end is that of a day, which is how ends are mostly written.
fn day(end: Timestamp) -> String {
    let text = end.to_string();
    text.strip_suffix(DAY_END).map_or(text.clone(), str::to_owned)
}

/// How wide each column is.
struct Columns {
    secret: usize,
    hosts: usize,
    services: usize,
}

impl Columns {
    fn of(lines: &[Line], width: Width) -> Self {
        let longest = |length: &dyn Fn(&Line) -> usize, header: &str| {
            lines.iter().map(length).max().unwrap_or_default().max(header.len())
        };
        let natural = Self {
            secret: longest(&|line| line.secret.chars().count(), "SECRET"),
            hosts: longest(&|line| line.hosts.len(), "HOSTS"),
            services: longest(&|line| line.services.len(), "SERVICES"),
        };
        match width {
            Width::Any => natural,
            Width::Columns(columns) => natural.within(columns.saturating_sub(2 * GAP)),
        }
    }

    /// Shares `room` out: a column that needs less than its part leaves the rest to the others.
    fn within(self, room: usize) -> Self {
        let secret = self.secret.min(room.saturating_sub(self.hosts + self.services).max(room * 2 / 5));
        let room = room.saturating_sub(secret);
        let hosts = self.hosts.min(room.saturating_sub(self.services).max(room * 2 / 5));
        Self { secret, hosts, services: self.services.min(room.saturating_sub(hosts)) }
    }

    fn row(&self, cells: [String; 3]) -> String {
        let [secret, hosts, services] = cells;
        let gap = " ".repeat(GAP);
        let (a, b) = (self.secret, self.hosts);
        format!("{secret:a$}{gap}{hosts:b$}{gap}{services}").trim_end().to_owned()
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
