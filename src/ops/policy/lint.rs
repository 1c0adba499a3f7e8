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
use crate::host::Request;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::MatrixRow;
use crate::policy::Services;
use crate::store::Layout;

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
    let secrets: Vec<SecretName> = ws.layout.survey()?.sources.into_iter().collect();
    let now = ws.settings.now;
    let mut findings = ws.policy.lint(&secrets, now);
    let rows = ws.policy.matrix(&secrets, now).rows;
    findings.extend(unread(&secrets, &rows));
    let mut asked = Asked::new();
    for path in requests {
        match read(ws, path) {
            Ok(request) => note(&request, asked.entry(request.host.clone()).or_default()),
            Err(finding) => findings.push(*finding),
        }
    }
    findings.extend(rows.iter().filter_map(|row| wider(row, asked.get(&row.host)?)));
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
fn unread<'s>(secrets: &'s [SecretName], rows: &[MatrixRow]) -> impl Iterator<Item = Finding> + use<'s> {
    let read: BTreeSet<SecretName> = rows.iter().map(|row| row.secret.clone()).collect();
    secrets.iter().filter(move |secret| !read.contains(*secret)).map(|secret| {
        let message = format!("no service of any host may read `{secret}`");
        let help = format!("allow it in `policies/`, or remove it with `secretctl rm {secret}`");
        finding(Severity::Note, "lint::unread", message).at(Place::file(Layout::source(secret))).help(help)
    })
}

fn read(ws: &Workspace, path: &Path) -> Result<Request, Box<Finding>> {
    let place = |finding: Finding| Box::new(finding.at(Place::file(path)));
    let request = Request::read(path).map_err(|failure| {
        let mistakes = miette::Diagnostic::related(&failure).into_iter().flatten();
        let mistakes: String = mistakes.map(|mistake| format!("; {mistake}")).collect();
        let found = Finding::from_failure(&failure);
        place(Finding { message: format!("{}{mistakes}", found.message), ..found })
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

/// A grant to more than the host asks for.
fn wider(row: &MatrixRow, asked: &BTreeMap<SecretName, BTreeSet<ServiceName>>) -> Option<Finding> {
    let MatrixRow { secret, host, grant } = row;
    let place = grant.permits.first()?.place.clone();
    let Some(asking) = asked.get(secret) else {
        let message = format!("`{host}` may read `{secret}`, and its request does not ask for it");
        let help = format!("narrow the rule, or ask for it in the configuration of `{host}`");
        return Some(finding(Severity::Warning, "lint::unasked", message).at(place).help(help));
    };
    match &grant.services {
        Services::All => {
            let message =
                format!("every service of `{host}` may read `{secret}`, and {} asks for it", listed(asking));
            let quoted: Vec<String> = asking.iter().map(|service| format!("\"{service}\"")).collect();
            let help = format!("write `.services([{}])` if no other one needs it", quoted.join(", "));
            Some(finding(Severity::Warning, "lint::wide", message).at(place).help(help))
        }
        Services::Only(services) => {
            let idle: BTreeSet<_> = services.difference(asking).cloned().collect();
            if idle.is_empty() {
                return None;
            }
            let message =
                format!("{} on `{host}` may read `{secret}`, and does not ask for it", listed(&idle));
            let help = format!("`secretctl policy explain {secret} {host} {}` tells why", idle.first()?);
            Some(finding(Severity::Note, "lint::idle", message).at(place).help(help))
        }
    }
}

fn listed(services: &BTreeSet<ServiceName>) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(", ")
}
