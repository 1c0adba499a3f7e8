//! Admins: adding, listing, removing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::fleet::Admin;
use crate::fleet::EditorScope;
use crate::fleet::Fleet;
use crate::fsx::write_atomic;
use crate::name::AdminName;
use crate::name::HostName;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::host::change_fleet;
use crate::ops::host::refuse_shared;
use crate::ops::trust;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::declared;
use crate::ops::workspace::find_root;
use crate::ops::workspace::lock;
use crate::ops::workspace::read_fleet;
use crate::store::Layout;

/// Adds an admin to `secretctl.toml` and to the roots; `rekey` then lets them read the sources.
pub fn add(settings: &Settings, name: &AdminName, admin: &Admin) -> Result<Vouched, OpsError> {
    let changed = change_fleet(settings, Run::Real, |fleet, file| {
        if fleet.admins.contains_key(name) {
            return Err(OpsError::AdminExists { admin: name.clone() });
        }
        refuse_shared(fleet, &admin.recipients)?;
        file.add_admin(name, admin);
        Ok(())
    })?;
    vouched(settings, &changed)
}

/// The version of the roots that a change made, and who has not seen it.
#[derive(Clone, Debug, Serialize)]
pub struct Vouched {
    /// Its number; none in a fleet without an id.
    pub number: Option<u64>,
    /// Hosts whose own trusted keys are to be brought in line.
    pub hosts: BTreeSet<HostName>,
}

fn vouched(settings: &Settings, fleet: &Fleet) -> Result<Vouched, OpsError> {
    let layout = Layout::new(find_root(settings)?, declared(fleet));
    let roots = trust::read_roots(&layout, fleet).map_err(WorkspaceError::from)?;
    let sealed = fleet.hosts.keys().filter(|host| layout.root().join(Layout::sealed(host)).is_dir());
    Ok(Vouched { number: roots.map(|roots| roots.head().number), hosts: sealed.cloned().collect() })
}

/// What `secretctl.toml` says of people and no admin has vouched for, in words.
pub fn unvouched(settings: &Settings) -> Result<Vec<String>, OpsError> {
    let root = find_root(settings)?;
    let fleet = read_fleet(&root)?;
    let roots =
        trust::read_roots(&Layout::new(root, declared(&fleet)), &fleet).map_err(WorkspaceError::from)?;
    Ok(roots.map(|roots| trust::differences(&roots.head().people, &fleet.root_people())).unwrap_or_default())
}

/// Vouches for the people that `secretctl.toml` names now.
pub fn vouch(settings: &Settings) -> Result<Vouched, OpsError> {
    let root = find_root(settings)?;
    let documents = read_fleet(&root).map(|fleet| declared(&fleet)).unwrap_or_default();
    let layout = Layout::new(root, documents);
    let _lock = lock(&layout, settings)?;
    let fleet = read_fleet(layout.root())?;
    if let Some(roots) = trust::read_roots(&layout, &fleet).map_err(WorkspaceError::from)? {
        let roots = trust::vouch(settings, &fleet, roots, fleet.root_people())?;
        write_atomic(&layout.root().join(Layout::roots()), roots.bytes(), 0o644)?;
    }
    vouched(settings, &fleet)
}

/// Marks an admin as removed: nothing is encrypted to them any more, and old ledger lines of theirs hold.
pub fn remove(settings: &Settings, name: &AdminName) -> Result<Vouched, OpsError> {
    let changed = change_fleet(settings, Run::Real, |fleet, file| {
        let active: Vec<&AdminName> = fleet.active_admins().map(|(name, _)| name).collect();
        if !active.contains(&name) {
            return Err(OpsError::UnknownAdmin { admin: name.clone() });
        }
        if active.len() == 1 {
            return Err(OpsError::LastAdmin { admin: name.clone() });
        }
        file.remove_admin(name, settings.now);
        Ok(())
    })?;
    vouched(settings, &changed)
}

/// One line of `admin list`.
#[derive(Clone, Debug, Serialize)]
pub struct ListedAdmin {
    /// The admin.
    pub admin: AdminName,
    /// What sources are encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Whose signatures count.
    pub signing_keys: BTreeSet<VerifyingKey>,
    /// Which sources they open.
    pub editor: EditorScope,
    /// When they left, if they did.
    pub removed: Option<Timestamp>,
}

/// Every admin, removed ones included; needs no key.
pub fn list(settings: &Settings) -> Result<Vec<ListedAdmin>, OpsError> {
    let fleet = read_fleet(&find_root(settings)?)?;
    let listed = fleet.admins.into_iter().map(|(name, admin)| ListedAdmin {
        admin: name,
        recipients: admin.recipients,
        signing_keys: admin.signing_keys,
        editor: admin.editor,
        removed: admin.removed,
    });
    Ok(listed.collect())
}
