//! Changes grouped as a reviewer thinks of them: the same secrets to the same hosts for the same reason.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::cli::policy::fold::Length;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::policy::Affected;
use crate::ops::policy::Cause;
use crate::ops::policy::Change;
use crate::ops::policy::Reason;
use crate::ops::policy::RuleRef;
use crate::ops::policy::SideName;

/// Most characters of a reason that a report repeats.
const BECAUSE_MAX: usize = 200;
/// Most characters of a key that are shown.
const KEY_MAX: usize = 40;
/// Enough of a commit to find it.
const COMMIT_SHOWN: usize = 12;

/// Hosts that gain or lose the same for the same reason.
pub(super) struct Row<'a> {
    pub(super) hosts: Vec<&'a HostName>,
    pub(super) reason: &'a Reason,
    /// The secrets by the services that are affected.
    pub(super) secrets: BTreeMap<&'a Affected, Vec<&'a SecretName>>,
}

impl Row<'_> {
    /// How many pairs of a secret and a host the row stands for.
    pub(super) fn pairs(&self) -> usize {
        self.hosts.len() * self.secrets.values().map(Vec::len).sum::<usize>()
    }

    /// The secrets by services; where that is more than `max` lists, one list with all services.
    pub(super) fn lists(&self, length: Length, max: usize) -> Vec<(Vec<&Affected>, Vec<&str>)> {
        if length == Length::Full || self.secrets.len() <= max {
            return self
                .secrets
                .iter()
                .map(|(services, secrets)| (vec![*services], names(secrets)))
                .collect();
        }
        let secrets: BTreeSet<&SecretName> = self.secrets.values().flatten().copied().collect();
        vec![(self.secrets.keys().copied().collect(), secrets.into_iter().map(SecretName::as_str).collect())]
    }
}

/// Groups changes by reason, then joins the hosts that share all of it; the largest groups come first.
pub(super) fn rows(changes: &[Change]) -> Vec<Row<'_>> {
    type Items<'a> = BTreeSet<(&'a Affected, &'a SecretName)>;
    let mut by_host: BTreeMap<(&Reason, &HostName), Items<'_>> = BTreeMap::new();
    for change in changes {
        let items = by_host.entry((&change.reason, &change.host)).or_default();
        items.insert((&change.services, &change.secret));
    }
    let mut shared: BTreeMap<(&Reason, Items<'_>), Vec<&HostName>> = BTreeMap::new();
    for ((reason, host), items) in by_host {
        shared.entry((reason, items)).or_default().push(host);
    }
    let rows = shared.into_iter().map(|((reason, items), hosts)| {
        let mut secrets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (services, secret) in items {
            secrets.entry(services).or_default().push(secret);
        }
        Row { hosts, reason, secrets }
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.pairs().cmp(&a.pairs()).then_with(|| a.hosts.cmp(&b.hosts)));
    rows
}

fn names<'a>(secrets: &[&'a SecretName]) -> Vec<&'a str> {
    secrets.iter().map(|name| name.as_str()).collect()
}

/// What happened, where the rules alone do not tell it.
pub(super) fn cause(cause: Cause) -> Option<String> {
    Some(match cause {
        Cause::HostAdded => "new host".to_owned(),
        Cause::HostActivated { state } => format!("was {state}"),
        Cause::SecretAdded => "new secret".to_owned(),
        Cause::Denied => "denied now".to_owned(),
        Cause::Failed => "its rule fails now".to_owned(),
        Cause::NotAllowed => "no longer allowed".to_owned(),
        Cause::HostRemoved => "host removed".to_owned(),
        Cause::HostDeactivated { state } => format!("now {state}"),
        Cause::SecretRemoved => "secret removed".to_owned(),
        _ => return None,
    })
}

/// What stands before a rule that only the old side has.
pub(super) fn was(reason: &Reason) -> &'static str {
    if reason.cause == Cause::NotAllowed { "was " } else { "" }
}

/// The reason that the author of a rule gave, on one line.
pub(super) fn because(rule: &RuleRef) -> Option<String> {
    let line = rule.because.as_ref()?.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(shortened(&line, BECAUSE_MAX))
}

/// The start of a text, marked where it was cut.
fn shortened(text: &str, max: usize) -> String {
    let start: String = text.chars().take(max).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

/// Enough of a key to tell it from others.
pub(super) fn key(key: &impl ToString) -> String {
    let key = key.to_string();
    let end: String = key.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    if key.chars().count() > KEY_MAX { format!("{}{end}", shortened(&key, KEY_MAX - 8)) } else { key }
}

/// What a side is called: its revision and the start of its commit; none for the working tree.
pub(super) fn revision(side: &SideName) -> Option<(&str, String)> {
    let commit: String = side.commit.as_ref()?.chars().take(COMMIT_SHOWN).collect();
    Some((side.revision.as_ref()?, commit))
}
