//! Gives secrets new values: what is picked, what is made from it, each after its inputs.

mod announce;
mod pick;
mod plan;

use serde::Serialize;

pub use announce::Pace;
pub use announce::Phase;
pub use pick::Picked;
pub use pick::Why;
pub use pick::due;
pub use pick::exposed;
pub use pick::named;
pub use pick::stale;
pub use plan::Hand;
pub use plan::HandReason;
pub use plan::Plan;
pub use plan::Step;
pub use plan::Waiting;
pub use plan::plan;

pub(super) use plan::by_hand;

pub use crate::policy::Services;

use crate::diag::Finding;
use crate::ledger::Event;
use crate::ops::error::OpsError;
use crate::ops::generate::Means;
use crate::ops::generate::Task;
use crate::ops::generate::make;
use crate::ops::previous;
use crate::ops::put::PutReport;
use crate::ops::relocate;
use crate::ops::settle;
use crate::ops::workspace::Workspace;

/// What `rotate` planned, and what it did.
#[derive(Clone, Debug, Serialize)]
pub struct RotateReport {
    /// Version of this schema.
    pub version: u32,
    /// What was to be done.
    #[serde(flatten)]
    pub plan: Plan,
    /// What was done, in order; empty if only a plan was asked for.
    pub done: Vec<PutReport>,
    /// Why the other values of the plan were not made.
    pub failed: Vec<Finding>,
}

/// Makes the values of the plan, and keeps those that are as the policy asks and leave nothing behind that is made from them;
/// gives why there are no others.
pub fn rotate(
    ws: &Workspace,
    plan: &Plan,
    means: &Means<'_>,
    told: &mut dyn FnMut(PutReport),
) -> Result<Vec<Finding>, OpsError> {
    // Whoever cannot sign learns it before programs run and questions are asked.
    ws.author()?;
    for step in plan.steps.iter().filter(|step| previous::is_asked(ws, &step.secret)) {
        // Whoever cannot open the old value could not keep it either.
        if ws.layout.has_source(&step.secret) {
            ws.layout.read_source(&step.secret, &ws.authors())?.open(ws.identities()?)?;
        }
    }
    let tasks: Vec<Task> = plan.steps.iter().map(task).collect();
    let made = make(ws, &tasks, means)?;
    for ready in made.ready {
        let of_step = |(task, _): &(&Task, &Step)| task.secret == ready.secret;
        let step = tasks.iter().zip(&plan.steps).find(of_step).map(|(_, step)| step);
        told(ready.keep(ws, Event::Rotated)?);
        if let Some(next) = step.and_then(|step| announce::spent(ws, &step.secret, &step.phase)) {
            relocate::remove(ws, &next)?;
        }
    }
    Ok(made.failed)
}

/// Seals what a rotation before this one has made and not sealed: it is not due any more, so no plan has it. Gives what
/// stopped that, if something did.
pub fn settle(ws: &Workspace) -> Result<Option<Finding>, OpsError> {
    let ledgers = ws.layout.read_ledgers(&ws.layout.sources()?, &ws.authors());
    let rotated = ledgers.into_iter().filter(|(_, ledger)| {
        let value = ledger.as_ref().ok().and_then(|ledger| ledger.value());
        value.is_some_and(|line| line.event == Event::Rotated)
    });
    Ok(settle::settle(ws, &rotated.map(|(secret, _)| secret).collect())?.unsealed)
}

fn task(step: &Step) -> Task {
    let (secret, from) = match &step.phase {
        Phase::Replace => (&step.secret, None),
        Phase::Announce { next, .. } => (next, None),
        Phase::Switch { next } => (&step.secret, Some(next.clone())),
    };
    Task { secret: secret.clone(), recipe: step.recipe.clone(), from }
}
