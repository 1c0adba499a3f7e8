//! Why a request is allowed or denied.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Decision;
use crate::policy::Explanation;
use crate::policy::Query;
use crate::policy::Services;

/// An explanation, and what a person may have overlooked.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The decision with its reasons.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The services that the host lists, if the one asked about is not among them.
    pub listed: Option<BTreeSet<ServiceName>>,
    /// Whether it is allowed on a host that does not list the service because the rules name no hosts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub for_naming_no_host: bool,
    /// Services that may read the secret, if none was named and it was asked for `system`.
    pub others: Option<BTreeSet<ServiceName>>,
    /// Whether the secret has a source.
    pub exists: bool,
}

/// Why a service on a host may or may not read a secret. The secret need not exist yet.
pub fn explain(
    ws: &Workspace,
    secret: &SecretName,
    host: &HostName,
    service: Option<&ServiceName>,
) -> Result<Explained, OpsError> {
    let listed = &known(&ws.fleet, host)?.services;
    let granted = match ws.policy.grant(secret, host, ws.settings.now).map(|grant| grant.services) {
        Some(Services::Only(services)) => services,
        Some(Services::All) | None => BTreeSet::new(),
    };
    let system = ServiceName::system();
    // Where just one service may read it, that is the one that was meant.
    let only = granted.first().filter(|_| granted.len() == 1);
    let asked = service.or(only).unwrap_or(&system);
    let unlisted = *asked != system && !listed.contains(asked);
    let others = service.is_none() && *asked == system && !granted.is_empty() && !granted.contains(&system);
    let explanation = ws.policy.explain(&Query { secret, host, service: asked }, ws.settings.now);
    let everywhere = matches!(&explanation.decision, Decision::Allow { permits, .. } if permits.iter().all(|rule| rule.every_host));
    Ok(Explained {
        for_naming_no_host: unlisted && everywhere,
        explanation,
        listed: unlisted.then(|| listed.clone()),
        others: others.then_some(granted),
        exists: ws.layout.has_source(secret),
    })
}
