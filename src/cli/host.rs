//! `secretctl host`

mod add;
mod key;
mod remove;
mod set;

use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::names;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;
use crate::ops;
use crate::ops::Disk;
use crate::ops::host::Fingerprint;
use crate::ops::host::Run;
use crate::ops::host::SshAddress;
use crate::ops::host::SshSource;

/// Machines that read secrets
#[derive(Debug, clap::Subcommand)]
pub(super) enum HostCommand {
    Add(add::AddArgs),
    Set(set::SetArgs),
    Key(key::KeyArgs),
    Remove(remove::RemoveArgs),
    List(ListArgs),
}

/// Where a host's key is read over ssh.
#[derive(Debug, clap::Args)]
struct SshArgs {
    /// Read its key over ssh from this address, and ask whether the fingerprint is right
    #[arg(long, value_name = "ADDRESS")]
    ssh: Option<SshAddress>,
    /// The port that its sshd listens on; else 22
    #[arg(long, value_name = "PORT", requires = "ssh")]
    port: Option<u16>,
    /// Take the key only if it has this fingerprint, and ask nobody
    #[arg(long, value_name = "SHA256:…", requires = "ssh")]
    fingerprint: Option<Fingerprint>,
}

impl SshArgs {
    fn source(&self) -> Option<SshSource> {
        let address = self.ssh.clone()?;
        Some(SshSource { address, port: self.port, fingerprint: self.fingerprint.clone() })
    }
}

/// Where a private key is handed out.
#[derive(Debug, clap::Args)]
struct OutArgs {
    /// Write the key to DIR/etc/ssh, a folder in memory that an installer copies to the machine
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the private key to a disk if DIR is on one
    #[arg(long, requires = "out")]
    danger_plain_disk: bool,
}

impl OutArgs {
    fn disk(&self) -> Disk {
        if self.danger_plain_disk { Disk::DangerAllowed } else { Disk::Refused }
    }
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
        HostCommand::Add(args) => add::run(&args, env, global, ui),
        HostCommand::Set(args) => set::run(&args, env, global, ui),
        HostCommand::Key(args) => key::run(&args, env, global, ui),
        HostCommand::Remove(args) => remove::run(&args, env, global, ui),
        HostCommand::List(args) => list(&args, env, global, ui),
    }
}

fn mode(dry_run: bool) -> Run {
    if dry_run { Run::Dry } else { Run::Real }
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
            ui.lines(table(&["host", "state", "system", "tags", "services"], rows))?;
        }
    }
    Ok(Exit::Clean)
}
