//! Contents of files, from one `git cat-file --batch`.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use super::Commit;
use super::Entry;
use super::GitError;
use super::not_started;
use super::unexpected;

/// Longest line that announces a content: identifier, type and size.
const HEADER_MAX: u64 = 200;

/// The process that hands out contents; it ends with the value.
#[derive(Debug)]
pub struct Blobs {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    pub(super) fn start(command: &mut Command) -> Result<Self, GitError> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().map_err(|error| not_started(&error))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(questions), Some(answers)) => {
                Ok(Self { child, questions, answers: BufReader::new(answers) })
            }
            _ => Err(unexpected("cat-file")),
        }
    }

    /// The content of one file of a commit, which may have at most `max` bytes.
    pub fn read(&mut self, commit: &Commit, entry: &Entry, max: u64) -> Result<Vec<u8>, GitError> {
        match self.content_of(&entry.id, max)? {
            Some(content) => Ok(content),
            None => {
                let (revision, path) = (commit.name.clone(), entry.path.clone());
                Err(GitError::TooLarge { revision, path, max })
            }
        }
    }

    /// A content by its identifier; none if it has more than `max` bytes.
    pub fn content_of(&mut self, id: &str, max: u64) -> Result<Option<Vec<u8>>, GitError> {
        // One question at a time: more of them could fill both pipes, and both sides would wait forever.
        let size = self.ask(id).map_err(|error| GitError::Failed { reason: error.to_string() })?;
        let size = size.ok_or_else(|| GitError::Absent { id: id.to_owned() })?;
        if size > max {
            // The bytes are on their way and nobody wants them; the next question starts behind them.
            let skipped = io::copy(&mut self.answers.by_ref().take(size + 1), &mut io::sink());
            return skipped.map(|_| None).map_err(|error| GitError::Failed { reason: error.to_string() });
        }
        let content = self.content(size).map_err(|error| GitError::Failed { reason: error.to_string() })?;
        content.map(Some).ok_or_else(|| unexpected("cat-file"))
    }

    /// The size of an object; none if it is missing or is no content.
    fn ask(&mut self, id: &str) -> io::Result<Option<u64>> {
        writeln!(self.questions, "{id}")?;
        self.questions.flush()?;
        let mut header = String::new();
        self.answers.by_ref().take(HEADER_MAX).read_line(&mut header)?;
        let mut words = header.trim_end().split(' ');
        let same = words.next() == Some(id) && words.next() == Some("blob");
        Ok(words.next().filter(|_| same).and_then(|size| size.parse().ok()))
    }

    /// The bytes behind the header, without the newline that ends them; none if there are fewer.
    fn content(&mut self, size: u64) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        self.answers.by_ref().take(size + 1).read_to_end(&mut bytes)?;
        Ok((bytes.pop() == Some(b'\n') && bytes.len() as u64 == size).then_some(bytes))
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
