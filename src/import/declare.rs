//! Declarations for our module that ask for what another tool's module was asked for, to be pasted host by host.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::found::Found;
use super::found::FoundTemplate;
use super::found::Tool;
use super::found::Use;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Where our module puts files if nothing else is said.
const LINK: &str = "/run/secrets";

/// A declaration with the name that its secret has now.
pub(super) struct Named<'a> {
    pub(super) one: &'a Use,
    pub(super) secret: &'a SecretName,
}

/// The text for one host.
pub(super) fn text(found: &Found, host: &HostName, uses: &[Named<'_>]) -> String {
    let mut text = format!(
        "# What {} declared for {host}, for the module of secretctl. Import this file, and take the old declarations away.\n{{ config, ... }}:\n\n{{\n",
        found.tool
    );
    if let Some(compat) = compat(found.tool, uses) {
        text.push_str(&format!("  # Once nothing is left to the other module, let paths below {compat}\n"));
    }
    text.push_str("  secretctl.secrets = {\n");
    let mut taken = BTreeSet::new();
    for named in uses {
        text.push_str(&secret(found.tool, named, &mut taken));
    }
    text.push_str("  };\n");
    let names: BTreeMap<&str, &SecretName> =
        uses.iter().map(|named| (named.one.label.as_str(), named.secret)).collect();
    let templates: Vec<&FoundTemplate> =
        found.templates.iter().filter(|template| template.host == *host).collect();
    if !templates.is_empty() {
        text.push_str("\n  secretctl.templates = {\n");
        for one in templates {
            text.push_str(&template(found.tool, one, &names));
        }
        text.push_str("  };\n");
    }
    text.push_str("}\n");
    text
}

/// One entry: called as before where that keeps its path, else by its name with the path of before.
fn secret(tool: Tool, named: &Named<'_>, taken: &mut BTreeSet<String>) -> String {
    let Named { one, secret } = named;
    let old = one.path.clone().unwrap_or_default();
    let there = usual_name(tool, &old).filter(|name| !taken.contains(*name));
    let keeps = there.is_some();
    let mut entry = there.map_or_else(|| secret.to_string(), str::to_owned);
    while !taken.insert(entry.clone()) {
        entry.push_str("-again");
    }
    let mut lines = Vec::new();
    if entry != secret.as_str() {
        lines.push(format!("secret = {};", quoted(secret.as_str())));
    }
    if let Some(service) = service_of(&one.services) {
        lines.push(format!("service = {};", quoted(service.as_str())));
    }
    lines.extend(placed(&one.owner, &one.group, &one.mode));
    let path = (!keeps && old != format!("{LINK}/{entry}") && !old.is_empty()).then_some(&old);
    lines.extend(path.map(|path| format!("path = {};", quoted(path))));
    lines.extend(units("restartUnits", &one.restart));
    lines.extend(units("reloadUnits", &one.reload));
    if one.needed_for_users {
        lines.push("neededForUsers = true;".to_owned());
    }
    set(&entry, &lines)
}

fn template(tool: Tool, one: &FoundTemplate, names: &BTreeMap<&str, &SecretName>) -> String {
    let mut lines = Vec::new();
    if let Some(service) = service_of(&one.services) {
        lines.push(format!("service = {};", quoted(service.as_str())));
    }
    lines.extend(placed(&one.owner, &one.group, &one.mode));
    let usual = format!("{LINK}/rendered/{}", one.name);
    let path = one.path.as_ref().filter(|path| tool != Tool::SopsNix || **path != usual);
    lines.extend(path.map(|path| format!("path = {};", quoted(path))));
    lines.extend(units("restartUnits", &one.restart));
    match &one.content {
        Some(content) => lines.push(format!("content = {};", content_of(content, &one.placeholders, names))),
        None => lines.push(
            "content = throw \"copy the text of this template, with config.secretctl.placeholder.NAME\";"
                .to_owned(),
        ),
    }
    set(&one.name, &lines)
}

/// What a file is called where a tool puts its own: ours gets there under that name, by itself or with `secretctl.compat`.
fn usual_name(tool: Tool, path: &str) -> Option<&str> {
    let folders: &[&str] = match tool {
        Tool::SopsNix => &["/run/secrets", "/run/secrets-for-users"],
        Tool::Agenix | Tool::AgenixRekey => &["/run/agenix"],
        _ => &[],
    };
    let mut names = folders.iter().filter_map(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
    names.find(|name| name.parse::<SecretName>().is_ok())
}

/// What keeps the paths of another tool once nothing is left to it.
fn compat(tool: Tool, uses: &[Named<'_>]) -> Option<&'static str> {
    match tool {
        Tool::SopsNix if uses.iter().any(|named| named.one.needed_for_users) => {
            Some("/run/secrets-for-users lead here too: secretctl.compat.sopsNix = true;")
        }
        Tool::Agenix | Tool::AgenixRekey => {
            Some("/run/agenix lead here too: secretctl.compat.agenix = true;")
        }
        _ => None,
    }
}

/// The service that a file is for: the first of those that read it; none where it is the system.
pub(super) fn service_of(services: &BTreeSet<ServiceName>) -> Option<&ServiceName> {
    services.iter().find(|service| service.as_str() != ServiceName::SYSTEM)
}

fn placed(owner: &str, group: &str, mode: &str) -> Vec<String> {
    let differing = [("owner", owner, "root"), ("group", group, "root"), ("mode", mode, "0400")];
    let differing = differing
        .into_iter()
        .filter(|(_, value, default)| value != default && *value != default.trim_start_matches('0'));
    differing.map(|(name, value, _)| format!("{name} = {};", quoted(value))).collect()
}

fn units(name: &str, units: &[String]) -> Option<String> {
    let words: Vec<String> = units.iter().map(|unit| quoted(unit)).collect();
    (!words.is_empty()).then(|| format!("{name} = [ {} ];", words.join(" ")))
}

fn set(name: &str, lines: &[String]) -> String {
    match lines {
        [] => format!("    {} = {{ }};\n", quoted(name)),
        lines => format!("    {} = {{\n      {}\n    }};\n", quoted(name), lines.join("\n      ")),
    }
}

/// The text of a template with our placeholders for theirs.
fn content_of(
    content: &str,
    placeholders: &BTreeMap<String, String>,
    names: &BTreeMap<&str, &SecretName>,
) -> String {
    // Lines stay lines, so that people can read the text.
    let mut text = format!("\"{}\"", escaped(content));
    for (placeholder, label) in placeholders {
        if let Some(secret) = names.get(label.as_str()) {
            text = text.replace(
                placeholder.as_str(),
                &format!("${{config.secretctl.placeholder.{}}}", quoted(secret.as_str())),
            );
        }
    }
    text
}

/// A text as Nix writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\n', "\\n"))
}

/// What may stand between quotes in Nix, line breaks left as they are.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${").replace('\r', "\\r")
}
