//! Conditions: the closures of `.when(..)`, frozen when they are declared and asked in a sandbox of their own.

use rhai::Array;
use rhai::Dynamic;
use rhai::FnPtr;
use rhai::GlobalRuntimeState;
use rhai::ImmutableString;
use rhai::Map;
use rhai::NativeCallContext;
use rhai::Position;

use super::budget;
use super::engine::Sandbox;
use super::error;
use super::error::Code;
use super::error::Fault;
use super::facts::HostFacts;
use super::memo::Memo;
use super::reword;
use crate::name::ServiceName;

/// Units that one answer may cost.
const CONDITION_UNITS: u64 = 20_000;

/// Values that a condition may have captured, counted one by one.
const CAPTURED_MAX: usize = 10_000;

/// The parameters: secret, host and service.
const PARAMETERS: usize = 3;

/// One closure of a rule.
pub(super) struct Condition {
    function: FnPtr,
    state: GlobalRuntimeState,
    file: String,
    parameters: [ImmutableString; PARAMETERS],
    memo: Memo,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Condition")
    }
}

impl Condition {
    /// Takes a function as it is now: what it captured is copied, so that nothing can change it later.
    pub(super) fn freeze(function: FnPtr, context: &NativeCallContext<'_>) -> Result<Self, Fault> {
        let parameters = parameters(&function, context).ok_or_else(|| {
            let message = "a condition takes the secret, the host and the service";
            Fault::new(Code::Argument, message).help("write `.when(|secret, host, service| condition)`")
        })?;
        let mut state = context.global_runtime_state().clone();
        state.num_operations = Default::default();
        state.level = 0;
        let file = context.call_source().unwrap_or_default().to_owned();
        let function = frozen_function(function, &mut { CAPTURED_MAX })?;
        Ok(Self { function, state, file, parameters, memo: Memo::default() })
    }

    /// Asks the condition; anything but true or false is a failure, told in one line.
    pub(super) fn holds(
        &self,
        sandbox: &Sandbox,
        secret: &str,
        host: &HostFacts,
        service: &ServiceName,
    ) -> Result<bool, String> {
        let values = [secret, host.name.as_str(), service.as_str()];
        self.memo.answer(&self.parameters, values, || self.ask(sandbox, secret, host, service))
    }

    fn ask(
        &self,
        sandbox: &Sandbox,
        secret: &str,
        host: &HostFacts,
        service: &ServiceName,
    ) -> Result<bool, String> {
        budget::start(CONDITION_UNITS);
        let (engine, name) = (sandbox.engine(), self.function.fn_name());
        let context = NativeCallContext::new_with_all_fields(engine, name, None, &self.state, Position::NONE);
        let host = Dynamic::from(host.object.clone());
        let request = [secret.to_owned().into(), host, service.as_str().to_owned().into()];
        let answer = self.function.call_raw(&context, None, request);
        let answer = answer.map_err(|error| error::one_line(&error, &self.file))?;
        answer.as_bool().map_err(|_| {
            let word = reword::type_word(engine.map_type_name(answer.type_name()));
            format!("the condition gave {word} instead of true or false")
        })
    }
}

/// What a function calls the secret, the host and the service, if it takes these three.
fn parameters(function: &FnPtr, context: &NativeCallContext<'_>) -> Option<[ImmutableString; PARAMETERS]> {
    let captured = function.curry().len();
    let known = |lib: &rhai::Module| {
        let script = lib.get_script_fn(function.fn_name(), PARAMETERS + captured)?;
        let names: Vec<_> = script.params.iter().skip(captured).cloned().collect();
        names.try_into().ok()
    };
    context.iter_namespaces().find_map(known)
}

fn frozen_function(mut function: FnPtr, left: &mut usize) -> Result<FnPtr, Fault> {
    let captured = function.iter_curry().cloned().collect::<Vec<_>>();
    let captured = captured.into_iter().map(|value| frozen(value, left)).collect::<Result<Vec<_>, _>>()?;
    function.set_curry(captured);
    Ok(function)
}

/// A copy that shares nothing: captured variables are shared cells, also inside captured functions.
fn frozen(value: Dynamic, left: &mut usize) -> Result<Dynamic, Fault> {
    *left = left.checked_sub(1).ok_or_else(|| {
        Fault::new(Code::Limit, "the condition captures too much")
            .help("capture names instead of large values")
    })?;
    let value = value.flatten();
    if let Some(array) = value.read_lock::<Array>() {
        let copy = array.iter().cloned().map(|value| frozen(value, left)).collect::<Result<Array, _>>()?;
        return Ok(copy.into());
    }
    if let Some(map) = value.read_lock::<Map>() {
        let copy = map.iter().map(|(key, value)| Ok((key.clone(), frozen(value.clone(), left)?)));
        return Ok(copy.collect::<Result<Map, Fault>>()?.into());
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return Ok(frozen_function(function.clone(), left)?.into());
    }
    Ok(value)
}
