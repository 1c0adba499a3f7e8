//! One state of a fleet: its hosts, rules and the names of its secrets, from a revision or from the working tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::diag::Class;
use crate::diag::Failure;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fleet::FleetError;
use crate::fsx::FsError;
use crate::git::Commit;
use crate::git::Entry;
use crate::git::GitError;
use crate::git::Kind;
use crate::git::Repository;
use crate::name::SecretName;
use crate::ops::workspace::FLEET_FILE_MAX;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::declared;
use crate::ops::workspace::read_fleet;
use crate::policy::Policy;
use crate::policy::PolicyError;
use crate::policy::PolicyFile;
use crate::store::DOCUMENT_MAX;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::POLICY_FILE_MAX;
use crate::store::StoreError;

/// Why two states could not be compared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum DiffError {
    /// Git did not answer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// The working tree does not load.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The sources of the working tree are in disorder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A file of the working tree could not be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
    /// The revision is from before the fleet.
    #[error("revision `{revision}` has no `secretctl.toml`")]
    #[diagnostic(
        code(git::no_fleet),
        help(
            "compare with a revision that has the fleet in the same folder; `git log -- secretctl.toml` lists them"
        )
    )]
    NoFleet {
        /// The revision.
        revision: String,
    },
    /// What should be a file is a link or another repository.
    #[error("`{}` in `{revision}` is {found}, and policies are files", path.display())]
    #[diagnostic(code(git::not_a_file), help("compare with a revision in which it is a file"))]
    NotAFile {
        /// The revision.
        revision: String,
        /// Where.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A text that is none.
    #[error("`{}` in `{revision}` is not UTF-8", path.display())]
    #[diagnostic(code(git::not_text), help("compare with a revision in which it is text"))]
    NotText {
        /// The revision.
        revision: String,
        /// Where.
        path: PathBuf,
    },
    /// The fleet of a revision has mistakes.
    #[error("the fleet in revision `{revision}` does not load")]
    #[diagnostic(code(git::fleet), help("compare with a revision in which it loads"))]
    Fleet {
        /// The revision.
        revision: String,
        /// The mistakes.
        #[related]
        mistakes: Vec<FleetError>,
    },
    /// The policy of a revision has a mistake.
    #[error("the policy in revision `{revision}` does not load")]
    #[diagnostic(code(git::policy), help("compare with a revision in which it loads"))]
    Policy {
        /// The revision.
        revision: String,
        /// The mistake.
        #[related]
        mistakes: Vec<PolicyError>,
    },
}

impl Failure for DiffError {
    fn class(&self) -> Class {
        match self {
            Self::Git(error) => error.class(),
            Self::Workspace(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Fs(error) => error.class(),
            _ => Class::Usage,
        }
    }
}

/// What one side is called.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SideName {
    /// The revision as it was asked for; none for the working tree.
    pub revision: Option<String>,
    /// Its commit; none for the working tree.
    pub commit: Option<String>,
}

/// One state of the fleet.
pub(super) struct Side {
    pub(super) name: SideName,
    pub(super) fleet: Fleet,
    pub(super) policy: Policy,
    pub(super) secrets: BTreeSet<SecretName>,
}

impl Side {
    /// The files as they lie there now.
    pub(super) fn working_tree(root: &Path) -> Result<Self, DiffError> {
        Self::with(root, read_fleet(root)?)
    }

    /// The files as they lie there now, with this fleet in the place of the one that they describe.
    pub(super) fn with(root: &Path, fleet: Fleet) -> Result<Self, DiffError> {
        let layout = Layout::new(root, declared(&fleet));
        let files = layout.policy_texts()?;
        let files: Vec<_> =
            files.into_iter().map(|file| PolicyFile { path: file.path, text: file.text }).collect();
        let policy = Policy::load(&files, &fleet).map_err(WorkspaceError::from)?;
        let secrets = layout.sources()?;
        Ok(Self { name: SideName { revision: None, commit: None }, fleet, policy, secrets })
    }

    /// The files of a commit.
    pub(super) fn at(repository: &Repository, commit: Commit) -> Result<Self, DiffError> {
        let revision = || commit.name.clone();
        let entries = repository.entries(&commit, &[FLEET_FILE, "policies", "secrets"])?;
        let (fleet, files) = texts(repository, &commit, &entries)?;
        let fleet = Fleet::parse(&fleet, Path::new(FLEET_FILE))
            .map_err(|error| DiffError::Fleet { revision: revision(), mistakes: vec![error] })?;
        let policy = Policy::load(&files, &fleet)
            .map_err(|error| DiffError::Policy { revision: revision(), mistakes: vec![error] })?;
        let mut secrets: BTreeSet<SecretName> =
            entries.iter().filter(|entry| entry.kind == Kind::File).filter_map(secret).collect();
        secrets.extend(of_documents(repository, &commit, &fleet, &entries)?);
        let name = SideName { revision: Some(commit.name), commit: Some(commit.id) };
        Ok(Self { name, fleet, policy, secrets })
    }
}

/// The text of `secretctl.toml` and those of all policy files.
fn texts(
    repository: &Repository,
    commit: &Commit,
    entries: &[Entry],
) -> Result<(String, Vec<PolicyFile>), DiffError> {
    let mut blobs = repository.blobs()?;
    let mut text = |entry: &Entry, max: u64| {
        let (revision, path) = (commit.name.clone(), entry.path.clone());
        let found = match entry.kind {
            Kind::File => {
                let bytes = blobs.read(commit, entry, max)?;
                return String::from_utf8(bytes).map_err(|_| DiffError::NotText { revision, path });
            }
            Kind::Link => "a link",
            Kind::Submodule => "another repository",
        };
        Err(DiffError::NotAFile { revision, path, found })
    };
    let no_fleet = || DiffError::NoFleet { revision: commit.name.clone() };
    let fleet = entries.iter().find(|entry| entry.path == Path::new(FLEET_FILE)).ok_or_else(no_fleet)?;
    let fleet = text(fleet, FLEET_FILE_MAX)?;
    let mut files = Vec::new();
    for entry in entries.iter().filter(|entry| is_policy(entry)) {
        files.push(PolicyFile { path: entry.path.clone(), text: text(entry, POLICY_FILE_MAX)? });
    }
    Ok((fleet, files))
}

/// The secrets in documents, whose names alone are read.
fn of_documents(
    repository: &Repository,
    commit: &Commit,
    fleet: &Fleet,
    entries: &[Entry],
) -> Result<BTreeSet<SecretName>, DiffError> {
    let declared = declared(fleet);
    let elsewhere: Vec<String> = declared.paths().map(|path| path.to_string_lossy().into_owned()).collect();
    let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
    let more = if elsewhere.is_empty() { Vec::new() } else { repository.entries(commit, &elsewhere)? };
    let mut blobs = repository.blobs()?;
    let mut names = BTreeSet::new();
    for entry in entries.iter().chain(&more).filter(|entry| entry.kind == Kind::File) {
        let Some((prefix, place)) = declared.place_of(&entry.path) else { continue };
        let bytes = blobs.read(commit, entry, DOCUMENT_MAX)?;
        names.extend(Loaded::parse(prefix, place, &bytes)?.names.into_keys());
    }
    Ok(names)
}

/// Whether the entry counts as a policy file; the whole folder as a link does too, so that it is refused.
fn is_policy(entry: &Entry) -> bool {
    let inside = entry.path.starts_with("policies") && entry.path.extension().is_some_and(|e| e == "rhai");
    inside || entry.path == Path::new("policies")
}

/// The secret whose source this is.
fn secret(entry: &Entry) -> Option<SecretName> {
    let name = entry.path.strip_prefix("secrets").ok()?.to_str()?.strip_suffix(".age")?;
    let name: SecretName = name.parse().ok()?;
    (Layout::source(&name) == entry.path).then_some(name)
}
