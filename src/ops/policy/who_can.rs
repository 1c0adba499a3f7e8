//! Who may read a secret, and what a host or one of its services may read.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde::Serializer;

use super::affected::Affected;
use crate::crypto::Recipient;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::document::beside_of;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Decision;
use crate::policy::Grant;
use crate::policy::Query;
use crate::policy::RuleRef;
use crate::policy::Services;

/// Services of one host that may read one secret for the same reason.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reader {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The services.
    #[serde(flatten)]
    pub services: Affected,
    /// The last instant at which they may; null if there is no end.
    #[serde(serialize_with = "instant")]
    pub not_after: Option<Timestamp>,
    /// The rules that allow it.
    pub rules: Vec<RuleRef>,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn instant<S: Serializer>(end: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    end.map(|end| end.to_string()).serialize(serializer)
}

/// Who may read what was asked about.
#[derive(Clone, Debug, Serialize)]
pub struct WhoCan {
    /// Version of this schema.
    pub version: u32,
    /// Readers that get sealed copies, by secret and host.
    pub readers: Vec<Reader>,
    /// Hosts that rules allow to read it and that get nothing, for they are not active.
    pub inactive: BTreeMap<HostName, HostState>,
    /// Hosts that get it for services which they do not list, because the rules name no hosts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unlisted: BTreeMap<HostName, BTreeSet<ServiceName>>,
    /// Who opens the source of the secret that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceReaders>,
    /// What should be known about a secret that does not exist; its readers are those that it would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The services that the host lists, if the one asked about is not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<BTreeSet<ServiceName>>,
}

/// Who opens a source, by the fleet and its policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SourceReaders {
    /// Admins who edit it.
    pub admins: BTreeSet<AdminName>,
    /// How many recovery recipients there are.
    pub recovery: usize,
    /// Whoever else opens the document that it is in: hosts that read it there, and keys of another tool.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<String>,
}

impl SourceReaders {
    fn of(ws: &Workspace, secret: &SecretName) -> Self {
        let beside = beside_of(&ws.fleet, secret);
        let owner = |key: &Recipient| ws.fleet.owner_of(key).unwrap_or_else(|| format!("`{key}`"));
        Self {
            admins: ws.editors(secret),
            recovery: ws.fleet.recovery.len(),
            others: beside.iter().map(owner).collect(),
        }
    }
}

/// Who may read a secret, which need not exist yet.
pub fn readers_of(ws: &Workspace, secret: &SecretName) -> WhoCan {
    let missing = (!ws.layout.has_source(secret)).then(|| missing(ws, secret));
    let hosts = ws.fleet.hosts.iter();
    let granted =
        hosts.flat_map(|(name, host)| reading(ws, secret, name).into_iter().map(move |r| (host, r)));
    WhoCan { source: Some(SourceReaders::of(ws, secret)), missing, ..collected(ws, granted) }
}

/// What a host may read, or one of its services.
pub fn readable_by(
    ws: &Workspace,
    name: &HostName,
    service: Option<&ServiceName>,
) -> Result<WhoCan, OpsError> {
    let host = known(&ws.fleet, name)?;
    let secrets = ws.layout.sources()?;
    let granted = secrets.iter().flat_map(|secret| match service {
        Some(service) => one(ws, secret, name, service).into_iter().collect(),
        None => reading(ws, secret, name),
    });
    let unlisted = service.is_some_and(|s| *s != ServiceName::system() && !host.services.contains(s));
    let listed = unlisted.then(|| host.services.clone());
    Ok(WhoCan { listed, ..collected(ws, granted.map(|reader| (host, reader))) })
}

fn collected<'h>(ws: &Workspace, granted: impl Iterator<Item = (&'h Host, Reader)>) -> WhoCan {
    let (mut readers, mut inactive) = (Vec::new(), BTreeMap::new());
    let mut unlisted: BTreeMap<HostName, BTreeSet<ServiceName>> = BTreeMap::new();
    for (host, reader) in granted {
        if ws.policy.seals_for(&reader.host) {
            let services = not_there(host, &reader);
            if !services.is_empty() {
                unlisted.entry(reader.host.clone()).or_default().extend(services);
            }
            readers.push(reader);
        } else {
            inactive.insert(reader.host, host.state);
        }
    }
    WhoCan { version: 1, readers, inactive, unlisted, source: None, missing: None, listed: None }
}

/// The services that may read it on a host that does not list them, only because the rules name no hosts.
fn not_there(host: &Host, reader: &Reader) -> BTreeSet<ServiceName> {
    let Affected::Only(services) = &reader.services else { return BTreeSet::new() };
    let unlisted = |service: &&ServiceName| {
        **service != ServiceName::system() && !host.services.contains(service.as_str())
    };
    let everywhere = reader.rules.iter().all(|rule| rule.every_host);
    services.iter().filter(unlisted).filter(|_| everywhere).cloned().collect()
}

/// What a person should know about a name without a source.
fn missing(ws: &Workspace, secret: &SecretName) -> String {
    let unknown = ws.layout.unknown(secret);
    let help = miette::Diagnostic::help(&unknown).map(|help| format!("; {help}")).unwrap_or_default();
    format!("{unknown}{help}")
}

/// The readers of a secret on one host, those with the same rules and end together.
fn reading(ws: &Workspace, secret: &SecretName, host: &HostName) -> Vec<Reader> {
    let Some(grant) = ws.policy.grant(secret, host, ws.settings.now) else { return Vec::new() };
    let Grant { services, not_after, permits } = grant;
    let reader = |services, not_after, rules| Reader {
        secret: secret.clone(),
        host: host.clone(),
        services,
        not_after,
        rules,
    };
    let Services::Only(services) = services else {
        return vec![reader((&services).into(), not_after, permits)];
    };
    let mut alike: BTreeMap<_, BTreeSet<ServiceName>> = BTreeMap::new();
    for service in services {
        if let Some(Reader { not_after, rules, .. }) = one(ws, secret, host, &service) {
            alike.entry((rules, not_after)).or_default().insert(service);
        }
    }
    let alike = alike.into_iter();
    alike.map(|((rules, end), services)| reader(Affected::Only(services), end, rules)).collect()
}

fn one(ws: &Workspace, secret: &SecretName, host: &HostName, service: &ServiceName) -> Option<Reader> {
    match ws.policy.decide(&Query { secret, host, service }, ws.settings.now) {
        Decision::Allow { permits, not_after } => Some(Reader {
            secret: secret.clone(),
            host: host.clone(),
            services: Affected::Only([service.clone()].into()),
            not_after,
            rules: permits,
        }),
        Decision::Deny { .. } => None,
    }
}
