//! The table as one page for a browser: no network, no framework, and no way for a text of the policy to run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::ops::Workspace;
use crate::ops::policy::Entry;
use crate::ops::policy::RuleRef;
use crate::ops::policy::View;
use crate::ops::policy::entries;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page shows; lists refer to each other by position, so that a large fleet stays a small file.
#[derive(Serialize)]
struct Content<'v> {
    version: u32,
    now: String,
    secrets: Vec<&'v str>,
    hosts: Vec<Host<'v>>,
    services: Vec<String>,
    rules: Vec<Rule<'v>>,
    grants: Vec<Grant>,
    /// For each secret: host, grant, host, grant, …
    cells: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct Host<'v> {
    name: &'v str,
    tags: Vec<&'v str>,
    system: &'v str,
    state: &'v str,
}

#[derive(Serialize)]
struct Rule<'v> {
    place: String,
    text: String,
    because: Option<&'v str>,
}

/// What many cells may share: services, each with its rules, and the end.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Grant {
    /// Position of the service, or none for every service; then the positions of its rules.
    services: Vec<(Option<usize>, Vec<usize>)>,
    until: Option<String>,
}

/// The page.
pub(super) fn page(ws: &Workspace, view: &View) -> io::Result<String> {
    let rows: Vec<Vec<Entry>> = view.rows.iter().map(|row| entries(ws, row)).collect();
    let content = serde_json::to_string(&content(view, &rows))?;
    Ok(filled(&content))
}

/// Fills the page in; only what the template itself says is looked at, never what was put in.
fn filled(content: &str) -> String {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + content.len());
    for (nth, part) in PAGE.split("@@").enumerate() {
        match part {
            "policy" if nth % 2 == 1 => page.push_str(&policy),
            "style" if nth % 2 == 1 => page.push_str(STYLE),
            "script" if nth % 2 == 1 => page.push_str(SCRIPT),
            "content" if nth % 2 == 1 => page.push_str(&inert(content)),
            text => page.push_str(text),
        }
    }
    page
}

/// JSON that can neither end its element nor open another one.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The hash by which the page's own policy lets its script and its style in, and nothing else.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn content<'v>(view: &'v View, rows: &'v [Vec<Entry>]) -> Content<'v> {
    let hosts = view.hosts.iter().map(|host| Host {
        name: host.name.as_str(),
        tags: host.tags.iter().map(AsRef::as_ref).collect(),
        system: host.system.as_deref().unwrap_or_default(),
        state: &host.state,
    });
    let services: BTreeSet<_> = rows.iter().flatten().filter_map(|entry| entry.service.as_ref()).collect();
    let rules: BTreeSet<_> = rows.iter().flatten().flat_map(|entry| &entry.permits).collect();
    let service_at = positions(services.iter().copied());
    let rule_at = positions(rules.iter().copied());
    let host_at = positions(view.hosts.iter().map(|host| &host.name));
    let secret_at = positions(view.secrets.iter());
    let mut grants = Shared::default();
    let mut cells = vec![Vec::new(); view.secrets.len()];
    for (row, entries) in view.rows.iter().zip(rows) {
        let services = entries.iter().map(|entry| {
            let service = entry.service.as_ref().and_then(|service| service_at.get(service).copied());
            (service, entry.permits.iter().filter_map(|rule| rule_at.get(rule).copied()).collect())
        });
        let until = row.grant.not_after.map(|end| end.to_string());
        let grant = grants.add(Grant { services: services.collect(), until });
        let cell = secret_at.get(&row.secret).and_then(|at| cells.get_mut(*at));
        if let (Some(cell), Some(host)) = (cell, host_at.get(&row.host)) {
            cell.extend([*host, grant]);
        }
    }
    Content {
        version: 1,
        now: view.now.to_string(),
        secrets: view.secrets.iter().map(AsRef::as_ref).collect(),
        hosts: hosts.collect(),
        services: services.into_iter().map(ToString::to_string).collect(),
        rules: rules.into_iter().map(rule).collect(),
        grants: grants.all,
        cells,
    }
}

/// Equal grants kept once.
#[derive(Default)]
struct Shared {
    all: Vec<Grant>,
    at: BTreeMap<Grant, usize>,
}

impl Shared {
    fn add(&mut self, grant: Grant) -> usize {
        *self.at.entry(grant).or_insert_with_key(|grant| {
            self.all.push(grant.clone());
            self.all.len() - 1
        })
    }
}

fn positions<T: Ord>(names: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    names.enumerate().map(|(at, name)| (name, at)).collect()
}

fn rule(rule: &RuleRef) -> Rule<'_> {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let mut text = match patterns.as_slice() {
        [one] => format!("{}({one})", rule.effect),
        _ => format!("{}([{}])", rule.effect, patterns.join(", ")),
    };
    for (method, selector) in [("hosts", &rule.hosts), ("services", &rule.services)] {
        if let Some(selector) = selector {
            text.push_str(&format!(".{method}({selector})"));
        }
    }
    Rule { place: rule.place.to_string(), text, because: rule.because.as_deref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_policy_ends_its_element_or_fills_a_place_of_the_template() {
        let page = filled("\"</script><script>alert(1)</script><!-- @@script@@ &amp;\"");
        assert!(!page.contains("alert(1)</script>") && !page.contains("<!-- "), "{page}");
        assert_eq!(page.matches(SCRIPT).count(), 1);
        assert_eq!(page.matches("</script>").count(), 2);
    }
}
