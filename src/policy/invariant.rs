//! Invariants: what `never(..)` says must not be allowed, held against what the rules allow.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;

use super::Policy;
use super::decide::Answer;
use super::decide::Ask;
use super::decide::Decision;
use super::glob::Binding;
use super::grant;
use super::grant::Services;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// One thing that is allowed although an invariant is about it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Violation {
    /// What must never be allowed.
    pub invariant: RuleRef,
    /// The secret.
    pub secret: SecretName,
    /// The host that may read it.
    pub host: HostName,
    /// One of the services that may.
    pub service: ServiceName,
    /// The rules that allow it.
    pub permits: Vec<RuleRef>,
    /// When: now, or right after a denial has ended.
    #[serde(serialize_with = "super::explain::instant")]
    pub at: Timestamp,
    /// Why the invariant could not be asked, which counts as broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, host, secret, invariant, .. } = self;
        write!(f, "`{service}` on `{host}` may read `{secret}`, which must never be")?;
        if let Some(because) = &invariant.because {
            write!(f, ": {because}")?;
        }
        match &self.error {
            Some(error) => write!(f, " (the condition at {} failed: {error})", invariant.place),
            None => write!(f, " (at {})", invariant.place),
        }
    }
}

impl Violation {
    /// What to edit.
    pub fn help(&self) -> String {
        let permits: Vec<String> = self.permits.iter().map(|rule| rule.place.to_string()).collect();
        format!("narrow what allows it, at {}, or the `never(..)`", permits.join(", "))
    }
}

impl Policy {
    /// Everything that is granted, at `now` or later, although an invariant is about it: the first service of
    /// each secret and host. What `.until(..)` ends can only take away later, except where it ends a denial.
    pub fn violations(&self, secrets: &[SecretName], now: Timestamp) -> Vec<Violation> {
        let mut found: Vec<_> =
            secrets.par_iter().flat_map_iter(|secret| self.violations_of(secret, now)).collect();
        found.sort();
        found
    }

    fn violations_of(&self, secret: &SecretName, now: Timestamp) -> Vec<Violation> {
        let mut found = Vec::new();
        for invariant in &self.invariants {
            for (at, host) in self.roster.hosts().iter().enumerate() {
                let open = Binding { host: Some(host.name.as_str()), service: None };
                if invariant.hosts.contains(at) && invariant.covers(secret.as_str(), open) {
                    found.extend(self.violation(invariant, secret, at, now));
                }
            }
        }
        found
    }

    fn violation(
        &self,
        invariant: &Rule,
        secret: &SecretName,
        at: usize,
        now: Timestamp,
    ) -> Option<Violation> {
        let host = self.roster.hosts().get(at)?;
        let touching = self.touching(secret.as_str(), at);
        instants(&touching, now).into_iter().find_map(|now| {
            let services = match self.grant(secret, &host.name, now)?.services {
                Services::Only(services) => services,
                Services::All => any_service(invariant, secret, grant::known_services([invariant], host)),
            };
            services.iter().find_map(|service| {
                let ask = Ask { secret: secret.as_str(), at, host, service, now, sandbox: &self.sandbox };
                let decision = super::decide::combine(touching.iter().copied(), &ask);
                let Decision::Allow { permits, .. } = decision else { return None };
                let error = match invariant.answer(&ask) {
                    Answer::Silent => return None,
                    Answer::Speaks => None,
                    Answer::Failed(error) => Some(error),
                };
                Some(Violation {
                    invariant: invariant.reference.clone(),
                    secret: secret.clone(),
                    host: host.name.clone(),
                    service: service.clone(),
                    permits,
                    at: now,
                    error,
                })
            })
        })
    }
}

/// The known services, and one that nobody lists where the invariant is about those as well.
fn any_service(
    invariant: &Rule,
    secret: &SecretName,
    mut known: BTreeSet<ServiceName>,
) -> BTreeSet<ServiceName> {
    match &invariant.services {
        Some(services) => known.extend(services.examples()),
        // Where its pattern names the service, the secret does too.
        None => known.extend(secret.as_str().split('/').filter_map(|segment| segment.parse().ok())),
    }
    known
}

/// Now, and the first second after each denial that ends later.
fn instants(touching: &[&Rule], now: Timestamp) -> BTreeSet<Timestamp> {
    let denials = touching.iter().filter(|rule| rule.reference.effect == Effect::Deny);
    let ends = denials.filter_map(|rule| rule.reference.not_after).filter(|end| *end >= now);
    let after = ends.filter_map(|end| end.checked_add(SignedDuration::from_secs(1)).ok());
    after.chain([now]).collect()
}
