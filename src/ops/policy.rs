//! Questions to policy: why, and who may read what.

use std::collections::BTreeSet;

use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Query;

pub use crate::policy::Decision;
pub use crate::policy::Explanation;
pub use crate::policy::Matrix;
pub use crate::policy::Objection;
pub use crate::policy::RuleRef;
pub use crate::policy::Services;

/// Why a service on a host may or may not read a secret. The secret need not exist yet.
pub fn explain(
    ws: &Workspace,
    secret: &SecretName,
    host: &HostName,
    service: &ServiceName,
) -> Result<Explanation, OpsError> {
    known(&ws.fleet, host)?;
    Ok(ws.policy.explain(&Query { secret, host, service }, ws.settings.now))
}

/// Which services of which hosts may read each secret that has a source.
pub fn matrix(ws: &Workspace, hosts: &BTreeSet<HostName>) -> Result<Matrix, OpsError> {
    for host in hosts {
        known(&ws.fleet, host)?;
    }
    let secrets: Vec<SecretName> = ws.layout.survey()?.sources.into_iter().collect();
    let mut matrix = ws.policy.matrix(&secrets, ws.settings.now);
    if !hosts.is_empty() {
        matrix.rows.retain(|row| hosts.contains(&row.host));
    }
    Ok(matrix)
}
