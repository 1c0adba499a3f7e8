//! The shapes that repositories have: expressions without a flake, and flakes that lie in Git.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::evaluation::VERSIONS;
use super::evaluation::configuration;
use super::evaluation::flake;
use super::evaluation::owner;
use super::evaluation::repository;
use super::repository::Repository;
use crate::common::Ran;
use crate::common::tool;

/// The options of agenix that a module of it would have.
const MODULE: &str = "{ lib, ... }:\n{\n  options = {\n    networking.hostName = lib.mkOption { type = lib.types.str; };\n    age.secrets = lib.mkOption {\n      default = { };\n      type = lib.types.attrsOf (lib.types.submodule ({ name, ... }: {\n        options = {\n          name = lib.mkOption { type = lib.types.str; default = name; };\n          file = lib.mkOption { type = lib.types.path; };\n          owner = lib.mkOption { type = lib.types.str; default = \"0\"; };\n        };\n      }));\n    };\n  };\n}\n";
const HOST: &str = "{ config, ... }:\n{\n  imports = [ ../module.nix ];\n  networking.hostName = \"forge\";\n  age.secrets.a = { file = ../secrets/a.age; owner = \"sonarr-of-${config.networking.hostName}\"; };\n}\n";

/// Modules that only a module system can evaluate, which lies beside the repository as a channel does.
fn with_modules() -> Repository {
    let repository = repository();
    repository.write("module.nix", MODULE);
    repository.write("hosts/forge.nix", HOST);
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nix/stand-in/lib");
    let nixpkgs = repository.fleet.outside().join("nixpkgs");
    fs::create_dir(&nixpkgs).unwrap();
    let copied = Command::new(tool("cp")).arg("-r").arg(lib).arg(nixpkgs.join("lib")).status().unwrap();
    assert!(copied.success());
    repository
}

fn init(repository: &Repository, variable: &str) -> Ran {
    let nixpkgs = repository.fleet.outside().join("nixpkgs").display().to_string();
    let variable = variable.replace("NIXPKGS", &nixpkgs);
    let ran = repository.init_cmd("agenix", &[]).env("NIX_PATH", variable).run().ok();
    assert!(!ran.stderr().contains("import::sandbox"), "{ran}");
    ran
}

#[test]
fn a_default_nix_with_configurations_is_evaluated() {
    let system = "(import <nixpkgs/lib>).evalModules { modules = [ ./hosts/forge.nix ]; }";
    let shapes = [
        format!("{{ nixosConfigurations.forge = {system}; }}\n"),
        format!("{{ forge = {system}; broken = throw \"no\"; note = \"none\"; }}\n"),
        format!(
            "{{ system ? builtins.currentSystem }}: {{ nixosConfigurations.forge = assert system != \"\"; {system}; }}\n"
        ),
        format!("{{ nixosConfigurations = {{ forge = {system}; broken = throw \"not yet\"; }}; }}\n"),
    ];
    for version in VERSIONS {
        for text in &shapes {
            let mut repository = with_modules();
            repository.nix = tool(version);
            repository.write("default.nix", text);
            let ran =
                init(&repository, "nixpkgs=NIXPKGS").prints(&["as Nix evaluates it", "needed     1 pairs"]);
            assert_eq!(owner(&repository).as_deref(), Some("sonarr-of-forge"), "{version}\n{text}{ran}");
        }
    }
}

#[test]
fn what_the_registry_calls_nixpkgs_is_found() {
    let repository = with_modules();
    let nixpkgs = repository.fleet.outside().join("nixpkgs").display().to_string();
    let registry = format!(
        "{{ \"version\": 2, \"flakes\": [ {{ \"from\": {{ \"type\": \"indirect\", \"id\": \"nixpkgs\" }}, \"to\": {{ \"type\": \"path\", \"path\": \"{nixpkgs}\" }} }} ] }}"
    );
    let folder = repository.fleet.home().join(".config/nix");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("registry.json"), registry).unwrap();
    repository.write(
        "default.nix",
        "{ forge = (import <nixpkgs/lib>).evalModules { modules = [ ./hosts/forge.nix ]; }; }\n",
    );
    let ran = init(&repository, "nixpkgs=flake:nixpkgs").prints(&["as Nix evaluates it"]);
    assert_eq!(owner(&repository).as_deref(), Some("sonarr-of-forge"), "{ran}");
}

#[test]
fn a_default_nix_that_gives_no_configuration_leaves_it_to_the_files() {
    let repository = with_modules();
    repository.write("default.nix", "{ packages.hello = 1; }\n");
    let ran =
        init(&repository, "nixpkgs=NIXPKGS").prints(&["as its files alone tell it", "needed     1 pairs"]);
    ran.says(&["import::not_evaluated", "it gives no configuration of a host"]);
    let repository = with_modules();
    repository.write("default.nix", "import <nothing>\n");
    let ran =
        init(&repository, "nixpkgs=NIXPKGS").prints(&["as its files alone tell it", "needed     1 pairs"]);
    ran.says(&["import::not_evaluated", "nothing"]);
}

#[test]
fn a_repository_that_holds_the_home_is_not_evaluated() {
    let repository = with_modules();
    repository.write("default.nix", format!("{{ forge = {}; }}\n", configuration("\"sonarr\"")));
    let cmd = repository.init_cmd("agenix", &[]).env("HOME", repository.path("hosts"));
    cmd.run().ok().says(&["import::not_evaluated", "holds the home"]);
}

fn git(repository: &Repository, folder: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
    let mut command = Command::new(tool("git"));
    command.env_clear().env("HOME", repository.fleet.home()).arg("-C").arg(folder).args(identity).args(args);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_flake_in_git_is_what_git_knows_of_it() {
    for version in VERSIONS {
        let mut repository = repository();
        repository.nix = tool(version);
        let top = repository.path("");
        let owners = "builtins.concatStringsSep \"-\" (builtins.attrNames (builtins.readDir ./.))";
        repository.write("flake.nix", flake(&[("forge", owners.to_owned())]));
        git(&repository, &top, &["init", "--quiet"]);
        git(&repository, &top, &["add", "."]);
        git(&repository, &top, &["commit", "--quiet", "--message", "first"]);
        repository.write("untracked", "a note");
        repository.write("tracked", "a note");
        git(&repository, &top, &["add", "tracked"]);
        let ran = repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it"]);
        assert_eq!(owner(&repository).as_deref(), Some("flake.nix-secrets-tracked"), "{version}: {ran}");
    }
}

#[test]
fn a_flake_is_found_in_a_folder_of_a_worktree_of_a_shallow_clone() {
    let mut repository = repository();
    repository.inner = "machines at home";
    let outside = repository.fleet.outside().to_owned();
    let origin = outside.join("origin");
    fs::rename(repository.path(""), outside.join("machines at home")).unwrap();
    fs::create_dir(&origin).unwrap();
    fs::rename(outside.join("machines at home"), origin.join("machines at home")).unwrap();
    let inner = flake(&[("forge", "import ../owner.nix".to_owned())]);
    fs::write(origin.join("machines at home/flake.nix"), inner).unwrap();
    fs::write(origin.join("owner.nix"), "\"sonarr\"").unwrap();
    git(&repository, &origin, &["init", "--quiet"]);
    for message in ["first", "second"] {
        git(&repository, &origin, &["add", "."]);
        git(&repository, &origin, &["commit", "--quiet", "--allow-empty", "--message", message]);
    }
    let url = format!("file://{}", origin.display());
    git(&repository, &outside, &["clone", "--quiet", "--depth", "1", &url, "clone"]);
    let tree = outside.join("repo").display().to_string();
    git(&repository, &outside.join("clone"), &["worktree", "add", "--quiet", &tree]);
    let ran = repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it", "needed     1 pairs"]);
    assert_eq!(owner(&repository).as_deref(), Some("sonarr"), "{ran}");
}
