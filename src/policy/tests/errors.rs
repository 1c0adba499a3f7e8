//! Every mistake has its code, its line, what it underlines and a next step.

use miette::Diagnostic;

use super::*;
use crate::diag::Class;
use crate::diag::Failure;

struct Told {
    code: String,
    line: usize,
    underlined: String,
    message: String,
    help: String,
}

fn told(text: &str) -> Told {
    let error = try_load(text).unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert_eq!(error.code().unwrap().to_string(), error.source_error().code);
    let source = error.source_error();
    Told {
        code: source.code.to_owned(),
        line: source.place().line.unwrap(),
        underlined: text.get(source.span.clone()).unwrap().to_owned(),
        message: source.message.clone(),
        help: source.help.clone().unwrap_or_default(),
    }
}

/// Text, code, underlined text, and words of message and help.
const MISTAKES: [(&str, &str, &str, &str, &str); 36] = [
    ("allow(\"x\"", "policy::syntax", "", "expecting ')'", ""),
    ("let = 3;", "policy::syntax", "=", "expecting name of a variable", ""),
    (
        "alow(\"x\");",
        "policy::unknown_function",
        "alow(\"x\")",
        "unknown function `alow`",
        "did you mean `allow`?",
    ),
    ("allow(\"x\").host(\"forge\");", "policy::argument", "host(\"forge\")", "does not take", "fleet.host"),
    (
        "allow(\"x\").servces(\"a\");",
        "policy::unknown_function",
        "servces(\"a\")",
        "`servces`",
        "did you mean `services`?",
    ),
    ("[1].conatins(1);", "policy::unknown_function", "conatins(1)", "`conatins`", "did you mean `contains`?"),
    ("frobnicate(1);", "policy::unknown_function", "frobnicate(1)", "`frobnicate`", "policy.md"),
    ("fleet.hosts.contains();", "policy::unknown_function", "contains()", "does not work on an array", ""),
    ("allow(x);", "policy::unknown_variable", "x", "unknown variable `x`", "quotes"),
    ("for h in flet.hosts {}", "policy::unknown_variable", "flet", "`flet`", "did you mean `fleet`?"),
    (
        "allow(\"x\").when(|s, h, v| hots.name == \"a\");",
        "policy::unknown_variable",
        "hots",
        "`hots`",
        "did you mean",
    ),
    (
        "fleet.host(\"forge\").nmae;",
        "policy::unknown_property",
        "nmae",
        "a host has no property `nmae`",
        "did you mean `name`?",
    ),
    (
        "fleet.servers;",
        "policy::unknown_property",
        "servers",
        "the fleet has no property",
        "known here: `hosts`, `admins`",
    ),
    (
        "allow(\"x\").hosts(\"forgee\");",
        "policy::unknown_host",
        "hosts(\"forgee\")",
        "no host `forgee`",
        "did you mean `forge`?",
    ),
    ("fleet.host(\"zzz\");", "policy::unknown_host", "host(\"zzz\")", "no host `zzz`", "secretctl.toml"),
    (
        "any_host().except(\"web1\");",
        "policy::unknown_host",
        "except(\"web1\")",
        "`web1`",
        "did you mean `web-1`?",
    ),
    ("allow([\"x\", \"a//b\"]);", "policy::pattern", "allow([\"x\", \"a//b\"])", "empty segment", "`**`"),
    (
        "deny(\"{hots}/x\");",
        "policy::pattern",
        "deny(\"{hots}/x\")",
        "unknown placeholder `{hots}`",
        "`{host}`",
    ),
    ("allow(\"a/***\");", "policy::pattern", "allow(\"a/***\")", "mixes `**`", ""),
    ("allow(42);", "policy::argument", "allow(42)", "not an integer", "allow("),
    ("allow([\"x\", 1.5]);", "policy::argument", "allow([\"x\", 1.5])", "not a number", ""),
    (
        "allow(\"x\", \"y\");",
        "policy::argument",
        "allow(\"x\", \"y\")",
        "does not take these",
        "`allow([\"pattern\", …])`",
    ),
    (
        "allow(\"x\").services(42);",
        "policy::argument",
        "services(42)",
        "a service name, a glob or an array of them, not an integer",
        "",
    ),
    (
        "allow(\"x\").services(tag(\"web\"));",
        "policy::argument",
        "services(tag(\"web\"))",
        "not a selector",
        "",
    ),
    ("allow(\"x\").hosts(|h| true);", "policy::argument", "hosts(|h| true)", "not a function", "tag"),
    ("allow(\"x\").hosts(allow(\"y\"));", "policy::argument", "hosts(allow(\"y\"))", "not a rule", ""),
    ("tag(3);", "policy::argument", "tag(3)", "`tag` does not take", "`tag(\"name\")`"),
    ("allow(\"x\").because(1);", "policy::argument", "because(1)", "expected a text", ""),
    (
        "allow(\"x\").because(\"a\").because(\"b\");",
        "policy::argument",
        "because(\"b\")",
        "already has a reason",
        "",
    ),
    (
        "allow(\"x\").when(true);",
        "policy::argument",
        "when(true)",
        "expected a function, not true or false",
        "",
    ),
    (
        "allow(\"x\").when(|h| true);",
        "policy::argument",
        "when(|h| true)",
        "takes the secret, the host and the service",
        "|secret, host, service|",
    ),
    (
        "allow(\"x\").services(\"sonarr.service\");",
        "policy::selector",
        "services(\"sonarr.service\")",
        "`sonarr.service`",
        "without",
    ),
    ("allow(\"x\").hosts(\"web-[12]*\");", "policy::selector", "hosts(\"web-[12]*\")", "holds `[`", "`*`"),
    (
        "allow(\"x\").until(\"2027-02-30\");",
        "policy::date",
        "until(\"2027-02-30\")",
        "`2027-02-30`",
        "2027-01-31",
    ),
    ("allow(\"x\").until(\"soon\");", "policy::date", "until(\"soon\")", "neither a date", ""),
    ("throw \"stop\";", "policy::script", "throw", "the policy stopped: stop", ""),
];

#[test]
fn every_mistake_is_told_with_code_line_and_next_step() {
    for (text, code, underlined, message, help) in MISTAKES {
        let told = told(&format!("// first line\n  {text}\n"));
        assert_eq!(told.code, code, "{text}: {}", told.message);
        assert_eq!(told.line, if underlined.is_empty() { told.line } else { 2 }, "{text}");
        assert_eq!(told.underlined, underlined, "{text}");
        assert!(told.message.contains(message), "{text}: {}", told.message);
        assert!(told.help.contains(help), "{text}: {}", told.help);
    }
}

#[test]
fn messages_are_one_lower_case_line_without_the_names_of_rust_types() {
    for (text, ..) in MISTAKES {
        let told = told(text);
        assert!(!told.message.starts_with(char::is_uppercase), "{}", told.message);
        assert!(!told.message.ends_with('.') && !told.message.contains('\n'), "{}", told.message);
        for leak in ["::", "i64", "ImmutableString", "Dynamic", "HostObject", "Handle"] {
            assert!(!told.message.contains(leak), "{}", told.message);
        }
    }
}

#[test]
fn operators_on_wrong_types_are_told_in_words() {
    let told = told("1 + fleet.host(\"forge\")");
    assert_eq!(told.code, "policy::script");
    assert_eq!(told.message, "`+` does not work on an integer and a host");
}

#[test]
fn a_mistake_in_a_function_is_told_where_it_is() {
    let told = told("fn a() {\n  allow(\"//\");\n}\nfn b() { a() }\nb();");
    assert_eq!((told.code.as_str(), told.line), ("policy::pattern", 2));
}

#[test]
fn a_mistake_in_an_imported_file_is_told_in_that_file() {
    let run = |lib: &str, main: &str| {
        let files = [file("policies/lib/x.rhai", lib), file("policies/a.rhai", main)];
        let error = Policy::load(&files, &fleet()).unwrap_err();
        format!("{} {}", error.source_error().code, error.source_error().place())
    };
    let import = "import \"lib/x\" as x;\n";
    assert_eq!(run("\nallow(\"//\");", import), "policy::pattern policies/lib/x.rhai:2:1");
    assert_eq!(run("\n\nlet =", import), "policy::syntax policies/lib/x.rhai:3:5");
    assert_eq!(
        run("fn f() {\n allow(\"//\") }", &format!("{import}x::f();")),
        "policy::pattern policies/lib/x.rhai:2:2"
    );
    assert_eq!(run("fn f() {}", &format!("{import}x::g();")), "policy::unknown_function policies/a.rhai:2:4");
    assert_eq!(run("", "import \"lib/y\" as y;"), "policy::unknown_import policies/a.rhai:1:8");
    assert_eq!(run("", "lib::f();"), "policy::unknown_import policies/a.rhai:1:1");
}

#[test]
fn a_mistaken_import_names_the_file_that_was_meant() {
    let files = [file("policies/lib/groups.rhai", ""), file("policies/a.rhai", "import \"lib/group\" as g;")];
    let error = Policy::load(&files, &fleet()).unwrap_err();
    assert_eq!(error.source_error().help.as_deref(), Some("did you mean `lib/groups`?"));
}

#[test]
fn the_first_mistaken_file_in_order_of_name_is_told() {
    let files = [file("policies/b.rhai", "nope()"), file("policies/a.rhai", "\nnope()")];
    let error = Policy::load(&files, &fleet()).unwrap_err();
    assert_eq!(error.source_error().place().to_string(), "policies/a.rhai:2:1");
}
