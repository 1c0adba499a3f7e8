//! sops-nix: `.sops.yaml`, SOPS files, `sops.secrets` and `sops.templates`.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use super::declared;
use super::declared::Placed;
use super::declared::entries;
use super::declared::text;
use super::eval::Evaluation;
use super::facts::Facts;
use super::facts::HostFacts;
use super::found::Found;
use super::found::Tool;
use super::keys::Keys;
use super::sops_config::SopsConfig;
use super::sops_file;
use super::sops_file::Looked;
use super::tree;
use crate::diag::Severity;
use crate::name::HostName;

const CONFIG: &str = ".sops.yaml";

/// Describes a repository of sops-nix.
pub(super) fn read(root: &Path, evaluation: &Evaluation) -> Found {
    let mut found = Found::new(Tool::SopsNix);
    let facts = Facts::read(root, evaluation, &mut found);
    declared::hosts(&facts, &mut found);
    documents(root, &mut found);
    for (host, options) in &facts.hosts {
        declarations(&facts, host, options, &mut found);
    }
    found
}

/// The SOPS files of a repository, and what its settings say of their keys.
pub(super) fn documents(root: &Path, found: &mut Found) {
    let mut keys = Keys::default();
    let mut configs = Vec::new();
    for path in tree::files(root) {
        if path.file_name().is_some_and(|name| name == CONFIG) {
            match tree::text(root, &path).as_deref().and_then(SopsConfig::parse) {
                Some(config) => configs.push((path, config)),
                None => found.problem_at(
                    Severity::Error,
                    "import::config",
                    format!("`{}` is not YAML", path.display()),
                    &path,
                ),
            }
            continue;
        }
        match tree::bytes(root, &path).map_or(Looked::Other, |bytes| sops_file::read(&bytes, &path)) {
            Looked::Sops(file) => drop(found.files.insert(path, *file)),
            Looked::Damaged(reason) => {
                let message = format!("`{}` is no intact SOPS file: {reason}", path.display());
                found.leave_out(&path, "import::damaged", message, "repair it, then import again");
            }
            Looked::Other => {}
        }
    }
    for (path, config) in &configs {
        for (key, names) in &config.aliases {
            names.iter().for_each(|name| keys.add(key.clone(), vec![name.clone()]));
        }
        for (key, remark) in &config.remarks {
            keys.remark(key.clone(), remark.clone());
        }
        for mistake in &config.mistakes {
            found.problem_at(Severity::Warning, "import::config", mistake.clone(), path);
        }
    }
    // A host whose key alone is known is a host too.
    keys.settle(root, found);
    against_rules(&configs, found);
}

/// Files whose recipients are not those that the first rule for them names.
fn against_rules(configs: &[(PathBuf, SopsConfig)], found: &mut Found) {
    let files: Vec<PathBuf> = found.files.keys().cloned().collect();
    for path in files {
        let nearest = configs
            .iter()
            .filter_map(|(at, config)| {
                let folder = at.parent()?;
                Some((folder.components().count(), config, path.strip_prefix(folder).ok()?.to_owned()))
            })
            .max_by_key(|(depth, _, _)| *depth);
        let Some((_, config, inside)) = nearest else { continue };
        let Some(file) = found.files.get_mut(&path) else { continue };
        for foreign in &mut file.foreign {
            let name = config.foreign.iter().find(|(id, _)| foreign.ends_with(id.as_str()));
            if let Some((_, name)) = name {
                foreign.push_str(&format!(" ({name})"));
            }
        }
        let message = match config.rule(&inside) {
            None => format!("no creation rule covers `{}`", path.display()),
            Some(rule) if rule.recipients != file.readers && !rule.recipients.is_empty() => {
                let missing = rule.recipients.difference(&file.readers).count();
                let more = file.readers.difference(&rule.recipients).count();
                format!(
                    "`{}` is not encrypted as its rule says: {missing} missing, {more} more",
                    path.display()
                )
            }
            Some(_) => continue,
        };
        found.problem_at(Severity::Note, "import::rule_differs", message, &path);
    }
}

fn declarations(facts: &Facts, host: &HostName, own: &HostFacts, found: &mut Found) {
    for (options, user) in declared::modules(own, "sops") {
        let placed =
            |options, label, folder| Placed { host, facts: own, options, label, folder, owner: &user };
        for (label, secret) in entries(&options["secrets"]) {
            let file =
                facts.relative(&secret["sopsFile"]).or_else(|| facts.relative(&options["defaultSopsFile"]));
            let Some(file) = file else {
                let message = format!(
                    "`{host}` declares `{label}`, and its file lies outside of the repository or cannot be told"
                );
                found.problem(Severity::Warning, "import::elsewhere", message);
                continue;
            };
            let format = text(&secret["format"]).or_else(|| text(&options["defaultSopsFormat"]));
            let key = key(secret, label, &file, format.as_deref());
            let folder =
                if secret["neededForUsers"] == true { "/run/secrets-for-users" } else { "/run/secrets" };
            let one = placed(secret, label, folder).value(file, key);
            found.hosts.entry(host.clone()).or_default().declares = true;
            found.uses.push(one);
        }
        let labels: BTreeMap<String, String> = entries(&options["placeholder"])
            .filter_map(|(label, placeholder)| Some((text(placeholder)?, label.clone())))
            .collect();
        for (name, template) in entries(&options["templates"]) {
            found.templates.push(placed(template, name, "/run/secrets/rendered").template(labels.clone()));
        }
    }
}

/// The key that a declaration reads; an empty one is the whole file, as are formats that have no keys for the module.
fn key(secret: &serde_json::Value, label: &str, file: &Path, format: Option<&str>) -> Vec<String> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let by_key = match format {
        Some(format) => matches!(format, "yaml" | "json"),
        None => matches!(ending, "yaml" | "yml" | "json"),
    };
    let whole = secret["key"].as_str() == Some("");
    if !by_key || whole {
        return Vec::new();
    }
    let key = text(&secret["key"]).unwrap_or_else(|| label.to_owned());
    key.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
