#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

const SAMPLE: &str = "loose = 1\n\n; top\n; second\n[a]\nplain = x\n# above\nquoted = \" y z \"\nlong = one \\\n  two\ntick = `q # r`\n\n[sops]\nmac = m\nage__list_0__map_enc = a\\nb\n";

fn key(path: &str) -> KeyPath {
    KeyPath::of_keys(path.split('/'))
}

fn text(bytes: &SecretBytes) -> String {
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

#[test]
fn leaves_come_as_sops_orders_them_with_the_comment_of_a_key_behind_it() {
    let ini = parse(SAMPLE.as_bytes()).unwrap();
    let seen: Vec<String> = ini
        .leaves()
        .iter()
        .map(|leaf| format!("{} {}", leaf.path, String::from_utf8_lossy(leaf.scalar.canonical().unwrap())))
        .collect();
    assert_eq!(
        seen,
        [
            "DEFAULT/loose 1",
            "a top\n; second",
            "a/plain x",
            "a/quoted  y z ",
            "a above",
            "a/long one two",
            "a/tick q # r"
        ]
    );
    assert_eq!(ini.leaves()[5].above, Some(4));
    let enc = ini.metadata().unwrap().field("age").and_then(Node::as_list).unwrap()[0].field("enc").cloned();
    assert_eq!(enc, Some(Node::Str("a\nb".to_owned())));
}

#[test]
fn a_header_of_the_default_section_is_one_where_no_key_stands_before_it() {
    let ini = parse(b"# c\n[DEFAULT]\na = 1\n[s]\nb = 2\n").unwrap();
    let paths: Vec<String> = ini.leaves().iter().map(|leaf| leaf.path.to_string()).collect();
    assert_eq!(paths, ["DEFAULT", "DEFAULT/a", "s/b"]);
    let new = ini.insert(&key("DEFAULT/new"), &Scalar::str(b"v")).unwrap();
    assert_eq!(text(&new), "# c\n[DEFAULT]\na = 1\nnew = v\n[s]\nb = 2\n");
    assert_eq!(text(&ini.remove(&key("DEFAULT/a")).unwrap()), "# c\n[DEFAULT]\n[s]\nb = 2\n");
    for twice in ["z = 0\n[DEFAULT]\na = 1\n", "[DEFAULT]\n[DEFAULT]\n", "[s]\nb = 2\n[DEFAULT]\na = 1\n"] {
        assert_eq!(parse(twice.as_bytes()).unwrap_err().kind, TextErrorKind::DuplicateKey, "{twice}");
    }
}

#[test]
fn values_and_comments_are_replaced_in_place_and_back() {
    let ini = parse(SAMPLE.as_bytes()).unwrap();
    let sealed: Replacements = (0..ini.leaves().len()).map(|index| (index, Scalar::str(b"ENC[x]"))).collect();
    let block = Block { node: ini.metadata().unwrap(), like: None };
    let encrypted = ini.render(&sealed, Some(block)).unwrap();
    let expected = "loose = ENC[x]\n\n; ENC[x]\n[a]\nplain = ENC[x]\n# ENC[x]\nquoted = ENC[x]\nlong = ENC[x]\ntick = ENC[x]\n\n[sops]\nmac = m\nage__list_0__map_enc = a\\nb\n";
    assert_eq!(text(&encrypted), expected);
    let again = parse(encrypted.expose()).unwrap();
    let plain =
        ini.leaves().iter().enumerate().map(|(index, leaf)| (index, leaf.scalar.duplicate())).collect();
    let back = parse(again.render(&plain, None).unwrap().expose()).unwrap();
    for (left, right) in ini.leaves().iter().zip(back.leaves()) {
        assert!(left.scalar.same(&right.scalar) && left.path == right.path, "{left:?} {right:?}");
    }
}

#[test]
fn keys_and_sections_are_added_removed_and_renamed() {
    let ini = parse(SAMPLE.as_bytes()).unwrap();
    let add = |path: &str| text(&ini.insert(&key(path), &Scalar::str(b"v")).unwrap());
    assert!(add("a/new").contains("tick = `q # r`\nnew = v\n\n[sops]"));
    assert!(add("b/new").contains("\n\n[b]\nnew = v\n\n[sops]\n"));
    assert!(add("DEFAULT/new").starts_with("loose = 1\nnew = v\n"));
    let without = |path: &str| text(&ini.remove(&key(path)).unwrap());
    assert!(without("a/quoted").contains("plain = x\nlong"));
    assert!(without("a/long").contains("z \"\ntick"));
    assert!(!without("a").contains("top"));
    assert!(text(&ini.rename(&key("a/plain"), &key("a/p=q")).unwrap()).contains("\n`p=q` = x\n"));
    assert!(text(&ini.rename(&key("a"), &key("b")).unwrap()).contains("\n[b]\n"));
    assert_eq!(ini.insert(&key("sops/x"), &Scalar::Null).unwrap_err().kind, unsupported());
    assert_eq!(ini.remove(&key("a/none")).unwrap_err().kind, TextErrorKind::Missing);
}

fn unsupported() -> TextErrorKind {
    TextErrorKind::Unsupported("INI cannot spell this section or key")
}

#[test]
fn a_comment_behind_a_value_moves_above_it_and_one_without_a_key_is_refused() {
    let moved = normalized(b"# up\nk = v ; behind\nl = w\n").unwrap().unwrap();
    assert_eq!(text(&moved), "# up\n; behind\nk = v\nl = w\n");
    assert!(normalized(b"k = v\n").unwrap().is_none());
    let error = normalized(b"k = v\n; password = x\n").unwrap_err();
    assert!(matches!(error.kind, TextErrorKind::Unsupported(_)) && error.offset == Some(6), "{error:?}");
}

#[test]
fn what_does_not_parse_or_stands_twice_is_refused() {
    let kind = |text: &[u8]| parse(text).unwrap_err().kind;
    for broken in [&b"[a\n"[..], b"word\n", b"=x\n", b"k = `open\n", b"- = x\n", b"`k = x\n"] {
        assert!(matches!(kind(broken), TextErrorKind::Syntax(_)), "{}", String::from_utf8_lossy(broken));
    }
    assert_eq!(kind(b"k = 1\nk = 2\n"), TextErrorKind::DuplicateKey);
    assert_eq!(kind(b"[a]\nk = 1\nk = 2\n[a]\nk = 1\n"), TextErrorKind::DuplicateKey);
    assert_eq!(kind(b"[a]\n[sops]\n[sops]\n"), TextErrorKind::DuplicateKey);
    assert_eq!(kind(b"k = 1\n[DEFAULT]\n"), TextErrorKind::DuplicateKey);
    assert_eq!(kind(b"k = \xff\n"), TextErrorKind::NotUtf8);
}

proptest! {
    #[test]
    fn any_value_that_can_be_spelled_reads_back(value in "[ -~\\n\\té]{0,30}") {
        let ini = parse(b"[a]\nk = x\nl = y\n").unwrap();
        if let Ok(rendered) = ini.render(&Replacements::from([(0, Scalar::str(value.as_bytes()))]), None) {
            let again = parse(rendered.expose()).unwrap();
            prop_assert!(again.leaves()[0].scalar.same(&Scalar::str(value.as_bytes())));
            prop_assert!(again.leaves()[1].scalar.same(&Scalar::str(b"y")));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]a-c=:;#\"`\\\\ \\n\\r]{0,40}") {
        let _ = parse(text.as_bytes());
        let _ = normalized(text.as_bytes());
    }
}
