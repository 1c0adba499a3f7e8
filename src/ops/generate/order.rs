//! The order in which values are made: each after what it is made from.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::GenerateError;
use super::Recipe;
use crate::name::SecretName;
use crate::ops::error::OpsError;

/// Which secrets are made from which.
#[derive(Debug, Default)]
pub(in crate::ops) struct Graph<'a> {
    inputs: BTreeMap<&'a SecretName, &'a [SecretName]>,
}

impl<'a> Graph<'a> {
    /// The edges between these recipes and what they name.
    pub(in crate::ops) fn of(recipes: &'a BTreeMap<SecretName, Recipe>) -> Self {
        Self { inputs: recipes.iter().map(|(name, recipe)| (name, recipe.inputs.as_slice())).collect() }
    }

    /// The secrets that are made from one of these, directly or not, each with the input that it follows.
    pub(in crate::ops) fn followers(&self, roots: &BTreeSet<SecretName>) -> BTreeMap<SecretName, SecretName> {
        let mut users: BTreeMap<&SecretName, Vec<&SecretName>> = BTreeMap::new();
        for (name, inputs) in &self.inputs {
            inputs.iter().for_each(|input| users.entry(input).or_default().push(name));
        }
        let mut found = BTreeMap::new();
        let mut open: Vec<&SecretName> = roots.iter().collect();
        while let Some(input) = open.pop() {
            for user in users.get(input).into_iter().flatten() {
                if !roots.contains(*user) && !found.contains_key(*user) {
                    found.insert((*user).clone(), input.clone());
                    open.push(user);
                }
            }
        }
        found
    }

    /// All secrets with a recipe, inputs first and else by name; a circle is an error that names it.
    pub(in crate::ops) fn order(&self) -> Result<Vec<SecretName>, OpsError> {
        let mut order = Vec::new();
        let mut done = BTreeSet::new();
        for name in self.inputs.keys() {
            self.visit(name, &mut done, &mut order)?;
        }
        Ok(order)
    }

    /// Walks down to the inputs with a path of its own, so that no long chain exhausts the stack.
    fn visit(
        &self,
        root: &'a SecretName,
        done: &mut BTreeSet<&'a SecretName>,
        order: &mut Vec<SecretName>,
    ) -> Result<(), OpsError> {
        let mut path: Vec<(&SecretName, usize)> = vec![(root, 0)];
        while let Some((name, at)) = path.last_mut() {
            let name = *name;
            let next = self.inputs.get(name).and_then(|inputs| inputs.get(*at));
            *at += 1;
            match next {
                _ if done.contains(name) => drop(path.pop()),
                Some(input) => {
                    if let Some(start) = path.iter().position(|(seen, _)| *seen == input) {
                        return Err(circle(path.iter().skip(start).map(|(name, _)| *name)));
                    }
                    if self.inputs.contains_key(input) {
                        path.push((input, 0));
                    }
                }
                None => {
                    done.insert(name);
                    order.push(name.clone());
                    path.pop();
                }
            }
        }
        Ok(())
    }
}

fn circle<'a>(names: impl Iterator<Item = &'a SecretName>) -> OpsError {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.extend(names.first().cloned());
    GenerateError::Circle { circle: names.join(" from ") }.into()
}
