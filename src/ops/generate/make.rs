//! Makes values in memory, each from the inputs that were there or that have just been made.

use std::collections::BTreeMap;

use super::GenerateError;
use super::Recipe;
use super::sandbox;
use super::sandbox::Sandboxing;
use crate::crypto::Digest;
use crate::diag::Finding;
use crate::ledger::Event;
use crate::ledger::Origin;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::put::EmptyValue;
use crate::ops::put::PutReport;
use crate::ops::put::write;
use crate::ops::values;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;
use crate::value::Generator;
use crate::value::Inputs;
use crate::value::Question;

/// Asks a person for what only they know.
pub trait Asker {
    /// Whether somebody is there.
    fn is_there(&self) -> bool;

    /// The answer for a secret; none if the person gave up or typed two different things.
    fn ask(&self, secret: &SecretName, question: &Question) -> Option<SecretBytes>;
}

/// Nobody can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Asker for Nobody {
    fn is_there(&self) -> bool {
        false
    }

    fn ask(&self, _: &SecretName, _: &Question) -> Option<SecretBytes> {
        None
    }
}

/// What values are made with.
pub struct Means<'a> {
    /// Who answers questions.
    pub asker: &'a dyn Asker,
    /// How programs are run.
    pub sandboxing: Sandboxing,
}

/// One value to be made.
pub(in crate::ops) struct Task {
    /// The secret that gets it.
    pub(in crate::ops) secret: SecretName,
    /// How it is made.
    pub(in crate::ops) recipe: Recipe,
    /// The secret that holds it already, if it was announced.
    pub(in crate::ops) from: Option<SecretName>,
}

/// A value that is made and not yet kept.
pub(in crate::ops) struct Ready {
    pub(in crate::ops) secret: SecretName,
    pub(in crate::ops) value: SecretBytes,
    generator: String,
    /// The inputs, with the lines that made the values used; none for those that were made in the same run.
    inputs: BTreeMap<SecretName, Option<Digest>>,
}

/// What came of several tasks.
pub(in crate::ops) struct Made {
    /// The values, each after its inputs.
    pub(in crate::ops) ready: Vec<Ready>,
    /// Why there is no other value, for each of the rest.
    pub(in crate::ops) failed: Vec<Finding>,
}

/// Makes the values, in order; nothing is changed yet. One that cannot be made does not stop the others, but those that belong
/// together with it: what is made from it, and what it would have to follow.
pub(in crate::ops) fn make(ws: &Workspace, tasks: &[Task], means: &Means<'_>) -> Result<Made, OpsError> {
    let mut made: BTreeMap<SecretName, Ready> = BTreeMap::new();
    let mut failed: BTreeMap<SecretName, Finding> = BTreeMap::new();
    for task in tasks {
        if let Some(input) = task.recipe.inputs.iter().find(|input| failed.contains_key(*input)) {
            failed.insert(task.secret.clone(), held(&task.secret, input));
            continue;
        }
        match make_one(ws, task, &made, means) {
            Ok(ready) => drop(made.insert(task.secret.clone(), ready)),
            Err(error) => drop(failed.insert(task.secret.clone(), of_one(error)?)),
        }
    }
    while let Some((secret, finding)) = next_loss(ws, tasks, &made, &failed)? {
        made.remove(&secret);
        failed.insert(secret, finding);
    }
    let ready = tasks.iter().filter_map(|task| made.remove(&task.secret)).collect();
    let failed = tasks.iter().filter_map(|task| failed.remove(&task.secret)).collect();
    Ok(Made { ready, failed })
}

/// A value that was made and must not be kept: it is not as the policy asks, or belongs together with one that failed.
fn next_loss(
    ws: &Workspace,
    tasks: &[Task],
    made: &BTreeMap<SecretName, Ready>,
    failed: &BTreeMap<SecretName, Finding>,
) -> Result<Option<(SecretName, Finding)>, OpsError> {
    for Task { secret, recipe, .. } in tasks {
        let input = |among: &dyn Fn(&SecretName) -> bool| recipe.inputs.iter().find(|name| among(name));
        if failed.contains_key(secret) {
            // What is in use would no longer fit to what it was made from.
            let followed = input(&|name| made.contains_key(name)).filter(|_| ws.layout.has_source(secret));
            if let Some(name) = followed {
                return Ok(Some((name.clone(), held(name, secret))));
            }
        } else if let Some(name) = input(&|name| failed.contains_key(name)) {
            return Ok(Some((secret.clone(), held(secret, name))));
        } else if let Some(ready) = made.get(secret) {
            let known = |name: &SecretName| made.get(name).map(|ready| &ready.value);
            if let Err(error) = values::refuse_unfit_beside(ws, secret, &ready.value, &known) {
                return Ok(Some((secret.clone(), of_one(error)?)));
            }
        }
    }
    Ok(None)
}

fn held(secret: &SecretName, other: &SecretName) -> Finding {
    Finding::from_failure(&GenerateError::Held { secret: secret.clone(), other: other.clone() })
}

/// An error that is about one value alone, and not about the keys or the repository.
fn of_one(error: OpsError) -> Result<Finding, OpsError> {
    match error {
        OpsError::Generate(_) | OpsError::Empty { .. } | OpsError::Unfit { .. } => {
            Ok(Finding::from_failure(&error))
        }
        error => Err(error),
    }
}

fn make_one(
    ws: &Workspace,
    Task { secret, recipe, from }: &Task,
    made: &BTreeMap<SecretName, Ready>,
    means: &Means<'_>,
) -> Result<Ready, OpsError> {
    let mut opened: BTreeMap<&SecretName, SecretBytes> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for input in &recipe.inputs {
        let line = if made.contains_key(input) {
            None
        } else {
            let (value, line) = open(ws, secret, input)?;
            opened.insert(input, value);
            line
        };
        lines.insert(input.clone(), line);
    }
    let value_of = |name: &SecretName| made.get(name).map(|ready| &ready.value).or_else(|| opened.get(name));
    let inputs: Inputs<'_> =
        recipe.inputs.iter().filter_map(|name| Some((name.clone(), value_of(name)?))).collect();
    let value = match from {
        Some(next) => open(ws, secret, next)?.0,
        None => produce(ws, secret, recipe, &inputs, means)?,
    };
    if value.is_empty() && !values::may_be_empty(ws, secret) {
        return Err(OpsError::Empty { secret: secret.clone() });
    }
    Ok(Ready { secret: secret.clone(), value, generator: recipe.generator.clone(), inputs: lines })
}

/// The value of an input, and the line that made it.
fn open(
    ws: &Workspace,
    secret: &SecretName,
    input: &SecretName,
) -> Result<(SecretBytes, Option<Digest>), OpsError> {
    if !ws.layout.has_source(input) {
        return Err(GenerateError::NoInput { secret: secret.clone(), input: input.clone() }.into());
    }
    let source = ws.layout.read_source(input, &ws.authors())?;
    Ok((source.open(ws.identities()?)?, source.ledger.value_line()))
}

fn produce(
    ws: &Workspace,
    secret: &SecretName,
    recipe: &Recipe,
    inputs: &Inputs<'_>,
    means: &Means<'_>,
) -> Result<SecretBytes, OpsError> {
    let failed = |reason: String| OpsError::from(GenerateError::Failed { secret: secret.clone(), reason });
    let with_causes = |error: crate::value::GeneratorError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        failed(format!("{error}{cause} ({} at {})", recipe.generator, recipe.place))
    };
    match &recipe.made_by {
        Generator::Random(random) => random.make().map_err(with_causes),
        Generator::Derived(derived) => derived.make(inputs, ws.settings.now).map_err(with_causes),
        Generator::Command(program) => sandbox::run(ws, secret, recipe, program, inputs, &means.sandboxing),
        Generator::Prompt(question) if means.asker.is_there() => {
            let answer = means.asker.ask(secret, question);
            answer.ok_or_else(|| failed("no answer was given, or the two differ".to_owned()))
        }
        _ => Err(GenerateError::Nobody { secret: secret.clone() }.into()),
    }
}

impl Ready {
    /// Keeps the value and seals it for its readers.
    pub(in crate::ops) fn keep(self, ws: &Workspace, event: Event) -> Result<PutReport, OpsError> {
        let mut inputs = BTreeMap::new();
        for (name, line) in self.inputs {
            let line = match line {
                Some(line) => Some(line),
                // Made in the same run, and kept before this one.
                None => ws.layout.read_ledger(&name, &ws.authors())?.value_line(),
            };
            inputs.extend(line.map(|line| (name, line)));
        }
        let origin = Origin { generator: Some(self.generator), inputs, public_sha256: None };
        write(ws, &self.secret, &self.value, EmptyValue::Refuse, (event, origin))
    }
}
