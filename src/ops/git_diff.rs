//! Shows Git what a file means: the plaintext of a source, ledgers and manifests in lines that people read.
//!
//! Git asks for each version of each file that it shows. So nobody is ever asked for a passphrase or a touch here, and
//! what does not open without is described instead.

mod document;
mod error;
mod shown;
mod words;

use std::path::Path;
use std::sync::Arc;

pub use error::GitDiffError;

use shown::Shown;

use crate::crypto::DecryptError;
use crate::crypto::Digest;
use crate::crypto::NoPrompt;
use crate::crypto::decrypt;
use crate::crypto::is_age;
use crate::crypto::recipient_kinds;
use crate::fleet::Fleet;
use crate::fsx::read_bounded;
use crate::git::GitError;
use crate::git::global_cached_drivers;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::Manifest;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::declared;
use crate::ops::workspace::find_root;
use crate::ops::workspace::read_fleet;
use crate::secret::SecretBytes;
use crate::store::Layout;
use crate::store::SOURCE_MAX;

/// Name of our driver in Git's configuration.
pub const DRIVER: &str = "secretctl";

/// What to do where a key cannot be used for each file.
const ATTENDED: &str = "a key that asks for a passphrase or a touch is not used here, since Git would have you asked for each file; \
                        name one that is open: SECRETCTL_IDENTITY=FILE git …";

/// The text that Git compares and shows in place of `file`.
pub fn text(settings: Settings, file: &Path) -> Result<SecretBytes, OpsError> {
    refuse_cache(&settings)?;
    let settings = Settings { prompt: Arc::new(NoPrompt), ..settings };
    let bytes = read_bounded(&settings.current_dir.join(file), SOURCE_MAX)?;
    let here = Here::of(&settings);
    let mut shown = Shown::default();
    if is_age(&bytes) {
        source(&settings, &here, file, &bytes, &mut shown);
    } else if !here.known(file, &bytes, &mut shown)
        && !document::shown(&settings, &here.fleet, file, &bytes, &mut shown)
    {
        shown.text(&bytes);
    }
    Ok(shown.finish())
}

/// Git would keep what we print as a note in the repository, and so in every clone that fetches notes.
pub(super) fn refuse_cache(settings: &Settings) -> Result<(), OpsError> {
    let cached = match settings.repository(&settings.current_dir) {
        Ok(repository) => repository.cached_drivers(),
        Err(GitError::NoRepository { .. }) => global_cached_drivers(),
        Err(error) => Err(error),
    }?;
    let ours = |(name, command): &(String, String)| name == DRIVER || command.contains("git-diff");
    match cached.into_iter().find(ours) {
        Some((driver, _)) => Err(GitDiffError::Cached { driver }.into()),
        None => Ok(()),
    }
}

/// The plaintext of a source, or what can be told without it.
fn source(settings: &Settings, here: &Here, file: &Path, ciphertext: &[u8], shown: &mut Shown) {
    let identities = match settings.find_identities() {
        Ok(found) => found.without_plugins(),
        Err(error) => return described(here, file, ciphertext, &unfound(&error), shown),
    };
    let closed = match decrypt(ciphertext, &identities) {
        Ok(plaintext) => return shown.value(&plaintext, ciphertext),
        Err(DecryptError::NoMatch { .. }) if !identities.has_unused() => {
            "none of your keys opens it".to_owned()
        }
        Err(DecryptError::NoMatch { .. } | DecryptError::Locked { .. }) => ATTENDED.to_owned(),
        Err(error) => error.to_string(),
    };
    described(here, file, ciphertext, &closed, shown);
}

fn unfound(error: &WorkspaceError) -> String {
    match error {
        WorkspaceError::NoIdentity { .. } => "there is no key to open it with".to_owned(),
        other => other.to_string(),
    }
}

fn described(here: &Here, file: &Path, ciphertext: &[u8], closed: &str, shown: &mut Shown) {
    let digest = Digest::of(ciphertext);
    if let Some((secret, revision)) = here.revision(file, digest) {
        shown.line(&format!("source of {secret}, revision {revision}"));
    }
    let kinds = recipient_kinds(ciphertext);
    let kinds = if kinds.is_empty() { "nobody that its header tells".to_owned() } else { kinds.join(", ") };
    shown.line(&format!("age file for {kinds}"));
    shown.line(&format!("sha256 {digest}"));
    shown.line(&format!("not opened: {closed}"));
}

/// What lies around, as far as it can be read: a diff must show something in a broken fleet too.
struct Here {
    layout: Option<Layout>,
    fleet: Fleet,
}

impl Here {
    fn of(settings: &Settings) -> Self {
        let root = find_root(settings).ok();
        let fleet = root.as_deref().and_then(|root| read_fleet(root).ok()).unwrap_or_default();
        Self { layout: root.map(|root| Layout::new(root, declared(&fleet))), fleet }
    }

    /// Shows a ledger or a manifest; whether it was one.
    fn known(&self, file: &Path, bytes: &[u8], shown: &mut Shown) -> bool {
        if file.extension().is_some_and(|ending| ending == "ledger")
            && let Ok(ledger) = Ledger::parse(bytes, file)
        {
            words::ledger(&ledger, &self.fleet, shown);
            return true;
        }
        let named = file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(MANIFEST_FILE));
        if named && let Ok(manifest) = Manifest::parse_unverified(bytes) {
            words::manifest(&manifest, &self.fleet, shown);
            return true;
        }
        false
    }

    /// Which value of which secret a source holds, by the ledgers in the work tree. Git hands over a copy with the last
    /// part of the path as its name, or as the end of it.
    fn revision(&self, file: &Path, digest: Digest) -> Option<(SecretName, u64)> {
        let layout = self.layout.as_ref()?;
        let copy = file.file_stem()?.to_str()?;
        for secret in layout.survey().ok()?.ledgers {
            let last = secret.segments().last().unwrap_or_default();
            if !copy.ends_with(last) {
                continue;
            }
            let path = Layout::ledger(&secret);
            let Ok(bytes) = layout.read(&path, LEDGER_MAX) else { continue };
            let Ok(ledger) = Ledger::parse(&bytes, &path) else { continue };
            if let Some(line) = ledger.lines().iter().find(|line| line.source_sha256 == Some(digest)) {
                return Some((secret, line.revision));
            }
        }
        None
    }
}
