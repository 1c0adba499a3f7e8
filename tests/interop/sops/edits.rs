//! Files that both programs change in turn. What a change does not concern keeps its ciphertext.

use secretctl::sops::Change;
use secretctl::sops::Foreigners;

use super::*;

/// A key, a new key that is not there, and how `sops set` names the first.
fn keys(format: Format) -> (&'static str, &'static str, &'static str) {
    match format {
        Format::Yaml | Format::Json => ("map/list/0", "map/new/deep", r#"["map"]["list"][0]"#),
        Format::Dotenv => ("TEXT", "NEW", r#"["TEXT"]"#),
        Format::Ini => ("section/text", "section/new", r#"["section"]["text"]"#),
        Format::Binary => unreachable!("a binary file has one key"),
    }
}

const KEYED: [Format; 4] = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini];

fn set(path: &str, value: &str) -> Change {
    Change::Set { key: key(path), value: secret(value) }
}

/// Every ciphertext but those of `touched` is the same in both.
fn assert_kept(before: &Document, after: &Document, touched: &[&str]) {
    let after = ciphertexts(after);
    for (path, text) in ciphertexts(before) {
        let same = after.contains(&(path.clone(), text));
        assert_eq!(same, !touched.contains(&path.to_string().as_str()), "{path}");
    }
}

#[test]
fn sops_sets_one_key_of_our_file_and_we_read_it_with_the_rest_untouched() {
    for format in KEYED {
        let bench = Bench::new();
        let ours = bench.by_us(format, sample(format), &Settings::default());
        let (path, _, selector) = keys(format);
        bench.sops(["set", name(format), selector, "\"new value\""]);
        let after = bench.open(format, &bench.read(name(format)));
        assert_eq!(after.value(&key(path)).unwrap().expose(), b"new value", "{format}");
        assert_kept(ours.document(), after.document(), &[path]);
    }
}

#[test]
fn we_set_one_key_of_a_file_of_sops_and_three_lines_differ() {
    for format in KEYED {
        let bench = Bench::new();
        let before = bench.by_sops(format, sample(format), &[]);
        let (path, ..) = keys(format);
        let opened = bench.open(format, &before);
        let after = opened.changed(&[set(path, "new value")], now()).unwrap();
        bench.write(name(format), after.document().bytes());
        let lines = differing(&before, after.document().bytes());
        // Each of the three has an old and a new line.
        assert_eq!(lines.len(), 6, "{format}: {lines:#?}");
        assert_kept(opened.document(), after.document(), &[path]);
        let expected = bench.open(format, after.document().bytes()).plaintext().unwrap();
        assert!(same_plaintext(format, &bench.decrypted(name(format)), expected.expose()), "{format}");
        assert_eq!(after.value(&key(path)).unwrap().expose(), b"new value");
    }
}

#[test]
fn keys_come_go_and_are_renamed_and_sops_follows() {
    for format in KEYED {
        let bench = Bench::new();
        let opened = bench.open(format, &bench.by_sops(format, sample(format), &[]));
        let (path, new, _) = keys(format);
        let renamed = KeyPath::new(key(new).steps().split_last().unwrap().1.iter().cloned())
            .join(Step::Key("renamed".to_owned()));
        let changes = [
            set(new, "one\ntwo"),
            Change::Rename { from: key(new), to: renamed.clone() },
            Change::Remove { key: key(path) },
        ];
        let after = opened.changed(&changes, now()).unwrap();
        assert_eq!(after.value(&renamed).unwrap().expose(), b"one\ntwo", "{format}");
        if matches!(format, Format::Dotenv | Format::Ini) {
            assert!(after.value(&key(path)).is_err());
        }
        bench.write(name(format), after.document().bytes());
        let theirs = bench.decrypted(name(format));
        assert!(same_plaintext(format, &theirs, after.plaintext().unwrap().expose()), "{format}");
        // And `sops` takes away what we added.
        let selector: String = renamed.steps().iter().map(|step| format!("[\"{step}\"]")).collect();
        bench.sops(["unset", name(format), &selector]);
        assert!(bench.open(format, &bench.read(name(format))).value(&renamed).is_err());
    }
}

#[test]
fn an_edit_by_either_program_keeps_what_it_did_not_touch() {
    for (format, path, from, to) in [
        (Format::Yaml, "text", "hunter2", "hunter3"),
        (Format::Json, "text", "hunter2", "hunter3"),
        (Format::Dotenv, "TEXT", "hunter2", "hunter3"),
        (Format::Ini, "section/text", "hunter2", "hunter3"),
    ] {
        let bench = Bench::new();
        let ours = bench.by_us(format, sample(format), &Settings::default());
        bench.edit(name(format), &format!("s/{from}/{to}/"));
        let theirs = bench.open(format, &bench.read(name(format)));
        assert_kept(ours.document(), theirs.document(), &[path]);

        let plain = text(&theirs.plaintext().unwrap()).replace(to, "hunter4");
        let again = theirs.edited(&secret(&plain), now()).unwrap();
        assert_kept(theirs.document(), again.document(), &[path]);
        let lines = differing(theirs.document().bytes(), again.document().bytes());
        assert_eq!(lines.len(), 6, "{format}: {lines:#?}");
        bench.write(name(format), again.document().bytes());
        assert!(same_plaintext(format, &bench.decrypted(name(format)), plain.as_bytes()), "{format}");
    }
}

#[test]
fn the_same_plaintext_gives_the_same_bytes() {
    for format in FORMATS {
        let bench = Bench::new();
        let opened = bench.open(format, &bench.by_sops(format, sample(format), &[]));
        let same = opened.edited(&opened.plaintext().unwrap(), now()).unwrap();
        assert_eq!(same.document().bytes(), opened.document().bytes(), "{format}");
        assert_eq!(opened.changed(&[], now()).unwrap().document().bytes(), opened.document().bytes());
    }
}

#[test]
fn a_set_keeps_the_type_of_a_number_or_boolean_where_the_text_still_is_one() {
    let bench = Bench::new();
    let opened = bench.by_us(Format::Json, sample(Format::Json), &Settings::default());
    let changes = [set("yes", "false"), set("whole", "7"), set("float", "many"), set("no", "maybe")];
    let after = opened.changed(&changes, now()).unwrap();
    bench.write("file.json", after.document().bytes());
    let theirs: serde_json::Value = serde_json::from_slice(&bench.decrypted("file.json")).unwrap();
    assert_eq!(theirs["yes"], false);
    assert_eq!(theirs["whole"], 7);
    assert_eq!(theirs["float"], "many");
    assert_eq!(theirs["no"], "maybe");
}

#[test]
fn both_programs_rotate_the_files_of_the_other() {
    for format in FORMATS {
        let bench = Bench::new();
        let ours = bench.by_us(format, sample(format), &Settings::default());
        bench.sops(["rotate", "--in-place", name(format)]);
        let theirs = bench.open(format, &bench.read(name(format)));
        let again = theirs.rotated(&Foreigners::Drop, now(), &prompt()).unwrap();
        for (one, other) in [(&ours, &theirs), (&theirs, &again)] {
            for ((path, before), (_, after)) in
                ciphertexts(one.document()).iter().zip(ciphertexts(other.document()))
            {
                assert!(before.is_empty() || *before != after, "{format}: {path}");
            }
        }
        bench.write(name(format), again.document().bytes());
        assert!(same_plaintext(format, &bench.decrypted(name(format)), sample(format)), "{format}");
    }
}
