#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn values(pairs: &[(&str, &[u8])]) -> BTreeMap<SecretName, SecretBytes> {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), SecretBytes::from(value.to_vec()))).collect()
}

fn render(text: &str, format: Format, value: &[u8]) -> Result<Vec<u8>, RenderError> {
    let template = Template::parse(text, format).unwrap();
    template.render(&values(&[("s", value), ("t", b"other")])).map(|out| out.expose().to_vec())
}

fn text(text: &str, format: Format, value: &str) -> String {
    String::from_utf8(render(text, format, value.as_bytes()).unwrap()).unwrap()
}

#[test]
fn mistakes_name_their_line() {
    for (text, line) in [
        ("a\n<secret:>", 2),
        ("<secret:../x>", 1),
        ("\n\n<secret:s|nope>", 3),
        ("<secret:s", 1),
        ("<secret:s\n>", 1),
        ("<secret-if:s>x", 1),
        ("x<secret-end>", 1),
        ("<secret-if:s>a<secret-else>b<secret-else>c<secret-end>", 1),
    ] {
        let error = Template::parse(text, Format::None).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
    }
}

#[test]
fn text_that_only_looks_like_a_placeholder_stays() {
    assert_eq!(text("<secretary> <secrets:x> 100%", Format::None, "v"), "<secretary> <secrets:x> 100%");
}

#[test]
fn one_line_break_at_the_end_is_dropped_unless_raw() {
    assert_eq!(text("[<secret:s>]", Format::None, "v\n\n"), "[v\n]");
    assert_eq!(text("[<secret:s|raw>]", Format::None, "v\n"), "[v\n]");
    assert_eq!(text("[<secret:s|trim>]", Format::None, " v \n\n"), "[v]");
}

#[test]
fn env_files_of_containers_take_a_value_as_it_is_and_no_second_line() {
    assert_eq!(serde_json::from_str::<Format>("\"docker-env\"").unwrap(), Format::DockerEnv);
    assert_eq!(
        text("A=<secret:s>\nB='<secret:t>'", Format::DockerEnv, "p$a\"b\\ "),
        "A=p$a\"b\\ \nB='other'"
    );
    for value in [&b"one\nTWO=2"[..], b"one\rtwo", b"nul\0"] {
        let error = render("A=<secret:s>\n", Format::DockerEnv, value).unwrap_err();
        assert!(error.reason.contains("line break"), "{error}");
    }
}

#[test]
fn filters_apply_in_their_order() {
    assert_eq!(text("<secret:s|base64>", Format::None, "a\n"), "YQ==");
    assert_eq!(text("<secret:s|trim|base64|urlencode>", Format::None, " a "), "YQ%3D%3D");
    assert_eq!(text("<secret:s|urlencode>", Format::None, "a b/ä"), "a%20b%2F%C3%A4");
    assert_eq!(text("<secret:s|shell>", Format::None, "it's"), r"'it'\''s'");
    assert_eq!(
        text("Environment=\"X=1\" <secret:s|systemd>", Format::None, "100%\n\"\u{1}"),
        "Environment=\"X=1\" \"100%%\\n\\\"\\x01\""
    );
    assert_eq!(text("<secret:s|json|none>", Format::Dotenv, "a\"b"), r#""a\"b""#);
}

#[test]
fn conditions_choose_by_what_is_there() {
    let source = "<secret-if:s>s=<secret:s><secret-else>none<secret-end>;<secret-if:u>u=<secret:u><secret-end>;<secret-if:s><secret-if:t>both<secret-end><secret-end>";
    let template = Template::parse(source, Format::None).unwrap();
    assert_eq!(template.render(&values(&[("s", b"1"), ("t", b"")])).unwrap().expose(), b"s=1;;both");
    assert_eq!(template.render(&values(&[("u", b"2")])).unwrap().expose(), b"none;u=2;");
    let name = |name: &str| name.parse::<SecretName>().unwrap();
    assert_eq!(template.needed(&|found| *found == name("u")), [&name("u")].into());
    assert_eq!(template.names().len(), 3);
}

#[test]
fn a_recipe_changes_with_text_format_and_each_ciphertext() {
    let recipe = |text: &str, format, digest: Option<&[u8]>| {
        let digests = digest.map(|d| ("s".parse().unwrap(), Digest::of(d))).into_iter().collect();
        Template::parse(text, format).unwrap().recipe(&digests)
    };
    let all = [
        recipe("<secret:s>", Format::None, Some(b"1")),
        recipe("<secret:s>", Format::None, Some(b"2")),
        recipe("<secret:s>", Format::None, None),
        recipe("<secret:s>", Format::Json, Some(b"1")),
        recipe("<secret:s> ", Format::None, Some(b"1")),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_value_that_cannot_stand_where_it_is_put_names_secret_and_line_and_never_the_value() {
    for (source, format, value) in [
        ("A=<secret:s>", Format::Dotenv, "hunter2\nb"),
        ("A=x<secret:s>", Format::Dotenv, "hunter2\nb"),
        ("A='<secret:s>'", Format::Dotenv, "hunter2'b"),
        ("A=\"<secret:s>\"", Format::Dotenv, "hunter2\0"),
        ("a = <secret:s>", Format::Ini, "hunter2\nb"),
        ("a = <secret:s>", Format::Ini, "hunter2 ;b"),
        ("a = <secret:s>", Format::Ini, " hunter2"),
        ("a: x<secret:s>", Format::Yaml, "hunter2: b"),
        ("a: '<secret:s>'", Format::Yaml, "hunter2\nb"),
        ("a = '<secret:s>'", Format::Toml, "hunter2'"),
        ("<secret:s|dotenv>", Format::None, "hunter2\nb"),
    ] {
        let error = render(&format!("# one\n{source}\n"), format, value.as_bytes()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`s` cannot stand on line 2"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    for (source, format) in
        [("\"<secret:s>\"", Format::Json), ("a: <secret:s>", Format::Yaml), ("a = <secret:s>", Format::Toml)]
    {
        assert!(render(source, format, &[0xff, 0xfe]).is_err(), "{source}");
    }
}

#[test]
fn yaml_values_keep_their_type_and_their_lines() {
    assert_eq!(text("a: <secret:s>\nb: 1", Format::Yaml, "yes"), "a: \"yes\"\nb: 1");
    assert_eq!(text("a: 'it''s <secret:s>'", Format::Yaml, "it's"), "a: 'it''s it''s'");
    assert_eq!(
        text("# it's\nurl: http://u:<secret:s>@h", Format::Yaml, "p4s"),
        "# it's\nurl: http://u:p4s@h"
    );
    assert_eq!(
        text("k:\n  pem: |\n    <secret:s>\n  b: 1", Format::Yaml, "A\nB\n"),
        "k:\n  pem: |\n    A\n    B\n  b: 1"
    );
    assert_eq!(text("l: [<secret:s>, <secret:t>]", Format::Yaml, "a"), "l: [\"a\", \"other\"]");
}

fn value() -> impl Strategy<Value = String> {
    // Mostly signs that mean something to some format.
    prop_oneof![
        "[ -~\u{e9}\u{4e2d}\u{1f600}]{0,12}",
        "[\"'\\\\$`#;:=%&!~{}\\[\\], x]{0,8}",
        proptest::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect()),
    ]
}

/// What remains of a value when one line break at its end is dropped.
fn kept(value: &str) -> &str {
    value.strip_suffix('\n').unwrap_or(value)
}

proptest! {
    #[test]
    fn json_reads_back_what_was_put_in(value in value()) {
        let out = text(r#"{"a": <secret:s>, "b": "x <secret:s> y", "c": [<secret:s|base64>]}"#, Format::Json, &value);
        let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(&parsed["a"], kept(&value));
        prop_assert_eq!(&parsed["b"], &format!("x {} y", kept(&value)));
        let quoted = text("<secret:s|json>", Format::None, &value);
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), kept(&value));
    }

    #[cfg(feature = "admin")]
    #[test]
    fn toml_reads_back_what_was_put_in(value in value()) {
        let out = text("a = <secret:s>\nb = \"x<secret:s>\"\nc = \"\"\"<secret:s>\"\"\"\n", Format::Toml, &value);
        let parsed = out.parse::<toml_edit::DocumentMut>().unwrap();
        prop_assert_eq!(parsed["a"].as_str().unwrap(), kept(&value));
        prop_assert_eq!(parsed["b"].as_str().unwrap(), format!("x{}", kept(&value)));
        prop_assert_eq!(parsed["c"].as_str().unwrap(), kept(&value));
        if let Ok(out) = render("a = '<secret:s>'", Format::Toml, value.as_bytes()) {
            let parsed = String::from_utf8(out).unwrap().parse::<toml_edit::DocumentMut>().unwrap();
            prop_assert_eq!(parsed["a"].as_str().unwrap(), kept(&value));
        }
    }

    #[cfg(feature = "admin")]
    #[test]
    fn shells_read_back_what_was_put_in(value in value()) {
        for (source, format, prefix) in [
            ("A=<secret:s>", Format::Dotenv, "A="),
            ("A=x/<secret:s>/y", Format::Dotenv, "A=x/"),
            ("A=\"<secret:s>\"", Format::Dotenv, "A="),
            ("A='<secret:s>'", Format::Dotenv, "A="),
            ("<secret:s|shell>", Format::None, ""),
            ("<secret:s|dotenv>", Format::None, ""),
        ] {
            if let Ok(out) = render(source, format, value.as_bytes()) {
                let words = shell_words::split(&String::from_utf8(out).unwrap()).unwrap();
                let suffix = if source.ends_with("/y") { "/y" } else { "" };
                let wanted = format!("{prefix}{}{suffix}", kept(&value));
                // The empty word disappears where nothing is quoted and nothing stands beside it.
                let wanted = if wanted.is_empty() && words.is_empty() { vec![] } else { vec![wanted] };
                prop_assert_eq!(words, wanted, "{}", source);
            }
        }
    }

    #[test]
    fn yaml_scalars_are_json_strings(value in value()) {
        // A double-quoted scalar of YAML reads every JSON string, so a JSON parser can check it.
        let out = text("a: <secret:s>", Format::Yaml, &value);
        let scalar = out.strip_prefix("a: ").unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(scalar).unwrap(), kept(&value));
    }

    #[test]
    fn parsing_never_panics(source in "(<secret|:|-if:|-else>|-end>|s|>|\\||\n|raw|ä){0,12}") {
        if let Ok(template) = Template::parse(&source, Format::Yaml) {
            let _ = template.render(&values(&[("s", b"v")]));
        }
    }
}
