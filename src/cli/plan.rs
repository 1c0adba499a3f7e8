//! `plan`: what an activation would do.

use jiff::Timestamp;

use super::activate::PhaseArg;
use super::exit::CommandError;
use super::exit::Exit;
use super::source::SourceArgs;
use super::ui::Format;
use super::ui::Ui;
use crate::ops::plan;
use crate::ops::plan::Places;
use crate::ops::plan::PlanResult;

/// Print what an activation would do, without keys and without changing anything; exit 5 if anything would
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Plan only what is needed before users exist, or everything
    #[arg(long, value_enum, default_value_t)]
    phase: PhaseArg,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs `plan`.
pub fn run(args: &PlanArgs, places: &Places, now: Timestamp, ui: &mut Ui) -> Result<Exit, CommandError> {
    show(&args.source, places, args.phase, args.format, now, ui)
}

/// Prints the plan of a request.
pub(super) fn show(
    source: &SourceArgs,
    places: &Places,
    phase: PhaseArg,
    format: Format,
    now: Timestamp,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let plan = plan::plan(&source.into(), places, phase.into(), now)?;
    for finding in plan.findings() {
        ui.finding(&finding);
    }
    match format {
        Format::Json => ui.json(&plan)?,
        Format::Text => plan.lines().iter().try_for_each(|line| ui.line(line))?,
    }
    Ok(match (plan.worst(), plan.result) {
        (Some(class), _) => Exit::Found(class),
        (None, PlanResult::Changes) => Exit::Changes,
        (None, _) => Exit::Clean,
    })
}
