//! `secretctl host key`

use super::OutArgs;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::ops;
use crate::ops::host::HandedOut;

/// Hand out the ssh host key that `host add --pre-generate` made, for installing the machine again
#[derive(Debug, clap::Args)]
#[command(mut_arg("out", |arg| arg.required(true)))]
pub(in crate::cli) struct KeyArgs {
    /// Name of the host
    name: HostName,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(
    args: &KeyArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("host key {}", args.name))?;
    let out = args.out.out.clone().unwrap_or_default();
    let handed = ops::host::hand_out(&ws, &args.name, (&out, args.out.disk()))?;
    let folder = handed.folder.display();
    ui.say(&format!("wrote {}", handed.file.display()));
    ui.say(&format!("install with `nixos-anywhere --extra-files {folder} …`; then remove {folder}"));
    Ok(Exit::Clean)
}

/// Says why the secret that keeps a key was not brought to its end, if so.
pub(super) fn unfinished(handed: &HandedOut, ui: &mut Ui) -> Exit {
    match &handed.unsealed {
        Some(finding) => {
            ui.finding(finding);
            Exit::Found(finding.class)
        }
        None => Exit::Clean,
    }
}
