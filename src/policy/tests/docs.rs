//! The reference page: every example on it is a policy that loads, and what it says about them holds.

use super::*;

const PAGE: &str = include_str!("../../../docs/reference/policy.md");

fn examples() -> Vec<&'static str> {
    let blocks = PAGE.split("```rhai\n").skip(1);
    blocks.filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn every_example_loads_and_declares_rules() {
    assert_eq!(examples().len(), 5);
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
        Code::Argument,
        Code::Limit,
        Code::Script,
    ];
    for code in codes {
        assert!(PAGE.contains(&format!("`{}`", code.text())), "{}", code.text());
    }
}
