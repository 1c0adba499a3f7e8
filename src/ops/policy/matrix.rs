//! Who may read what, as one table.

use std::collections::BTreeSet;

use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Matrix;

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
