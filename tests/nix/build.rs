//! Systems that are really built, in the sandbox.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::model::Model;
use crate::nix::Nix;
use crate::nix::Programs;
use crate::nix::said;

static PROGRAMS: LazyLock<Programs> = LazyLock::new(Programs::new);

/// An attribute of a host of the torii fleet.
fn of_host(model: &Model, host: &str, more: &str, attribute: &str) -> String {
    model.host(&PROGRAMS.as_packages(), host, more, attribute)
}

fn torii() -> Model {
    Model::new("torii")
}

fn output(expression: &str) -> String {
    let path = Nix::Current.eval(&format!("builtins.unsafeDiscardStringContext \"${{{expression}}}\""));
    path.as_str().unwrap().to_owned()
}

#[test]
fn building_a_system_checks_the_request_against_the_sealed_tree() {
    let model = torii();
    let system = Nix::Current.build(&of_host(&model, "sando-kun", "", "system.build.toplevel"));
    let request = fs::read_link(Nix::Current.place(&system).join("etc")).unwrap();
    let request = fs::read_link(Nix::Current.place(&request).join("secretctl/request.json")).unwrap();
    let request = fs::read_to_string(Nix::Current.place(&request)).unwrap();
    assert!(request.contains("sando_kun_wireguard_private_key"));

    // The same tree, but one file of it is another: nobody notices before the check does.
    let tree = model.path("fleet/sealed/sando-kun");
    let file = largest(&tree);
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let ran = Nix::Current.try_build(&of_host(&model, "sando-kun", "", "system.build.toplevel"));
    assert!(!ran.status.success());
    assert!(said(&ran).contains("trust::"), "{}", said(&ran));
}

/// A sealed file, and none of its descriptions.
fn largest(tree: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(tree).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "age"));
    files.sort();
    files.pop().unwrap_or_else(|| panic!("{} holds no sealed file", tree.display()))
}

#[test]
fn a_manifest_of_an_untrusted_key_builds_no_system() {
    let model = torii();
    let other = "secretctl.trustedKeys = lib.mkForce [ \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio\" ];";
    let ran = Nix::Current.try_build(&of_host(&model, "sando-kun", other, "secretctl.request"));
    assert!(!ran.status.success());
    assert!(said(&ran).contains("manifest::signature"), "{}", said(&ran));
}

#[test]
fn another_hosts_change_rebuilds_nothing_here() {
    let mut model = torii();
    let paths = |model: &Model, host: &str| {
        let of = |attribute| output(&of_host(model, host, "", attribute));
        (of("system.build.toplevel"), of("secretctl.facts.tree"), of("secretctl.uncheckedRequest"))
    };
    let (here, there) = (paths(&model, "sando-kun"), paths(&model, "torii-chan"));
    model.set("torii_chan_wireguard_private_key", "another value");
    model.seal();
    assert_eq!(paths(&model, "sando-kun"), here);
    let now = paths(&model, "torii-chan");
    assert_ne!(now.1, there.1, "its own tree is another");
    // Text of the request and sealed tree are paths of their own, so that more secrets change no unit of others.
    assert_ne!(now.2, there.2, "the request names its tree");
}

#[test]
fn a_system_of_another_platform_is_checked_by_the_program_of_this_one() {
    let model = torii();
    let cross =
        "nixpkgs.hostPlatform = lib.mkForce \"aarch64-linux\"; nixpkgs.buildPlatform = \"x86_64-linux\";";
    let of = |attribute: &str| output(&of_host(&model, "torii-chan", cross, attribute));
    assert_ne!(of("secretctl.package"), of("secretctl.checkPackage"));
    // It builds here, where no program of the other platform could run.
    Nix::Current.build(&of_host(&model, "torii-chan", cross, "secretctl.request"));
}
