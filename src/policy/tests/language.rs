//! Every feature of the language.

use super::*;

#[test]
fn a_rule_without_selectors_is_about_every_host_and_service() {
    let policy = load(r#"allow("motd/text");"#);
    assert_eq!(readers(&policy, "motd/text"), "attic forge torii-chan web-1 web-2");
    assert!(allowed(&policy, "motd/text forge anything"));
    assert!(!allowed(&policy, "motd/other forge"));
}

#[test]
fn one_rule_can_hold_several_patterns() {
    let policy = load(r#"allow(["a/x", "b/*"]).hosts("forge");"#);
    for secret in ["a/x", "b/y"] {
        assert_eq!(readers(&policy, secret), "forge", "{secret}");
    }
    assert_eq!(policy.rules().first().unwrap().reference().patterns, ["a/x", "b/*"]);
}

#[test]
fn hosts_are_selected_by_name_glob_array_tag_system_or_object() {
    for (selector, hosts) in [
        (r#""forge""#, "forge"),
        (r#""web-*""#, "web-1 web-2"),
        (r#""*""#, "attic forge torii-chan web-1 web-2"),
        (r#"["forge", "web-*"]"#, "forge web-1 web-2"),
        (r#"[["forge"], tag("gpu")]"#, "forge torii-chan"),
        ("[]", ""),
        (r#"tag("backup")"#, "attic forge"),
        (r#"tag("unheard-of")"#, ""),
        (r#"system("aarch64-linux")"#, "torii-chan web-2"),
        (r#"system("*-linux")"#, "attic forge torii-chan web-1 web-2"),
        ("any_host()", "attic forge torii-chan web-1 web-2"),
        (r#"fleet.host("forge")"#, "forge"),
        (r#"fleet.hosts.filter(|h| h.tags.contains("web"))"#, "web-1 web-2"),
    ] {
        let policy = load(&format!("allow(\"x\").hosts({selector});"));
        assert_eq!(readers(&policy, "x"), hosts, "{selector}");
    }
}

#[test]
fn except_takes_away_from_every_kind_of_selector() {
    for (selector, hosts) in [
        (r#"any_host().except("forge")"#, "attic torii-chan web-1 web-2"),
        (r#"tag("web").except(["web-1", "forge"])"#, "web-2"),
        (r#""web-*".except("web-2")"#, "web-1"),
        (r#"["forge", "web-1"].except(tag("web"))"#, "forge"),
        (r#"system("x86_64-*").except("w*").except(tag("nas"))"#, "attic"),
        (r#"any_host().except(tag("backup").except("attic"))"#, "attic torii-chan web-1 web-2"),
    ] {
        let policy = load(&format!("allow(\"x\").hosts({selector});"));
        assert_eq!(readers(&policy, "x"), hosts, "{selector}");
    }
}

#[test]
fn except_on_a_rule_takes_hosts_away_whatever_the_order_of_methods() {
    for rule in [
        r#"allow("x").except("forge").hosts(tag("backup"))"#,
        r#"allow("x").hosts(tag("backup")).except("forge")"#,
    ] {
        assert_eq!(readers(&load(rule), "x"), "attic", "{rule}");
    }
    assert_eq!(readers(&load(r#"allow("x").except(tag("web"))"#), "x"), "attic forge torii-chan");
}

#[test]
fn services_are_selected_by_name_glob_or_array() {
    for (selector, yes, no) in [
        (r#""sonarr""#, "sonarr", "system"),
        (r#""wire*""#, "wireguard", "caddy"),
        (r#"["sonarr", "rest*"]"#, "restic", "caddy"),
        (r#""system""#, "system", "sonarr"),
    ] {
        let policy = load(&format!("allow(\"x\").services({selector});"));
        assert!(allowed(&policy, &format!("x forge {yes}")), "{selector}");
        assert!(!allowed(&policy, &format!("x forge {no}")), "{selector}");
    }
}

#[test]
fn a_second_selector_on_one_rule_adds_to_the_first() {
    let policy = load(r#"let r = allow("x"); for h in ["forge", "web-1"] { r.hosts(h); }"#);
    assert_eq!(readers(&policy, "x"), "forge web-1");
    let policy = load(r#"allow("x").services("a").services(["b"]);"#);
    assert!(allowed(&policy, "x forge a") && allowed(&policy, "x forge b") && !allowed(&policy, "x forge c"));
}

#[test]
fn placeholders_spell_hosts_with_dashes_or_underscores() {
    let policy = load(
        r#"allow("{host}/{service}/**"); allow("{host:_}_root_password_hash"); allow("{host}-root"); allow("x/{host}_y");"#,
    );
    assert!(allowed(&policy, "torii-chan/wireguard/key torii-chan wireguard"));
    assert!(!allowed(&policy, "torii-chan/wireguard/key torii-chan system"));
    assert!(!allowed(&policy, "torii-chan/wireguard/key forge wireguard"));
    assert_eq!(readers(&policy, "torii_chan_root_password_hash"), "torii-chan");
    assert_eq!(readers(&policy, "torii-chan_root_password_hash"), "");
    assert_eq!(readers(&policy, "forge_root_password_hash"), "forge");
    assert_eq!(readers(&policy, "torii-chan-root"), "torii-chan");
    assert_eq!(readers(&policy, "x/torii-chan_y"), "torii-chan");
}

#[test]
fn a_reason_travels_with_the_rule() {
    let policy = load("\n  allow(\"x\")\n .because(\"a reason\");");
    let Decision::Allow { permits, .. } = decide(&policy, "x forge") else {
        return assert!(allowed(&policy, "x forge"));
    };
    let rule = permits.first().unwrap();
    assert_eq!(rule.because.as_deref(), Some("a reason"));
    assert_eq!(rule.place.to_string(), "policies/access.rhai:2:3");
    assert_eq!(rule.patterns, ["x"]);
}

#[test]
fn rules_can_be_made_by_loops_and_functions_over_the_fleet() {
    let policy = load(
        r#"
        fn give(pattern, h) { allow(pattern).hosts(h.name); }
        fn count() { fleet.hosts.len() }
        for h in fleet.hosts { if h.tags.contains("gpu") { give("licences/cuda", h); } }
        for h in fleet.hosts { if h.system == "aarch64-linux" && h.state == "active" { allow(`arm/${h.name}`); } }
        for a in fleet.admins { allow(`admins/${a}`).hosts("forge"); }
        if count() == 7 && fleet.host("forge").services.contains("sonarr") { allow("five"); }
        "#,
    );
    assert_eq!(readers(&policy, "licences/cuda"), "torii-chan");
    assert_ne!(readers(&policy, "arm/web-2"), "");
    assert_eq!(readers(&policy, "arm/forge"), "");
    assert_eq!(readers(&policy, "admins/bob"), "forge");
    assert_ne!(readers(&policy, "five"), "");
}

#[test]
fn a_condition_sees_the_secret_the_host_and_the_service() {
    let policy = load(
        r#"
        allow("acme/**").when(|secret, host, service| host.services.contains("caddy"));
        allow("by/**").when(|secret, host, service| secret.ends_with(service) && host.name == "forge");
        "#,
    );
    assert_eq!(readers(&policy, "acme/key"), "forge web-1 web-2");
    assert!(allowed(&policy, "by/sonarr forge sonarr"));
    assert!(!allowed(&policy, "by/sonarr forge restic"));
    assert!(!allowed(&policy, "by/sonarr web-1 sonarr"));
}

#[test]
fn every_condition_of_a_rule_must_hold() {
    let policy =
        load(r#"allow("x").when(|s, h, v| h.tags.contains("web")).when(|s, h, v| h.tags.contains("lab"));"#);
    assert_eq!(readers(&policy, "x"), "web-2");
}

#[test]
fn a_condition_may_be_a_named_function_and_use_others() {
    let policy = load(
        r#"
        const WANTED = "web";
        fn has(host, tag) { host.tags.contains(tag) }
        fn on_web(secret, host, service) { has(host, global::WANTED) && fleet.hosts.len() == 7 }
        allow("x").when(on_web);
        allow("y").when(Fn("on_web"));
        "#,
    );
    assert_eq!(readers(&policy, "x"), "web-1 web-2");
    assert_eq!(readers(&policy, "y"), "web-1 web-2");
}

#[test]
fn a_condition_keeps_what_it_captured_when_it_was_declared() {
    let policy = load(
        r#"
        let wanted = "web";
        allow("x").when(|s, h, v| h.tags.contains(wanted));
        wanted = "gpu";
        allow("y").when(|s, h, v| h.tags.contains(wanted));
        for t in ["web", "gpu"] { allow(`tag/${t}`).when(|s, h, v| h.tags.contains(t)); }
        "#,
    );
    assert_eq!(readers(&policy, "x"), "web-1 web-2");
    assert_eq!(readers(&policy, "y"), "torii-chan");
    assert_eq!(readers(&policy, "tag/web"), "web-1 web-2");
    assert_eq!(readers(&policy, "tag/gpu"), "torii-chan");
}

#[test]
fn a_condition_cannot_remember_earlier_requests() {
    let policy = load(
        r#"
        let seen = 0;
        allow("x").when(|s, h, v| { seen += 1; seen == 1 });
        let inner = 0;
        let count = || { inner += 1; inner };
        allow("y").when(|s, h, v| count.call() == 1);
        "#,
    );
    for _ in 0..3 {
        assert!(allowed(&policy, "x forge"));
        assert!(allowed(&policy, "y forge"));
    }
}

#[test]
fn a_rule_holds_through_the_last_second_of_its_last_day() {
    let policy = load(r#"allow("x").until("2027-01-31"); allow("y").until("2027-01-31T12:00:00+01:00");"#);
    assert!(decide_at(&policy, "x forge", "2027-01-31T23:59:59.9Z").is_allowed());
    assert!(!decide_at(&policy, "x forge", "2027-02-01T00:00:00Z").is_allowed());
    assert!(decide_at(&policy, "y forge", "2027-01-31T11:00:00Z").is_allowed());
    assert!(!decide_at(&policy, "y forge", "2027-01-31T11:00:01Z").is_allowed());
}

#[test]
fn of_two_permits_the_one_that_lasts_longer_counts() {
    let end = |text: &str| match decide(&load(text), "x forge") {
        Decision::Allow { not_after, .. } => not_after.map(|end| end.to_string()),
        Decision::Deny { .. } => Some("denied".to_owned()),
    };
    let (short, long) = (r#"allow("x").until("2027-01-31");"#, r#"allow("*").until("2027-03-01");"#);
    assert_eq!(end(short).as_deref(), Some("2027-01-31T23:59:59Z"));
    assert_eq!(end(&format!("{short}{long}")).as_deref(), Some("2027-03-01T23:59:59Z"));
    assert_eq!(end(&format!("{short}{long}allow(\"**\");")), None);
    assert_eq!(
        end(r#"allow("x").until("2027-03-01").until("2027-01-31");"#).as_deref(),
        Some("2027-01-31T23:59:59Z")
    );
}

#[test]
fn imports_share_functions_values_and_rules_between_files() {
    let files = [
        file(
            "policies/lib/groups.rhai",
            r#"
            const EDGE = ["web-1", "web-2"];
            export EDGE;
            fn own(pattern) { allow(pattern).hosts(["forge"]).when(|s, h, v| is_forge(h)); }
            fn is_forge(h) { h.name == "forge" }
            allow("from/lib").hosts("web-1");
            "#,
        ),
        file(
            "policies/a.rhai",
            r#"import "lib/groups" as groups; allow("edge").hosts(groups::EDGE); groups::own("own");"#,
        ),
        file("policies/b.rhai", r#"import "lib/groups" as g; allow("b").hosts(g::EDGE);"#),
        file("policies/tests/never.rhai", "this is not run"),
        file("policies/other/never.rhai", "nor this"),
    ];
    let policy = Policy::load(&files, &fleet()).unwrap();
    assert_eq!(readers(&policy, "edge"), "web-1 web-2");
    assert_eq!(readers(&policy, "own"), "forge");
    assert_eq!(readers(&policy, "b"), "web-1 web-2");
    assert_eq!(readers(&policy, "from/lib"), "web-1");
    assert_eq!(policy.rules().len(), 4, "an imported file runs once");
    let place = |secret: &str| match decide(&policy, &format!("{secret} forge")) {
        Decision::Allow { permits, .. } => permits.first().unwrap().place.to_string(),
        Decision::Deny { .. } => "denied".to_owned(),
    };
    assert_eq!(place("own"), "policies/lib/groups.rhai:4:31");
}

#[test]
fn a_folder_can_be_imported_by_its_name() {
    let files = [
        file("policies/lib/lib.rhai", r#"fn nas() { tag("nas") }"#),
        file("policies/a.rhai", r#"import "lib" as lib; allow("x").hosts(lib::nas());"#),
    ];
    assert_eq!(readers(&Policy::load(&files, &fleet()).unwrap(), "x"), "forge");
}

#[test]
fn a_closure_of_an_imported_file_is_not_taken_for_one_of_the_importing_file() {
    let condition = "|s, h, v| h.name == NAME()";
    let files = [
        file(
            "policies/lib/a.rhai",
            &format!("fn NAME() {{ \"web-1\" }} fn give() {{ allow(\"lib\").when({condition}); }}"),
        ),
        file(
            "policies/a.rhai",
            &format!(
                "import \"lib/a\" as a; fn NAME() {{ \"forge\" }} a::give(); allow(\"own\").when({condition});"
            ),
        ),
    ];
    let policy = Policy::load(&files, &fleet()).unwrap();
    assert_eq!(readers(&policy, "own"), "forge");
    assert_eq!(readers(&policy, "lib"), "web-1");
}
