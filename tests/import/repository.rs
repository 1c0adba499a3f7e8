//! A repository of another tool beside a fleet, with keys and files of the real programs.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

/// A folder that another tool keeps secrets in, and a fleet that does not exist yet.
pub(super) struct Repository {
    pub(super) fleet: TestFleet,
    /// The program that evaluates.
    pub(super) nix: PathBuf,
    /// Where the flake lies within.
    pub(super) inner: &'static str,
}

impl Repository {
    pub(super) fn new() -> Self {
        let fleet = TestFleet::empty();
        fs::create_dir(fleet.outside().join("repo")).unwrap();
        Self { fleet, nix: tool("nix-current"), inner: "" }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.fleet.outside().join("repo").join(path)
    }

    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Encrypts a value with the real program.
    pub(super) fn age(&self, path: &str, value: &str, recipients: &[&str]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut command = Command::new(tool("age"));
        for recipient in recipients {
            command.args(["-r", recipient]);
        }
        let mut child = command.arg("-o").arg(&path).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), value.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// `init --from TOOL` with the repository, told in JSON by `import --dry-run` first.
    pub(super) fn init(&self, tool: &str, more: &[&str]) -> Ran {
        self.init_cmd(tool, more).run()
    }

    pub(super) fn init_cmd(&self, tool: &str, more: &[&str]) -> crate::common::Cmd {
        let (alice, nix) = (KEYS.alice.public(), self.nix.display().to_string());
        let source = format!("../repo/{}", self.inner);
        let mut args = vec!["init", ".", "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
        args.extend(["--from", tool, "--source", &source, "--nix", &nix]);
        args.extend(more);
        self.fleet.cmd(args).env("SECRETCTL_SIGNING_KEY", KEYS.alice.private())
    }

    /// `init --from TOOL` in the repository itself, where SOPS files stay.
    pub(super) fn init_inside(&self, tool: &str, more: &[&str]) -> crate::common::Cmd {
        let (alice, nix, root) =
            (KEYS.alice.public(), self.nix.display().to_string(), self.path("").display().to_string());
        let mut args =
            vec!["init", &root, "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
        args.extend(["--from", tool, "--nix", &nix]);
        args.extend(more);
        self.fleet.cmd(args).env("SECRETCTL_SIGNING_KEY", KEYS.alice.private())
    }

    /// A command of the fleet in the repository itself.
    pub(super) fn cmd(&self, args: &[&str]) -> crate::common::Cmd {
        let root = self.path("").display().to_string();
        self.fleet.cmd(["--fleet", &root].iter().chain(args))
    }

    /// Encrypts a file where it lies, with the real program and the rules of the repository.
    pub(super) fn sops(&self, path: &str, text: &str) {
        self.write(path, text);
        let mut command = Command::new(super::sops_nix::sops());
        let ran = command.current_dir(self.path("")).args(["encrypt", "--in-place", path]).output().unwrap();
        assert!(ran.status.success(), "{path}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    /// What the policy grants, as `HOST SECRET SERVICE,…`, on hosts that have a key.
    pub(super) fn granted(&self) -> Vec<String> {
        self.granted_at("fleet")
    }

    /// The same of the fleet in a folder beside it.
    pub(super) fn granted_at(&self, folder: &str) -> Vec<String> {
        let root = self.fleet.outside().join(folder).display().to_string();
        let matrix = self.fleet.run(["--fleet", &root, "policy", "matrix", "--format", "json"]).ok().json();
        let hosts = self.fleet.run(["--fleet", &root, "host", "list", "--format", "json"]).ok();
        let hosts: Value = serde_json::from_str(&hosts.stdout()).unwrap();
        let active = |name: &Value| {
            let all = hosts.as_array().or_else(|| hosts["hosts"].as_array()).unwrap();
            all.iter().any(|host| host["host"] == *name && host["state"] == "active")
        };
        let mut granted = Vec::new();
        for row in rows(&matrix) {
            if active(&row["host"]) {
                let services = match row["services"].as_array() {
                    Some(services) => {
                        services.iter().map(|s| s.as_str().unwrap()).collect::<Vec<_>>().join(",")
                    }
                    None => row["services"].to_string(),
                };
                granted.push(format!(
                    "{} {} {services}",
                    row["host"].as_str().unwrap(),
                    row["secret"].as_str().unwrap()
                ));
            }
        }
        granted.sort();
        granted
    }
}

fn rows(matrix: &Value) -> Vec<Value> {
    for name in ["rows", "grants", "matrix"] {
        if let Some(rows) = matrix[name].as_array() {
            return rows.clone();
        }
    }
    panic!("no rows in {matrix}");
}

/// A key that the test makes, in a file.
pub(super) fn make_key(folder: &Path, name: &str) -> (PathBuf, String) {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let public = fs::read_to_string(file.with_extension("pub")).unwrap();
    (file, public.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
