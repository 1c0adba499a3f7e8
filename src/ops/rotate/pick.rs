//! Which secrets a rotation is about, and why: each way of picking gives names with reasons.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::audit::exposures;
use crate::ops::error::OpsError;
use crate::ops::generate::Recipe;
use crate::ops::generate::recipe;
use crate::ops::workspace::Workspace;
use crate::policy::SecretPattern;
use crate::value::Generator;

/// Why a secret gets a new value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Why {
    /// Somebody named it.
    Asked,
    /// Its period is over.
    Due {
        /// When it was.
        since: Timestamp,
    },
    /// It ends, or has ended, by what it says of itself.
    Expires {
        /// When.
        at: Timestamp,
    },
    /// Somebody knows it who may not read it any more.
    Exposed {
        /// Who.
        to: Vec<String>,
    },
    /// What it is made from, or how, is not what it was when it was made.
    Stale {
        /// What differs.
        because: String,
    },
    /// It is made from a secret that gets a new value.
    Follows {
        /// That secret.
        input: SecretName,
    },
    /// It is the key of a certificate that is renewed with a new key.
    Key {
        /// The certificate.
        of: SecretName,
    },
}

/// Secrets with reasons.
pub type Picked = BTreeMap<SecretName, Why>;

/// The secrets that one of these patterns covers; a pattern that covers none is an error.
pub fn named(ws: &Workspace, patterns: &[SecretPattern]) -> Result<Picked, OpsError> {
    let mut sources = ws.layout.sources()?;
    sources.retain(|name| ws.policy.companion(name).is_none());
    let mut picked = Picked::new();
    for pattern in patterns {
        let mut covered = sources.iter().filter(|name| pattern.may_cover(name)).peekable();
        if covered.peek().is_none() {
            return Err(OpsError::NoSuchSecrets { pattern: pattern.to_string() });
        }
        picked.extend(covered.map(|name| (name.clone(), Why::Asked)));
    }
    Ok(picked)
}

/// The secrets whose period is over, and those that end within the time of their warning.
pub fn due(ws: &Workspace) -> Result<Picked, OpsError> {
    let now = ws.settings.now;
    let mut judged = |name: &SecretName, ledger: &VerifiedLedger| {
        let rotation = ws.policy.attributes(name).rotation.unwrap_or_default();
        let value = ledger.current_value()?;
        if let Some(at) = value.seen().expires
            && rotation.warn.map_or(Some(now), |warn| now.checked_add(warn).ok())? >= at
        {
            return Some(Why::Expires { at });
        }
        let since = value.since.checked_add(rotation.every?).ok()?;
        (since <= now).then_some(Why::Due { since })
    };
    pick(ws, &mut judged)
}

/// The secrets in use that somebody knows who may not read them any more.
pub fn exposed(ws: &Workspace) -> Result<Picked, OpsError> {
    let mut known: BTreeMap<SecretName, Vec<String>> = BTreeMap::new();
    for exposure in exposures(ws)? {
        known.entry(exposure.secret).or_default().push(exposure.known_by.to_string());
    }
    Ok(known.into_iter().map(|(secret, to)| (secret, Why::Exposed { to })).collect())
}

/// The secrets that are made from other values than the current ones, or are said to be made in another way now.
pub fn stale(ws: &Workspace) -> Result<Picked, OpsError> {
    let mut heads = BTreeMap::new();
    pick(ws, &mut |name, ledger| heads.insert(name.clone(), ledger.value_line()).and(None))?;
    pick(ws, &mut |name, ledger| {
        let recipe = recipe(ws, name).ok()??;
        let made = ledger.value()?.origin.as_ref()?;
        let generator = made.generator.as_ref()?;
        let other = recipe.inputs.iter().find(|input| {
            let now = heads.get(*input).copied().flatten();
            now.is_some() && made.inputs.get(*input).copied() != now
        });
        if let Some(input) = other {
            return Some(Why::Stale { because: format!("`{input}` has another value now") });
        }
        let because = format!("it was made by `{generator}`");
        (follows_words(&recipe) && recipe.generator != *generator).then_some(Why::Stale { because })
    })
}

/// Whether another way of making a value asks for another value: a longer password does not make the old one wrong.
fn follows_words(recipe: &Recipe) -> bool {
    matches!(recipe.made_by, Generator::Derived(_) | Generator::Command(_))
}

fn pick(
    ws: &Workspace,
    judged: &mut dyn FnMut(&SecretName, &VerifiedLedger) -> Option<Why>,
) -> Result<Picked, OpsError> {
    let mut names = ws.layout.sources()?;
    names.retain(|name| ws.policy.companion(name).is_none());
    let mut picked = Picked::new();
    for (name, ledger) in ws.layout.read_vouched(&names, &ws.authors()) {
        let ledger = ledger?;
        picked.extend(judged(&name, &ledger).map(|why| (name, why)));
    }
    Ok(picked)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked for"),
            Self::Due { since } => write!(f, "due since {since}"),
            Self::Expires { at } => write!(f, "ends at {at}"),
            Self::Exposed { to } => write!(f, "known to {}", to.join(", ")),
            Self::Stale { because } => write!(f, "stale: {because}"),
            Self::Follows { input } => write!(f, "made from `{input}`"),
            Self::Key { of } => write!(f, "key of `{of}`"),
        }
    }
}
