//! A fleet repository opened for work: its fleet, policy and store, with the keys to be found on demand.

use std::collections::BTreeSet;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;

use crate::crypto::Digest;
use crate::crypto::Identities;
use crate::crypto::IdentityError;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::crypto::Signer;
use crate::crypto::SignerError;
use crate::crypto::SignerSource;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Place;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fleet::FleetError;
use crate::fsx::FsError;
use crate::fsx::Lock;
use crate::fsx::LockError;
use crate::fsx::Patience;
use crate::fsx::RecoverError;
use crate::fsx::Transaction;
use crate::fsx::read_below;
use crate::fsx::read_bounded;
use crate::git::GitError;
use crate::git::Repository;
use crate::ledger;
use crate::ledger::Authors;
use crate::name::AdminName;
use crate::name::FleetId;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::trust;
use crate::ops::trust::TrustError;
use crate::ops::work_dir::WorkDir;
use crate::ops::work_dir::WorkDirError;
use crate::ops::work_dir::staging;
use crate::policy::Policy;
use crate::policy::PolicyError;
use crate::policy::PolicyFile;
use crate::roots::Roots;
use crate::secret::SecretBytes;
use crate::store::Declared;
use crate::store::DeclaredDocument;
use crate::store::Layout;
use crate::store::PolicyText;
use crate::store::Signers;

/// Largest `secretctl.toml` that is read.
pub(super) const FLEET_FILE_MAX: u64 = 16 << 20;
/// How long a writer waits for another before it says who that is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the environment and the command line say; read once, in `main`.
pub struct Settings {
    /// `--fleet` or `SECRETCTL_FLEET`.
    pub fleet: Option<PathBuf>,
    /// Where the search for `secretctl.toml` starts.
    pub current_dir: PathBuf,
    /// The folder from which `GIT_DIR` counts, where that is set: then it names the repository.
    pub repository_named_in: Option<PathBuf>,
    /// The state folder of the user, for fleets outside of Git.
    pub state_home: Option<PathBuf>,
    /// The time of the command, in whole seconds.
    pub now: Timestamp,
    /// Who is asked for passphrases.
    pub prompt: Arc<dyn Prompt>,
    /// Where signing keys are looked for.
    pub signer: SignerSource,
    /// `--identity` or `SECRETCTL_IDENTITY`: if given, nothing else is tried.
    pub identity: Option<PathBuf>,
    /// Identity files that are tried where they exist, in order.
    pub identity_files: Vec<PathBuf>,
    /// Identities in a variable (`SOPS_AGE_KEY`), with its name.
    pub identity_text: Option<(PathBuf, SecretBytes)>,
    /// Folders that may be memory-backed, in order.
    pub memory_places: Vec<PathBuf>,
    /// What others are told while this command holds the lock.
    pub command: String,
}

/// Why a repository could not be opened or a key not be found.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// No `secretctl.toml` anywhere above.
    #[error("there is no `secretctl.toml` in `{}` or above it", start.display())]
    #[diagnostic(
        code(fleet::not_found),
        help("make a fleet here with `secretctl init`, or name one with `--fleet DIR`")
    )]
    NotFound {
        /// Where the search started.
        start: PathBuf,
    },
    /// `secretctl.toml` has mistakes.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fleet(#[from] FleetError),
    /// A policy file has a mistake.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Policy(#[from] PolicyError),
    /// The signing key cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Signer(#[from] SignerError),
    /// The signing key belongs to nobody.
    #[error("signing key {key} belongs to no active admin")]
    #[diagnostic(
        code(signer::not_admin),
        help(
            "add it to `signing-keys` of an admin in `secretctl.toml`, or sign with another key: `--signing-key FILE`"
        )
    )]
    NotAdmin {
        /// The public half and its fingerprint.
        key: String,
    },
    /// No identity was found at all.
    #[error("no identity was found to decrypt with; looked at {looked}")]
    #[diagnostic(
        code(identity::none),
        help("name one with `--identity FILE`: an age identity or the ssh private key of an admin")
    )]
    NoIdentity {
        /// The places that were looked at.
        looked: String,
    },
    /// An identity file cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Identity(#[from] IdentityError),
    /// The fleet was changed while this command waited for another.
    #[error("`secretctl.toml` or `policies/` changed while this command was waiting for another")]
    #[diagnostic(code(fleet::changed), help("nothing was written; run the command again"))]
    Changed,
    /// An interrupted change could not be completed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Recover(#[from] RecoverError),
    /// The roots are not what the fleet file needs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Trust(#[from] TrustError),
    /// There is no safe place for a lock.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Work(#[from] WorkDirError),
    /// Another command is writing.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] LockError),
    /// A file could not be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for WorkspaceError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound { .. } => Class::Usage,
            Self::NotAdmin { .. } | Self::NoIdentity { .. } | Self::Changed => Class::Environment,
            Self::Recover(error) => error.class(),
            Self::Trust(error) => error.class(),
            Self::Fleet(error) => error.class(),
            Self::Policy(error) => error.class(),
            Self::Signer(error) => error.class(),
            Self::Identity(error) => error.class(),
            Self::Work(error) => error.class(),
            Self::Lock(error) => error.class(),
            Self::Fs(error) => error.class(),
        }
    }
}

/// An open fleet repository.
pub struct Workspace {
    /// What the environment says.
    pub settings: Settings,
    /// Where everything lies.
    pub layout: Layout,
    /// Admins, recovery, hosts.
    pub fleet: Fleet,
    /// The rules.
    pub policy: Policy,
    /// The files that made them, tests included.
    pub policy_files: Vec<PolicyFile>,
    /// Digest of the policy files.
    pub policy_sha256: Digest,
    /// Who may sign and read, vouched for; none in a fleet without an id.
    pub roots: Option<Roots>,
    fleet_sha256: Digest,
    identities: OnceLock<Identities>,
}

/// A signing key and the admin it belongs to.
pub struct Author {
    /// The admin.
    pub name: AdminName,
    /// Their key.
    pub signer: Signer,
    /// The fleet that they sign for, if it has an id.
    pub fleet: Option<FleetId>,
}

impl Author {
    /// Who writes ledger lines at this time.
    pub fn at(&self, now: Timestamp) -> ledger::Author<'_> {
        ledger::Author { name: &self.name, signer: &self.signer, now, fleet: self.fleet }
    }
}

/// Exclusive use of the repository, any interrupted change completed.
#[derive(Debug)]
pub struct WriteLock {
    _lock: Lock,
    /// Where the change is staged that the lock is for.
    staging: PathBuf,
}

impl WriteLock {
    /// Starts a change of the repository that the lock is for.
    pub(super) fn change(&self, layout: &Layout) -> Result<Transaction, FsError> {
        Transaction::begin(layout.root(), &self.staging, layout.reach())
    }
}

impl Workspace {
    /// Finds and reads the fleet, and runs its policy.
    pub fn open(settings: Settings) -> Result<Self, WorkspaceError> {
        let root = find_root(&settings)?;
        let toml = read_fleet_text(&root)?;
        let fleet = Fleet::parse(&toml, Path::new(FLEET_FILE))?;
        let layout = Layout::new(root, declared(&fleet));
        let texts = layout.policy_texts()?;
        let files: Vec<PolicyFile> =
            texts.iter().map(|t| PolicyFile { path: t.path.clone(), text: t.text.clone() }).collect();
        let policy = Policy::load(&files, &fleet)?;
        let policy_sha256 = digest_of_policy(&texts);
        let roots = trust::read_roots(&layout, &fleet)?;
        let fleet_sha256 = Digest::of(toml.as_bytes());
        Ok(Self {
            settings,
            layout,
            fleet,
            policy,
            policy_files: files,
            policy_sha256,
            roots,
            fleet_sha256,
            identities: OnceLock::new(),
        })
    }

    /// Takes the lock and completes a change that was interrupted. What was read before must still be true:
    /// an admin or rule that went while this command waited must not count any more.
    pub fn lock(&self) -> Result<WriteLock, WorkspaceError> {
        let lock = lock(&self.layout, &self.settings)?;
        let (toml, texts) = read_configuration(&self.layout)?;
        if Digest::of(toml.as_bytes()) != self.fleet_sha256 || digest_of_policy(&texts) != self.policy_sha256
        {
            return Err(WorkspaceError::Changed);
        }
        trust::refuse_unvouched(&self.fleet, self.roots.as_ref())?;
        Ok(lock)
    }

    /// Completes a change that was interrupted, before somebody bases work on what is there.
    pub fn complete(&self) -> Result<(), WorkspaceError> {
        if self.work_dir().is_pending() { self.lock().map(drop) } else { Ok(()) }
    }

    /// Reads a file that an argument names: through no link if it lies in the fleet, since a branch may have made that.
    pub(super) fn read_argument(&self, path: &Path, max: u64) -> Result<Vec<u8>, FsError> {
        let real = |folder: &Path| folder.canonicalize().map_err(FsError::on("read", folder));
        let (root, current) = (real(self.layout.root())?, real(&self.settings.current_dir)?);
        let mut full = PathBuf::new();
        for part in current.join(path).components() {
            match part {
                Component::ParentDir => drop(full.pop()),
                Component::CurDir => {}
                other => full.push(other),
            }
        }
        match full.strip_prefix(&root) {
            Ok(inside) => self.layout.read(inside, max),
            Err(_) => read_bounded(path, max),
        }
    }

    /// Where this machine keeps what is its own.
    pub(super) fn work_dir(&self) -> WorkDir {
        self.settings.work_dir(self.layout.root())
    }

    /// The Git repository in whose work tree the fleet lies.
    pub fn repository(&self) -> Result<Repository, GitError> {
        self.settings.repository(self.layout.root())
    }

    /// Starts a change; the lock proves that nobody else is writing.
    pub fn change(&self, lock: &WriteLock) -> Result<Transaction, FsError> {
        lock.change(&self.layout)
    }

    /// Finds the key to sign with. It must be that of an active admin.
    pub fn author(&self) -> Result<Author, WorkspaceError> {
        find_author(&self.settings, &self.fleet, self.roots.as_ref())
    }

    /// Whose manifests count, and whose did before they left.
    pub fn signers(&self) -> Signers {
        trust::signers(&self.fleet, self.roots.as_ref())
    }

    /// Every key whose ledger lines count.
    pub fn authors(&self) -> Authors {
        trust::authors(&self.fleet, self.roots.as_ref())
    }

    /// What the source of a secret is encrypted to: its editors, or all active admins, and recovery.
    pub fn source_recipients(&self, secret: &SecretName) -> Result<BTreeSet<Recipient>, OpsError> {
        let editors = self.policy.attributes(secret).editors;
        let named = editors.as_ref().map(|editors| &editors.names);
        let nobody = self.fleet.editors(named).next().is_none();
        if nobody && (editors.is_some() || self.fleet.active_admins().next().is_some()) {
            let words =
                |places: &[Place]| places.iter().map(Place::to_string).collect::<Vec<_>>().join(" and ");
            let places = editors.map(|editors| words(&editors.places));
            return Err(OpsError::NoEditor { secret: secret.clone(), places });
        }
        Ok(self.fleet.source_recipients(named))
    }

    /// The admins who can open the source of a secret.
    pub fn editors(&self, secret: &SecretName) -> BTreeSet<AdminName> {
        let editors = self.policy.attributes(secret).editors;
        let named = editors.as_ref().map(|editors| &editors.names);
        self.fleet.editors(named).map(|(name, _)| name.clone()).collect()
    }

    /// The admin's identities, read when they are first needed.
    pub fn identities(&self) -> Result<&Identities, WorkspaceError> {
        if let Some(identities) = self.identities.get() {
            return Ok(identities);
        }
        let found = self.settings.find_identities()?;
        Ok(self.identities.get_or_init(|| found))
    }
}

/// Finds the key to sign with among those that the roots vouch for, or, in a fleet without an id, of active admins.
pub(super) fn find_author(
    settings: &Settings,
    fleet: &Fleet,
    roots: Option<&Roots>,
) -> Result<Author, WorkspaceError> {
    let trusted = trust::signers(fleet, roots).trusted;
    let signer = Signer::find(&settings.signer, &|key| trusted.contains(key), &settings.prompt)?;
    let known = fleet.admin_of(signer.key()).filter(|_| trusted.contains(signer.key()));
    let Some((name, _)) = known else {
        let key = format!("{} ({})", signer.key(), signer.key().fingerprint());
        return Err(WorkspaceError::NotAdmin { key });
    };
    Ok(Author { name: name.clone(), signer, fleet: fleet.id })
}

impl Settings {
    /// The Git repository in whose work tree a folder lies.
    pub(super) fn repository(&self, folder: &Path) -> Result<Repository, GitError> {
        Repository::of(folder, self.repository_named_in.as_deref())
    }

    /// Where this machine keeps what is its own for a fleet.
    pub(super) fn work_dir(&self, root: &Path) -> WorkDir {
        WorkDir::of(root, self.state_home.as_deref())
    }

    /// Reads the identities that they name.
    pub(super) fn find_identities(&self) -> Result<Identities, WorkspaceError> {
        if let Some(file) = &self.identity {
            return Ok(Identities::read(file, &self.prompt)?);
        }
        let mut found = Identities::default();
        let mut looked = Vec::new();
        for file in &self.identity_files {
            if !file.exists() {
                looked.push(format!("`{}` (not there)", file.display()));
                continue;
            }
            // A file that somebody else's tool put there must not stop us from trying the next.
            match Identities::read(file, &self.prompt) {
                Ok(identities) => found.append(identities),
                Err(error) => {
                    looked.push(format!("`{}` ({error})", file.display()));
                    found.note_unusable(error.to_string());
                }
            }
        }
        if let Some((origin, text)) = &self.identity_text {
            found.append(Identities::parse(text, origin, &self.prompt)?);
        }
        if found.is_empty() {
            return Err(WorkspaceError::NoIdentity { looked: looked.join(", ") });
        }
        Ok(found)
    }
}

/// The documents that a fleet names, as the store wants to know them.
pub(super) fn declared(fleet: &Fleet) -> Declared {
    let documents = fleet.documents.iter().map(|(prefix, document)| {
        let path = document.path.as_ref().map(|path| path.as_path().to_owned());
        (prefix.clone(), DeclaredDocument { path, whole: document.whole })
    });
    Declared { documents: documents.collect() }
}

/// Takes the lock of a repository and completes a change that was interrupted, which it says.
pub(super) fn lock(layout: &Layout, settings: &Settings) -> Result<WriteLock, WorkspaceError> {
    let work = settings.work_dir(layout.root());
    let folder = work.prepare()?;
    let told = |holder: &str| settings.prompt.tell(&format!("waiting for {holder}"));
    let lock = Lock::acquire(&folder.join("lock"), &settings.command, Patience::UpTo(PATIENCE), &told)?;
    if work.has_old_journal() {
        settings.prompt.tell(
            "note: an interrupted change in `.secretctl/change` is left alone; `secretctl check` says more",
        );
    }
    let completed = Transaction::recover(layout.root(), &staging(&folder), layout.reach())?;
    if let Some(paths) = completed {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        settings.prompt.tell(&format!("completed an interrupted change: {}", paths.join(", ")));
    }
    Ok(WriteLock { _lock: lock, staging: staging(&folder) })
}

/// The texts that decide over everything else: the fleet and its policies.
fn read_configuration(layout: &Layout) -> Result<(String, Vec<PolicyText>), FsError> {
    Ok((read_fleet_text(layout.root())?, layout.policy_texts()?))
}

/// Reads `secretctl.toml` at the root of a repository.
pub(super) fn read_fleet(root: &Path) -> Result<Fleet, WorkspaceError> {
    Ok(Fleet::parse(&read_fleet_text(root)?, Path::new(FLEET_FILE))?)
}

/// The text of `secretctl.toml` at the root of a repository.
pub(super) fn read_fleet_text(root: &Path) -> Result<String, FsError> {
    let invalid = |e| std::io::Error::new(std::io::ErrorKind::InvalidData, e);
    let bytes = read_below(root, Path::new(FLEET_FILE), FLEET_FILE_MAX)?;
    String::from_utf8(bytes).map_err(invalid).map_err(FsError::on("read", &root.join(FLEET_FILE)))
}

/// The folder with the nearest `secretctl.toml`.
pub(super) fn find_root(settings: &Settings) -> Result<PathBuf, WorkspaceError> {
    let start = settings.fleet.clone().unwrap_or_else(|| settings.current_dir.clone());
    let not_found = || WorkspaceError::NotFound { start: start.clone() };
    if settings.fleet.is_some() {
        return if has_fleet_file(&start) { Ok(start) } else { Err(not_found()) };
    }
    let root = start.ancestors().find(|folder| has_fleet_file(folder));
    root.map(Path::to_owned).ok_or_else(not_found)
}

/// Whether a folder is a fleet, or would look like none because of a link or pipe in the place of its file.
fn has_fleet_file(folder: &Path) -> bool {
    folder.join(FLEET_FILE).symlink_metadata().is_ok_and(|found| !found.is_dir())
}

/// One digest over the paths and texts of all policy files.
fn digest_of_policy(texts: &[PolicyText]) -> Digest {
    let mut bytes = Vec::new();
    for PolicyText { path, text } in texts {
        // Lengths keep two different sets of files from giving the same bytes.
        let path = path.display().to_string();
        bytes.extend_from_slice(format!("{} {path} {} ", path.len(), text.len()).as_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Digest::of(&bytes)
}
