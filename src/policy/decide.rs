//! The decision: all rules that speak about one request, combined.

use std::collections::BTreeSet;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Policy;
use super::companion::Companion;
use super::companion::Role;
use super::engine::Sandbox;
use super::facts::HostFacts;
use super::glob::Binding;
use super::pattern::Head;
use super::pattern::Pattern;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::name::is_for_admins;

/// One request: may `service` on `host` read `secret`?
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The secret.
    pub secret: &'a SecretName,
    /// The host that would read it.
    pub host: &'a HostName,
    /// The service on that host.
    pub service: &'a ServiceName,
}

/// What the policy says to one request, with the rules that said it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
pub enum Decision {
    /// At least one rule permits and none objects.
    Allow {
        /// The rules that permit.
        permits: Vec<RuleRef>,
        /// The last instant at which one of them still holds, unless one has no end.
        #[serde(serialize_with = "super::rule::end")]
        not_after: Option<Timestamp>,
    },
    /// No rule permits, or one objects; without permits and objections, all were silent.
    Deny {
        /// The rules that would have permitted.
        permits: Vec<RuleRef>,
        /// The rules that object.
        objections: Vec<Objection>,
    },
}

impl Decision {
    /// Whether the request may be served.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// Why one rule stands against a request.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "objection", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Objection {
    /// A `deny(..)` speaks about the request.
    Forbidden {
        /// The rule.
        rule: RuleRef,
    },
    /// The condition of a rule, whatever its effect, could not be answered.
    Failed {
        /// The rule.
        rule: RuleRef,
        /// What went wrong, in one line.
        error: String,
    },
}

/// A request with what the rules need to answer it.
pub(super) struct Ask<'a> {
    pub(super) secret: &'a str,
    pub(super) at: usize,
    pub(super) host: &'a HostFacts,
    pub(super) service: &'a ServiceName,
    pub(super) now: Timestamp,
    pub(super) sandbox: &'a Sandbox,
}

impl Ask<'_> {
    fn binding(&self) -> Binding<'_> {
        Binding { host: Some(self.host.name.as_str()), service: Some(self.service.as_str()) }
    }
}

/// What one rule says to a request.
pub(super) enum Answer {
    Silent,
    Speaks,
    Failed(String),
}

/// Combines what `rules` say: silence denies, a forbid denies, a failed rule denies; their order changes nothing.
pub(super) fn combine<'r>(rules: impl Iterator<Item = &'r Rule>, ask: &Ask<'_>) -> Decision {
    let mut permits = Vec::new();
    let mut objections = Vec::new();
    for rule in rules {
        let reference = || rule.reference.clone();
        match (rule.answer(ask), rule.reference.effect) {
            (Answer::Silent, _) | (Answer::Speaks, Effect::Never) => {}
            (Answer::Failed(error), _) => objections.push(Objection::Failed { rule: reference(), error }),
            (Answer::Speaks, Effect::Deny) => objections.push(Objection::Forbidden { rule: reference() }),
            (Answer::Speaks, Effect::Allow) => permits.push(reference()),
        }
    }
    permits.sort();
    objections.sort();
    if permits.is_empty() || !objections.is_empty() {
        return Decision::Deny { permits, objections };
    }
    let not_after = latest(&permits);
    Decision::Allow { permits, not_after }
}

/// The end of the permit that lasts longest; none if one has no end.
pub(super) fn latest(permits: &[RuleRef]) -> Option<Timestamp> {
    let ends: Option<Vec<_>> = permits.iter().map(|rule| rule.not_after).collect();
    ends?.into_iter().max()
}

impl Rule {
    /// What the rule says to a request.
    pub(super) fn answer(&self, ask: &Ask<'_>) -> Answer {
        let about = self.hosts.contains(ask.at)
            && self.serves(ask.service, ask.host)
            && self.covers(ask.secret, ask.binding())
            && !self.has_ended(ask.now);
        if about { self.condition(ask) } else { Answer::Silent }
    }

    /// Every condition is asked even after one said no: whether one fails must not depend on their order.
    fn condition(&self, ask: &Ask<'_>) -> Answer {
        let mut answer = Answer::Speaks;
        for condition in &self.conditions {
            match condition.holds(ask.sandbox, ask.secret, ask.host, ask.service) {
                Ok(true) => {}
                Ok(false) => answer = Answer::Silent,
                Err(error) => return Answer::Failed(error),
            }
        }
        answer
    }

    /// Whether the conditions, whatever else the rule asks, are answered and not all with yes.
    pub(super) fn says_no(&self, ask: &Ask<'_>) -> bool {
        matches!(self.condition(ask), Answer::Silent)
    }
}

impl Policy {
    /// Decides one request at the instant `now`. A host that the fleet does not have is denied.
    pub fn decide(&self, query: &Query<'_>, now: Timestamp) -> Decision {
        let silence = Decision::Deny { permits: Vec::new(), objections: Vec::new() };
        let Some(at) = self.roster.position(query.host.as_str()) else { return silence };
        let Some(host) = self.roster.hosts().get(at) else { return silence };
        let companion = self.companion(query.secret);
        let secret = match &companion {
            Some(Companion { role: Role::Next, .. }) => return silence,
            Some(previous) => previous.of.as_str(),
            None => query.secret.as_str(),
        };
        let ask = Ask { secret, at, host, service: query.service, now, sandbox: &self.sandbox };
        combine(self.candidates(secret, host.name.as_str()), &ask)
    }

    /// The rules that may speak about a secret on a host, each once; none about what is for admins alone.
    ///
    /// Every decision, grant and table starts here, so that no rule can hand out a host's own key.
    pub(super) fn candidates(&self, secret: &str, host: &str) -> impl Iterator<Item = &Rule> {
        let index = (!is_for_admins(secret)).then_some(&self.index);
        let found = index.into_iter().flat_map(|index| index.candidates(secret, host));
        found.filter_map(|at| self.rules.get(at))
    }
}

/// Rules by the literal segments that their patterns start with, so that few are looked at for each request.
#[derive(Debug, Default)]
pub(super) struct Index {
    buckets: HashMap<Box<str>, Bucket>,
    /// Most segments of a key.
    depth: usize,
}

/// The rules that share a start, by their place in the slice.
#[derive(Debug, Default)]
struct Bucket {
    open: Vec<usize>,
    /// Those whose next segment is the name of the host.
    host: Vec<usize>,
    /// Those whose next segment may be anything, by the literal one behind it.
    behind: HashMap<Box<str>, Vec<usize>>,
}

impl Index {
    /// Indexes rules by their place in the slice.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            for head in heads(rule) {
                index.depth = index.depth.max(head.prefix.split('/').filter(|part| !part.is_empty()).count());
                let bucket = index.buckets.entry(head.prefix.as_str().into()).or_default();
                let list = match head.behind {
                    _ if head.host_follows => &mut bucket.host,
                    Some(literal) => bucket.behind.entry(literal.into()).or_default(),
                    None => &mut bucket.open,
                };
                list.push(at);
            }
        }
        index
    }

    fn candidates<'i>(&'i self, secret: &str, host: &str) -> impl Iterator<Item = usize> + use<'i> {
        let ends = secret.match_indices('/').map(|(at, _)| at).chain([secret.len()]);
        let prefixes = [0].into_iter().chain(ends).take(self.depth + 1);
        let mut found: Vec<&'i [usize]> = Vec::new();
        for end in prefixes {
            let (prefix, rest) = secret.split_at(end);
            let Some(bucket) = self.buckets.get(prefix) else { continue };
            found.push(&bucket.open);
            let mut segments = rest.trim_start_matches('/').split('/');
            if segments.next() == Some(host) {
                found.push(&bucket.host);
            }
            if let Some(list) = segments.next().and_then(|literal| bucket.behind.get(literal)) {
                found.push(list);
            }
        }
        found.into_iter().flatten().copied()
    }
}

/// The starts of a rule's patterns. Where one covers another, the wider stays, so that no request finds a
/// rule twice; what comes behind is told apart only if there is no other start.
fn heads(rule: &Rule) -> BTreeSet<Head> {
    let all: BTreeSet<Head> = rule.patterns.iter().map(Pattern::head).collect();
    if all.len() == 1 {
        return all;
    }
    let all: BTreeSet<Head> = all.into_iter().map(Head::shortened).collect();
    // A host may have the name that another start goes on with; then both would find the rule.
    let meets = |head: &Head| head.host_follows && all.iter().any(|other| other.goes_on_from(head));
    let opened = |head: &Head| Head { host_follows: head.host_follows && !meets(head), ..head.clone() };
    let all: BTreeSet<Head> = all.iter().map(opened).collect();
    let covered = |head: &Head| all.iter().any(|other| other != head && other.covers(head));
    all.iter().filter(|head| !covered(head)).cloned().collect()
}
