//! The flake, its templates and its checks, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::nix::Nix;
use crate::nix::ROOT;
use crate::nix::said;

/// What Git tracks, as a flake reference that needs no commit.
fn own() -> String {
    format!("git+file://{ROOT}")
}

fn stand_in() -> String {
    format!("path:{ROOT}/tests/nix/stand-in")
}

/// What a command on the flake with the stand-in for nixpkgs prints.
fn flake(nix: Nix, arguments: &[&str]) -> String {
    let mut command = nix.command("");
    command.args(arguments).args(["--override-input", "nixpkgs", &stand_in(), "--no-write-lock-file"]);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", said(&ran));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_flake_checks_offline() {
    flake(Nix::Current, &["flake", "check", "--no-build", "--all-systems", &own()]);
}

#[test]
fn nix_2_8_sees_the_same_outputs() {
    for output in [
        "packages.x86_64-linux.default.name",
        "checks.aarch64-linux.demo-fleet.name",
        "templates.fleet.description",
    ] {
        let output = format!("{}#{output}", own());
        let [old, new] = [Nix::Oldest, Nix::Current].map(|nix| flake(nix, &["eval", "--json", &output]));
        assert!(old.starts_with('"'), "{old}");
        assert_eq!(old.trim(), new.trim());
    }
}

#[test]
fn the_pages_of_options_are_what_the_modules_say() {
    for page in ["nixos", "home", "darwin"] {
        let check = format!("{}#checks.x86_64-linux.options-page-{page}", own());
        flake(Nix::Current, &["build", "--no-link", &check]);
    }
}

#[test]
fn the_template_starts_a_fleet_that_evaluates() {
    let folder = TempDir::with_prefix("secretctl-template-").unwrap();
    let mut init = Nix::Current.command("");
    let template = format!("{}#fleet", own());
    init.current_dir(folder.path()).args(["flake", "init", "--template", &template]);
    let ran = init.output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let said = said(&ran);
    assert!(said.contains("secretctl"), "the welcome text is missing:\n{said}");
    let path = folder.path().join("flake.nix");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("git+file:///srv/git/secretctl", &own());
    fs::write(&path, text.replace("github:NixOS/nixpkgs/nixos-unstable", &stand_in())).unwrap();
    commit(folder.path());
    let host =
        format!("git+file://{}#nixosConfigurations.alpha.config.secretctl.host", folder.path().display());
    let mut eval = Nix::Current.command("");
    eval.args(["eval", "--json", "--no-write-lock-file", &host]);
    let ran = eval.output().unwrap();
    assert!(ran.status.success(), "{}", crate::nix::said(&ran));
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "\"alpha\"");
}

/// A flake with one host, whose fleet is what `given` says.
fn with_fleet(folder: &Path, given: &str) {
    let text = format!(
        r#"{{
          inputs.nixpkgs.url = "{}";
          inputs.secretctl = {{ url = "{}"; inputs.nixpkgs.follows = "nixpkgs"; }};
          outputs = {{ self, nixpkgs, secretctl }}: {{
            host = (nixpkgs.lib.nixosSystem {{
              modules = [
                secretctl.nixosModules.default
                {ALPHA}
                {{ nixpkgs.hostPlatform = "x86_64-linux"; secretctl.fleet = nixpkgs.lib.mkForce {given}; secretctl.secrets."any/token" = {{ }}; }}
              ];
            }}).config;
          }};
        }}"#,
        stand_in(),
        own(),
    );
    fs::write(folder.join("flake.nix"), text).unwrap();
    commit(folder);
}

/// The file of a host on which nothing is wrong, beside the flake.
const ALPHA: &str = "./cases/alpha.nix";

#[test]
fn the_fleet_may_be_the_flake_itself_or_a_folder_of_it_and_nothing_outside() {
    let folder = TempDir::with_prefix("secretctl-fleet-").unwrap();
    for part in ["cases", "fleet"] {
        let copied =
            Command::new("cp").arg("-r").arg(format!("{ROOT}/tests/nix/{part}")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
    }
    let eval = |given: &str, attribute: &str| {
        with_fleet(folder.path(), given);
        let mut eval = Nix::Current.command("");
        let attribute = format!("git+file://{}#host.{attribute}", folder.path().display());
        let ran = eval.args(["eval", "--json", "--no-write-lock-file", &attribute]).output().unwrap();
        assert!(ran.status.success(), "{given}: {}", said(&ran));
        String::from_utf8(ran.stdout).unwrap()
    };
    let request = "secretctl.request.drvPath";
    let usual = eval("./fleet", request);
    for same in ["(self + \"/fleet\")", "\"${self}/fleet\"", "{ outPath = \"${self}/fleet\"; }"] {
        assert_eq!(eval(same, request), usual, "{same}");
    }
    let refused = eval("\"/etc/fleet\"", "assertions");
    assert!(refused.contains("Pure evaluation sees nothing outside of the flake"), "{refused}");
}

fn commit(folder: &Path) {
    for arguments in [&["init", "--quiet"][..], &["add", "."]] {
        let done = Command::new("git").current_dir(folder).args(arguments).status().unwrap();
        assert!(done.success());
    }
}

#[test]
fn those_without_flakes_get_the_same_modules() {
    let expression = format!(
        "let own = import {ROOT} {{ pkgs = import {ROOT}/tests/nix/stand-in {{ system = \"x86_64-linux\"; }}; }}; \
         modules = import {ROOT}/nix/modules.nix; in own.nixosModules == modules.nixosModules && own ? packages"
    );
    for nix in [Nix::Current, Nix::Oldest] {
        assert_eq!(nix.eval(&expression), true);
    }
}
