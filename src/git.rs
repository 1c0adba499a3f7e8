//! The Git repository that a fleet lies in: revisions, and the files in them.
//!
//! The `git` command itself is asked, so that worktrees and identifiers mean here what they mean to its user. But it reads
//! for people who look at what strangers wrote: every call goes through `git`, which lets it run no other program, call
//! nobody, and look for no repository that we have not found ourselves. Nothing here writes but `configure`, and that
//! only the local configuration.

mod blobs;
mod configure;
mod discover;
mod error;
mod history;
mod unmerged;

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
pub use configure::global_cached_drivers;
pub use discover::git_dir;
pub use error::GitError;
pub use history::Change;
pub use history::Depth;
pub use history::From;

/// A folder of a Git repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    named_by: NamedBy,
    /// The folder, relative to the top of the work tree.
    prefix: PathBuf,
    /// The top of the work tree.
    top: PathBuf,
    git_dir: PathBuf,
}

/// Who said which repository it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NamedBy {
    /// We found it above the folder.
    Place,
    /// The variables of whoever called us, as in hooks; they may name another index too.
    Environment,
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
    /// The identifier of its content.
    pub id: String,
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
    /// The repository in whose work tree `folder` lies.
    ///
    /// With `GIT_DIR` set, as in hooks, `named_in` is the folder from which it counts; that repository is the one if
    /// `folder` lies in its work tree.
    pub fn of(folder: &Path, named_in: Option<&Path>) -> Result<Self, GitError> {
        let none = || GitError::NoRepository { folder: folder.to_owned() };
        let inside = folder.canonicalize().map_err(|_| none())?;
        if let Some(current) = named_in {
            let probe = Probe::ask(&mut git(current), folder).ok();
            if let Some(found) = probe.and_then(|probe| probe.holding(&inside, NamedBy::Environment)) {
                return Ok(found);
            }
        }
        let mut refused = none();
        for top in discover::tops(&inside) {
            match Probe::ask(forget_repository(&mut git(top)), top) {
                Ok(probe) if probe.top == top => {
                    return probe.holding(&inside, NamedBy::Place).ok_or_else(none);
                }
                // A file that leads nowhere stops Git; a folder that is no repository is passed by.
                Err(GitError::NoRepository { .. }) if discover::is_led_elsewhere(top) => {
                    return Err(GitError::Broken { top: top.to_owned() });
                }
                Ok(_) | Err(GitError::NoRepository { .. }) => {
                    refused = GitError::Broken { top: top.to_owned() };
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// Where the folder lies below the top of the work tree.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// `git` where every path counts from the top of the work tree; no variable of the caller means another repository.
    fn git(&self) -> Command {
        let mut command = git(&self.top);
        if self.named_by == NamedBy::Place {
            forget_repository(&mut command);
        }
        command.env("GIT_DIR", &self.git_dir).env("GIT_WORK_TREE", &self.top);
        command
    }

    fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>, GitError> {
        output_of(self.git().args(args))
    }

    /// The commit that a person means by `revision`: a branch, tag, `HEAD~3` or an identifier.
    pub fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let unknown = || GitError::Revision { revision: revision.escape_debug().to_string() };
        let commit = format!("{revision}^{{commit}}");
        let args = ["rev-parse", "--quiet", "--verify", "--end-of-options", &commit];
        match self.run(args) {
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
        match self.run(["merge-base", &one.id, &other.id]) {
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
        let printed = self.run(args)?;
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

    /// Files at or below these paths of the folder that differ from what is committed, as `git` names them: relative
    /// to the folder, and a folder for a whole one that is new.
    pub fn uncommitted(&self, paths: &[&str]) -> Result<Vec<PathBuf>, GitError> {
        let mut command = self.git();
        // A settings file may name programs that Git has every file pass through before it compares.
        command.env(NOTHING, "").args(self.filters()?.iter().map(|key| without(key)));
        command.args(["status", "--porcelain=v1", "-z", "--no-renames"]);
        command.args(["--untracked-files=normal", "--ignore-submodules=all", "--"]);
        command.args(paths.iter().map(|path| self.prefix.join(path)));
        let printed = output_of(&mut command)?;
        // Two letters that say what changed, a space, the path.
        let path_of = |line: &[u8]| line.get(3..).map(path).ok_or_else(|| unexpected("status"));
        let changed = printed.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(path_of);
        let inside = |path: PathBuf| path.strip_prefix(&self.prefix).map(Path::to_owned).unwrap_or(path);
        changed.map(|path| Ok(inside(path?))).collect()
    }

    /// Starts the one process that hands out contents.
    pub fn blobs(&self) -> Result<Blobs, GitError> {
        Blobs::start(self.git().args(["cat-file", "--batch"]))
    }
}

/// The variable that is empty, for settings that are to say nothing.
const NOTHING: &str = "SECRETCTL_NOTHING";

/// The option by which a setting says nothing, whatever signs its name has.
fn without(key: &OsStr) -> OsString {
    let mut option = OsString::from("--config-env=");
    option.push(key);
    option.push(format!("={NOTHING}"));
    option
}

/// What `git` says about a folder.
struct Probe {
    top: PathBuf,
    git_dir: PathBuf,
}

impl Probe {
    fn ask(command: &mut Command, folder: &Path) -> Result<Self, GitError> {
        let args = ["rev-parse", "--show-toplevel", "--absolute-git-dir"];
        let printed = output_of(command.args(args)).map_err(|error| match error {
            GitError::Failed { reason, .. } if reason.contains("not a git repository") => {
                GitError::NoRepository { folder: folder.to_owned() }
            }
            other => other,
        })?;
        let mut lines = printed.split(|byte| *byte == b'\n').map(path);
        match (lines.next(), lines.next(), lines.next(), lines.next()) {
            (Some(top), Some(git_dir), Some(_), None) => Ok(Self { top, git_dir }),
            _ => Err(unexpected("rev-parse")),
        }
    }

    /// The repository, if a folder lies in its work tree.
    fn holding(self, folder: &Path, named_by: NamedBy) -> Option<Repository> {
        let prefix = folder.strip_prefix(&self.top).ok()?.to_owned();
        Some(Repository { named_by, prefix, top: self.top, git_dir: self.git_dir })
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

/// What no settings file decides: which programs run, and who is called.
const SETTINGS: [&str; 9] = [
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "protocol.allow=never",
    "log.showSignature=false",
    "submodule.recurse=false",
];

/// The same for variables. An empty list of protocols is heeded by every version of Git; the others are for new ones.
const VARIABLES: [(&str, &str); 7] = [
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // Messages can be told apart.
    ("LC_ALL", "C"),
];

/// Variables that name a repository, or a part of one.
const OF_REPOSITORY: [&str; 7] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_WORK_TREE",
];

/// The one way to call Git: it runs no program, calls nobody, asks nobody, and takes no lock for the sake of a reader.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.args(["--no-pager", "--literal-pathspecs"]).current_dir(folder).stdin(Stdio::null());
    command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).envs(VARIABLES);
    command.env_remove("GIT_EXTERNAL_DIFF");
    command
}

fn forget_repository(command: &mut Command) -> &mut Command {
    OF_REPOSITORY.iter().fold(command, |command, name| command.env_remove(name))
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
            named_by: NamedBy::Place,
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
