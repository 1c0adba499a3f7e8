//! Two versions of Nix with stores of their own, which `scripts/test nix` unpacks below `target/tools`.
#![allow(dead_code, reason = "each test crate uses its own part")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

/// This repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Which Nix evaluates and builds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nix {
    /// That of Debian sid.
    Current,
    /// 2.8, the oldest that the modules promise to work with.
    Oldest,
}

impl Nix {
    fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Oldest => "2.8",
        }
    }

    /// The program with settings of its own; no test may need the network, or a build before evaluation ends.
    pub(crate) fn command(self, settings: &str) -> Command {
        let program = Path::new(ROOT).join("target/tools/bin").join(format!("nix-{}", self.name()));
        assert!(
            program.is_file(),
            "there is no {}: run `scripts/test nix`, which makes it",
            program.display()
        );
        let mut command = Command::new(program);
        command.env(
            "NIX_CONFIG",
            format!("allow-import-from-derivation = false\nconnect-timeout = 1\n{settings}"),
        );
        command
    }

    fn run(self, settings: &str, arguments: &[&str]) -> Output {
        self.command(settings).args(arguments).output().unwrap()
    }

    /// The value of an expression.
    pub(crate) fn eval(self, expression: &str) -> Value {
        let ran = self.run("", &["eval", "--impure", "--json", "--expr", expression]);
        assert!(ran.status.success(), "{}", said(&ran));
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    /// What Nix says of an expression that has no value.
    pub(crate) fn refuses(self, expression: &str) -> String {
        let ran = self.run("", &["eval", "--impure", "--json", "--expr", expression]);
        assert!(!ran.status.success(), "it has a value: {}", String::from_utf8_lossy(&ran.stdout));
        said(&ran)
    }

    /// Builds an expression in the sandbox, which lends `program` the libraries that it is linked against.
    pub(crate) fn build(self, expression: &str) -> PathBuf {
        let ran = self.try_build(expression);
        assert!(ran.status.success(), "{}", said(&ran));
        let built: Value = serde_json::from_slice(&ran.stdout).unwrap();
        PathBuf::from(built[0]["outputs"]["out"].as_str().unwrap())
    }

    pub(crate) fn try_build(self, expression: &str) -> Output {
        self.run(&lent(), &["build", "--impure", "--no-link", "--json", "-L", "--expr", expression])
    }

    /// Where a path of the store really is.
    pub(crate) fn place(self, path: &Path) -> PathBuf {
        let state = Path::new(ROOT).join("target/tools/nix-state").join(self.name());
        state.join("root").join(path.strip_prefix("/").unwrap())
    }

    /// The path and everything that it refers to.
    pub(crate) fn closure(self, path: &Path) -> Vec<PathBuf> {
        let ran = self.run("", &["path-info", "--recursive", path.to_str().unwrap()]);
        assert!(ran.status.success(), "{}", said(&ran));
        String::from_utf8(ran.stdout).unwrap().lines().map(PathBuf::from).collect()
    }
}

/// Everything that a run wrote, colours taken away.
pub(crate) fn said(ran: &Output) -> String {
    let text = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    let mut plain = String::new();
    let mut escaped = false;
    for letter in text.chars() {
        match letter {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// A setting that shows the sandbox the loader and the libraries of the host program.
fn lent() -> String {
    let ran = Command::new("ldd").arg(env!("CARGO_BIN_EXE_secretctl-host")).output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    let lent = paths.map(|path| format!("{path}={}", Path::new(path).canonicalize().unwrap().display()));
    format!("extra-sandbox-paths = {}", lent.collect::<Vec<_>>().join(" "))
}

/// The built programs as packages, without the symbols that make them ten times as large.
pub(crate) struct Programs {
    dir: TempDir,
}

impl Programs {
    pub(crate) fn new() -> Self {
        let dir = TempDir::with_prefix("secretctl-programs-").unwrap();
        for (name, built) in [
            ("secretctl", env!("CARGO_BIN_EXE_secretctl")),
            ("secretctl-host", env!("CARGO_BIN_EXE_secretctl-host")),
        ] {
            let folder = dir.path().join(name).join("bin");
            std::fs::create_dir_all(&folder).unwrap();
            let copy = folder.join(name);
            let stripped = Command::new("strip").arg("-o").arg(&copy).arg(built).status().unwrap();
            assert!(stripped.success());
            std::fs::set_permissions(copy, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    /// Makes a package of a program that the machine has, wherever it will run.
    pub(crate) fn link(&self, package: &str, program: &str) {
        let folder = self.dir.path().join(package).join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(program, folder.join(Path::new(program).file_name().unwrap())).unwrap();
    }

    /// As an argument of `tests/nix/evaluate.nix`.
    pub(crate) fn as_packages(&self) -> String {
        let folders = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap());
        let programs = folders
            .map(|entry| format!("{} = {};", entry.file_name().to_str().unwrap(), entry.path().display()));
        format!("packages.programs = {{ {} }};", programs.collect::<String>())
    }
}

/// The set of `tests/nix/evaluate.nix`, as the start of an expression.
pub(crate) fn evaluate(arguments: &str) -> String {
    format!("let e = import {ROOT}/tests/nix/evaluate.nix {{ {arguments} }}; inherit (e) lib; in ")
}

/// A text as Nix writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}
