//! The documents of secretctl, without a fleet around them.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use secretctl::crypto::Identities;
use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::secret::SecretBytes;
use secretctl::sops::Change;
use secretctl::sops::Document;
use secretctl::sops::Foreigners;
use secretctl::sops::Format;
use secretctl::sops::Gpg;
use secretctl::sops::KeyPath;
use secretctl::sops::Keyring;

use crate::Outcome;
use crate::engine::Done;
use crate::engine::Engine;
use crate::engine::SET;
use crate::engine::Work;

pub struct Secretctl {
    /// The file with the identity.
    pub key: PathBuf,
}

impl Engine for Secretctl {
    fn does(&self, work: Work, text: &str) -> Outcome<Done> {
        let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
        let identities = Identities::read(&self.key, &prompt)?;
        let document = Document::parse(text.as_bytes(), Format::Yaml, Path::new("measured.yaml"))?;
        let opened = document.open(&Keyring { identities: &identities, gpg: Gpg::Never })?;
        let opened = match work {
            Work::Decrypt => return Ok(Done::Ours(opened.plaintext()?)),
            Work::Reencrypt => opened.rotated(&Foreigners::Drop, now(), &prompt)?,
            Work::Set => opened.changed(&[change()], now())?,
        };
        Ok(Done::Ours(SecretBytes::from(opened.document().bytes().to_vec())))
    }
}

fn change() -> Change {
    let (key, _, value) = SET;
    Change::Set { key: KeyPath::of_keys(key), value: SecretBytes::from(value.as_bytes().to_vec()) }
}

#[expect(clippy::disallowed_methods, reason = "a document says when it was changed")]
fn now() -> Timestamp {
    Timestamp::now()
}
