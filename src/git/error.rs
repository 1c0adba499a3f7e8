//! Why Git did not answer.

use std::path::PathBuf;

use crate::diag::Class;
use crate::diag::Failure;

/// Why a revision, or a file in it, could not be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum GitError {
    /// The command does not exist here.
    #[error("there is no `git` on the path")]
    #[diagnostic(code(git::missing), help("install Git, or add its folder to `PATH`"))]
    Missing,
    /// The folder is under no version control.
    #[error("`{}` is in no Git repository", folder.display())]
    #[diagnostic(
        code(git::no_repository),
        help(
            "run it in the repository of the fleet, or make one: `git init`, `git add --all`, `git commit`"
        )
    )]
    NoRepository {
        /// The folder.
        folder: PathBuf,
    },
    /// There is a `.git` above the folder that is no repository.
    #[error("`{}` is not a repository that Git can use", top.join(".git").display())]
    #[diagnostic(
        code(git::broken),
        help(
            "`git -C {} status` says what is wrong; `git worktree repair` helps a work tree that was moved, and a `.git` that nobody needs can be removed",
            top.display()
        )
    )]
    Broken {
        /// The folder that it lies in.
        top: PathBuf,
    },
    /// A content that only the place has that this repository was cloned from.
    #[error("object {id} is not here: only a part of the repository was cloned")]
    #[diagnostic(
        code(git::absent),
        help("fetch all of it: `git fetch --refetch --no-filter`, or clone without `--filter`")
    )]
    Absent {
        /// Its identifier.
        id: String,
    },
    /// Nothing has this name, or what has it is no commit.
    #[error("there is no revision `{revision}`")]
    #[diagnostic(
        code(git::revision),
        help(
            "name a branch, tag or commit that `git log` shows here; where only part of the history was cloned, as in CI, fetch all of it first"
        )
    )]
    Revision {
        /// What was asked for.
        revision: String,
    },
    /// Two histories without a common commit.
    #[error("`{one}` and `{other}` have no commit in common")]
    #[diagnostic(
        code(git::no_merge_base),
        help(
            "compare them directly with `..`; where only part of the history was cloned, fetch all of it first"
        )
    )]
    NoMergeBase {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// A file that is larger than its kind may be.
    #[error("`{}` in `{revision}` is larger than {max} bytes", path.display())]
    #[diagnostic(code(git::too_large), help("compare with another revision"))]
    TooLarge {
        /// The revision.
        revision: String,
        /// The file.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
    /// `git` failed for a reason of its own.
    #[error("`git` failed: {reason}")]
    #[diagnostic(code(git::failed), help("run `git status` in the fleet to see what is wrong"))]
    Failed {
        /// The first line of what it said.
        reason: String,
    },
}

impl Failure for GitError {
    fn class(&self) -> Class {
        match self {
            Self::NoRepository { .. }
            | Self::Revision { .. }
            | Self::NoMergeBase { .. }
            | Self::TooLarge { .. } => Class::Usage,
            Self::Missing | Self::Broken { .. } | Self::Absent { .. } | Self::Failed { .. } => {
                Class::Environment
            }
        }
    }
}
