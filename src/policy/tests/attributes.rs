//! What a policy declares about values.

use super::*;
use crate::policy::Attributes;

fn of(rules: &str, secret: &str) -> Attributes {
    load(rules).attributes(&secret.parse().unwrap())
}

fn refused(rules: &str) -> String {
    let error = try_load(rules).unwrap_err();
    let error = error.source_error();
    format!("{} {}: {}", error.code, error.message, error.help.clone().unwrap_or_default())
}

#[test]
fn a_secret_without_declarations_has_no_attributes() {
    let none = of(r#"rotate("y").every("1d"); validate("y", optional()); editors("y", "alice");"#, "x");
    assert!(none.rotation.is_none() && none.requirements.is_empty() && none.editors.is_none());
}

#[test]
fn of_several_rotations_the_strictest_terms_hold_whatever_their_order() {
    let rules = [
        r#"rotate("**").every("1y").warn("30d").owner("ops");"#,
        r#"rotate("a/api-*").every("90d").warn("14d").runbook("https://wiki.example.org/a");"#,
        r#"rotate("a/*").owner("alice").except("a/api-old");"#,
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let text: String = order.iter().filter_map(|at| rules.get(*at).copied()).collect();
        let rotation = of(&text, "a/api-key").rotation.unwrap();
        assert_eq!(rotation.every.unwrap().as_hours(), 90 * 24);
        assert_eq!(rotation.warn.unwrap().as_hours(), 30 * 24);
        assert_eq!(rotation.owners.into_iter().collect::<Vec<_>>(), ["alice", "ops"]);
        assert_eq!(rotation.runbooks.len(), 1);
        assert_eq!(of(&text, "a/api-old").rotation.unwrap().owners.len(), 1);
    }
}

#[test]
fn editors_are_those_that_every_list_names() {
    let editors = |rules: &str| {
        let names = of(rules, "prod/x").editors.unwrap().names;
        names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(editors(r#"editors("prod/**", ["alice", "bob"]);"#), ["alice", "bob"]);
    assert_eq!(editors(r#"editors("prod/**", ["alice", "bob"]); editors("**", "bob");"#), ["bob"]);
    assert!(editors(r#"editors("prod/**", "alice"); editors("**", "bob");"#).is_empty());
}

#[test]
fn requirements_add_up_with_their_places() {
    let all = of("validate(\"x\", [optional(), install_once()]);\nvalidate(\"{host}\", first_boot());", "x");
    let words: Vec<_> = all.requirements.iter().map(|r| format!("{} {}", r.requirement, r.place)).collect();
    assert_eq!(
        words,
        [
            "optional() policies/access.rhai:1:1",
            "install_once() policies/access.rhai:1:1",
            "first_boot() policies/access.rhai:2:1"
        ]
    );
}

#[test]
fn what_hosts_need_to_come_up_is_told_by_name_for_every_host_in_use() {
    let policy = load(r#"validate(["{host:_}_pw", "motd"], first_boot()).except("web_1_pw");"#);
    let names: Vec<_> = policy.needed_to_boot().into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["attic_pw", "forge_pw", "motd", "torii_chan_pw", "web_2_pw"]);
}

#[test]
fn a_mistaken_declaration_says_what_to_write() {
    for (rules, says) in [
        (r#"rotate("x").every("soon");"#, "policy::period `soon` is no period: write `.every(\"90d\")`"),
        (r#"rotate("x").every("-1d");"#, "policy::period"),
        (r#"rotate("x").every("1d").every("2d");"#, "policy::argument `.every(..)` was said already"),
        (
            r#"rotate("x").every(90);"#,
            "policy::argument `every` does not take these arguments: write `.every",
        ),
        (r#"rotate("x").owner("a\nb");"#, "policy::argument `.owner(..)` takes one line"),
        (
            r#"rotate("x").evry("1d");"#,
            "policy::unknown_function unknown function `evry`: did you mean `every`?",
        ),
        (
            r#"editors("x", ["alcie"]);"#,
            "policy::unknown_admin the fleet has no admin `alcie`: did you mean `alice`?",
        ),
        (r#"editors("x", []);"#, "policy::argument a source needs an editor"),
        (r#"editors("x", 1);"#, "policy::argument expected the name of an admin"),
        (
            r#"validate("x", "pem");"#,
            "policy::argument expected a requirement or an array of them, not a text",
        ),
        (
            r#"validate("x", [1]);"#,
            "policy::argument expected a requirement or an array of them, not an integer",
        ),
        (r#"validate("x/*", first_boot());"#, "policy::pattern `first_boot()` needs whole names"),
        (r#"never("x").until("2027-01-01");"#, "policy::argument what `never(..)` says has no end"),
        (r#"deny("x").including_dormant();"#, "policy::argument `deny` is about every host"),
        (r#"never("x").including_dormant();"#, "policy::argument `never` is about every host"),
        (r"never(1);", "policy::argument expected a pattern"),
    ] {
        assert!(refused(rules).contains(says), "{rules}\n{}", refused(rules));
    }
}
