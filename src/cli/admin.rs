//! `secretctl admin`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::exposed;
use super::init::signing_key;
use super::recipients::RecipientLines;
use super::table::names;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::AdminName;
use crate::ops;
use crate::ops::Admin;
use crate::ops::EditorScope;
use crate::ops::admin::Vouched;
use crate::ops::audit::Knower;

/// People who edit secrets
#[derive(Debug, clap::Subcommand)]
pub(super) enum AdminCommand {
    Add(AddArgs),
    List(ListArgs),
    Remove(RemoveArgs),
    Vouch(VouchArgs),
}

/// Add an admin to secretctl.toml, with `--signing-key` their public key; `rekey` then lets them read the sources
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// Name of the admin
    name: AdminName,
    /// What secrets are encrypted to: age1… or an ssh public key (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT", required = true)]
    recipients: Vec<RecipientLines>,
    /// Which sources they open: `all`, or `named` for only those that an `editors(..)` rule names them for
    #[arg(long, value_name = "SCOPE", default_value_t)]
    editor: EditorScope,
}

/// List admins with their keys
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Take an admin's access away; old ledger lines of theirs stay valid
#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    /// Name of the admin
    name: AdminName,
}

/// Sign the next version of the roots, so that the people in secretctl.toml count
#[derive(Debug, clap::Args)]
pub(super) struct VouchArgs {
    /// Do not ask before signing
    #[arg(long)]
    yes: bool,
}

/// Why nobody was vouched for.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum VouchError {
    /// The person said no.
    #[error("nothing was signed")]
    #[diagnostic(code(admin::refused))]
    Refused,
    /// Nobody could be asked.
    #[error("not a terminal, so the change cannot be confirmed; nothing was signed")]
    #[diagnostic(
        code(admin::unconfirmed),
        help("look at `git diff -- secretctl.toml`, then run it with `--yes`")
    )]
    Unconfirmed,
}

impl Failure for VouchError {
    fn class(&self) -> Class {
        match self {
            Self::Refused => Class::Finding,
            Self::Unconfirmed => Class::Usage,
        }
    }
}

pub(super) fn run(
    command: AdminCommand,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    match command {
        AdminCommand::Add(args) => add(&args, env, global, ui),
        AdminCommand::List(args) => list(&args, env, global, ui),
        AdminCommand::Remove(args) => remove(&args, env, global, ui),
        AdminCommand::Vouch(args) => vouch(&args, env, global, ui),
    }
}

fn add(args: &AddArgs, env: Environment, mut global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    // Only the command line names somebody else's key; the variable names one's own, which vouches for the other.
    let key = global.signing_key.take().map(|given| signing_key(Some(&given))).transpose()?;
    let settings = env.settings(global, &format!("admin add {}", args.name));
    let admin = Admin {
        recipients: RecipientLines::all(&args.recipients),
        signing_keys: key.into_iter().collect(),
        removed: None,
        editor: args.editor,
        ..Admin::default()
    };
    let vouched = ops::admin::add(&settings, &args.name, &admin)?;
    let next = match args.editor {
        EditorScope::All => "run `secretctl rekey` to encrypt the sources to them".to_owned(),
        EditorScope::Named => format!(
            "name them in `policies/`, such as `editors(\"NAME/**\", [\"{}\"])`, then run `secretctl rekey`",
            args.name
        ),
    };
    ui.say(&format!("added admin {}; {next}", args.name));
    tell_vouched(&vouched, ui);
    Ok(Exit::Clean)
}

/// What the change made, and what remains to be deployed.
fn tell_vouched(vouched: &Vouched, ui: &mut Ui) {
    let Some(number) = vouched.number else { return };
    ui.say(&format!(
        "vouched for in version {number} of `sealed/roots.jsonl`; commit it with `secretctl.toml`"
    ));
    if !vouched.hosts.is_empty() {
        let hosts: Vec<&str> = vouched.hosts.iter().map(AsRef::as_ref).collect();
        let hosts = hosts.join(", ");
        ui.say(&format!(
            "hosts believe the keys in their own `trustedKeys`; bring them in line and deploy: {hosts}"
        ));
    }
}

fn vouch(args: &VouchArgs, env: Environment, global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    let settings = env.settings(global, "admin vouch");
    let differences = ops::admin::unvouched(&settings)?;
    if differences.is_empty() {
        ui.say("the people in `secretctl.toml` are those of the roots; nothing to sign");
        return Ok(Exit::Clean);
    }
    for difference in &differences {
        ui.say(difference);
    }
    if !args.yes {
        match settings.prompt.confirm("vouch for these people?", "yes", None) {
            Some(true) => {}
            Some(false) => return Err(VouchError::Refused.into()),
            None => return Err(VouchError::Unconfirmed.into()),
        }
    }
    tell_vouched(&ops::admin::vouch(&settings)?, ui);
    Ok(Exit::Clean)
}

fn remove(args: &RemoveArgs, env: Environment, global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    let settings = env.settings(global, &format!("admin remove {}", args.name));
    let vouched = ops::admin::remove(&settings, &args.name)?;
    ui.say(&format!("removed admin {}; run `secretctl rekey`, then `secretctl seal`", args.name));
    tell_vouched(&vouched, ui);
    exposed::tell(settings, &Knower::Admin { name: args.name.clone() }, ui)?;
    Ok(Exit::Clean)
}

fn list(args: &ListArgs, env: Environment, global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    let admins = ops::admin::list(&env.settings(global, "admin list"))?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "admins": admins }))?,
        Format::Text => {
            let rows = admins.iter().map(|admin| {
                let state = admin.removed.map_or("active".to_owned(), |time| format!("removed {time}"));
                let keys = [names(&admin.recipients), names(&admin.signing_keys)];
                [admin.admin.to_string(), state, admin.editor.to_string()].into_iter().chain(keys).collect()
            });
            ui.lines(table(&["admin", "state", "editor", "recipients", "signing keys"], rows))?;
        }
    }
    Ok(Exit::Clean)
}
