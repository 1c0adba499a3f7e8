//! Rotation in two phases: the public half of a new key is known first, and the key takes its place later.

use jiff::Timestamp;
use serde::Serialize;

use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::generate::Recipe;
use crate::ops::workspace::Workspace;
use crate::policy::Role;

/// Which part of a rotation a step is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
pub enum Phase {
    /// The new value is made and takes its place at once.
    Replace,
    /// The new value is made, and only its public half is known.
    Announce {
        /// The secret that holds it until then.
        next: SecretName,
        /// When it may take its place.
        until: Timestamp,
    },
    /// The value that was announced takes its place.
    Switch {
        /// The secret that held it.
        next: SecretName,
    },
}

/// Where the rotation of a secret stands.
pub(super) enum Standing {
    Go(Phase),
    /// Announced, and not for long enough.
    Wait(Timestamp),
}

/// Whether a new public half is announced before it is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pace {
    /// As the policy says.
    Announced,
    /// All at once: for a value that somebody else knows.
    AtOnce,
}

/// The announced value that has no use any more once a step is done.
pub(super) fn spent(ws: &Workspace, secret: &SecretName, phase: &Phase) -> Option<SecretName> {
    let next = match phase {
        Phase::Announce { .. } => return None,
        Phase::Switch { next } => next.clone(),
        Phase::Replace => Role::Next.name_for(secret)?,
    };
    (ws.policy.companion(&next).is_some() && ws.layout.has_source(&next)).then_some(next)
}

/// What comes next for a secret, by the policy and by what was announced.
pub(super) fn standing(
    ws: &Workspace,
    secret: &SecretName,
    recipe: &Recipe,
    pace: Pace,
) -> Result<Standing, OpsError> {
    let announce = ws.policy.attributes(secret).rotation.and_then(|rotation| rotation.announce);
    let (Some(stays), Some(next), true) = (announce, Role::Next.name_for(secret), recipe.made_by.is_pair())
    else {
        return Ok(Standing::Go(Phase::Replace));
    };
    if pace == Pace::AtOnce {
        // Whoever knows the value may know the one that was to come as well.
        return Ok(Standing::Go(Phase::Replace));
    }
    if !ws.layout.has_source(&next) {
        let until = ws.settings.now.checked_add(stays).unwrap_or(Timestamp::MAX);
        return Ok(Standing::Go(Phase::Announce { next, until }));
    }
    let ledger = ws.layout.read_ledger(&next, &ws.authors())?;
    let ready = ledger.value().and_then(|line| line.time.checked_add(stays).ok());
    Ok(match ready {
        Some(ready) if ready > ws.settings.now => Standing::Wait(ready),
        _ => Standing::Go(Phase::Switch { next }),
    })
}
