//! Denials: why a host gets nothing of a secret that some allow is about.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::decide::Answer;
use super::decide::Ask;
use super::decide::Decision;
use super::decide::Objection;
use super::decide::combine;
use super::grant::Services;
use super::grant::known_services;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::name::ServiceName;

/// One rule that keeps services of a host from a secret which an allow would give them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The rule.
    pub rule: RuleRef,
    /// What it does.
    pub reason: DenialReason,
    /// Whom it keeps from it: known services, or all if the rule asks for no service.
    pub services: Services,
}

/// What a rule does against a request.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum DenialReason {
    /// It denies.
    Forbidden,
    /// Its condition could not be answered, for the reason given.
    Failed(String),
    /// It allowed until this instant, and nothing else allows.
    Ended(Timestamp),
}

impl fmt::Display for DenialReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "denied",
            Self::Failed(_) => "failed",
            Self::Ended(_) => "ended",
        })
    }
}

/// What stands against each known service; nothing where all rules were silent about allowing it.
///
/// `touching` are rules about one secret on one host, those included that have ended.
pub(super) fn denials_by(touching: &[&Rule], ask: &Ask<'_>) -> Vec<Denial> {
    let allows = |rule: &&Rule| rule.reference.effect == Effect::Allow;
    let objects = |rule: &&Rule| !allows(rule) || rule.is_conditional() || rule.has_ended(ask.now);
    // Most secrets meet plain allows only, and there nothing is ever in the way.
    if !touching.iter().any(objects) || !touching.iter().any(allows) {
        return Vec::new();
    }
    let known = known_services(touching.iter().copied(), ask.host);
    let mut kept: BTreeMap<(RuleRef, DenialReason), BTreeSet<ServiceName>> = BTreeMap::new();
    for service in &known {
        for reason in reasons(touching, &Ask { service, ..*ask }) {
            kept.entry(reason).or_default().insert(service.clone());
        }
    }
    let whatever = |reference: &RuleRef| {
        let rule = touching.iter().find(|rule| rule.reference == *reference);
        rule.is_some_and(|rule| !rule.is_conditional() && rule.covers_for_any_service(ask))
    };
    let denial = |((rule, reason), services): ((RuleRef, DenialReason), BTreeSet<ServiceName>)| {
        let all = services == known && whatever(&rule);
        Denial { rule, reason, services: if all { Services::All } else { Services::Only(services) } }
    };
    kept.into_iter().map(denial).collect()
}

/// What stands against one service: objections, or, if nothing else would allow, allows that have ended.
fn reasons(touching: &[&Rule], ask: &Ask<'_>) -> Vec<(RuleRef, DenialReason)> {
    let Decision::Deny { permits, objections } = combine(touching.iter().copied(), ask) else {
        return Vec::new();
    };
    let ended = if permits.is_empty() { ended(touching, ask) } else { Vec::new() };
    let failed_allow = |objection: &Objection| matches!(objection, Objection::Failed { rule, .. } if rule.effect == Effect::Allow);
    if permits.is_empty() && ended.is_empty() && !objections.iter().any(failed_allow) {
        return Vec::new();
    }
    let objections = objections.into_iter().map(|objection| match objection {
        Objection::Forbidden { rule } => (rule, DenialReason::Forbidden),
        Objection::Failed { rule, error } => (rule, DenialReason::Failed(error)),
    });
    objections.chain(ended).collect()
}

/// Allows that spoke about the request until their time was over.
fn ended(touching: &[&Rule], ask: &Ask<'_>) -> Vec<(RuleRef, DenialReason)> {
    let over =
        touching.iter().filter(|rule| rule.reference.effect == Effect::Allow && rule.has_ended(ask.now));
    let spoke = over.filter_map(|rule| {
        let end = rule.reference.not_after?;
        let spoke = matches!(rule.answer(&Ask { now: end, ..*ask }), Answer::Speaks);
        spoke.then(|| (rule.reference.clone(), DenialReason::Ended(end)))
    });
    spoke.collect()
}
