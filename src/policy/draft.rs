//! A rule while its methods are called, and what these methods take.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rhai::Array;
use rhai::Dynamic;
use rhai::FnPtr;
use rhai::ImmutableString;
use rhai::NativeCallContext;

use super::condition::Condition;
use super::error::Code;
use super::error::Fault;
use super::facts::Roster;
use super::pattern::Pattern;
use super::reword::type_word;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleText;
use super::select::HostSet;
use super::select::Selector;
use super::select::ServiceSelector;
use crate::diag::Place;
use crate::fleet::ServiceReach;

/// Most conditions on one rule.
const CONDITIONS_MAX: usize = 8;

/// A rule that is still being declared.
pub(super) struct Draft {
    effect: Effect,
    place: Place,
    patterns: Vec<Pattern>,
    hosts: Option<Selector>,
    except: Option<Selector>,
    services: Option<ServiceSelector>,
    conditions: Vec<Condition>,
    not_after: Option<Timestamp>,
    because: Option<String>,
    dormant: Dormant,
}

/// Whether an `allow` is about hosts that are switched off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dormant {
    Excluded,
    Included,
}

impl Draft {
    /// A rule about every host and service, without end.
    pub(super) fn new(effect: Effect, place: Place, patterns: Vec<Pattern>) -> Self {
        Self {
            effect,
            place,
            patterns,
            hosts: None,
            except: None,
            services: None,
            conditions: Vec::new(),
            not_after: None,
            because: None,
            dormant: Dormant::Excluded,
        }
    }

    /// `.hosts(..)`; a second one adds hosts.
    pub(super) fn hosts(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.hosts = Some(given.selector_added_to(self.hosts.take())?);
        Ok(())
    }

    /// `.except(..)`; a second one takes more hosts away.
    pub(super) fn except(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.except = Some(given.selector_added_to(self.except.take())?);
        Ok(())
    }

    /// `.services(..)`; a second one adds services.
    pub(super) fn services(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.services.get_or_insert_default().add(given.value, given.type_name())
    }

    /// `.because(..)`.
    pub(super) fn because(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.text()?;
        if self.because.is_some() {
            let fault = Fault::new(Code::Argument, "the rule already has a reason");
            return Err(fault.help("write one `.because(..)`"));
        }
        self.because = Some(text);
        Ok(())
    }

    /// `.until(..)`; each is a promise, so the earliest counts.
    pub(super) fn until(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        if self.effect == Effect::Never {
            let fault = Fault::new(Code::Argument, "what `never(..)` says has no end");
            return Err(fault.help("write `deny(..).until(..)` for a denial that ends"));
        }
        let end = last_instant(&given.text()?)?;
        self.not_after = Some(self.not_after.map_or(end, |before| before.min(end)));
        Ok(())
    }

    /// `.including_dormant()`; only what allows leaves hosts out because of their state.
    pub(super) fn including_dormant(&mut self) -> Result<(), Fault> {
        if self.effect != Effect::Allow {
            let message = format!("`{}` is about every host, whatever its state", self.effect);
            return Err(Fault::new(Code::Argument, message).help("leave `.including_dormant()` out"));
        }
        self.dormant = Dormant::Included;
        Ok(())
    }

    /// `.when(..)`; all must hold.
    pub(super) fn when(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let wrong = || expected("a function", given.type_name());
        let function = given.value.read_lock::<FnPtr>().ok_or_else(wrong)?.clone();
        if self.conditions.len() >= CONDITIONS_MAX {
            let message = format!("a rule has at most {CONDITIONS_MAX} conditions");
            return Err(Fault::new(Code::Limit, message).help("join them with `&&`"));
        }
        self.conditions.push(Condition::freeze(function, given.context)?);
        Ok(())
    }

    /// The rule as it is now, in this fleet.
    pub(super) fn finish(self, roster: &Roster) -> Rule {
        let everywhere = Selector::any(roster);
        let narrows = self.effect == Effect::Allow && self.services.is_some() && self.hosts.is_none();
        let reach = narrows.then(|| roster.reach());
        let selected = match (self.hosts, self.except) {
            (None, None) => None,
            (hosts, None) => hosts,
            (hosts, Some(except)) => Some(hosts.unwrap_or_else(|| everywhere.clone()).except(&except)),
        };
        let text = RuleText {
            place: self.place,
            effect: self.effect,
            patterns: self.patterns.iter().map(|pattern| pattern.text().to_owned()).collect(),
            hosts: selected.as_ref().map(|selector| selector.text.clone()),
            services: self.services.as_ref().map(ServiceSelector::text),
            not_after: self.not_after,
            because: self.because,
            including_dormant: self.dormant == Dormant::Included,
            every_host: reach == Some(ServiceReach::EveryHost),
        };
        let selected = selected.map_or(everywhere.hosts, |selector| selector.hosts);
        let mut hosts = selected.clone();
        hosts.remove(&HostSet::of(roster, |host| !text.reaches(host.state)));
        if let (Some(ServiceReach::Listed), Some(services)) = (reach, &self.services) {
            hosts.remove(&HostSet::of(roster, |host| !services.match_one_of(host)));
        }
        Rule {
            reference: text.into(),
            patterns: self.patterns,
            hosts,
            selected,
            services: self.services,
            reach,
            conditions: self.conditions,
        }
    }
}

/// What a script gave to a method of a rule.
pub(super) struct Given<'a> {
    pub(super) value: &'a Dynamic,
    pub(super) context: &'a NativeCallContext<'a>,
    pub(super) roster: &'a Roster,
}

impl Given<'_> {
    /// The engine's word for the type of the value.
    pub(super) fn type_name(&self) -> &str {
        self.context.engine().map_type_name(self.value.type_name())
    }

    /// The value as a selector of hosts.
    pub(super) fn selector(&self) -> Result<Selector, Fault> {
        Selector::resolve(self.value, self.roster, self.type_name())
    }

    /// The value as patterns of secrets.
    pub(super) fn patterns(&self) -> Result<Vec<Pattern>, Fault> {
        patterns(self.value, self.type_name())
    }

    fn selector_added_to(&self, before: Option<Selector>) -> Result<Selector, Fault> {
        let selector = self.selector()?;
        Ok(before.map_or_else(|| selector.clone(), |before| before.or(&selector)))
    }

    fn text(&self) -> Result<String, Fault> {
        let wrong = || expected("a text", self.type_name());
        Ok(self.value.read_lock::<ImmutableString>().ok_or_else(wrong)?.to_string())
    }
}

/// The mistake of giving something of another type.
pub(super) fn expected(wanted: &str, type_name: &str) -> Fault {
    Fault::new(Code::Argument, format!("expected {wanted}, not {}", type_word(type_name)))
}

fn patterns(value: &Dynamic, type_name: &str) -> Result<Vec<Pattern>, Fault> {
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(vec![pattern(&text)?]);
    }
    let wrong = |type_name| {
        expected("a pattern or an array of patterns", type_name).help("write `allow(\"folder/*\")`")
    };
    let array = value.read_lock::<Array>().ok_or_else(|| wrong(type_name))?;
    let texts = array.iter().map(|item| {
        let text = item.read_lock::<ImmutableString>().ok_or_else(|| wrong(item.type_name()))?;
        pattern(&text)
    });
    texts.collect()
}

fn pattern(text: &str) -> Result<Pattern, Fault> {
    Pattern::parse(text).map_err(|error| Fault::new(Code::Pattern, error.message).help(error.help))
}

/// The first instant that a date or timestamp includes: for a date, the start of that day in UTC.
pub(super) fn first_instant(text: &str) -> Result<Timestamp, Fault> {
    instant(text, (0, 0, 0))
}

/// The last instant that a date or timestamp includes: for a date, the last second of that day in UTC.
fn last_instant(text: &str) -> Result<Timestamp, Fault> {
    instant(text, (23, 59, 59))
}

fn instant(text: &str, (hour, minute, second): (i8, i8, i8)) -> Result<Timestamp, Fault> {
    let wrong = || {
        Fault::new(Code::Date, format!("`{}` is neither a date nor a timestamp", text.escape_debug())).help(
            "write a date such as `2027-01-31`, or a time with its offset such as `2027-01-31T18:00:00Z`",
        )
    };
    if text.len() != "2027-01-31".len() {
        return text.parse().map_err(|_| wrong());
    }
    let date: Date = text.parse().map_err(|_| wrong())?;
    let time = date.at(hour, minute, second, 0).to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(time.timestamp())
}
