//! What a rotation would do, in order, and what it leaves to a person.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use super::pick::Picked;
use super::pick::Why;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::generate::Asker;
use crate::ops::generate::Graph;
use crate::ops::generate::Recipe;
use crate::ops::generate::recipe;
use crate::ops::workspace::Workspace;
use crate::policy::Requirement;
use crate::policy::Services;
use crate::value::Generator;

/// What a rotation would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// New values, each after what it is made from.
    pub steps: Vec<Step>,
    /// What needs a person.
    pub by_hand: Vec<Hand>,
}

/// A new value that a generator makes.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The secret.
    pub secret: SecretName,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// How.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// The secrets that are made from it.
    pub dependents: Vec<SecretName>,
    /// The hosts that get it, with the services that read it.
    pub hosts: BTreeMap<HostName, Services>,
}

/// A secret that a person must give a new value.
#[derive(Clone, Debug, Serialize)]
pub struct Hand {
    /// The secret.
    pub secret: SecretName,
    /// Why it needs a new value.
    #[serde(flatten)]
    pub why: Why,
    /// Why no generator makes it.
    pub reason: HandReason,
    /// What to run.
    pub command: String,
    /// Who sees to it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub owners: BTreeSet<String>,
    /// Where it is written how.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub runbooks: BTreeSet<String>,
}

/// Why no generator makes a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandReason {
    /// The policy names none.
    NoGenerator,
    /// Hosts keep the first value that they got.
    InstallOnce,
    /// A person is asked for it, and nobody is at a terminal.
    NobodyAsked,
}

/// Plans new values for what was picked and for everything that is made from it.
pub fn plan(ws: &Workspace, picked: &Picked, asker: &dyn Asker) -> Result<Plan, OpsError> {
    for secret in picked.keys() {
        recipe(ws, secret)?;
    }
    // A mistake in what is said of other secrets does not stand in the way of these.
    let mut recipes: BTreeMap<SecretName, Recipe> = BTreeMap::new();
    for secret in ws.layout.survey()?.sources {
        let made = recipe(ws, &secret).ok().flatten();
        recipes.extend(made.map(|recipe| (secret, recipe)));
    }
    let mut all = picked.clone();
    let mut by_hand = Vec::new();
    settle(ws, &mut all, &recipes, asker, &mut by_hand);
    let graph = Graph::of(&recipes);
    while let Some((secret, why)) = next(&graph, &recipes, &all, &by_hand) {
        all.insert(secret, why);
        settle(ws, &mut all, &recipes, asker, &mut by_hand);
    }
    by_hand.sort_by(|a, b| a.secret.cmp(&b.secret));
    let mut chosen: BTreeMap<SecretName, Recipe> = recipes.clone();
    chosen.retain(|secret, _| all.contains_key(secret));
    let order = Graph::of(&chosen).order()?;
    let steps = order.into_iter().filter_map(|secret| {
        let (why, recipe) = (all.get(&secret)?.clone(), chosen.remove(&secret)?);
        let users = recipes.iter().filter(|(_, recipe)| recipe.inputs.contains(&secret));
        let dependents = users.map(|(name, _)| name.clone()).collect();
        Some(Step { hosts: hosts(ws, &secret), secret, why, recipe, dependents })
    });
    Ok(Plan { steps: steps.collect(), by_hand })
}

/// One more secret that must come along: what is made from a new value, or the key that a certificate renews.
fn next(
    graph: &Graph<'_>,
    recipes: &BTreeMap<SecretName, Recipe>,
    all: &Picked,
    by_hand: &[Hand],
) -> Option<(SecretName, Why)> {
    let known = |name: &SecretName| all.contains_key(name) || by_hand.iter().any(|hand| hand.secret == *name);
    let keys = all.keys().filter_map(|of| {
        let key = recipes.get(of)?.made_by.renewed_first()?.name()?;
        Some((key, Why::Key { of: of.clone() }))
    });
    let roots: BTreeSet<SecretName> = all.keys().cloned().collect();
    let followers = graph.followers(&roots).into_iter();
    let followers = followers.map(|(name, input)| (name, Why::Follows { input }));
    keys.chain(followers).find(|(name, _)| !known(name))
}

/// Takes out what no generator makes.
fn settle(
    ws: &Workspace,
    all: &mut Picked,
    recipes: &BTreeMap<SecretName, Recipe>,
    asker: &dyn Asker,
    by_hand: &mut Vec<Hand>,
) {
    all.retain(|secret, why| {
        let reason = reason(ws, secret, recipes.get(secret), asker);
        by_hand.extend(reason.map(|reason| hand(ws, secret, why, reason)));
        reason.is_none()
    });
}

fn reason(
    ws: &Workspace,
    secret: &SecretName,
    recipe: Option<&Recipe>,
    asker: &dyn Asker,
) -> Option<HandReason> {
    let required = ws.policy.attributes(secret).requirements;
    if required.iter().any(|required| matches!(required.requirement, Requirement::InstallOnce)) {
        return Some(HandReason::InstallOnce);
    }
    match recipe {
        None => Some(HandReason::NoGenerator),
        Some(Recipe { made_by: Generator::Prompt(_), .. }) if !asker.is_there() => {
            Some(HandReason::NobodyAsked)
        }
        Some(_) => None,
    }
}

fn hand(ws: &Workspace, secret: &SecretName, why: &Why, reason: HandReason) -> Hand {
    let rotation = ws.policy.attributes(secret).rotation.unwrap_or_default();
    Hand {
        secret: secret.clone(),
        why: why.clone(),
        reason,
        command: format!("secretctl edit {secret}"),
        owners: rotation.owners,
        runbooks: rotation.runbooks,
    }
}

fn hosts(ws: &Workspace, secret: &SecretName) -> BTreeMap<HostName, Services> {
    let in_use = ws.fleet.hosts.keys().filter(|name| ws.policy.seals_for(name));
    let reading = in_use.filter_map(|name| {
        Some((name.clone(), ws.policy.grant(secret, name, ws.settings.now)?.services))
    });
    reading.collect()
}
