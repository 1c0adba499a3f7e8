//! `secretctl host`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::names;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops;
use crate::ops::Host;
use crate::ops::Recipient;

/// Machines that read secrets
#[derive(Debug, clap::Subcommand)]
pub(super) enum HostCommand {
    Add(AddArgs),
    List(ListArgs),
}

/// Add a host to secretctl.toml; without a recipient it is pending
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// Name of the host
    name: HostName,
    /// Its own key, an age recipient or the line in its `ssh_host_ed25519_key.pub` (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    recipients: Vec<Recipient>,
    /// Its Nix system, such as x86_64-linux
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// A tag that policy can select by (can be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// A systemd service on it, without .service (can be repeated)
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

/// List hosts with state, system, tags and services
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    command: HostCommand,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    match command {
        HostCommand::Add(args) => add(args, env, global, ui),
        HostCommand::List(args) => list(&args, env, global, ui),
    }
}

fn add(args: AddArgs, env: Environment, global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    let settings = env.settings(global, &format!("host add {}", args.name));
    let pending = args.recipients.is_empty();
    let host = Host {
        recipients: args.recipients.into_iter().collect(),
        system: args.system,
        tags: args.tags.into_iter().collect(),
        services: args.services.into_iter().collect(),
        ..Host::default()
    };
    ops::host::add(&settings, &args.name, &host)?;
    if host.services.is_empty() {
        ui.say("note: it lists no service, so `{service}` in a policy stands for none; add some with `--service`, or in secretctl.toml");
    }
    let next = if pending {
        "it is pending until it has a recipient"
    } else {
        "run `secretctl seal` to make its sealed tree"
    };
    ui.say(&format!("added host {}; {next}", args.name));
    Ok(Exit::Clean)
}

fn list(args: &ListArgs, env: Environment, global: Global, ui: &mut Ui) -> Result<Exit, CommandError> {
    let hosts = ops::host::list(&env.settings(global, "host list"))?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "hosts": hosts }))?,
        Format::Text => {
            let rows = hosts.iter().map(|host| {
                let system = host.system.clone().unwrap_or_else(|| "-".to_owned());
                vec![
                    host.host.to_string(),
                    host.state.to_string(),
                    system,
                    names(&host.tags),
                    names(&host.services),
                ]
            });
            ui.line(&table(&["host", "state", "system", "tags", "services"], rows))?;
        }
    }
    Ok(Exit::Clean)
}
