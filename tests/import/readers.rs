//! Who opens what after an import: nobody gets what comes later unless they were confirmed, and no machine is a person.

use std::path::Path;
use std::process::Command;

use super::repository::Repository;
use super::sops_nix::sops;
use crate::common::KEYS;
use crate::common::Tree;
use crate::common::attack;

/// Two people and a host, by the names that README files of agenix give them.
fn agenix() -> Repository {
    let repository = Repository::new();
    let (alice, bob, forge) = (KEYS.alice.public(), KEYS.bob.public(), KEYS.forge.public());
    repository.write(
        "secrets/secrets.nix",
        format!(
            "let\n  alice = \"{alice}\";\n  bob = \"{bob}\";\n  users = [ alice bob ];\n  system1 = \"{forge}\";\n  systems = [ system1 ];\nin\n{{\n  \"a.age\".publicKeys = users ++ systems;\n  \"b.age\".publicKeys = [ alice system1 ];\n}}\n"
        ),
    );
    repository.age("secrets/a.age", "value a", &[&alice, &bob, &forge]);
    repository.age("secrets/b.age", "value b", &[&alice, &forge]);
    repository.write(
        "flake.nix",
        "{ outputs = { self }: { nixosConfigurations.forge.config.age.secrets.b.file = ./secrets/b.age; }; }\n",
    );
    repository
}

fn opens(file: &Path, key: &crate::common::KeyPair) -> bool {
    attack::opened("age", file, key.private()).is_some()
}

#[test]
fn a_colleague_stays_a_reader_of_what_they_could_open_and_of_nothing_new() {
    let repository = agenix();
    let ran = repository.init("agenix", &[]).ok();
    ran.says(&[
        "warning[import::not_confirmed]: `bob` ",
        "could open 1 file and was not confirmed",
        "--confirm-admin bob",
    ])
    .prints(&["people     bob (what they could open)"]);
    let fleet = &repository.fleet;
    fleet.set("forge/web/new", "a new value").ok();
    let source = |name: &str| fleet.path(&format!("secrets/{name}.age"));
    assert!(opens(&source("a"), &KEYS.bob) && opens(&source("a"), &KEYS.alice));
    for closed in ["b", "forge/web/new"] {
        assert!(!opens(&source(closed), &KEYS.bob) && opens(&source(closed), &KEYS.alice), "{closed}");
        assert!(!opens(&source(closed), &KEYS.forge), "{closed}");
    }
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
    fleet.run(["rekey"]).ok().says(&["every source has the right recipients"]);
    let who = fleet.run(["policy", "who-can", "a"]).with_code(1);
    who.prints(&["no host may read `a`", "its source is open to admin `alice`, admin `bob`"]);
    fleet.run(["policy", "who-can", "b"]).ok().prints(&["its source is open to admin `alice`\n"]);
}

#[test]
fn a_colleague_who_was_confirmed_opens_everything_and_one_who_is_not_there_is_refused() {
    let repository = agenix();
    let ran = repository.init("agenix", &["--confirm-admin", "carol"]).with_code(2);
    ran.says(&["error[import::not_found]", "`carol`", "found here: `bob`"]);
    assert_eq!(repository.fleet.tree().paths(), [""; 0]);
    let ran = repository.init("agenix", &["--confirm-admin", "bob"]).ok().prints(&["bob (everything)"]);
    let ran = ran
        .says(&["note[import::confirmed]: `bob` opens every secret, new ones too, with ssh-ed25519 SHA256:"]);
    assert!(!ran.stderr().contains("import::not_confirmed"), "{ran}");
    let fleet = &repository.fleet;
    fleet.set("forge/web/new", "a new value").ok();
    assert!(opens(&fleet.path("secrets/forge/web/new.age"), &KEYS.bob));
    // What they could not open before stays closed.
    assert!(!opens(&fleet.path("secrets/b.age"), &KEYS.bob));
}

/// A SOPS file for an admin, a colleague and two hosts, one of which does not evaluate and is named by no file.
fn half_evaluated() -> Repository {
    let repository = Repository::new();
    let (alice, bob, forge, luna) =
        (KEYS.alice.public(), KEYS.bob.public(), KEYS.forge.public(), KEYS.luna.public());
    repository.write(
        ".sops.yaml",
        format!("keys:\n  - &alice {alice}\n  - &bob {bob}\n  - &alpha {forge}\n  - &beta {luna}\ncreation_rules:\n  - path_regex: secrets/.*\n    key_groups:\n      - age: [*alice, *bob, *alpha, *beta]\n"),
    );
    repository.sops("secrets/all.yaml", "one: value 1\ntwo: value 2\n");
    repository.write(
        "hosts.nix",
        "name: {\n  networking.hostName = name;\n  sops.secrets = if name == \"alpha\" then { one = { sopsFile = ./secrets/all.yaml; key = \"one\"; }; } else { }.missing;\n}\n",
    );
    repository.write(
        "flake.nix",
        "{ outputs = { self }: { nixosConfigurations = builtins.listToAttrs (map (name: { inherit name; value.config = import ./hosts.nix name; }) [ \"alpha\" \"beta\" ]); }; }\n",
    );
    repository
}

fn sops_opens(repository: &Repository, key: &crate::common::KeyPair) -> bool {
    let mut command = Command::new(sops());
    command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", key.private()).arg("decrypt");
    command.arg(repository.path("secrets/all.yaml")).output().unwrap().status.success()
}

#[test]
fn neither_a_colleague_nor_a_host_that_does_not_evaluate_becomes_an_admin() {
    let nothing = "{ outputs = { self }: throw \"not yet\"; }\n";
    for (flake, more) in [(None, &[][..]), (None, &["--files-alone"]), (Some(nothing), &[])] {
        let repository = half_evaluated();
        flake.iter().for_each(|flake| repository.write("flake.nix", flake));
        let ran = repository.init_inside("sops-nix", more).run().ok();
        assert!(!ran.stderr().contains("secretctl rm"), "{ran}");
        ran.says(&[
            "import::unclear_key]: `bob`",
            "could open 1 file",
            "SOPS files until `secretctl rekey --settle`",
        ]);
        let fleet = std::fs::read_to_string(repository.path("secretctl.toml")).unwrap();
        assert_eq!(fleet.matches("[admins.").count(), 1, "{fleet}");
        // Where nothing at all can be read, nobody says that it is a host.
        let known = flake.is_none();
        assert_eq!(fleet.contains("[hosts.beta]"), known, "{fleet}");
        // Both tools go on as before; what comes later is closed to everybody who was not confirmed.
        repository.cmd(&["set", "forge/web/new"]).stdin("a new value").run().ok();
        let new = repository.path("secrets/forge/web/new.age");
        assert!(opens(&new, &KEYS.alice));
        for key in [&KEYS.bob, &KEYS.forge, &KEYS.luna] {
            assert!(!opens(&new, key) && sops_opens(&repository, key));
        }
        repository.cmd(&["rekey"]).run().ok();
        assert!(sops_opens(&repository, &KEYS.bob) && sops_opens(&repository, &KEYS.luna));
        repository.cmd(&["check"]).run().says(&["document::legacy"]);
        let who = repository.cmd(&["policy", "who-can", "all/two"]).run();
        let luna = KEYS.luna.public();
        let luna = if known { "host `beta`" } else { luna.as_str() };
        who.prints(&["its source is open to admin `alice`", &KEYS.bob.public(), luna]);
    }
}

#[test]
fn a_key_that_is_called_like_a_machine_is_no_person() {
    let repository = agenix();
    let luna = KEYS.luna.public();
    repository.age("secrets/c.age", "value c", &[&KEYS.alice.public(), &luna]);
    repository.write("keys.nix", format!("{{ old_server_key = \"{luna}\"; }}\n"));
    repository.init("agenix", &[]).ok().says(&["warning[import::machine_key]: `old_server_key`"]);
    let fleet = repository.fleet.text("secretctl.toml");
    assert!(!fleet.contains(&luna), "{fleet}");
    assert!(!opens(&repository.fleet.path("secrets/c.age"), &KEYS.luna));
    let audit = repository.fleet.run(["audit"]).with_code(1);
    audit.says(&["exposure::key", &luna]);
}

#[test]
fn a_list_of_systems_tells_machines_whatever_they_are_called() {
    let repository = agenix();
    repository.write("hosts/forge.nix", "{ ... }: { age.secrets.b.file = ../secrets/b.age; }\n");
    repository.init("agenix", &["--files-alone"]).ok();
    let fleet = repository.fleet.text("secretctl.toml");
    assert!(fleet.contains("[hosts.forge]\nrecipients") && !fleet.contains("system1"), "{fleet}");
}

#[test]
fn an_admins_own_key_stays_theirs_whatever_its_comment_says() {
    let repository = agenix();
    let alice = KEYS.alice.public();
    let text = std::fs::read_to_string(repository.path("secrets/secrets.nix")).unwrap();
    repository.write("secrets/secrets.nix", text.replace(&alice, &format!("{alice} root@forge")));
    let ran = repository.init("agenix", &[]).ok();
    ran.says(&["import::key_of_admin", "host `forge`"]);
    let fleet = repository.fleet.text("secretctl.toml");
    assert_eq!(fleet.matches(&alice).count(), 2, "recipient and signing key of alice: {fleet}");
}

#[test]
fn a_recipient_that_nothing_names_is_told_by_its_tag() {
    let repository = agenix();
    let (alice, forge, luna) = (KEYS.alice.public(), KEYS.forge.public(), KEYS.luna.public());
    repository.age("secrets/b.age", "value b", &[&alice, &forge, &luna]);
    let ran = repository.init("agenix", &["--dry-run"]).ok();
    ran.says(&["warning[import::unknown_recipient]", "(tag ", "which opens `secrets/b.age`"]);
    let ran = agenix().init("agenix", &["--dry-run"]).ok();
    assert!(!ran.stderr().contains("unknown_recipient"), "{ran}");
}

#[test]
fn a_sops_file_with_a_dot_is_left_out_and_the_others_come() {
    let repository = half_evaluated();
    repository.sops("secrets/.env", "A=1\n");
    let before = Tree::of(&repository.path("secrets"), &[]);
    let ran = repository.init_inside("sops-nix", &[]).run().ok();
    ran.says(&["error[import::document_path]: `secrets/.env` cannot be a document", "may start with a dot"]);
    assert_eq!(repository.cmd(&["show", "all/one"]).run().ok().stdout(), "value 1");
    let now = Tree::of(&repository.path("secrets"), &[]);
    assert_eq!(now.changed_since(&before), ["all/one.ledger", "all/two.ledger"]);
}

#[test]
fn a_template_that_everybody_reads_is_told() {
    let repository = half_evaluated();
    let host = "{\n  sops.secrets.one = { sopsFile = ./secrets/all.yaml; key = \"one\"; };\n  sops.placeholder.one = \"<SOPS:one>\";\n  sops.templates.\"app.conf\" = { content = \"key=<SOPS:one>\"; mode = \"0644\"; };\n  sops.templates.plain = { content = \"nothing\"; mode = \"0644\"; };\n}\n";
    repository.write("alpha.nix", host);
    repository.write(
        "flake.nix",
        "{ outputs = { self }: { nixosConfigurations.alpha.config = import ./alpha.nix; }; }\n",
    );
    let ran = repository.init_inside("sops-nix", &["--dry-run"]).run().ok();
    let ran = ran.says(&["import::world_readable", "reads the template `app.conf`: its mode is 0644"]);
    assert!(!ran.stderr().contains("`plain`"), "{ran}");
}

#[test]
fn a_host_that_is_known_by_its_converted_key_gets_the_ssh_key_or_a_question() {
    // The same key in both forms.
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti";
    let age = "age1ru2d3p49ty8hd3g8m964ch404k0wcr0ee500zagp3ftzqkld7auqaudj0s";
    for at_hand in [true, false] {
        let repository = Repository::new();
        let alice = KEYS.alice.public();
        repository.write(
            ".sops.yaml",
            format!("keys:\n  - &alice {alice}\n  - &host_forge {age}\ncreation_rules:\n  - path_regex: secrets/.*\n    key_groups:\n      - age: [*alice, *host_forge]\n"),
        );
        repository.sops("secrets/forge.yaml", "db: pw1\n");
        if at_hand {
            repository.write("hosts/keys/forge.pub", format!("{ssh} root@forge\n"));
        }
        let ran = repository.init_inside("sops-nix", &["--files-alone"]).run().ok();
        let fleet = std::fs::read_to_string(repository.path("secretctl.toml")).unwrap();
        assert!(fleet.contains(age), "{fleet}");
        assert_eq!(fleet.contains(ssh), at_hand, "{fleet}");
        let asked = ran.stderr().contains("import::converted_key");
        assert_eq!(asked, !at_hand, "{ran}");
        if asked {
            ran.says(&["`forge`", "--host \"forge=ssh-ed25519 …\"", "secretctl host set forge --recipient"]);
            std::fs::remove_file(repository.path("secretctl.toml")).unwrap();
            let named = ["--files-alone", "--dry-run", "--host", &format!("forge={ssh}")];
            let ran = repository.init_inside("sops-nix", &named).run().ok();
            assert!(!ran.stderr().contains("import::converted_key"), "{ran}");
        }
    }
}
