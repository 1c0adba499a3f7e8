//! What can stop a use case: everything that its parts can.

use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::HandoutError;
use crate::fsx::PrivateDirError;
use crate::git::GitError;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::document::DocumentError;
use crate::ops::export::ExportError;
use crate::ops::generate::GenerateError;
use crate::ops::git_diff::GitDiffError;
use crate::ops::git_merge::MergeError;
use crate::ops::host::HostKeyError;
use crate::ops::host::ScanError;
use crate::ops::import::ImportError;
use crate::ops::run::RunError;
use crate::ops::workspace::WorkspaceError;
use crate::policy::Violation;
use crate::store::StoreError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum OpsError {
    /// The repository, a key or the lock.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Sources, ledgers and sealed trees.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// Git did not answer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// Nothing was written for another tool.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Export(#[from] ExportError),
    /// Git gets no text to show.
    #[error(transparent)]
    #[diagnostic(transparent)]
    GitDiff(#[from] GitDiffError),
    /// Two branches were not joined.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Merge(#[from] MergeError),
    /// Nothing was taken over from another tool.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Import(#[from] ImportError),
    /// A value was not made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Generate(#[from] GenerateError),
    /// A command was not started.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] RunError),
    /// A place for plaintext.
    #[error(transparent)]
    #[diagnostic(transparent)]
    PrivateDir(#[from] PrivateDirError),
    /// No such host.
    #[error("there is no host `{host}` in `secretctl.toml`")]
    #[diagnostic(code(fleet::unknown_host))]
    UnknownHost {
        /// The name.
        host: HostName,
        /// The nearest host, or all of them.
        #[help]
        help: String,
    },
    /// A host of this name exists already.
    #[error("host `{host}` is already in `secretctl.toml`")]
    #[diagnostic(
        code(fleet::host_exists),
        help("change it with `secretctl host set {host}`, then run `secretctl seal`")
    )]
    HostExists {
        /// The name.
        host: HostName,
    },
    /// A kept host key is in the way, missing, or not what it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    HostKey(#[from] HostKeyError),
    /// The key of a machine was not learned.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scan(#[from] ScanError),
    /// A private key was not handed out.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Handout(#[from] HandoutError),
    /// An admin of this name exists already.
    #[error("admin `{admin}` is already in `secretctl.toml`")]
    #[diagnostic(
        code(fleet::admin_exists),
        help("edit `[admins.{admin}]` in `secretctl.toml`, then run `secretctl rekey`")
    )]
    AdminExists {
        /// The name.
        admin: AdminName,
    },
    /// No such admin.
    #[error("there is no active admin `{admin}` in `secretctl.toml`")]
    #[diagnostic(code(fleet::unknown_admin), help("`secretctl admin list` shows them"))]
    UnknownAdmin {
        /// The name.
        admin: AdminName,
    },
    /// Removing the last admin would leave nobody who can decrypt.
    #[error("`{admin}` is the last admin, and without one nobody could decrypt or sign")]
    #[diagnostic(code(fleet::last_admin), help("add another admin first: `secretctl admin add`"))]
    LastAdmin {
        /// The name.
        admin: AdminName,
    },
    /// The folder is a fleet already.
    #[error("`{}` is already a fleet", path.display())]
    #[diagnostic(
        code(init::exists),
        help(
            "change it with `secretctl host add` and `secretctl admin add`, or edit `secretctl.toml`; an `init --from` that was interrupted goes on with `secretctl import --from`"
        )
    )]
    FleetExists {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// Source and ledger are older than what a host has.
    #[error(
        "`{secret}` and its ledger are older than what host `{host}` has, so they were put back to the past"
    )]
    #[diagnostic(
        code(store::rolled_back),
        help("bring the newer ones back from Git, or give the secret a new value: `secretctl set {secret}`")
    )]
    RolledBack {
        /// The secret.
        secret: SecretName,
        /// A host that has a newer value.
        host: HostName,
    },
    /// Source and ledger of a secret are gone, though nobody removed it.
    #[error(
        "`{secret}` is gone from `secrets/`, but host `{host}` has a copy, and no line says that it was removed"
    )]
    #[diagnostic(
        code(store::lost),
        help(
            "bring them back: `git checkout HEAD -- {files}`; to remove it, run `secretctl rm {secret}` then"
        )
    )]
    Lost {
        /// The secret.
        secret: SecretName,
        /// A host that has a copy.
        host: HostName,
        /// Where they lay.
        files: String,
    },
    /// No rule at all, though hosts have copies.
    #[error("no rule is declared, and sealing would take every copy from every host")]
    #[diagnostic(
        code(policy::empty),
        help(
            "bring `policies/` back: `git checkout HEAD -- policies`; rules are read from `policies/*.rhai`"
        )
    )]
    NoRules,
    /// A name that is moved to itself.
    #[error("`{secret}` is its name already")]
    #[diagnostic(code(store::same_name), help("name another target"))]
    SameName {
        /// The name.
        secret: SecretName,
    },
    /// A key that somebody else has.
    #[error("that key is the one of {owner}")]
    #[diagnostic(
        code(fleet::shared_recipient),
        help("give each host and admin a key of its own, so that policy can keep them apart")
    )]
    SharedRecipient {
        /// Who has it.
        owner: String,
    },
    /// The target of a move exists.
    #[error("there is already a secret `{secret}`")]
    #[diagnostic(
        code(store::exists),
        help("remove it first with `secretctl rm {secret}`, or choose another name")
    )]
    SecretExists {
        /// The name.
        secret: SecretName,
    },
    /// The target of a move was removed, and its history stands in the way.
    #[error("there was a secret `{secret}`, and its history stays")]
    #[diagnostic(code(store::removed), help("choose another name; `secretctl log {secret}` shows its life"))]
    SecretRemoved {
        /// The name.
        secret: SecretName,
    },
    /// A change waits to be completed, so that what lies here is half old and half new.
    #[error("a change was interrupted and waits to be completed, so `{secret}` can't be read yet")]
    #[diagnostic(code(store::interrupted), help("run `secretctl seal`, which completes it first"))]
    Pending {
        /// The secret.
        secret: SecretName,
    },
    /// A name that differs from an existing one in case only.
    #[error("`{secret}` differs from `{existing}` in case only")]
    #[diagnostic(code(store::case), help("choose another name: on some machines these are one file"))]
    CaseClash {
        /// The new name.
        secret: SecretName,
        /// The name that exists.
        existing: SecretName,
    },
    /// An empty value is more often an accident than a secret.
    #[error("the value of `{secret}` would be empty")]
    #[diagnostic(code(set::empty), help("give a value, or say `--allow-empty` if an empty one is meant"))]
    Empty {
        /// The secret.
        secret: SecretName,
    },
    /// The editor could not be run.
    #[error("the editor {reason}; `{secret}` is unchanged")]
    #[diagnostic(
        code(edit::editor),
        help("if that was not meant, run it at a terminal, and check `VISUAL` and `EDITOR`")
    )]
    Editor {
        /// The secret.
        secret: SecretName,
        /// What happened.
        reason: String,
    },
    /// A new secret was left empty.
    #[error("the editor was left without a value, so `{secret}` was not made")]
    #[diagnostic(
        code(edit::nothing),
        help("run `secretctl edit {secret}` again, or `secretctl set {secret} --allow-empty`")
    )]
    NothingMade {
        /// The secret.
        secret: SecretName,
    },
    /// The person gave up.
    #[error("given up; `{secret}` is unchanged")]
    #[diagnostic(code(edit::given_up), help("run `secretctl edit {secret}` again"))]
    GivenUp {
        /// The secret.
        secret: SecretName,
    },
    /// A signal arrived while plaintext was in the editor.
    #[error("stopped by a signal; the plaintext was wiped and `{secret}` is unchanged")]
    #[diagnostic(code(edit::interrupted), help("run `secretctl edit {secret}` again"))]
    Interrupted {
        /// The secret.
        secret: SecretName,
    },
    /// The value is not what the policy asks for.
    #[error("the value of `{secret}` is not as the policy asks: {complaints}")]
    #[diagnostic(
        code(value::unfit),
        help("nothing was changed; correct the value, or what `validate(..)` says at that place")
    )]
    Unfit {
        /// The secret.
        secret: SecretName,
        /// What it is not, with the places that ask for it.
        complaints: String,
    },
    /// Hosts keep the first value, so another would reach only some of them.
    #[error(
        "`{secret}` has a value, and hosts keep the first one that they got (`install_once()` at {place})"
    )]
    #[diagnostic(
        code(value::install_once),
        help("give the new value a name of its own, or take `install_once()` away")
    )]
    InstalledOnce {
        /// The secret.
        secret: SecretName,
        /// The declaration.
        place: String,
    },
    /// No secret is covered.
    #[error("no secret is covered by `{pattern}`")]
    #[diagnostic(
        code(rotate::none),
        help("`secretctl list` shows the names; `**` covers any number of segments")
    )]
    NoSuchSecrets {
        /// The pattern.
        pattern: String,
    },
    /// A name that a value beside another one needs belongs to somebody's secret.
    #[error("the value of `{secret}` needs the name `{name}` beside it, which is taken or too long")]
    #[diagnostic(
        code(rotate::companion),
        help(
            "nothing was changed; move that secret with `secretctl mv`, or say no `.keep_previous(..)` of this one"
        )
    )]
    CompanionTaken {
        /// The secret.
        secret: SecretName,
        /// The name.
        name: String,
    },
    /// Something is allowed that must never be.
    #[error("{0}")]
    #[diagnostic(code(policy::invariant), help("{}", .0.help()))]
    Invariant(Box<Violation>),
    /// Nobody but recovery could decrypt the source.
    #[error("no active admin is an editor of `{secret}`, so only recovery could decrypt it")]
    #[diagnostic(
        code(policy::no_editor),
        help("{}", match places {
            Some(places) => format!("name an active admin in `editors(..)` at {places}, or take one of the lists away"),
            None => format!("no admin edits by default: name one with `editors(\"{secret}\", [\"NAME\"])`"),
        })
    )]
    NoEditor {
        /// The secret.
        secret: SecretName,
        /// The declarations that leave nobody; none where no rule names anybody, and every admin must be named.
        places: Option<String>,
    },
    /// A document can't be changed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Document(#[from] DocumentError),
    /// A file could not be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for OpsError {
    fn class(&self) -> Class {
        match self {
            Self::Workspace(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::PrivateDir(error) => error.class(),
            Self::Git(error) => error.class(),
            Self::Export(error) => error.class(),
            Self::Import(error) => error.class(),
            Self::GitDiff(error) => error.class(),
            Self::Merge(error) => error.class(),
            Self::Document(error) => error.class(),
            Self::Generate(error) => error.class(),
            Self::Run(error) => error.class(),
            Self::Fs(error) => error.class(),
            Self::HostKey(error) => error.class(),
            Self::Scan(error) => error.class(),
            Self::Handout(error) => error.class(),
            Self::Invariant(_) | Self::NoEditor { .. } | Self::Unfit { .. } | Self::InstalledOnce { .. } => {
                Class::Finding
            }
            Self::RolledBack { .. } | Self::Lost { .. } => Class::Integrity,
            Self::Pending { .. }
            | Self::Editor { .. }
            | Self::Interrupted { .. }
            | Self::GivenUp { .. }
            | Self::NothingMade { .. } => Class::Environment,
            _ => Class::Usage,
        }
    }
}
