//! Hostile policies: each must end in an error, and soon.

use super::*;

/// The code and line with which a text is refused.
fn refused(text: &str) -> String {
    match try_load(text) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            let error = error.source_error();
            format!("{}:{}", error.code, error.place().line.unwrap())
        }
    }
}

#[test]
fn endless_work_hits_a_limit_on_its_line() {
    for script in [
        "loop {}",
        "while true { let a = 1; }",
        "do {} while true",
        "for i in 0..1000000000 {}",
        "let a = 0; loop { a += 1; }",
        "fn f() { loop {} } f()",
        "let f = || { loop {} }; f.call()",
        "let a = [0]; for i in 0..12 { a += a; } a.map(|x| { for i in 0..100000 {} 1 })",
        "let a = [0]; for i in 0..12 { a += a; } let b = a; let c = a; a.map(|x| b.map(|y| c.map(|z| 1)))",
        "for i in 0..1000000 { allow(\"x\"); }",
        "let r = allow(\"x\"); loop { r.hosts(\"*\"); }",
        "let r = allow(\"x\"); loop { r.services(`a${r}`); }",
        "loop { fleet.hosts.map(|h| h.tags); }",
        "let a = []; for i in 0..100000 { let b = a; a = b; }  loop { tag(\"x\"); }",
    ] {
        let code = refused(&format!("\n{script}"));
        assert!(code.starts_with("policy::limit") || script.contains("`a$"), "{script}: {code}");
        assert!(code.ends_with(":2"), "{script}: {code}");
    }
}

#[test]
fn growth_hits_a_limit_on_its_line() {
    for script in [
        "let s = \"aaaaaaaa\"; loop { s += s; }",
        "let s = \"a\"; loop { s += `${s}${s}`; }",
        "let a = []; loop { a.push(1); }",
        "let a = [1]; loop { a += a; }",
        "let a = [1]; loop { a = [a, a]; }",
        "let a = [1]; loop { a = [a]; }",
        "let m = #{}; loop { m = #{ a: m }; }",
        "let m = #{ a: 1 }; loop { m = #{ a: m, b: m }; }",
        "let m = #{}; let i = 0; loop { m[`k${i}`] = i; i += 1; }",
        "let f = || 1; loop { let g = f; f = || g.call(); }",
        "let f = || 1; loop { let g = f; let h = f; f = || g.call() + h.call(); }",
        "let f = |s, h, v| true; for i in 0..40 { let g = f; let k = f; f = |s, h, v| g.call(s, h, v) && k.call(s, h, v); } allow(\"x\").when(f);",
        "let a = [\"aaaaaaaaaaaaaaaa\"]; loop { a += a; let b = a; }",
        "fn f(n) { f(n + 1) } f(0)",
        "fn f(n) { g(n) } fn g(n) { f(n) } f(0)",
        "let f = |f, n| f.call(f, n); f.call(f, 1)",
        "let r = allow(\"x\"); for i in 0..100 { r.when(|s, h, v| true); }",
    ] {
        assert_eq!(refused(&format!("\n{script}")), "policy::limit:2", "{script}");
    }
}

#[test]
fn schemas_and_declarations_are_paid_for() {
    for script in [
        "let m = #{}; for i in 0..2000 { m[`k${i}`] = #{ type: \"string\" }; } loop { json(#{ properties: m }); }",
        "loop { json(#{ pattern: \"^(a+)+$\" }); }",
        "let s = #{}; for i in 0..40 { s = #{ not: s }; } json(s)",
        "loop { rotate(\"x\").every(\"1d\"); }",
        "let v = json(); loop { validate(\"x\", [v, v, v]); }",
        "let r = rotate(\"x\"); loop { r.except(\"y\"); }",
        "loop { never(\"x\"); }",
    ] {
        assert_eq!(refused(&format!("\n{script}")), "policy::limit:2", "{script}");
    }
    for script in ["json(#{ pattern: \"(a{1000}){1000}\" })", "json(#{ \"$ref\": \"file:///etc/passwd\" })"] {
        assert_eq!(refused(script), "policy::argument:1", "{script}");
    }
}

/// What the test file says, on a fleet whose policy is short.
fn tested(test: &str) -> String {
    let files =
        [file("policies/a.rhai", "allow(\"x\");"), file("policies/tests/a.rhai", &format!("\n{test}"))];
    let policy = Policy::load(&files, &fleet()).unwrap();
    let report = policy.test(&files, &fleet(), now()).unwrap();
    let failure = report.cases.into_iter().flat_map(|case| case.failures).next().unwrap();
    format!("{}:{}", failure.place.line.unwrap(), failure.message)
}

#[test]
fn a_hostile_test_is_stopped_at_its_line_as_a_policy_is() {
    for test in [
        "loop { expect_allowed(\"x\", \"forge\"); }",
        "loop { fleet.with_host(\"a\", #{}).expect_allowed(\"x\", \"forge\"); }",
        "let f = fleet; loop { f = f.with_host(\"a\", #{ tags: [\"b\"] }); }",
        "loop { fleet.at(\"2027-01-01\").expect_allowed(\"x\", \"forge\"); }",
        "let e = expect_allowed(\"x\", \"forge\"); loop { e.because(\"y\"); }",
        "let h = []; for i in 0..9000 { h.push(\"forge\"); } loop { expect_allowed(\"x\", h, h); }",
        "loop { test(\"a\", || { let n = 0; }); }",
        "test(\"a\", || { loop {} });",
        "fn f(n) { f(n + 1) } f(0)",
    ] {
        let said = tested(test);
        assert!(said.starts_with("2:"), "{test}: {said}");
    }
    assert!(tested("open(\"/etc/passwd\")").contains("unknown function"));
    assert!(tested("eval(\"1\")").contains("cannot be used"));
}

#[test]
fn a_value_that_holds_itself_is_refused() {
    for script in
        ["let a = []; let f = || a.len(); a.push(f);", "let a = []; let f = || a; a.push(f); a.to_string()"]
    {
        assert_ne!(refused(script), "accepted", "{script}");
    }
}

#[test]
fn a_policy_has_at_most_twenty_thousand_rules() {
    let many = |count: usize| format!("for i in 0..{count} {{ allow(\"x\"); }}");
    assert_eq!(load(&many(20_000)).rules().len(), 20_000);
    assert_eq!(refused(&many(20_001)), "policy::limit:1");
    let wide = "let p = [\"x\"]; for i in 0..11 { p += p; } for i in 0..26 { allow(p); }";
    assert_eq!(refused(wide), "policy::limit:1");
}

#[test]
fn deep_and_long_texts_are_refused() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("#{a:", "}"), ("{", "}"), ("!", ""), ("if true {", "}"), ("||", "")]
    {
        let text = format!("let x = {}1{};", open.repeat(5_000), close.repeat(5_000));
        assert_eq!(refused(&text), "policy::limit:1", "{open}");
    }
    assert_eq!(refused(&" ".repeat(1024 * 1024 + 1)), "policy::limit:1");
    assert_eq!(refused(&format!("let x = \"{}\";", "a".repeat(1025))), "policy::limit:1");
}

#[test]
fn the_outside_world_does_not_exist() {
    for (script, code) in [
        ("eval(\"1\")", "policy::syntax"),
        ("let f = Fn(\"eval\"); f.call(\"1\")", "policy::syntax"),
        ("print(1)", "policy::syntax"),
        ("debug(1)", "policy::syntax"),
        ("try { allow(\"//\") } catch {}", "policy::syntax"),
        ("fn f() { this }", "policy::syntax"),
        ("let f = || 1; f.curry(1)", "policy::syntax"),
        ("[].pad(5000, 0)", "policy::unknown_function"),
        ("\"\".pad(5000, \"ab\")", "policy::unknown_function"),
        ("let f = Fn(\"p\" + \"ad\"); f.call(\"\", 5000, 'x')", "policy::unknown_function"),
        ("sleep(100000)", "policy::unknown_function"),
        ("1.sleep()", "policy::unknown_function"),
        ("timestamp()", "policy::unknown_function"),
        ("rand()", "policy::unknown_function"),
        ("open_file(\"/etc/passwd\")", "policy::unknown_function"),
        ("exit(0)", "policy::unknown_function"),
        ("import \"../x\" as x;", "policy::unknown_import"),
        ("import \"/etc/passwd\" as x;", "policy::unknown_import"),
        ("import \"lib/../../x\" as x;", "policy::unknown_import"),
        ("import \"\" as x;", "policy::unknown_import"),
        ("import \"access\" as x;", "policy::unknown_import"),
        ("import \"tests/access\" as x;", "policy::unknown_import"),
        ("fleet.hosts = []", "policy::script"),
        ("let h = fleet.host(\"forge\"); h.name = \"x\"", "policy::script"),
        ("fleet.host(\"forge\").name = \"x\"", "policy::syntax"),
        ("fleet = 1", "policy::script"),
    ] {
        assert_eq!(refused(&format!("\n\n{script}")), format!("{code}:3"), "{script}");
    }
}

#[test]
fn changing_a_copy_of_the_facts_changes_nothing() {
    let policy = load(
        "let t = fleet.host(\"forge\").tags; t.push(\"gpu\"); fleet.host(\"forge\").tags.push(\"gpu\"); allow(\"x\").hosts(tag(\"gpu\")).when(|s, h, v| h.tags.contains(\"gpu\"));",
    );
    assert_eq!(readers(&policy, "x"), "torii-chan");
}

#[test]
fn imports_that_never_end_are_refused() {
    let loops = [
        file("policies/a.rhai", "\nimport \"lib/a\" as a;"),
        file("policies/lib/a.rhai", "import \"lib/b\" as b;"),
        file("policies/lib/b.rhai", "\n\nimport \"lib/a\" as a;"),
    ];
    let error = Policy::load(&loops, &fleet()).unwrap_err();
    assert_eq!(error.source_error().code, "policy::unknown_import");
    assert_eq!(error.source_error().place().to_string(), "policies/lib/b.rhai:3:8");

    let mut chain = vec![file("policies/a.rhai", "import \"lib/f0\" as f;")];
    for at in 0..100 {
        chain.push(file(&format!("policies/lib/f{at}.rhai"), &format!("import \"lib/f{}\" as f;", at + 1)));
    }
    assert_eq!(Policy::load(&chain, &fleet()).unwrap_err().source_error().code, "policy::limit");
    let many: Vec<_> = (0..100).map(|at| format!("import \"lib/g\" as g{at};")).collect();
    let files = [file("policies/a.rhai", &many.join("\n")), file("policies/lib/g.rhai", "")];
    assert_eq!(Policy::load(&files, &fleet()).unwrap_err().source_error().code, "policy::limit");
}

#[test]
fn one_budget_covers_all_files_and_imports() {
    let busy = "for i in 0..200000 { let a = i; }";
    let files: Vec<_> = (0..20).map(|at| file(&format!("policies/f{at:02}.rhai"), busy)).collect();
    assert!(Policy::load(files.get(..1).unwrap(), &fleet()).is_ok());
    assert_eq!(Policy::load(&files, &fleet()).unwrap_err().source_error().code, "policy::limit");
}
