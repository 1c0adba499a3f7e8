//! `secretctl policy definitions`

use std::path::Path;
use std::path::PathBuf;

use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::ops;

/// Print what policies can say, for the language server of an editor
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DefinitionsArgs {
    /// Print nothing, and fail if this file is not what would be printed
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

pub(super) fn run(args: &DefinitionsArgs, ui: &mut Ui) -> Result<Exit, CommandError> {
    let text = ops::policy::definitions();
    let Some(file) = &args.check else {
        ui.data(text.as_bytes())?;
        return Ok(Exit::Clean);
    };
    if std::fs::read(file).is_ok_and(|found| found == text.as_bytes()) {
        ui.say(&format!("{} is current", file.display()));
        return Ok(Exit::Clean);
    }
    ui.finding(&outdated(file));
    Ok(Exit::Found(Class::Finding))
}

fn outdated(file: &Path) -> Finding {
    let message = format!("`{}` is missing or not current", file.display());
    let help = format!("write it anew: `secretctl policy definitions > {}`", file.display());
    Finding::new(Severity::Error, Class::Finding, "policy::definitions", message).help(help)
}
