//! `secretctl policy`

mod access;
mod definitions;
mod diff;
mod explain;
mod fold;
mod lint;
mod matrix;
mod test;
mod who_can;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;

/// Ask the rules who may read what
#[derive(Debug, clap::Subcommand)]
pub(super) enum PolicyCommand {
    Test(test::TestArgs),
    Access(access::AccessArgs),
    Diff(diff::DiffArgs),
    Explain(explain::ExplainArgs),
    Lint(lint::LintArgs),
    Matrix(matrix::MatrixArgs),
    Definitions(definitions::DefinitionsArgs),
    WhoCan(who_can::WhoCanArgs),
}

pub(super) fn run(
    command: PolicyCommand,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    match command {
        PolicyCommand::Test(args) => test::run(&args, env, global, ui),
        PolicyCommand::Access(args) => access::run(&args, env, global, ui),
        PolicyCommand::Diff(args) => diff::run(&args, env, global, ui),
        PolicyCommand::Explain(args) => explain::run(&args, env, global, ui),
        PolicyCommand::Definitions(args) => definitions::run(&args, ui),
        PolicyCommand::Lint(args) => lint::run(&args, env, global, ui),
        PolicyCommand::Matrix(args) => matrix::run(args, env, global, ui),
        PolicyCommand::WhoCan(args) => who_can::run(&args, env, global, ui),
    }
}
