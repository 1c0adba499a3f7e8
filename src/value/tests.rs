//! Each check with values that pass it and values that do not, and what complaints give away.

use std::sync::LazyLock;

use age::secrecy::ExposeSecret;
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn secret(value: &str) -> SecretBytes {
    SecretBytes::from(value.as_bytes().to_vec())
}

fn reason(check: &Check, value: &str) -> Option<String> {
    check.test(&secret(value), None, now()).err().map(|complaint| complaint.reason)
}

fn passes(check: &Check, good: &[&str], bad: &[&str]) {
    for value in good {
        assert_eq!(reason(check, value), None, "{check}: {value:?}");
    }
    for value in bad {
        assert!(reason(check, value).is_some(), "{check}: {value:?}");
    }
}

#[test]
fn lengths_and_lines_leave_out_one_newline_at_the_end() {
    passes(&Check::length(3, Some(5)).unwrap(), &["abc", "abcde", "abcde\n"], &["ab", "ab\n", "abcdef", ""]);
    passes(&Check::length(2, None).unwrap(), &["ab", &"a".repeat(9999)], &["a"]);
    passes(&Check::OneLine, &["", "a", "a\n"], &["a\nb", "a\n\n"]);
    passes(&Check::NoTrailingNewline, &["", "a", "a\nb"], &["a\n", "\n"]);
    for (least, most) in [(-1, None), (2, Some(1)), (1, Some(-1))] {
        assert!(Check::length(least, most).is_err());
    }
}

#[test]
fn encodings_are_strict_and_count_bytes() {
    passes(&Check::Base64(None), &["aGVsbG8=", "aGVsbG8=\n"], &["", "aGVsbG8", "aGVs bG8=", "aGVsbG8_", "a"]);
    passes(&Check::Base64(Some(5)), &["aGVsbG8="], &["aGVsbA=="]);
    passes(&Check::Hex(Some(2)), &["00ff", "00FF\n"], &["", "00f", "00", "00fg", "0x00"]);
    passes(&Check::Base32(None), &["NBSWY3DP", "ME======", "ME"], &["", "nbswy3dp", "NBSWY3D1", "M"]);
    passes(&Check::UrlSafe, &["a-B_9.~"], &["", "a b", "a/b", "a+b", "ä"]);
    assert!(Check::bytes(0).is_err() && Check::bytes(-1).is_err());
}

#[test]
fn a_set_of_characters_holds_ranges_and_dashes() {
    let set = |text: &str| Check::Charset(Charset::parse(text).unwrap());
    passes(&set("a-c0-9_-"), &["a0-_c9"], &["", "d", "A", "a b", "a\nb"]);
    passes(&set("-x"), &["-x-"], &["a"]);
    for wrong in ["", "z-a", "ä", "a\n"] {
        assert!(Charset::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_environment_file_is_what_systemd_reads() {
    let needs = Check::dotenv(["A".to_owned(), "B_2".to_owned()]).unwrap();
    passes(
        &needs,
        &[
            "A=1\nB_2=2\n",
            "# c\n; d\n\n  A = x y \nB_2=\"quoted # ; text\nover lines\"\n",
            "A='single\nquoted'\nB_2=one\\\ntwo",
            "A=\"a\\\"b\"\nB_2=x",
            "A=1\r\nB_2=2\r\n",
        ],
        &[
            "",
            "A=1",
            "A=1\nB_2=",
            "A=1\nB_2=\"\"",
            "A=1\nB_2='' ",
            "A=1\nA=2\nB_2=3",
            "A=1\nB_2=2\nexport C=3",
            "A=1\nB_2=2\njust text",
            "A=1\nB_2=\"open",
            "A=1\nB_2=2\n3C=4",
            "# A=1\nB_2=2",
        ],
    );
    assert_eq!(reason(&needs, "A=1\n\nA=2").as_deref(), Some("line 3 sets the variable of line 1 again"));
    assert_eq!(
        reason(&needs, "A=\"x\ny\"\nwhat").as_deref(),
        Some("line 3 is neither a comment nor `NAME=VALUE`")
    );
    assert_eq!(reason(&needs, "A=1\nB_2=").as_deref(), Some("`B_2` is empty"));
    assert!(Check::dotenv(["A-B".to_owned()]).is_err());
}

#[test]
fn json_is_held_against_a_schema_without_quoting_the_value() {
    passes(&Check::Json, &["{}", "[1, \"a\"]\n", "null"], &["", "{", "{} x", "'a'"]);
    let schema = serde_json::json!({
        "type": "object",
        "required": ["token"],
        "properties": { "token": { "type": "string", "minLength": 3 }, "port": { "type": "integer" } },
        "additionalProperties": false
    });
    let check = Check::json_schema(&schema).unwrap();
    passes(
        &check,
        &[r#"{"token":"abc"}"#, r#"{"token":"abc","port":1}"#],
        &["[]", "{}", r#"{"token":"ab"}"#, r#"{"token":"abc","x":1}"#, r#"{"token":"abc","port":"hunter2"}"#],
    );
    let said = reason(&check, r#"{"token":"abc","port":"hunter2"}"#).unwrap();
    assert_eq!(said, "the schema does not hold at `/properties/port/type`");
    for wrong in [
        serde_json::json!({ "type": "thing" }),
        serde_json::json!({ "$ref": "https://example.org/schema.json" }),
        serde_json::json!({ "$ref": "file:///etc/passwd" }),
        serde_json::json!({ "pattern": "(" }),
    ] {
        assert!(Check::json_schema(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn password_hashes_are_those_that_nixos_accepts() {
    let sha = format!("$6$rounds=5000$salt${}", "a".repeat(86));
    let bcrypt = format!("$2b$10${}", "a".repeat(53));
    let yescrypt = format!("$y$j9T$saltsalt${}", "a".repeat(43));
    let scrypt = format!("$7$CU..../....saltsalt${}", "a".repeat(43));
    passes(
        &Check::PasswordHash,
        &[&sha, &format!("{sha}\n"), &bcrypt, &yescrypt, &scrypt],
        &[
            "",
            "hunter2",
            "!",
            "*",
            "!$6$x",
            "$1$salt$abc",
            "$5$salt$abc",
            "$6$salt$short",
            "$y$",
            &format!("{sha}\n\n"),
            &format!("{sha}x"),
        ],
    );
}

#[test]
fn keys_are_told_from_what_looks_like_them() {
    passes(
        &Check::WireguardPrivateKey,
        &["YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", "YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"],
        &[
            "",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk",
            "aGVsbG8=",
        ],
    );
    let identity = age::x25519::Identity::generate().to_string();
    let identity = identity.expose_secret();
    passes(
        &Check::AgeIdentity,
        &[identity, &format!("# created\n{identity}\n")],
        &["", "# nothing", "AGE-SECRET-KEY-1X", "age1abc", &format!("{identity}\nwhat")],
    );
    passes(
        &Check::pem("CERTIFICATE").unwrap(),
        &[
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
            "text\n-----BEGIN CERTIFICATE-----\naGVs\nbG8=\n-----END CERTIFICATE-----",
        ],
        &[
            "",
            "aGVsbG8=",
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n",
            "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----",
            "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END X-----",
            "-----END CERTIFICATE-----",
        ],
    );
    passes(
        &Check::X509,
        &[],
        &["", "0\u{1}", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----"],
    );
    passes(
        &Check::SshPrivateKey,
        &[],
        &["", "-----BEGIN OPENSSH PRIVATE KEY-----\naGVsbG8=\n-----END OPENSSH PRIVATE KEY-----\n"],
    );
    assert!(Check::pem("certificate").is_err());
}

#[test]
fn comparisons_pass_only_where_the_other_value_is_missing_or_fits() {
    let name = || "other".parse().unwrap();
    let test = |check: &Check, other: Option<&str>| {
        check.test(&secret("x"), other.map(secret).as_ref(), now()).is_ok()
    };
    let (same, differs) = (Check::SameAs(name()), Check::DiffersFrom(name()));
    assert!(test(&same, Some("x")) && !test(&same, Some("y")) && test(&same, None));
    assert!(!test(&differs, Some("x")) && test(&differs, Some("y")) && test(&differs, None));
    assert_eq!(same.other(), Some(&name()));
}

static ALL: LazyLock<Vec<Check>> = LazyLock::new(|| {
    let schema = serde_json::json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    vec![
        Check::pem("CERTIFICATE").unwrap(),
        Check::X509,
        Check::Json,
        Check::json_schema(&schema).unwrap(),
        Check::dotenv(["API_KEY".to_owned()]).unwrap(),
        Check::length(500, Some(600)).unwrap(),
        Check::Charset(Charset::parse("a").unwrap()),
        Check::UrlSafe,
        Check::Base64(Some(7)),
        Check::Hex(Some(7)),
        Check::Base32(Some(7)),
        Check::SshPrivateKey,
        Check::WireguardPrivateKey,
        Check::AgeIdentity,
        Check::PasswordHash,
        Check::OneLine,
        Check::NoTrailingNewline,
    ]
});

proptest! {
    #[test]
    fn no_complaint_holds_a_piece_of_the_value(
        head in proptest::sample::select(vec!["", "{\"", "A=1\n", "$6$", "-----BEGIN CERTIFICATE-----\n", "AGE-SECRET-KEY-1"]),
        pieces in proptest::collection::vec("[#-&Q-Z0-9]{6}", 1..5),
        joint in proptest::sample::select(vec!["", "\n", "=", "\":\"", "$"]),
    ) {
        let value = format!("{head}{}\n", pieces.join(joint));
        for check in ALL.iter() {
            if let Err(complaint) = check.test(&secret(&value), None, now()) {
                for piece in &pieces {
                    prop_assert!(!complaint.to_string().contains(piece.as_str()), "{complaint} {value:?}");
                }
            }
        }
    }

    #[test]
    fn no_value_breaks_a_check(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        for check in ALL.iter() {
            let _ = check.test(&SecretBytes::from(value.clone()), None, now());
        }
    }
}
