//! Declarations as options of a module give them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::facts::Facts;
use super::facts::HostFacts;
use super::found::Found;
use super::found::FoundHost;
use super::found::FoundTemplate;
use super::found::Use;
use crate::name::HostName;
use crate::name::ServiceName;

/// Adds every host that the repository configures, those included that could not be evaluated.
pub(super) fn hosts(facts: &Facts, found: &mut Found) {
    for name in &found.unread {
        found.hosts.entry(name.clone()).or_default();
    }
    for (name, host) in &facts.hosts {
        let system = text(at(&host.options, &["system"]));
        let entry: &mut FoundHost = found.hosts.entry(name.clone()).or_default();
        entry.system = system.or(entry.system.take());
    }
}

/// Where a declaration puts its file, and what then happens.
pub(super) struct Placed<'a> {
    pub(super) host: &'a HostName,
    pub(super) facts: &'a HostFacts,
    /// The set of options.
    pub(super) options: &'a Value,
    /// What the declaration is called.
    pub(super) label: &'a str,
    /// Where it lies if nothing else is said.
    pub(super) folder: &'a str,
    /// Who owns it if nothing else is said.
    pub(super) owner: &'a str,
}

impl Placed<'_> {
    /// The declaration of one value.
    pub(super) fn value(&self, file: PathBuf, key: Vec<String>) -> Use {
        let path = self.path();
        let restart = texts(&self.options["restartUnits"]);
        let reload = texts(&self.options["reloadUnits"]);
        let services = self.services(path.as_deref(), restart.iter().chain(&reload));
        Use {
            host: self.host.clone(),
            label: self.label.to_owned(),
            file,
            key,
            owner: self.account("owner", "uid"),
            group: self.account("group", "gid"),
            mode: text(&self.options["mode"]).unwrap_or_else(|| "0400".to_owned()),
            path,
            restart,
            reload,
            needed_for_users: self.options["neededForUsers"] == true,
            services,
        }
    }

    /// The declaration of a text with values in it.
    pub(super) fn template(&self, placeholders: BTreeMap<String, String>) -> FoundTemplate {
        let path = self.path();
        let restart = texts(&self.options["restartUnits"]);
        let services = self.services(path.as_deref(), restart.iter());
        FoundTemplate {
            host: self.host.clone(),
            name: self.label.to_owned(),
            content: text(&self.options["content"]),
            placeholders,
            owner: self.account("owner", "uid"),
            group: self.account("group", "gid"),
            mode: text(&self.options["mode"]).unwrap_or_else(|| "0400".to_owned()),
            path,
            restart,
            services,
        }
    }

    fn path(&self) -> Option<String> {
        let name = text(&self.options["name"]).unwrap_or_else(|| self.label.to_owned());
        text(&self.options["path"]).or_else(|| Some(format!("{}/{name}", self.folder)))
    }

    fn account(&self, name: &str, number: &str) -> String {
        let given =
            text(&self.options[name]).or_else(|| text(&self.options[number]).filter(|number| number != "0"));
        match given.as_deref() {
            None | Some("") => {
                if name == "owner" {
                    self.owner.to_owned()
                } else {
                    "root".to_owned()
                }
            }
            Some("0") => "root".to_owned(),
            Some(other) => other.to_owned(),
        }
    }

    /// Units that speak of the file, else those that restart with it.
    fn services<'u>(
        &self,
        path: Option<&str>,
        units: impl Iterator<Item = &'u String>,
    ) -> BTreeSet<ServiceName> {
        let speaks =
            |texts: &Vec<String>| path.is_some_and(|path| texts.iter().any(|text| mentions(text, path)));
        let readers =
            self.facts.units.iter().filter(|(_, texts)| speaks(texts)).map(|(name, _)| name.as_str());
        let told = units.filter_map(|unit| unit.strip_suffix(".service"));
        readers.chain(told).filter_map(|name| name.parse().ok()).collect()
    }
}

/// Whether a text names a path, and not merely a longer one.
fn mentions(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, found)| {
        let next = text.get(at + found.len()..).and_then(|rest| rest.chars().next());
        next.is_none_or(|next| !(next.is_ascii_alphanumeric() || matches!(next, '/' | '-' | '_' | '.')))
    })
}

/// What lies at the end of a chain of options; null where there is nothing.
pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// A text that says something.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Every text of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

/// The entries of a set; none of anything else.
pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The options of a module, of the host itself and of the homes on it, with the user whose home it is.
pub(super) fn modules<'f>(host: &'f HostFacts, module: &str) -> Vec<(&'f Value, String)> {
    let homes = entries(at(&host.options, &["homes"])).map(|(user, options)| (options, user.clone()));
    let all = std::iter::once((&host.options, "root".to_owned())).chain(homes);
    all.filter_map(|(options, user)| options.get(module).map(|options| (options, user))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_path_is_not_the_path() {
        for (text, path, named) in [
            ("api:/run/secrets/a", "/run/secrets/a", true),
            ("cat /run/secrets/a; true", "/run/secrets/a", true),
            ("/run/secrets/a/b", "/run/secrets/a", false),
            ("/run/secrets/ab", "/run/secrets/a", false),
            ("/run/secrets/a-b /run/secrets/a", "/run/secrets/a", true),
        ] {
            assert_eq!(mentions(text, path), named, "{text}");
        }
    }
}
