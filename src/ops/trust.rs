//! Whom a fleet trusts: its roots beside what `secretctl.toml` says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use rand::RngCore;

use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fleet::Fleet;
use crate::fsx::FsError;
use crate::ledger::Authors;
use crate::ledger::KnownAuthor;
use crate::ledger::Limits;
use crate::name::AdminName;
use crate::name::FleetId;
use crate::ops::error::OpsError;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::find_author;
use crate::roots::People;
use crate::roots::ROOTS_MAX;
use crate::roots::Role;
use crate::roots::RootAdmin;
use crate::roots::Roots;
use crate::roots::RootsError;
use crate::roots::Voucher;
use crate::store::Layout;
use crate::store::Signers;
use crate::store::StoreError;

/// Why the people in `secretctl.toml` are not trusted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum TrustError {
    /// The list does not hold.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Roots(#[from] RootsError),
    /// The fleet has an id and no roots.
    #[error("`{}` is missing, which says whose signatures count", Layout::roots().display())]
    #[diagnostic(code(roots::missing), help("restore it from Git: `git checkout HEAD -- {}`", Layout::roots().display()))]
    Missing,
    /// The roots are there and `secretctl.toml` has lost its id.
    #[error("`secretctl.toml` has no fleet id, and the roots are for fleet {id}")]
    #[diagnostic(
        code(roots::no_fleet),
        help(
            "restore the line `fleet = \"{id}\"` below `version`; `git log -p -- secretctl.toml` shows who removed it"
        )
    )]
    NoFleet {
        /// The id in the roots.
        id: FleetId,
    },
    /// The roots are those of another fleet.
    #[error("the roots are for fleet {found}, and `secretctl.toml` is fleet {id}")]
    #[diagnostic(
        code(roots::other_fleet),
        help("restore both from Git: `git log -p -- secretctl.toml {}`", Layout::roots().display())
    )]
    OtherFleet {
        /// The id in the roots.
        found: FleetId,
        /// The id in `secretctl.toml`.
        id: FleetId,
    },
    /// `secretctl.toml` names people whom the roots do not.
    #[error("`secretctl.toml` names people for whom no admin has vouched: {differences}")]
    #[diagnostic(
        code(roots::differ),
        help(
            "if `git log -p -- secretctl.toml` shows a change that is meant, a full admin runs `secretctl admin vouch`; otherwise undo it"
        )
    )]
    NotVouched {
        /// What differs, in words.
        differences: String,
    },
    /// Nobody could vouch for the next version.
    #[error("no admin would be left who can vouch for others")]
    #[diagnostic(
        code(roots::nobody_vouches),
        help("keep one admin with a signing key and without `editor = \"named\"`")
    )]
    NobodyVouches,
    /// The file could not be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for TrustError {
    fn class(&self) -> Class {
        match self {
            Self::Fs(error) => error.class(),
            Self::NotVouched { .. } | Self::NobodyVouches => Class::Finding,
            _ => Class::Integrity,
        }
    }
}

/// A new fleet id, from the operating system's randomness.
pub(super) fn draw_id() -> FleetId {
    let mut bytes = [0; 16];
    rand::rngs::OsRng.fill_bytes(&mut bytes);
    FleetId::from_random(bytes)
}

/// Reads the roots of a fleet with an id; one without an id must not have any.
pub(super) fn read_roots(layout: &Layout, fleet: &Fleet) -> Result<Option<Roots>, TrustError> {
    let found = read_list(layout)?;
    match (fleet.id, found) {
        (None, None) => Ok(None),
        (None, Some(roots)) => Err(TrustError::NoFleet { id: roots.fleet() }),
        (Some(_), None) => Err(TrustError::Missing),
        (Some(id), Some(roots)) if roots.fleet() == id => Ok(Some(roots)),
        (Some(id), Some(roots)) => Err(TrustError::OtherFleet { found: roots.fleet(), id }),
    }
}

/// Reads the list of roots, if there is one.
pub(super) fn read_list(layout: &Layout) -> Result<Option<Roots>, TrustError> {
    match layout.read(&Layout::roots(), ROOTS_MAX) {
        Err(error) if error.is_missing() => Ok(None),
        other => Ok(Some(Roots::verify(&other?)?)),
    }
}

/// Signs the first version of the roots, with the key of an admin whom the fleet names; none in a fleet without an id.
pub(super) fn first(settings: &Settings, fleet: &Fleet) -> Result<Option<Roots>, OpsError> {
    let Some(id) = fleet.id else { return Ok(None) };
    let author = find_author(settings, fleet, None)?;
    let voucher = Voucher { name: &author.name, signer: &author.signer, now: settings.now };
    Ok(Some(Roots::first(id, fleet.root_people(), voucher).map_err(StoreError::from)?))
}

/// Signs the next version of the roots, with a key that the newest one trusts.
pub(super) fn vouch(
    settings: &Settings,
    fleet: &Fleet,
    roots: Roots,
    people: People,
) -> Result<Roots, OpsError> {
    if people.full_keys().is_empty() {
        return Err(WorkspaceError::from(TrustError::NobodyVouches).into());
    }
    let author = find_author(settings, fleet, Some(&roots))?;
    let voucher = Voucher { name: &author.name, signer: &author.signer, now: settings.now };
    Ok(roots.next(people, voucher).map_err(StoreError::from)?)
}

/// Nothing is encrypted or signed for people whom no admin vouched for.
pub(super) fn refuse_unvouched(fleet: &Fleet, roots: Option<&Roots>) -> Result<(), TrustError> {
    let Some(roots) = roots else { return Ok(()) };
    let differences = differences(&roots.head().people, &fleet.root_people());
    if differences.is_empty() {
        return Ok(());
    }
    Err(TrustError::NotVouched { differences: differences.join("; ") })
}

/// What `secretctl.toml` says of people that the roots do not, in words.
pub(super) fn differences(vouched: &People, stated: &People) -> Vec<String> {
    let names: BTreeSet<&AdminName> = vouched.admins.keys().chain(stated.admins.keys()).collect();
    let mut words = Vec::new();
    for name in names {
        match (vouched.admins.get(name), stated.admins.get(name)) {
            (None, Some(_)) => words.push(format!("admin `{name}` is new")),
            (Some(_), None) => words.push(format!("admin `{name}` is gone")),
            (Some(before), Some(after)) if before != after => {
                let changed = [
                    ("recipients", before.recipients != after.recipients),
                    ("signing keys", before.signing_keys != after.signing_keys),
                    ("role", before.role != after.role),
                    ("removal", before.removed != after.removed),
                ];
                let changed: Vec<&str> =
                    changed.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
                words.push(format!("{} of admin `{name}` changed", changed.join(" and ")));
            }
            _ => {}
        }
    }
    if vouched.recovery != stated.recovery {
        words.push("recovery recipients changed".to_owned());
    }
    words
}

/// Whose manifests count, and whose did before they left.
pub(super) fn signers(fleet: &Fleet, roots: Option<&Roots>) -> Signers {
    let Some(roots) = roots else {
        let gone = fleet.admins.values().filter(|admin| admin.removed.is_some());
        let left = gone.flat_map(|admin| admin.signing_keys.iter().cloned()).collect();
        return Signers { trusted: fleet.trusted_keys(), left, fleet: None };
    };
    let trusted = roots.head().people.full_keys();
    let ever = roots.roots().flat_map(|root| root.people.full_keys());
    let left = ever.filter(|key| !trusted.contains(key)).collect();
    Signers { trusted, left, fleet: Some(roots.fleet()) }
}

/// Every key whose ledger lines count, until when and for what.
pub(super) fn authors(fleet: &Fleet, roots: Option<&Roots>) -> Authors {
    let mut keys = BTreeMap::new();
    let Some(roots) = roots else {
        for (name, admin) in &fleet.root_people().admins {
            add(&mut keys, name, admin, (Timestamp::MIN, None));
        }
        return Authors { keys, fleet: None };
    };
    // The newest version that names a key decides; one that it does not name any more left with that version.
    let mut newer: Option<Timestamp> = None;
    for root in roots.roots().collect::<Vec<_>>().into_iter().rev() {
        for (name, admin) in &root.people.admins {
            add(&mut keys, name, admin, (root.time, newer));
        }
        newer = Some(root.time);
    }
    Authors { keys, fleet: Some(roots.fleet()) }
}

/// Adds what one version says of an admin's keys, after all newer versions.
fn add(
    keys: &mut BTreeMap<VerifyingKey, KnownAuthor>,
    name: &AdminName,
    admin: &RootAdmin,
    (since, newer): (Timestamp, Option<Timestamp>),
) {
    let limits = || Limits { since, recipients: admin.recipients.clone() };
    for key in &admin.signing_keys {
        let Some(known) = keys.get_mut(key) else {
            let limited = (admin.role == Role::Named).then(limits);
            let removed = admin.removed.or(newer);
            keys.insert(key.clone(), KnownAuthor { name: name.clone(), removed, limited });
            continue;
        };
        // Limits begin with the first of the versions without a break that say so.
        let goes_on = |limits: &&mut Limits| Some(limits.since) == newer && admin.role == Role::Named;
        if let Some(limits) = known.limited.as_mut().filter(goes_on) {
            limits.since = since;
            limits.recipients.extend(admin.recipients.iter().cloned());
        }
    }
}
