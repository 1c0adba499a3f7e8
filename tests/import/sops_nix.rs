//! sops-nix: the two model fleets as repositories, with files of the real `sops`, evaluated by the real Nix.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::repository::Repository;
use super::repository::make_key;
use crate::common::KEYS;
use crate::common::tool;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A model fleet as its owner has it.
struct Model {
    repository: Repository,
    facts: Value,
    /// Private keys by what `.sops.yaml` calls them.
    keys: BTreeMap<String, (std::path::PathBuf, String)>,
}

/// The program that `scripts/test` gives, or the one that is there.
pub(super) fn sops() -> std::path::PathBuf {
    std::env::var_os("SOPS").map_or_else(|| tool("sops"), std::path::PathBuf::from)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

impl Model {
    fn new(name: &str) -> Self {
        let repository = Repository::new();
        let facts =
            fs::read_to_string(Path::new(ROOT).join("tests/fleets").join(name).join("fleet.json")).unwrap();
        let mut model =
            Self { repository, facts: serde_json::from_str(&facts).unwrap(), keys: BTreeMap::new() };
        model.settings();
        model.files();
        model.hosts();
        model
    }

    fn key(&mut self, alias: &str) -> String {
        let folder = self.repository.fleet.outside().to_owned();
        let made =
            self.keys.entry(alias.to_owned()).or_insert_with(|| make_key(&folder, &format!("key-{alias}")));
        made.1.clone()
    }

    /// `.sops.yaml` with anchors, and a PGP key of a person where the fleet has one.
    fn settings(&mut self) {
        let rules = self.facts["recipient_rules"].clone();
        let rule = &rules[0];
        let (mut keys, mut age, mut pgp) = (String::new(), Vec::new(), Vec::new());
        for recipient in rule["recipients"].as_array().unwrap() {
            let alias = recipient["alias"].as_str().unwrap();
            if recipient["type"] == "pgp" {
                keys.push_str(&format!("  - &{alias} {}\n", self.pgp()));
                pgp.push(format!("*{alias}"));
            } else {
                // One key may have two names.
                let same = recipient["scope"].as_str().unwrap().strip_prefix("same key as ");
                let key = self.key(same.unwrap_or(alias));
                keys.push_str(&format!("  - &{alias} {key}\n"));
                if same.is_none() {
                    age.push(format!("*{alias}"));
                }
            }
        }
        let pgp = if pgp.is_empty() { String::new() } else { format!("        pgp: [{}]\n", pgp.join(", ")) };
        let regex = rule["path_regex"].as_str().unwrap();
        let text = format!(
            "keys:\n{keys}creation_rules:\n  - path_regex: {regex}\n    key_groups:\n      - age: [{}]\n{pgp}",
            age.join(", ")
        );
        self.repository.write(".sops.yaml", text);
    }

    fn pgp(&self) -> String {
        let made = self.gpg(&[
            "--batch",
            "--passphrase",
            "",
            "--quick-generate-key",
            "ryan@example.org",
            "default",
            "default",
        ]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let listed = self.gpg(&["--list-keys", "--with-colons"]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned()
    }

    fn gpg(&self, args: &[&str]) -> std::process::Output {
        let home = self.repository.fleet.outside().join("gnupg");
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).unwrap();
        Command::new(tool("gpg")).env("GNUPGHOME", &home).args(args).output().unwrap()
    }

    /// Every key of every file with a made-up value, in the nesting of YAML, encrypted by the real program.
    fn files(&self) {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for secret in self.facts["secrets"].as_array().unwrap() {
            let store = &secret["store"];
            if let Some(file) = store["file"].as_str() {
                keys.entry(file.to_owned()).or_default().insert(store["key"].as_str().unwrap().to_owned());
            }
        }
        for (file, undeclared) in self.facts["undeclared_store_keys"].as_object().into_iter().flatten() {
            keys.entry(file.clone()).or_default().extend(texts(undeclared));
        }
        for (file, keys) in &keys {
            let mut tree = serde_json::Map::new();
            for (number, key) in keys.iter().enumerate() {
                insert(&mut tree, &key.split('/').collect::<Vec<_>>(), &format!("{file} {number} made up"));
            }
            // JSON is YAML, and the program writes it as the file's ending says.
            self.repository.write(file, Value::Object(tree).to_string());
            let ran = Command::new(sops())
                .env("GNUPGHOME", self.repository.fleet.outside().join("gnupg"))
                .current_dir(self.repository.path(""))
                .args(["encrypt", "--in-place", file])
                .output()
                .unwrap();
            assert!(ran.status.success(), "{file}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }

    /// A flake with every host, its declarations, and the units that read them.
    fn hosts(&self) {
        let lib = Command::new("cp")
            .arg("-R")
            .arg(Path::new(ROOT).join("tests/nix/stand-in/lib"))
            .arg(self.repository.path("lib"))
            .status();
        assert!(lib.unwrap().success());
        let module = Path::new(ROOT).join("tests/import/sops-nix/module.nix");
        fs::copy(module, self.repository.path("module.nix")).unwrap();
        let (mut linux, mut darwin) = (String::new(), String::new());
        for host in self.facts["hosts"].as_array().unwrap() {
            let name = host["name"].as_str().unwrap();
            self.repository.write(&format!("hosts/{name}/default.nix"), self.host(host));
            let output = if host["platform"] == "nix-darwin" { &mut darwin } else { &mut linux };
            for configuration in texts(&host["configurations"]) {
                output.push_str(&format!("      {} = system ./hosts/{name};\n", quoted(&configuration)));
            }
        }
        self.repository.write(
            "flake.nix",
            format!(
                "{{\n  outputs = {{ self }}: let\n    lib = import ./lib;\n    system = host: lib.evalModules {{ modules = [ ./module.nix host ]; }};\n  in {{\n    nixosConfigurations = {{\n{linux}    }};\n    darwinConfigurations = {{\n{darwin}    }};\n  }};\n}}\n"
            ),
        );
    }

    fn host(&self, host: &Value) -> String {
        let name = host["name"].as_str().unwrap();
        let mut text = format!(
            "{{ config, ... }}:\n{{\n  networking.hostName = {};\n  nixpkgs.hostPlatform.system = {};\n",
            quoted(name),
            quoted(host["system"].as_str().unwrap())
        );
        let home = host["platform"] == "nix-darwin";
        let sops = if home { "home-manager.users.ryan.sops" } else { "sops" };
        let mut units: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let own =
            |secret: &&Value| secret["active"] == true && texts(&secret["hosts"]).contains(&name.to_owned());
        for secret in self.facts["secrets"].as_array().unwrap().iter().filter(own) {
            let label = quoted(secret["name"].as_str().unwrap());
            text.push_str(&format!(
                "  {sops}.secrets.{label} = {{\n    sopsFile = ../../{};\n",
                secret["store"]["file"].as_str().unwrap()
            ));
            attributes(secret, &mut text);
            text.push_str("  };\n");
            let through: Vec<String> = self.templates(name, secret["name"].as_str().unwrap());
            for service in texts(&secret["services"])
                .into_iter()
                .filter(|service| service != "users" && !through.contains(service))
            {
                units
                    .entry(service)
                    .or_default()
                    .push(format!("\"x:${{config.{sops}.secrets.{label}.path}}\""));
            }
        }
        let here = |template: &&Value| template["active"] == true && template["host"] == name;
        for template in self.facts["templates"].as_array().unwrap().iter().filter(here) {
            let label = quoted(template["name"].as_str().unwrap());
            let content: String = texts(&template["placeholders"])
                .iter()
                .map(|secret| format!("A=${{config.{sops}.placeholder.{}}}\\n", quoted(secret)))
                .collect();
            text.push_str(&format!("  {sops}.templates.{label} = {{\n    content = \"{content}\";\n"));
            attributes(template, &mut text);
            text.push_str("  };\n");
            for service in texts(&template["services"]) {
                units
                    .entry(service)
                    .or_default()
                    .push(format!("\"${{config.{sops}.templates.{label}.path}}\""));
            }
        }
        for (unit, paths) in units.iter().filter(|_| !home) {
            text.push_str(&format!(
                "  systemd.services.{}.serviceConfig.LoadCredential = [ {} ];\n",
                quoted(unit),
                paths.join(" ")
            ));
        }
        text.push_str("}\n");
        text
    }

    /// Services that get a secret through a template.
    fn templates(&self, host: &str, secret: &str) -> Vec<String> {
        let with = self.facts["templates"].as_array().unwrap().iter().filter(|template| {
            template["active"] == true
                && template["host"] == host
                && texts(&template["placeholders"]).contains(&secret.to_owned())
        });
        with.flat_map(|template| texts(&template["services"])).collect()
    }
}

fn attributes(entry: &Value, text: &mut String) {
    for key in ["owner", "group", "mode", "path"] {
        if let Some(value) = entry[key].as_str() {
            text.push_str(&format!("    {key} = {};\n", quoted(value)));
        }
    }
    if entry["needed_for_users"] == true {
        text.push_str("    neededForUsers = true;\n");
    }
    let units: Vec<String> = texts(&entry["restart_units"]).iter().map(|unit| quoted(unit)).collect();
    text.push_str(&format!("    restartUnits = [ {} ];\n", units.join(" ")));
}

fn insert(tree: &mut serde_json::Map<String, Value>, path: &[&str], value: &str) {
    match path {
        [last] => drop(tree.insert((*last).to_owned(), value.into())),
        [first, rest @ ..] => {
            let inner =
                tree.entry((*first).to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new()));
            insert(inner.as_object_mut().unwrap(), rest, value);
        }
        [] => {}
    }
}

/// Imports the repository where it is, and gives what the policy grants.
fn import(model: &Model, more: &[&str]) -> crate::common::Ran {
    let (alice, nix, root) = (
        KEYS.alice.public(),
        tool("nix-current").display().to_string(),
        model.repository.path("").display().to_string(),
    );
    let mut args = vec!["init", &root, "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
    args.extend(["--from", "sops-nix", "--nix", &nix]);
    args.extend(more);
    model.repository.fleet.cmd(args).env("SECRETCTL_SIGNING_KEY", KEYS.alice.private()).run()
}

/// `HOST SECRET SERVICE,…` of every pair that is needed on these hosts. What no unit reads is the system's.
fn wanted(model: &Model, hosts: &[&str], prefix: impl Fn(&str) -> String) -> Vec<String> {
    let mut wanted = BTreeSet::new();
    for secret in model.facts["secrets"].as_array().unwrap().iter().filter(|secret| secret["active"] == true)
    {
        let mut services: Vec<String> = texts(&secret["services"]);
        services.sort();
        if services.is_empty() || services == ["users"] {
            services = vec!["system".to_owned()];
        }
        for host in texts(&secret["hosts"]).iter().filter(|host| hosts.contains(&host.as_str())) {
            let (file, key) =
                (secret["store"]["file"].as_str().unwrap(), secret["store"]["key"].as_str().unwrap());
            wanted.insert(format!("{host} {}/{key} {}", prefix(file), services.join(",")));
        }
    }
    wanted.into_iter().collect()
}

/// Every SOPS file with its bytes.
fn documents(model: &Model) -> BTreeMap<String, Vec<u8>> {
    let files: BTreeSet<&str> = model.facts["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| secret["store"]["file"].as_str().unwrap())
        .collect();
    files.into_iter().map(|file| (file.to_owned(), fs::read(model.repository.path(file)).unwrap())).collect()
}

/// The real program still opens a file with a key of before.
fn still_opens(model: &Model, file: &str, key: &Path) {
    let ran = Command::new(sops())
        .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", key)
        .args(["decrypt"])
        .arg(model.repository.path(file))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{file}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn four_machines_with_one_shared_key_need_26_pairs_of_96() {
    let mut model = Model::new("torii");
    let hosts = ["torii-chan", "sando-kun", "kagutsuchi-sama", "shosoin-tan"];
    let keys: Vec<String> =
        hosts.iter().map(|host| format!("{host}={}", model.key(&format!("own-{host}")))).collect();
    let shared = model.keys["shared_key"].0.clone();
    let identity = shared.display().to_string();
    let mut args: Vec<&str> = keys.iter().flat_map(|key| ["--host", key.as_str()]).collect();
    args.extend(["--identity", &identity]);
    let before = documents(&model);
    let ran = import(&model, &args).ok().says(&["import::shared_key", "hold one key"]);
    ran.prints(&[
        "as Nix evaluates it",
        "needed     26 pairs of a host and a value, of 96 that can be opened today",
        "granted    26",
    ]);
    assert_eq!(documents(&model), before, "documents stay byte for byte");
    assert_eq!(model.repository.granted_at("repo"), wanted(&model, &hosts, |_| "secrets".to_owned()));
    still_opens(&model, "secrets/secrets.yaml", &shared);
}

#[test]
fn a_homelab_of_eight_machines_needs_173_pairs_of_1100() {
    let model = Model::new("carpenike");
    let forge = model.keys["forge"].0.clone();
    let identity = forge.display().to_string();
    let before = documents(&model);
    let ran = import(&model, &["--identity", &identity]).ok();
    ran.prints(&[
        "needed     173 pairs of a host and a value, of 1100 that can be opened today",
        "waiting    3",
        "granted    173",
    ]);
    assert_eq!(documents(&model), before, "documents stay byte for byte");
    let hosts = ["forge", "luna", "nas-1", "nixpi", "rydev"];
    let prefix = |file: &str| file.split('/').nth(1).unwrap().to_owned();
    assert_eq!(model.repository.granted_at("repo"), wanted(&model, &hosts, prefix));
    for file in before.keys() {
        still_opens(&model, file, &forge);
    }
}

#[test]
fn names_and_recipients_need_no_private_key() {
    let model = Model::new("torii");
    let ran = import(&model, &["--dry-run", "--identity", "/nowhere"]).ok();
    ran.prints(&["needed     26 pairs of a host and a value, of 96 that can be opened today", "(pending)"]);
    assert!(!model.repository.path("secretctl.toml").exists());
}
