//! What a person may be asked while a key is unlocked.

use std::fmt;
use std::sync::Arc;

use age::secrecy::SecretString;

use crate::secret::SecretBytes;

/// Asks a person. Implemented at a terminal, and by [`NoPrompt`] where nobody is there.
pub trait Prompt: Send + Sync {
    /// A passphrase that is not echoed; `None` when nobody can be asked or the person gave up.
    fn passphrase(&self, what: &str) -> Option<SecretBytes>;

    /// A line that is echoed, such as the serial number of a token.
    fn line(&self, what: &str) -> Option<String>;

    /// Shows a message such as "touch your token".
    fn tell(&self, message: &str);

    /// Whether to go on; `None` when nobody can be asked.
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool>;
}

/// Nobody is there: every question stays without an answer.
#[derive(Clone, Copy, Debug)]
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn passphrase(&self, _: &str) -> Option<SecretBytes> {
        None
    }

    fn line(&self, _: &str) -> Option<String> {
        None
    }

    fn tell(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
}

/// A [`Prompt`] in the form that the age library asks for.
#[derive(Clone)]
pub(super) struct AgeCallbacks(pub(super) Arc<dyn Prompt>);

/// The passphrase in the form that the age library takes.
pub(super) fn as_secret(passphrase: &SecretBytes) -> Option<SecretString> {
    Some(SecretString::from(std::str::from_utf8(passphrase.expose()).ok()?.to_owned()))
}

/// How often a passphrase is asked for before its key counts as locked.
const TRIES: u8 = 3;

/// Asks for the passphrase of `what` until `open` takes it, at most three times.
pub(super) fn unlock<T>(
    prompt: &Arc<dyn Prompt>,
    what: &str,
    open: impl Fn(&SecretBytes) -> Option<T>,
) -> Option<T> {
    for attempt in 1..=TRIES {
        let question = match attempt {
            1 => format!("Passphrase for {what}"),
            again => format!("That was not it. Passphrase for {what} ({again} of {TRIES})"),
        };
        let passphrase = prompt.passphrase(&question)?;
        if let Some(opened) = open(&passphrase) {
            return Some(opened);
        }
    }
    None
}

impl fmt::Debug for AgeCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgeCallbacks")
    }
}

impl age::Callbacks for AgeCallbacks {
    fn display_message(&self, message: &str) {
        self.0.tell(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.0.confirm(message, yes, no)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.line(description)
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        as_secret(&self.0.passphrase(description)?)
    }
}
