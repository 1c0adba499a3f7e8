//! Attributes: what a policy declares about values instead of readers.
//!
//! Every declaration is a promise, and all that cover a secret hold at once: the shortest period, the earliest
//! warning, the editors that every list names, each check. So their order changes nothing here either.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::Span;
use jiff::SpanRelativeTo;
use serde::Serialize;

use super::Policy;
use super::error::Code;
use super::error::Fault;
use super::glob::Binding;
use super::pattern::Pattern;
use super::requirement::Requirement;
use crate::diag::Place;
use crate::fleet::HostState;
use crate::name::AdminName;
use crate::name::SecretName;
use crate::value::Generator;

/// What a policy declares about one secret.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Attributes {
    /// How often it must get a new value, and who sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// What its values must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Required>,
    /// How a value is made, with the places that say so; more than one kind is a mistake.
    #[serde(skip)]
    pub generators: Vec<(Generator, Place)>,
    /// The admins that its source is encrypted to; all active ones if no rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editors: Option<Editors>,
}

/// All that `rotate(..)` says about one secret.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rotation {
    /// The longest time that one value may be used, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub every: Option<SignedDuration>,
    /// How long before that somebody is told, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub warn: Option<SignedDuration>,
    /// How long the value before is delivered beside a new one, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub keep_previous: Option<SignedDuration>,
    /// How long the public half of a new value is known before the value is used, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub announce: Option<SignedDuration>,
    /// Who sees to it, in the words of the policy.
    pub owners: BTreeSet<String>,
    /// Where it is written how.
    pub runbooks: BTreeSet<String>,
    /// Where it was declared.
    pub places: Vec<Place>,
}

/// One requirement with the place that asks for it.
#[derive(Clone, Debug, Serialize)]
pub struct Required {
    /// What is asked.
    pub requirement: Requirement,
    /// Where.
    pub place: Place,
}

/// The admins that may decrypt a source.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Editors {
    /// Those that every covering declaration names.
    pub names: BTreeSet<AdminName>,
    /// Where they were declared.
    pub places: Vec<Place>,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn seconds<S: serde::Serializer>(period: &Option<SignedDuration>, serializer: S) -> Result<S::Ok, S::Error> {
    period.map(|period| period.as_secs()).serialize(serializer)
}

/// One declaration.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) place: Place,
    pub(super) patterns: Vec<Pattern>,
    pub(super) except: Vec<Pattern>,
    pub(super) says: Says,
}

/// What a declaration says.
#[derive(Debug)]
pub(super) enum Says {
    Rotate(Terms),
    Validate(Vec<Requirement>),
    Generate(Generator),
    Editors(BTreeSet<AdminName>),
}

/// What one `rotate(..)` says.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) every: Option<SignedDuration>,
    pub(super) warn: Option<SignedDuration>,
    pub(super) keep_previous: Option<SignedDuration>,
    pub(super) announce: Option<SignedDuration>,
    pub(super) owner: Option<String>,
    pub(super) runbook: Option<String>,
}

impl Attribute {
    /// Whether the declaration covers a secret. Placeholders stand for any text, since nobody asks.
    fn covers(&self, secret: &str) -> bool {
        let any =
            |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(secret, Binding::NONE));
        any(&self.patterns) && !any(&self.except)
    }
}

impl Policy {
    /// What the declarations say that cover a name.
    pub(super) fn own_attributes(&self, secret: &SecretName) -> Attributes {
        let mut all = Attributes::default();
        for attribute in self.attributes.iter().filter(|attribute| attribute.covers(secret.as_str())) {
            let place = &attribute.place;
            match &attribute.says {
                Says::Rotate(terms) => all.rotation.get_or_insert_default().join(terms, place),
                Says::Validate(requirements) => {
                    let required = |requirement: &Requirement| Required {
                        requirement: requirement.clone(),
                        place: place.clone(),
                    };
                    all.requirements.extend(requirements.iter().map(required));
                }
                Says::Generate(generator) => {
                    let host = self.host_in(attribute, secret.as_str());
                    let generator = match host {
                        Some(host) => generator.clone().for_host(host),
                        None => generator.clone(),
                    };
                    all.generators.push((generator, place.clone()));
                }
                Says::Editors(names) => Editors::join(&mut all.editors, names, place),
            }
        }
        all
    }
}

impl Policy {
    /// The host that a secret is named after, where the declaration says `{host}`; of several the longest name.
    fn host_in(&self, attribute: &Attribute, secret: &str) -> Option<&str> {
        let patterns = attribute.patterns.iter().filter(|pattern| pattern.text().contains("{host"));
        let hosts = patterns.flat_map(|pattern| {
            let named = |host: &&str| pattern.matches(secret, Binding { host: Some(host), service: None });
            self.roster.hosts().iter().map(|host| host.name.as_str()).filter(named)
        });
        hosts.max_by_key(|host| host.len())
    }

    /// The secrets that must exist because hosts in use need them to come up, with the places that say so.
    pub fn needed_to_boot(&self) -> Vec<(SecretName, Place)> {
        let mut needed = Vec::new();
        for attribute in self.attributes.iter().filter(|attribute| attribute.says.asks_first_boot()) {
            needed.extend(self.named(attribute).into_iter().map(|name| (name, attribute.place.clone())));
        }
        needed
    }

    /// The secrets that `generate(..)` names in full, for every host in use where it says `{host}`.
    pub fn generated(&self) -> BTreeSet<SecretName> {
        let generating = |attribute: &&Attribute| matches!(attribute.says, Says::Generate(_));
        self.attributes.iter().filter(generating).flat_map(|attribute| self.named(attribute)).collect()
    }

    /// The secrets that a declaration names without a star, for every host in use.
    fn named(&self, attribute: &Attribute) -> BTreeSet<SecretName> {
        let states = [HostState::Active, HostState::Pending];
        let in_use = self.roster.hosts().iter().filter(|host| states.contains(&host.state));
        // A name without `{host}` is the same for every host, and there need not be one.
        let hosts: Vec<&str> = in_use.map(|host| host.name.as_str()).chain([""]).collect();
        let exact = attribute.patterns.iter().filter(|pattern| pattern.is_exact());
        let names = exact.flat_map(|pattern| {
            let fits = |host: &&&str| !host.is_empty() || !pattern.text().contains("{host");
            hosts.iter().filter(fits).filter_map(|host| pattern.name_for(host))
        });
        names.filter(|name| attribute.covers(name.as_str())).collect()
    }
}

impl Says {
    fn asks_first_boot(&self) -> bool {
        match self {
            Self::Validate(requirements) => requirements.iter().any(|r| matches!(r, Requirement::FirstBoot)),
            Self::Rotate(_) | Self::Generate(_) | Self::Editors(_) => false,
        }
    }
}

impl Attribute {
    /// Refuses what could not be checked: a secret that does not exist is found by its whole name only.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if !self.says.asks_first_boot() || self.patterns.iter().all(Pattern::is_exact) {
            return Ok(());
        }
        let fault =
            Fault::new(Code::Pattern, "`first_boot()` needs whole names, so that a missing one is noticed");
        Err(fault.help("write the names out; `{host}` stands for every host in use"))
    }
}

impl Rotation {
    fn join(&mut self, terms: &Terms, place: &Place) {
        self.every = [self.every, terms.every].into_iter().flatten().min();
        self.warn = [self.warn, terms.warn].into_iter().flatten().max();
        self.keep_previous = [self.keep_previous, terms.keep_previous].into_iter().flatten().max();
        self.announce = [self.announce, terms.announce].into_iter().flatten().max();
        self.owners.extend(terms.owner.clone());
        self.runbooks.extend(terms.runbook.clone());
        self.places.push(place.clone());
    }
}

impl Editors {
    fn join(all: &mut Option<Self>, names: &BTreeSet<AdminName>, place: &Place) {
        match all {
            Some(editors) => {
                editors.names.retain(|name| names.contains(name));
                editors.places.push(place.clone());
            }
            None => *all = Some(Self { names: names.clone(), places: vec![place.clone()] }),
        }
    }
}

/// A period such as `90d`, `2w`, `6mo` or `1y 6mo`, where a day has 24 hours, a month 30 days and a year 365.
pub(super) fn period(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let days = 365 * i64::from(span.get_years()) + 30 * i64::from(span.get_months());
    let exact = span.years(0).months(0).to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let period = exact.checked_add(SignedDuration::from_hours(24).checked_mul(i32::try_from(days).ok()?)?)?;
    let longest = SignedDuration::from_hours(24 * 365 * 100);
    (period.is_positive() && period <= longest).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_written_as_people_write_it() {
        let days = |text: &str| period(text).map(|period| period.as_hours() / 24);
        for (text, wanted) in
            [("90d", 90), ("2w", 14), ("6mo", 180), ("1y", 365), ("1y 6mo 1d", 546), ("48h", 2)]
        {
            assert_eq!(days(text), Some(wanted), "{text}");
        }
        for text in ["", "90", "-1d", "0d", "d", "1 fortnight", "200y", "99999999999y", "1d ago"] {
            assert_eq!(period(text), None, "{text}");
        }
    }
}
