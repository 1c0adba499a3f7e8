//! How one secret is made: the one generator that the policy names for it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::GenerateError;
use crate::diag::Place;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::value::Generator;

/// How a value is made.
#[derive(Clone, Debug, Serialize)]
pub struct Recipe {
    /// The generator, in the words of the policy.
    pub generator: String,
    /// Where the policy says so.
    pub place: Place,
    /// The secrets that the value is made from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<SecretName>,
    #[serde(skip)]
    pub(in crate::ops) made_by: Generator,
}

/// The one generator of a secret; none if the policy names none.
pub(in crate::ops) fn recipe(ws: &Workspace, secret: &SecretName) -> Result<Option<Recipe>, OpsError> {
    let declared = ws.policy.attributes(secret).generators;
    let by_text: BTreeMap<String, &(Generator, Place)> =
        declared.iter().map(|one| (one.0.to_string(), one)).collect();
    let mut different = by_text.into_iter();
    let (generator, (made_by, place)) = match (different.next(), different.next()) {
        (None, _) => return Ok(None),
        (Some(one), None) => one,
        (Some((_, (_, first))), Some((_, (_, second)))) => {
            let places = format!("{first} and {second}");
            return Err(GenerateError::Two { secret: secret.clone(), places }.into());
        }
    };
    let inputs = made_by.input_names().map_err(|input| GenerateError::Failed {
        secret: secret.clone(),
        reason: format!("no host of the fleet stands in its name for `{{host}}` in `{input}` ({place})"),
    })?;
    Ok(Some(Recipe { generator, place: place.clone(), inputs, made_by: made_by.clone() }))
}
