//! What is wrong with the rules, by what exists and by what hosts ask for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::host::Content;
use crate::host::Places;
use crate::host::Request;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::error::OpsError;
use crate::ops::generate::recipe;
use crate::ops::host::known;
use crate::ops::policy::matrix::entries;
use crate::ops::workspace::Workspace;
use crate::policy::MatrixRow;
use crate::policy::Services;

/// What `policy lint` found.
#[derive(Clone, Debug, Serialize)]
pub struct LintReport {
    /// Version of this schema.
    pub version: u32,
    /// Number of rules.
    pub rules: usize,
    /// Number of secrets that they were put to.
    pub secrets: usize,
    /// Number of hosts that they were put to.
    pub hosts: usize,
    /// Number of requests that were read.
    pub requests: usize,
    /// Everything that was found, the worst first.
    pub findings: Vec<Finding>,
}

/// Which services a host asks for each secret with.
type Asked = BTreeMap<HostName, BTreeMap<SecretName, BTreeSet<ServiceName>>>;

/// Looks for rules and grants that somebody should look at; `requests` are what hosts ask for.
pub fn lint(ws: &Workspace, requests: &[PathBuf]) -> Result<LintReport, OpsError> {
    // Nothing that a rule says is about the others.
    let judged = ws.layout.sources()?.into_iter().filter(|secret| !secret.is_for_admins());
    let secrets: Vec<SecretName> = judged.collect();
    let now = ws.settings.now;
    let mut findings = ws.policy.lint(&secrets, now);
    let rows = ws.policy.matrix(&secrets, now).rows;
    findings.extend(unread(ws, &secrets, &rows));
    findings.extend(authorities(ws, &secrets, &rows)?);
    let mut asked = Asked::new();
    for path in requests {
        match read(ws, path) {
            Ok(request) => note(&request, asked.entry(request.host.clone()).or_default()),
            Err(finding) => findings.push(*finding),
        }
    }
    findings.extend(wider(ws, &rows, &asked));
    findings.sort_by(|a, b| {
        (b.severity, &a.place, &a.code, &a.message).cmp(&(a.severity, &b.place, &b.code, &b.message))
    });
    let hosts = ws.fleet.hosts.len();
    let (rules, secrets) = (ws.policy.rules().len(), secrets.len());
    Ok(LintReport { version: 1, rules, secrets, hosts, requests: requests.len(), findings })
}

fn finding(severity: Severity, code: &str, message: String) -> Finding {
    Finding::new(severity, Class::Finding, code, message)
}

/// Secrets without a reader. Some are kept for people alone, so this is worth a note only.
fn unread<'s>(
    ws: &'s Workspace,
    secrets: &'s [SecretName],
    rows: &[MatrixRow],
) -> impl Iterator<Item = Finding> + use<'s> {
    let read: BTreeSet<SecretName> = rows.iter().map(|row| row.secret.clone()).collect();
    secrets.iter().filter(move |secret| !read.contains(*secret)).map(|secret| {
        let message = format!("no service of any host may read `{secret}`");
        let help = format!("allow it in `policies/`, or remove it with `secretctl rm {secret}`");
        let place = Place::file(ws.layout.source_path(secret));
        finding(Severity::Note, "lint::unread", message).at(place).help(help)
    })
}

/// Hosts that get the key of an authority: it signs where values are made, and no service needs it.
fn authorities(ws: &Workspace, secrets: &[SecretName], rows: &[MatrixRow]) -> Result<Vec<Finding>, OpsError> {
    let made: BTreeSet<SecretName> = secrets.iter().cloned().chain(ws.policy.generated()).collect();
    let mut keys = BTreeSet::new();
    for secret in &made {
        let recipe = recipe(ws, secret)?;
        keys.extend(recipe.and_then(|recipe| recipe.made_by.authority_key()?.name()));
    }
    let granted = rows.iter().filter(|row| keys.contains(&row.secret));
    let findings = granted.filter_map(|MatrixRow { secret, host, grant }| {
        let message = format!("host `{host}` may read `{secret}`, with which certificates are signed");
        let help = "narrow the rule: whoever has the key of an authority makes certificates for every name; hosts need their own keys and certificates alone";
        let found = finding(Severity::Warning, "lint::authority_key", message).help(help);
        Some(found.at(grant.permits.first()?.place.clone()))
    });
    Ok(findings.collect())
}

fn read(ws: &Workspace, path: &Path) -> Result<Request, Box<Finding>> {
    let place = |finding: Finding| Box::new(finding.at(Place::file(path)));
    let request = Request::read(path, &Places::of_anybody()).map_err(|failure| {
        let mistakes = miette::Diagnostic::related(&failure).into_iter().flatten();
        let mistakes = mistakes.map(ToString::to_string);
        let found = Finding::from_failure(&failure);
        let message = std::iter::once(found.message.clone()).chain(mistakes).collect::<Vec<_>>().join("; ");
        place(Finding { message, ..found })
    })?;
    known(&ws.fleet, &request.host).map_err(|unknown| place(Finding::from_failure(&unknown)))?;
    Ok(request)
}

fn note(request: &Request, asked: &mut BTreeMap<SecretName, BTreeSet<ServiceName>>) {
    for wanted in request.files.values() {
        let secrets = match &wanted.content {
            Content::Secret(secret) => vec![secret.clone()],
            Content::Template(template) => template.names().into_iter().cloned().collect(),
        };
        for secret in secrets {
            asked.entry(secret).or_default().insert(wanted.service.clone());
        }
    }
}

/// Grants to more than the hosts ask for that have a request.
fn wider(ws: &Workspace, rows: &[MatrixRow], asked: &Asked) -> Vec<Finding> {
    let judged = || rows.iter().filter_map(|row| Some((row, asked.get(&row.host)?)));
    // What is advised for a rule must do for every host that it serves.
    let mut used: BTreeMap<&Place, BTreeSet<&ServiceName>> = BTreeMap::new();
    for (row, asked) in judged() {
        for rule in &row.grant.permits {
            used.entry(&rule.place).or_default().extend(asked.get(&row.secret).into_iter().flatten());
        }
    }
    let findings = judged().filter_map(|(row, asked)| match (asked.get(&row.secret), &row.grant.services) {
        (None, _) => unasked(row),
        (Some(asking), Services::All) => wide(row, asking, &used),
        (Some(asking), Services::Only(_)) => idle(ws, row, asking),
    });
    findings.collect()
}

fn unasked(row: &MatrixRow) -> Option<Finding> {
    let MatrixRow { secret, host, grant } = row;
    let message = format!("`{host}` may read `{secret}`, and its request does not ask for it");
    let help = format!("narrow the rule, or ask for it in the configuration of `{host}`");
    let found = finding(Severity::Warning, "lint::unasked", message).help(help);
    Some(found.at(grant.permits.first()?.place.clone()))
}

fn wide(
    row: &MatrixRow,
    asking: &BTreeSet<ServiceName>,
    used: &BTreeMap<&Place, BTreeSet<&ServiceName>>,
) -> Option<Finding> {
    let MatrixRow { secret, host, grant } = row;
    let place = &grant.permits.first()?.place;
    let needed: Vec<String> = used.get(place)?.iter().map(|service| format!("\"{service}\"")).collect();
    let message =
        format!("every service of `{host}` may read `{secret}`, and only {} asks for it", listed(asking));
    let help =
        format!("write `.services([{}])`, unless a host without a request needs more", needed.join(", "));
    Some(finding(Severity::Warning, "lint::wide", message).at(place.clone()).help(help))
}

/// Services that were named and do not ask; a rule for several secrets or hosts often has some.
fn idle(ws: &Workspace, row: &MatrixRow, asking: &BTreeSet<ServiceName>) -> Option<Finding> {
    let MatrixRow { secret, host, .. } = row;
    let idle = entries(ws, row).into_iter().filter_map(|entry| Some((entry.service?, entry.permits)));
    let idle: Vec<_> = idle.filter(|(service, _)| !asking.contains(service)).collect();
    let (first, permits) = idle.first()?;
    let place = permits.first()?.place.clone();
    let services: BTreeSet<_> = idle.iter().map(|(service, _)| service.clone()).collect();
    let message = format!("{} on `{host}` may read `{secret}`, and does not ask for it", listed(&services));
    let help = format!("`secretctl policy explain {secret} {host} {first}` tells why");
    Some(finding(Severity::Note, "lint::idle", message).at(place).help(help))
}

fn listed(services: &BTreeSet<ServiceName>) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(", ")
}
