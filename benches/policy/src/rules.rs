//! The rules, described once. `secretctl.rs`, `cedar.rs` and `rego.rs` write each of them in their language.

use crate::world::AREAS;
use crate::world::GROUPS;
use crate::world::NAMES;
use crate::world::ROLES;
use crate::world::SERVICES;
use crate::world::World;
use crate::world::ZONES;

/// One rule: what it says about which secrets, hosts and services.
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

/// Which hosts a rule is about.
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

/// Whether rules have conditions.
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
    let role = Hosts::Tagged(*pick(&ROLES, nth, 4));
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
        6 => (
            Effect::Allow,
            Pattern::Tree(folder),
            Hosts::AllBut(*pick(&ZONES, nth, 9)),
            vec![service, another],
        ),
        7 => (Effect::Allow, Pattern::AnyArea(group), role, vec![service]),
        8 => (Effect::Deny, Pattern::Folder(folder), some(), vec![]),
        _ => (Effect::Allow, Pattern::OwnService, role, vec![]),
    };
    let conditional = conditions == Conditions::OneInTen && (7 * area + round) % 10 == 0;
    let condition = conditional.then(|| match area % 2 {
        0 => Condition::HostRuns("caddy"),
        _ => Condition::NameEnds("-key"),
    });
    Rule { effect, pattern, hosts, services, condition }
}

/// One of `all`, the same in every run, by a mix of the rule's number and what it is picked for.
fn pick<T>(all: &[T], nth: usize, salt: usize) -> &T {
    let mut mixed = (nth * 16 + salt) as u64;
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(factor);
    }
    &all[((mixed >> 33) as usize) % all.len()]
}
