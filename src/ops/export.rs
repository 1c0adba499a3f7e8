//! Writes for other tools what the fleet knows: the rules of `sops` for its documents.

mod rules;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::sops::Document;
use crate::sops::Format;
use crate::sops::SopsError;

use rules::Rule;

/// The file of `sops`, at the root of the fleet.
pub const SOPS_CONFIG: &str = ".sops.yaml";
/// Largest document or configuration that is read.
const FILE_MAX: u64 = 64 << 20;
/// Endings of documents below `secrets/`.
const ENDINGS: [&str; 6] = [".sops.yaml", ".sops.yml", ".sops.json", ".sops.env", ".sops.ini", ".sops"];

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
    /// A document cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sops(#[from] SopsError),
}

impl Failure for ExportError {
    fn class(&self) -> Class {
        match self {
            Self::Sops(error) => error.class(),
            _ => Class::Finding,
        }
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
    let root = ws.layout.root();
    let found = match read_bounded(&root.join(SOPS_CONFIG), FILE_MAX) {
        Err(error) if error.is_missing() => None,
        other => Some(String::from_utf8_lossy(&other?).into_owned()),
    };
    let mut made = Vec::new();
    for path in documents(root)? {
        let bytes = read_bounded(&root.join(&path), FILE_MAX)?;
        let document = Document::parse(&bytes, Format::of(&path), &path).map_err(ExportError::from)?;
        made.push(rule(ws, path, &document)?);
    }
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

/// Every document below `secrets/`, sorted.
fn documents(root: &Path) -> Result<BTreeSet<PathBuf>, FsError> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::from("secrets")];
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        let entries = match full.read_dir() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(FsError::on("list", &full))?,
        };
        for entry in entries {
            let entry = entry.map_err(FsError::on("list", &full))?;
            let kind = entry.file_type().map_err(FsError::on("read", &full))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

/// Who should open a document: the editors of all its secrets, recovery, and those who read it directly and are not
/// admins: hosts and keys from before.
fn rule(ws: &Workspace, path: PathBuf, document: &Document) -> Result<Rule, OpsError> {
    let mut wanted: Option<BTreeSet<Recipient>> = None;
    for secret in names(&path, document) {
        let editors = ws.source_recipients(&secret)?;
        wanted =
            Some(wanted.map_or(editors.clone(), |wanted| wanted.intersection(&editors).cloned().collect()));
    }
    let everybody = ws.fleet.source_recipients(None);
    let mut recipients = wanted.unwrap_or_else(|| everybody.clone());
    let access = document.access();
    let stanzas = access.groups.iter().flat_map(|group| &group.recipients);
    let direct = stanzas.filter_map(|stanza| stanza.recipient.parse::<Recipient>().ok());
    let admins: BTreeSet<&Recipient> = ws.fleet.admins.values().flat_map(|admin| &admin.recipients).collect();
    recipients.extend(direct.filter(|one| !everybody.contains(one) && !admins.contains(one)));
    let named = |one: Recipient| {
        let owner = ws.fleet.owner_of(&one).unwrap_or_else(|| "nobody in secretctl.toml".to_owned());
        (one, owner)
    };
    let recipients: BTreeMap<Recipient, String> = recipients.into_iter().map(named).collect();
    Ok(Rule { path, recipients, access: access.clone() })
}

/// The secrets of a document, as far as their keys are names.
fn names(path: &Path, document: &Document) -> Vec<SecretName> {
    let text = path.strip_prefix("secrets").unwrap_or(path).to_string_lossy().into_owned();
    let prefix = ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)).unwrap_or(&text).to_owned();
    if document.format() == Format::Binary {
        return prefix.parse().into_iter().collect();
    }
    document.keys().iter().filter_map(|key| format!("{prefix}/{key}").parse().ok()).collect()
}
