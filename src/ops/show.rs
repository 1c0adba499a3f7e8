//! Reads: one value, the list of secrets, the life of one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Place;
use crate::ledger::Line;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;
use crate::store::StoreError;

/// Decrypts the current value of a secret, if its ledger vouches for the source.
pub fn show(ws: &Workspace, secret: &SecretName) -> Result<SecretBytes, OpsError> {
    match ws.layout.read_source(secret, &ws.authors()) {
        Ok(source) => Ok(source.open(ws.identities()?)?),
        Err(error) if is_half_done(ws, &error) => Err(OpsError::Pending { secret: secret.clone() }),
        // Half of an interrupted change looks like tampering, and is repaired in another way.
        Err(StoreError::SourceChanged { .. }) if ws.work_dir().is_pending() => {
            Err(OpsError::Pending { secret: secret.clone() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Half of an interrupted change looks like tampering, or like a secret that is not there, and is repaired in another
/// way.
fn is_half_done(ws: &Workspace, error: &StoreError) -> bool {
    let half = matches!(
        error,
        StoreError::SourceChanged { .. } | StoreError::NoLedger { .. } | StoreError::Unknown { .. }
    );
    half && ws.work_dir().is_pending()
}

/// One line of `list`.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The secret.
    pub secret: SecretName,
    /// Number of the current value.
    pub revision: Option<u64>,
    /// When that value was made.
    pub changed: Option<Timestamp>,
    /// Hosts that have a sealed copy, by the ledger.
    pub hosts: BTreeSet<HostName>,
    /// Code of what is wrong with its ledger, if something is.
    pub problem: Option<String>,
}

/// Every secret that has a source, with what its ledger says, and documents that can't be read; needs no key.
pub fn list(ws: &Workspace) -> Result<(Vec<Listed>, Vec<Finding>), OpsError> {
    let survey = ws.layout.survey()?;
    let broken = survey
        .broken
        .iter()
        .map(|(path, failure)| Finding::from_failure(failure).at(Place::file(path)).about([path.display()]));
    let ledgers = ws.layout.read_ledgers(&survey.sources, &ws.authors());
    let listed = ledgers.into_iter().map(|(secret, ledger)| match ledger {
        Ok(ledger) => {
            let head = ledger.current();
            let changed =
                ledger.lines().iter().rev().find(|line| line.event.is_new_value()).map(|line| line.time);
            Listed {
                secret,
                revision: head.map(|head| head.revision),
                changed,
                hosts: head.map(|head| head.hosts.clone()).unwrap_or_default(),
                problem: head.is_none().then(|| "store::no_ledger".to_owned()),
            }
        }
        Err(error) => Listed {
            secret,
            revision: None,
            changed: None,
            hosts: BTreeSet::new(),
            problem: Some(code(&error)),
        },
    });
    Ok((listed.collect(), broken.collect()))
}

fn code(failure: &impl Failure) -> String {
    failure.code().map(|code| code.to_string()).unwrap_or_default()
}

/// The verified life of one secret, oldest first; also of one that was removed.
pub fn log(ws: &Workspace, secret: &SecretName) -> Result<Vec<Line>, OpsError> {
    let ledger = ws.layout.read_ledger(secret, &ws.authors())?;
    if ledger.lines().is_empty() {
        let unknown = ws.layout.unknown(secret);
        let pending = || OpsError::Pending { secret: secret.clone() };
        return Err(if is_half_done(ws, &unknown) { pending() } else { unknown.into() });
    }
    Ok(ledger.lines().to_vec())
}
