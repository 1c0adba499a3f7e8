//! `secretctl git-merge`

use std::path::Path;
use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Format;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;
use crate::ops::git_merge::Contents;
use crate::ops::git_merge::Take;

/// Join what two branches did to secrets: called by Git while it merges, and by you where it stopped
#[derive(Debug, clap::Args)]
pub(super) struct GitMergeArgs {
    /// Secrets that both branches changed, where a merge has stopped
    #[arg(value_name = "SECRET", required_unless_present = "driver")]
    secrets: Vec<SecretName>,
    /// Whose value counts; the lines of both stay in the ledger
    #[arg(long, value_enum, value_name = "SIDE")]
    take: Option<Side>,
    /// Join what this revision has of the secrets, instead of what a merge left
    #[arg(long, value_name = "REVISION")]
    other: Option<String>,
    /// Join one file for Git: the arguments are %O %A %B %P
    #[arg(long, num_args = 4, value_names = ["BASE", "OURS", "THEIRS", "PATH"], conflicts_with_all = ["secrets", "take", "other", "format"])]
    driver: Option<Vec<PathBuf>>,
    /// How to print what was settled
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One of two branches.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Side {
    /// The branch that is checked out; in a rebase, the one that commits are put on
    Ours,
    /// The branch that is merged; in a rebase, your own commits
    Theirs,
}

pub(super) fn run(
    args: GitMergeArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    if let Some([base, ours, theirs, path]) = args.driver.as_deref() {
        return drive(env, global, [base, ours, theirs], path);
    }
    let ws = env.open(global, "git-merge")?;
    let take = args.take.map(|side| match side {
        Side::Ours => Take::Ours,
        Side::Theirs => Take::Theirs,
    });
    let secrets = args.secrets.into_iter().collect();
    let report = ops::git_merge::settle(&ws, &secrets, take, args.other.as_deref())?;
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => {
            for (secret, revision) in &report.secrets {
                let now = revision.map_or("removed".to_owned(), |revision| format!("revision {revision}"));
                ui.line(&format!("{secret}: {now}"))?;
            }
        }
    }
    ui.say("next: `secretctl seal`, then `git add secrets sealed`");
    Ok(Exit::Clean)
}

fn drive(env: Environment, global: Global, files: [&Path; 3], path: &Path) -> Result<Exit, CommandError> {
    let [base, ours, theirs] = files.map(|file| env.current_dir.join(file));
    let (ws, path) = ops::git_merge::open(env.settings(global, "git-merge"), path)?;
    let contents = Contents { base: &base, ours: &ours, theirs: &theirs };
    ops::git_merge::drive(&ws, &path, &contents)?;
    Ok(Exit::Clean)
}
