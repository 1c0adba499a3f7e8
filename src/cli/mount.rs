//! `mount`: make the memory ready that an activation fills.

use std::path::PathBuf;

use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::ops::mount;
use crate::ops::mount::Places;

/// Mount the memory that an activation fills, for one that may not mount itself
#[derive(Debug, clap::Args)]
pub struct MountArgs {
    /// What the configuration of this host asks for
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
}

/// Runs `mount`.
pub fn run(args: &MountArgs, places: &Places, ui: &mut Ui) -> Result<Exit, CommandError> {
    let backing = mount::mount(&args.request, places)?;
    ui.say(&format!("the secrets will lie on {}", backing.in_words()));
    Ok(Exit::Clean)
}
