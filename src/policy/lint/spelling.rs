//! Selectors that select nothing: tags, systems and globs without a host, services that no host lists.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Claim;
use super::named;
use super::selector::Leaf;
use super::selector::parts;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::policy::Policy;
use crate::policy::facts::HostFacts;
use crate::policy::glob::Glob;
use crate::policy::reword::suggestion;
use crate::policy::rule::Rule;
use crate::policy::select::ServiceSelector;

/// What the selectors of rules that still hold name in vain.
pub(super) fn claims(policy: &Policy, now: Timestamp) -> Vec<Claim> {
    let hosts = policy.roster.hosts();
    let tags: BTreeSet<&str> = hosts.iter().flat_map(|host| &host.tags).map(Tag::as_str).collect();
    let systems: BTreeSet<&str> = hosts.iter().filter_map(|host| host.system.as_deref()).collect();
    let services: BTreeSet<&str> =
        hosts.iter().flat_map(|host| &host.services).map(ServiceName::as_str).collect();
    let mut claims = Vec::new();
    for (at, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| !rule.has_ended(now)) {
        let known = Known { at, hosts, tags: &tags, systems: &systems, services: &services };
        let before = claims.len();
        claims.extend(known.in_hosts(rule));
        let selects_none = !(0..hosts.len()).any(|at| rule.hosts.contains(at));
        if selects_none && claims.len() == before {
            let message = format!("{} is about no host", named(rule));
            claims
                .push(Claim::new(at, "lint::no_host", message).help("correct `.hosts(..)` or `.except(..)`"));
        }
        if !selects_none {
            claims.extend(known.in_services(rule));
        }
    }
    claims
}

/// What the fleet has, for one rule.
struct Known<'k> {
    at: usize,
    hosts: &'k [HostFacts],
    tags: &'k BTreeSet<&'k str>,
    systems: &'k BTreeSet<&'k str>,
    services: &'k BTreeSet<&'k str>,
}

impl Known<'_> {
    fn in_hosts(&self, rule: &Rule) -> Vec<Claim> {
        let Some(parts) = rule.reference.hosts.as_deref().and_then(parts) else { return Vec::new() };
        parts.leaves.into_iter().filter_map(|leaf| self.in_vain(leaf)).collect()
    }

    fn in_vain(&self, leaf: Leaf<'_>) -> Option<Claim> {
        let (code, message, word, known) = match leaf {
            Leaf::Tag(tag) if !self.tags.contains(tag) => {
                ("lint::unknown_tag", format!("no host has the tag `{tag}`"), tag, self.tags)
            }
            Leaf::System(system) if !self.systems.iter().any(|name| Glob::new(system).matches(name)) => {
                ("lint::unknown_system", format!("no host has the system `{system}`"), system, self.systems)
            }
            Leaf::Name(glob)
                if !self.hosts.iter().any(|host| Glob::new(glob).matches(host.name.as_str())) =>
            {
                let claim =
                    Claim::new(self.at, "lint::unmatched_glob", format!("no host is named like `{glob}`"));
                return Some(claim.of_any_rule().help("`secretctl host list` shows all hosts"));
            }
            _ => return None,
        };
        let near = suggestion(word, known.iter().copied());
        let help = near.unwrap_or_else(|| "correct it, or give it to a host in `secretctl.toml`".to_owned());
        Some(Claim::new(self.at, code, message).of_any_rule().help(help))
    }

    fn in_services(&self, rule: &Rule) -> Vec<Claim> {
        let Some(selector) = &rule.services else { return Vec::new() };
        let globs = rule.reference.services.as_deref().and_then(parts).unwrap_or_default().leaves;
        let globs = globs.into_iter().filter_map(|leaf| match leaf {
            Leaf::Name(glob) if glob.contains('*') => self.glob_in_vain(rule, glob),
            _ => None,
        });
        let names = selector.literals().filter_map(|service| self.service_in_vain(rule, service));
        names.chain(globs).collect()
    }

    fn selected<'r>(&'r self, rule: &'r Rule) -> impl Iterator<Item = &'r HostFacts> {
        self.hosts.iter().enumerate().filter(|(at, _)| rule.hosts.contains(*at)).map(|(_, host)| host)
    }

    fn service_in_vain(&self, rule: &Rule, service: &ServiceName) -> Option<Claim> {
        if *service == ServiceName::system()
            || self.selected(rule).any(|host| host.services.contains(service))
        {
            return None;
        }
        let (message, help) = if self.services.contains(service.as_str()) {
            let message = format!("no host that {} is about lists the service `{service}`", named(rule));
            (message, "correct `.hosts(..)`, or add the service to the host in `secretctl.toml`".to_owned())
        } else {
            let near = suggestion(service.as_str(), self.services.iter().copied());
            let add = "add it to its host in `secretctl.toml`, or drop it from the rule".to_owned();
            (format!("no host lists the service `{service}`"), near.unwrap_or(add))
        };
        Some(Claim::new(self.at, "lint::unknown_service", message).of_any_rule().help(help))
    }

    fn glob_in_vain(&self, rule: &Rule, text: &str) -> Option<Claim> {
        let glob = Glob::new(text);
        let lists = |host: &HostFacts| host.services.iter().any(|service| glob.matches(service.as_str()));
        let names = |names: &ServiceSelector| names.literals().any(|service| glob.matches(service.as_str()));
        if glob.matches(ServiceName::system().as_str())
            || self.selected(rule).any(lists)
            || rule.services.as_ref().is_some_and(names)
        {
            return None;
        }
        let message = format!("no host that {} is about lists a service like `{text}`", named(rule));
        let help = "correct the glob, or add the service to its host in `secretctl.toml`";
        Some(Claim::new(self.at, "lint::unknown_service", message).of_any_rule().help(help))
    }
}
