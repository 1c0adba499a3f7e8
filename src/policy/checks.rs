//! The functions that name requirements: what `validate(..)` takes.

use std::collections::BTreeSet;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::ImmutableString;
use rhai::Map;

use super::budget;
use super::declare::Outcome;
use super::draft::expected;
use super::error::Code;
use super::error::Fault;
use super::language;
use super::requirement::Requirement;
use crate::name::SecretName;
use crate::value::Charset;
use crate::value::Check;
use crate::value::CheckError;

/// Units that compiling a schema costs.
const SCHEMA_UNITS: u64 = 5_000;

/// Units that each part of a schema costs.
const NODE_UNITS: u64 = 200;

/// Deepest nesting of a schema.
const SCHEMA_DEPTH: usize = 32;

/// Teaches `engine` the requirements.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Requirement>("requirement");
    plain(engine, "optional", Requirement::Optional);
    plain(engine, "install_once", Requirement::InstallOnce);
    plain(engine, "first_boot", Requirement::FirstBoot);
    let of_values = [
        ("x509", Check::X509),
        ("json", Check::Json),
        ("url_safe", Check::UrlSafe),
        ("base64", Check::Base64(None)),
        ("hex", Check::Hex(None)),
        ("base32", Check::Base32(None)),
        ("ssh_private_key", Check::SshPrivateKey),
        ("wireguard_private_key", Check::WireguardPrivateKey),
        ("age_identity", Check::AgeIdentity),
        ("password_hash", Check::PasswordHash),
        ("one_line", Check::OneLine),
        ("no_trailing_newline", Check::NoTrailingNewline),
    ];
    for (name, check) in of_values {
        plain(engine, name, Requirement::Value(check));
    }
    with_text(engine, "pem", Check::pem);
    with_text(engine, "charset", |text| Ok(Check::Charset(Charset::parse(text)?)));
    register_encoded(engine);
    register_others(engine);
}

fn plain(engine: &mut Engine, name: &str, requirement: Requirement) {
    language::registration("", name).register_into_engine(engine, move || requirement.clone());
}

fn with_text(engine: &mut Engine, name: &str, make: fn(&str) -> Result<Check, CheckError>) {
    language::registration("", name)
        .register_into_engine(engine, move |text: ImmutableString| -> Outcome<Requirement> {
            made(make(&text))
        });
}

/// Encodings of so many bytes, and lengths.
fn register_encoded(engine: &mut Engine) {
    encoded(engine, "base64", Check::Base64);
    encoded(engine, "hex", Check::Hex);
    encoded(engine, "base32", Check::Base32);
    engine.register_fn("length", |least: i64| -> Outcome<Requirement> { made(Check::length(least, None)) });
    language::registration("", "length")
        .register_into_engine(engine, |least: i64, most: i64| -> Outcome<Requirement> {
            made(Check::length(least, Some(most)))
        });
}

fn register_others(engine: &mut Engine) {
    engine.register_fn("json", |schema: Map| -> Outcome<Requirement> {
        budget::spend(SCHEMA_UNITS);
        made(Check::json_schema(&json(&Dynamic::from_map(schema), SCHEMA_DEPTH)?))
    });
    language::registration("", "dotenv").register_into_engine(
        engine,
        |names: Array| -> Outcome<Requirement> {
            let name = |item: &Dynamic| {
                let text = item.read_lock::<ImmutableString>().map(|text| text.to_string());
                text.ok_or_else(|| expected("the names of variables", item.type_name()))
            };
            made(Check::dotenv(names.iter().map(name).collect::<Result<Vec<_>, _>>()?))
        },
    );
    engine.register_fn("dotenv", || Requirement::Value(Check::Dotenv(BTreeSet::default())));
    comparing(engine, "same_as", Check::SameAs);
    comparing(engine, "differs_from", Check::DiffersFrom);
}

fn encoded(engine: &mut Engine, name: &str, check: fn(Option<usize>) -> Check) {
    engine.register_fn(name, move |bytes: i64| -> Outcome<Requirement> {
        made(Check::bytes(bytes).map(check))
    });
}

fn comparing(engine: &mut Engine, name: &str, check: fn(SecretName) -> Check) {
    language::registration("", name).register_into_engine(
        engine,
        move |other: ImmutableString| -> Outcome<Requirement> {
            let other: SecretName = other.parse().map_err(|error: crate::name::NameError| {
                let message = format!("`{}` is no secret name", other.escape_debug());
                Fault::new(Code::Argument, message).help(error.rule())
            })?;
            Ok(Requirement::Value(check(other)))
        },
    );
}

fn made(check: Result<Check, CheckError>) -> Outcome<Requirement> {
    Ok(Requirement::Value(check.map_err(fault)?))
}

pub(super) fn fault(error: CheckError) -> Fault {
    Fault::new(Code::Argument, error.message).help(error.help)
}

/// A schema as the script wrote it, in JSON.
fn json(value: &Dynamic, depth: usize) -> Result<serde_json::Value, Fault> {
    budget::spend(NODE_UNITS);
    let inner = depth.checked_sub(1).ok_or_else(|| {
        Fault::new(Code::Limit, "the schema is nested too deeply").help("take it apart, or check less")
    })?;
    if let Some(map) = value.read_lock::<Map>() {
        let members = map.iter().map(|(name, value)| Ok((name.to_string(), json(value, inner)?)));
        return Ok(serde_json::Value::Object(members.collect::<Result<_, Fault>>()?));
    }
    if let Some(array) = value.read_lock::<Array>() {
        return Ok(serde_json::Value::Array(
            array.iter().map(|value| json(value, inner)).collect::<Result<_, _>>()?,
        ));
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if value.is_unit() {
        return Ok(serde_json::Value::Null);
    }
    let number = value.as_int().map(serde_json::Value::from).or_else(|_| value.as_float().map(Into::into));
    let scalar = number.or_else(|_| value.as_bool().map(Into::into));
    scalar.map_err(|_| expected("maps, arrays, texts, numbers, `true` and `false`", value.type_name()))
}
