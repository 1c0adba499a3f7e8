//! `plan`: what an activation would do.

use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;

use super::activate::PhaseArg;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Format;
use super::ui::Ui;
use crate::ops::plan;
use crate::ops::plan::Places;

/// Print what an activation would do, without keys and without changing anything
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// What the configuration of this host asks for
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// Plan only what is needed before users exist, or everything
    #[arg(long, value_enum, default_value_t)]
    phase: PhaseArg,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs `plan`.
pub fn run(args: &PlanArgs, places: &Places, now: Timestamp, ui: &mut Ui) -> Result<Exit, CommandError> {
    show(&args.request, places, args.phase, args.format, now, ui)
}

/// Prints the plan of a request.
pub(super) fn show(
    request: &Path,
    places: &Places,
    phase: PhaseArg,
    format: Format,
    now: Timestamp,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let plan = plan::plan(request, places, phase.into(), now)?;
    for finding in plan.findings() {
        ui.finding(&finding);
    }
    match format {
        Format::Json => ui.json(&plan)?,
        Format::Text => plan.lines().iter().try_for_each(|line| ui.line(line))?,
    }
    Ok(plan.worst().into())
}
