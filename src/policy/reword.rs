//! The script engine's errors in the words of the policy language.

use rhai::EvalAltResult;
use rhai::LexError;
use rhai::ParseErrorType;

use super::error::Code;
use super::error::Fault;
use super::language;

/// Functions that people reach for besides those of the language.
const COMMON: [&str; 13] = [
    "all",
    "contains",
    "ends_with",
    "filter",
    "find",
    "index_of",
    "len",
    "map",
    "push",
    "replace",
    "some",
    "split",
    "starts_with",
];

/// What the engine said, as a mistake in the policy.
pub(super) fn reword(error: &EvalAltResult) -> Fault {
    use EvalAltResult as E;
    match error {
        E::ErrorParsing(kind, _) => syntax(kind),
        E::ErrorFunctionNotFound(signature, _) => unknown_function(signature),
        E::ErrorVariableNotFound(name, _) => unknown_variable(name),
        E::ErrorDotExpr(text, _) => unknown_property(text),
        E::ErrorModuleNotFound(name, _) => unknown_module(name),
        E::ErrorTooManyOperations(_) | E::ErrorTerminated(..) => {
            limit("the policy takes too long", "look for a loop that does not end, or make fewer rules")
        }
        E::ErrorTooManyVariables(_) => limit("too many variables", "keep fewer variables at one time"),
        E::ErrorTooManyModules(_) => limit("too many imports", "import fewer files"),
        E::ErrorStackOverflow(_) => limit("functions call each other too deeply", "write a loop instead"),
        E::ErrorDataTooLarge(..) => limit("a text, array or map is too large", "keep it smaller"),
        E::ErrorRuntime(value, _) => match value.read_lock::<Fault>() {
            Some(fault) => fault.clone(),
            None if value.is_unit() => Fault::new(Code::Script, "the policy stopped with `throw`"),
            None => {
                Fault::new(Code::Script, format!("the policy stopped: {}", first_line(&value.to_string())))
            }
        },
        E::ErrorAssignmentToConstant(name, _) => {
            Fault::new(Code::Script, format!("`{name}` cannot be changed"))
        }
        E::ErrorDataRace(..) => {
            Fault::new(Code::Script, "a function reads the array or map that is being walked")
                .help("walk a copy: `let copy = list;`, then `copy.filter(|x| list.contains(x))`")
        }
        other => Fault::new(Code::Script, lower(&bare(other))),
    }
}

/// What a value of this type is called in messages.
pub(super) fn type_word(name: &str) -> &'static str {
    match name {
        "i64" | "i32" | "u8" => "an integer",
        "f64" => "a number",
        "bool" => "true or false",
        "char" => "a character",
        "()" => "nothing",
        "array" => "an array",
        "map" => "a map",
        "Fn" => "a function",
        "rule" => "a rule",
        "selector" => "a selector",
        "host" => "a host",
        "fleet" | "made-up fleet" => "the fleet",
        "expectation" => "an expectation",
        "rotation" | "attribute" => "a declaration",
        "requirement" => "a requirement",
        "generator" => "a generator",
        _ if name.contains("tring") || name.contains("str") => "a text",
        _ => "something else",
    }
}

/// `did you mean …` for the nearest of `known`, if one is near.
pub(super) fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = known.map(|name| (strsim::jaro_winkler(word, name), name));
    let (score, name) = near.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let is_near = score > 0.75 && strsim::normalized_damerau_levenshtein(word, name) > 0.5;
    is_near.then(|| format!("did you mean `{name}`?"))
}

fn syntax(kind: &ParseErrorType) -> Fault {
    match kind {
        ParseErrorType::VariableUndefined(name) => unknown_variable(name),
        ParseErrorType::ModuleUndefined(name) => unknown_module(name),
        ParseErrorType::Reserved(word) => absent(word),
        ParseErrorType::BadInput(LexError::ImproperSymbol(word, why)) if why.contains("disabled") => {
            absent(word)
        }
        ParseErrorType::ExprTooDeep => limit("the expression is nested too deeply", "split it with `let`"),
        ParseErrorType::TooManyFunctions => limit("too many functions", "write fewer functions"),
        ParseErrorType::LiteralTooLarge(..) | ParseErrorType::BadInput(LexError::StringTooLong(_)) => {
            limit("a text, array or map is too large", "keep it smaller")
        }
        other => Fault::new(Code::Syntax, lower(&first_line(&other.to_string()))),
    }
}

/// A word of the script language that policies do without.
fn absent(word: &str) -> Fault {
    Fault::new(Code::Syntax, format!("`{word}` cannot be used in a policy")).help(
        "policies have no `eval`, `print`, `debug`, `try`, `this` and `curry`, and some words are reserved",
    )
}

fn limit(message: &str, help: &str) -> Fault {
    Fault { label: "reached here".to_owned(), ..Fault::new(Code::Limit, message).help(help) }
}

fn unknown_function(signature: &str) -> Fault {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    if !name.contains(|c: char| c.is_alphanumeric()) {
        return operator(name, types);
    }
    if let Some(usage) = language::usage(name) {
        return Fault::new(Code::Argument, format!("`{name}` does not take these arguments")).help(usage);
    }
    let known = language::functions().chain(COMMON);
    let message = if COMMON.contains(&name) {
        format!("`{name}` does not work on {}", words(types))
    } else {
        format!("unknown function `{name}`")
    };
    let fault = Fault::new(Code::UnknownFunction, message);
    match suggestion(name, known.filter(|known| *known != name)) {
        Some(help) => fault.help(help),
        None => fault.help("`docs/reference/policy.md` lists the functions of the language"),
    }
}

fn operator(name: &str, types: &str) -> Fault {
    Fault::new(Code::Script, format!("`{name}` does not work on {}", words(types)))
}

fn words(types: &str) -> String {
    let types = types.trim_end_matches(')').split(", ").filter(|name| !name.is_empty());
    let words: Vec<_> = types.map(type_word).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" and ") }
}

fn unknown_variable(name: &str) -> Fault {
    let fault = Fault::new(Code::UnknownVariable, format!("unknown variable `{name}`"));
    match suggestion(name, ["fleet", "secret", "host", "service"].into_iter()) {
        Some(help) => fault.help(help),
        None => fault.help("declare it with `let`; a text needs quotes"),
    }
}

fn unknown_module(name: &str) -> Fault {
    Fault::new(Code::UnknownImport, format!("`{name}` is not imported"))
        .help(format!("write `import \"folder/{name}\" as {name};` at the top of the file"))
}

/// The engine names property and type in quotes, in this order.
fn unknown_property(text: &str) -> Fault {
    let mut quoted = text.split('\'').skip(1).step_by(2);
    let (Some(property), Some(owner)) = (quoted.next(), quoted.next()) else {
        return Fault::new(Code::Script, lower(&first_line(text)));
    };
    if text.starts_with("No writable") {
        return Fault::new(Code::Script, format!("`{property}` cannot be changed"))
            .help("facts about the fleet come from `secretctl.toml`");
    }
    let fault =
        Fault::new(Code::UnknownProperty, format!("{} has no property `{property}`", type_word(owner)));
    let known: Vec<_> = language::properties(owner.trim_start_matches("made-up ")).collect();
    if known.is_empty() {
        return fault;
    }
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    fault.help(suggestion(property, known.into_iter()).unwrap_or_else(|| format!("known here: {list}")))
}

/// The engine's text without its position, which the place of the error already tells.
fn bare(error: &EvalAltResult) -> String {
    let text = first_line(&error.to_string());
    match text.rfind(" (line ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
