//! The six selectors and the two kinds of MAC, both ways.

use secretctl::sops::Selector;

use super::*;

/// Where, in each format, the option of `sops` and our setting select the same, and which keys are then secrets.
fn cases() -> Vec<(Format, Selector, &'static [&'static str])> {
    let text = |text: &str| text.to_owned();
    vec![
        (
            Format::Yaml,
            Selector::EncryptedRegex(text("^list$")),
            &["map/list/0", "map/list/1", "map/list/2/three"],
        ),
        (
            Format::Yaml,
            Selector::UnencryptedSuffix(text("t")),
            &["empty", "yes", "no", "whole", "map/deep_unencrypted", "lines"],
        ),
        (
            Format::Yaml,
            Selector::EncryptedCommentRegex(text("about")),
            &["text", "map/deep_unencrypted", "map/list/0", "map/list/1", "map/list/2/three"],
        ),
        (
            Format::Yaml,
            Selector::UnencryptedCommentRegex(text("inside")),
            &[
                "text",
                "empty",
                "yes",
                "no",
                "whole",
                "float",
                "map/list/0",
                "map/list/1",
                "map/list/2/three",
                "lines",
            ],
        ),
        (
            Format::Json,
            Selector::UnencryptedSuffix(text("t")),
            &["empty", "yes", "no", "whole", "large", "map/deep_unencrypted"],
        ),
        (
            Format::Json,
            Selector::EncryptedSuffix(text("list")),
            &["map/list/0", "map/list/1", "map/list/2/three"],
        ),
        (
            Format::Json,
            Selector::UnencryptedRegex(text("^(map|no)$")),
            &["text", "empty", "yes", "whole", "float", "large"],
        ),
        (Format::Json, Selector::EncryptedRegex(text(r"(?i)^TEXT|\bw")), &["text", "whole"]),
        (
            Format::Dotenv,
            Selector::UnencryptedCommentRegex(text("^ a comm")),
            &["EMPTY", "LINES", "NAME_unencrypted", "SPACE"],
        ),
        (Format::Dotenv, Selector::EncryptedCommentRegex(text("another")), &["NAME_unencrypted"]),
        (Format::Dotenv, Selector::EncryptedRegex(text("E$")), &["SPACE"]),
        (
            Format::Ini,
            Selector::EncryptedRegex(text("^section$")),
            &["section/text", "section/empty", "section/name_unencrypted"],
        ),
        (
            Format::Ini,
            Selector::UnencryptedCommentRegex(text("about")),
            &["DEFAULT/loose", "section/empty", "section/name_unencrypted", "other/text"],
        ),
        (Format::Ini, Selector::EncryptedCommentRegex(text("about the section")), &["section/text"]),
    ]
}

fn secrets(opened: &Opened) -> Vec<String> {
    opened.document().keys().iter().map(ToString::to_string).collect()
}

#[test]
fn every_selector_means_the_same_on_both_sides_with_either_mac() {
    for (format, selector, keys) in cases() {
        for mac_only_encrypted in [false, true] {
            let bench = Bench::new();
            let settings = Settings { selector: selector.clone(), mac_only_encrypted, ..Settings::default() };
            let ours = bench.by_us(format, sample(format), &settings);
            assert_eq!(secrets(&ours), keys, "{selector:?}");
            let theirs = bench.decrypted(name(format));
            assert!(same_plaintext(format, &theirs, sample(format)), "{selector:?}");

            let mut rule = vec![(selector.field(), selector.text())];
            rule.extend(mac_only_encrypted.then_some(("mac_only_encrypted", "true")));
            let encrypted = bench.by_rule(format, sample(format), &rule);
            let opened = bench.open(format, &encrypted);
            assert_eq!(secrets(&opened), keys, "{selector:?}");
            assert!(
                same_plaintext(format, opened.plaintext().unwrap().expose(), sample(format)),
                "{selector:?}"
            );
            assert_eq!(opened.document().access().selector, selector);
            assert_eq!(opened.document().access().mac_only_encrypted, mac_only_encrypted);
        }
    }
}

#[test]
fn a_plain_value_may_change_only_where_the_mac_leaves_it_out() {
    for (mac_only_encrypted, fits) in [(true, true), (false, false)] {
        let bench = Bench::new();
        let settings = Settings { mac_only_encrypted, ..Settings::default() };
        let ours = bench.by_us(Format::Json, sample(Format::Json), &settings);
        let changed = String::from_utf8_lossy(ours.document().bytes()).replace("\"public\"", "\"other\"");
        assert_eq!(bench.try_open(Format::Json, changed.as_bytes()).is_ok(), fits);
        bench.write("file.json", changed.as_bytes());
        assert_eq!(bench.command(["decrypt", "file.json"]).output().unwrap().status.success(), fits);
    }
}
