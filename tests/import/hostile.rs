//! Repositories that somebody has prepared for whoever imports them.

use std::process::Command;

use super::repository::Repository;
use crate::common::KEYS;
use crate::common::tool;

#[test]
fn no_sign_that_a_terminal_obeys_comes_from_names_and_comments() {
    let repository = Repository::new();
    let (alice, forge) = (KEYS.alice.public(), KEYS.forge.public());
    let esc = "\u{1b}]0;owned\u{7}\u{1b}[31m";
    repository.write(
        ".sops.yaml",
        format!(
            "keys:\n  - &admin_alice {alice} # {esc}\n  - &host_forge {forge} # \\\" ${{x}} \r injected = 1\ncreation_rules:\n  - path_regex: (((a*)*)*)*b{{1000}}{{1000}}{{1000}}$\n    age: {alice}\n  - path_regex: '{esc}('\n    age: \"{esc}\"\n  - age: {alice},{forge}\n"
        ),
    );
    repository.age(&format!("secrets/x{esc}.age"), "v", &[&alice]);
    repository.write(&format!("secrets/{esc}.yaml"), "a: ENC[\nsops: {}\n");
    repository.write("secrets/b.yaml", "\"k\\e[31m\": v\n");
    let mut sops = Command::new(tool("sops"));
    sops.env_clear().env("HOME", repository.path(".")).args([
        "--config",
        "/dev/null",
        "encrypt",
        "--in-place",
    ]);
    let done = sops.args(["--age", &alice]).arg(repository.path("secrets/b.yaml")).status().unwrap();
    assert!(done.success());
    repository.write("flake.nix", format!("{{ outputs = _: throw \"{esc}\"; }}\n"));
    for tool in ["sops-nix", "agenix"] {
        let ran = repository.init(tool, &["--dry-run", "--host", "forge="]);
        assert!(!ran.stdout().contains('\u{1b}') && !ran.stderr().contains('\u{1b}'), "{tool}: {ran}");
        assert!(!ran.stdout().contains('\u{7}') && !ran.stderr().contains('\u{7}'), "{tool}");
    }
    let root = repository.path(".").display().to_string();
    let args = ["init", &root, "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
    let more = ["--from", "sops-nix", "--nix", "/nowhere/nix"];
    let cmd = repository.fleet.cmd(args.iter().chain(&more));
    let ran = cmd.env("SECRETCTL_SIGNING_KEY", KEYS.alice.private()).run();
    assert!(!format!("{ran}").contains(['\u{1b}', '\u{7}']), "{ran}");
    let toml = std::fs::read_to_string(repository.path("secretctl.toml")).unwrap();
    assert!(!toml.contains('\u{1b}') && !toml.contains("injected"), "{toml}");
    let check = repository.fleet.run(["--fleet", &root, "check"]);
    assert_ne!(check.code(), 2, "what was written can be read again: {check}");
}

#[test]
fn a_path_that_leads_out_of_the_repository_is_not_read() {
    let repository = Repository::new();
    let (alice, forge) = (KEYS.alice.public(), KEYS.forge.public());
    repository.age("secrets/a.age", "a", &[&alice, &forge]);
    repository.write(
        "secrets/secrets.nix",
        format!("let alice = \"{alice}\"; forge = \"{forge}\"; in {{ \"a.age\".publicKeys = [ alice forge ]; \"../../../out.age\".publicKeys = [ alice ]; \"/etc/x.age\".publicKeys = [ alice ]; }}\n"),
    );
    repository.age("../out.age", "outside", &[&alice]);
    repository.write(
        "flake.nix",
        "{ outputs = _: { nixosConfigurations.forge.config.age.secrets = { a.file = ./secrets/a.age; out.file = /. + \"${toString ./.}/../out.age\"; up.file = \"../out.age\"; }; }; }\n",
    );
    std::os::unix::fs::symlink("../../out.age", repository.path("secrets/link.age")).unwrap();
    std::os::unix::fs::symlink("../..", repository.path("secrets/up")).unwrap();
    repository.init("agenix", &["--host", "forge="]).ok();
    let listed = repository.fleet.run(["list"]).ok().stdout();
    assert!(listed.contains('a') && !listed.contains("out") && !listed.contains("link"), "{listed}");
}
