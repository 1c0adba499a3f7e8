//! The command line of `secretctl`, the program of admins and CI.

use super::activate;
use super::admin;
use super::adopt;
use super::audit;
use super::check;
use super::completions;
use super::context::Environment;
use super::context::Global;
use super::edit;
use super::exit::CommandError;
use super::exit::Exit;
use super::export;
use super::generate;
use super::git_diff;
use super::git_merge;
use super::git_setup;
use super::host;
use super::import;
use super::init;
use super::list;
use super::log;
use super::mount;
use super::mv;
use super::plan;
use super::policy;
use super::rekey;
use super::report;
use super::rm;
use super::rotate;
use super::run as run_command;
use super::run_guard;
use super::seal;
use super::set;
use super::show;
use super::status;
use super::ui::Ui;
use super::upgrade;
use super::verify;

/// Secrets and policy for NixOS fleets, kept in Git
#[derive(Debug, clap::Parser)]
#[command(name = "secretctl", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::InitArgs),
    Import(import::ImportArgs),
    Edit(edit::EditArgs),
    Set(set::SetArgs),
    Adopt(adopt::AdoptArgs),
    Generate(generate::GenerateArgs),
    Show(show::ShowArgs),
    Status(status::StatusArgs),
    List(list::ListArgs),
    Rm(rm::RmArgs),
    Mv(mv::MvArgs),
    Log(log::LogArgs),
    Rotate(rotate::RotateArgs),
    Run(run_command::RunArgs),
    #[command(hide = true)]
    RunGuard(run_guard::RunGuardArgs),
    Seal(seal::SealArgs),
    Rekey(rekey::RekeyArgs),
    Check(check::CheckArgs),
    Audit(audit::AuditArgs),
    Report(report::ReportArgs),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    Host(host::HostCommand),
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    #[command(subcommand)]
    Export(export::ExportCommand),
    #[command(subcommand)]
    Upgrade(upgrade::UpgradeCommand),
    Activate(activate::ActivateArgs),
    Mount(mount::MountArgs),
    Plan(plan::PlanArgs),
    Verify(verify::VerifyArgs),
    GitSetup(git_setup::GitSetupArgs),
    GitDiff(git_diff::GitDiffArgs),
    GitMerge(git_merge::GitMergeArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs one command.
pub fn run(cli: Cli, environment: Environment, ui: &mut Ui) -> Result<Exit, CommandError> {
    let Cli { global, command } = cli;
    match command {
        Command::Init(args) => init::run(&args, environment, global, ui),
        Command::Import(args) => import::run(&args, environment, global, ui),
        Command::Edit(args) => edit::run(&args, environment, global, ui),
        Command::Generate(args) => generate::run(&args, environment, global, ui),
        Command::Set(args) => set::run(&args, environment, global, ui),
        Command::Adopt(args) => adopt::run(&args, environment, global, ui),
        Command::Show(args) => show::run(&args, environment, global, ui),
        Command::List(args) => list::run(&args, environment, global, ui),
        Command::Rm(args) => rm::run(&args, environment, global, ui),
        Command::Mv(args) => mv::run(&args, environment, global, ui),
        Command::Log(args) => log::run(&args, environment, global, ui),
        Command::Rotate(args) => rotate::run(&args, environment, global, ui),
        Command::Run(args) => run_command::run(&args, environment, global, ui),
        Command::RunGuard(args) => run_guard::run(&args),
        Command::Seal(args) => seal::run(args, environment, global, ui),
        Command::Rekey(args) => rekey::run(&args, environment, global, ui),
        Command::Check(args) => check::run(args, environment, global, ui),
        Command::Audit(args) => audit::run(&args, environment, global, ui),
        Command::Report(args) => report::run(&args, environment, global, ui),
        Command::Status(args) => status::run(&args, environment, global, ui),
        Command::Policy(command) => policy::run(command, environment, global, ui),
        Command::Host(command) => host::run(command, environment, global, ui),
        Command::Admin(command) => admin::run(command, environment, global, ui),
        Command::Export(command) => export::run(&command, environment, global, ui),
        Command::Upgrade(command) => upgrade::run(command, environment, global, ui),
        Command::Activate(args) => activate::run(&args, &environment.places, environment.now, ui),
        Command::Mount(args) => mount::run(&args, &environment.places, ui),
        Command::Plan(args) => plan::run(&args, &environment.places, environment.now, ui),
        Command::Verify(args) => verify::run(&args, environment.now, ui),
        Command::GitSetup(args) => git_setup::run(&args, environment, global, ui),
        Command::GitDiff(args) => git_diff::run(&args, environment, global, ui),
        Command::GitMerge(args) => git_merge::run(args, environment, global, ui),
        Command::Completions(args) => completions::run(&args, ui),
    }
}
