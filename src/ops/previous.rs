//! The value before, kept as a secret of its own for as long as the policy says.

use crate::ledger::Event;
use crate::ledger::Origin;
use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::put::Existing;
use crate::ops::put::Made;
use crate::ops::put::existing;
use crate::ops::put::put;
use crate::ops::relocate;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::policy::Role;
use crate::secret::SecretBytes;

/// Keeps `old` beside the value that is about to replace it, if the policy says so.
///
/// `old` is none where there was no value, or where nobody at hand could open it, which is told.
pub(super) fn keep(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    (secret, before): (&SecretName, &Existing),
    old: Option<&SecretBytes>,
) -> Result<(), OpsError> {
    if !is_asked(ws, secret) || before.ledger().current().is_none() {
        return Ok(());
    }
    let Some(old) = old else {
        let note = format!("note: no identity at hand opens `{secret}`, so its value before is not kept");
        ws.settings.prompt.tell(&note);
        return Ok(());
    };
    let (name, existing, made) = place_of(ws, secret)?;
    put(ws, lock, author, (&name, old), made, existing).map(drop)
}

/// The secret that keeps the value before, what there is of it, and how its ledger line tells of it.
pub(super) fn place_of(
    ws: &Workspace,
    secret: &SecretName,
) -> Result<(SecretName, Existing, Made), OpsError> {
    let taken = |name: String| OpsError::CompanionTaken { secret: secret.clone(), name };
    let name = Role::Previous.name_for(secret).ok_or_else(|| taken(format!("{secret}.previous")))?;
    let existing = existing(ws, &name)?;
    if existing.ledger().current().is_some() && !is_ours(existing.ledger(), secret) {
        return Err(taken(name.to_string()));
    }
    let origin = Origin { generator: Some(words(secret)), ..Origin::default() };
    Ok((name, existing, Made { event: Event::Rotated, changed: Some(true), origin }))
}

/// Whether the policy asks to keep the value before.
pub(super) fn is_asked(ws: &Workspace, secret: &SecretName) -> bool {
    ws.policy.attributes(secret).rotation.is_some_and(|rotation| rotation.keep_previous.is_some())
}

/// Removes the values whose time is over; gives their names.
pub(super) fn remove_ended(ws: &Workspace) -> Result<Vec<SecretName>, OpsError> {
    let mut names = ws.layout.sources()?;
    names.retain(|name| ws.policy.companion(name).is_some_and(|companion| companion.role == Role::Previous));
    let mut removed = Vec::new();
    for (name, ledger) in ws.layout.read_vouched(&names, &ws.authors()) {
        let (Some(companion), Ok(ledger)) = (ws.policy.companion(&name), ledger) else {
            continue;
        };
        let end = ledger.value().and_then(|line| line.time.checked_add(companion.stays).ok());
        if end.is_some_and(|end| end < ws.settings.now) && is_ours(&ledger, &companion.of) {
            relocate::remove(ws, &name)?;
            removed.push(name);
        }
    }
    Ok(removed)
}

/// Whether we kept this value, and nobody gave the name to a secret of their own.
fn is_ours(ledger: &VerifiedLedger, of: &SecretName) -> bool {
    let origin = ledger.value().and_then(|line| line.origin.as_ref());
    origin.is_some_and(|origin| origin.generator.as_deref() == Some(&words(of)))
}

fn words(of: &SecretName) -> String {
    format!("previous(\"{of}\")")
}
