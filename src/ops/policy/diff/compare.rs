//! Compares what two states of a fleet let each host read, pair by pair.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::side::Side;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::policy::affected::Affected;
use crate::policy::Decision;
use crate::policy::Grant;
use crate::policy::Objection;
use crate::policy::Query;
use crate::policy::RuleRef;
use crate::policy::Services;

/// Access of one host to one secret that one side gives and the other does not.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The services that have gained or lost it.
    #[serde(flatten)]
    pub services: Affected,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why access has changed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Reason {
    /// What happened.
    #[serde(flatten)]
    pub cause: Cause,
    /// Of a gain, the rules of the new side that allow it; of a loss, those that deny it now, or else those of
    /// the old side that allowed it.
    pub rules: Vec<RuleRef>,
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Gained: rules or facts about the host have changed.
    Allowed,
    /// Gained: the host is new.
    HostAdded,
    /// Gained: the host was in another state.
    HostActivated {
        /// That state.
        state: HostState,
    },
    /// Gained: the secret is new.
    SecretAdded,
    /// Lost: a rule denies it now.
    Denied,
    /// Lost: the condition of a rule fails now.
    Failed,
    /// Lost: no rule allows it any more.
    NotAllowed,
    /// Lost: the host is gone.
    HostRemoved,
    /// Lost: nothing is sealed for the host any more.
    HostDeactivated {
        /// The state that it is in now.
        state: HostState,
    },
    /// Lost: the secret is gone.
    SecretRemoved,
}

/// Access that stays, with another end.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EndChange {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The services.
    #[serde(flatten)]
    pub services: Affected,
    /// The last instant before; null if there was no end.
    #[serde(serialize_with = "instant")]
    pub from: Option<Timestamp>,
    /// The last instant now; null if there is no end.
    #[serde(serialize_with = "instant")]
    pub to: Option<Timestamp>,
    /// The rules of the new side.
    pub rules: Vec<RuleRef>,
}

impl EndChange {
    /// Whether it lasts longer than before.
    pub fn is_longer(&self) -> bool {
        match (self.from, self.to) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(from), Some(to)) => to > from,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn instant<S: serde::Serializer>(end: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    end.map(|end| end.to_string()).serialize(serializer)
}

/// Everything that differs.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) gained: Vec<Change>,
    pub(super) lost: Vec<Change>,
    pub(super) ends: Vec<EndChange>,
}

/// Compares two sides at one instant.
pub(super) fn compare(old: &Side, new: &Side, now: Timestamp) -> Compared {
    let (old, new) = (Granted::of(old, now), Granted::of(new, now));
    let mut compared = Compared::default();
    let pairs: BTreeSet<&Pair> = old.grants.keys().chain(new.grants.keys()).collect();
    for pair in pairs {
        let (secret, host) = pair;
        let (before, after) = (old.grants.get(pair), new.grants.get(pair));
        let (had, has) = (before.map(|grant| &grant.services), after.map(|grant| &grant.services));
        let change =
            |services, reason| Change { secret: secret.clone(), host: host.clone(), services, reason };
        if let Some(services) = Affected::between(has, had) {
            let reason = gain(&old, &new, pair, &services);
            compared.gained.push(change(services, reason));
        }
        if let Some(services) = Affected::between(had, has) {
            let reason = loss(&old, &new, pair, &services);
            compared.lost.push(change(services, reason));
        }
        if let (Some(before), Some(after)) = (before, after) {
            compared.ends.extend(ends(&old, &new, pair, before, after));
        }
    }
    compared
}

type Pair = (SecretName, HostName);

/// What one side grants to the hosts that it seals for.
struct Granted<'s> {
    side: &'s Side,
    now: Timestamp,
    grants: BTreeMap<Pair, Grant>,
}

impl<'s> Granted<'s> {
    fn of(side: &'s Side, now: Timestamp) -> Self {
        let secrets: Vec<SecretName> = side.secrets.iter().cloned().collect();
        let rows = side.policy.matrix(&secrets, now).rows.into_iter();
        let sealed = rows.filter(|row| side.policy.seals_for(&row.host));
        let grants = sealed.map(|row| ((row.secret, row.host), row.grant)).collect();
        Self { side, now, grants }
    }

    fn decide(&self, (secret, host): &Pair, service: &ServiceName) -> Decision {
        self.side.policy.decide(&Query { secret, host, service }, self.now)
    }

    /// The rules behind the access of these services.
    fn permits(&self, pair: &Pair, services: &Affected) -> Vec<RuleRef> {
        let Affected::Only(services) = services else {
            return self.grants.get(pair).map(|grant| grant.permits.clone()).unwrap_or_default();
        };
        let decisions = services.iter().map(|service| self.decide(pair, service));
        let permits = decisions.flat_map(|decision| match decision {
            Decision::Allow { permits, .. } => permits,
            Decision::Deny { .. } => Vec::new(),
        });
        permits.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn gain(old: &Granted<'_>, new: &Granted<'_>, pair: &Pair, services: &Affected) -> Reason {
    let cause = match old.side.fleet.hosts.get(&pair.1) {
        None => Cause::HostAdded,
        Some(host) if changed_sides(old, new, &pair.1) => Cause::HostActivated { state: host.state },
        Some(_) if !old.side.secrets.contains(&pair.0) => Cause::SecretAdded,
        Some(_) => Cause::Allowed,
    };
    Reason { cause, rules: new.permits(pair, services) }
}

fn loss(old: &Granted<'_>, new: &Granted<'_>, pair: &Pair, services: &Affected) -> Reason {
    let gone = |cause| Reason { cause, rules: Vec::new() };
    match new.side.fleet.hosts.get(&pair.1) {
        None => gone(Cause::HostRemoved),
        Some(host) if changed_sides(new, old, &pair.1) => gone(Cause::HostDeactivated { state: host.state }),
        Some(_) if !new.side.secrets.contains(&pair.0) => gone(Cause::SecretRemoved),
        Some(host) => objection(new, pair, &asked(services, host))
            .unwrap_or_else(|| Reason { cause: Cause::NotAllowed, rules: old.permits(pair, services) }),
    }
}

/// Whether a host is sealed for on the second side alone because its state differs.
fn changed_sides(without: &Granted<'_>, with: &Granted<'_>, host: &HostName) -> bool {
    let state = |granted: &Granted<'_>| granted.side.fleet.hosts.get(host).map(|host| host.state);
    !without.side.policy.seals_for(host) && state(without) != state(with)
}

/// The services to ask about: where every one has lost it, those that the host lists.
fn asked(services: &Affected, host: &Host) -> BTreeSet<ServiceName> {
    match services {
        Affected::Only(services) => services.clone(),
        Affected::EveryBut(kept) => {
            let known = host.services.iter().cloned().chain([ServiceName::system()]);
            known.filter(|service| !kept.contains(service)).collect()
        }
    }
}

/// The rules of the new side that stand against these services.
fn objection(new: &Granted<'_>, pair: &Pair, services: &BTreeSet<ServiceName>) -> Option<Reason> {
    let mut cause = Cause::Failed;
    let mut rules = BTreeSet::new();
    for service in services {
        let Decision::Deny { objections, .. } = new.decide(pair, service) else { continue };
        for objection in objections {
            match objection {
                Objection::Failed { rule, .. } => drop(rules.insert(rule)),
                Objection::Forbidden { rule } => {
                    cause = Cause::Denied;
                    rules.insert(rule);
                }
            }
        }
    }
    (!rules.is_empty()).then(|| Reason { cause, rules: rules.into_iter().collect() })
}

/// Services that both sides grant, where their access ends at another time.
fn ends(old: &Granted<'_>, new: &Granted<'_>, pair: &Pair, before: &Grant, after: &Grant) -> Vec<EndChange> {
    let change = |services: Affected, from, to| {
        let rules = new.permits(pair, &services);
        EndChange { secret: pair.0.clone(), host: pair.1.clone(), services, from, to, rules }
    };
    if before.not_after.is_none() && after.not_after.is_none() {
        return Vec::new();
    }
    let common: BTreeSet<ServiceName> = match (&before.services, &after.services) {
        (Services::All, Services::All) => {
            let differs = before.not_after != after.not_after;
            let every = differs.then(|| change((&Services::All).into(), before.not_after, after.not_after));
            return every.into_iter().collect();
        }
        (Services::All, Services::Only(services)) | (Services::Only(services), Services::All) => {
            services.clone()
        }
        (Services::Only(had), Services::Only(has)) => had.intersection(has).cloned().collect(),
    };
    let mut moved: BTreeMap<_, BTreeSet<ServiceName>> = BTreeMap::new();
    for service in common {
        let ends = (old.decide(pair, &service), new.decide(pair, &service));
        if let (Decision::Allow { not_after: from, .. }, Decision::Allow { not_after: to, .. }) = ends
            && from != to
        {
            moved.entry((from, to)).or_default().insert(service);
        }
    }
    moved.into_iter().map(|((from, to), services)| change(Affected::Only(services), from, to)).collect()
}
