//! Admins: adding, listing, removing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::fleet::Admin;
use crate::fleet::EditorScope;
use crate::name::AdminName;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::host::change_fleet;
use crate::ops::host::refuse_shared;
use crate::ops::workspace::Settings;
use crate::ops::workspace::find_root;
use crate::ops::workspace::read_fleet;

/// Adds an admin to `secretctl.toml`; `rekey` then lets them read the sources.
pub fn add(settings: &Settings, name: &AdminName, admin: &Admin) -> Result<(), OpsError> {
    change_fleet(settings, Run::Real, |fleet, file| {
        if fleet.admins.contains_key(name) {
            return Err(OpsError::AdminExists { admin: name.clone() });
        }
        refuse_shared(fleet, &admin.recipients)?;
        file.add_admin(name, admin);
        Ok(())
    })?;
    Ok(())
}

/// Marks an admin as removed: nothing is encrypted to them any more, and old ledger lines of theirs hold.
pub fn remove(settings: &Settings, name: &AdminName) -> Result<(), OpsError> {
    change_fleet(settings, Run::Real, |fleet, file| {
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
    Ok(())
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
