//! `verify`: do request and sealed tree fit together.

use jiff::Timestamp;

use super::exit::CommandError;
use super::exit::Exit;
use super::source::SourceArgs;
use super::ui::Format;
use super::ui::Ui;
use crate::ops::verify;

/// Check a request against its sealed tree at build time, without keys
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs `verify`.
pub fn run(args: &VerifyArgs, now: Timestamp, ui: &mut Ui) -> Result<Exit, CommandError> {
    let verification = verify::verify(&(&args.source).into(), now)?;
    for finding in &verification.findings {
        ui.finding(finding);
    }
    match args.format {
        Format::Json => ui.json(&verification)?,
        Format::Text => ui.say(&verification.summary()),
    }
    Ok(verification.worst().into())
}
