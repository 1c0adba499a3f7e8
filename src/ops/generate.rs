//! Makes values with the generators that the policy names: first in memory, all of them, and only then for good.

mod error;
mod make;
mod order;
mod recipe;
mod sandbox;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

pub use error::GenerateError;
pub use make::Asker;
pub use make::Means;
pub use make::Nobody;
pub use recipe::Recipe;
pub use sandbox::Sandboxing;

pub use crate::value::Answer;
pub use crate::value::Question;

pub(super) use make::Task;
pub(super) use make::make;
pub(super) use order::Graph;
pub(super) use recipe::recipe;

use crate::diag::Finding;
use crate::ledger::Event;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::put::PutReport;
use crate::ops::settle::settle;
use crate::ops::workspace::Workspace;
use crate::value::Generator;

/// A secret without a value, and how it would be made.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// The secret.
    pub secret: SecretName,
    /// How it is made.
    #[serde(flatten)]
    pub recipe: Recipe,
}

/// The secrets that `names` mean, or all that the policy names in full, as far as they have no value; with them what
/// they are made from, each after its inputs.
pub fn missing(ws: &Workspace, names: &[SecretName]) -> Result<Vec<Missing>, OpsError> {
    let wanted = if names.is_empty() { ws.policy.generated() } else { names.iter().cloned().collect() };
    let sources = ws.layout.sources()?;
    let mut recipes = BTreeMap::new();
    let mut open: Vec<SecretName> = wanted.into_iter().filter(|name| !sources.contains(name)).collect();
    while let Some(secret) = open.pop() {
        if recipes.contains_key(&secret) {
            continue;
        }
        let none = || GenerateError::None { secret: secret.clone() };
        let recipe = recipe(ws, &secret)?.ok_or_else(none)?;
        for input in recipe.inputs.iter().filter(|input| !sources.contains(*input)) {
            // What has no generator either is told when the value is made, with the name of both.
            if self::recipe(ws, input)?.is_some() {
                open.push(input.clone());
            }
        }
        recipes.insert(secret, recipe);
    }
    let order = Graph::of(&recipes).order()?;
    let planned = order.into_iter().filter_map(|secret| {
        let recipe = recipes.remove(&secret)?;
        Some(Missing { secret, recipe })
    });
    Ok(planned.collect())
}

/// Takes out what a person would be asked for while nobody is there, and what is made from it.
pub fn without_questions(missing: Vec<Missing>) -> (Vec<Missing>, Vec<Missing>) {
    let mut left: BTreeSet<SecretName> = BTreeSet::new();
    missing.into_iter().partition(|one| {
        let asked = matches!(one.recipe.made_by, Generator::Prompt(_));
        let waits = asked || one.recipe.inputs.iter().any(|input| left.contains(input));
        if waits {
            left.insert(one.secret.clone());
        }
        !waits
    })
}

/// Makes the values and seals each for its readers, also those that a run before this one has made and not sealed.
/// Returns what could not be made, is not as the policy asks, or could not be sealed.
pub fn generate(
    ws: &Workspace,
    missing: &[Missing],
    means: &Means<'_>,
    told: &mut dyn FnMut(&PutReport),
) -> Result<Vec<Finding>, OpsError> {
    let unsealed = settle(ws, &ws.layout.sources()?.intersection(&ws.policy.generated()).cloned().collect())?;
    let task = |one: &Missing| Task { secret: one.secret.clone(), recipe: one.recipe.clone(), from: None };
    let made = make(ws, &missing.iter().map(task).collect::<Vec<_>>(), means)?;
    for ready in made.ready {
        told(&ready.keep(ws, Event::Edited)?);
    }
    Ok(unsealed.unsealed.into_iter().chain(made.failed).collect())
}
