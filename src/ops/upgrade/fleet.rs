//! Gives a fleet its id: in `secretctl.toml`, the first roots, every ledger and every manifest, in one change.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::fleet::FLEET_FILE;
use crate::fleet::FleetFile;
use crate::fsx::Transaction;
use crate::ledger;
use crate::ledger::Authors;
use crate::ledger::Event;
use crate::ledger::VerifiedLedger;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::trust::draw_id;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WorkspaceError;
use crate::ops::workspace::read_fleet_text;
use crate::roots::Roots;
use crate::roots::Voucher;
use crate::store::Layout;
use crate::store::StoreError;
use crate::store::TreeState;

/// What a move changes, or would change.
#[derive(Clone, Debug, Serialize)]
pub struct FleetUpgrade {
    /// Version of this schema.
    pub version: u32,
    /// The id that the fleet has from before; none where it gets one.
    pub had: Option<FleetId>,
    /// The id that it has then; none in a plan for a fleet without one.
    pub fleet: Option<FleetId>,
    /// Secrets whose ledgers are bound to the id.
    pub ledgers: BTreeSet<SecretName>,
    /// Hosts whose manifest is signed again with it.
    pub hosts: BTreeSet<HostName>,
}

impl FleetUpgrade {
    /// Whether there is nothing to do.
    pub fn is_clean(&self) -> bool {
        self.had.is_some() && self.ledgers.is_empty() && self.hosts.is_empty()
    }
}

/// Everything that is not bound to an id yet.
struct Unbound {
    ledgers: BTreeMap<SecretName, VerifiedLedger>,
    manifests: Vec<Manifest>,
}

impl Unbound {
    /// Reads what an id is missing from; a ledger that does not hold stops the move.
    fn read(ws: &Workspace) -> Result<Self, OpsError> {
        let survey = ws.layout.survey()?.whole()?;
        let without = Authors { fleet: None, ..ws.authors() };
        let mut ledgers = BTreeMap::new();
        for name in survey.sources.union(&survey.ledgers) {
            if ws.fleet.id.is_some() && ws.layout.read_ledger(name, &ws.authors()).is_ok() {
                continue;
            }
            let ledger = if survey.sources.contains(name) {
                ws.layout.read_source(name, &without)?.ledger
            } else {
                ws.layout.read_ledger(name, &without)?
            };
            ledgers.insert(name.clone(), ledger);
        }
        let mut manifests = Vec::new();
        let signers = ws.signers();
        for host in ws.fleet.hosts.keys().filter(|_| ws.fleet.id.is_none()) {
            if let TreeState::Sound(verified) = ws.layout.read_sealed(host, &signers)?.state {
                manifests.push(verified.manifest().clone());
            }
        }
        Ok(Self { ledgers, manifests })
    }

    fn report(&self, ws: &Workspace) -> FleetUpgrade {
        FleetUpgrade {
            version: 1,
            had: ws.fleet.id,
            fleet: ws.fleet.id,
            ledgers: self.ledgers.keys().cloned().collect(),
            hosts: self.manifests.iter().map(|manifest| manifest.host.clone()).collect(),
        }
    }
}

/// What [`upgrade`] would do; needs no key.
pub fn plan(ws: &Workspace) -> Result<FleetUpgrade, OpsError> {
    Ok(Unbound::read(ws)?.report(ws))
}

/// Moves the fleet over. In one that has an id already, binds the ledgers that do not name it.
pub fn upgrade(ws: &Workspace) -> Result<FleetUpgrade, OpsError> {
    let lock = ws.lock()?;
    let unbound = Unbound::read(ws)?;
    let report = unbound.report(ws);
    if report.is_clean() {
        return Ok(report);
    }
    let id = ws.fleet.id.unwrap_or_else(draw_id);
    let author = Author { fleet: Some(id), ..ws.author()? };
    let mut change = ws.change(&lock)?;
    if ws.fleet.id.is_none() {
        begin(ws, id, &author, &mut change)?;
    }
    for (name, ledger) in unbound.ledgers {
        bind(ws, &name, ledger, &author, &mut change)?;
    }
    for manifest in unbound.manifests {
        sign_again(ws, manifest, &author, &mut change)?;
    }
    change.commit()?;
    Ok(FleetUpgrade { fleet: Some(id), ..report })
}

/// The id in `secretctl.toml`, and the first version of the roots.
fn begin(ws: &Workspace, id: FleetId, author: &Author, change: &mut Transaction) -> Result<(), OpsError> {
    let text = read_fleet_text(ws.layout.root()).map_err(WorkspaceError::from)?;
    let mut file = FleetFile::parse(&text);
    file.set_id(id);
    let voucher = Voucher { name: &author.name, signer: &author.signer, now: ws.settings.now };
    let roots = Roots::first(id, ws.fleet.root_people(), voucher).map_err(StoreError::from)?;
    change.write(FLEET_FILE, file.to_text().as_bytes())?;
    change.write(Layout::roots(), roots.bytes())?;
    Ok(())
}

/// One line that names the fleet, after which no line may leave it out.
fn bind(
    ws: &Workspace,
    name: &SecretName,
    mut ledger: VerifiedLedger,
    author: &Author,
    change: &mut Transaction,
) -> Result<(), OpsError> {
    let Some(head) = ledger.head().cloned() else { return Ok(()) };
    let entry = ledger::Entry {
        event: if ledger.is_removed() { Event::Removed } else { Event::Bound },
        key: head.key,
        source_sha256: head.source_sha256,
        recipients: head.recipients,
        hosts: head.hosts,
        above: 0,
        value: None,
    };
    ledger.append(name, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    change.write(Layout::ledger(name), ledger.bytes())?;
    Ok(())
}

/// The same grants under the next serial; copies and sealing identity stay.
fn sign_again(
    ws: &Workspace,
    manifest: Manifest,
    author: &Author,
    change: &mut Transaction,
) -> Result<(), OpsError> {
    let serial = manifest
        .next_serial()
        .ok_or_else(|| StoreError::SerialEnd { host: manifest.host.clone(), last: manifest.serial })?;
    let manifest = Manifest { fleet: author.fleet, serial, sealed_at: ws.settings.now, ..manifest };
    let folder = Layout::sealed(&manifest.host);
    let bytes = manifest.to_bytes();
    let signature =
        author.signer.sign(&bytes, crate::crypto::Namespace::Manifest).map_err(StoreError::from)?;
    change.write(folder.join(MANIFEST_FILE), &bytes)?;
    change.write(folder.join(SIGNATURE_FILE), signature.to_armored().as_bytes())?;
    Ok(())
}
