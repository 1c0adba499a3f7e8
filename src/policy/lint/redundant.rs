//! Rules that say nothing which another rule without a condition does not say as well.
//!
//! It must follow from the texts of both rules, so that it holds for every secret and host to come. That the
//! hosts of one tag happen to have another one too is no reason to call a rule redundant.

use jiff::Timestamp;
use rayon::prelude::*;

use super::Claim;
use super::contain::Shape;
use super::named;
use super::selector::Leaf;
use super::selector::Parts;
use super::selector::parts;
use crate::name::ServiceName;
use crate::policy::Policy;
use crate::policy::facts::HostFacts;
use crate::policy::rule::Rule;

/// Rules that another rule makes superfluous.
pub(super) fn claims(policy: &Policy, now: Timestamp) -> Vec<Claim> {
    let read: Vec<Option<Read<'_>>> =
        policy.rules.iter().map(|rule| (!rule.has_ended(now)).then(|| Read::of(rule))).collect();
    let hosts = policy.roster.hosts();
    let claims = read.par_iter().enumerate().filter_map(|(at, special)| {
        let special = special.as_ref()?;
        let general = read.iter().enumerate().find(|(other, general)| {
            let Some(general) = general else { return false };
            *other != at
                && general.contains(special, hosts)
                && (*other < at || !special.contains(general, hosts))
        });
        let (_, general) = general?;
        Some(claim(at, special.rule, general.as_ref()?.rule))
    });
    claims.collect()
}

fn claim(at: usize, special: &Rule, general: &Rule) -> Claim {
    let message = format!(
        "{} says nothing that {} at {} does not say",
        named(special),
        named(general),
        general.reference.place
    );
    Claim::new(at, "lint::redundant", message).help("remove it, or narrow the other one")
}

/// A rule with its texts taken apart.
struct Read<'r> {
    rule: &'r Rule,
    shapes: Vec<Shape<'r>>,
    hosts: Option<Parts<'r>>,
    services: Option<Parts<'r>>,
}

impl<'r> Read<'r> {
    fn of(rule: &'r Rule) -> Self {
        let text = rule.reference();
        Self {
            rule,
            shapes: rule.patterns.iter().map(|pattern| Shape::of(pattern.text())).collect(),
            hosts: text.hosts.as_deref().and_then(parts),
            services: text.services.as_deref().and_then(parts),
        }
    }

    /// Whether this rule speaks about every request that `other` can speak about, and as long.
    fn contains(&self, other: &Self, hosts: &[HostFacts]) -> bool {
        let lasts = match (self.rule.reference.not_after, other.rule.reference.not_after) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => mine >= theirs,
            (Some(_), None) => false,
        };
        self.rule.reference.effect == other.rule.reference.effect
            && !self.rule.is_conditional()
            && lasts
            && other.shapes.iter().all(|theirs| self.shapes.iter().any(|mine| mine.contains(theirs)))
            && self.contains_hosts(other)
            && self.contains_services(other, hosts)
    }

    fn contains_hosts(&self, other: &Self) -> bool {
        if self.rule.is_where_listed() && !other.rule.is_where_listed() {
            return false;
        }
        if self.rule.reference.hosts.is_none() {
            return true;
        }
        let (Some(mine), Some(theirs)) = (&self.hosts, &other.hosts) else { return false };
        // Of what is taken away, only the same words surely mean the same.
        if mine.excepts || theirs.excepts {
            return self.rule.reference.hosts == other.rule.reference.hosts;
        }
        mine.leaves.contains(&Leaf::Any)
            || theirs.leaves.iter().all(|theirs| mine.leaves.iter().any(|mine| names(*mine, *theirs)))
    }

    fn contains_services(&self, other: &Self, hosts: &[HostFacts]) -> bool {
        let Some(theirs) = &other.rule.services else { return self.rule.services.is_none() };
        // A grant lists what a host lists or a rule names: a name that stands here alone is not superfluous.
        let named_here = |service: &ServiceName| {
            let selected = |at: &usize| other.rule.hosts.contains(*at);
            let lists = |(_, host): (usize, &HostFacts)| host.services.contains(service);
            *service == ServiceName::system()
                || other.rule.is_where_listed()
                || hosts.iter().enumerate().filter(|(at, _)| selected(at)).all(lists)
        };
        let Some(mine) = &self.rule.services else { return theirs.literals().all(named_here) };
        let literal = |service: &ServiceName| {
            mine.literals().any(|name| name == service) || (mine.matches(service) && named_here(service))
        };
        let (Some(my_words), Some(words)) = (&self.services, &other.services) else { return false };
        let mut globs =
            words.leaves.iter().filter(|leaf| matches!(leaf, Leaf::Name(name) if name.contains('*')));
        theirs.literals().all(literal)
            && globs.all(|theirs| my_words.leaves.iter().any(|mine| names(*mine, *theirs)))
    }
}

/// Whether what one leaf selects, the other one surely selects as well.
fn names(general: Leaf<'_>, special: Leaf<'_>) -> bool {
    match (general, special) {
        (Leaf::Name(general), Leaf::Name(special)) | (Leaf::System(general), Leaf::System(special)) => {
            Shape::of(general).contains(&Shape::of(special))
        }
        _ => general == special,
    }
}
