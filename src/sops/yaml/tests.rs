//! YAML that is odd, hostile or damaged: it keeps its bytes and values, or it is refused with file, line and key.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use miette::Diagnostic;

use crate::crypto::NoPrompt;
use crate::crypto::Prompt;
use crate::secret::SecretBytes;
use crate::sops::Document;
use crate::sops::Format;
use crate::sops::KeyPath;
use crate::sops::Opened;
use crate::sops::Settings;
use crate::sops::SopsError;

const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn encrypt(plaintext: &[u8]) -> Result<Opened, SopsError> {
    let recipients = BTreeSet::from([RECIPIENT.parse().unwrap()]);
    let settings = Settings { recipients, ..Settings::default() };
    let (prompt, now): (Arc<dyn Prompt>, _) = (Arc::new(NoPrompt), Timestamp::UNIX_EPOCH);
    let plaintext = SecretBytes::from(plaintext.to_vec());
    Document::encrypt(&plaintext, Format::Yaml, &settings, now, &prompt, Path::new("file.yaml"))
}

fn refused(plaintext: &[u8], code: &str, said: &[&str]) {
    let shown = String::from_utf8_lossy(plaintext.get(..60).unwrap_or(plaintext)).into_owned();
    let error = match encrypt(plaintext) {
        Ok(opened) => panic!("{shown}: accepted: {:?}", opened.document().keys().first()),
        Err(error) => error,
    };
    let text = error.to_string();
    assert_eq!(error.code().unwrap().to_string(), code, "{shown}: {text}");
    for part in said.iter().chain(&["`file.yaml`"]) {
        assert!(text.contains(part), "{shown}: {text}: {part}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

fn plain(opened: &Opened) -> String {
    String::from_utf8(opened.plaintext().unwrap().expose().to_vec()).unwrap()
}

#[test]
fn what_sops_would_lose_or_read_in_another_way_is_refused_by_line_and_key() {
    let cases: [(&[u8], &str, &[&str]); 25] = [
        (b"a:\n  b: 1\n  b: hunter2\n", "sops::duplicate", &["`a/b`", "line 3"]),
        (b"a: 1\n\"a\": hunter2\n", "sops::duplicate", &["`a`", "line 2"]),
        (b"a: {b: 1, 'b': 2}\n", "sops::duplicate", &["`a/b`", "line 1"]),
        (b"a: 1\n---\nb: 1\nb: 2\n", "sops::duplicate", &["`1:b`", "line 4"]),
        (b"a: x\n1: hunter2\n", "sops::syntax", &["line 2", "not a string"]),
        (b"a: x\ntrue: hunter2\n", "sops::syntax", &["line 2", "not a string"]),
        (b"~: hunter2\n", "sops::syntax", &["line 1", "not a string"]),
        (b"2020-01-02: hunter2\n", "sops::syntax", &["line 1", "not a string"]),
        (b"? [a]\n: hunter2\n", "sops::syntax", &["line 1", "not a string"]),
        (b"{a: b}: hunter2\n", "sops::syntax", &["line 1", "not a string"]),
        (b"a: x\nb: \xff\n", "sops::encoding", &["line 2"]),
        (b"a: x\nb: \"hunter2\n", "sops::syntax", &["line"]),
        (b"a: x\nb: [hunter2\n", "sops::syntax", &["line"]),
        (b"a: x\nb: {hunter2: 1\n", "sops::syntax", &["line"]),
        (b"a: x\n\tb: hunter2\n", "sops::syntax", &["line"]),
        (b"a: x\n b: hunter2\n", "sops::syntax", &["line"]),
        (b"a: x\nb: \0hunter2\n", "sops::syntax", &["line 2"]),
        (b"a:\n  b: 18446744073709551615\n", "sops::number", &["`a/b`", "line 2"]),
        (b"a:\n  b: 0.1234567890123456789\n", "sops::number", &["`a/b`", "line 2"]),
        (b"a:\n  b: 017\n", "sops::number", &["`a/b`", "line 2"]),
        (b"a:\n- !!int hunter2\n", "sops::unsupported", &["`a/0`", "line 2"]),
        ("a: x\nb: c\u{2028}d\n".as_bytes(), "sops::unsupported", &["line 2"]),
        (b"%YAML 1.2\n---\na: x\n", "sops::unsupported", &["line 1"]),
        (b"- hunter2\n", "sops::unsupported", &["line 1", "top"]),
        (b"hunter2\n", "sops::unsupported", &["line 1", "top"]),
    ];
    for (plaintext, code, said) in cases {
        refused(plaintext, code, said);
    }
}

/// Each anchor stands for ten times the one before.
fn bomb(levels: usize) -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..levels {
        let ten = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{ten}]").unwrap();
    }
    text
}

#[test]
fn aliases_that_explode_nest_or_lead_nowhere_are_refused() {
    refused(bomb(9).as_bytes(), "sops::too_large", &["aliases", "line"]);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 80].join(", "));
    refused(long.as_bytes(), "sops::too_large", &["aliases", "line 1"]);
    let mut deep = "a0: &a0 []\n".to_owned();
    for level in 1..400 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    refused(deep.as_bytes(), "sops::too_large", &["nesting"]);
    refused(b"a: 1\nb: &b [*b]\n", "sops::syntax", &["line 2", "alias"]);
    refused(b"a: 1\nb: *c\nc: &c 1\n", "sops::syntax", &["line 2", "alias"]);
    assert!(encrypt(bomb(3).as_bytes()).is_ok());
}

#[test]
fn limits_are_named_and_met_in_bounded_time() {
    let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    refused(nested(100_000).as_bytes(), "sops::too_large", &["nesting", "100", "line 1"]);
    let mut block = String::new();
    (0..400).for_each(|depth| writeln!(block, "{}k:", " ".repeat(depth)).unwrap());
    refused(block.as_bytes(), "sops::too_large", &["nesting", "100", "line 10"]);
    assert!(encrypt(nested(90).as_bytes()).is_ok());
    let many = format!("a: [{}1]\n", "1,".repeat(super::token::TOKENS_MAX / 2));
    refused(many.as_bytes(), "sops::too_large", &["tokens"]);
    let deep = format!("a: {}{}1{}\n", "[".repeat(90), "1,".repeat(120_000), "]".repeat(90));
    refused(deep.as_bytes(), "sops::too_large", &["the values and the keys above them"]);
}

#[test]
fn one_line_of_many_values_takes_no_longer_than_many_lines() {
    let entries: Vec<String> = (0..20_000).map(|n| format!("\"k{n}\": {{\"v\": {n}}}")).collect();
    let line = format!("{{{}}}\n", entries.join(", "));
    let opened = encrypt(line.as_bytes()).unwrap();
    assert_eq!(plain(&opened), line);
}

#[test]
fn a_text_cut_off_anywhere_keeps_its_values_or_is_refused() {
    let whole = "# c\na: x  # d\nb:\n- [1, {c: 'd'}]\n- |\n  two\n  lines\ne: \"f\\n\"\n---\ng: ~\n";
    for at in 0..whole.len() {
        let cut = whole.get(..at).unwrap();
        if let Ok(opened) = encrypt(cut.as_bytes()) {
            let again = encrypt(plain(&opened).as_bytes()).unwrap();
            assert_eq!(plain(&again), plain(&opened), "{cut}");
        }
    }
}

#[test]
fn byte_order_marks_and_line_ends_stay_as_they_are() {
    for text in [
        "\u{feff}a: x\nb: z\n",
        "\u{feff}# c\r\na: x\r\nb:\r\n- z\r\n- |\r\n    two\r\n    lines\r\n",
        "a: x\r\nb: z\n# c\r\nc: w\n",
        "a: x\n\n\n\n# c\n\n\nb: z\n",
    ] {
        let opened = encrypt(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plain(&opened), text, "{text:?}");
        assert_eq!(opened.value(&KeyPath::of_keys(["a"])).unwrap().expose(), b"x");
    }
}

#[test]
fn what_looks_like_something_else_keeps_its_kind() {
    let cases = [
        ("1e3", "1000", "1000.0"),
        ("0x10", "16", "16"),
        ("0o7", "7", "7"),
        ("08", "8", "8.0"),
        ("1_000", "1000", "1000"),
        ("1.0", "1", "1.0"),
        (".5", "0.5", "0.5"),
        ("+1", "1", "1"),
        ("yes", "yes", "\"yes\""),
        ("Off", "Off", "\"Off\""),
        ("1:20", "1:20", "\"1:20\""),
        ("2020-01-02", "2020-01-02T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("1e400", "1e400", "1e400"),
        ("ENC[", "ENC[", "ENC["),
        ("ENC[AES256_GCM,data:AA==]", "ENC[AES256_GCM,data:AA==]", "ENC[AES256_GCM,data:AA==]"),
        ("'0x10'", "0x10", "\"0x10\""),
    ];
    for (text, value, shown) in cases {
        let opened = encrypt(format!("k: {text}\n").as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.value(&KeyPath::of_keys(["k"])).unwrap().expose(), value.as_bytes(), "{text}");
        assert_eq!(plain(&opened), format!("k: {shown}\n"));
    }
    assert!(encrypt(b"k: ~\n").unwrap().document().keys().is_empty());
}
