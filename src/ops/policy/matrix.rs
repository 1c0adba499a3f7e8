//! Who may read what, as one table.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Decision;
use crate::policy::MatrixRow;
use crate::policy::Query;
use crate::policy::RuleRef;
use crate::policy::SecretPattern;
use crate::policy::Services;

/// Which part of the table is wanted; an empty list does not narrow it.
#[derive(Debug, Default)]
pub struct Filter {
    /// These hosts.
    pub hosts: BTreeSet<HostName>,
    /// Secrets that one of these covers.
    pub secrets: Vec<SecretPattern>,
    /// What these services may read.
    pub services: BTreeSet<ServiceName>,
}

impl Filter {
    fn wants(&self, row: &MatrixRow) -> bool {
        let covers = |pattern: &SecretPattern| pattern.covers(&row.secret, &row.host);
        (self.hosts.is_empty() || self.hosts.contains(&row.host))
            && (self.secrets.is_empty() || self.secrets.iter().any(covers))
    }

    /// The row with the wanted services alone; none if no such service may read the secret.
    fn narrowed(&self, ws: &Workspace, mut row: MatrixRow) -> Option<MatrixRow> {
        let Services::Only(services) = &mut row.grant.services else { return Some(row) };
        if self.services.is_empty() {
            return Some(row);
        }
        services.retain(|service| self.services.contains(service));
        if services.is_empty() {
            return None;
        }
        let permits: BTreeSet<RuleRef> =
            entries(ws, &row).into_iter().flat_map(|entry| entry.permits).collect();
        row.grant.permits = permits.into_iter().collect();
        Some(row)
    }
}

/// A host with what one looks it up by.
#[derive(Clone, Debug)]
pub struct ViewHost {
    /// Its name.
    pub name: HostName,
    /// Its tags.
    pub tags: BTreeSet<Tag>,
    /// Its system, if that is known.
    pub system: Option<String>,
    /// Its state: only active hosts get sealed copies.
    pub state: String,
}

/// The part of the table that was asked for.
#[derive(Debug)]
pub struct View {
    /// When it held.
    pub now: Timestamp,
    /// Secrets that were asked for, those included that nobody may read.
    pub secrets: Vec<SecretName>,
    /// Hosts that were asked for, those included that may read nothing.
    pub hosts: Vec<ViewHost>,
    /// Whether some hosts of the fleet were not asked for.
    pub narrowed: bool,
    /// One row for each secret and host with a grant, in order of secret and host.
    pub rows: Vec<MatrixRow>,
}

/// Which services of which hosts may read each secret that has a source.
pub fn matrix(ws: &Workspace, filter: &Filter) -> Result<View, OpsError> {
    for host in &filter.hosts {
        known(&ws.fleet, host)?;
    }
    let wanted = |secret: &SecretName| {
        filter.secrets.is_empty() || filter.secrets.iter().any(|pattern| pattern.may_cover(secret))
    };
    let mut secrets: Vec<SecretName> = ws.layout.sources()?.into_iter().filter(wanted).collect();
    let rows = ws.policy.matrix(&secrets, ws.settings.now).rows.into_iter();
    let rows: Vec<_> =
        rows.filter(|row| filter.wants(row)).filter_map(|row| filter.narrowed(ws, row)).collect();
    if !filter.services.is_empty() {
        let read: BTreeSet<&SecretName> = rows.iter().map(|row| &row.secret).collect();
        secrets.retain(|secret| read.contains(secret));
    }
    let hosts = hosts(ws, filter);
    Ok(View { now: ws.settings.now, secrets, narrowed: hosts.len() < ws.fleet.hosts.len(), hosts, rows })
}

fn hosts(ws: &Workspace, filter: &Filter) -> Vec<ViewHost> {
    let wanted = |name: &HostName| filter.hosts.is_empty() || filter.hosts.contains(name);
    let hosts = ws.fleet.hosts.iter().filter(|(name, _)| wanted(name)).map(|(name, host)| ViewHost {
        name: name.clone(),
        tags: host.tags.clone(),
        system: host.system.clone(),
        state: host.state.to_string(),
    });
    hosts.collect()
}

/// One service of a grant with the rules that let it in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The service; none stands for every service.
    pub service: Option<ServiceName>,
    /// The rules that allow it.
    pub permits: Vec<RuleRef>,
}

/// The services of a grant one by one, each with its own rules.
pub fn entries(ws: &Workspace, row: &MatrixRow) -> Vec<Entry> {
    let Services::Only(services) = &row.grant.services else {
        return vec![Entry { service: None, permits: row.grant.permits.clone() }];
    };
    let entries = services.iter().map(|service| {
        let query = Query { secret: &row.secret, host: &row.host, service };
        let permits = match ws.policy.decide(&query, ws.settings.now) {
            Decision::Allow { permits, .. } | Decision::Deny { permits, .. } => permits,
        };
        Entry { service: Some(service.clone()), permits }
    });
    entries.collect()
}
