//! Every type of value in every format, both ways.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

#[test]
fn sops_reads_every_value_that_we_encrypt() {
    for format in FORMATS {
        let bench = Bench::new();
        let opened = bench.by_us(format, sample(format), &Settings::default());
        let theirs = bench.decrypted(name(format));
        assert!(
            same_plaintext(format, &theirs, sample(format)),
            "{format}: {}",
            String::from_utf8_lossy(&theirs)
        );
        let ours = opened.plaintext().unwrap();
        assert!(same_plaintext(format, ours.expose(), sample(format)), "{format}: {}", text(&ours));
        // Encrypting loses the spelling of numbers and escapes in JSON, as it does in `sops`, and nothing else.
        assert!(format == Format::Json || ours.expose() == sample(format), "{format}: {}", text(&ours));
    }
}

#[test]
fn we_read_every_value_that_sops_encrypts() {
    for format in FORMATS {
        let bench = Bench::new();
        let encrypted = bench.by_sops(format, sample(format), &[]);
        let opened = bench.open(format, &encrypted);
        for (path, value) in keys_of(format) {
            assert_eq!(opened.value(&key(path)).unwrap().expose(), *value, "{format}: {path}");
        }
        assert_eq!(
            opened.document().keys().len(),
            keys_of(format).len(),
            "{format}: {:?}",
            opened.document().keys()
        );
        let plain = opened.plaintext().unwrap();
        assert!(same_plaintext(format, plain.expose(), sample(format)), "{format}: {}", text(&plain));
    }
}

#[test]
fn random_json_documents_come_through_both_programs() {
    let scalar = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        any::<f32>().prop_filter("finite", |x| x.is_finite()).prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    let tree = scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-z_:/ ]{0,6}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    let documents = prop::collection::btree_map("[a-r]{1,6}", tree, 1..6);
    let bench = Bench::new();
    runner()
        .run(&documents, |map| {
            let value = serde_json::Value::Object(map.into_iter().collect());
            let plaintext = serde_json::to_vec_pretty(&value).unwrap();
            both_ways(&bench, Format::Json, &plaintext);
            Ok(())
        })
        .unwrap();
}

#[test]
fn random_lines_come_through_both_programs() {
    let lines = prop::collection::btree_map("[A-Z][A-Z0-9_]{0,6}", "[ -~é]{0,24}", 1..8);
    let bench = Bench::new();
    runner()
        .run(&lines, |lines| {
            let text: String = lines.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
            both_ways(&bench, Format::Dotenv, text.as_bytes());
            Ok(())
        })
        .unwrap();
}

#[test]
fn random_bytes_come_through_both_programs() {
    let bench = Bench::new();
    runner()
        .run(&prop::collection::vec(any::<u8>(), 0..300), |bytes| {
            both_ways(&bench, Format::Binary, &bytes);
            Ok(())
        })
        .unwrap();
}

/// Few cases: each runs `sops` twice.
fn runner() -> TestRunner {
    TestRunner::new(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })
}

fn both_ways(bench: &Bench, format: Format, plaintext: &[u8]) {
    let ours = bench.by_us(format, plaintext, &Settings::default());
    let theirs = bench.decrypted(name(format));
    assert!(same_plaintext(format, &theirs, plaintext), "{}", String::from_utf8_lossy(&theirs));
    assert!(same_plaintext(format, ours.plaintext().unwrap().expose(), plaintext));
    let theirs = bench.by_sops(format, plaintext, &[]);
    let opened = bench.open(format, &theirs);
    assert!(same_plaintext(format, opened.plaintext().unwrap().expose(), plaintext));
    for path in ours.document().keys() {
        assert!(ours.value(path).unwrap().same(&opened.value(path).unwrap()), "{path}");
    }
}
