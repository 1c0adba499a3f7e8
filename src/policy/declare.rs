//! The functions that declare rules: `allow`, `deny` and the methods on what they give back.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::EvalAltResult;
use rhai::FnPtr;
use rhai::ImmutableString;
use rhai::NativeCallContext;

use super::condition::Condition;
use super::error::Code;
use super::error::Fault;
use super::facts::HostObject;
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

/// Most rules that one policy may declare.
pub(super) const RULES_MAX: usize = 20_000;

/// Most patterns that all rules may hold together.
const PATTERNS_MAX: usize = 50_000;

/// Most conditions on one rule.
const CONDITIONS_MAX: usize = 8;

type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// A rule that is still being declared.
struct Draft {
    effect: Effect,
    place: Place,
    patterns: Vec<Pattern>,
    hosts: Option<Selector>,
    except: Option<Selector>,
    services: Option<ServiceSelector>,
    conditions: Vec<Condition>,
    not_after: Option<Timestamp>,
    because: Option<String>,
}

/// Collects the rules that scripts declare.
#[derive(Clone)]
pub(super) struct Recorder {
    roster: Arc<Roster>,
    drafts: Arc<Mutex<Drafts>>,
}

#[derive(Default)]
struct Drafts {
    rules: Vec<Draft>,
    patterns: usize,
}

/// What `allow` and `deny` give back; every copy means the same rule.
#[derive(Clone, Copy)]
struct Handle(usize);

impl Recorder {
    /// A recorder without rules.
    pub(super) fn new(roster: Arc<Roster>) -> Self {
        Self { roster, drafts: Arc::default() }
    }

    /// Teaches `engine` to declare rules into this recorder.
    pub(super) fn register(&self, engine: &mut Engine) {
        engine.register_type_with_name::<Handle>("rule");
        for (name, effect) in [("allow", Effect::Allow), ("deny", Effect::Deny)] {
            let recorder = self.clone();
            engine.register_fn(name, move |context: NativeCallContext<'_>, patterns: Dynamic| {
                recorder.declare(effect, &context, &patterns)
            });
        }
        self.method(engine, "hosts", Self::hosts);
        self.method(engine, "except", Self::except);
        self.method(engine, "services", Self::services);
        self.method(engine, "because", Self::because);
        self.method(engine, "until", Self::until);
        self.method(engine, "when", Self::when);
    }

    /// The rules as declared, in that order.
    pub(super) fn finish(&self) -> Vec<Rule> {
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let all = HostSet::of(&self.roster, |_| true);
        std::mem::take(&mut drafts.rules).into_iter().map(|draft| draft.finish(&all)).collect()
    }

    fn method(
        &self,
        engine: &mut Engine,
        name: &str,
        change: fn(&Self, &mut Draft, &NativeCallContext<'_>, Dynamic) -> Result<(), Fault>,
    ) {
        let recorder = self.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>, rule: &mut Handle, value: Dynamic| -> Outcome<Handle> {
                let mut drafts = recorder.drafts.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(draft) = drafts.rules.get_mut(rule.0) {
                    change(&recorder, draft, &context, value)?;
                }
                Ok(*rule)
            },
        );
    }

    fn declare(&self, effect: Effect, context: &NativeCallContext<'_>, value: &Dynamic) -> Outcome<Handle> {
        let patterns = patterns(value, type_name(context, value))?;
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.patterns += patterns.len();
        if drafts.rules.len() >= RULES_MAX || drafts.patterns > PATTERNS_MAX {
            let message = format!("a policy declares at most {RULES_MAX} rules and {PATTERNS_MAX} patterns");
            return Err(Fault::new(Code::Limit, message)
                .help("use patterns and selectors instead of loops")
                .into());
        }
        drafts.rules.push(Draft::new(effect, place(context), patterns));
        Ok(Handle(drafts.rules.len() - 1))
    }

    fn hosts(&self, draft: &mut Draft, context: &NativeCallContext<'_>, value: Dynamic) -> Result<(), Fault> {
        let selector = Selector::resolve(&value, &self.roster, type_name(context, &value))?;
        draft.hosts = Some(match draft.hosts.take() {
            Some(before) => before.or(&selector),
            None => selector,
        });
        Ok(())
    }

    fn except(
        &self,
        draft: &mut Draft,
        context: &NativeCallContext<'_>,
        value: Dynamic,
    ) -> Result<(), Fault> {
        let selector = Selector::resolve(&value, &self.roster, type_name(context, &value))?;
        draft.except = Some(match draft.except.take() {
            Some(before) => before.or(&selector),
            None => selector,
        });
        Ok(())
    }

    fn services(
        &self,
        draft: &mut Draft,
        context: &NativeCallContext<'_>,
        value: Dynamic,
    ) -> Result<(), Fault> {
        draft.services.get_or_insert_default().add(&value, type_name(context, &value))
    }

    fn because(
        &self,
        draft: &mut Draft,
        context: &NativeCallContext<'_>,
        value: Dynamic,
    ) -> Result<(), Fault> {
        let text = text(&value, type_name(context, &value))?;
        if draft.because.is_some() {
            return Err(
                Fault::new(Code::Argument, "the rule already has a reason").help("write one `.because(..)`")
            );
        }
        draft.because = Some(text);
        Ok(())
    }

    /// Every `.until(..)` is a promise, so the earliest counts.
    fn until(&self, draft: &mut Draft, context: &NativeCallContext<'_>, value: Dynamic) -> Result<(), Fault> {
        let end = last_instant(&text(&value, type_name(context, &value))?)?;
        draft.not_after = Some(draft.not_after.map_or(end, |before| before.min(end)));
        Ok(())
    }

    fn when(&self, draft: &mut Draft, context: &NativeCallContext<'_>, value: Dynamic) -> Result<(), Fault> {
        let wrong = || expected("a function", type_name(context, &value));
        let function = value.read_lock::<FnPtr>().ok_or_else(wrong)?.clone();
        if draft.conditions.len() >= CONDITIONS_MAX {
            let message = format!("a rule has at most {CONDITIONS_MAX} conditions");
            return Err(Fault::new(Code::Limit, message).help("join them with `&&`"));
        }
        draft.conditions.push(Condition::freeze(function, context)?);
        Ok(())
    }
}

impl Draft {
    fn new(effect: Effect, place: Place, patterns: Vec<Pattern>) -> Self {
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
        }
    }

    fn finish(self, all: &HostSet) -> Rule {
        let everywhere = Selector { hosts: all.clone(), text: "any_host()".to_owned() };
        let selected = match (self.hosts, self.except) {
            (None, None) => None,
            (hosts, None) => hosts,
            (hosts, Some(except)) => Some(hosts.unwrap_or(everywhere).except(&except)),
        };
        let text = RuleText {
            place: self.place,
            effect: self.effect,
            patterns: self.patterns.iter().map(|pattern| pattern.text().to_owned()).collect(),
            hosts: selected.as_ref().map(|selector| selector.text.clone()),
            services: self.services.as_ref().map(ServiceSelector::text),
            not_after: self.not_after,
            because: self.because,
        };
        Rule {
            reference: text.into(),
            patterns: self.patterns,
            hosts: selected.map_or_else(|| all.clone(), |selector| selector.hosts),
            services: self.services,
            conditions: self.conditions,
        }
    }
}

/// Teaches `engine` the selectors of hosts.
pub(super) fn register_selectors(engine: &mut Engine, roster: &Arc<Roster>) {
    engine.register_type_with_name::<Selector>("selector");
    let hosts = Arc::clone(roster);
    engine.register_fn("tag", move |tag: ImmutableString| Selector::tag(&hosts, &tag));
    let hosts = Arc::clone(roster);
    engine.register_fn("system", move |system: ImmutableString| Selector::system(&hosts, &system));
    let hosts = Arc::clone(roster);
    engine.register_fn("any_host", move || Selector::any(&hosts));
    register_except::<Selector>(engine, roster);
    register_except::<ImmutableString>(engine, roster);
    register_except::<Array>(engine, roster);
    register_except::<HostObject>(engine, roster);
}

fn register_except<T: Clone + Send + Sync + 'static>(engine: &mut Engine, roster: &Arc<Roster>) {
    let roster = Arc::clone(roster);
    engine.register_fn(
        "except",
        move |context: NativeCallContext<'_>, from: &mut T, value: Dynamic| -> Outcome<Selector> {
            let from = Dynamic::from(from.clone());
            let from = Selector::resolve(&from, &roster, type_name(&context, &from))?;
            let less = Selector::resolve(&value, &roster, type_name(&context, &value))?;
            Ok(from.except(&less))
        },
    );
}

fn place(context: &NativeCallContext<'_>) -> Place {
    let position = context.call_position();
    let file = context.call_source().unwrap_or_default();
    Place { file: file.into(), line: position.line(), column: position.position() }
}

fn type_name<'c>(context: &'c NativeCallContext<'_>, value: &'c Dynamic) -> &'c str {
    context.engine().map_type_name(value.type_name())
}

fn expected(wanted: &str, type_name: &str) -> Fault {
    Fault::new(Code::Argument, format!("expected {wanted}, not {}", type_word(type_name)))
}

fn text(value: &Dynamic, type_name: &str) -> Result<String, Fault> {
    let text = value.read_lock::<ImmutableString>().ok_or_else(|| expected("a text", type_name))?;
    Ok(text.to_string())
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

/// The last instant that a date or timestamp includes: for a date, the last second of that day in UTC.
fn last_instant(text: &str) -> Result<Timestamp, Fault> {
    let wrong = || {
        Fault::new(Code::Date, format!("`{}` is neither a date nor a timestamp", text.escape_debug())).help(
            "write a date such as `2027-01-31`, or a time with its offset such as `2027-01-31T18:00:00Z`",
        )
    };
    if text.len() != "2027-01-31".len() {
        return text.parse().map_err(|_| wrong());
    }
    let date: Date = text.parse().map_err(|_| wrong())?;
    let last = date.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(last.timestamp())
}
