//! Keys that agenix-rekey and vaultix encrypt everything to: they open what they could, and are told.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use super::repository::Repository;
use crate::common::KEYS;
use crate::common::attack;
use crate::common::tool;

/// A native key, which leaves no tag in the files that it opens.
fn native(repository: &Repository, name: &str) -> (PathBuf, String) {
    let file = repository.fleet.outside().join(name);
    assert!(Command::new(tool("age-keygen")).arg("-o").arg(&file).status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    (file, public)
}

fn opens(file: &Path, key: &Path) -> bool {
    attack::opened("age", file, key).is_some()
}

/// Files for a master key and one for emergencies, declared on a host.
fn agenix_rekey() -> (Repository, (PathBuf, String), (PathBuf, String)) {
    let repository = Repository::new();
    let (master, backup) = (native(&repository, "master"), native(&repository, "backup"));
    repository.age("secrets/acme.age", "a value", &[&master.1, &backup.1]);
    repository.write(
        "flake.nix",
        format!(
            "{{ outputs = {{ self }}: {{ nixosConfigurations.forge.config.age = {{\n  rekey = {{ hostPubkey = \"{}\"; masterIdentities = [ {{ identity = \"/persist/master.txt\"; pubkey = \"{}\"; }} ]; extraEncryptionPubkeys = [ \"{}\" ]; storageMode = \"local\"; localStorageDir = ./secrets/rekeyed; }};\n  secrets.acme.rekeyFile = ./secrets/acme.age;\n}}; }}; }}\n",
            KEYS.forge.public(), master.1, backup.1
        ),
    );
    (repository, master, backup)
}

#[test]
fn master_and_recovery_keys_of_agenix_rekey_open_what_they_could() {
    let (repository, master, backup) = agenix_rekey();
    let cmd = repository.init_cmd("agenix-rekey", &[]).identity(&master.0);
    let ran = cmd.run().ok().says(&[
        "import::recovery",
        &backup.1,
        "warning[import::not_confirmed]: `master`",
        "--confirm-admin master",
    ]);
    let ran = ran.prints(&["people     master (what they could open), 1 recovery recipient"]);
    assert!(!ran.stderr().contains("unknown_recipient"), "{ran}");
    let fleet = &repository.fleet;
    fleet.set("forge/web/new", "a new value").ok();
    let (old, new) = (fleet.path("secrets/acme.age"), fleet.path("secrets/forge/web/new.age"));
    assert!(opens(&old, &master.0) && opens(&old, &backup.0) && opens(&old, KEYS.alice.private()));
    assert!(!opens(&new, &master.0) && opens(&new, &backup.0));
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
    fleet.run(["audit"]).ok();
}

#[test]
fn a_master_key_that_was_confirmed_is_an_admins() {
    let (repository, master, _) = agenix_rekey();
    let cmd = repository.init_cmd("agenix-rekey", &["--confirm-admin", "master"]).identity(&master.0);
    cmd.run().ok().prints(&["master (everything)"]);
    repository.fleet.set("forge/web/new", "a new value").ok();
    assert!(opens(&repository.fleet.path("secrets/forge/web/new.age"), &master.0));
}

#[test]
fn a_fleet_that_is_there_gets_no_recovery_key_for_what_it_has() {
    let (repository, master, backup) = agenix_rekey();
    let fleet = crate::common::TestFleet::sealed();
    let (root, nix) = (repository.path("").display().to_string(), repository.nix.display().to_string());
    let cmd = fleet.cmd(["import", &root, "--from", "agenix-rekey", "--nix", &nix]).identity(&master.0);
    cmd.run().ok().says(&["import::not_confirmed]: `recovery-1`"]);
    assert!(opens(&fleet.path("secrets/acme.age"), &backup.0));
    fleet.run(["rekey"]).ok();
    assert!(!opens(&fleet.path("secrets/shared/token.age"), &backup.0));
}

#[test]
fn identity_and_extra_recipients_of_vaultix_open_what_they_could() {
    let repository = Repository::new();
    let (master, backup) = (native(&repository, "master"), native(&repository, "backup"));
    repository.age("secrets/token.age", "a token", &[&master.1, &backup.1]);
    repository.write("identity.txt", format!("# public key: {}\nAGE-PLUGIN-YUBIKEY-1XXXX\n", master.1));
    repository.write(
        "flake.nix",
        format!(
            "{{ outputs = {{ self }}: {{\n  vaultix = {{ identity = ./identity.txt; extraRecipients = [ \"{}\" ]; }};\n  nixosConfigurations.forge.config.vaultix = {{ settings.hostPubkey = \"{}\"; secrets.token.file = ./secrets/token.age; }};\n}}; }}\n",
            backup.1,
            KEYS.forge.public()
        ),
    );
    let cmd = repository.init_cmd("vaultix", &[]).identity(&master.0);
    cmd.run().ok().says(&["import::recovery", "import::not_confirmed]: `vaultix`"]);
    let source = repository.fleet.path("secrets/token.age");
    assert!(opens(&source, &master.0) && opens(&source, &backup.0) && opens(&source, KEYS.alice.private()));
}
