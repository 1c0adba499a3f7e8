//! Prepares a clone for merges: attributes for everybody, the merge driver for this clone.

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::fsx::FsError;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::git::Repository;
use crate::ops::error::OpsError;
use crate::ops::init::ATTRIBUTES;
use crate::ops::workspace::Workspace;

/// Largest file of attributes that is read.
const ATTRIBUTES_MAX: u64 = 1 << 20;

/// What was changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SetupReport {
    /// Version of this schema.
    pub version: u32,
    /// Files that got lines, and values of the configuration that were set.
    pub changed: Vec<String>,
}

/// Writes what is missing. `program` is how Git is to call this one.
///
/// The driver is named in the attributes of this clone and not in `.gitattributes`: a clone without it would join signed
/// files line by line, where `-merge` leaves them alone.
pub fn setup(ws: &Workspace, program: &str) -> Result<SetupReport, OpsError> {
    let repository = Repository::of(ws.layout.root(), &ws.settings.current_dir)?;
    let mut report = SetupReport { version: 1, changed: Vec::new() };
    let shared = ws.layout.root().join(".gitattributes");
    if add_lines(&shared, ATTRIBUTES.lines().map(str::to_owned))? {
        report.changed.push(".gitattributes".to_owned());
    }
    let own = repository.own_attributes()?;
    let prefix = repository.prefix();
    let lines = ["secrets", "sealed"].map(|folder| format!("{} merge=secretctl", pattern(prefix, folder)));
    if let Some(folder) = own.parent() {
        std::fs::create_dir_all(folder).map_err(FsError::on("create", folder))?;
    }
    if add_lines(&own, lines.into_iter())? {
        report.changed.push(own.display().to_string());
    }
    let driver = format!("{} git-merge --driver %O %A %B %P", shell_words::quote(program));
    for (key, value) in [
        ("merge.secretctl.name", "ledgers and manifests of secretctl"),
        ("merge.secretctl.driver", driver.as_str()),
        ("merge.secretctl.recursive", "binary"),
    ] {
        if repository.local_config(key)?.as_deref() != Some(value) {
            repository.set_local_config(key, value)?;
            report.changed.push(key.to_owned());
        }
    }
    Ok(report)
}

/// Everything below a folder of the fleet, as attributes spell it.
fn pattern(prefix: &Path, folder: &str) -> String {
    let path: PathBuf = prefix.join(folder).join("**");
    let text = path.to_string_lossy().into_owned();
    let plain = |c: char| c.is_alphanumeric() || "/-_.*".contains(c);
    if text.chars().all(plain) {
        return format!("/{text}");
    }
    let escaped: String =
        text.chars().flat_map(|c| if "\"\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    format!("\"/{escaped}\"")
}

/// Appends the lines that a file lacks; whether there were any.
fn add_lines(path: &Path, lines: impl Iterator<Item = String>) -> Result<bool, OpsError> {
    let bytes = match read_bounded(path, ATTRIBUTES_MAX) {
        Err(error) if error.is_missing() => Vec::new(),
        other => other?,
    };
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let missing: Vec<String> =
        lines.filter(|line| !text.lines().any(|present| present.trim() == line)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    missing.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    write_atomic(path, text.as_bytes(), 0o644)?;
    Ok(true)
}
