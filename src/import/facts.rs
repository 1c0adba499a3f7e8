//! What the hosts of a repository declare, told by Nix where it can, else by the files alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Map;
use serde_json::Value;

use super::eval::Configuration;
use super::eval::Evaluation;
use super::eval::Evaluator;
use super::found::Found;
use super::nix::Modules;
use super::nix::Value as Read;
use crate::diag::Severity;
use crate::name::HostName;

/// Where Nix says that its store is.
const STORE: &str = "/nix/store";

/// What one host declares, with the shape that its options have.
#[derive(Clone, Debug, Default)]
pub(super) struct HostFacts {
    pub(super) options: Value,
    /// Texts of its units, by name; only Nix knows them.
    pub(super) units: BTreeMap<String, Vec<String>>,
}

/// What all hosts declare.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) hosts: BTreeMap<HostName, HostFacts>,
    /// What the flake says besides.
    pub(super) flake: Value,
    roots: Vec<PathBuf>,
}

impl Facts {
    /// Asks Nix; where it does not answer, says so and reads the files.
    pub(super) fn read(root: &Path, evaluation: &Evaluation, found: &mut Found) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        if let Some(evaluator) = Evaluator::of(&root, evaluation) {
            match evaluator.and_then(|evaluator| Self::evaluated(&root, &evaluator, found)) {
                Ok(facts) => {
                    found.evaluated = true;
                    return facts;
                }
                Err(reason) => {
                    let message = format!(
                        "Nix could not evaluate the repository, so its files alone were read: {reason}"
                    );
                    found.problem(Severity::Warning, "import::not_evaluated", message);
                }
            }
        }
        Self::from_files(&root)
    }

    fn evaluated(root: &Path, evaluator: &Evaluator<'_>, found: &mut Found) -> Result<Self, String> {
        let configurations = evaluator.configurations()?;
        if configurations.is_empty() {
            return Err("it gives no configuration of a host".to_owned());
        }
        evaluator.tell_walls(found);
        let roots = [Some(root.to_owned()), evaluator.copy.clone()].into_iter().flatten().collect();
        let mut facts = Self { roots, ..Self::default() };
        facts.flake = evaluator.outputs().unwrap_or_default();
        let (mut told, mut failed) = (0, Vec::new());
        for one in &configurations {
            match evaluator.facts(one) {
                Ok(options) => {
                    told += 1;
                    let units = evaluator.units(one).map(|units| unit_texts(&units)).unwrap_or_default();
                    facts.add(one, HostFacts { options, units });
                }
                Err(reason) => failed.push((one, reason)),
            }
        }
        found.unread = failed.iter().filter_map(|(one, _)| host_name(&one.name)).collect();
        if let (0, Some((one, reason))) = (told, failed.first()) {
            return Err(format!("{}: {reason}", one.name));
        }
        let files = if failed.is_empty() { Self::default() } else { Self::from_files(root) };
        for (one, reason) in failed {
            let message = format!(
                "Nix could not evaluate configuration `{}`, so its files alone were read: {reason}",
                one.name
            );
            found.problem(Severity::Warning, "import::not_evaluated", message);
            if let Some(read) = host_name(&one.name).and_then(|host| files.hosts.get(&host)) {
                facts.add(one, read.clone());
            }
        }
        Ok(facts)
    }

    /// Takes what a configuration says; one of the same host, such as an image for its installation, adds to it.
    fn add(&mut self, one: &Configuration, facts: HostFacts) {
        let told = facts
            .options
            .get("hostName")
            .and_then(Value::as_str)
            .and_then(|name| name.parse::<HostName>().ok());
        let known = told.filter(|host| one.name.starts_with(host.as_str()));
        let Some(host) = known.or_else(|| host_name(&one.name)) else { return };
        match self.hosts.get_mut(&host) {
            // What a configuration with the name of the host says counts before that of an image of it.
            Some(before) if one.name != host.as_str() => {
                before.options = joined(facts.options, before.options.take());
            }
            Some(before) => {
                before.options = joined(before.options.take(), facts.options);
                before.units.extend(facts.units);
            }
            None => drop(self.hosts.insert(host, facts)),
        }
    }

    fn from_files(root: &Path) -> Self {
        let modules = Modules::read(root);
        let mut facts = Self {
            roots: vec![root.to_owned()],
            flake: to_json(&modules.flake.at(&["vaultix"]).clone()),
            ..Self::default()
        };
        facts.flake = Value::Object(Map::from_iter([("vaultix".to_owned(), facts.flake.take())]));
        for (name, value) in &modules.hosts {
            let Some(host) = host_name(name) else { continue };
            let mut options = to_json(value);
            shape(&mut options);
            facts.hosts.insert(host, HostFacts { options, units: BTreeMap::new() });
        }
        facts
    }

    /// A path of the repository, from what an option says.
    pub(super) fn relative(&self, value: &Value) -> Option<PathBuf> {
        let text = value.as_str()?;
        let inside = self.roots.iter().find_map(|root| below(Path::new(text), root));
        let path = inside.or_else(|| {
            let relative = text.strip_prefix("./").unwrap_or(text);
            (!relative.starts_with('/')).then(|| PathBuf::from(relative))
        })?;
        (!path.as_os_str().is_empty()).then_some(path)
    }
}

/// What follows `root`. An older Nix tells where the files of a store really lie, and a store can be kept elsewhere.
fn below(path: &Path, root: &Path) -> Option<PathBuf> {
    let moved = || {
        let inner = root.strip_prefix(STORE).ok()?;
        let moved = path.ancestors().find(|folder| folder.ends_with(inner) && folder.is_absolute())?;
        path.strip_prefix(moved).ok()
    };
    path.strip_prefix(root).ok().or_else(moved).map(Path::to_owned)
}

/// Gives what files say the shape that evaluation has.
fn shape(options: &mut Value) {
    let mut taken = |place: &str| options.pointer_mut(place).map(Value::take).unwrap_or_default();
    let mut system = taken("/nixpkgs/hostPlatform");
    if let Some(name) = system.get_mut("system").map(Value::take) {
        system = name;
    }
    let secrix = taken("/secrix/system/secrets");
    let homes = taken("/home-manager/users");
    let host = taken("/networking/hostName");
    let Some(set) = options.as_object_mut() else { return };
    for (name, value) in [("system", system), ("homes", homes), ("hostName", host)] {
        set.insert(name.to_owned(), value);
    }
    if secrix.is_object()
        && let Some(tool) = set.get_mut("secrix").and_then(Value::as_object_mut)
    {
        tool.insert("system".to_owned(), secrix);
    }
    set.retain(|name, _| {
        matches!(name.as_str(), "sops" | "age" | "secrix" | "vaultix" | "system" | "homes" | "hostName")
    });
}

/// `ryan@forge` and `forge` are of the host `forge`.
fn host_name(configuration: &str) -> Option<HostName> {
    configuration.rsplit('@').next()?.parse().ok()
}

/// Sets joined all the way down; elsewhere the second counts, if it says anything.
fn joined(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut ours), Value::Object(theirs)) => {
            for (name, value) in theirs {
                let before = ours.remove(&name).unwrap_or_default();
                ours.insert(name, joined(before, value));
            }
            Value::Object(ours)
        }
        (ours, Value::Null) => ours,
        (_, theirs) => theirs,
    }
}

fn to_json(value: &Read) -> Value {
    match value {
        Read::Bool(value) => Value::Bool(*value),
        Read::Int(number) => Value::from(*number),
        Read::Text(_) | Read::Path(_) => value.text().map_or(Value::Null, Value::String),
        Read::List(items) => Value::Array(items.iter().map(to_json).collect()),
        Read::Set(set) => {
            Value::Object(set.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
        }
        Read::Unknown | Read::Null | Read::Function(_) | Read::Library(..) => Value::Null,
    }
}

/// Every text of each unit.
fn unit_texts(units: &Value) -> BTreeMap<String, Vec<String>> {
    fn texts(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
            Value::Object(set) => set.values().for_each(|item| texts(item, all)),
            _ => {}
        }
    }
    let of_unit = |(name, unit): (&String, &Value)| {
        let mut all = Vec::new();
        texts(unit, &mut all);
        (name.clone(), all)
    };
    units.as_object().into_iter().flatten().map(of_unit).collect()
}
