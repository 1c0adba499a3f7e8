#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn key(path: &str) -> KeyPath {
    KeyPath::new(
        path.split('/').map(|step| step.parse().map_or_else(|_| Step::Key(step.to_owned()), Step::Item)),
    )
}

fn text(bytes: &SecretBytes) -> String {
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

fn refused(bytes: &[u8]) -> TextErrorKind {
    parse(bytes).unwrap_err().kind
}

const SAMPLE: &str = "{\n  \"a\": {\n    \"b\": \"x\",\n    \"c\": [1, true]\n  },\n  \"e\": {},\n  \"n\": null,\n  \"sops\": {\n    \"mac\": \"m\"\n  }\n}\n";

#[test]
fn leaves_come_in_the_order_of_the_text_without_the_metadata() {
    let json = parse(SAMPLE.as_bytes()).unwrap();
    let seen: Vec<String> =
        json.leaves().iter().map(|leaf| format!("{} {:?}", leaf.path, leaf.scalar)).collect();
    assert_eq!(seen.len(), 5);
    assert!(seen[0].starts_with("a/b Str") && seen[1].starts_with("a/c/0 Int"), "{seen:?}");
    assert_eq!(&seen[2..], ["a/c/1 Bool(true)", "e EmptyMap", "n Null"]);
    assert_eq!(json.metadata().unwrap().field("mac").and_then(Node::as_str), Some("m"));
}

#[test]
fn rendering_replaces_values_and_the_block_and_nothing_else() {
    let json = parse(SAMPLE.as_bytes()).unwrap();
    let node = Node::Map(vec![("mac".to_owned(), Node::Str("new".to_owned()))]);
    let block = Block { node: &node, like: None };
    let rendered = json.render(&Replacements::from([(0, Scalar::str(b"\"y\n"))]), Some(block)).unwrap();
    let expected = SAMPLE.replace("\"x\"", "\"\\\"y\\n\"").replace("\"m\"", "\"new\"");
    assert_eq!(text(&rendered), expected);
    let plain = json.render(&Replacements::new(), None).unwrap();
    assert_eq!(text(&plain), SAMPLE.replace(",\n  \"sops\": {\n    \"mac\": \"m\"\n  }", ""));
    let old = json.metadata().unwrap();
    let again = parse(plain.expose()).unwrap();
    let block = Block { node: old, like: Some(SAMPLE.as_bytes()) };
    assert_eq!(text(&again.render(&Replacements::new(), Some(block)).unwrap()), SAMPLE);
}

#[test]
fn entries_are_added_in_the_style_of_their_neighbours_and_before_the_metadata() {
    let json = parse(SAMPLE.as_bytes()).unwrap();
    let add = |path: &str| text(&json.insert(&key(path), &Scalar::str(b"v")).unwrap());
    assert!(add("a/z").contains("true],\n    \"z\": \"v\"\n  },"));
    assert!(add("a/c/2").contains("[1, true, \"v\"]"));
    assert!(add("e/f").contains("\"e\": {\n    \"f\": \"v\"\n  },"));
    assert!(add("z/y").contains("null,\n  \"z\": {\n    \"y\": \"v\"\n  },\n  \"sops\""));
    let kind = |path: &str| json.insert(&key(path), &Scalar::Null).unwrap_err().kind;
    assert_eq!(kind("a/b"), TextErrorKind::Exists);
    assert_eq!(kind("a/b/x"), TextErrorKind::NotAContainer);
    assert_eq!(kind("a/c/7"), TextErrorKind::Missing);
}

#[test]
fn entries_go_away_with_their_comma() {
    let json = parse(SAMPLE.as_bytes()).unwrap();
    let without = |path: &str| text(&json.remove(&key(path)).unwrap());
    assert!(without("a/b").contains("{\n    \"c\": [1, true]\n  }"));
    assert!(without("a/c").contains("\"b\": \"x\"\n  },"));
    assert!(without("a/c/0").contains("[true]"));
    assert!(without("n").contains("\"e\": {},\n  \"sops\""));
    assert_eq!(text(&parse(b"{\"a\": {\"b\": 1}}").unwrap().remove(&key("a/b")).unwrap()), "{\"a\": {}}");
    assert_eq!(json.remove(&key("a/x")).unwrap_err().kind, TextErrorKind::Missing);
}

#[test]
fn a_key_is_renamed_in_place() {
    let json = parse(SAMPLE.as_bytes()).unwrap();
    assert_eq!(text(&json.rename(&key("a/b"), &key("a/q")).unwrap()), SAMPLE.replace("\"b\"", "\"q\""));
    assert_eq!(json.rename(&key("a/b"), &key("a/c")).unwrap_err().kind, TextErrorKind::Exists);
    assert_eq!(json.rename(&key("a/b"), &key("b")).unwrap_err().kind, TextErrorKind::NotAContainer);
}

#[test]
fn what_is_no_strict_json_is_refused() {
    let broken: [&[u8]; 14] = [
        b"",
        b"[]",
        b"{\"a\": 01}",
        b"{\"a\": 1,}",
        b"{\"a\" 1}",
        b"{\"a\": 1} x",
        b"{\"a\": \"\n\"}",
        b"{\"a\": \"\\x\"}",
        b"{\"a\": \"\\ud800\"}",
        b"{\"a\": nul}",
        b"{\"a\": 1.}",
        b"{a: 1}",
        b"{\"a\": \"x",
        b"\xef\xbb\xbf{}",
    ];
    for bytes in broken {
        assert!(matches!(refused(bytes), TextErrorKind::Syntax(_)), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(refused(b"{\"a\": 1, \"a\": 2}"), TextErrorKind::DuplicateKey);
    assert_eq!(refused(b"{\"a\": \"\xff\"}"), TextErrorKind::NotUtf8);
    assert_eq!(refused(b"{\"a\": 1e999}"), TextErrorKind::Number);
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(refused(deep.as_bytes()), TextErrorKind::TooLarge { .. }));
}

#[test]
fn line_ends_of_a_text_are_kept_and_used() {
    let text_crlf = SAMPLE.replace('\n', "\r\n");
    let json = parse(text_crlf.as_bytes()).unwrap();
    let added = text(&json.insert(&key("z/y"), &Scalar::str(b"v")).unwrap());
    assert_eq!(added.matches('\n').count(), added.matches("\r\n").count());
}

proptest! {
    #[test]
    fn any_string_survives_a_round_trip(value in any::<String>()) {
        let json = parse(b"{\"k\": 0}").unwrap();
        let rendered = json.render(&Replacements::from([(0, Scalar::str(value.as_bytes()))]), None).unwrap();
        let again = parse(rendered.expose()).unwrap();
        prop_assert!(again.leaves()[0].scalar.same(&Scalar::str(value.as_bytes())));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in ".{0,40}") {
        let _ = parse(&bytes);
        let _ = parse(format!("{{\"a\": {tail}").as_bytes());
    }
}
