//! Gives secrets new values: what is picked, what is made from it, each after its inputs.

mod pick;
mod plan;

use serde::Serialize;

pub use pick::Picked;
pub use pick::Why;
pub use pick::due;
pub use pick::named;
pub use pick::stale;
pub use plan::Hand;
pub use plan::HandReason;
pub use plan::Plan;
pub use plan::Step;
pub use plan::plan;

pub use crate::policy::Services;

use crate::ledger::Event;
use crate::ops::error::OpsError;
use crate::ops::generate::Means;
use crate::ops::generate::make;
use crate::ops::put::PutReport;
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
}

/// Makes every value of the plan, and keeps them only if all of them could be made and are as the policy asks.
pub fn rotate(
    ws: &Workspace,
    plan: &Plan,
    means: &Means<'_>,
    told: &mut dyn FnMut(&PutReport),
) -> Result<Vec<PutReport>, OpsError> {
    // Whoever cannot sign learns it before programs run and questions are asked.
    ws.author()?;
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.secret.clone(), step.recipe.clone())).collect();
    let mut done = Vec::new();
    for ready in make(ws, &steps, means)? {
        let report = ready.keep(ws, Event::Rotated)?;
        told(&report);
        done.push(report);
    }
    Ok(done)
}
