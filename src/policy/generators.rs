//! The functions that name generators: what `generate(..)` takes.

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::ImmutableString;

use super::checks::fault;
use super::declare::Outcome;
use super::draft::expected;
use super::error::Code;
use super::error::Fault;
use super::language;
use crate::value::Answer;
use crate::value::Authority;
use crate::value::CheckError;
use crate::value::Derived;
use crate::value::Generator;
use crate::value::HashScheme;
use crate::value::Input;
use crate::value::Leaf;
use crate::value::Program;
use crate::value::Question;
use crate::value::Random;

/// Teaches `engine` the generators.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Generator>("generator");
    let plain = [
        ("uuid", Random::Uuid),
        ("ssh_key", Random::SshKey),
        ("wireguard_key", Random::WireguardKey),
        ("age_key", Random::AgeKey),
        ("x509_key", Random::X509Key),
    ];
    for (name, random) in plain {
        language::registration("", name).register_into_engine(engine, move || Generator::Random(random));
    }
    sized(engine, "password", Random::password);
    sized(engine, "passphrase", Random::passphrase);
    sized(engine, "random_hex", Random::hex);
    sized(engine, "random_base64", Random::base64);
    sized(engine, "random_url_safe", Random::url_safe);
    hash(engine, "yescrypt", HashScheme::Yescrypt);
    hash(engine, "sha512_crypt", HashScheme::Sha512Crypt);
    hash(engine, "bcrypt", HashScheme::Bcrypt);
    hash(engine, "argon2id", HashScheme::Argon2id);
    question(engine, "prompt", Answer::Hidden);
    question(engine, "prompt_line", Answer::Line);
    question(engine, "prompt_lines", Answer::Lines);
    register_made_from(engine);
    register_within(engine);
    register_certificates(engine);
}

fn sized(engine: &mut Engine, name: &str, make: fn(i64) -> Result<Random, CheckError>) {
    language::registration("", name).register_into_engine(engine, move |number: i64| -> Outcome<Generator> {
        Ok(Generator::Random(make(number).map_err(fault)?))
    });
}

fn hash(engine: &mut Engine, name: &str, scheme: HashScheme) {
    language::registration("", name).register_into_engine(
        engine,
        move |password: ImmutableString| -> Outcome<Generator> {
            Ok(Generator::Derived(Derived::Hash(scheme, input(&password)?)))
        },
    );
}

fn question(engine: &mut Engine, name: &str, answer: Answer) {
    language::registration("", name).register_into_engine(
        engine,
        move |text: ImmutableString| -> Outcome<Generator> {
            Ok(Generator::Prompt(Question::new(&text, answer).map_err(fault)?))
        },
    );
}

fn register_made_from(engine: &mut Engine) {
    language::registration("", "htpasswd").register_into_engine(
        engine,
        |user: ImmutableString, password: ImmutableString| -> Outcome<Generator> {
            let line = Derived::htpasswd(&user, input(&password)?).map_err(fault)?;
            Ok(Generator::Derived(line))
        },
    );
    language::registration("", "command").register_into_engine(
        engine,
        |words: Array| -> Outcome<Generator> {
            Ok(Generator::Command(Program::new(texts(&words)?).map_err(fault)?))
        },
    );
    language::registration("generator", "from").register_into_engine(
        engine,
        |generator: &mut Generator, other: ImmutableString| -> Outcome<Generator> {
            let Generator::Command(program) = generator.clone() else {
                return Err(misplaced("from", "command(..)").into());
            };
            Ok(Generator::Command(program.reading(input(&other)?).map_err(fault)?))
        },
    );
}

fn register_within(engine: &mut Engine) {
    language::registration("generator", "within").register_into_engine(
        engine,
        |generator: &mut Generator, seconds: i64| -> Outcome<Generator> {
            let Generator::Command(program) = generator.clone() else {
                return Err(misplaced("within", "command(..)").into());
            };
            Ok(Generator::Command(program.within(seconds).map_err(fault)?))
        },
    );
}

fn register_certificates(engine: &mut Engine) {
    language::registration("", "x509_ca").register_into_engine(
        engine,
        |key: ImmutableString, name: ImmutableString| -> Outcome<Generator> {
            let authority = Authority::new(input(&key)?, &name).map_err(fault)?;
            Ok(Generator::Derived(Derived::Authority(authority)))
        },
    );
    language::registration("", "x509_cert").register_into_engine(
        engine,
        |key: ImmutableString, names: Array| -> Outcome<Generator> {
            let leaf = Leaf::new(input(&key)?, texts(&names)?).map_err(fault)?;
            Ok(Generator::Derived(Derived::Leaf(leaf)))
        },
    );
    language::registration("generator", "ca").register_into_engine(
        engine,
        |generator: &mut Generator,
         certificate: ImmutableString,
         key: ImmutableString|
         -> Outcome<Generator> {
            let authority = Some((input(&certificate)?, input(&key)?));
            leaf(generator, "ca", |leaf| Leaf { authority, ..leaf })
        },
    );
    language::registration("generator", "new_key")
        .register_into_engine(engine, |generator: &mut Generator| {
            leaf(generator, "new_key", |leaf| Leaf { new_key: true, ..leaf })
        });
    language::registration("generator", "days").register_into_engine(
        engine,
        |generator: &mut Generator, days: i64| -> Outcome<Generator> {
            let Generator::Derived(derived) = generator.clone() else {
                return Err(misplaced("days", "x509_ca(..)` or `x509_cert(..)").into());
            };
            Ok(Generator::Derived(derived.with_days(days).map_err(fault)?))
        },
    );
}

fn leaf(generator: &Generator, method: &str, change: impl FnOnce(Leaf) -> Leaf) -> Outcome<Generator> {
    match generator {
        Generator::Derived(Derived::Leaf(leaf)) => {
            Ok(Generator::Derived(Derived::Leaf(change(leaf.clone()))))
        }
        _ => Err(misplaced(method, "x509_cert(..)").into()),
    }
}

fn misplaced(method: &str, of: &str) -> Fault {
    let fault = Fault::new(Code::Argument, format!("`.{method}(..)` is said of `{of}` alone"));
    fault.help(language::usage(method).unwrap_or_default())
}

fn input(name: &str) -> Result<Input, Fault> {
    Input::parse(name).map_err(fault)
}

fn texts(array: &Array) -> Result<Vec<String>, Fault> {
    let text = |item: &Dynamic| {
        let text = item.read_lock::<ImmutableString>().map(|text| text.to_string());
        text.ok_or_else(|| expected("an array of texts", item.type_name()))
    };
    array.iter().map(text).collect()
}
