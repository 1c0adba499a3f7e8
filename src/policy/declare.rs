//! The functions that declare rules: `allow`, `deny`, their methods, and the selectors of hosts.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::EvalAltResult;
use rhai::ImmutableString;
use rhai::NativeCallContext;

use super::attribute::Attribute;
use super::attribute::Says;
use super::budget;
use super::draft::Draft;
use super::draft::Given;
use super::error::Code;
use super::error::Fault;
use super::facts::HostObject;
use super::facts::Roster;
use super::language;
use super::rule::Effect;
use super::rule::Rule;
use super::select::Selector;
use super::values;
use crate::diag::Place;

/// Most rules that one policy may declare.
const RULES_MAX: usize = 20_000;

/// Most patterns that all rules may hold together.
const PATTERNS_MAX: usize = 50_000;

/// Units that a declaring function costs besides those of the script.
const DECLARATION_UNITS: u64 = 10;

/// What a native function gives to a script.
pub(super) type Outcome<T> = Result<T, Box<EvalAltResult>>;

/// Collects the rules that scripts declare.
#[derive(Clone)]
pub(super) struct Recorder {
    roster: Arc<Roster>,
    drafts: Arc<Mutex<Drafts>>,
}

#[derive(Default)]
struct Drafts {
    rules: Vec<Draft>,
    attributes: Vec<Attribute>,
    patterns: usize,
}

impl Drafts {
    /// Makes room for one more declaration.
    fn count(&mut self, patterns: usize) -> Result<(), Fault> {
        self.patterns += patterns;
        if self.rules.len() + self.attributes.len() < RULES_MAX && self.patterns <= PATTERNS_MAX {
            return Ok(());
        }
        let message = format!("a policy declares at most {RULES_MAX} rules and {PATTERNS_MAX} patterns");
        Err(Fault::new(Code::Limit, message).help("use patterns and selectors instead of loops"))
    }
}

/// Everything that the files of a policy declared.
pub(super) struct Declared {
    /// What allows and denies.
    pub(super) rules: Vec<Rule>,
    /// What must never be allowed.
    pub(super) invariants: Vec<Rule>,
    /// What is said about values.
    pub(super) attributes: Vec<Attribute>,
}

/// What `allow`, `deny` and `never` give back; every copy means the same rule.
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
        for (name, effect) in [("allow", Effect::Allow), ("deny", Effect::Deny), ("never", Effect::Never)] {
            let recorder = self.clone();
            language::registration("", name).register_into_engine(
                engine,
                move |context: NativeCallContext<'_>, patterns: Dynamic| {
                    recorder.declare(effect, &context, &patterns)
                },
            );
        }
        self.method(engine, "hosts", Draft::hosts);
        self.method(engine, "except", Draft::except);
        self.method(engine, "services", Draft::services);
        self.method(engine, "because", Draft::because);
        self.method(engine, "until", Draft::until);
        self.method(engine, "when", Draft::when);
        let recorder = self.clone();
        language::registration("rule", "including_dormant")
            .register_into_engine(engine, move |rule: &mut Handle| {
                recorder.change(*rule, Draft::including_dormant)
            });
        values::register(self, engine);
    }

    /// What was declared, in that order.
    pub(super) fn finish(&self) -> Declared {
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = std::mem::take(&mut drafts.rules).into_iter().map(|draft| draft.finish(&self.roster));
        let (invariants, rules) = rules.partition(|rule| rule.reference.effect == Effect::Never);
        Declared { rules, invariants, attributes: std::mem::take(&mut drafts.attributes) }
    }

    fn method(
        &self,
        engine: &mut Engine,
        name: &str,
        change: fn(&mut Draft, &Given<'_>) -> Result<(), Fault>,
    ) {
        let recorder = self.clone();
        language::registration("rule", name).register_into_engine(
            engine,
            move |context: NativeCallContext<'_>, rule: &mut Handle, value: Dynamic| -> Outcome<Handle> {
                let given = Given { value: &value, context: &context, roster: &recorder.roster };
                recorder.change(*rule, |draft| change(draft, &given))
            },
        );
    }

    fn change(&self, rule: Handle, change: impl FnOnce(&mut Draft) -> Result<(), Fault>) -> Outcome<Handle> {
        budget::spend(DECLARATION_UNITS);
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(draft) = drafts.rules.get_mut(rule.0) {
            change(draft)?;
        }
        Ok(rule)
    }

    fn declare(&self, effect: Effect, context: &NativeCallContext<'_>, value: &Dynamic) -> Outcome<Handle> {
        budget::spend(DECLARATION_UNITS);
        let patterns = Given { value, context, roster: &self.roster }.patterns()?;
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.count(patterns.len())?;
        drafts.rules.push(Draft::new(effect, place(context), patterns));
        Ok(Handle(drafts.rules.len() - 1))
    }

    /// Takes down what is said about the values of these secrets; gives its number.
    pub(super) fn attribute(
        &self,
        context: &NativeCallContext<'_>,
        patterns: &Dynamic,
        says: Says,
    ) -> Outcome<usize> {
        budget::spend(DECLARATION_UNITS);
        let patterns = Given { value: patterns, context, roster: &self.roster }.patterns()?;
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.count(patterns.len())?;
        let attribute = Attribute { place: place(context), patterns, except: Vec::new(), says };
        attribute.check()?;
        drafts.attributes.push(attribute);
        Ok(drafts.attributes.len() - 1)
    }

    /// Changes the attribute of this number.
    pub(super) fn change_attribute(
        &self,
        at: usize,
        change: impl FnOnce(&mut Attribute) -> Result<(), Fault>,
    ) -> Outcome<()> {
        budget::spend(DECLARATION_UNITS);
        let mut drafts = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        match drafts.attributes.get_mut(at) {
            Some(attribute) => Ok(change(attribute)?),
            None => Ok(()),
        }
    }

    /// The fleet that it is about.
    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }
}

/// Teaches `engine` the selectors of hosts.
pub(super) fn register_selectors(engine: &mut Engine, roster: &Arc<Roster>) {
    engine.register_type_with_name::<Selector>("selector");
    let hosts = Arc::clone(roster);
    language::registration("", "tag")
        .register_into_engine(engine, move |tag: ImmutableString| Selector::tag(&hosts, &tag));
    let hosts = Arc::clone(roster);
    language::registration("", "system")
        .register_into_engine(engine, move |system: ImmutableString| Selector::system(&hosts, &system));
    let hosts = Arc::clone(roster);
    language::registration("", "any_host").register_into_engine(engine, move || Selector::any(&hosts));
    register_except::<Selector>(engine, roster);
    register_except::<ImmutableString>(engine, roster);
    register_except::<Array>(engine, roster);
    register_except::<HostObject>(engine, roster);
}

fn register_except<T: Clone + Send + Sync + 'static>(engine: &mut Engine, roster: &Arc<Roster>) {
    let roster = Arc::clone(roster);
    language::registration("selector", "except").register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, from: &mut T, value: Dynamic| -> Outcome<Selector> {
            let (from, context) = (Dynamic::from(from.clone()), &context);
            let less = Given { value: &value, context, roster: &roster }.selector()?;
            Ok(Given { value: &from, context, roster: &roster }.selector()?.except(&less))
        },
    );
}

/// Where a script calls the function that runs.
pub(super) fn place(context: &NativeCallContext<'_>) -> Place {
    let position = context.call_position();
    let file = context.call_source().unwrap_or_default();
    Place { file: file.into(), line: position.line(), column: position.position() }
}
