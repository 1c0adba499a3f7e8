//! Who can open a file: recipients, key groups, OpenPGP, and services that this program cannot ask.

use secretctl::diag::Failure;
use secretctl::sops::Foreigners;

use super::*;

fn recipients<'p>(pairs: impl IntoIterator<Item = &'p Pair>) -> BTreeSet<Recipient> {
    pairs.into_iter().map(|pair| pair.recipient.clone()).collect()
}

fn reads(pair: &Pair, document: &Document) -> bool {
    let identities = pair.identities();
    document.open(&Keyring { identities: &identities, gpg: Gpg::Never }).is_ok()
}

#[test]
fn a_reader_who_is_added_reads_and_nothing_but_the_stanzas_changes() {
    for format in FORMATS {
        let (bench, other) = (Bench::new(), Pair::new());
        let opened = bench.open(format, &bench.by_sops(format, sample(format), &[]));
        let wider = recipients([&bench.pair, &other]);
        let after = opened.rekeyed(&wider, &Foreigners::Drop, now(), &prompt()).unwrap();
        assert!(reads(&other, after.document()) && reads(&bench.pair, after.document()), "{format}");
        assert_eq!(ciphertexts(opened.document()), ciphertexts(after.document()));
        assert_eq!(opened.document().access().last_modified, after.document().access().last_modified);
        bench.write(name(format), after.document().bytes());
        assert!(same_plaintext(format, &bench.decrypted(name(format)), sample(format)), "{format}");
        let same = after.rekeyed(&wider, &Foreigners::Drop, now(), &prompt()).unwrap();
        assert_eq!(same.document().bytes(), after.document().bytes());
    }
}

#[test]
fn a_reader_who_is_taken_away_has_no_stanza_and_no_use_for_the_old_data_key() {
    for format in FORMATS {
        let (bench, other) = (Bench::new(), Pair::new());
        let both = format!("{},{}", bench.pair.recipient, other.recipient);
        let encrypted = bench.by_sops(format, sample(format), &["--age", &both]);
        let opened = bench.open(format, &encrypted);
        assert!(reads(&other, opened.document()), "{format}");
        let after = opened.rekeyed(&recipients([&bench.pair]), &Foreigners::Drop, now(), &prompt()).unwrap();
        assert!(!reads(&other, after.document()) && reads(&bench.pair, after.document()), "{format}");
        for ((path, before), (_, after)) in
            ciphertexts(opened.document()).iter().zip(ciphertexts(after.document()))
        {
            assert!(before.is_empty() || *before != after, "{format}: {path}");
        }
        bench.write(name(format), after.document().bytes());
        assert!(same_plaintext(format, &bench.decrypted(name(format)), sample(format)), "{format}");
    }
}

#[test]
fn sops_updates_the_keys_of_our_file() {
    for format in FORMATS {
        let (bench, other) = (Bench::new(), Pair::new());
        let ours = bench.by_us(format, sample(format), &Settings::default());
        let rules = format!("creation_rules:\n  - age: {},{}\n", bench.pair.recipient, other.recipient);
        bench.write(".sops.yaml", rules.as_bytes());
        bench.sops(["updatekeys", "--yes", name(format)]);
        let theirs = bench.open(format, &bench.read(name(format)));
        assert!(reads(&other, theirs.document()), "{format}");
        assert_eq!(ciphertexts(ours.document()), ciphertexts(theirs.document()), "{format}");
    }
}

/// Three groups of which two are needed; the identities of the second and third.
fn groups(bench: &Bench) -> (Settings, Pair, Pair) {
    let (second, third) = (Pair::new(), Pair::new());
    let groups = vec![recipients([&bench.pair]), recipients([&second]), recipients([&third])];
    (Settings { groups, threshold: 2, ..Settings::default() }, second, third)
}

fn with_both(bench: &mut Bench, second: &Pair) -> Identities {
    bench.pair.identity = format!("{}\n{}", bench.pair.identity, second.identity);
    bench.pair.identities()
}

#[test]
fn key_groups_need_as_many_identities_as_their_threshold_on_both_sides() {
    for format in FORMATS {
        let mut bench = Bench::new();
        let (settings, second, third) = groups(&bench);
        let ours = bench.by_us(format, sample(format), &settings);
        assert!(!reads(&bench.pair, ours.document()), "{format}");
        assert!(!bench.command(["decrypt", name(format)]).output().unwrap().status.success());
        let identities = with_both(&mut bench, &second);
        let keyring = Keyring { identities: &identities, gpg: Gpg::Never };
        assert!(ours.document().open(&keyring).is_ok(), "{format}");
        assert!(same_plaintext(format, &bench.decrypted(name(format)), sample(format)), "{format}");

        // And the other way round, with the shares that `sops` made.
        let ages = [&settings.groups[0], &settings.groups[1], &recipients([&third])]
            .map(|group| group.first().unwrap().clone());
        let list: String = ages.iter().map(|age| format!("    - age: [{age}]\n")).collect();
        let rules = format!("creation_rules:\n- shamir_threshold: 2\n  key_groups:\n{list}");
        bench.write(".sops.yaml", rules.as_bytes());
        bench.write(name(format), sample(format));
        bench.sops(["encrypt", "--in-place", name(format)]);
        let document = Document::parse(&bench.read(name(format)), format, Path::new("x")).unwrap();
        assert_eq!((document.access().groups.len(), document.access().threshold), (3, 2));
        assert!(!reads(&third, &document), "{format}");
        let opened = document.open(&keyring).unwrap();
        let rotated = opened.rotated(&Foreigners::Drop, now(), &prompt()).unwrap();
        bench.write(name(format), rotated.document().bytes());
        assert!(same_plaintext(format, &bench.decrypted(name(format)), sample(format)), "{format}");
        assert!(!reads(&third, rotated.document()));
    }
}

#[test]
fn with_key_groups_nobody_can_be_added_and_no_group_emptied() {
    let mut bench = Bench::new();
    let (settings, second, third) = groups(&bench);
    let opened = bench.by_us(Format::Json, sample(Format::Json), &settings);
    let _ = with_both(&mut bench, &second);
    for wanted in
        [recipients([&bench.pair, &second]), recipients([&bench.pair, &second, &third, &Pair::new()])]
    {
        let error = opened.rekeyed(&wanted, &Foreigners::Drop, now(), &prompt()).unwrap_err();
        assert_eq!(miette::Diagnostic::code(&error).unwrap().to_string(), "sops::groups");
    }
    let same = opened
        .rekeyed(&recipients([&bench.pair, &second, &third]), &Foreigners::Drop, now(), &prompt())
        .unwrap();
    assert_eq!(same.document().bytes(), opened.document().bytes());
}

/// A key ring of `gpg` with one key without passphrase, and a program that uses it.
fn gpg(bench: &Bench) -> (String, Gpg) {
    let home = bench.path("gnupg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let ran = Command::new(tool("gpg"))
            .arg("--batch")
            .args(arguments)
            .env("GNUPGHOME", &home)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", complaint(&ran));
        String::from_utf8(ran.stdout).unwrap()
    };
    gpg(&["--passphrase", "", "--quick-generate-key", "throw-away test key", "rsa2048", "encr", "never"]);
    let listed = gpg(&["--with-colons", "--list-keys"]);
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
    let script = format!(
        "#!/bin/sh\nGNUPGHOME='{}' exec '{}' --batch \"$@\"\n",
        home.display(),
        tool("gpg").display()
    );
    let program = bench.write("gpg-here", script.as_bytes());
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    (fingerprint.trim_end_matches(':').to_owned(), Gpg::Program(program))
}

#[test]
fn a_file_for_an_openpgp_key_opens_through_gpg_and_keeps_or_drops_that_way_in() {
    let bench = Bench::new();
    let (fingerprint, gpg) = gpg(&bench);
    bench.write("file.json", sample(Format::Json));
    bench.sops(["encrypt", "--in-place", "--pgp", &fingerprint, "file.json"]);
    let document = Document::parse(&bench.read("file.json"), Format::Json, Path::new("file.json")).unwrap();
    let nobody = Identities::default();
    let error = document.open(&Keyring { identities: &nobody, gpg: Gpg::Never }).unwrap_err();
    assert!(error.to_string().contains(&format!("PGP {fingerprint}")), "{error}");
    assert_eq!(error.class(), secretctl::diag::Class::Environment);
    let opened = document.open(&Keyring { identities: &nobody, gpg: gpg.clone() }).unwrap();

    let own = recipients([&bench.pair]);
    let joined = opened.rekeyed(&own, &Foreigners::Keep(gpg.clone()), now(), &prompt()).unwrap();
    let rotated = joined.rotated(&Foreigners::Keep(gpg.clone()), now(), &prompt()).unwrap();
    for kept in [&joined, &rotated] {
        bench.write("file.json", kept.document().bytes());
        let mut command = bench.command(["decrypt", "file.json"]);
        let ran = command.env_remove("SOPS_AGE_KEY").output().unwrap();
        assert!(ran.status.success(), "{}", complaint(&ran));
        assert!(reads(&bench.pair, kept.document()));
        assert!(kept.document().open(&Keyring { identities: &nobody, gpg: gpg.clone() }).is_ok());
    }
    let dropped = rotated.rekeyed(&own, &Foreigners::Drop, now(), &prompt()).unwrap();
    assert!(dropped.document().access().groups[0].foreign.is_empty());
    assert!(reads(&bench.pair, dropped.document()));
    assert!(dropped.document().open(&Keyring { identities: &nobody, gpg }).is_err());
}

#[test]
fn stanzas_of_key_services_and_unknown_fields_survive_and_stop_only_a_new_data_key() {
    let (bench, other) = (Bench::new(), Pair::new());
    let encrypted = String::from_utf8(bench.by_sops(Format::Json, sample(Format::Json), &[])).unwrap();
    let service = "\"sops\": {\n\t\t\"kms\": [\n\t\t\t{\n\t\t\t\t\"arn\": \"arn:aws:kms:x\",\n\t\t\t\t\"created_at\": \"2026-01-01T00:00:00Z\",\n\t\t\t\t\"enc\": \"AAAA\"\n\t\t\t}\n\t\t],\n\t\t\"later\": {\n\t\t\t\"kept\": 1.50\n\t\t},";
    let encrypted = encrypted.replace("\"sops\": {", service);
    let opened = bench.open(Format::Json, encrypted.as_bytes());
    let (keep, both) = (Foreigners::Keep(Gpg::Never), recipients([&bench.pair, &other]));
    let changed = opened
        .changed(&[secretctl::sops::Change::Set { key: key("text"), value: secret("x") }], now())
        .unwrap();
    let edited = text(&changed.plaintext().unwrap()).replace("\"x\"", "\"y\"");
    let edited = changed.edited(&secret(&edited), now()).unwrap();
    let wider = edited.rekeyed(&both, &keep, now(), &prompt()).unwrap();
    for later in [&changed, &edited, &wider] {
        let bytes = String::from_utf8_lossy(later.document().bytes()).into_owned();
        assert!(bytes.contains(service), "{bytes}");
    }
    let error = wider.rekeyed(&recipients([&bench.pair]), &keep, now(), &prompt()).unwrap_err();
    assert!(error.to_string().contains("AWS KMS arn:aws:kms:x"), "{error}");
    let dropped = wider.rekeyed(&recipients([&bench.pair]), &Foreigners::Drop, now(), &prompt()).unwrap();
    let bytes = String::from_utf8_lossy(dropped.document().bytes()).into_owned();
    assert!(!bytes.contains("arn:aws") && bytes.contains("\"kept\": 1.50"), "{bytes}");
    bench.write("file.json", dropped.document().bytes());
    bench.sops(["decrypt", "file.json"]);
}
