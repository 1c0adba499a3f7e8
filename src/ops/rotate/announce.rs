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
    if !ws.layout.has_source(&next) {
        let until = ws.settings.now.checked_add(stays).unwrap_or(Timestamp::MAX);
        let phase = Phase::Announce { next, until };
        return Ok(Standing::Go(if pace == Pace::AtOnce { Phase::Replace } else { phase }));
    }
    let ledger = ws.layout.read_ledger(&next, &ws.authors())?;
    let ready = ledger.value().and_then(|line| line.time.checked_add(stays).ok());
    Ok(match ready {
        Some(ready) if ready > ws.settings.now && pace == Pace::Announced => Standing::Wait(ready),
        _ => Standing::Go(Phase::Switch { next }),
    })
}
