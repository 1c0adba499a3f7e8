//! Grants to services on hosts that do not list them, given only because a rule names no hosts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Policy;
use super::decide::Decision;
use super::decide::Query;
use super::grant::Services;
use super::rule::RuleRef;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// A service that may read a secret on a host that does not list it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unlisted {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: ServiceName,
    /// The rules that allow it; each names services and no hosts.
    pub permits: Vec<RuleRef>,
}

impl Policy {
    /// What would not be granted if rules that name services and no hosts were about the hosts that list them.
    ///
    /// A fleet that reads its rules so has none of these.
    pub fn unlisted(&self, secrets: &[SecretName], now: Timestamp) -> Vec<Unlisted> {
        if !self.rules.iter().any(|rule| rule.reference.every_host) {
            return Vec::new();
        }
        let rows = self.matrix(secrets, now).rows.into_iter();
        rows.flat_map(|row| self.unlisted_of(&row.secret, &row.host, &row.grant.services, now)).collect()
    }

    fn unlisted_of(
        &self,
        secret: &SecretName,
        host: &HostName,
        services: &Services,
        now: Timestamp,
    ) -> Vec<Unlisted> {
        let (Some(facts), Services::Only(services)) = (self.roster.host(host.as_str()), services) else {
            return Vec::new();
        };
        let unlisted: BTreeSet<_> = services.iter().filter(|service| !facts.lists(service)).collect();
        let found = unlisted.into_iter().filter_map(|service| {
            let Decision::Allow { permits, .. } = self.decide(&Query { secret, host, service }, now) else {
                return None;
            };
            let (secret, host, service) = (secret.clone(), host.clone(), service.clone());
            let only = permits.iter().all(|rule| rule.every_host);
            only.then_some(Unlisted { secret, host, service, permits })
        });
        found.collect()
    }
}
