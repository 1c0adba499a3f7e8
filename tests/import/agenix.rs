//! agenix: `secrets.nix` and `age.secrets`.

use super::repository::Repository;
use crate::common::KEYS;

/// Two hosts, two people, four files, one of which nobody declares.
fn repository() -> Repository {
    let repository = Repository::new();
    let (alice, bob, forge, luna) =
        (KEYS.alice.public(), KEYS.bob.public(), KEYS.forge.public(), KEYS.luna.public());
    repository.write(
        "secrets/secrets.nix",
        format!(
            "let\n  alice = \"{alice}\";\n  bob = \"{bob}\";\n  users = [ alice bob ];\n  systems = {{\n    forge = \"{forge} root@forge\";\n    luna = \"{luna}\";\n  }};\nin\n{{\n  \"api-key.age\".publicKeys = [ alice systems.forge ];\n  \"restic.age\".publicKeys = users ++ builtins.attrValues systems;\n  \"wifi.age\".publicKeys = users ++ [ systems.luna ];\n  \"old.age\".publicKeys = [ alice systems.forge systems.luna ];\n  \"gone.age\".publicKeys = users;\n}}\n"
        ),
    );
    repository.age("secrets/api-key.age", "the api key\n", &[&alice, &forge]);
    repository.age("secrets/restic.age", "the restic password", &[&alice, &bob, &forge, &luna]);
    repository.age("secrets/wifi.age", "the wifi password", &[&alice, &bob, &luna]);
    repository.age("secrets/old.age", "an old value", &[&alice, &forge, &luna]);
    repository.write(
        "flake.nix",
        "{\n  outputs = { self }: {\n    nixosConfigurations.forge = self.system [ ./hosts/forge.nix ./hosts/backup.nix ];\n    nixosConfigurations.luna = self.system [ ./hosts/luna.nix ./hosts/backup.nix ];\n    system = modules: { inherit modules; config = builtins.foldl' (a: m: a // { age.secrets = (a.age.secrets or { }) // (import m { config = { }; }).age.secrets; }) { } modules; };\n  };\n}\n",
    );
    repository.write(
        "hosts/forge.nix",
        "{ config, ... }:\n{\n  age.secrets.api-key = { file = ../secrets/api-key.age; owner = \"sonarr\"; group = \"sonarr\"; mode = \"0440\"; };\n}\n",
    );
    repository.write(
        "hosts/luna.nix",
        "{ ... }:\n{\n  age.secrets.wifi = { file = ../secrets/wifi.age; path = \"/etc/wifi\"; mode = \"0444\"; };\n  age.secrets.lost.file = ../secrets/lost.age;\n}\n",
    );
    repository.write("hosts/backup.nix", "{ ... }:\n{ age.secrets.restic.file = ../secrets/restic.age; }\n");
    repository
}

const NEEDED: [&str; 4] =
    ["forge api-key system", "forge restic system", "luna restic system", "luna wifi system"];

#[test]
fn a_repository_becomes_a_fleet_that_grants_what_its_hosts_declare() {
    let repository = repository();
    let before = repository.fleet.outside().join("repo");
    let before = crate::common::Tree::of(&before, &[".git"]);
    let ran = repository.init("agenix", &[]).ok().says(&[
        "import::dangling",
        "import::missing_file",
        "import::world_readable",
    ]);
    let ran = ran.prints(&[
        "as Nix evaluates it",
        "needed     4 pairs of a host and a value, of 6",
        "granted    4",
    ]);
    assert!(ran.stdout().contains("4 values were read back"), "{ran}");
    assert_eq!(repository.granted(), NEEDED);
    let fleet = &repository.fleet;
    assert_eq!(fleet.show("api-key"), "the api key\n");
    assert_eq!(fleet.show("old"), "an old value");
    let now = crate::common::Tree::of(&fleet.outside().join("repo"), &[".git"]);
    assert_eq!(now.changed_since(&before), [""; 0], "the other tool's files are as they were");
    assert_eq!(fleet.leaks(&["the api key", "the wifi password", "an old value"]), [""; 0]);
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
    assert_eq!(fleet.granted("luna"), ["restic", "wifi"]);
}

#[test]
fn who_could_read_a_value_before_counts_as_knowing_it() {
    let repository = repository();
    repository.init("agenix", &[]).ok();
    repository.fleet.run(["seal"]).ok();
    let audit = repository.fleet.run(["audit"]).with_code(1);
    audit.says(&["host `forge` knows revision 1 of `old`", "host `luna` knows revision 1 of `old`"]);
}

#[test]
fn people_stay_editors_of_what_they_could_open() {
    let repository = repository();
    repository.init("agenix", &[]).ok();
    let policy = repository.fleet.text("policies/imported-agenix.rhai");
    assert!(policy.contains("editors([\"restic\", \"wifi\"], [\"alice\", \"bob\"]);"), "{policy}");
    let fleet = repository.fleet.text("secretctl.toml");
    let (_, bob) = fleet.split_once("[admins.bob]").unwrap();
    assert!(bob.lines().any(|line| line == "editor = \"named\""), "{fleet}");
}

#[test]
fn the_files_alone_tell_the_same_where_nobody_evaluates() {
    let repository = repository();
    repository.write(
        "flake.nix",
        "{\n  outputs = { self, nixpkgs }: {\n    nixosConfigurations = nixpkgs.lib.genAttrs [ \"forge\" \"luna\" ] (name: nixpkgs.lib.nixosSystem {\n      system = \"x86_64-linux\";\n      modules = [ (./hosts + \"/${name}.nix\") ./hosts/backup.nix ];\n    });\n  };\n}\n",
    );
    let ran = repository.init("agenix", &[]).ok().says(&["import::not_evaluated"]);
    ran.prints(&["as its files alone tell it", "needed     4 pairs of a host and a value, of 6"]);
    assert_eq!(repository.granted(), NEEDED);
    let luna = repository.fleet.text("imported/luna.nix");
    assert!(
        luna.contains("path = \"/etc/wifi\";")
            && luna.contains("\"restic\" = { };")
            && luna.contains("secretctl.compat.agenix = true;"),
        "{luna}"
    );
    assert!(repository.fleet.text("secretctl.toml").contains("system = \"x86_64-linux\""));
}

#[test]
fn a_file_that_is_called_otherwise_keeps_its_path_and_a_copy_is_told() {
    let repository = repository();
    repository.write(
        "hosts/backup.nix",
        "{ ... }:\n{ age.secrets.restic = { file = ../secrets/restic.age; name = \"backup\"; }; }\n",
    );
    repository.write(
        "hosts/luna.nix",
        "{ ... }:\n{ age.secrets.wifi = { file = ../secrets/wifi.age; path = \"/etc/wifi\"; symlink = false; }; }\n",
    );
    repository.init("agenix", &[]).ok().says(&["import::copy", "`luna` has a copy of `wifi`"]);
    let luna = repository.fleet.text("imported/luna.nix");
    assert!(luna.contains("\"backup\" = {\n      secret = \"restic\";\n    };"), "{luna}");
    assert!(luna.contains("\"wifi\" = {\n      path = \"/etc/wifi\";\n    };"), "{luna}");
}

#[test]
fn a_fleet_in_a_folder_of_the_repository_is_imported_again_with_another_key() {
    let repository = repository();
    let (alice, nix) = (KEYS.alice.public(), repository.nix.display().to_string());
    let (root, from) =
        (repository.path("fleet").display().to_string(), repository.path("").display().to_string());
    let init = ["init", &root, "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
    let more = ["--from", "agenix", "--source", &from, "--nix", &nix];
    let cmd = repository.fleet.cmd(init.iter().chain(&more)).identity(KEYS.luna.private());
    let ran = cmd.env("SECRETCTL_SIGNING_KEY", KEYS.alice.private()).run().ok();
    ran.says(&["import::left", "`api-key` was left where it is"]);
    let again = ["--fleet", &root, "import", &from, "--from", "ragenix", "--nix", &nix];
    let ran = repository.fleet.run(again).ok().prints(&["values     4: 1 become sources, 3 were there"]);
    assert!(!ran.stderr().contains("import::left"), "{ran}");
    repository.fleet.run(again).ok().prints(&["values     4: 4 were there"]);
    assert_eq!(repository.granted_at("repo/fleet"), NEEDED);
}

#[test]
fn a_new_fleet_tells_the_same_in_json_as_a_fleet_that_is_there() {
    let repository = repository();
    let told = repository.init("agenix", &["--dry-run", "--format", "json"]).ok().json();
    assert_eq!(told["dry_run"], true);
    let told = repository.init("agenix", &["--format", "json"]).ok().json();
    assert_eq!((&told["evaluated"], &told["proved_equal"]), (&true.into(), &4.into()));
    assert_eq!(told["access"]["needed"], 4);
    assert_eq!(told["secrets"]["wifi"]["needed_by"], serde_json::json!(["luna"]));
    assert_eq!(told["hosts"]["forge"], "active");
}

#[test]
fn a_dry_run_tells_all_of_it_and_needs_no_private_key() {
    let repository = repository();
    let cmd = repository.init_cmd("agenix", &["--dry-run"]);
    let cmd = cmd.without_env("SECRETCTL_IDENTITY").without_env("SECRETCTL_SIGNING_KEY");
    cmd.run().ok().prints(&["needed     4 pairs of a host and a value, of 6", "granted    4"]);
    assert_eq!(repository.fleet.tree().paths(), [""; 0]);
}
