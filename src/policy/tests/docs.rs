//! The reference page: every example on it is a policy that loads, and what it says about them holds.

use super::*;
use crate::policy::language::Entry;
use crate::policy::language::Kind;
use crate::policy::language::LANGUAGE;
use crate::policy::language::Scope;

const PAGE: &str = include_str!("../../../docs/reference/policy.md");

fn examples() -> Vec<&'static str> {
    let blocks = PAGE.split("```rhai\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn every_example_loads_and_declares_rules() {
    assert_eq!(examples().len(), 7);
    for example in examples() {
        let policy = try_load(example);
        assert!(policy.is_ok_and(|policy| !policy.rules().is_empty()), "{example}");
    }
}

#[test]
fn the_examples_together_mean_what_the_page_says() {
    let policy = load(&examples().join("\n"));
    assert!(allowed(&policy, "wireguard/web-1/key web-1 wireguard"));
    assert!(!allowed(&policy, "wireguard/web-1/key web-1 caddy"));
    assert!(!allowed(&policy, "wireguard/web-1/key forge wireguard"));
    assert!(allowed(&policy, "forge/sonarr/api-key forge sonarr"));
    assert_eq!(readers(&policy, "media/x"), "forge");
    assert_eq!(readers(&policy, "torii_chan_root_password_hash"), "torii-chan");
    assert_eq!(readers(&policy, "by-tag/web/x"), "web-1 web-2");
    assert_eq!(readers(&policy, "firmware/x"), "torii-chan web-2");
    assert_eq!(readers(&policy, "web-2/x"), "web-2");
    assert_eq!(readers(&policy, "web-2/x-offline"), "");
    assert!(allowed(&policy, "tls/a/key web-1 caddy") && !allowed(&policy, "tls/a/key attic caddy"));
}

#[test]
fn every_code_is_on_the_page() {
    use crate::policy::error::Code;
    let codes = [
        Code::Syntax,
        Code::UnknownFunction,
        Code::UnknownVariable,
        Code::UnknownProperty,
        Code::UnknownHost,
        Code::UnknownImport,
        Code::Pattern,
        Code::Selector,
        Code::Date,
        Code::Period,
        Code::UnknownAdmin,
        Code::Argument,
        Code::Limit,
        Code::Script,
    ];
    for code in codes {
        assert!(PAGE.contains(&format!("`{}`", code.text())), "{}", code.text());
    }
}

/// A policy, a test or a `validate(..)` around what the table says how to write.
fn in_context(entry: &Entry) -> String {
    let usage = entry.usage.replace("{ .. }", "{}").replace("condition)", "true)");
    let usage = usage.split("` or `").next().unwrap().to_owned();
    let on = match entry.of {
        "rule" => "allow(\"x\")",
        "selector" => "any_host()",
        "rotation" => "rotate(\"x\")",
        "attribute" => "editors(\"x\", \"alice\")",
        "expectation" => "expect_allowed(\"x\", \"forge\")",
        _ => "",
    };
    let host = if entry.of == "host" { "let host = fleet.host(\"forge\"); " } else { "" };
    let usage = usage.replace("selector)", "\"attic\")").replace("lab machines are shared", "why");
    let usage = usage.replace("fleet.host(\"name\")", "fleet.host(\"forge\")");
    match entry.scope {
        Scope::Requirements => format!("validate(\"x\", {usage});"),
        Scope::Generators => {
            let on = match entry.name {
                _ if entry.of.is_empty() => "",
                "from" | "within" => "command([\"true\"])",
                _ => "x509_cert(\"tls/key\", [\"forge\"])",
            };
            format!("generate(\"x\", {on}{usage});")
        }
        _ => format!("{host}{on}{usage};"),
    }
}

#[test]
fn everything_in_the_table_can_be_written_as_it_says() {
    for entry in LANGUAGE {
        let text = in_context(entry);
        if entry.scope == Scope::Tests {
            let files = [
                file("policies/a.rhai", "allow(\"x\").because(\"why\"); allow(\"prod/db\");"),
                file("policies/tests/a.rhai", &text),
            ];
            let policy = Policy::load(&files, &fleet()).unwrap();
            let report = policy.test(&files, &fleet(), now()).unwrap();
            let stopped = report
                .cases
                .iter()
                .flat_map(|case| &case.failures)
                .find(|failure| failure.explanation.is_none());
            assert!(stopped.is_none(), "{text}: {stopped:?}");
        } else {
            let loaded = try_load(&text).map_err(|error| error.to_string());
            assert!(loaded.is_ok(), "{text}: {loaded:?}");
        }
    }
}

#[test]
fn definitions_hold_everything_in_the_table() {
    let definitions = crate::policy::reference::definitions();
    for entry in LANGUAGE {
        let get = if entry.kind == Kind::Property { "get " } else { "" };
        assert!(definitions.contains(&format!("fn {get}{}(", entry.name)), "{}", entry.name);
        assert!(definitions.contains(entry.about), "{}", entry.about);
    }
}
