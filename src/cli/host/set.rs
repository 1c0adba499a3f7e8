//! `secretctl host set`

use std::collections::BTreeSet;

use super::SshArgs;
use super::mode;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::exposed;
use crate::cli::recipients::RecipientLines;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops;
use crate::ops::HostChange;
use crate::ops::HostState;
use crate::ops::audit::Knower;
use crate::ops::host::SetReport;

/// Change what secretctl.toml says about a host; what is not named stays
#[derive(Debug, clap::Args)]
#[command(group(
    clap::ArgGroup::new("what").required(true).multiple(true)
        .args(["recipients", "ssh", "state", "system", "tags", "services", "compromised"])
))]
pub(in crate::cli) struct SetArgs {
    /// Name of the host
    name: HostName,
    /// Its own keys from now on, instead of those that it has (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    recipients: Vec<RecipientLines>,
    #[command(flatten)]
    ssh: SshArgs,
    /// Whether it takes part; a pending host that gets a key becomes active without it
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Its Nix system, such as x86_64-linux
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// Its tags from now on (can be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// Its systemd services from now on, without .service (can be repeated)
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Its key may have been in other hands until now: every value that it could read counts as known to others
    #[arg(long)]
    compromised: bool,
    /// Change nothing; say what would be different
    #[arg(long)]
    dry_run: bool,
}

/// A state, as an argument.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StateArg {
    /// Gets sealed copies
    Active,
    /// Known, without a key yet
    Pending,
    /// Switched off for a while
    Dormant,
    /// Out for good, perhaps compromised
    Revoked,
}

impl From<StateArg> for HostState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Active => Self::Active,
            StateArg::Pending => Self::Pending,
            StateArg::Dormant => Self::Dormant,
            StateArg::Revoked => Self::Revoked,
        }
    }
}

pub(super) fn run(
    args: &SetArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let change = HostChange {
        recipients: (!args.recipients.is_empty()).then(|| RecipientLines::all(&args.recipients)),
        system: args.system.clone(),
        tags: given(&args.tags),
        services: given(&args.services),
        state: args.state.map(Into::into),
        compromised: args.compromised.then_some(env.now),
    };
    let settings = env.settings(global, &format!("host set {}", args.name));
    let ssh = args.ssh.source();
    let report = ops::host::set(&settings, &args.name, &change, ssh.as_ref(), mode(args.dry_run))?;
    tell(args, &report, ui)?;
    let left = args.compromised || report.state == HostState::Revoked;
    if left && !args.dry_run && !report.changes.is_empty() {
        exposed::tell(settings, &Knower::Host { name: args.name.clone() }, ui)?;
    }
    Ok(Exit::Clean)
}

/// What was given as a set; nothing given means no change.
fn given<T: Clone + Ord>(words: &[T]) -> Option<BTreeSet<T>> {
    (!words.is_empty()).then(|| words.iter().cloned().collect())
}

fn tell(args: &SetArgs, report: &SetReport, ui: &mut Ui) -> std::io::Result<()> {
    let name = &args.name;
    if report.changes.is_empty() {
        ui.say(&format!("host {name} is so already"));
        return Ok(());
    }
    report.changes.iter().try_for_each(|change| ui.line(change))?;
    if args.dry_run {
        ui.say("nothing was changed");
        return Ok(());
    }
    if !report.replaced.is_empty() && !args.compromised && report.state == HostState::Active {
        ui.say(&format!(
            "note: if the key that went may be in other hands, say so, and `secretctl audit` tells what to replace: `secretctl host set {name} --compromised`"
        ));
    }
    let next = match report.state {
        HostState::Pending => "it is pending until it has a key",
        _ => "run `secretctl seal`",
    };
    ui.say(&format!("changed host {name}; {next}"));
    Ok(())
}
