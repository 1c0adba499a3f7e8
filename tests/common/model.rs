//! The fleets of `tests/fleets`, with keys and values of their own, sealed by the real program.
#![allow(dead_code, reason = "each test crate uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::nix::ROOT;
use crate::nix::evaluate;
use crate::nix::quoted;

/// Values that consumers stumble over.
const AWKWARD: [&str; 12] = [
    "plain",
    "with a newline at the end\n",
    "\"double\" and 'single' quotes",
    "$HOME, ${HOME} and $(id)",
    "100% of %n and %%",
    "# no comment; nor this",
    "ünïcödé ✓ 秘密",
    "back\\slash\\n",
    " space around ",
    "tick `id` and = and &|<>",
    "\ttab\tin it",
    "two\nlines\n",
];

/// A copy of a fleet's settings and policies, and everything that it needs to be used.
pub(crate) struct Model {
    name: String,
    dir: TempDir,
    facts: Value,
    values: BTreeMap<String, String>,
}

impl Model {
    pub(crate) fn new(name: &str) -> Self {
        let dir = TempDir::with_prefix_in("model-", "/dev/shm").unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleets").join(name);
        let facts: Value =
            serde_json::from_str(&fs::read_to_string(from.join("fleet.json")).unwrap()).unwrap();
        let copied = Command::new("cp").arg("-R").arg(&from).arg(dir.path().join("fleet")).status().unwrap();
        assert!(copied.success());
        let mut model = Self { name: name.to_owned(), dir, facts, values: BTreeMap::new() };
        model.give_keys();
        let secrets: Vec<String> =
            model.secrets().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect();
        for (number, secret) in secrets.iter().enumerate() {
            let awkward = AWKWARD[number % AWKWARD.len()];
            model.set(secret, &format!("{number} {awkward}"));
        }
        model.seal();
        model
    }

    /// New keys for the admin and every host with a recipient; nobody has the private halves of those in the file.
    fn give_keys(&self) {
        fs::create_dir(self.path("keys")).unwrap();
        let settings = self.path("fleet/secretctl.toml");
        let mut given = String::new();
        let mut owner = String::new();
        for line in fs::read_to_string(&settings).unwrap().lines() {
            let table = line.strip_prefix("[hosts.").or_else(|| line.strip_prefix("[admins."));
            if let Some(name) = table.and_then(|name| name.strip_suffix(']')) {
                name.clone_into(&mut owner);
            }
            match line.split_once(" = [\"ssh-ed25519") {
                Some((key, _)) => given.push_str(&format!("{key} = [\"{}\"]\n", self.public_key(&owner))),
                None => given.push_str(&format!("{line}\n")),
            }
        }
        fs::write(settings, given).unwrap();
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The folder that `secretctl.fleet` names.
    pub(crate) fn fleet(&self) -> PathBuf {
        self.path("fleet")
    }

    /// An expression of Nix: an attribute of the configuration of a host, with the module `more` beside it.
    pub(crate) fn host(&self, packages: &str, host: &str, more: &str, attribute: &str) -> String {
        let fleet = self.fleet();
        let key = quoted(&self.public_key(&self.admin()));
        let own = format!("{{ secretctl.fleet = {}; secretctl.trustedKeys = [ {key} ]; }}", fleet.display());
        let file = format!("{ROOT}/tests/nix/fleets/{}/{host}.nix", self.name);
        format!("({} (e.nixos [ {file} {own} {{ {more} }} ]).config.{attribute})", evaluate(packages))
    }

    /// The private key of a host or the admin, made when it is first asked for.
    pub(crate) fn key(&self, owner: &str) -> PathBuf {
        let path = self.path("keys").join(owner);
        if !path.exists() {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", owner, "-f"])
                .arg(&path)
                .status()
                .unwrap();
            assert!(made.success());
        }
        path
    }

    pub(crate) fn public_key(&self, owner: &str) -> String {
        let text = fs::read_to_string(self.key(owner).with_extension("pub")).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn admin(&self) -> String {
        let settings = fs::read_to_string(self.path("fleet/secretctl.toml")).unwrap();
        let name = settings.lines().find_map(|line| line.strip_prefix("[admins.")?.strip_suffix(']'));
        name.unwrap().to_owned()
    }

    /// Active secrets of the fleet, as its file describes them.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Value> {
        self.facts["secrets"].as_array().unwrap().iter().filter(|secret| secret["active"] == true)
    }

    /// Active templates of a host, as the file describes them.
    pub(crate) fn templates(&self, host: &str) -> impl Iterator<Item = &Value> {
        let templates = self.facts["templates"].as_array().unwrap().iter();
        templates.filter(move |template| template["active"] == true && template["host"] == host)
    }

    pub(crate) fn value(&self, secret: &str) -> &str {
        &self.values[secret]
    }

    pub(crate) fn set(&mut self, secret: &str, value: &str) {
        self.run(&["set", secret, "--from-file", "-"], value);
        self.values.insert(secret.to_owned(), value.to_owned());
    }

    pub(crate) fn seal(&self) {
        self.run(&["seal"], "");
    }

    fn run(&self, arguments: &[&str], input: &str) {
        let key = self.key(&self.admin());
        let mut child = Command::new(env!("CARGO_BIN_EXE_secretctl"))
            .arg("--fleet")
            .arg(self.fleet())
            .args(arguments)
            .env("SECRETCTL_IDENTITY", &key)
            .env("SECRETCTL_SIGNING_KEY", &key)
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ran = child.wait_with_output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
