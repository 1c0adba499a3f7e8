//! Hosts: adding, listing, and finding the one that was meant.

mod change;
mod key;
mod scan;

use std::collections::BTreeSet;

use serde::Serialize;

pub use change::SetReport;
pub use change::remove;
pub use change::set;
pub use key::HandedOut;
pub use key::HostKeyError;
pub use key::hand_out;
pub use key::pre_generate;
pub use scan::Fingerprint;
pub use scan::ScanError;
pub use scan::SshAddress;
pub use scan::SshSource;

use scan::learn;

use crate::crypto::Recipient;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fleet::FleetFile;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::fsx::write_atomic;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops::error::OpsError;
use crate::ops::trust;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::declared;
use crate::ops::workspace::find_root;
use crate::ops::workspace::lock;
use crate::ops::workspace::read_fleet;
use crate::ops::workspace::read_fleet_text;
use crate::store::Layout;

/// Whether a command does what it says, or only tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Run {
    /// It does.
    Real,
    /// `--dry-run`: nothing is written.
    Dry,
}

/// Adds a host to `secretctl.toml`, keeping its comments and order. Its key may be read over ssh; a host without
/// any key is pending. Gives the host as it is now.
pub fn add(
    settings: &Settings,
    name: &HostName,
    host: &Host,
    ssh: Option<&SshSource>,
    run: Run,
) -> Result<Host, OpsError> {
    refuse_known(&read_fleet(&find_root(settings)?)?, name)?;
    let mut host = host.clone();
    if let Some(source) = ssh {
        host.recipients.insert(learn(source, name, &*settings.prompt)?);
    }
    if host.recipients.is_empty() {
        host.state = HostState::Pending;
    }
    change_fleet(settings, run, |fleet, file| {
        refuse_known(fleet, name)?;
        refuse_shared(fleet, &host.recipients)?;
        file.add_host(name, &host);
        Ok(())
    })?;
    Ok(host)
}

fn refuse_known(fleet: &Fleet, name: &HostName) -> Result<(), OpsError> {
    if fleet.hosts.contains_key(name) { Err(OpsError::HostExists { host: name.clone() }) } else { Ok(()) }
}

/// A key that somebody has already opens what policy means for them alone.
pub(super) fn refuse_shared(fleet: &Fleet, recipients: &BTreeSet<Recipient>) -> Result<(), OpsError> {
    let owner = recipients.iter().find_map(|recipient| fleet.owner_of(recipient));
    owner.map_or(Ok(()), |owner| Err(OpsError::SharedRecipient { owner }))
}

/// Reads `secretctl.toml`, lets `edit` change it, and replaces it only if the result still parses, which it gives.
pub(super) fn change_fleet(
    settings: &Settings,
    run: Run,
    edit: impl FnOnce(&Fleet, &mut FleetFile) -> Result<(), OpsError>,
) -> Result<Fleet, OpsError> {
    let root = find_root(settings)?;
    // An interrupted change may have reached a document, wherever this file says that it lies.
    let documents = read_fleet(&root).map(|fleet| declared(&fleet)).unwrap_or_default();
    let layout = Layout::new(root, documents);
    let lock = match run {
        Run::Real => Some(lock(&layout, settings)?),
        Run::Dry => None,
    };
    let fleet = read_fleet(layout.root())?;
    let before = read_fleet_text(layout.root())?;
    let roots = trust::read_roots(&layout, &fleet).map_err(WorkspaceError::from)?;
    trust::refuse_unvouched(&fleet, roots.as_ref()).map_err(WorkspaceError::from)?;
    let mut file = FleetFile::parse(&before);
    edit(&fleet, &mut file)?;
    let text = file.to_text();
    let changed = Fleet::parse(&text, std::path::Path::new(FLEET_FILE)).map_err(WorkspaceError::from)?;
    let Some(lock) = lock.filter(|_| text != before) else { return Ok(changed) };
    let Some(roots) = roots.filter(|_| changed.root_people() != fleet.root_people()) else {
        write_atomic(&layout.root().join(FLEET_FILE), text.as_bytes(), 0o644)?;
        return Ok(changed);
    };
    let roots = trust::vouch(settings, &fleet, roots, changed.root_people())?;
    let mut change = lock.change(&layout)?;
    change.write(Layout::roots(), roots.bytes())?;
    change.write(FLEET_FILE, text.as_bytes())?;
    change.commit()?;
    Ok(changed)
}

/// One line of `host list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListedHost {
    /// The host.
    pub host: HostName,
    /// Whether it takes part.
    pub state: HostState,
    /// Nix system.
    pub system: Option<String>,
    /// Tags.
    pub tags: BTreeSet<Tag>,
    /// Services.
    pub services: BTreeSet<ServiceName>,
    /// Its own keys.
    pub recipients: BTreeSet<Recipient>,
}

/// Every host of the fleet; needs no key.
pub fn list(settings: &Settings) -> Result<Vec<ListedHost>, OpsError> {
    let fleet = read_fleet(&find_root(settings)?)?;
    let listed = fleet.hosts.into_iter().map(|(name, host)| ListedHost {
        host: name,
        state: host.state,
        system: host.system,
        tags: host.tags,
        services: host.services,
        recipients: host.recipients,
    });
    Ok(listed.collect())
}

/// The host of a name, or an error with the nearest one.
pub(super) fn known<'a>(fleet: &'a Fleet, host: &HostName) -> Result<&'a Host, OpsError> {
    if let Some(found) = fleet.hosts.get(host) {
        return Ok(found);
    }
    let near = |name: &HostName| strsim::jaro_winkler(name.as_str(), host.as_str());
    let nearest =
        fleet.hosts.keys().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|name| near(name) > 0.7);
    let help = match nearest {
        Some(name) => format!("did you mean `{name}`? `secretctl host list` shows all hosts"),
        None => format!("add it with `secretctl host add {host} --recipient \"ssh-ed25519 AAAA…\"`"),
    };
    Err(OpsError::UnknownHost { host: host.clone(), help })
}
