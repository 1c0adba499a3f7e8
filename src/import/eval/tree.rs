//! The files of a flake, as Nix copies them to its store before it evaluates any of them.

use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use super::nix::Runner;
use super::quoted;

/// What belongs to a flake.
pub(super) struct Tree {
    /// What fetches it, as Nix writes it.
    source: String,
    /// Where the flake lies within.
    inner: PathBuf,
}

/// The copy in the store.
pub(super) struct Copy {
    pub(super) path: PathBuf,
    pub(super) inner: PathBuf,
    /// A reference to the flake that tells its contents, which is what pure evaluation asks for.
    pub(super) flake: String,
}

impl Tree {
    /// What Git knows of the repository around `root`, or everything below it where there is none.
    pub(super) fn of(root: &Path) -> Self {
        match root.ancestors().find(|folder| folder.join(".git").exists()) {
            Some(top) => {
                let url = quoted(&format!("file://{}", encoded(&top.to_string_lossy())));
                let inner = root.strip_prefix(top).unwrap_or(Path::new("")).to_owned();
                Self { source: format!("{{ type = \"git\"; url = {url}; shallow = true; }}"), inner }
            }
            None => {
                let path = quoted(&root.to_string_lossy());
                Self { source: format!("{{ type = \"path\"; path = {path}; }}"), inner: PathBuf::new() }
            }
        }
    }

    /// Has Nix copy it, which evaluates nothing of it.
    pub(super) fn copied(self, runner: &Runner<'_>) -> Result<Copy, String> {
        let fetch =
            format!("let tree = builtins.fetchTree {}; in [ tree.outPath tree.narHash ]", self.source);
        let told = runner.eval(&fetch)?;
        let text = |at: usize| told.get(at).and_then(Value::as_str);
        let (Some(path), Some(hash)) = (text(0), text(1)) else {
            return Err("Nix did not say where its copy of the repository lies".to_owned());
        };
        let inner = self.inner.to_string_lossy();
        let dir = if inner.is_empty() { String::new() } else { format!("&dir={}", encoded(&inner)) };
        let flake = format!("path:{}?narHash={}{dir}", encoded(path), encoded(hash));
        Ok(Copy { path: PathBuf::from(path), flake, inner: self.inner })
    }
}

/// A text as a part of a URL.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
