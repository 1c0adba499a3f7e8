//! The table as one page for a browser: no network, no framework, and no way for a text of the policy to run.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use crate::cli::page;
use crate::cli::page::Parts;
use crate::cli::page::Shared;
use crate::cli::page::filled;
use crate::cli::page::positions;
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
    Ok(filled(&Parts { template: PAGE, style: STYLE, script: SCRIPT, content: &content }))
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

fn rule(rule: &RuleRef) -> Rule<'_> {
    Rule { place: rule.place.to_string(), text: page::rule_text(rule), because: rule.because.as_deref() }
}
