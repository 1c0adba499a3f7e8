//! Who may read what, in lists that refer to each other by position, so that a large fleet stays a small page.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::cli::page::Shared;
use crate::cli::page::positions;
use crate::cli::page::rule_text;
use crate::ops::Workspace;
use crate::ops::policy::Entry;
use crate::ops::policy::RuleRef;
use crate::ops::policy::ViewHost;
use crate::ops::policy::entries;
use crate::ops::report::Mask;
use crate::ops::report::Report;
use crate::ops::report::RuleHits;

/// The table of grants.
#[derive(Serialize)]
pub(super) struct Access {
    hosts: Vec<Host>,
    services: Vec<String>,
    rules: Vec<Rule>,
    grants: Vec<Grant>,
    /// For each secret: host, grant, host, grant, …
    cells: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct Host {
    name: String,
    tags: Vec<String>,
    system: String,
    state: String,
}

#[derive(Serialize)]
struct Rule {
    effect: String,
    text: String,
    place: String,
    because: Option<String>,
    until: Option<String>,
    ended: bool,
    hits: usize,
}

/// What many cells may share: services, each with its rules, and the end.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Grant {
    /// Position of the service, or none for every service; then the positions of its rules.
    services: Vec<(Option<usize>, Vec<usize>)>,
    until: Option<String>,
}

pub(super) fn access(ws: &Workspace, report: &Report, mask: &Mask) -> Access {
    let view = &report.view;
    let rows: Vec<Vec<Entry>> = view.rows.iter().map(|row| entries(ws, row)).collect();
    let services: BTreeSet<_> = rows.iter().flatten().filter_map(|entry| entry.service.as_ref()).collect();
    let mut services: Vec<_> = services.into_iter().collect();
    services.sort_by_cached_key(|service| mask.name("service", service.as_ref()));
    let service_at = positions(services.iter().copied());
    let rule_at: BTreeMap<&RuleRef, usize> = positions(report.rules.iter().map(|told| &told.rule));
    let host_at = positions(view.hosts.iter().map(|host| &host.name));
    let secret_at = positions(view.secrets.iter());
    let mut grants = Shared::default();
    let mut cells = vec![Vec::new(); view.secrets.len()];
    for (row, entries) in view.rows.iter().zip(&rows) {
        let services = entries.iter().map(|entry| {
            let service = entry.service.as_ref().and_then(|service| service_at.get(service).copied());
            let mut rules: Vec<usize> =
                entry.permits.iter().filter_map(|rule| rule_at.get(rule).copied()).collect();
            rules.sort_unstable();
            (service, rules)
        });
        let mut services: Vec<_> = services.collect();
        services.sort_unstable();
        let until = row.grant.not_after.map(|end| end.to_string());
        let grant = grants.add(Grant { services, until });
        let cell = secret_at.get(&row.secret).and_then(|at| cells.get_mut(*at));
        if let (Some(cell), Some(host)) = (cell, host_at.get(&row.host)) {
            cell.extend([*host, grant]);
        }
    }
    Access {
        hosts: view.hosts.iter().map(|one| host(one, mask)).collect(),
        services: services.into_iter().map(|service| mask.name("service", service.as_ref())).collect(),
        rules: report.rules.iter().map(|told| rule(told, mask)).collect(),
        grants: grants.all,
        cells,
    }
}

/// What stands for a rule: its patterns, its file and its reason are full of names.
pub(super) fn rule_name(rule: &RuleRef, mask: &Mask) -> String {
    mask.name("rule", &format!("{} {}", rule.place, rule_text(rule)))
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

fn host(host: &ViewHost, mask: &Mask) -> Host {
    Host {
        name: mask.name("host", host.name.as_ref()),
        tags: sorted(host.tags.iter().map(|tag| mask.name("tag", tag.as_ref()))),
        // Together with its tags it might tell which machine this is.
        system: host.system.clone().filter(|_| !mask.hides()).unwrap_or_default(),
        state: host.state.clone(),
    }
}

fn rule(told: &RuleHits, mask: &Mask) -> Rule {
    let RuleHits { rule, hits, ended } = told;
    Rule {
        effect: rule.effect.to_string(),
        text: if mask.hides() { rule_name(rule, mask) } else { rule_text(rule) },
        place: if mask.hides() { String::new() } else { rule.place.to_string() },
        because: rule.because.clone().filter(|_| !mask.hides()),
        until: rule.not_after.map(|end| end.to_string()),
        ended: *ended,
        hits: *hits,
    }
}
