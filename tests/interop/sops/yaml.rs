//! YAML in the hands of the `sops` program, and its YAML in ours.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use secretctl::sops::Change;

use super::*;

/// Everything that YAML files of a fleet have been seen to hold.
const SAMPLE: &str = r#"# about the file

forge:
  # the key
  api-key: hunter2   # rotate yearly
  port: 8080
  ratio: 0.50
  whole_float: !!float 3
  on: true
  off: yes
  since: 2020-01-02
  nothing: ~
  empty: ""
  none: {}
  no_items: []
  hex: 0x1F
  large: 1e21
  tagged: !!str 12
  own: !mine x
  # at the end of forge

"quoted key": 'it''s'
lists:
- one # first
-
  # above two
  two: 2
- - nested
  - - deeper
pem: | # a certificate
  -----BEGIN X-----
  abc # no comment

  def
  -----END X-----
folded: >-
  one
  two
escaped: "tab\tnull\0 é \x1b \u2028 nel\x85"
flow: {a: 1, "b": [x, 'y', {c: null}]}
name_unencrypted: public
# last words
"#;

/// Leaves with path, value and, for strings, nothing else: what a reader of YAML sees.
fn values(opened: &Opened) -> Vec<(KeyPath, Vec<u8>)> {
    let keys = opened.document().keys().iter().chain(opened.document().plain_keys());
    keys.map(|key| (key.clone(), opened.value(key).unwrap().expose().to_vec())).collect()
}

#[test]
fn sops_reads_every_value_and_comment_of_ours() {
    let bench = Bench::new();
    let ours = bench.by_us(Format::Yaml, SAMPLE.as_bytes(), &Settings::default());
    let theirs = String::from_utf8(bench.decrypted("file.yaml")).unwrap();
    assert!(!theirs.contains("ENC["), "{theirs}");
    for comment in
        ["about the file", "the key", "rotate yearly", "at the end of forge", "a certificate", "last words"]
    {
        assert!(theirs.contains(&format!("# {comment}")), "{comment}: {theirs}");
    }
    let again = bench.open(Format::Yaml, &bench.by_sops(Format::Yaml, theirs.as_bytes(), &[]));
    let (mut left, mut right) = (values(&ours), values(&again));
    // Dates and floats come back from sops in its own spelling, which is the same value.
    left.sort();
    right.sort();
    assert_eq!(left, right);
}

#[test]
fn we_read_every_value_and_comment_of_sops() {
    let bench = Bench::new();
    let theirs = bench.by_sops(Format::Yaml, SAMPLE.as_bytes(), &[]);
    let opened = bench.open(Format::Yaml, &theirs);
    let plain = text(&opened.plaintext().unwrap());
    assert!(!plain.contains("ENC["), "{plain}");
    let ours = bench.by_us(Format::Yaml, SAMPLE.as_bytes(), &Settings::default());
    assert_eq!(values(&opened), values(&ours));
}

#[test]
fn what_is_saved_unchanged_keeps_every_byte() {
    let bench = Bench::new();
    let theirs = bench.by_sops(Format::Yaml, SAMPLE.as_bytes(), &[]);
    let opened = bench.open(Format::Yaml, &theirs);
    let plain = opened.plaintext().unwrap();
    let same = opened.edited(&plain, now()).unwrap();
    assert_eq!(same.document().bytes(), theirs);
    let longer = secret(&format!("{}added: 1\n", text(&plain)));
    let more = opened.edited(&longer, now()).unwrap();
    let changed = differing(more.document().bytes(), &theirs);
    assert!(
        changed
            .iter()
            .all(|line| ["added:", "mac:", "lastmodified:"].iter().any(|key| line.starts_with(key))),
        "{changed:?}"
    );
    bench.write("file.yaml", more.document().bytes());
    assert!(String::from_utf8(bench.decrypted("file.yaml")).unwrap().contains("added: 1"));
}

#[test]
fn a_change_of_keys_is_what_sops_reads_and_nothing_else_moves() {
    let bench = Bench::new();
    let opened = bench.open(Format::Yaml, &bench.by_sops(Format::Yaml, SAMPLE.as_bytes(), &[]));
    let set = |path: &str, value: &str| Change::Set { key: key(path), value: secret(value) };
    let changes = [
        set("forge/api-key", "new\nlines\n"),
        set("new/map/list/0", "x: y"),
        set("lists/3", "four"),
        set("flow/d", "5"),
        Change::Remove { key: key("folded") },
        Change::Remove { key: key("lists/1/two") },
        Change::Rename { from: key("forge/port"), to: KeyPath::of_keys(["forge", "yes"]) },
    ];
    let changed = opened.changed(&changes, now()).unwrap();
    bench.write("file.yaml", changed.document().bytes());
    let theirs = String::from_utf8(bench.decrypted("file.yaml")).unwrap();
    for line in ["api-key: |\n        new\n        lines\n", "- 'x: y'", "- four", "\"yes\": 8080"] {
        assert!(theirs.contains(line), "{line}: {theirs}");
    }
    assert!(!theirs.contains("folded"), "{theirs}");
    let before = ciphertexts(opened.document());
    let after: BTreeSet<_> = ciphertexts(changed.document()).into_iter().map(|(_, text)| text).collect();
    let kept = before.iter().filter(|(_, text)| after.contains(text)).count();
    assert_eq!(
        before.len() - kept,
        4,
        "one was set, two were removed, and a name is part of what is encrypted"
    );
}

#[test]
fn sops_edits_what_we_wrote_and_we_read_it_again() {
    let bench = Bench::new();
    let ours = bench.by_us(Format::Yaml, SAMPLE.as_bytes(), &Settings::default());
    bench.edit("file.yaml", "s/hunter2/hunter3/");
    let opened = bench.open(Format::Yaml, &bench.read("file.yaml"));
    assert_eq!(opened.value(&key("forge/api-key")).unwrap().expose(), b"hunter3");
    let changed =
        values(&ours).into_iter().zip(values(&opened)).filter(|(left, right)| left != right).count();
    assert_eq!(changed, 1);
    bench.sops(["rotate", "--in-place", "file.yaml"]);
    assert_eq!(values(&bench.open(Format::Yaml, &bench.read("file.yaml"))), values(&opened));
}

#[test]
fn aliases_and_merge_keys_are_written_out_as_sops_does() {
    let plaintext = "base: &base\n  # the user\n  user: a\n  list: &list [1, x]\ncopy: *base\nmerged:\n  <<: *base\n  more: *list\n  flow: {l: *list}\nkeys:\n- *base\n- &s text\n- *s\n";
    let bench = Bench::new();
    let ours = bench.by_us(Format::Yaml, plaintext.as_bytes(), &Settings::default());
    let read_by_sops = bench.decrypted("file.yaml");
    let theirs = bench.by_sops(Format::Yaml, plaintext.as_bytes(), &[]);
    assert_eq!(values(&ours), values(&bench.open(Format::Yaml, &theirs)));
    bench.write("file.yaml", &theirs);
    assert_eq!(
        String::from_utf8_lossy(&read_by_sops),
        String::from_utf8_lossy(&bench.decrypted("file.yaml"))
    );
}

#[test]
fn several_documents_share_one_key_and_each_has_the_metadata() {
    let plaintext = "# one\na: 1\n---\n# two\nb: x\n...\n---\nc: [y]\n# end\n";
    let bench = Bench::new();
    let ours = bench.by_us(Format::Yaml, plaintext.as_bytes(), &Settings::default());
    let bytes = String::from_utf8(ours.document().bytes().to_vec()).unwrap();
    assert_eq!(bytes.matches("\nsops:").count(), 3, "{bytes}");
    let theirs = String::from_utf8(bench.decrypted("file.yaml")).unwrap();
    assert_eq!(theirs, "# one\na: 1\n---\n# two\nb: x\n---\nc:\n    - \"y\"\n# end\n");
    assert_eq!(
        text(&ours.plaintext().unwrap()),
        "# one\na: 1\n---\n# two\nb: x\n...\n---\nc: [\"y\"]\n# end\n"
    );
    let opened = bench.open(Format::Yaml, &bench.by_sops(Format::Yaml, plaintext.as_bytes(), &[]));
    assert_eq!(values(&ours), values(&opened));
}

#[test]
fn a_comment_that_sops_writes_and_loses_is_kept_by_us() {
    let bench = Bench::new();
    let theirs = bench.by_sops(Format::Yaml, b"k: {}  # about nothing\nl: x\n", &[]);
    assert!(!String::from_utf8(bench.decrypted("file.yaml")).unwrap().contains("about nothing"));
    let opened = bench.open(Format::Yaml, &theirs);
    let plain = text(&opened.plaintext().unwrap());
    assert!(plain.contains("# about nothing") && !plain.contains("ENC["), "{plain}");
    let longer = opened.edited(&secret(&format!("{plain}m: z\n")), now()).unwrap();
    bench.write("file.yaml", longer.document().bytes());
    assert!(String::from_utf8(bench.decrypted("file.yaml")).unwrap().contains("m: z"));
    assert!(text(&longer.plaintext().unwrap()).contains("# about nothing"));
}

/// A line of random YAML: what stands above an entry. Empty comments are left out: in lists sops makes empty strings
/// of them.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(String::new()),
        1 => Just("\n".to_owned()),
        2 => ("[ ]{0,5}", "[a-z ]{1,8}").prop_map(|(indent, text)| format!("{indent}#{text}\n")),
    ]
}

/// Text behind a key: its value, with nested maps and lists at `depth` left.
fn value(depth: u32, indent: usize) -> BoxedStrategy<String> {
    let comment =
        prop_oneof![3 => Just(String::new()), 1 => "[a-z]{0,5}".prop_map(|text| format!("  # {text}"))];
    let plain = prop_oneof![
        Just("v".to_owned()),
        Just("12".to_owned()),
        Just("true".to_owned()),
        Just("~".to_owned()),
        Just("0.5".to_owned()),
        Just("2020-01-02".to_owned()),
        Just("''".to_owned()),
        Just("{}".to_owned()),
        Just("[a, {b: 1}]".to_owned()),
        Just("\"x # y\\n\"".to_owned()),
        "[a-z]{1,6}( [a-z#:]{1,4})?".prop_filter("plain", |text| !text.contains('#') && !text.ends_with(':')),
    ];
    let scalar = (plain, comment.clone()).prop_map(|(text, comment)| format!(" {text}{comment}\n"));
    let pad = " ".repeat(indent + 2);
    let block = (
        prop_oneof![Just("|"), Just(">-")],
        comment.clone(),
        prop::collection::vec("[a-z#][a-z# ]{0,6}[a-z]", 1..3),
    )
        .prop_map(move |(kind, comment, lines)| {
            let lines: String = lines.iter().map(|line| format!("{pad}{line}\n")).collect();
            format!(" {kind}{comment}\n{lines}")
        });
    if depth == 0 {
        return prop_oneof![4 => scalar, 1 => block].boxed();
    }
    let map = (comment.clone(), entries(depth - 1, indent + 2))
        .prop_map(|(comment, map)| format!("{comment}\n{map}"));
    let list = (comment, items(depth - 1, indent)).prop_map(|(comment, list)| format!("{comment}\n{list}"));
    prop_oneof![3 => scalar, 1 => block, 2 => map, 2 => list].boxed()
}

fn entries(depth: u32, indent: usize) -> BoxedStrategy<String> {
    prop::collection::vec((noise(), value(depth, indent)), 1..4)
        .prop_map(move |entries| {
            let entry = |(number, (noise, value)): (usize, &(String, String))| {
                format!("{noise}{}k{number}:{value}", " ".repeat(indent))
            };
            entries.iter().enumerate().map(entry).collect()
        })
        .boxed()
}

fn items(depth: u32, indent: usize) -> BoxedStrategy<String> {
    prop::collection::vec((noise(), value(depth, indent)), 1..4)
        .prop_map(move |items| {
            items.iter().map(|(noise, value)| format!("{noise}{}-{value}", " ".repeat(indent))).collect()
        })
        .boxed()
}

#[test]
fn random_streams_come_through_both_programs() {
    let config = ProptestConfig {
        cases: 48,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let streams = prop::collection::vec((entries(2, 0), noise()), 12);
    let bench = Bench::new();
    TestRunner::new(config)
        .run(&streams, |documents| {
            let documents: Vec<String> =
                documents.into_iter().map(|(map, end)| format!("{map}{end}")).collect();
            both_ways(&bench, &documents.join("---\n"));
            Ok(())
        })
        .unwrap();
}

fn both_ways(bench: &Bench, plaintext: &str) {
    let ours = bench.by_us(Format::Yaml, plaintext.as_bytes(), &Settings::default());
    let through_us = String::from_utf8(bench.decrypted("file.yaml")).unwrap();
    assert!(!through_us.contains("ENC["), "{plaintext}\n{through_us}");
    let theirs = bench.by_sops(Format::Yaml, plaintext.as_bytes(), &[]);
    let opened = bench.open(Format::Yaml, &theirs);
    assert_eq!(values(&ours), values(&opened), "{plaintext}");
    let plain = opened.plaintext().unwrap();
    assert!(!text(&plain).contains("ENC["), "{plaintext}\n{}", text(&plain));
    let touched = secret(&(text(&plain) + "zz_new: 1\n"));
    let longer = opened.edited(&touched, now()).unwrap_or_else(|error| panic!("{error}\n{plaintext}"));
    let kept: BTreeSet<_> = ciphertexts(longer.document()).into_iter().collect();
    let before = ciphertexts(opened.document());
    let lost: Vec<_> = before.iter().filter(|pair| !kept.contains(pair)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
