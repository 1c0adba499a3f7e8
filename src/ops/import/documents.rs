//! The first lines in the lives of values that stay in SOPS files.

use std::collections::BTreeSet;

use super::ImportReport;
use super::Outcome;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::import::Plan;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::Seen;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::document::present;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::key_of;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::StoreError;
use crate::value::Traits;

/// Vouches for every value of the documents that the plan names, each opened first, so that its own check of integrity
/// holds. One that no key at hand opens is left for `secretctl adopt`.
pub(super) fn vouch(ws: &Workspace, plan: &Plan, report: &mut ImportReport) -> Result<(), OpsError> {
    if plan.documents.is_empty() {
        return Ok(());
    }
    let lock = ws.lock()?;
    let author = ws.author()?;
    let mut survey = ws.layout.survey()?;
    for planned in &plan.documents {
        let prefix = planned.prefix.parse::<SecretName>().ok();
        let Some(loaded) = prefix.and_then(|prefix| survey.documents.remove(&prefix)) else { continue };
        let opened = match ws.identities() {
            Ok(identities) => loaded.open(identities).map(drop).map_err(|error| format!("{error}")),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(()) => lines(ws, &lock, &author, &loaded, plan)?,
            Err(reason) => {
                let message =
                    format!("nobody vouches for the values of `{}` yet: {reason}", planned.path.display());
                let finding = Finding::new(Severity::Warning, Class::Finding, "import::left", message);
                report.findings.push(
                    finding
                        .at(Place::file(&planned.path))
                        .help(format!("run `secretctl adopt {}` with a key that opens it", planned.prefix)),
                );
                loaded.names.keys().for_each(|name| report.outcome(name, Outcome::Left));
            }
        }
    }
    Ok(())
}

/// One line for each value: who could open it when it came.
fn lines(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    loaded: &Loaded,
    plan: &Plan,
) -> Result<(), OpsError> {
    let mut change = ws.change(lock)?;
    let recipients = present(&loaded.document);
    for (name, part) in &loaded.names {
        let mut ledger = ws.layout.read_ledger(name, &ws.authors())?;
        let Some(source_sha256) = loaded.digest(part) else { continue };
        if ledger.current().is_some() {
            continue;
        }
        let traits = Traits::of(&loaded.value(part, ws.identities()?)?);
        let openers = plan.secrets.get(name).map(|secret| secret.openers.clone()).unwrap_or_default();
        let hosts: BTreeSet<HostName> =
            openers.into_iter().filter(|host| ws.fleet.hosts.contains_key(host)).collect();
        let entry = ledger::Entry {
            event: Event::Imported,
            key: key_of(part),
            source_sha256: Some(source_sha256),
            recipients: recipients.clone(),
            hosts,
            above: 0,
            value: Some(Seen { changed: None, expires: traits.ends, weak: traits.weak }),
        };
        ledger.append(name, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
        change.write(Layout::ledger(name), ledger.bytes())?;
    }
    change.commit()?;
    Ok(())
}
