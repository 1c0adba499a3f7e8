//! The sandbox: a script engine without files, clock, randomness, output or `eval`, and with every limit set.

use std::sync::Arc;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::EvalAltResult;
use rhai::EvalContext;
use rhai::FnPtr;
use rhai::ImmutableString;
use rhai::LexError;
use rhai::Map;
use rhai::OptimizationLevel;
use rhai::Position;
use rhai::Token;
use rhai::packages::ArithmeticPackage;
use rhai::packages::BasicArrayPackage;
use rhai::packages::BasicFnPackage;
use rhai::packages::BasicIteratorPackage;
use rhai::packages::BasicMapPackage;
use rhai::packages::BasicMathPackage;
use rhai::packages::BasicStringPackage;
use rhai::packages::LogicPackage;
use rhai::packages::MoreStringPackage;
use rhai::packages::Package;

use super::budget;
use super::declare;
use super::declare::Recorder;
use super::error::Code;
use super::error::Fault;
use super::facts;
use super::facts::FleetObject;
use super::facts::Roster;
use super::imports::Imports;
use super::language;
use super::memo;

/// Units that all files of a policy may spend together: well under a second of work.
pub(super) const POLICY_UNITS: u64 = 2_000_000;

/// Longest text, and all texts of one array together, in bytes.
const TEXT_MAX: usize = 64 * 1024;

/// Longest text that is written in a file, since naming it costs one unit.
const LITERAL_MAX: usize = 1024;

/// Most elements of an array or map, with those of inner ones.
const ELEMENTS_MAX: usize = 10_000;

/// Deepest nesting of arrays, maps and captured functions, which are walked recursively.
const NESTING_MAX: usize = 48;

/// Words of the script language that policies do without: output, code from text, errors swallowed,
/// methods that change what they are called on, and functions that grow by currying.
const ABSENT: [&str; 6] = ["eval", "print", "debug", "try", "this", "curry"];

/// Where rules are declared.
const POLICIES: &str = "a file at the top of `policies/`, outside of conditions";

/// Where tests stand.
const TESTS: &str = "a file in `policies/tests/`";

/// The one fact that every script can name.
pub(super) const FLEET: &str = "fleet";

/// An engine that can do nothing but compute.
pub(super) struct Sandbox(Engine);

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sandbox")
    }
}

impl Sandbox {
    /// A sandbox for policy files, which declare rules and import each other.
    pub(super) fn for_files(roster: &Arc<Roster>, recorder: &Recorder, imports: Imports) -> Self {
        let mut engine = engine(Dynamic::from(FleetObject(Arc::clone(roster))));
        declare::register_selectors(&mut engine, roster);
        recorder.register(&mut engine);
        misplaced(&mut engine, &language::EXPECTING, TESTS);
        engine.set_module_resolver(imports);
        Self(engine)
    }

    /// A sandbox for conditions, which declare nothing.
    pub(super) fn for_conditions(roster: &Arc<Roster>) -> Self {
        let mut engine = engine(Dynamic::from(FleetObject(Arc::clone(roster))));
        misplaced(&mut engine, &language::DECLARING, POLICIES);
        misplaced(&mut engine, &language::EXPECTING, TESTS);
        Self(engine)
    }

    /// A sandbox for tests, in which `fleet` is one that tests can change; `register` teaches the rest.
    pub(super) fn for_tests(fleet: Dynamic, imports: Imports, register: impl FnOnce(&mut Engine)) -> Self {
        let mut engine = engine(fleet);
        register(&mut engine);
        misplaced(&mut engine, &language::DECLARING, POLICIES);
        engine.set_module_resolver(imports);
        Self(engine)
    }

    /// The engine inside.
    pub(super) fn engine(&self) -> &Engine {
        &self.0
    }
}

fn engine(fleet: Dynamic) -> Engine {
    let mut engine = Engine::new_raw();
    engine.set_module_resolver(rhai::module_resolvers::DummyModuleResolver::new());
    packages(&mut engine);
    limits(&mut engine);
    hooks(&mut engine, fleet);
    facts::register(&mut engine);
    engine
}

#[expect(deprecated, reason = "the hooks are volatile, not deprecated; another version would not compile")]
fn hooks(engine: &mut Engine, fleet: Dynamic) {
    engine.on_var(move |name, index, context| watch(&fleet, name, index, &context));
    engine.on_progress(|_| if budget::spend(1) { None } else { Some(Dynamic::UNIT) });
    // `until` is a keyword of `do … until`, which policies give up for `.until(..)`.
    engine.on_parse_token(|token, _, _| match token {
        Token::StringConstant(text) if text.len() > LITERAL_MAX => {
            Token::LexError(Box::new(LexError::StringTooLong(LITERAL_MAX)))
        }
        Token::Until => Token::Identifier(Box::new("until".into())),
        token => token,
    });
}

fn packages(engine: &mut Engine) {
    engine.register_global_module(ArithmeticPackage::new().as_shared_module());
    engine.register_global_module(LogicPackage::new().as_shared_module());
    engine.register_global_module(BasicMathPackage::new().as_shared_module());
    engine.register_global_module(BasicStringPackage::new().as_shared_module());
    engine.register_global_module(MoreStringPackage::new().as_shared_module());
    engine.register_global_module(BasicArrayPackage::new().as_shared_module());
    engine.register_global_module(BasicMapPackage::new().as_shared_module());
    engine.register_global_module(BasicIteratorPackage::new().as_shared_module());
    engine.register_global_module(BasicFnPackage::new().as_shared_module());
    for word in ABSENT {
        engine.disable_symbol(word);
    }
    // It would make a large value at the price of one operation; what is registered here hides the packages'.
    engine.register_fn("pad", |_: &mut Array, _: i64, _: Dynamic| no_pad());
    engine.register_fn("pad", |_: &mut ImmutableString, _: i64, _: char| no_pad());
    engine.register_fn("pad", |_: &mut ImmutableString, _: i64, _: ImmutableString| no_pad());
}

/// Teaches `engine` to say where these functions belong.
fn misplaced(engine: &mut Engine, names: &[&'static str], place: &'static str) {
    for &name in names {
        let fault = move || -> Result<(), Box<EvalAltResult>> {
            let message = format!("`{name}` cannot be used here");
            Err(Fault::new(Code::UnknownFunction, message).help(format!("it belongs into {place}")).into())
        };
        engine.register_fn(name, move |_: Dynamic| fault());
        engine.register_fn(name, move |_: Dynamic, _: Dynamic| fault());
        engine.register_fn(name, move |_: Dynamic, _: Dynamic, _: Dynamic| fault());
    }
}

fn no_pad() -> Result<(), Box<EvalAltResult>> {
    let fault = Fault::new(Code::UnknownFunction, "`pad` cannot be used in a policy");
    Err(fault.help("build the value in a loop").into())
}

fn limits(engine: &mut Engine) {
    engine.set_strict_variables(true);
    // A folded constant would cost one unit however large it is.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_operations(POLICY_UNITS);
    engine.set_max_call_levels(24);
    engine.set_max_expr_depths(64, 32);
    engine.set_max_string_size(TEXT_MAX);
    engine.set_max_array_size(ELEMENTS_MAX);
    engine.set_max_map_size(ELEMENTS_MAX);
    engine.set_max_variables(256);
    engine.set_max_functions(512);
    engine.set_max_modules(64);
}

/// Called wherever a script names a variable: knows `fleet`, and charges for the size of everything else.
fn watch(
    fleet: &Dynamic,
    name: &str,
    index: usize,
    context: &EvalContext<'_, '_, '_, '_, '_, '_>,
) -> Result<Option<Dynamic>, Box<EvalAltResult>> {
    if index == 0 && name == FLEET {
        return Ok(Some(fleet.clone()));
    }
    memo::note(name);
    let scope = context.scope();
    let value = match scope.len().checked_sub(index) {
        Some(at) if index > 0 => scope.iter_raw().nth(at).map(|(_, _, value)| value),
        _ => scope.get(name),
    };
    let mut units = 0;
    match value {
        Some(value) if !weigh(value, NESTING_MAX, &mut units) => {
            Err(EvalAltResult::ErrorDataTooLarge("nesting".to_owned(), Position::NONE).into())
        }
        // The next operation finds out if too much was spent.
        _ => {
            budget::spend(units / 4 + 1);
            Ok(None)
        }
    }
}

/// Adds what handling a value costs to `units`, in quarters; false if it is nested too deeply or too large.
fn weigh(value: &Dynamic, depth: usize, units: &mut u64) -> bool {
    *units += 1;
    let Some(inner) = depth.checked_sub(1) else { return false };
    if *units > 40 * ELEMENTS_MAX as u64 {
        return false;
    }
    if value.is_int() || value.is_bool() || value.is_unit() {
        return true;
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        *units += text.len() as u64 / 2;
        return true;
    }
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().all(|value| weigh(value, inner, units));
    }
    if let Some(map) = value.read_lock::<Map>() {
        *units += 8 * map.len() as u64;
        return map.values().all(|value| weigh(value, inner, units));
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        *units += 8;
        return function.iter_curry().all(|value| weigh(value, inner, units));
    }
    true
}
