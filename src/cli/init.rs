//! `secretctl init`

use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::name::AdminName;
use crate::ops;
use crate::ops::Admin;
use crate::ops::Recipient;
use crate::ops::VerifyingKey;

/// Make a new fleet with its first admin
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The folder that becomes a fleet
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Name of the first admin
    #[arg(long, value_name = "NAME")]
    admin: AdminName,
    /// What their secrets are encrypted to: age1… or an ssh public key (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT", required = true)]
    recipients: Vec<Recipient>,
    /// The ssh-ed25519 public key, or a file with it, that they sign with (can be repeated)
    #[arg(long = "sign-with", alias = "signing-pub", value_name = "KEY", required = true, value_parser = public_key)]
    signing_keys: Vec<VerifyingKey>,
}

/// A public key as text, or the path of a file that holds it.
pub(super) fn public_key(text: &str) -> Result<VerifyingKey, String> {
    if text.starts_with("ssh-") {
        return text.parse().map_err(|error| format!("{error}"));
    }
    let file = std::fs::read_to_string(text).map_err(|error| format!("cannot read `{text}`: {error}"))?;
    file.parse().map_err(|error| format!("`{text}`: {error}"))
}

pub(super) fn run(
    args: &InitArgs,
    env: &Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let folder = env.current_dir.join(global.fleet.unwrap_or_else(|| args.folder.clone()));
    let admin = Admin {
        recipients: args.recipients.iter().cloned().collect(),
        signing_keys: args.signing_keys.iter().cloned().collect(),
        removed: None,
    };
    let report = ops::init::init(&folder, &args.admin, &admin)?;
    for path in &report.written {
        ui.say(&format!("wrote {}", path.display()));
    }
    for path in &report.kept {
        ui.say(&format!("kept {}, which was there", path.display()));
    }
    ui.say("next: `secretctl host add NAME --recipient \"ssh-ed25519 AAAA…\"`, then `secretctl edit HOST/SERVICE/NAME`");
    Ok(Exit::Clean)
}
