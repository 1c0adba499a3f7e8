//! Makes values that are missing, with the generators that the policy names.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::diag::Place;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::put::EmptyValue;
use crate::ops::put::PutReport;
use crate::ops::put::set;
use crate::ops::workspace::Workspace;
use crate::value::Generator;

/// A secret without a value, and how it would be made.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// The secret.
    pub secret: SecretName,
    /// How it is made, in the words of the policy.
    pub generator: String,
    /// Where the policy says so.
    pub place: Place,
    #[serde(skip)]
    made: Generator,
}

/// The secrets that `names` mean, or all that the policy names in full, as far as they have no value.
pub fn missing(ws: &Workspace, names: &[SecretName]) -> Result<Vec<Missing>, OpsError> {
    let wanted = if names.is_empty() { ws.policy.generated() } else { names.iter().cloned().collect() };
    let survey = ws.layout.survey()?;
    let absent = wanted.into_iter().filter(|name| !survey.sources.contains(name));
    absent.map(|name| generator(ws, name)).collect()
}

/// The one generator of a secret.
fn generator(ws: &Workspace, secret: SecretName) -> Result<Missing, OpsError> {
    let declared = ws.policy.attributes(&secret).generators;
    let places: BTreeMap<String, &(Generator, Place)> =
        declared.iter().map(|one| (one.0.to_string(), one)).collect();
    let mut different = places.into_iter();
    match (different.next(), different.next()) {
        (Some((generator, (made, place))), None) => {
            Ok(Missing { secret, generator, place: place.clone(), made: *made })
        }
        (None, _) => Err(OpsError::NoGenerator { secret }),
        (Some((_, (_, first))), Some((_, (_, second)))) => {
            Err(OpsError::TwoGenerators { secret, places: format!("{first} and {second}") })
        }
    }
}

/// Makes one value, and seals it for its readers. Refuses one that is not as the policy asks.
pub fn generate(ws: &Workspace, missing: &Missing) -> Result<PutReport, OpsError> {
    let value = missing
        .made
        .make()
        .map_err(|error| OpsError::Generator { secret: missing.secret.clone(), reason: error.to_string() })?;
    set(ws, &missing.secret, &value, EmptyValue::Refuse)
}
