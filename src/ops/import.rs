//! Takes over what another tool keeps: entries of the fleet, rules that are proved, sources, declarations to paste.

mod documents;
mod error;
mod fleet;
mod prove;
mod report;
mod values;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

pub use error::ImportError;
pub use report::ImportReport;
pub use report::Outcome;

use crate::crypto::Recipient;
use crate::fleet::Admin;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fsx::FsError;
use crate::fsx::write_atomic;
use crate::import;
use crate::import::Body;
use crate::import::NewFleet;
use crate::import::Plan;
use crate::import::Wishes;
use crate::name::AdminName;
use crate::name::HostName;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::trust;
use crate::ops::workspace::Settings;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::find_root;
use crate::ops::workspace::lock;
use crate::store::Declared;
use crate::store::Layout;

pub use crate::import::Evaluation;
pub use crate::import::NIX_VARIABLES;
pub use crate::import::Nix;
pub use crate::import::Tool;

/// Where declarations to paste are written, one file for each host.
const DECLARATIONS: &str = "imported";

/// What is to be taken over.
#[derive(Clone, Debug)]
pub struct Request {
    /// The repository of the other tool; none is the fleet's own.
    pub from: Option<PathBuf>,
    /// The tool.
    pub tool: Tool,
    /// Who evaluates.
    pub evaluation: Evaluation,
    /// Keys of hosts that the files do not tell.
    pub hosts: BTreeMap<HostName, BTreeSet<Recipient>>,
    /// People whose keys the files tell, and who may open every secret, new ones too.
    pub confirmed: BTreeSet<AdminName>,
    /// Whether files that lie where sources belong are replaced by these.
    pub in_place: InPlace,
    /// Whether it is done, or only told.
    pub run: Run,
}

/// What happens to files of the other tool that lie where sources belong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InPlace {
    /// The import is refused: the other tool could not read them any more.
    Refuse,
    /// They become sources.
    Replace,
}

/// The first admin of a fleet that does not exist yet.
#[derive(Clone, Debug)]
pub struct First {
    /// The folder that becomes a fleet.
    pub folder: PathBuf,
    /// Their name.
    pub name: AdminName,
    /// Their keys.
    pub admin: Admin,
}

/// Imports into the fleet that is there.
pub fn import(settings: &Settings, request: &Request) -> Result<ImportReport, OpsError> {
    let root = find_root(settings)?;
    run(settings, request, &root, None)
}

/// Makes a fleet of an existing repository.
pub fn init_from(settings: &Settings, request: &Request, first: &First) -> Result<ImportReport, OpsError> {
    if first.folder.join(FLEET_FILE).exists() {
        return Err(OpsError::FleetExists { path: first.folder.clone() });
    }
    run(settings, request, &first.folder, Some(first))
}

/// Everything that can be known, and refused, before anything is written.
struct Prepared {
    plan: Plan,
    policy: prove::Proved,
    /// The fleet file as it will be.
    text: String,
    report: ImportReport,
    importer: Option<AdminName>,
}

fn run(
    settings: &Settings,
    request: &Request,
    root: &Path,
    first: Option<&First>,
) -> Result<ImportReport, OpsError> {
    let from = request.from.clone().unwrap_or_else(|| root.to_owned());
    let Prepared { plan, policy, text, mut report, importer } =
        prepare(settings, request, (root, &from), first)?;
    if request.run == Run::Dry {
        return Ok(report);
    }
    if importer.is_none() {
        return Err(ImportError::NoAuthor.into());
    }
    write(settings, root, (&plan, &policy, &text), &mut report)?;
    let opened = Settings { fleet: Some(root.to_owned()), ..settings_of(settings) };
    let ws = Workspace::open(opened)?;
    values::take(&ws, &from, &plan, &mut report)?;
    Ok(report)
}

fn prepare(
    settings: &Settings,
    request: &Request,
    (root, from): (&Path, &Path),
    first: Option<&First>,
) -> Result<Prepared, OpsError> {
    if !from.is_dir() {
        return Err(ImportError::NoFolder { path: from.to_owned() }.into());
    }
    let before = fleet::read(root, first)?;
    let mut found = import::read(from, request.tool, &request.evaluation, &before.fleet.people());
    fleet::leave_out_hidden(inside(root, from).as_deref(), &mut found);
    if found.files.is_empty() {
        return Err(ImportError::Nothing { path: from.to_owned(), tool: request.tool }.into());
    }
    let importer = fleet::importer(settings, &before.fleet);
    let wishes = Wishes {
        hosts: request.hosts.clone(),
        importer: importer.clone(),
        confirmed: request.confirmed.clone(),
        fleet: if first.is_some() { NewFleet::Yes } else { NewFleet::No },
    };
    let plan = Plan::of(&found, &wishes, &before.fleet);
    refuse_unknown(&plan)?;
    refuse_in_place(&plan, request, same_folder(root, from))?;
    fleet::refuse_clashes(root, &plan, &before)?;
    let text = fleet::with(&before, &plan, inside(root, from).as_deref())?;
    let after = Fleet::parse(&text, Path::new(FLEET_FILE)).map_err(crate::ops::WorkspaceError::from)?;
    let policy = prove::policy(root, request.tool, &plan, &after, settings.now)?;
    let report = ImportReport::of(request, &found, &plan, &policy, &after);
    Ok(Prepared { plan, policy, text, report, importer })
}

/// Nobody is confirmed by mistake: the name must be that of somebody who was found.
fn refuse_unknown(plan: &Plan) -> Result<(), OpsError> {
    let (unknown, named) = &plan.unknown;
    match unknown.first() {
        Some(name) => Err(ImportError::NotFound { name: name.clone(), found: named.clone() }.into()),
        None => Ok(()),
    }
}

/// The same settings once more; a prompt and a key are shared.
fn settings_of(settings: &Settings) -> Settings {
    Settings {
        fleet: settings.fleet.clone(),
        current_dir: settings.current_dir.clone(),
        repository_named_in: settings.repository_named_in.clone(),
        state_home: settings.state_home.clone(),
        now: settings.now,
        prompt: std::sync::Arc::clone(&settings.prompt),
        signer: settings.signer.clone(),
        identity: settings.identity.clone(),
        identity_files: settings.identity_files.clone(),
        identity_text: settings
            .identity_text
            .as_ref()
            .map(|(origin, text)| (origin.clone(), crate::secret::SecretBytes::from(text.expose().to_vec()))),
        memory_places: settings.memory_places.clone(),
        command: settings.command.clone(),
    }
}

/// Where the other tool's files lie within the fleet; none where they lie outside.
fn inside(root: &Path, from: &Path) -> Option<PathBuf> {
    let (root, from) = (root.canonicalize().ok()?, from.canonicalize().ok()?);
    from.strip_prefix(root).ok().map(Path::to_owned)
}

fn same_folder(root: &Path, from: &Path) -> bool {
    match (root.canonicalize(), from.canonicalize()) {
        (Ok(root), Ok(from)) => root == from,
        _ => root == from,
    }
}

/// Files below `secrets/` that are not ours would be taken for sources, and sources would take their places.
fn refuse_in_place(plan: &Plan, request: &Request, same: bool) -> Result<(), OpsError> {
    if !same || request.in_place == InPlace::Replace {
        return Ok(());
    }
    let lie_there = plan
        .secrets
        .values()
        .filter(|secret| secret.body != Body::Sops && secret.file.starts_with("secrets"));
    let files: BTreeSet<&PathBuf> = lie_there.map(|secret| &secret.file).collect();
    match files.first() {
        Some(first) => {
            Err(ImportError::InPlace { first: (*first).clone(), count: files.len(), tool: request.tool }
                .into())
        }
        None => Ok(()),
    }
}

/// Writes everything but values. The fleet file comes last: until it says so, nothing has changed.
fn write(
    settings: &Settings,
    root: &Path,
    (plan, policy, text): (&Plan, &prove::Proved, &str),
    report: &mut ImportReport,
) -> Result<(), OpsError> {
    let layout = Layout::new(root, Declared::default());
    std::fs::create_dir_all(root).map_err(FsError::on("create", root))?;
    let _lock = lock(&layout, settings)?;
    let declarations = plan
        .declarations
        .iter()
        .map(|(host, text)| (PathBuf::from(format!("{DECLARATIONS}/{host}.nix")), text.as_str()));
    let mut files: Vec<(PathBuf, &str)> = declarations.collect();
    files.push((policy.path.clone(), &policy.text));
    if !root.join(".gitattributes").exists() {
        files.push((".gitattributes".into(), crate::ops::init::ATTRIBUTES));
    }
    let roots = roots(settings, &layout, text)?;
    if let Some(roots) = &roots {
        files.push((Layout::roots(), roots));
    }
    files.push((FLEET_FILE.into(), text));
    for (path, text) in files {
        let full = root.join(&path);
        if std::fs::read(&full).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        let folder = full.parent().unwrap_or(root);
        std::fs::create_dir_all(folder).map_err(FsError::on("create", folder))?;
        write_atomic(&full, text.as_bytes(), 0o644)?;
        report.written.insert(path);
    }
    Ok(())
}

/// The roots for the fleet as it will be, where they are new or must change.
fn roots(settings: &Settings, layout: &Layout, text: &str) -> Result<Option<String>, OpsError> {
    let after = Fleet::parse(text, Path::new(FLEET_FILE)).map_err(crate::ops::WorkspaceError::from)?;
    let before = trust::read_list(layout).map_err(crate::ops::WorkspaceError::from)?;
    let roots = match before {
        Some(roots) if roots.head().people == after.root_people() => return Ok(None),
        Some(roots) => Some(trust::vouch(settings, &after, roots, after.root_people())?),
        None => trust::first(settings, &after)?,
    };
    Ok(roots.map(|roots| String::from_utf8_lossy(roots.bytes()).into_owned()))
}
