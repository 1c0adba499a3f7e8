//! What evaluation accepts and what it refuses.

use std::path::PathBuf;

use crate::nix::Nix;
use crate::nix::ROOT;
use crate::nix::evaluate;

/// A folder with real checkouts, if there is one.
pub(crate) fn checkouts() -> Option<PathBuf> {
    let given = std::env::var_os("SECRETCTL_NIX_CHECKOUTS").map(PathBuf::from);
    if given.is_none() {
        eprintln!("left out: SECRETCTL_NIX_CHECKOUTS names no folder with real checkouts");
    }
    given
}

/// As an argument of `tests/nix/evaluate.nix`.
pub(crate) fn real() -> Option<String> {
    checkouts().map(|folder| format!("checkouts = {};", folder.display()))
}

/// Runs the cases, with the function of `evaluate.nix` that makes a configuration.
fn hold(nix: Nix, arguments: &str, function: &str) {
    let cases = format!("import {ROOT}/tests/nix/cases/run.nix {{ inherit lib; evaluate = e.{function}; }}");
    let ran = nix.eval(&(evaluate(arguments) + &cases));
    assert_eq!(ran["failed"].as_array().unwrap().len(), 0, "{:#}", ran["failed"]);
    assert!(ran["count"].as_u64().unwrap() >= 50, "{}", ran["count"]);
}

/// What the module system itself refuses, with words that help.
fn refuse(nix: Nix, arguments: &str) {
    let cases = format!("(import {ROOT}/tests/nix/cases/failures.nix {{ }})");
    let listed = format!("builtins.mapAttrs (_: case: case.says) {cases}");
    let listed = nix.eval(&(evaluate(arguments) + &listed));
    let listed = listed.as_object().unwrap();
    assert!(listed.len() >= 10);
    for (name, words) in listed {
        let config = format!("(e.nixos [ {cases}.{name}.module ]).config");
        let all = "builtins.deepSeq [ config.secretctl.identities config.secretctl.trustedKeys ]";
        let expression = format!("let config = {config}; in {all} config.secretctl.uncheckedRequest.text");
        let said = nix.refuses(&(evaluate(arguments) + &expression));
        for words in words.as_array().unwrap() {
            assert!(said.contains(words.as_str().unwrap()), "{name}: {words} is missing in:\n{said}");
        }
    }
}

#[test]
fn every_case_holds_on_the_current_nix() {
    hold(Nix::Current, "", "nixos");
}

#[test]
fn every_case_holds_on_nix_2_8() {
    hold(Nix::Oldest, "", "nixos");
}

#[test]
fn wrong_types_and_conflicts_are_refused_by_the_current_nix_with_option_and_files() {
    refuse(Nix::Current, "");
}

#[test]
fn wrong_types_and_conflicts_are_refused_by_nix_2_8_with_option_and_files() {
    refuse(Nix::Oldest, "");
}

#[test]
fn a_home_is_refused_what_only_a_system_can_have_and_each_mistake_is_told_once() {
    let cases = format!(
        "builtins.mapAttrs (_: case: case.said) (import {ROOT}/tests/nix/cases/homes.nix {{ inherit (e) lib home; }})"
    );
    for nix in [Nix::Current, Nix::Oldest] {
        let failed = nix.eval(&(evaluate("") + &cases));
        assert_eq!(failed, serde_json::json!({}), "{failed:#}");
    }
}

#[test]
fn every_case_holds_with_the_lib_of_nixpkgs() {
    let Some(real) = real() else { return };
    hold(Nix::Current, &real, "nixos");
    refuse(Nix::Current, &real);
}

#[test]
fn every_case_holds_with_the_accounts_of_nixbsd() {
    let Some(real) = real() else { return };
    hold(Nix::Current, &real, "nixosWithRealAccounts");
}

/// Every host of two real fleets, as it is declared here.
#[test]
fn the_model_fleets_evaluate_and_ask_for_what_their_files_say() {
    for (fleet, hosts) in [
        ("torii", &["kagutsuchi-sama", "sando-kun", "shosoin-tan", "torii-chan"][..]),
        ("carpenike", &["forge", "luna", "nas-0", "nas-1", "nixpi"]),
    ] {
        let file = std::fs::read_to_string(format!("{ROOT}/tests/fleets/{fleet}/fleet.json")).unwrap();
        let facts: serde_json::Value = serde_json::from_str(&file).unwrap();
        for host in hosts {
            let active = |kind: &str, of: &dyn Fn(&serde_json::Value) -> bool| {
                let entries = facts[kind].as_array().unwrap().iter();
                entries.filter(|entry| entry["active"] == true && of(entry)).count()
            };
            let expression = format!(
                "let c = (e.nixos [ {ROOT}/tests/nix/fleets/{fleet}/{host}.nix ]).config.secretctl; count = x: \
                 builtins.length (builtins.attrNames x); in [ (count c.secrets) (count c.templates) ]"
            );
            let counted = Nix::Current.eval(&(evaluate("") + &expression));
            let secrets =
                active("secrets", &|entry| entry["hosts"].as_array().unwrap().contains(&(*host).into()));
            let templates = active("templates", &|entry| entry["host"] == *host);
            assert_eq!(counted, serde_json::json!([secrets, templates]), "{fleet}/{host}");
        }
    }
}
