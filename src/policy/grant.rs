//! Grants: which services of a host may read a secret, as its manifest will say.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use serde::Serializer;

use super::Policy;
use super::companion::Companion;
use super::companion::Role;
use super::decide;
use super::decide::Ask;
use super::decide::Decision;
use super::denial::Denial;
use super::denial::denials_by;
use super::facts::HostFacts;
use super::glob::Binding;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Services that may read a secret on one host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Services {
    /// Every service, those that the fleet does not list included.
    All,
    /// These services only.
    Only(BTreeSet<ServiceName>),
}

impl Services {
    /// Whether this service is one of them.
    pub fn contains(&self, service: &ServiceName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(service),
        }
    }
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => ["*"].serialize(serializer),
            Self::Only(names) => names.serialize(serializer),
        }
    }
}

/// What goes into a host's manifest for one secret.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// Who on the host may read it; never empty.
    pub services: Services,
    /// The last instant at which all of them may; at a later one the grant must be made again.
    #[serde(serialize_with = "super::rule::end")]
    pub not_after: Option<Timestamp>,
    /// The rules behind it.
    pub permits: Vec<RuleRef>,
}

/// What a host may do with a secret, and what stands against the rest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// The grant, if there is one.
    pub grant: Option<Grant>,
    /// Why services get nothing that an allow is about, sorted.
    pub denials: Vec<Denial>,
}

/// All grants of a policy at one instant.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Matrix {
    /// One row for each secret and host with a grant, in order of secret and host.
    pub rows: Vec<MatrixRow>,
}

/// One grant with the secret and host that it joins.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct MatrixRow {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// What the host may do with it.
    #[serde(flatten)]
    pub grant: Grant,
}

impl Policy {
    /// What a host's manifest may say about a secret; `None` if no service of the host may read it.
    ///
    /// Services are those that the fleet lists for the host, `system`, and those that a matching rule names
    /// without a glob. The host's state does not matter here: that only active hosts are sealed for is a
    /// matter of the store.
    pub fn grant(&self, secret: &SecretName, host: &HostName, now: Timestamp) -> Option<Grant> {
        self.touched(secret, host, now, grant_by).flatten()
    }

    /// The same, with what stands against the services that get nothing although some rule is about letting them.
    pub fn verdict(&self, secret: &SecretName, host: &HostName, now: Timestamp) -> Verdict {
        let verdict = self.touched(secret, host, now, |touching, ask| Verdict {
            denials: denials_by(&touching, ask),
            grant: grant_by(touching, ask),
        });
        verdict.unwrap_or_default()
    }

    /// Asks the rules that are about a secret on a host; `None` if there are none.
    fn touched<T>(
        &self,
        secret: &SecretName,
        host: &HostName,
        now: Timestamp,
        answer: impl FnOnce(Vec<&Rule>, &Ask<'_>) -> T,
    ) -> Option<T> {
        let at = self.roster.position(host.as_str())?;
        let facts = self.roster.hosts().get(at)?;
        let companion = self.companion(secret);
        let secret = match &companion {
            Some(Companion { role: Role::Next, .. }) => return None,
            Some(previous) => &previous.of,
            None => secret,
        };
        let touching = self.touching(secret.as_str(), at);
        if touching.is_empty() {
            return None;
        }
        let service = ServiceName::system();
        let ask =
            Ask { secret: secret.as_str(), at, host: facts, service: &service, now, sandbox: &self.sandbox };
        Some(answer(touching, &ask))
    }

    /// The rules that are about a secret on the host at this position for some service at some time.
    pub(super) fn touching(&self, secret: &str, at: usize) -> Vec<&Rule> {
        let name = self.roster.hosts().get(at).map_or("", |host| host.name.as_str());
        let open = Binding { host: Some(name), service: None };
        let candidates = self.candidates(secret, name);
        candidates.filter(|rule| rule.hosts.contains(at) && rule.covers(secret, open)).collect()
    }

    /// Every grant over these secrets and the hosts of the fleet.
    pub fn matrix(&self, secrets: &[SecretName], now: Timestamp) -> Matrix {
        let rows = secrets.par_iter().flat_map_iter(|secret| {
            self.roster.hosts().iter().filter_map(move |host| {
                let grant = self.grant(secret, &host.name, now)?;
                Some(MatrixRow { secret: secret.clone(), host: host.name.clone(), grant })
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| (&a.secret, &a.host).cmp(&(&b.secret, &b.host)));
        Matrix { rows }
    }
}

/// The grant that rules which are all about one secret on one host give.
fn grant_by(mut touching: Vec<&Rule>, ask: &Ask<'_>) -> Option<Grant> {
    touching.retain(|rule| !rule.has_ended(ask.now));
    grant_to_all(&touching, ask).or_else(|| grant_to_some(&touching, ask))
}

/// The grant to every service, if one rule gives it and none could take it from any service.
fn grant_to_all(touching: &[&Rule], ask: &Ask<'_>) -> Option<Grant> {
    let harmless = |rule: &Rule| rule.reference.effect == Effect::Allow && !rule.is_conditional();
    if !touching.iter().all(|rule| harmless(rule)) {
        return None;
    }
    let permits = touching.iter().filter(|rule| rule.covers_for_any_service(ask));
    let permits: Vec<_> = permits.map(|rule| rule.reference.clone()).collect();
    let not_after = decide::latest(&permits);
    (!permits.is_empty()).then(|| Grant { services: Services::All, not_after, permits: sorted(permits) })
}

/// The grant to those of the known services that the decision allows, ending with the first of them.
fn grant_to_some(touching: &[&Rule], ask: &Ask<'_>) -> Option<Grant> {
    let mut services = BTreeSet::new();
    let mut permits = Vec::new();
    let mut end = None;
    for service in known_services(touching.iter().copied(), ask.host) {
        let ask = Ask { service: &service, ..*ask };
        if let Decision::Allow { permits: more, not_after } = decide::combine(touching.iter().copied(), &ask)
        {
            permits.extend(more);
            end = [end, not_after].into_iter().flatten().min();
            services.insert(service);
        }
    }
    let services = Services::Only(services);
    (!permits.is_empty()).then(|| Grant { services, not_after: end, permits: sorted(permits) })
}

/// `system`, the services of the host, and those that the rules name without a glob.
pub(super) fn known_services<'r>(
    rules: impl IntoIterator<Item = &'r Rule>,
    host: &HostFacts,
) -> BTreeSet<ServiceName> {
    let named = rules.into_iter().flat_map(|rule| rule.literals(host));
    let mut all: BTreeSet<_> = host.services.iter().chain(named).cloned().collect();
    all.insert(ServiceName::system());
    all
}

fn sorted(mut permits: Vec<RuleRef>) -> Vec<RuleRef> {
    permits.sort();
    permits.dedup();
    permits
}

impl Rule {
    /// Whether the rule covers the secret whichever service asks.
    pub(super) fn covers_for_any_service(&self, ask: &Ask<'_>) -> bool {
        let binding = Binding { host: Some(ask.host.name.as_str()), service: None };
        let any = self.patterns.iter().filter(|pattern| !pattern.names_service());
        self.services.is_none() && any.into_iter().any(|pattern| pattern.matches(ask.secret, binding))
    }
}
