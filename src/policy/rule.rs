//! One rule, compiled: what it says, about which secrets, hosts and services, and where it was declared.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::Serializer;

use super::condition::Condition;
use super::facts::HostFacts;
use super::glob::Binding;
use super::pattern::Pattern;
use super::select::HostSet;
use super::select::ServiceSelector;
use crate::diag::Place;
use crate::fleet::HostState;
use crate::fleet::ServiceReach;
use crate::name::ServiceName;

/// What a rule does to the requests it speaks about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// `allow(..)`.
    Allow,
    /// `deny(..)`.
    Deny,
    /// `never(..)`: decides nothing, but must not be about anything that is allowed.
    Never,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Never => "never",
        })
    }
}

/// How reports and explanations speak of a rule; cheap to clone.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RuleRef(Arc<RuleText>);

/// The text of a rule.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub struct RuleText {
    /// Where it was declared.
    pub place: Place,
    /// What it does.
    pub effect: Effect,
    /// Its patterns as written.
    pub patterns: Vec<String>,
    /// The selector of hosts in words; without one it is about every host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
    /// The selector of services in words; without one it is about every service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    /// The last instant at which it speaks, if it ends.
    #[serde(serialize_with = "end", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Whether an `allow` is about dormant hosts too.
    #[serde(skip_serializing_if = "is_false")]
    pub including_dormant: bool,
    /// Whether it allows services on every host, whatever a host lists, because it names no hosts.
    #[serde(skip_serializing_if = "is_false")]
    pub every_host: bool,
    /// Why it exists, in the words of its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

impl Deref for RuleRef {
    type Target = RuleText;

    fn deref(&self) -> &RuleText {
        &self.0
    }
}

impl Serialize for RuleRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl From<RuleText> for RuleRef {
    fn from(text: RuleText) -> Self {
        Self(Arc::new(text))
    }
}

/// Writes the end of a rule or grant as a timestamp or null.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn end<S: Serializer>(end: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    end.map(|end| end.to_string()).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference to the field")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One rule, ready to be asked.
#[derive(Debug)]
pub struct Rule {
    pub(super) reference: RuleRef,
    pub(super) patterns: Vec<Pattern>,
    /// The hosts that it is about.
    pub(super) hosts: HostSet,
    /// The hosts that it selects, with those whose state keeps it from being about them.
    pub(super) selected: HostSet,
    pub(super) services: Option<ServiceSelector>,
    /// Of an `allow` for services that names no hosts: which hosts it is about.
    pub(super) reach: Option<ServiceReach>,
    pub(super) conditions: Vec<Condition>,
}

impl RuleText {
    /// Whether the rule can be about a host in this state. One that is out for good is never allowed anything.
    pub(super) fn reaches(&self, state: HostState) -> bool {
        match state {
            HostState::Active | HostState::Pending => true,
            HostState::Dormant => self.effect != Effect::Allow || self.including_dormant,
            HostState::Revoked => self.effect != Effect::Allow,
        }
    }
}

impl Rule {
    /// The rule's text and place.
    pub fn reference(&self) -> &RuleRef {
        &self.reference
    }

    /// Whether the rule holds a closure, so that only a full request tells whether it speaks.
    pub fn is_conditional(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Whether the rule is about hosts that list a service of it, and no others.
    pub(super) fn is_where_listed(&self) -> bool {
        self.reach == Some(ServiceReach::Listed)
    }

    /// Whether the rule is about this service of a host that it is about.
    pub(super) fn serves(&self, service: &ServiceName, host: &HostFacts) -> bool {
        let listed = !self.is_where_listed() || host.lists(service);
        listed && self.services.as_ref().is_none_or(|services| services.matches(service))
    }

    /// The services that the rule names without a glob and is about on this host.
    pub(super) fn literals<'r>(&'r self, host: &HostFacts) -> impl Iterator<Item = &'r ServiceName> {
        let named = self.services.iter().flat_map(ServiceSelector::literals);
        named.filter(move |service| self.serves(service, host))
    }

    /// Whether the rule allows something to a host because it says that dormant ones are included.
    pub(super) fn includes_dormant(&self, at: usize) -> bool {
        self.reference.including_dormant && self.hosts.contains(at)
    }

    /// Whether one of the patterns covers `secret`.
    pub(super) fn covers(&self, secret: &str, binding: Binding<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(secret, binding))
    }

    /// Whether the rule has ended. A whole last second belongs to it.
    pub(super) fn has_ended(&self, now: Timestamp) -> bool {
        self.reference.not_after.is_some_and(|end| now.as_second() > end.as_second())
    }
}
