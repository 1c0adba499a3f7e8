//! The Git repository that a fleet lies in: revisions, and the files in them.
//!
//! The `git` command itself is asked, so that configuration, worktrees, partial clones and variables such as
//! `GIT_DIR` mean here what they mean to its user. Nothing here writes but `configure`, and that only the
//! local configuration.

mod blobs;
mod configure;
mod error;
mod history;

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

pub use blobs::Blobs;
pub use configure::cached_drivers;
pub use error::GitError;
pub use history::Change;
pub use history::Depth;
pub use history::From;

/// A folder of a Git repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    /// Where `git` runs.
    run_in: PathBuf,
    /// The folder, relative to the top of the work tree.
    prefix: PathBuf,
    /// The top of the work tree.
    top: PathBuf,
    git_dir: PathBuf,
}

/// A commit that exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commit {
    /// Its full identifier in hexadecimal.
    pub id: String,
    /// What the person called it.
    pub name: String,
}

/// One file of a revision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Relative to the folder of the [`Repository`].
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    id: String,
}

/// What a revision holds under a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A file, executable or not.
    File,
    /// A symbolic link.
    Link,
    /// A commit of another repository: a submodule.
    Submodule,
}

impl Repository {
    /// The repository that holds `folder`, for a person who stands in `current`.
    pub fn of(folder: &Path, current: &Path) -> Result<Self, GitError> {
        let own = Probe::at(folder);
        let settled = match &own {
            Ok(own) => current == folder || !own.prefix.as_os_str().is_empty(),
            Err(error) => matches!(error, GitError::Missing),
        };
        // With `GIT_DIR` set, as in hooks, the folder in which `git` runs counts as the top of the work tree,
        // and a relative one leads somewhere from there only: then the person's own folder is the right one.
        let seen = if settled { None } else { Probe::at(current).ok() };
        let seen = seen.filter(|seen| own.as_ref().map_or(true, |own| own.git_dir == seen.git_dir));
        let inside = seen.and_then(|seen| {
            Some((folder.canonicalize().ok()?.strip_prefix(&seen.top).ok()?.to_owned(), seen))
        });
        let (run_in, prefix, probe) = match inside {
            Some((prefix, seen)) => (current, prefix, seen),
            None => own.map(|own| (folder, own.prefix.clone(), own))?,
        };
        Ok(Self { run_in: run_in.to_owned(), prefix, top: probe.top, git_dir: probe.git_dir })
    }

    /// Where the folder lies below the top of the work tree.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Runs a command where every path counts from the top of the work tree.
    fn at_top<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>, GitError> {
        let mut command = git(&self.top);
        output_of(self.pin(&mut command).args(args))
    }

    /// Names the repository, so that no variable of the caller means another one.
    fn pin<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("GIT_DIR", &self.git_dir).env("GIT_WORK_TREE", &self.top)
    }

    /// The commit that a person means by `revision`: a branch, tag, `HEAD~3` or an identifier.
    pub fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let unknown = || GitError::Revision { revision: revision.escape_debug().to_string() };
        let commit = format!("{revision}^{{commit}}");
        let args = ["rev-parse", "--quiet", "--verify", "--end-of-options", &commit];
        match run(&self.run_in, args) {
            Ok(printed) => {
                Ok(Commit { id: identifier(&printed).ok_or_else(unknown)?, name: revision.to_owned() })
            }
            // Without a word of its own it has just not found it.
            Err(GitError::Failed { reason, .. }) if reason.is_empty() => Err(unknown()),
            Err(error) => Err(error),
        }
    }

    /// Where the histories of two commits parted.
    pub fn merge_base(&self, one: &Commit, other: &Commit) -> Result<Commit, GitError> {
        let apart = || GitError::NoMergeBase { one: one.name.clone(), other: other.name.clone() };
        let name = format!("merge base of {} and {}", one.name, other.name);
        match run(&self.run_in, ["merge-base", &one.id, &other.id]) {
            Ok(printed) => Ok(Commit { id: identifier(&printed).ok_or_else(apart)?, name }),
            Err(GitError::Failed { reason, .. }) if reason.is_empty() => Err(apart()),
            Err(error) => Err(error),
        }
    }

    /// Everything that a commit holds at or below these paths, which are relative to the folder.
    pub fn entries(&self, commit: &Commit, paths: &[&str]) -> Result<Vec<Entry>, GitError> {
        let mut args: Vec<OsString> =
            ["ls-tree", "-r", "-z", "--full-tree", &commit.id, "--"].map(Into::into).into();
        args.extend(paths.iter().map(|path| self.prefix.join(path).into_os_string()));
        let printed = run(&self.run_in, args)?;
        let entries = printed.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        entries.map(|line| self.entry(line).ok_or_else(|| unexpected("ls-tree"))).collect()
    }

    /// One line of `ls-tree`: `<mode> <type> <identifier><tab><path>`.
    fn entry(&self, line: &[u8]) -> Option<Entry> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let (facts, path) = line.split_at_checked(tab)?;
        let mut facts = std::str::from_utf8(facts).ok()?.split(' ');
        let kind = match facts.next()? {
            "120000" => Kind::Link,
            "160000" => Kind::Submodule,
            _ => Kind::File,
        };
        let id = facts.nth(1)?.to_owned();
        let path = Path::new(OsStr::from_bytes(path.get(1..)?)).strip_prefix(&self.prefix).ok()?;
        Some(Entry { path: path.to_owned(), kind, id })
    }

    /// Files at or below these paths of `folder` that differ from what is committed, as `git` names them: relative
    /// to the folder, and a folder for a whole one that is new.
    pub fn uncommitted(&self, folder: &Path, paths: &[&str]) -> Result<Vec<PathBuf>, GitError> {
        let folder = folder.canonicalize().map_err(|error| GitError::Failed { reason: error.to_string() })?;
        let mut args: Vec<OsString> =
            ["status", "--porcelain=v1", "-z", "--no-renames", "--"].map(Into::into).into();
        args.extend(paths.iter().map(|path| folder.join(path).into_os_string()));
        let printed = run(&self.run_in, args)?;
        // Two letters that say what changed, a space, the path.
        let path_of = |line: &[u8]| line.get(3..).map(path).ok_or_else(|| unexpected("status"));
        let changed = printed.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(path_of);
        let inside = |path: PathBuf| path.strip_prefix(&self.prefix).map(Path::to_owned).unwrap_or(path);
        changed.map(|path| Ok(inside(path?))).collect()
    }

    /// Starts the one process that hands out contents.
    pub fn blobs(&self) -> Result<Blobs, GitError> {
        Blobs::start(git(&self.run_in).args(["cat-file", "--batch"]))
    }
}

/// What `git` says about a folder.
struct Probe {
    prefix: PathBuf,
    top: PathBuf,
    git_dir: PathBuf,
}

impl Probe {
    fn at(folder: &Path) -> Result<Self, GitError> {
        let args = ["rev-parse", "--show-prefix", "--show-toplevel", "--absolute-git-dir"];
        let printed = run(folder, args).map_err(|error| match error {
            GitError::Failed { reason, .. } if reason.contains("not a git repository") => {
                GitError::NoRepository { folder: folder.to_owned() }
            }
            other => other,
        })?;
        let mut lines = printed.split(|byte| *byte == b'\n').map(path);
        match (lines.next(), lines.next(), lines.next(), lines.next(), lines.next()) {
            (Some(prefix), Some(top), Some(git_dir), Some(_), None) => Ok(Self { prefix, top, git_dir }),
            _ => Err(unexpected("rev-parse")),
        }
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_owned()))
}

/// A full identifier and nothing else, so that it is never taken for an option or a range.
fn identifier(printed: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(printed).ok()?.lines().next()?;
    let full = matches!(line.len(), 40 | 64) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    full.then(|| line.to_owned())
}

/// `git`, with messages that can be told apart and no lock taken for the sake of a reader.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("--literal-pathspecs").current_dir(folder);
    command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null());
    command
}

fn run<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>, GitError> {
    output_of(git(folder).args(args))
}

fn output_of(command: &mut Command) -> Result<Vec<u8>, GitError> {
    let output = command.output().map_err(|error| not_started(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let reason = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
    Err(GitError::Failed { reason })
}

fn not_started(error: &io::Error) -> GitError {
    match error.kind() {
        io::ErrorKind::NotFound => GitError::Missing,
        _ => GitError::Failed { reason: error.to_string() },
    }
}

fn unexpected(command: &str) -> GitError {
    GitError::Failed { reason: format!("`git {command}` printed something unexpected") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(prefix: &str) -> Repository {
        Repository {
            run_in: PathBuf::from("."),
            prefix: PathBuf::from(prefix),
            top: PathBuf::from("."),
            git_dir: PathBuf::from(".git"),
        }
    }

    #[test]
    fn a_line_of_a_tree_keeps_every_byte_of_its_path() {
        let id = "a".repeat(40);
        let line = format!("120000 blob {id}\tinfra/policies/a b\t\n.rhai");
        let entry = repository("infra/").entry(line.as_bytes());
        let path = PathBuf::from("policies/a b\t\n.rhai");
        assert_eq!(entry, Some(Entry { path, kind: Kind::Link, id }));
    }

    #[test]
    fn what_is_no_line_of_a_tree_is_not_read_as_one() {
        let other_folder = format!("100644 blob {}\tother/x", "a".repeat(40));
        for line in ["", "100644 blob", "100644\tx", other_folder.as_str()] {
            assert_eq!(repository("infra/").entry(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn only_a_full_identifier_counts() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(identifier(format!("{id}\n").as_bytes()).as_deref(), Some(id));
        for printed in ["", "^0123456789abcdef0123456789abcdef01234567", "--all", "0123"] {
            assert_eq!(identifier(printed.as_bytes()), None, "{printed}");
        }
    }
}
