//! The rules, described once. `secretctl.rs`, `cedar.rs` and `rego.rs` write each of them in their language.

use crate::world::AREAS;
use crate::world::GROUPS;
use crate::world::NAMES;
use crate::world::ROLES;
use crate::world::SERVICES;
use crate::world::World;
use crate::world::ZONES;

/// One rule: what it says about which secrets, hosts and services.
#[derive(Clone)]
pub struct Rule {
    pub effect: Effect,
    pub pattern: Pattern,
    pub hosts: Hosts,
    /// Only these services; every service if empty.
    pub services: Vec<&'static str>,
    pub condition: Option<Condition>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Effect {
    Allow,
    Deny,
}

/// Which secrets a rule covers, in shapes that all three languages can say exactly.
#[derive(Clone)]
pub enum Pattern {
    /// `area/group/name`.
    Exact(String),
    /// `area/group/*`: three segments.
    Folder(String),
    /// `area/**` or `area/group/**`: this and everything below it.
    Tree(String),
    /// `{host}/service/*`: three segments, the first being the host's name.
    OwnFolder(&'static str),
    /// `{host}/{service}/**`: the host's folder for the service that asks, and everything below it.
    OwnService,
    /// `*/group/*`: three segments, the first being anything.
    AnyArea(&'static str),
}

impl Pattern {
    /// The pattern as secretctl writes it.
    pub fn text(&self) -> String {
        match self {
            Self::Exact(name) => name.clone(),
            Self::Folder(folder) => format!("{folder}/*"),
            Self::Tree(folder) => format!("{folder}/**"),
            Self::OwnFolder(service) => format!("{{host}}/{service}/*"),
            Self::OwnService => "{host}/{service}/**".to_owned(),
            Self::AnyArea(group) => format!("*/{group}/*"),
        }
    }
}

/// The patterns without placeholders that cover a name of at least two segments.
///
/// Neither Cedar nor Rego has patterns over segments. Their policies name a pattern as a whole, and each secret
/// brings the list of those that cover it, computed once.
pub fn covering(name: &str) -> Vec<String> {
    let segments: Vec<_> = name.split('/').collect();
    let mut patterns = vec![name.to_owned(), format!("{}/*", segments[..segments.len() - 1].join("/"))];
    patterns.extend((1..=segments.len()).map(|count| format!("{}/**", segments[..count].join("/"))));
    if segments.len() == 3 {
        patterns.push(format!("*/{}/*", segments[1]));
    }
    patterns
}

/// The pattern of [`Pattern::OwnFolder`] that covers a name on the host that its first segment names, if there is one.
pub fn covering_own(name: &str) -> Option<String> {
    let segments: Vec<_> = name.split('/').collect();
    (segments.len() == 3).then(|| format!("{{host}}/{}/*", segments[1]))
}

/// The first two segments of a name, which rules about a host's own folder look at.
pub fn first_two(name: &str) -> (&str, &str) {
    let mut segments = name.split('/');
    (segments.next().unwrap_or_default(), segments.next().unwrap_or_default())
}

/// Which hosts a rule is about.
#[derive(Clone)]
pub enum Hosts {
    All,
    Tagged(&'static str),
    AllBut(&'static str),
    Named(Vec<String>),
}

/// What is computed for each question, where the rest of a rule is only looked up.
#[derive(Clone, Copy)]
pub enum Condition {
    /// The host has this service among its facts.
    HostRuns(&'static str),
    /// The secret's name ends like this.
    NameEnds(&'static str),
}

/// Whether rules have conditions. A rule that has one has no selectors of hosts and services: the condition says
/// which are meant, so it is asked whenever the pattern covers the secret.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Conditions {
    None,
    OneInTen,
}

/// The first `count` rules. Each round of 30 has one rule for each area, and each area gets another kind of rule
/// in each round, so 30 rules are a coarse policy and 300 are the same with details.
pub fn rules(world: &World, count: usize, conditions: Conditions) -> Vec<Rule> {
    (0..count).map(|nth| rule(world, nth, conditions)).collect()
}

fn rule(world: &World, nth: usize, conditions: Conditions) -> Rule {
    let (round, area) = (nth / AREAS.len(), nth % AREAS.len());
    let group = *pick(&GROUPS, nth, 1);
    let service = *pick(&SERVICES, nth, 2);
    let another = *pick(&SERVICES, nth, 3);
    let (role, zone) = (*pick(&ROLES, nth, 4), *pick(&ZONES, nth, 9));
    let role = Hosts::Tagged(role);
    let some = || Hosts::Named([5, 6, 7].map(|salt| pick(&world.hosts, nth, salt).name.clone()).into());
    let area_name = AREAS[area];
    let folder = format!("{area_name}/{group}");
    let exact = format!("{folder}/{}", pick(&NAMES, nth, 8));
    let (effect, pattern, hosts, services) = match (round + area) % 10 {
        0 => (Effect::Allow, Pattern::Tree(area_name.to_owned()), role, vec![service]),
        1 => (Effect::Allow, Pattern::Folder(folder), role, vec![]),
        2 => (Effect::Allow, Pattern::Folder(folder), some(), vec![service, another]),
        3 => (Effect::Allow, Pattern::Exact(exact), Hosts::All, vec![service]),
        4 => (Effect::Allow, Pattern::OwnFolder(service), Hosts::All, vec![service]),
        5 => (Effect::Deny, Pattern::Tree(area_name.to_owned()), Hosts::Tagged("lab"), vec![]),
        6 => (Effect::Allow, Pattern::Tree(folder), Hosts::AllBut(zone), vec![service, another]),
        7 => (Effect::Allow, Pattern::AnyArea(group), role, vec![service]),
        8 => (Effect::Deny, Pattern::Folder(folder), some(), vec![]),
        _ => (Effect::Allow, Pattern::OwnService, role, vec![]),
    };
    if conditions == Conditions::OneInTen && (7 * area + round) % 10 == 0 {
        let condition =
            if area % 2 == 0 { Condition::HostRuns("caddy") } else { Condition::NameEnds("-key") };
        return Rule { effect, pattern, hosts: Hosts::All, services: vec![], condition: Some(condition) };
    }
    Rule { effect, pattern, hosts, services, condition: None }
}

/// The rules with a condition, made such that they allow whenever their condition would be asked.
pub fn whenever_asked(rules: &[Rule]) -> Vec<Rule> {
    let conditional = rules.iter().filter(|rule| rule.condition.is_some()).cloned();
    conditional.map(|rule| Rule { effect: Effect::Allow, condition: None, ..rule }).collect()
}

/// One of `all`, the same in every run, by a mix of the rule's number and what it is picked for.
fn pick<T>(all: &[T], nth: usize, salt: usize) -> &T {
    let mut mixed = (nth * 16 + salt) as u64;
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
    }
    &all[((mixed >> 33) as usize) % all.len()]
}
