//! agenix-rekey, secrix and vaultix, each with files of the real `age`, evaluated by the real Nix.

use super::repository::Repository;
use crate::common::KEYS;

/// A flake whose configurations say what they are given, with the defaults that the tool's options have.
fn flake(repository: &Repository, hosts: &str, more: &str) {
    repository.write(
        "flake.nix",
        format!(
            "{{\n  outputs = {{ self }}: {{\n    nixosConfigurations = {{\n{hosts}    }};\n{more}  }};\n}}\n"
        ),
    );
}

#[test]
fn sources_of_agenix_rekey_come_over_and_copies_for_hosts_stay_behind() {
    let repository = Repository::new();
    let (alice, forge, luna) = (KEYS.alice.public(), KEYS.forge.public(), KEYS.luna.public());
    repository.age("secrets/token.age", "a token", &[&alice]);
    repository.age("secrets/forge/db.age", "a password\n", &[&alice]);
    repository.age("secrets/rekeyed/forge/0123-token.age", "a token", &[&forge]);
    let host = |name: &str, key: &str, secrets: &str| {
        format!(
            "      {name}.config.age = {{\n        rekey = {{ hostPubkey = \"{key}\"; masterIdentities = [ {{ identity = \"/keys/alice\"; pubkey = \"{alice}\"; }} ]; storageMode = \"local\"; localStorageDir = ./secrets/rekeyed/{name}; }};\n        secrets = {{ {secrets} }};\n      }};\n"
        )
    };
    let hosts = host(
        "forge",
        &forge,
        "token.rekeyFile = ./secrets/token.age; db = { rekeyFile = ./secrets/forge/db.age; owner = \"postgres\"; generator.script = \"passphrase\"; };",
    ) + &host(
        "luna",
        &luna,
        "token = { rekeyFile = ./secrets/token.age; path = \"/run/agenix/token\"; };",
    );
    flake(&repository, &hosts, "");
    let ran =
        repository.init("agenix-rekey", &[]).ok().says(&["`db` is made by a generator", "passphrase(6)"]);
    ran.prints(&[
        "as Nix evaluates it",
        "needed     3 pairs of a host and a value, of 3",
        "2 values were read back",
    ]);
    assert_eq!(repository.granted(), ["forge forge/db system", "forge token system", "luna token system"]);
    let fleet = &repository.fleet;
    assert_eq!(fleet.show("forge/db"), "a password\n");
    assert!(!fleet.exists("secrets/rekeyed"), "copies for hosts are no sources");
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
    fleet.run(["audit"]).ok();
}

#[test]
fn services_and_the_system_keep_what_secrix_bound_to_them() {
    let repository = Repository::new();
    let (alice, bob, forge) = (KEYS.alice.public(), KEYS.bob.public(), KEYS.forge.public());
    repository.age("secrets/minio-root", "root password", &[&alice, &bob, &forge]);
    repository.age("secrets/wifi", "wifi password", &[&alice, &forge]);
    let hosts = format!(
        "      forge.config.secrix = {{\n        hostPubKey = \"{forge}\"; defaultEncryptKeys = {{ alice = [ \"{alice}\" ]; bob = [ \"{bob}\" ]; }};\n        services.minio = {{ systemdService = \"minio\"; secrets.root = {{ encrypted.file = ./secrets/minio-root; decrypted = {{ user = \"minio\"; group = \"minio\"; mode = \"0400\"; path = \"/run/minio-keys/root\"; }}; }}; }};\n        system.secrets.wifi = {{ encrypted.file = ./secrets/wifi; decrypted = {{ user = \"0\"; group = \"0\"; mode = \"0400\"; path = \"/run/system-keys/wifi\"; }}; }};\n      }};\n"
    );
    flake(&repository, &hosts, "");
    let ran = repository.init("secrix", &[]).ok();
    ran.prints(&["needed     2 pairs of a host and a value, of 2", "2 values were read back"]);
    assert_eq!(repository.granted(), ["forge minio-root minio", "forge wifi system"]);
    let fleet = &repository.fleet;
    let declared = fleet.text("imported/forge.nix");
    for part in [
        "service = \"minio\";",
        "owner = \"minio\";",
        "path = \"/run/minio-keys/root\";",
        "path = \"/run/system-keys/wifi\";",
    ] {
        assert!(declared.contains(part), "`{part}` is not in\n{declared}");
    }
    assert!(!declared.contains("owner = \"0\""), "{declared}");
    assert!(
        fleet
            .text("policies/imported-secrix.rhai")
            .contains("editors(\"minio-root\", [\"alice\", \"bob\"]);")
    );
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
}

#[test]
fn secrets_and_templates_of_vaultix_come_over() {
    let repository = Repository::new();
    let (alice, forge) = (KEYS.alice.public(), KEYS.forge.public());
    repository.age("secrets/token.age", "a token", &[&alice]);
    repository.age("secrets/hash.age", "$y$hash", &[&alice]);
    repository.age("secrets/cache/forge/abc-token.age", "a token", &[&forge]);
    repository.write("identity.txt", format!("# public key: {alice}\nAGE-PLUGIN-YUBIKEY-1XXXX\n"));
    let placeholder = "{{ 0123456789012345678901234567890123456789012345678901234567890123 }}";
    let hosts = format!(
        "      forge.config.vaultix = {{\n        settings = {{ hostPubkey = \"{forge}\"; decryptedDir = \"/run/vaultix\"; }};\n        beforeUserborn = [ \"hash\" ];\n        secrets.token = {{ file = ./secrets/token.age; owner = \"app\"; group = \"app\"; mode = \"0400\"; name = \"token\"; }};\n        secrets.hash = {{ file = ./secrets/hash.age; path = \"/run/vaultix-for-user/hash\"; }};\n        placeholder.token = \"{placeholder}\";\n        templates.app = {{ name = \"app.toml\"; path = \"/run/vaultix/app.toml\"; content = \"token = \\\"{placeholder}\\\"\\n\"; owner = \"app\"; }};\n      }};\n"
    );
    flake(&repository, &hosts, "    vaultix.identity = ./identity.txt;\n");
    repository.init("vaultix", &[]).ok().prints(&["needed     2 pairs of a host and a value, of 2"]);
    assert_eq!(repository.granted(), ["forge hash system", "forge token system"]);
    let fleet = &repository.fleet;
    let declared = fleet.text("imported/forge.nix");
    for part in [
        "neededForUsers = true;",
        "path = \"/run/vaultix-for-user/hash\";",
        "content = \"token = \\\"${config.secretctl.placeholder.\"token\"}\\\"\n\";",
    ] {
        assert!(declared.contains(part), "`{part}` is not in\n{declared}");
    }
    assert!(!fleet.exists("secrets/cache"), "copies for hosts are no sources");
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).ok();
}
