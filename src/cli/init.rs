//! `secretctl init`

use std::path::Path;
use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::import::How;
use super::import::show;
use super::recipients::RecipientLines;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::AdminName;
use crate::ops;
use crate::ops::Admin;
use crate::ops::VerifyingKey;
use crate::ops::import::First;
use crate::ops::import::Tool;

/// Make a new fleet with its first admin, whose public key `--signing-key` names
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The folder that becomes a fleet; else `--fleet`, or this one
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Name of the first admin
    #[arg(long, value_name = "NAME")]
    admin: AdminName,
    /// What their secrets are encrypted to: age1… or an ssh public key (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT", required = true)]
    recipients: Vec<RecipientLines>,
    /// Take over the secrets of another tool in the same step: sops-nix, agenix, ragenix, agenix-rekey, secrix, vaultix, folder
    #[arg(long, value_name = "TOOL")]
    from: Option<Tool>,
    /// The repository of the other tool [else the folder that becomes a fleet]
    #[arg(long, value_name = "DIR", requires = "from")]
    source: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum SigningKeyError {
    /// None was named.
    #[error("no signing key was named")]
    #[diagnostic(
        code(init::no_signing_key),
        help("add `--signing-key ~/.ssh/id_ed25519.pub`; `ssh-keygen -t ed25519` makes one")
    )]
    Missing,
    /// The text or file is no public key.
    #[error("signing key `{given}`: {reason}")]
    #[diagnostic(
        code(init::signing_key),
        help("name an ssh-ed25519 public key, such as ~/.ssh/id_ed25519.pub")
    )]
    Unusable { given: String, reason: String },
}

impl Failure for SigningKeyError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// The public key that `--signing-key` stands for where an admin is added: its text, or a file with it.
pub(super) fn signing_key(given: Option<&Path>) -> Result<VerifyingKey, CommandError> {
    let given = given.ok_or(SigningKeyError::Missing)?;
    let shown = given.display().to_string();
    let unusable = |reason: String| SigningKeyError::Unusable { given: shown.clone(), reason };
    if shown.starts_with("ssh-") {
        return Ok(shown.parse().map_err(|error| unusable(format!("{error}")))?);
    }
    match ops::init::read_public_key(given) {
        Ok(key) => Ok(key),
        Err(reason) => Err(unusable(reason).into()),
    }
}

/// What signs for the key that was named: the private half beside it, or the file itself for an ssh-agent; a key that was
/// written out leaves the choice to the usual places.
fn private_half(named: Option<PathBuf>) -> Option<PathBuf> {
    let named = named.filter(|named| !named.to_string_lossy().starts_with("ssh-"))?;
    let private = named.with_extension("");
    let public = named.extension().is_some_and(|ending| ending == "pub");
    Some(if public && private.is_file() { private } else { named })
}

pub(super) fn run(
    args: &InitArgs,
    env: Environment,
    mut global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let named = args.folder.as_ref().or(global.fleet.as_ref()).or(env.fleet.as_ref());
    let folder = named.map_or_else(|| env.current_dir.clone(), |folder| env.current_dir.join(folder));
    let key = signing_key(global.signing_key.as_deref().or(env.signing_key.as_deref()))?;
    let admin = Admin {
        recipients: RecipientLines::all(&args.recipients),
        signing_keys: [key].into(),
        removed: None,
        ..Admin::default()
    };
    let request = args.from.map(|tool| args.how.request(tool, args.source.as_deref(), &env));
    let signing_key = private_half(global.signing_key.take().or(env.signing_key.clone()));
    let settings = env.settings(Global { signing_key, ..global }, "init");
    if let Some(request) = request {
        let first = First { folder, name: args.admin.clone(), admin };
        let report = ops::import::init_from(&settings, &request, &first)?;
        show(&report, args.how.format, ui)?;
        return Ok(Exit::Clean);
    }
    let report = ops::init::init(&settings, &folder, &args.admin, &admin)?;
    for path in &report.written {
        ui.say(&format!("wrote {}", path.display()));
    }
    for path in &report.kept {
        ui.say(&format!("kept {}, which was there", path.display()));
    }
    if report.kept.iter().any(|path| path.ends_with(".gitattributes")) {
        ui.say(
            "note: add `secrets/** -text -merge` and `sealed/** -text -merge` to it, so that Git leaves signed bytes alone",
        );
    }
    ui.say("next: `secretctl host add HOST --recipient \"ssh-ed25519 AAAA…\" --service SERVICE`, then `secretctl edit HOST/SERVICE/NAME`");
    ui.say("in Git: `secretctl git-setup`, once in each clone, lets branches merge");
    Ok(Exit::Clean)
}
