//! Selectors: which hosts and which services a rule is about.

use std::collections::BTreeSet;

use rhai::Array;
use rhai::Dynamic;
use rhai::ImmutableString;

use super::budget;
use super::error::Code;
use super::error::Fault;
use super::facts::HostFacts;
use super::facts::HostObject;
use super::facts::Roster;
use super::glob::Glob;
use super::reword::type_word;
use crate::name::ServiceName;

/// Longest description of a selector in explanations.
const TEXT_MAX: usize = 160;

/// A set of the fleet's hosts, one bit each in the order of the roster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct HostSet(Vec<u64>);

impl HostSet {
    /// The hosts that `choose` picks.
    pub(super) fn of(roster: &Roster, choose: impl Fn(&HostFacts) -> bool) -> Self {
        let mut set = Self::default();
        for (at, host) in roster.hosts().iter().enumerate() {
            if choose(host) {
                set.insert(at);
            }
        }
        set
    }

    fn insert(&mut self, at: usize) {
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// Whether the host at this position is in the set.
    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Adds the hosts of another set.
    pub(super) fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Takes the hosts of another set away.
    pub(super) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, less)| *word &= !less);
    }
}

/// Hosts as a policy selects them, with the words it used.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) hosts: HostSet,
    pub(super) text: String,
}

impl Selector {
    /// `tag("name")`.
    pub(super) fn tag(roster: &Roster, tag: &str) -> Self {
        charge(roster);
        Self { hosts: HostSet::of(roster, |host| host.tags.contains(tag)), text: format!("tag(\"{tag}\")") }
    }

    /// `system("x86_64-linux")`, with a glob or without.
    pub(super) fn system(roster: &Roster, system: &str) -> Self {
        charge(roster);
        let glob = Glob::new(system);
        let hosts = HostSet::of(roster, |host| host.system.as_deref().is_some_and(|name| glob.matches(name)));
        Self { hosts, text: format!("system(\"{system}\")") }
    }

    /// `any_host()`.
    pub(super) fn any(roster: &Roster) -> Self {
        charge(roster);
        Self { hosts: HostSet::of(roster, |_| true), text: "any_host()".to_owned() }
    }

    /// `.except(..)`.
    pub(super) fn except(mut self, other: &Self) -> Self {
        self.hosts.remove(&other.hosts);
        self.text = shortened(format!("{}.except({})", self.text, other.text));
        self
    }

    /// Adds another selector, as a second `.hosts(..)` on one rule does.
    pub(super) fn or(mut self, other: &Self) -> Self {
        self.hosts.add(&other.hosts);
        self.text = shortened(format!("{}, {}", self.text, other.text));
        self
    }

    /// What a script gave as hosts: a name, glob, host, selector, or an array of these.
    ///
    /// `type_name` is the engine's word for the type of `value`.
    pub(super) fn resolve(value: &Dynamic, roster: &Roster, type_name: &str) -> Result<Self, Fault> {
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return Self::named(&text, roster);
        }
        if let Some(selector) = value.read_lock::<Self>() {
            return Ok(selector.clone());
        }
        if let Some(host) = value.read_lock::<HostObject>() {
            return Self::named(host.name(), roster);
        }
        match value.read_lock::<Array>() {
            Some(array) => Self::listed(&array, roster),
            None => Err(wrong_type("a selector of hosts", type_name)),
        }
    }

    fn named(text: &str, roster: &Roster) -> Result<Self, Fault> {
        let quoted = format!("\"{text}\"");
        if !text.contains('*') {
            let at = roster.position(text).ok_or_else(|| roster.unknown_host(text))?;
            let mut hosts = HostSet::default();
            hosts.insert(at);
            return Ok(Self { hosts, text: quoted });
        }
        check_glob(text, "host", |c| matches!(c, '-' | '_'))?;
        charge(roster);
        let glob = Glob::new(text);
        Ok(Self { hosts: HostSet::of(roster, |host| glob.matches(host.name.as_str())), text: quoted })
    }

    fn listed(array: &Array, roster: &Roster) -> Result<Self, Fault> {
        let mut all = Self { hosts: HostSet::default(), text: "[".to_owned() };
        for (nth, value) in array.iter().enumerate() {
            let selector = Self::resolve(value, roster, value.type_name())?;
            all.hosts.add(&selector.hosts);
            if all.text.len() < TEXT_MAX {
                all.text.push_str(if nth > 0 { ", " } else { "" });
                all.text.push_str(&selector.text);
            }
        }
        all.text.push(']');
        Ok(Self { text: shortened(all.text), ..all })
    }
}

/// Services as a policy selects them.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceSelector {
    names: BTreeSet<ServiceName>,
    globs: Vec<(String, Glob)>,
}

impl ServiceSelector {
    /// Adds what a script gave as services: a name, a glob, or an array of both.
    pub(super) fn add(&mut self, value: &Dynamic, type_name: &str) -> Result<(), Fault> {
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return self.add_text(&text);
        }
        let Some(array) = value.read_lock::<Array>() else {
            return Err(wrong_type("a service name, a glob or an array of them", type_name));
        };
        array.iter().try_for_each(|value| self.add(value, value.type_name()))
    }

    fn add_text(&mut self, text: &str) -> Result<(), Fault> {
        if text.contains('*') {
            check_glob(text, "service", |c| matches!(c, ':' | '-' | '_' | '.' | '@' | '\\'))?;
            if !self.globs.iter().any(|(known, _)| known == text) {
                budget::spend(self.globs.len() as u64);
                self.globs.push((text.to_owned(), Glob::new(text)));
            }
            return Ok(());
        }
        let rule = |error: crate::name::NameError| {
            Fault::new(Code::Selector, format!("`{}` is no service name", text.escape_debug()))
                .help(error.rule())
        };
        self.names.insert(text.parse().map_err(rule)?);
        Ok(())
    }

    /// Whether the service is selected.
    pub(super) fn matches(&self, service: &ServiceName) -> bool {
        self.names.contains(service) || self.globs.iter().any(|(_, glob)| glob.matches(service.as_str()))
    }

    /// Whether one of the services that the host lists is selected.
    pub(super) fn match_one_of(&self, host: &HostFacts) -> bool {
        self.matches(&ServiceName::system()) || host.services.iter().any(|service| self.matches(service))
    }

    /// The services that are named without a glob.
    pub(super) fn literals(&self) -> impl Iterator<Item = &ServiceName> {
        self.names.iter()
    }

    /// A service that each glob selects, with a name that no fleet has.
    pub(super) fn examples(&self) -> Vec<ServiceName> {
        let unlisted = |text: &str| text.replace('*', "unlisted").parse();
        self.globs.iter().filter_map(|(text, _)| unlisted(text).ok()).collect()
    }

    /// The selector in words.
    pub(super) fn text(&self) -> String {
        let names = self.names.iter().map(ServiceName::as_str);
        let all: Vec<_> = names.chain(self.globs.iter().map(|(text, _)| text.as_str())).collect();
        match all.as_slice() {
            [one] => format!("\"{one}\""),
            _ => shortened(format!("[\"{}\"]", all.join("\", \""))),
        }
    }
}

/// One look at every host is work that grows with the fleet.
fn charge(roster: &Roster) {
    budget::spend(roster.hosts().len() as u64 / 4 + 1);
}

fn wrong_type(wanted: &str, type_name: &str) -> Fault {
    let usage = "hosts: a name, glob, array, host, `tag(..)`, `system(..)` or `any_host()`; services: a name, glob or array";
    Fault::new(Code::Argument, format!("expected {wanted}, not {}", type_word(type_name))).help(usage)
}

fn check_glob(text: &str, kind: &str, sign: impl Fn(char) -> bool) -> Result<(), Fault> {
    let odd = text.chars().find(|&c| !(c.is_ascii_alphanumeric() || c == '*' || sign(c)));
    match odd {
        None => Ok(()),
        Some(odd) => {
            let message = format!("no {kind} name holds `{}`", odd.escape_debug());
            Err(Fault::new(Code::Selector, message).help("`*` is the only sign of a glob"))
        }
    }
}

fn shortened(mut text: String) -> String {
    if text.chars().count() > TEXT_MAX {
        text = text.chars().take(TEXT_MAX).chain(['…']).collect();
    }
    text
}
