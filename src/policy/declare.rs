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

use super::budget;
use super::draft::Draft;
use super::draft::Given;
use super::error::Code;
use super::error::Fault;
use super::facts::HostObject;
use super::facts::Roster;
use super::rule::Effect;
use super::rule::Rule;
use super::select::HostSet;
use super::select::Selector;
use crate::diag::Place;

/// Most rules that one policy may declare.
const RULES_MAX: usize = 20_000;

/// Most patterns that all rules may hold together.
const PATTERNS_MAX: usize = 50_000;

/// Units that a declaring function costs besides those of the script.
const DECLARATION_UNITS: u64 = 10;

type Outcome<T> = Result<T, Box<EvalAltResult>>;

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
        self.method(engine, "hosts", Draft::hosts);
        self.method(engine, "except", Draft::except);
        self.method(engine, "services", Draft::services);
        self.method(engine, "because", Draft::because);
        self.method(engine, "until", Draft::until);
        self.method(engine, "when", Draft::when);
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
        change: fn(&mut Draft, &Given<'_>) -> Result<(), Fault>,
    ) {
        let recorder = self.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>, rule: &mut Handle, value: Dynamic| -> Outcome<Handle> {
                budget::spend(DECLARATION_UNITS);
                let mut drafts = recorder.drafts.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(draft) = drafts.rules.get_mut(rule.0) {
                    change(draft, &Given { value: &value, context: &context, roster: &recorder.roster })?;
                }
                Ok(*rule)
            },
        );
    }

    fn declare(&self, effect: Effect, context: &NativeCallContext<'_>, value: &Dynamic) -> Outcome<Handle> {
        budget::spend(DECLARATION_UNITS);
        let patterns = Given { value, context, roster: &self.roster }.patterns()?;
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
            let (from, context) = (Dynamic::from(from.clone()), &context);
            let less = Given { value: &value, context, roster: &roster }.selector()?;
            Ok(Given { value: &from, context, roster: &roster }.selector()?.except(&less))
        },
    );
}

fn place(context: &NativeCallContext<'_>) -> Place {
    let position = context.call_position();
    let file = context.call_source().unwrap_or_default();
    Place { file: file.into(), line: position.line(), column: position.position() }
}
