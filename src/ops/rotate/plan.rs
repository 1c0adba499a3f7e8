//! What a rotation would do, in order, and what it leaves to a person.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::announce::Pace;
use super::announce::Phase;
use super::announce::Standing;
use super::announce::standing;
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
    /// What was announced, and not for long enough.
    pub waiting: Vec<Waiting>,
}

/// A new value whose public half is known, and which is not used yet.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// The secret.
    pub secret: SecretName,
    /// When it may take its place.
    pub until: Timestamp,
}

/// A new value that a generator makes.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The secret.
    pub secret: SecretName,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Which part of its rotation it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// How.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// The secrets that are made from it.
    pub dependents: Vec<SecretName>,
    /// The hosts that get it, with the services that read it.
    pub hosts: BTreeMap<HostName, Services>,
    /// Until when hosts get the value before as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
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
pub fn plan(ws: &Workspace, picked: &Picked, asker: &dyn Asker, pace: Pace) -> Result<Plan, OpsError> {
    for secret in picked.keys() {
        recipe(ws, secret)?;
    }
    // A mistake in what is said of other secrets does not stand in the way of these.
    let mut recipes: BTreeMap<SecretName, Recipe> = BTreeMap::new();
    let sources = ws.layout.sources()?;
    for secret in sources.into_iter().filter(|name| ws.policy.companion(name).is_none()) {
        let made = recipe(ws, &secret).ok().flatten();
        recipes.extend(made.map(|recipe| (secret, recipe)));
    }
    let mut draft = Draft { ws, recipes: &recipes, asker, pace, all: BTreeMap::new(), left: Plan::default() };
    for (secret, why) in picked {
        draft.add(secret, why)?;
    }
    let graph = Graph::of(&recipes);
    while let Some((secret, why)) = draft.next(&graph) {
        draft.add(&secret, &why)?;
    }
    draft.finish()
}

/// A plan that grows until nothing more follows.
struct Draft<'a> {
    ws: &'a Workspace,
    recipes: &'a BTreeMap<SecretName, Recipe>,
    asker: &'a dyn Asker,
    pace: Pace,
    all: BTreeMap<SecretName, (Why, Phase)>,
    /// What does not become a step.
    left: Plan,
}

impl Draft<'_> {
    fn add(&mut self, secret: &SecretName, why: &Why) -> Result<(), OpsError> {
        let recipe = self.recipes.get(secret);
        match (reason(self.ws, secret, recipe, self.asker), recipe) {
            (Some(reason), _) => self.left.by_hand.push(hand(self.ws, secret, why, reason)),
            (None, None) => {}
            (None, Some(recipe)) => match standing(self.ws, secret, recipe, self.pace)? {
                Standing::Go(phase) => drop(self.all.insert(secret.clone(), (why.clone(), phase))),
                Standing::Wait(until) => self.left.waiting.push(Waiting { secret: secret.clone(), until }),
            },
        }
        Ok(())
    }

    /// One more secret that must come along: what is made from a new value, or the key that a certificate renews.
    fn next(&self, graph: &Graph<'_>) -> Option<(SecretName, Why)> {
        let known = |name: &SecretName| {
            self.all.contains_key(name)
                || self.left.by_hand.iter().any(|hand| hand.secret == *name)
                || self.left.waiting.iter().any(|waiting| waiting.secret == *name)
        };
        let keys = self.all.keys().filter_map(|of| {
            let key = self.recipes.get(of)?.made_by.renewed_first()?.name()?;
            Some((key, Why::Key { of: of.clone() }))
        });
        // What is only announced changes nothing yet for what is made from it.
        let changing = self.all.iter().filter(|(_, (_, phase))| !matches!(phase, Phase::Announce { .. }));
        let roots: BTreeSet<SecretName> = changing.map(|(name, _)| name.clone()).collect();
        let followers = graph.followers(&roots).into_iter();
        let followers = followers.map(|(name, input)| (name, Why::Follows { input }));
        keys.chain(followers).find(|(name, _)| !known(name))
    }

    fn finish(mut self) -> Result<Plan, OpsError> {
        let mut chosen: BTreeMap<SecretName, Recipe> = self.recipes.clone();
        chosen.retain(|secret, _| self.all.contains_key(secret));
        let order = Graph::of(&chosen).order()?;
        let mut plan = std::mem::take(&mut self.left);
        plan.by_hand.sort_by(|a, b| a.secret.cmp(&b.secret));
        for secret in order {
            let Some(((why, phase), recipe)) = self.all.remove(&secret).zip(chosen.remove(&secret)) else {
                continue;
            };
            let users = self.recipes.iter().filter(|(_, recipe)| recipe.inputs.contains(&secret));
            let dependents = users.map(|(name, _)| name.clone()).collect();
            let hosts = hosts(self.ws, &secret);
            let previous_until = previous_until(self.ws, &secret, &phase);
            plan.steps.push(Step { secret, why, phase, recipe, dependents, hosts, previous_until });
        }
        Ok(plan)
    }
}

fn previous_until(ws: &Workspace, secret: &SecretName, phase: &Phase) -> Option<Timestamp> {
    let keep = ws.policy.attributes(secret).rotation?.keep_previous?;
    let replaced = !matches!(phase, Phase::Announce { .. });
    replaced.then(|| ws.settings.now.checked_add(keep).ok()).flatten()
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
        command: by_hand(secret),
        owners: rotation.owners,
        runbooks: rotation.runbooks,
    }
}

/// The command with which a person gives a secret a new value.
pub(in crate::ops) fn by_hand(secret: &SecretName) -> String {
    // A host's key is made on the host; its new public half then takes the place of the one that is kept.
    match secret.segments().nth(1).filter(|_| secret.is_for_admins()) {
        Some(host) => format!("secretctl host set {host} --ssh ADDRESS"),
        None => format!("secretctl edit {secret}"),
    }
}

fn hosts(ws: &Workspace, secret: &SecretName) -> BTreeMap<HostName, Services> {
    let in_use = ws.fleet.hosts.keys().filter(|name| ws.policy.seals_for(name));
    let reading = in_use
        .filter_map(|name| Some((name.clone(), ws.policy.grant(secret, name, ws.settings.now)?.services)));
    reading.collect()
}
