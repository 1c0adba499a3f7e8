//! What hosts need, what policy grants them, and what is sealed for them, against each other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::affected::Affected;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::host::Need;
use crate::host::Places;
use crate::host::Request;
use crate::host::RequestError;
use crate::manifest::GrantedServices;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops::check::coverage;
use crate::ops::error::OpsError;
use crate::ops::host::known;
use crate::ops::workspace::Workspace;
use crate::policy::Services;
use crate::store::StoreError;
use crate::store::TreeState;

/// Why the numbers could not be told.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum AccessError {
    /// A request cannot be used.
    #[error("the request `{}` is not used", path.display())]
    #[diagnostic(
        code(access::request),
        help("build the configuration of the host again; a mistake is told below")
    )]
    Request {
        /// The file.
        path: PathBuf,
        /// Why.
        #[related]
        mistakes: Vec<RequestError>,
    },
    /// Sources that could not be counted.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A file that could not be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
    /// A host of a request that does not exist.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ops(#[from] OpsError),
}

impl Failure for AccessError {
    fn class(&self) -> Class {
        match self {
            Self::Request { mistakes, .. } => mistakes.first().map_or(Class::Usage, Failure::class),
            Self::Store(error) => error.class(),
            Self::Fs(error) => error.class(),
            Self::Ops(error) => error.class(),
        }
    }
}

/// The access of a fleet in numbers, with every pair that stands out.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// Version of this schema.
    pub version: u32,
    /// The numbers of each host.
    pub hosts: BTreeMap<HostName, Numbers>,
    /// Granted, though the request of the host does not ask for it.
    pub surplus: Vec<Pair>,
    /// Asked for, and not granted or not there.
    pub missing: Vec<Pair>,
    /// Sealed, though no rule grants it any more.
    pub drift: Vec<Pair>,
    /// Granted, and not sealed yet.
    pub unsealed: Vec<Pair>,
}

/// Pairs of one host with a secret.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Numbers {
    /// Asked for by its request; null without one.
    pub needed: Option<usize>,
    /// Granted by policy.
    pub granted: usize,
    /// In its signed manifest; null if that is not to be believed.
    pub sealed: Option<usize>,
}

/// A secret, a host and the services that are meant.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Pair {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The services.
    #[serde(flatten)]
    pub services: Affected,
}

impl Access {
    /// All pairs that policy grants.
    pub fn granted(&self) -> usize {
        self.hosts.values().map(|numbers| numbers.granted).sum()
    }
}

/// Compares what requests ask for, what policy grants for secrets that exist, and what is sealed.
pub fn access(ws: &Workspace, requests: &[PathBuf]) -> Result<Access, AccessError> {
    let secrets: Vec<SecretName> = ws.layout.sources()?.into_iter().collect();
    let mut granted: BTreeMap<HostName, BTreeMap<SecretName, Services>> = BTreeMap::new();
    for row in ws.policy.matrix(&secrets, ws.settings.now).rows {
        if ws.policy.seals_for(&row.host) {
            granted.entry(row.host).or_default().insert(row.secret, row.grant.services);
        }
    }
    let needed = needed(ws, requests)?;
    let mut access = Access {
        version: 1,
        hosts: BTreeMap::new(),
        surplus: Vec::new(),
        missing: Vec::new(),
        drift: Vec::new(),
        unsealed: Vec::new(),
    };
    for host in hosts(ws)? {
        let none = BTreeMap::new();
        let granted = granted.get(&host).unwrap_or(&none);
        let sealed = sealed(ws, &host)?;
        let needs = needed.get(&host);
        if let Some(needs) = needs {
            access.compare_needs(&host, needs, granted);
        }
        if let Some(sealed) = &sealed {
            access.drift.extend(pairs(&host, sealed, granted));
            access.unsealed.extend(pairs(&host, granted, sealed));
        }
        let numbers = Numbers {
            needed: needs.map(BTreeMap::len),
            granted: granted.len(),
            sealed: sealed.as_ref().map(BTreeMap::len),
        };
        access.hosts.insert(host, numbers);
    }
    Ok(access)
}

impl Access {
    fn compare_needs(
        &mut self,
        host: &HostName,
        needs: &BTreeMap<SecretName, Needs>,
        granted: &BTreeMap<SecretName, Services>,
    ) {
        let pair =
            |secret: &SecretName, services| Pair { secret: secret.clone(), host: host.clone(), services };
        // Whoever asks for a secret needs it; that more services might read it is a matter of its rule.
        let surplus = granted.iter().filter(|(secret, _)| !needs.contains_key(*secret));
        self.surplus.extend(surplus.map(|(secret, services)| pair(secret, services.into())));
        for (secret, needs) in needs {
            let required = (!needs.is_empty()).then(|| Services::Only(needs.clone()));
            let denied = Affected::between(required.as_ref(), granted.get(secret));
            self.missing.extend(denied.map(|services| pair(secret, services)));
        }
    }
}

/// What `more` has on a host and `less` has not.
fn pairs(
    host: &HostName,
    more: &BTreeMap<SecretName, Services>,
    less: &BTreeMap<SecretName, Services>,
) -> Vec<Pair> {
    let pair = |(secret, services): (&SecretName, &Services)| {
        let services = Affected::between(Some(services), less.get(secret))?;
        Some(Pair { secret: secret.clone(), host: host.clone(), services })
    };
    more.iter().filter_map(pair).collect()
}

/// The services that cannot do without a secret; none where all that ask could.
type Needs = BTreeSet<ServiceName>;

/// What the requests ask for, by host; two requests of one host count together.
fn needed(
    ws: &Workspace,
    requests: &[PathBuf],
) -> Result<BTreeMap<HostName, BTreeMap<SecretName, Needs>>, AccessError> {
    let mut needed: BTreeMap<HostName, BTreeMap<SecretName, Needs>> = BTreeMap::new();
    for path in requests {
        let unused = |error| AccessError::Request { path: path.clone(), mistakes: vec![error] };
        let request = Request::read(path, &Places::of_anybody()).map_err(unused)?;
        known(&ws.fleet, &request.host)?;
        let host = needed.entry(request.host.clone()).or_default();
        for wanted in request.files.values() {
            for secret in coverage::secrets(wanted) {
                let needs = host.entry(secret.clone()).or_default();
                if wanted.need == Need::Required {
                    needs.insert(wanted.service.clone());
                }
            }
        }
    }
    Ok(needed)
}

/// Every host of the fleet, and those that have only a sealed tree left.
fn hosts(ws: &Workspace) -> Result<BTreeSet<HostName>, FsError> {
    let folders = ws.layout.sealed_folders()?;
    let left = folders.iter().filter_map(|folder| folder.parse().ok());
    Ok(ws.fleet.hosts.keys().cloned().chain(left).collect())
}

/// What the signed manifest of a host holds; nothing if there is one that is not to be believed.
fn sealed(ws: &Workspace, host: &HostName) -> Result<Option<BTreeMap<SecretName, Services>>, FsError> {
    let tree = ws.layout.read_sealed(host, &ws.signers())?;
    if matches!(tree.state, TreeState::Refused { .. }) {
        return Ok(None);
    }
    let entries = tree.manifest().into_iter().flat_map(|manifest| &manifest.secrets);
    let services = |services: &GrantedServices| match services {
        GrantedServices::All => Services::All,
        GrantedServices::Only(services) => Services::Only(services.clone()),
    };
    Ok(Some(entries.map(|(name, entry)| (name.clone(), services(&entry.services))).collect()))
}
