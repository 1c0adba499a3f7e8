//! Writes for other tools what the fleet knows: the rules of `sops` for its documents.

mod rules;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::write_atomic;
use crate::ops::document;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::store::Loaded;

use rules::Rule;

/// The file of `sops`, at the root of the fleet.
pub const SOPS_CONFIG: &str = ".sops.yaml";
/// Largest document or configuration that is read.
const FILE_MAX: u64 = 64 << 20;
/// Why the rules were not written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ExportError {
    /// Somebody wrote the file by hand.
    #[error("`{}` was not made by `secretctl export sops-config`", path.display())]
    #[diagnostic(
        code(export::by_hand),
        help(
            "nothing was written; compare it with what `secretctl export sops-config` prints, and replace it with `--write --force`"
        )
    )]
    ByHand {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what the fleet asks for.
    #[error("`{}` is not what the fleet asks for", path.display())]
    #[diagnostic(code(export::outdated), help("run `secretctl export sops-config --write`, and commit it"))]
    Outdated {
        /// The file.
        path: PathBuf,
    },
}

impl Failure for ExportError {
    fn class(&self) -> Class {
        Class::Finding
    }
}

/// The rules that the fleet asks for, beside those that are there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SopsConfig {
    /// The whole file, as it should be.
    pub text: String,
    /// The whole file, as it is.
    pub found: Option<String>,
}

impl SopsConfig {
    /// Lines that would go and come, with `-` and `+` in front.
    pub fn difference(&self) -> Vec<String> {
        let found: Vec<&str> = self.found.iter().flat_map(|text| text.lines()).collect();
        let wanted: Vec<&str> = self.text.lines().collect();
        let gone = found.iter().filter(|line| !wanted.contains(line)).map(|line| format!("-{line}"));
        let comes = wanted.iter().filter(|line| !found.contains(line)).map(|line| format!("+{line}"));
        gone.chain(comes).collect()
    }
}

/// Makes the rules for every document of the fleet; needs no key.
pub fn sops_config(ws: &Workspace) -> Result<SopsConfig, OpsError> {
    let found = match ws.layout.read(Path::new(SOPS_CONFIG), FILE_MAX) {
        Err(error) if error.is_missing() => None,
        other => Some(String::from_utf8_lossy(&other?).into_owned()),
    };
    let survey = ws.layout.survey()?.whole()?;
    let mut made = survey.documents.values().map(|loaded| rule(ws, loaded)).collect::<Result<Vec<_>, _>>()?;
    made.sort_by(|one, other| one.path.cmp(&other.path));
    let text = rules::text(&made, found.as_deref());
    Ok(SopsConfig { text, found })
}

/// Puts the rules in place. A file that somebody wrote by hand is only replaced if that is `forced`.
pub fn write(ws: &Workspace, config: &SopsConfig, replace: Replace) -> Result<(), OpsError> {
    let path = ws.layout.root().join(SOPS_CONFIG);
    let by_hand = config.found.as_ref().is_some_and(|text| !text.starts_with(rules::HEAD));
    if by_hand && replace == Replace::OnlyOurs {
        return Err(ExportError::ByHand { path: SOPS_CONFIG.into() }.into());
    }
    Ok(write_atomic(&path, config.text.as_bytes(), 0o644)?)
}

/// Which file may be replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Replace {
    /// One that this program made.
    OnlyOurs,
    /// Any.
    Any,
}

/// Fails where the file is not what the fleet asks for.
pub fn check(config: &SopsConfig) -> Result<(), OpsError> {
    if config.found.as_ref() == Some(&config.text) {
        return Ok(());
    }
    Err(ExportError::Outdated { path: SOPS_CONFIG.into() }.into())
}

/// Who should open a document: the editors of all its secrets, recovery, and those that `secretctl.toml` names beside
/// them.
fn rule(ws: &Workspace, loaded: &Loaded) -> Result<Rule, OpsError> {
    let named = |one: Recipient| {
        let owner = ws.fleet.owner_of(&one).unwrap_or_else(|| "nobody in secretctl.toml".to_owned());
        (one, owner)
    };
    let recipients: BTreeMap<Recipient, String> =
        document::recipients(ws, loaded)?.into_iter().map(named).collect();
    Ok(Rule { path: loaded.place.path.clone(), recipients, access: loaded.document.access().clone() })
}
