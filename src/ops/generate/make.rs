//! Makes values in memory, each from the inputs that were there or that have just been made.

use std::collections::BTreeMap;

use super::GenerateError;
use super::Recipe;
use super::sandbox;
use super::sandbox::Sandboxing;
use crate::crypto::Digest;
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

/// Makes every value, in order. The first failure ends it, and nothing has been changed then.
pub(in crate::ops) fn make(
    ws: &Workspace,
    tasks: &[Task],
    means: &Means<'_>,
) -> Result<Vec<Ready>, OpsError> {
    let mut made: BTreeMap<SecretName, Ready> = BTreeMap::new();
    for task in tasks {
        let ready = make_one(ws, task, &made, means)?;
        made.insert(task.secret.clone(), ready);
    }
    for ready in made.values() {
        let known = |name: &SecretName| made.get(name).map(|ready| &ready.value);
        values::refuse_unfit_beside(ws, &ready.secret, &ready.value, &known)?;
    }
    Ok(tasks.iter().filter_map(|task| made.remove(&task.secret)).collect())
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
