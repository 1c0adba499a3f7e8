//! `secretctl host add`

use super::OutArgs;
use super::SshArgs;
use super::mode;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::recipients::RecipientLines;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops;
use crate::ops::Host;
use crate::ops::HostState;

/// Add a host to secretctl.toml, with its key given, read over ssh or made now; without one it is pending
#[derive(Debug, clap::Args)]
#[command(mut_arg("out", |arg| arg.requires("pre_generate")))]
pub(in crate::cli) struct AddArgs {
    /// Name of the host
    name: HostName,
    /// Its own key, an age recipient or the line in its `ssh_host_ed25519_key.pub` (can be repeated)
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    recipients: Vec<RecipientLines>,
    #[command(flatten)]
    ssh: SshArgs,
    /// Make its ssh host key now, for an installer; the private half is kept for admins alone
    #[arg(long, requires = "out", conflicts_with = "ssh")]
    pre_generate: bool,
    #[command(flatten)]
    out: OutArgs,
    /// Its Nix system, such as x86_64-linux
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// A tag that policy can select by (can be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// A systemd service on it, without .service (can be repeated)
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Change nothing; say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(
    args: &AddArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let host = Host {
        recipients: RecipientLines::all(&args.recipients),
        system: args.system.clone(),
        tags: args.tags.iter().cloned().collect(),
        services: args.services.iter().cloned().collect(),
        ..Host::default()
    };
    let exit = match &args.out.out {
        Some(out) if args.pre_generate => {
            let ws = env.open(global, &format!("host add {}", args.name))?;
            let out = (out.as_path(), args.out.disk());
            let made = ops::host::pre_generate(&ws, &args.name, &host, out, mode(args.dry_run))?;
            tell_made(args, &made, ui)
        }
        _ => {
            let settings = env.settings(global, &format!("host add {}", args.name));
            let ssh = args.ssh.source();
            let added = ops::host::add(&settings, &args.name, &host, ssh.as_ref(), mode(args.dry_run))?;
            tell_added(args, &added, ui);
            Exit::Clean
        }
    };
    if host.services.is_empty() {
        ui.say("note: it lists no service, so `{service}` in a policy stands for none; add some with `secretctl host set --service`");
    }
    Ok(exit)
}

fn tell_added(args: &AddArgs, added: &Host, ui: &mut Ui) {
    let name = &args.name;
    let next = match (added.state, &args.ssh.ssh) {
        (HostState::Pending, _) => {
            format!(
                "it is pending until `secretctl host set {name}` gives it a key: `--ssh ADDRESS` or `--recipient`"
            )
        }
        (_, Some(address)) => {
            format!("its key was read from {address}; run `secretctl seal` to make its sealed tree")
        }
        (_, None) => "run `secretctl seal` to make its sealed tree".to_owned(),
    };
    ui.say(&format!("{} host {name}; {next}", if args.dry_run { "would add" } else { "added" }));
}

fn tell_made(args: &AddArgs, made: &ops::host::HandedOut, ui: &mut Ui) -> Exit {
    let (name, file, folder) = (&args.name, made.file.display(), made.folder.display());
    if args.dry_run {
        ui.say(&format!(
            "would add host {name} with a key made for it, kept as {} and written to {file}",
            made.secret
        ));
        return Exit::Clean;
    }
    ui.say(&format!("added host {name} with a key made for it, kept as {} for admins alone", made.secret));
    ui.say(&format!("wrote {file}"));
    ui.say(&format!(
        "next: `secretctl seal`, commit, and install with `nixos-anywhere --extra-files {folder} …`; then remove {folder}"
    ));
    super::key::unfinished(made, ui)
}
