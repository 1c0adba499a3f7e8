//! The hosts of a flake or of a folder of configurations, and what their modules say, without evaluation.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::read::Reader;
use super::value::Value;

/// How many files one host may be made of.
const FILES: usize = 2_000;

/// What the modules of each host say, with what could not be followed.
#[derive(Debug, Default)]
pub(in crate::import) struct Modules {
    /// By the name of the configuration.
    pub(in crate::import) hosts: BTreeMap<String, Value>,
    /// Files that a host reaches.
    pub(in crate::import) reached: BTreeSet<PathBuf>,
    /// What the flake says besides.
    pub(in crate::import) flake: Value,
}

/// Folders whose entries are hosts, where no flake tells.
const HOST_FOLDERS: [&str; 6] = ["hosts", "machines", "systems", "nixos", "nixos/hosts", "hosts/nixos"];
/// Outputs of a flake that are configurations.
const OUTPUTS: [&str; 3] = ["nixosConfigurations", "darwinConfigurations", "homeConfigurations"];

impl Modules {
    /// Reads the flake of `root`, or the folders that hosts usually lie in.
    pub(in crate::import) fn read(root: &Path) -> Self {
        let reader = Reader::new(root);
        let mut modules = Self { flake: flake(&reader), ..Self::default() };
        for output in OUTPUTS {
            let found: Vec<(String, Value)> = modules
                .flake
                .at(&[output])
                .entries()
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect();
            for (name, system) in found {
                let whole = modules.follow(&reader, system.at(&["modules"]));
                let whole = whole.merged(of_system(&system));
                modules.hosts.insert(name, whole);
            }
        }
        for (name, file) in host_files(root) {
            let known = modules.hosts.get(&name).is_some_and(|value| !matches!(value, Value::Unknown));
            if !known {
                let whole = modules.follow(&reader, &Value::List(vec![Value::Path(file)]));
                modules.hosts.insert(name, whole);
            }
        }
        modules
    }

    /// Joins modules and what they import.
    fn follow(&mut self, reader: &Reader, first: &Value) -> Value {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<Value> = first.items().to_vec();
        let mut whole = Value::Unknown;
        while let Some(module) = waiting.pop() {
            let module = match &module {
                Value::Path(path) => {
                    if !seen.insert(path.clone()) || seen.len() > FILES {
                        continue;
                    }
                    self.reached.insert(path.clone());
                    reader.file(path)
                }
                other => other.clone(),
            };
            let module = match &module {
                Value::Function(_) => reader.apply(&module, arguments(reader)),
                _ => module,
            };
            waiting.extend(module.at(&["imports"]).items().iter().cloned());
            let body = match module.at(&["config"]) {
                Value::Set(config) => module.clone().merged(Value::Set(config.clone())),
                _ => module,
            };
            whole = whole.merged(body);
        }
        whole
    }
}

/// What modules and flakes are given: where they lie, and nothing else that is known.
fn arguments(reader: &Reader) -> Value {
    let here = Value::Path(reader.root().to_owned());
    let inputs = Value::Set([("self".to_owned(), here.clone())].into());
    Value::Set([("self".to_owned(), here), ("inputs".to_owned(), inputs)].into())
}

fn flake(reader: &Reader) -> Value {
    let file = reader.file(&reader.root().join("flake.nix"));
    let outputs = file.at(&["outputs"]).clone();
    match outputs {
        Value::Function(_) => reader.apply(&outputs, arguments(reader)),
        other => other,
    }
}

/// What a configuration says beside its modules.
fn of_system(system: &Value) -> Value {
    match system.at(&["system"]).text() {
        Some(system) => {
            let platform = Value::Set([("hostPlatform".to_owned(), Value::Text(system))].into());
            Value::Set([("nixpkgs".to_owned(), platform)].into())
        }
        None => Value::Unknown,
    }
}

/// Names of hosts whose files lie in a folder of hosts, configured or not.
pub(in crate::import) fn host_folders(root: &Path) -> BTreeSet<String> {
    host_files(root).into_keys().collect()
}

/// `hosts/NAME/default.nix`, `hosts/NAME/configuration.nix` and `hosts/NAME.nix`.
fn host_files(root: &Path) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for folder in HOST_FOLDERS {
        let Ok(entries) = root.join(folder).read_dir() else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let inner = ["default.nix", "configuration.nix"].map(|name| path.join(name));
            let file = match inner.into_iter().find(|file| file.is_file()) {
                Some(file) => file,
                None if path.extension().is_some_and(|ending| ending == "nix") => path,
                None => continue,
            };
            if !matches!(stem.as_str(), "default" | "common" | "shared" | "profiles" | "modules") {
                files.entry(stem).or_insert(file);
            }
        }
    }
    files
}
