//! Prepares a clone for diffs and merges: attributes for everybody, the drivers for this clone.

use std::path::Path;

use serde::Serialize;

use crate::fsx::FsError;
use crate::fsx::read_below;
use crate::fsx::write_atomic;
use crate::ops::error::OpsError;
use crate::ops::git_diff::refuse_cache;
use crate::ops::init::ATTRIBUTES;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::declared;

/// Largest file of attributes that is read.
const ATTRIBUTES_MAX: u64 = 1 << 20;
/// The attributes that everybody gets.
const SHARED: &str = ".gitattributes";
/// Those of this clone alone, which count more.
const ATTRIBUTES_FILE: &str = "attributes";

/// What was changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SetupReport {
    /// Version of this schema.
    pub version: u32,
    /// Files that got lines, and values of the configuration that were set.
    pub changed: Vec<String>,
}

/// What Git is to do with the files of a fleet, in this clone alone.
const OWN: [(&str, &str); 4] = [
    ("secrets/**", "diff=secretctl merge=secretctl"),
    ("sealed/**", "diff=secretctl merge=secretctl"),
    ("**/*.age", "diff=secretctl"),
    ("**/*.sops.*", "diff=secretctl merge=secretctl"),
];

/// Writes what is missing. `program` is how Git is to call this one.
///
/// The drivers are named in the attributes of this clone and not in `.gitattributes`: a clone without them would join
/// signed files line by line, where `-merge` leaves them alone, and print ciphertext, where `binary` says that it differs.
pub fn setup(ws: &Workspace, program: &str) -> Result<SetupReport, OpsError> {
    let repository = ws.repository()?;
    refuse_cache(&ws.settings)?;
    let mut report = SetupReport { version: 1, changed: Vec::new() };
    // Documents that lie elsewhere are named one by one.
    let elsewhere: Vec<String> =
        declared(&ws.fleet).paths().map(|path| literal(&path.to_string_lossy())).collect();
    let public = elsewhere.iter().map(|path| format!("{} -text -merge", pattern(Path::new(""), path)));
    if add_lines(ws.layout.root(), SHARED, ATTRIBUTES.lines().map(str::to_owned).chain(public))? {
        report.changed.push(SHARED.to_owned());
    }
    let own = repository.info_folder()?;
    let prefix = repository.prefix();
    let lines = OWN.map(|(glob, attributes)| format!("{} {attributes}", pattern(prefix, glob)));
    let documents =
        elsewhere.iter().map(|path| format!("{} diff=secretctl merge=secretctl", pattern(prefix, path)));
    std::fs::create_dir_all(&own).map_err(FsError::on("create", &own))?;
    if add_lines(&own, ATTRIBUTES_FILE, lines.into_iter().chain(documents))? {
        report.changed.push(own.join(ATTRIBUTES_FILE).display().to_string());
    }
    let program = shell_words::quote(program);
    let (merge, diff) = (format!("{program} git-merge --driver %O %A %B %P"), format!("{program} git-diff"));
    for (key, value) in [
        ("merge.secretctl.name", "ledgers, manifests and documents of secretctl"),
        ("merge.secretctl.driver", merge.as_str()),
        ("merge.secretctl.recursive", "binary"),
        ("diff.secretctl.textconv", diff.as_str()),
    ] {
        if repository.local_config(key)?.as_deref() != Some(value) {
            repository.set_local_config(key, value)?;
            report.changed.push(key.to_owned());
        }
    }
    Ok(report)
}

/// A glob below the fleet, as attributes spell it: in the path to the fleet no sign means more than itself.
fn pattern(prefix: &Path, glob: &str) -> String {
    let text = format!("/{}{glob}", literal(&prefix.join("").to_string_lossy()));
    if text.chars().all(|c| c.is_alphanumeric() || "/-_.*".contains(c)) {
        return text;
    }
    let quoted = |c: char| if "\"\\".contains(c) { vec!['\\', c] } else { vec![c] };
    format!("\"{}\"", text.chars().flat_map(quoted).collect::<String>())
}

/// A path in which no sign means more than itself.
fn literal(path: &str) -> String {
    let escaped = |c: char| if "*?[\\".contains(c) { vec!['\\', c] } else { vec![c] };
    path.chars().flat_map(escaped).collect()
}

/// Appends the lines that a file lacks; whether there were any.
fn add_lines(folder: &Path, name: &str, lines: impl Iterator<Item = String>) -> Result<bool, OpsError> {
    let bytes = match read_below(folder, Path::new(name), ATTRIBUTES_MAX) {
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
    write_atomic(&folder.join(name), text.as_bytes(), 0o644)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_in_the_path_to_a_fleet_means_more_than_itself() {
        for (prefix, wanted) in [
            ("", "/secrets/**"),
            ("infra/fleet/", "/infra/fleet/secrets/**"),
            ("my fleet/", "\"/my fleet/secrets/**\""),
            ("[a]*/", "\"/\\\\[a]\\\\*/secrets/**\""),
        ] {
            assert_eq!(pattern(Path::new(prefix), "secrets/**"), wanted);
        }
    }
}
