//! Which content each path had in which commit.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use super::Commit;
use super::GitError;
use super::Repository;
use super::identifier;
use super::output_of;
use super::unexpected;

/// One path that a commit changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The commit.
    pub commit: String,
    /// Relative to the folder of the [`Repository`].
    pub path: PathBuf,
    /// The content that it had from then on; none where it was removed.
    pub blob: Option<String>,
}

/// How much of a history is here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// Only the latest commits were cloned.
    Shallow,
}

/// Where a history is read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum From {
    /// What is checked out.
    Head,
    /// Every branch and tag, and what was last fetched.
    Everywhere,
}

impl Repository {
    /// The branch that is checked out; none where no branch is.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        match self.run(["symbolic-ref", "--quiet", "HEAD"]) {
            Ok(printed) => Ok(Some(String::from_utf8_lossy(&printed).trim_end().to_owned())),
            Err(GitError::Failed { reason }) if reason.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest commits on the way to `HEAD` that were fetched or pushed; without a remote, `HEAD`.
    pub fn published(&self) -> Result<Vec<Commit>, GitError> {
        let head = match self.commit("HEAD") {
            Err(GitError::Revision { .. }) => return Ok(Vec::new()),
            other => other?,
        };
        if self.run(["remote"])?.is_empty() {
            return Ok(vec![head]);
        }
        let printed = self.run(["rev-list", "--boundary", &head.id, "--not", "--remotes"])?;
        if printed.is_empty() {
            return Ok(vec![head]);
        }
        // Commits that others lack, then, behind a dash, those that they have and these follow from.
        let shared = printed.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"-"));
        let ids: BTreeSet<String> = shared.filter_map(identifier).collect();
        Ok(ids.into_iter().map(|id| Commit { name: id.clone(), id }).collect())
    }

    /// How much of the history is here.
    pub fn depth(&self) -> Result<Depth, GitError> {
        let printed = self.run(["rev-parse", "--is-shallow-repository"])?;
        Ok(if printed.starts_with(b"true") { Depth::Shallow } else { Depth::Whole })
    }

    /// Whether contents may be missing, which Git would fetch when they are asked for.
    pub fn is_partial(&self) -> Result<bool, GitError> {
        let args = ["config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"];
        match self.run(args) {
            Err(GitError::Failed { reason }) if reason.is_empty() => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Every change at or below these paths, which are relative to the folder: the newest commit first.
    pub fn changes(&self, from: From, paths: &[&Path]) -> Result<Vec<Change>, GitError> {
        let mut command = self.git();
        command.args(["log", "--ignore-missing", "--no-ext-diff", "--no-textconv"]);
        command.args(["--format=%x01%H", "--raw", "-z", "-m", "--no-abbrev", "--no-renames"]);
        command.args(match from {
            From::Head => &["--full-history", "HEAD"][..],
            From::Everywhere => &["--full-history", "--all", "FETCH_HEAD", "ORIG_HEAD", "REBASE_HEAD"],
        });
        command.arg("--").args(paths.iter().map(|path| self.prefix.join(path)));
        self.parse_changes(&output_of(&mut command)?).ok_or_else(|| unexpected("log"))
    }

    /// `\x01COMMIT`, then pairs of `:<mode> <mode> <old> <new> <status>` and path.
    fn parse_changes(&self, printed: &[u8]) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        let mut commit = String::new();
        let mut tokens = printed.split(|byte| *byte == 0);
        while let Some(token) = tokens.next() {
            let token = token.strip_prefix(b"\n").unwrap_or(token);
            if let Some(id) = token.strip_prefix(b"\x01") {
                commit = identifier(id)?;
            } else if let Some(facts) = token.strip_prefix(b":") {
                let new = std::str::from_utf8(facts).ok()?.split(' ').nth(3)?;
                let id = identifier(new.as_bytes())?;
                let blob = id.bytes().any(|byte| byte != b'0').then_some(id);
                let path = Path::new(OsStr::from_bytes(tokens.next()?));
                let Ok(path) = path.strip_prefix(&self.prefix) else { continue };
                changes.push(Change { commit: commit.clone(), path: path.to_owned(), blob });
            } else if !token.is_empty() {
                return None;
            }
        }
        Some(changes)
    }

    /// The contents of an unmerged path: of the common ancestor, ours and theirs, where they exist.
    pub fn stages(&self, path: &Path) -> Result<[Option<String>; 3], GitError> {
        let path = self.prefix.join(path);
        let args = ["ls-files", "--unmerged", "-z", "--full-name", "--"].map(OsStr::new);
        let printed = self.run(args.into_iter().chain([path.as_os_str()]))?;
        let mut stages = [None, None, None];
        for line in printed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            let mut facts = text.split(['\t', ' ']).skip(1);
            let id = facts.next().and_then(|id| identifier(id.as_bytes()));
            let number: Option<usize> = facts.next().and_then(|number| number.parse().ok());
            let slot = number.and_then(|number| stages.get_mut(number.checked_sub(1)?));
            *slot.ok_or_else(|| unexpected("ls-files"))? = id;
        }
        Ok(stages)
    }

    /// The identifiers that contents have, or would have, as they are.
    pub fn identify(&self, files: &[&Path]) -> Result<Vec<String>, GitError> {
        let args = ["hash-object", "--no-filters", "--"].map(OsStr::new);
        let printed = self.run(args.into_iter().chain(files.iter().map(|file| file.as_os_str())))?;
        let lines = printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let ids: Option<Vec<String>> = lines.map(identifier).collect();
        ids.filter(|ids| ids.len() == files.len()).ok_or_else(|| unexpected("hash-object"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::NamedBy;
    use super::*;

    fn repository() -> Repository {
        Repository {
            named_by: NamedBy::Place,
            prefix: "infra/".into(),
            top: ".".into(),
            git_dir: ".git".into(),
        }
    }

    #[test]
    fn every_change_is_told_with_its_commit_and_path() {
        let [first, second, blob, none] = ["1", "2", "b", "0"].map(|digit| digit.repeat(40));
        let printed = format!(
            "\x01{first}\0\n:100644 100644 {none} {blob} M\0infra/a b\nc\0:100644 000000 {blob} {none} D\0infra/x\0\x01{second}\0\x01{first}\0\n:0 1 {none} {blob} A\0other/x\0"
        );
        let changes = repository().parse_changes(printed.as_bytes()).unwrap();
        let change = |path: &str, blob: Option<&String>| Change {
            commit: first.clone(),
            path: path.into(),
            blob: blob.cloned(),
        };
        assert_eq!(changes, [change("a b\nc", Some(&blob)), change("x", None)]);
    }

    #[test]
    fn what_is_no_history_is_not_read_as_one() {
        for printed in ["\x01abc\0", "words", "\x01--all\0", ":1 2 3\0x\0"] {
            assert_eq!(repository().parse_changes(printed.as_bytes()), None, "{printed}");
        }
    }
}
