//! OpenPGP through the program `gpg`, for files of people who come from it.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::error::Problem;
use crate::crypto::KEY_VARIABLE;
use crate::secret::SecretBytes;

/// Longest answer of `gpg` that is read.
const ANSWER_MAX: usize = 64 << 10;

/// Whether `gpg` is run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Gpg {
    /// Never.
    #[default]
    Never,
    /// The program `gpg` on the path, if there is one.
    OnPath,
    /// This program.
    Program(PathBuf),
}

impl Gpg {
    /// Decrypts an armored message. None where `gpg` is not to be run or not there.
    pub(super) fn decrypt(&self, message: &str, fingerprint: &str) -> Option<Result<SecretBytes, Problem>> {
        self.run(&["--use-agent", "-d"], message.as_bytes(), fingerprint)
    }

    /// Encrypts to a key, armored. Whoever lists the key in a file trusts it, so `gpg` need not.
    pub(super) fn encrypt(&self, share: &SecretBytes, fingerprint: &str) -> Result<String, Problem> {
        let arguments = [
            "--no-default-recipient",
            "--no-encrypt-to",
            "--yes",
            "--encrypt",
            "--armor",
            "--trust-model",
            "always",
            "--recipient",
            fingerprint,
        ];
        let missing = || failed(fingerprint, "the program is missing, or was not to be run");
        let message = self.run(&arguments, share.expose(), fingerprint).ok_or_else(missing)??;
        String::from_utf8(message.expose().to_vec()).map_err(|_| failed(fingerprint, "its answer is no text"))
    }

    fn run(
        &self,
        arguments: &[&str],
        input: &[u8],
        fingerprint: &str,
    ) -> Option<Result<SecretBytes, Problem>> {
        let mut command = match self {
            Self::Never => return None,
            Self::OnPath => Command::new("gpg"),
            Self::Program(path) => Command::new(path),
        };
        let pipes = command.arg("--quiet").args(arguments).env_remove(KEY_VARIABLE).stdin(Stdio::piped());
        match pipes.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
            Ok(child) => Some(converse(child, input).map_err(|reason| failed(fingerprint, &reason))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(failed(fingerprint, &error.to_string()))),
        }
    }
}

/// Hands over the input and takes the answer. Both are far smaller than a pipe, so neither side waits.
fn converse(mut child: std::process::Child, input: &[u8]) -> Result<SecretBytes, String> {
    let said = |error: std::io::Error| error.to_string();
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops early says why on its error output.
        let _ = stdin.write_all(input);
    }
    let answer = match child.stdout.take() {
        Some(stdout) => SecretBytes::read_bounded(stdout, ANSWER_MAX).map_err(said)?,
        None => SecretBytes::default(),
    };
    let ended = child.wait_with_output().map_err(said)?;
    if ended.status.success() {
        return Ok(answer);
    }
    let complaint = String::from_utf8_lossy(&ended.stderr);
    Err(complaint
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .trim()
        .to_owned())
}

fn failed(fingerprint: &str, reason: &str) -> Problem {
    Problem::Gpg { fingerprint: fingerprint.to_owned(), reason: reason.to_owned() }
}
