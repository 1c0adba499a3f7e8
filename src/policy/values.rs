//! The functions that declare what is true of values: `rotate`, `validate`, `editors`, and what they take.

use std::collections::BTreeSet;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::ImmutableString;
use rhai::NativeCallContext;

use super::attribute;
use super::attribute::Attribute;
use super::attribute::Says;
use super::attribute::Terms;
use super::checks;
use super::declare::Outcome;
use super::declare::Recorder;
use super::draft::Given;
use super::draft::expected;
use super::error::Code;
use super::error::Fault;
use super::facts::Roster;
use super::generators;
use super::language;
use super::requirement::Requirement;
use crate::name::AdminName;
use crate::value::Generator;

/// Longest text of an owner or runbook.
const TEXT_MAX: usize = 200;

/// What `rotate` gives back.
#[derive(Clone, Copy)]
struct RotationHandle(usize);

/// What `validate` and `editors` give back.
#[derive(Clone, Copy)]
struct AttributeHandle(usize);

/// Teaches `engine` to declare attributes into a recorder.
pub(super) fn register(recorder: &Recorder, engine: &mut Engine) {
    checks::register(engine);
    generators::register(engine);
    engine.register_type_with_name::<RotationHandle>("rotation");
    engine.register_type_with_name::<AttributeHandle>("attribute");
    let to = recorder.clone();
    language::registration("", "rotate").register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, patterns: Dynamic| {
            to.attribute(&context, &patterns, Says::Rotate(Terms::default())).map(RotationHandle)
        },
    );
    two(recorder, engine, "validate", |given| Ok(Says::Validate(requirements(given)?)));
    two(recorder, engine, "generate", |given| Ok(Says::Generate(generator(given)?)));
    two(recorder, engine, "editors", |given| Ok(Says::Editors(admins(given)?)));
    term(recorder, engine, "every", |terms, text| put_period(&mut terms.every, text, "every"));
    term(recorder, engine, "warn", |terms, text| put_period(&mut terms.warn, text, "warn"));
    term(recorder, engine, "keep_previous", |terms, text| {
        put_period(&mut terms.keep_previous, text, "keep_previous")
    });
    term(recorder, engine, "announce", |terms, text| put_period(&mut terms.announce, text, "announce"));
    term(recorder, engine, "owner", |terms, text| put_text(&mut terms.owner, text, "owner"));
    term(recorder, engine, "runbook", |terms, text| put_text(&mut terms.runbook, text, "runbook"));
    register_except(recorder, engine, "rotation", |handle: RotationHandle| handle.0);
    register_except(recorder, engine, "attribute", |handle: AttributeHandle| handle.0);
}

/// A function of patterns and something that is said about them.
fn two(recorder: &Recorder, engine: &mut Engine, name: &str, says: fn(&Given<'_>) -> Result<Says, Fault>) {
    let to = recorder.clone();
    language::registration("", name).register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, patterns: Dynamic, value: Dynamic| {
            let says = says(&Given { value: &value, context: &context, roster: to.roster() })?;
            to.attribute(&context, &patterns, says).map(AttributeHandle)
        },
    );
}

/// A method of `rotate(..)`.
fn term(
    recorder: &Recorder,
    engine: &mut Engine,
    name: &str,
    put: fn(&mut Terms, &str) -> Result<(), Fault>,
) {
    let to = recorder.clone();
    language::registration("rotation", name).register_into_engine(
        engine,
        move |rotation: &mut RotationHandle, text: ImmutableString| -> Outcome<RotationHandle> {
            to.change_attribute(rotation.0, |attribute| match &mut attribute.says {
                Says::Rotate(terms) => put(terms, &text),
                Says::Validate(_) | Says::Generate(_) | Says::Editors(_) => Ok(()),
            })?;
            Ok(*rotation)
        },
    );
}

fn register_except<H: Copy + Send + Sync + 'static>(
    recorder: &Recorder,
    engine: &mut Engine,
    of: &str,
    at: fn(H) -> usize,
) {
    let to = recorder.clone();
    language::registration(of, "except").register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, handle: &mut H, patterns: Dynamic| -> Outcome<H> {
            let more = Given { value: &patterns, context: &context, roster: to.roster() }.patterns()?;
            to.change_attribute(at(*handle), |attribute: &mut Attribute| {
                attribute.except.extend(more);
                Ok(())
            })?;
            Ok(*handle)
        },
    );
}

fn put_period(to: &mut Option<jiff::SignedDuration>, text: &str, method: &str) -> Result<(), Fault> {
    let period = attribute::period(text).ok_or_else(|| {
        Fault::new(Code::Period, format!("`{}` is no period", text.escape_debug())).help(format!(
            "write `.{method}(\"90d\")`: a number with `h`, `d`, `w`, `mo` or `y`, up to 100 years"
        ))
    })?;
    once(to, period, method)
}

fn put_text(to: &mut Option<String>, text: &str, method: &str) -> Result<(), Fault> {
    if text.trim().is_empty() || text.len() > TEXT_MAX || text.chars().any(char::is_control) {
        let message = format!("`.{method}(..)` takes one line of 1 to {TEXT_MAX} bytes");
        return Err(Fault::new(Code::Argument, message).help(language::usage(method).unwrap_or_default()));
    }
    once(to, text.to_owned(), method)
}

fn once<T>(to: &mut Option<T>, value: T, method: &str) -> Result<(), Fault> {
    if to.is_some() {
        let fault = Fault::new(Code::Argument, format!("`.{method}(..)` was said already"));
        return Err(fault.help("say it once, or declare a second `rotate(..)`"));
    }
    *to = Some(value);
    Ok(())
}

fn requirements(given: &Given<'_>) -> Result<Vec<Requirement>, Fault> {
    let wrong = |type_name: &str| {
        expected("a requirement or an array of them", type_name)
            .help("write `validate(\"tls/*/cert\", pem(\"CERTIFICATE\"))`")
    };
    if let Some(requirement) = given.value.read_lock::<Requirement>() {
        return Ok(vec![requirement.clone()]);
    }
    let array = given.value.read_lock::<Array>().ok_or_else(|| wrong(given.type_name()))?;
    let one = |item: &Dynamic| {
        let wrong = || wrong(given.context.engine().map_type_name(item.type_name()));
        item.read_lock::<Requirement>().map(|requirement| requirement.clone()).ok_or_else(wrong)
    };
    array.iter().map(one).collect()
}

fn generator(given: &Given<'_>) -> Result<Generator, Fault> {
    let generator = given.value.read_lock::<Generator>().map(|generator| generator.clone());
    generator.ok_or_else(|| {
        expected("a generator", given.type_name()).help("write `generate(\"pattern\", password(24))`")
    })
}

fn admins(given: &Given<'_>) -> Result<BTreeSet<AdminName>, Fault> {
    let wrong = || {
        expected("the name of an admin or an array of them", given.type_name())
            .help("write `editors(\"prod/**\", [\"alice\"])`")
    };
    if let Some(text) = given.value.read_lock::<ImmutableString>() {
        return Ok([admin(&text, given.roster)?].into());
    }
    let array = given.value.read_lock::<Array>().ok_or_else(wrong)?;
    let one = |item: &Dynamic| admin(&item.read_lock::<ImmutableString>().ok_or_else(wrong)?, given.roster);
    let names: BTreeSet<AdminName> = array.iter().map(one).collect::<Result<_, _>>()?;
    if names.is_empty() {
        let fault = Fault::new(Code::Argument, "a source needs an editor");
        return Err(fault.help("name at least one admin; recovery alone can't edit"));
    }
    Ok(names)
}

/// An admin of the fleet; one who has left may still be named, and opens nothing.
fn admin(text: &str, roster: &Roster) -> Result<AdminName, Fault> {
    roster.admin(text).cloned().ok_or_else(|| roster.unknown_admin(text))
}
