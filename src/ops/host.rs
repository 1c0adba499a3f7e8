//! Hosts: adding, listing, and finding the one that was meant.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::crypto::Recipient;
use crate::fleet::Fleet;
use crate::fleet::FleetFile;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::ops::error::OpsError;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::find_root;
use crate::ops::workspace::lock;
use crate::ops::workspace::read_fleet;
use crate::ops::workspace::read_text;
use crate::store::Layout;

/// Adds a host to `secretctl.toml`, keeping its comments and order. Without recipients it is pending.
pub fn add(settings: &Settings, name: &HostName, host: &Host) -> Result<(), OpsError> {
    change_fleet(settings, |fleet, file| {
        if fleet.hosts.contains_key(name) {
            return Err(OpsError::HostExists { host: name.clone() });
        }
        refuse_shared(fleet, &host.recipients)?;
        let state = if host.recipients.is_empty() { HostState::Pending } else { host.state };
        file.add_host(name, &Host { state, ..host.clone() });
        Ok(())
    })
}

/// A key that somebody has already opens what policy means for them alone.
pub(super) fn refuse_shared(fleet: &Fleet, recipients: &BTreeSet<Recipient>) -> Result<(), OpsError> {
    let owner = recipients.iter().find_map(|recipient| fleet.owner_of(recipient));
    owner.map_or(Ok(()), |owner| Err(OpsError::SharedRecipient { owner }))
}

/// Reads `secretctl.toml`, lets `edit` change it, and replaces it only if the result still parses.
pub(super) fn change_fleet(
    settings: &Settings,
    edit: impl FnOnce(&Fleet, &mut FleetFile) -> Result<(), OpsError>,
) -> Result<(), OpsError> {
    let layout = Layout::new(find_root(settings)?);
    let _lock = lock(&layout, settings)?;
    let fleet = read_fleet(layout.root())?;
    let path = layout.root().join(crate::fleet::FLEET_FILE);
    let mut file = FleetFile::parse(&read_text(&path)?);
    edit(&fleet, &mut file)?;
    let text = file.to_text();
    Fleet::parse(&text, std::path::Path::new(crate::fleet::FLEET_FILE)).map_err(WorkspaceError::from)?;
    Ok(crate::fsx::write_atomic(&path, text.as_bytes(), 0o644)?)
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
