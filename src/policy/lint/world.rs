//! Every request that can be granted today, put to every rule: existing secrets, hosts, and services known there.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use rayon::prelude::*;

use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::policy::Policy;
use crate::policy::decide::Answer;
use crate::policy::decide::Ask;
use crate::policy::facts::HostFacts;
use crate::policy::glob::Binding;
use crate::policy::grant;
use crate::policy::rule::Effect;
use crate::policy::rule::Rule;

/// What one rule said to all requests together.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Whether it is about one, whatever its conditions say.
    pub(super) about: bool,
    /// Whether it spoke to one.
    pub(super) spoke: bool,
    /// Whether one that it spoke to was allowed.
    pub(super) allowed: bool,
    /// The first rule that stood against one that it allows.
    pub(super) objector: Option<usize>,
    /// The first request that its condition fails for.
    pub(super) failed: Option<Failure>,
}

/// A request that a condition fails for.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    secret: SecretName,
    host: HostName,
    service: ServiceName,
    error: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, host, service, error } = self;
        write!(f, "{error}; it was asked about `{secret}` for `{service}` on `{host}`")
    }
}

impl Seen {
    fn and(self, later: Self) -> Self {
        Self {
            about: self.about || later.about,
            spoke: self.spoke || later.spoke,
            allowed: self.allowed || later.allowed,
            objector: self.objector.or(later.objector),
            failed: self.failed.or(later.failed),
        }
    }
}

/// Puts every request to every rule; the answer has one entry for each rule.
pub(super) fn look(policy: &Policy, secrets: &[SecretName], now: Timestamp) -> Vec<Seen> {
    let nothing = || vec![Seen::default(); policy.rules.len()];
    let seen = secrets.par_iter().fold(nothing, |mut seen, secret| {
        look_at(policy, secret, now, &mut seen);
        seen
    });
    seen.reduce(nothing, |a, b| a.into_iter().zip(b).map(|(a, b)| a.and(b)).collect())
}

fn look_at(policy: &Policy, secret: &SecretName, now: Timestamp, seen: &mut [Seen]) {
    let covers = |rule: &Rule| !rule.has_ended(now) && rule.covers(secret.as_str(), Binding::NONE);
    let covering: Vec<_> = policy.rules.iter().enumerate().filter(|(_, rule)| covers(rule)).collect();
    for (at, host) in policy.roster.hosts().iter().enumerate() {
        let open = Binding { host: Some(host.name.as_str()), service: None };
        let touches = |rule: &Rule| rule.hosts.contains(at) && rule.covers(secret.as_str(), open);
        let touching: Vec<_> = covering.iter().copied().filter(|(_, rule)| touches(rule)).collect();
        for service in services(&touching, host) {
            let ask =
                Ask { secret: secret.as_str(), at, host, service: &service, now, sandbox: &policy.sandbox };
            put(&touching, &ask, secret, seen);
        }
    }
}

fn services(touching: &[(usize, &Rule)], host: &HostFacts) -> BTreeSet<ServiceName> {
    if touching.is_empty() {
        return BTreeSet::new();
    }
    grant::known_services(touching.iter().map(|(_, rule)| *rule), host)
}

/// Puts one request to the rules that may be about it.
fn put(touching: &[(usize, &Rule)], ask: &Ask<'_>, secret: &SecretName, seen: &mut [Seen]) {
    let mut permits = Vec::new();
    let mut objector = None;
    for (at, rule) in touching.iter().copied().filter(|(_, rule)| is_about(rule, ask)) {
        let Some(seen) = seen.get_mut(at) else { continue };
        seen.about = true;
        match rule.answer(ask) {
            Answer::Silent => {}
            Answer::Speaks => {
                seen.spoke = true;
                match rule.reference.effect {
                    Effect::Allow => permits.push(at),
                    Effect::Deny => objector = objector.or(Some(at)),
                    Effect::Never => {}
                }
            }
            Answer::Failed(error) => {
                objector = objector.or(Some(at));
                let (host, service) = (ask.host.name.clone(), ask.service.clone());
                seen.failed.get_or_insert_with(|| Failure { secret: secret.clone(), host, service, error });
            }
        }
    }
    for at in permits {
        let Some(seen) = seen.get_mut(at) else { continue };
        seen.allowed |= objector.is_none();
        seen.objector = seen.objector.or(objector);
    }
}

fn is_about(rule: &Rule, ask: &Ask<'_>) -> bool {
    let binding = Binding { host: Some(ask.host.name.as_str()), service: Some(ask.service.as_str()) };
    rule.serves(ask.service, ask.host) && rule.covers(ask.secret, binding)
}
