//! What Nix gets to see of a machine while it evaluates a repository that somebody else wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::repository::Repository;
use crate::common::KEYS;
use crate::common::contains;
use crate::common::tool;

/// A line that is none of a repository's business.
const MARKER: &str = "Hydrangea-8821";
/// The oldest and the newest Nix that our modules work with.
pub(super) const VERSIONS: [&str; 2] = ["nix-2.8", "nix-current"];

/// An age file that host `forge` can open.
pub(super) fn repository() -> Repository {
    let repository = Repository::new();
    let (alice, forge) = (KEYS.alice.public(), KEYS.forge.public());
    repository.age("secrets/a.age", "a", &[&alice, &forge]);
    let rules = format!(
        "let alice = \"{alice}\"; forge = \"{forge}\"; in {{ \"a.age\".publicKeys = [ alice forge ]; }}\n"
    );
    repository.write("secrets/secrets.nix", rules);
    repository
}

/// A configuration that declares it, with an owner that an expression gives.
pub(super) fn configuration(owner: &str) -> String {
    format!("{{ config.age.secrets.a = {{ file = ./secrets/a.age; owner = {owner}; }}; }}")
}

/// Configurations by name, each with an owner of its own.
pub(super) fn expression(owners: &[(&str, String)]) -> String {
    let all: String = owners
        .iter()
        .map(|(name, owner)| format!("    {} = {};\n", name.replace(' ', "-"), configuration(owner)))
        .collect();
    format!("{{\n  nixosConfigurations = {{\n{all}  }};\n}}\n")
}

/// The same as a flake without inputs.
pub(super) fn flake(owners: &[(&str, String)]) -> String {
    format!("{{ outputs = {{ self }}: {}; }}\n", expression(owners))
}

/// The text of a file with these configurations.
pub(super) type Kind = fn(&[(&str, String)]) -> String;
/// Both kinds of repository.
pub(super) const KINDS: [(&str, Kind); 2] = [("flake.nix", flake), ("default.nix", expression)];

fn sonarr() -> [(&'static str, String); 1] {
    [("forge", "\"sonarr\"".to_owned())]
}

/// The owner that came out of it.
pub(super) fn owner(repository: &Repository) -> Option<String> {
    let text = repository.fleet.text("imported/forge.nix");
    let (_, rest) = text.split_once("owner = \"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// A search path with these programs alone.
pub(super) fn only(repository: &Repository, programs: &[&str]) -> String {
    let folder = repository.fleet.outside().join("programs");
    fs::create_dir_all(&folder).unwrap();
    for program in programs {
        symlink(tool(program), folder.join(program)).unwrap();
    }
    folder.display().to_string()
}

/// A file in the home of whoever imports, a repository of theirs, and the commit that it is at.
fn home(repository: &Repository) -> (String, String) {
    let home = repository.fleet.home().display().to_string();
    fs::write(Path::new(&home).join("key"), MARKER).unwrap();
    let git = |args: &[&str]| {
        let ran = Command::new(tool("git"))
            .env_clear()
            .args(["-C", &home, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .output();
        String::from_utf8(ran.unwrap().stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "key"]);
    git(&["commit", "--quiet", "--message", "mine"]);
    let commit = git(&["rev-parse", "HEAD"]);
    assert_eq!(commit.len(), 40);
    (home, commit)
}

/// Every way to a file of whoever imports that Nix has.
fn reaches(home: &str, commit: &str) -> Vec<(&'static str, String)> {
    let hash = format!("builtins.hashString \"sha256\" \"{MARKER}\"");
    let ways = [
        ("a path", format!("builtins.readFile \"{home}/key\"")),
        ("a home", "import ./home.nix".to_owned()),
        ("a way up", "builtins.readFile (toString ../home/key)".to_owned()),
        ("a link", "builtins.readFile ./link".to_owned()),
        ("an import", format!("import {home}/key")),
        ("a copy", format!("builtins.readFile (builtins.path {{ path = \"{home}/key\"; name = \"k\"; }})")),
        ("a link in the store", format!("\"${{{home}/key}}\"")),
        (
            "a URL",
            format!(
                "builtins.readFile (builtins.fetchurl {{ url = \"file://{home}/key\"; sha256 = {hash}; }})"
            ),
        ),
        ("a URL without a hash", format!("builtins.readFile (builtins.fetchurl \"file://{home}/key\")")),
        (
            "Git",
            format!(
                "builtins.readFile ((builtins.fetchGit {{ url = \"{home}\"; rev = \"{commit}\"; }}) + \"/key\")"
            ),
        ),
        (
            "Git by URL",
            format!(
                "builtins.readFile ((builtins.fetchGit {{ url = \"file://{home}\"; rev = \"{commit}\"; }}) + \"/key\")"
            ),
        ),
        (
            "a tree",
            format!(
                "builtins.readFile ((builtins.fetchTree {{ type = \"path\"; path = \"{home}\"; }}) + \"/key\")"
            ),
        ),
        ("a flake", format!("builtins.readFile ((builtins.getFlake \"path:{home}\") + \"/key\")")),
        ("a listing", format!("toString (builtins.attrNames (builtins.readDir \"{home}\"))")),
        ("a lookup", "builtins.readFile <nixos-config>".to_owned()),
    ];
    ways.into()
}

/// One configuration tries each way; one more proves that they are looked at.
fn try_every_way(programs: &[&str]) {
    for version in VERSIONS {
        for (file, text) in KINDS {
            let mut repository = repository();
            repository.nix = tool(version);
            let (home, commit) = home(&repository);
            symlink(format!("{home}/key"), repository.path("link")).unwrap();
            repository.write("home.nix", "builtins.readFile ~/key");
            let mut ways = reaches(&home, &commit);
            ways.extend([("forge", "\"sonarr\"".to_owned())]);
            repository.write(file, text(&ways));
            let cmd = repository.init_cmd("agenix", &[]).env("PATH", only(&repository, programs));
            let ran = cmd.env("NIX_PATH", format!("nixos-config={home}/key:own={home}")).run().ok();
            let ran = ran.prints(&["as Nix evaluates it"]);
            assert_eq!(owner(&repository).as_deref(), Some("sonarr"), "{ran}");
            let place = format!("{version}, {file}, {programs:?}");
            let refused = ran.stderr().matches("import::not_evaluated").count();
            assert!(refused >= ways.len() - 2, "{place}: {ran}");
            assert!(!contains(format!("{ran}").as_bytes(), MARKER.as_bytes()), "{place}: {ran}");
            assert_eq!(repository.fleet.tree().containing(&[MARKER]), [""; 0], "{place}");
        }
    }
}

#[test]
fn an_evaluation_reads_no_file_of_whoever_imports() {
    try_every_way(&["bwrap", "git"]);
}

#[test]
fn it_reads_none_where_only_the_network_can_be_taken_away() {
    try_every_way(&["unshare", "git"]);
}

#[test]
fn it_reads_none_where_there_is_no_sandbox() {
    try_every_way(&["env", "git"]);
}

#[test]
fn an_evaluation_sees_files_of_the_repository_and_no_variable() {
    for version in VERSIONS {
        for (file, text) in KINDS {
            let mut repository = repository();
            repository.nix = tool(version);
            repository.write("inside", MARKER);
            let variables = ["HOME", "PATH", "NIX_CONFIG", "SECRETCTL_SIGNING_KEY"];
            let seen = variables.map(|name| format!(" + builtins.getEnv \"{name}\"")).concat();
            repository.write(file, text(&[("forge", format!("builtins.readFile ./inside{seen}"))]));
            let ran = repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it"]);
            assert_eq!(owner(&repository).as_deref(), Some(MARKER), "{version} {file}: {ran}");
            assert!(!contains(ran.stderr().as_bytes(), b"import::sandbox"), "{ran}");
        }
    }
}

#[test]
fn what_stands_between_is_told_where_it_is_less() {
    let told = |programs: &[&str]| {
        let repository = repository();
        repository.write("flake.nix", flake(&sonarr()));
        let cmd = repository.init_cmd("agenix", &[]).env("PATH", only(&repository, programs));
        let ran = cmd.run().ok().prints(&["as Nix evaluates it"]);
        assert_eq!(owner(&repository).as_deref(), Some("sonarr"));
        ran.stderr()
    };
    assert!(!told(&["bwrap"]).contains("import::sandbox"));
    let files = told(&["unshare"]);
    assert!(files.contains("import::sandbox") && files.contains("without network"), "{files}");
    let nothing = told(&["env"]);
    assert!(
        nothing.contains("import::sandbox") && nothing.contains("and the network in its sight"),
        "{nothing}"
    );
    assert!(
        files.contains("install bubblewrap") && nothing.contains("install bubblewrap"),
        "{files}{nothing}"
    );
}

/// A program that starts Nix by a script of its own.
fn wrapper(repository: &mut Repository, script: &str) {
    let folder = repository.fleet.outside().join("nix with a space");
    fs::create_dir_all(&folder).unwrap();
    repository.nix = folder.join("nix");
    fs::write(&repository.nix, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&repository.nix, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Where nobody looks for more than one key of a person or machine.
const BASES: [&str; 8] = ["/root", "/home", "/persist", "/srv", "/mnt", "/opt", "/var/lib", "/tmp"];

#[test]
fn no_key_of_the_machine_is_in_sight_of_an_evaluation_wherever_it_lies() {
    for version in VERSIONS {
        for (file, text) in KINDS {
            let mut repository = repository();
            let machine: Vec<TempDir> =
                BASES.iter().filter_map(|base| tempfile::tempdir_in(base).ok()).collect();
            let mut keys: Vec<PathBuf> = machine.iter().map(|folder| folder.path().join("id")).collect();
            keys.extend([repository.fleet.home().join("id"), repository.fleet.outside().join("id")]);
            let mut script = "case $HOME in /tmp/secretctl-import) ;; *) outside=1 ;; esac\n".to_owned();
            for key in &keys {
                fs::write(key, MARKER).unwrap();
                let key = key.display();
                script += &format!(
                    "[ \"$outside\" ] || [ ! -e {key} ] || {{ echo 'error: sees {key}' >&2; exit 1; }}\n"
                );
            }
            wrapper(&mut repository, &format!("{script}exec {} \"$@\"", tool(version).display()));
            repository.write(file, text(&sonarr()));
            let ran = repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it"]);
            assert_eq!(owner(&repository).as_deref(), Some("sonarr"), "{version} {file}: {ran}");
            assert!(!ran.stderr().contains("import::sandbox"), "{version} {file}: {ran}");
        }
    }
}

#[test]
fn what_keeps_nix_from_running_behind_walls_is_named() {
    let mut repository = repository();
    let apart = repository.fleet.outside().join("apart");
    fs::create_dir(&apart).unwrap();
    symlink(tool("nix-current"), apart.join("nix-apart")).unwrap();
    // Where it lies is nothing that the script says in one word.
    wrapper(&mut repository, "exec \"$(dirname \"$0\")/../apart/nix-apart\" \"$@\"");
    repository.write("flake.nix", flake(&sonarr()));
    let ran = repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it"]);
    let ran = ran.says(&[
        "import::sandbox",
        "behind the walls of bubblewrap it does not run",
        "apart/nix-apart",
        "not found",
    ]);
    assert!(!ran.stderr().contains("install bubblewrap"), "{ran}");
}

#[test]
fn a_program_that_is_not_there_is_named_and_files_are_read() {
    let mut repository = repository();
    repository.write("flake.nix", flake(&sonarr()));
    repository.nix = "no-such-nix".into();
    let ran = repository.init("agenix", &[]).ok();
    ran.says(&["import::not_evaluated", "there is no program `no-such-nix`"]).prints(&["as its files alone"]);
}
