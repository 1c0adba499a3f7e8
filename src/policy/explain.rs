//! Explanations: the rules that spoke and, on a denial, the nearest that did not and why.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde::Serializer;

use super::Policy;
use super::decide::Ask;
use super::decide::Decision;
use super::decide::Query;
use super::glob::Binding;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::fleet::HostState;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// How many rules that almost spoke are told.
const NEAR_MAX: usize = 3;

/// A decision with what one needs to change it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The secret asked for.
    pub secret: SecretName,
    /// The host that asked.
    pub host: HostName,
    /// The service that asked.
    pub service: ServiceName,
    /// The host's state; only active hosts get sealed copies, whatever the decision. `None`: not in the fleet.
    pub host_state: Option<HostState>,
    /// The decision, with every rule that spoke.
    #[serde(flatten)]
    pub decision: Decision,
    /// Whether the secret is for admins alone, so that no rule can allow it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub for_admins: bool,
    /// On a denial, the rules that came nearest to permitting, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<NearMiss>,
}

/// A rule that would have permitted if not for what it missed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NearMiss {
    /// The rule.
    pub rule: RuleRef,
    /// What kept it silent.
    pub missed: Vec<Missed>,
}

/// One condition of a rule that a request does not meet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "missed", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Missed {
    /// No pattern of the rule covers the secret.
    Pattern,
    /// The rule is about other hosts.
    Host {
        /// Which, in the words of the policy; none where `{host}` in its pattern is another one.
        selector: Option<String>,
    },
    /// The rule is about other services.
    Service {
        /// Which, in the words of the policy; none where `{service}` in its pattern is another one.
        selector: Option<String>,
    },
    /// The rule names no hosts, and the host does not list the service.
    Unlisted,
    /// The rule selects the host, which is switched off or out for good.
    State {
        /// The state.
        state: HostState,
    },
    /// The rule has ended.
    Ended {
        /// Its last instant.
        #[serde(serialize_with = "instant")]
        at: Timestamp,
    },
    /// A condition of the rule said no.
    Condition,
}

pub(super) fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern => f.write_str("its pattern does not cover the secret"),
            Self::Host { selector: Some(selector) } => write!(f, "it is about other hosts: `{selector}`"),
            Self::Host { selector: None } => f.write_str("`{host}` in its pattern stands for another host"),
            Self::Service { selector: Some(selector) } => {
                write!(f, "it is about other services: `{selector}`")
            }
            Self::Service { selector: None } => {
                f.write_str("`{service}` in its pattern stands for another service")
            }
            Self::Unlisted => {
                f.write_str("it names no hosts, and this one does not list the service in `secretctl.toml`")
            }
            Self::State { state: HostState::Dormant } => {
                f.write_str("the host is dormant, and the rule does not say `.including_dormant()`")
            }
            Self::State { state } => write!(f, "the host is {state}"),
            Self::Ended { at } => write!(f, "it ended at {at}"),
            Self::Condition => f.write_str("its condition said no"),
        }
    }
}

impl Policy {
    /// Decides one request and tells what the decision rests on.
    pub fn explain(&self, query: &Query<'_>, now: Timestamp) -> Explanation {
        let decision = self.decide(query, now);
        let for_admins = query.secret.is_for_admins();
        let near =
            if decision.is_allowed() || for_admins { Vec::new() } else { self.near(query, now, &decision) };
        Explanation {
            secret: query.secret.clone(),
            host: query.host.clone(),
            service: query.service.clone(),
            host_state: self.roster.host(query.host.as_str()).map(|host| host.state),
            decision,
            for_admins,
            near,
        }
    }

    fn near(&self, query: &Query<'_>, now: Timestamp, decision: &Decision) -> Vec<NearMiss> {
        let secret = query.secret.as_str();
        let covering = self
            .rules
            .iter()
            .filter(|rule| rule.reference.effect == Effect::Allow && rule.covers(secret, Binding::NONE));
        let mut near: Vec<_> = covering
            .map(|rule| NearMiss { rule: rule.reference.clone(), missed: self.missed(rule, query, now) })
            .filter(|miss| !miss.missed.is_empty())
            .collect();
        near.sort_by(|a, b| (a.missed.len(), &a.rule).cmp(&(b.missed.len(), &b.rule)));
        near.truncate(NEAR_MAX);
        let silent = matches!(decision, Decision::Deny { permits, objections } if permits.is_empty() && objections.is_empty());
        if near.is_empty() && silent {
            near.extend(self.closest_pattern(query));
        }
        near
    }

    fn missed(&self, rule: &Rule, query: &Query<'_>, now: Timestamp) -> Vec<Missed> {
        let secret = query.secret.as_str();
        let host = Binding { host: Some(query.host.as_str()), service: None };
        let service = Binding { host: None, service: Some(query.service.as_str()) };
        let at = self.roster.position(query.host.as_str());
        let mut missed = Vec::new();
        if !at.is_some_and(|at| rule.selected.contains(at)) {
            missed.push(Missed::Host { selector: rule.reference.hosts.clone() });
        } else if !rule.covers(secret, host) {
            missed.push(Missed::Host { selector: None });
        }
        let selected = at.filter(|at| rule.selected.contains(*at));
        let facts = selected.and_then(|at| self.roster.hosts().get(at));
        if let Some(facts) = facts.filter(|facts| !rule.reference.reaches(facts.state)) {
            missed.push(Missed::State { state: facts.state });
        }
        if rule.services.as_ref().is_some_and(|services| !services.matches(query.service)) {
            missed.push(Missed::Service { selector: rule.reference.services.clone() });
        } else if !rule.covers(secret, service) {
            missed.push(Missed::Service { selector: None });
        } else if facts.is_some_and(|facts| !rule.serves(query.service, facts)) {
            missed.push(Missed::Unlisted);
        }
        if let Some(end) = rule.reference.not_after.filter(|_| rule.has_ended(now)) {
            missed.push(Missed::Ended { at: end });
        }
        if self.said_no(rule, query, now) {
            missed.push(Missed::Condition);
        }
        missed
    }

    /// Whether a condition of the rule says no; one that fails is an objection already.
    fn said_no(&self, rule: &Rule, query: &Query<'_>, now: Timestamp) -> bool {
        let Some(at) = self.roster.position(query.host.as_str()) else { return false };
        let Some(host) = self.roster.hosts().get(at) else { return false };
        let ask = Ask {
            secret: query.secret.as_str(),
            at,
            host,
            service: query.service,
            now,
            sandbox: &self.sandbox,
        };
        rule.says_no(&ask)
    }

    fn closest_pattern(&self, query: &Query<'_>) -> Option<NearMiss> {
        let spelled = |pattern: &str| {
            let host = query.host.as_str();
            let pattern = pattern.replace("{host}", host).replace("{host:_}", &host.replace('-', "_"));
            pattern.replace("{service}", query.service.as_str())
        };
        let score = |rule: &Rule| {
            let scores = rule
                .reference
                .patterns
                .iter()
                .map(|pattern| strsim::normalized_levenshtein(query.secret.as_str(), &spelled(pattern)));
            scores.fold(0.0, f64::max)
        };
        let allows = self.rules.iter().filter(|rule| rule.reference.effect == Effect::Allow);
        let (_, rule) = allows.map(|rule| (score(rule), rule)).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(NearMiss { rule: rule.reference.clone(), missed: vec![Missed::Pattern] })
    }
}
