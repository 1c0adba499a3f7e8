//! `secretctl.toml` before and after an import.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::First;
use super::ImportError;
use crate::crypto::Signer;
use crate::diag::Severity;
use crate::fleet::Document;
use crate::fleet::DocumentPath;
use crate::fleet::DocumentPathError;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fleet::FleetFile;
use crate::fsx::read_below;
use crate::import::Body;
use crate::import::Found;
use crate::import::Plan;
use crate::import::PlannedDocument;
use crate::ledger::Event;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::name::AdminName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::trust::draw_id;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::declared;
use crate::ops::workspace::read_fleet_text;
use crate::store::Layout;

/// The fleet as it is before.
pub(super) struct Before {
    pub(super) fleet: Fleet,
    file: FleetFile,
}

/// Reads the fleet, or begins one.
pub(super) fn read(root: &Path, first: Option<&First>) -> Result<Before, OpsError> {
    let text = match first {
        Some(first) => {
            let mut file = FleetFile::new();
            file.set_id(draw_id());
            file.add_admin(&first.name, &first.admin);
            file.to_text()
        }
        None => read_fleet_text(root)?,
    };
    let fleet = Fleet::parse(&text, Path::new(FLEET_FILE)).map_err(WorkspaceError::from)?;
    Ok(Before { fleet, file: FleetFile::parse(&text) })
}

/// The admin whose signing key is at hand; none where nothing can be signed.
pub(super) fn importer(settings: &Settings, fleet: &Fleet) -> Option<AdminName> {
    let trusted = fleet.trusted_keys();
    let signer = Signer::find(&settings.signer, &|key| trusted.contains(key), &settings.prompt).ok()?;
    fleet.admin_of(signer.key()).filter(|(_, admin)| admin.removed.is_none()).map(|(name, _)| name.clone())
}

/// The text of the file with what the plan adds; what is there stays as it is.
pub(super) fn with(before: &Before, plan: &Plan, inside: Option<&Path>) -> Result<String, OpsError> {
    let mut file = before.file.clone();
    for (name, admin) in &plan.admins {
        file.add_admin(name, admin);
    }
    file.add_recovery(&plan.recovery);
    for (name, host) in plan.hosts.iter().filter(|(name, _)| !before.fleet.hosts.contains_key(*name)) {
        file.add_host(name, host);
    }
    for planned in &plan.documents {
        document(&mut file, before, planned, inside)?;
    }
    Ok(file.to_text())
}

/// Leaves out SOPS files that can be no documents where they lie; the others come over.
pub(super) fn leave_out_hidden(inside: Option<&Path>, found: &mut Found) {
    let Some(inside) = inside else { return };
    let sops = found.files.iter().filter(|(_, file)| file.body == Body::Sops);
    let unfit: Vec<(PathBuf, String)> = sops
        .filter_map(|(path, _)| Some((path.clone(), document_path(inside, path).err()?.to_string())))
        .collect();
    for (path, reason) in unfit {
        let message = format!("`{}` cannot be a document: {reason}", path.display());
        let help = "move the file, change what refers to it, then import again";
        found.leave_out(&path, "import::document_path", message, help);
    }
}

/// Where a document of the other tool lies in the fleet.
fn document_path(inside: &Path, path: &Path) -> Result<DocumentPath, DocumentPathError> {
    inside.join(path).display().to_string().parse()
}

/// Adds a document, which must lie below the folder of the fleet.
fn document(
    file: &mut FleetFile,
    before: &Before,
    planned: &PlannedDocument,
    inside: Option<&Path>,
) -> Result<(), OpsError> {
    let Some(inside) = inside else { return Err(ImportError::Outside { file: planned.path.clone() }.into()) };
    let unfit = |message: String| ImportError::Names { message };
    let path = document_path(inside, &planned.path).map_err(|error| unfit(error.to_string()))?;
    let prefix: SecretName = planned.prefix.parse().map_err(|error| unfit(format!("{error}")))?;
    match before.fleet.documents.get(&prefix) {
        Some(known) if known.path.as_ref() == Some(&path) => return Ok(()),
        Some(_) => {
            return Err(
                ImportError::Document { prefix: prefix.to_string(), file: planned.path.clone() }.into()
            );
        }
        None => {}
    }
    let known = before.fleet.source_recipients(None);
    let legacy = planned.legacy.difference(&known).cloned().collect();
    let document =
        Document { path: Some(path), whole: planned.whole, direct: planned.direct.clone(), legacy };
    file.set_document(&prefix, &document);
    Ok(())
}

/// Names and keys that are somebody else's already are refused before anything is written.
pub(super) fn refuse_clashes(root: &Path, plan: &Plan, before: &Before) -> Result<(), OpsError> {
    let names = |code: &str| matches!(code, "import::same_name" | "import::no_name");
    if let Some(finding) = plan.findings.iter().find(|f| f.severity == Severity::Error && names(&f.code)) {
        return Err(ImportError::Names { message: finding.message.clone() }.into());
    }
    let mut taken = BTreeSet::new();
    for (name, host) in &plan.hosts {
        match before.fleet.hosts.get(name) {
            Some(known) if host.recipients.is_empty() || host.recipients.is_subset(&known.recipients) => {
                continue;
            }
            Some(_) => return Err(ImportError::Host { host: name.clone() }.into()),
            None => {}
        }
        for recipient in &host.recipients {
            let owner = before.fleet.owner_of(recipient);
            let owner = owner.or_else(|| (!taken.insert(recipient)).then(|| "another host".to_owned()));
            if let Some(owner) = owner {
                return Err(ImportError::Key { host: name.clone(), owner }.into());
            }
        }
    }
    let layout = Layout::new(root, declared(&before.fleet));
    let ours = plan.secrets.iter().filter(|(_, secret)| secret.body != Body::Sops);
    for (name, secret) in ours {
        if layout.has_source(name)
            && !was_imported(root, name)
            && root.join(Layout::source(name)) != root.join(&secret.file)
        {
            return Err(ImportError::Secret { secret: name.clone(), file: secret.file.clone() }.into());
        }
    }
    Ok(())
}

/// Whether an earlier import made a secret: an interrupted one is completed by the next.
fn was_imported(root: &Path, name: &SecretName) -> bool {
    let path = Layout::ledger(name);
    let ledger = read_below(root, &path, LEDGER_MAX).ok().and_then(|bytes| Ledger::parse(&bytes, &path).ok());
    ledger.is_some_and(|ledger| ledger.lines().first().is_some_and(|line| line.event == Event::Imported))
}
