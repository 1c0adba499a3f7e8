//! `secretctl generate`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::prompt::TerminalAsker;
use super::set::tell;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::SecretName;
use crate::ops;
use crate::ops::generate::Asker;
use crate::ops::generate::Means;
use crate::ops::generate::Sandboxing;
use crate::ops::generate::without_questions;

/// Make the values that `generate(..)` in the policy says how to make, where they are missing
#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    /// Make this secret; else all that the policy names in full, `{host}` standing for every host in use (can be repeated)
    secrets: Vec<SecretName>,
    /// Tell what would be made and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Run the programs of `command(..)` even without a sandbox: they then see your files and the network
    #[arg(long)]
    allow_unsandboxed: bool,
}

pub(super) fn run(
    args: &GenerateArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let sandboxing = Sandboxing {
        search: env.path.clone().unwrap_or_default(),
        home: env.home.clone(),
        danger_unsandboxed: args.allow_unsandboxed,
    };
    let ws = env.open(global, "generate")?;
    let missing = ops::generate::missing(&ws, &args.secrets)?;
    if missing.is_empty() {
        ui.say("nothing is missing; a value that exists is never replaced");
    }
    if args.dry_run {
        for one in &missing {
            ui.line(&format!("{}  {}  {}", one.secret, one.recipe.generator, one.recipe.place))?;
        }
        return Ok(Exit::Clean);
    }
    let (missing, left) =
        if TerminalAsker.is_there() { (missing, Vec::new()) } else { without_questions(missing) };
    let mut worst = if left.is_empty() { Exit::Clean } else { Exit::Found(Class::Finding) };
    let means = Means { asker: &TerminalAsker, sandboxing };
    let failed = ops::generate::generate(&ws, &missing, &means, &mut |report| {
        let exit = tell(report, ui);
        if exit != Exit::Clean {
            worst = exit;
        }
    })?;
    for one in &left {
        let message =
            format!("`{}` waits for what a person is asked, and nobody is at a terminal", one.secret);
        let finding = Finding::new(Severity::Error, Class::Finding, "generate::waits", message);
        ui.finding(&finding.at(one.recipe.place.clone()).help("run `secretctl generate` at a terminal"));
    }
    failed.iter().for_each(|finding| ui.finding(finding));
    Ok(crate::diag::worst(&failed).map_or(worst, Exit::Found))
}
