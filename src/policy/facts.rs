//! What rules may know about the fleet: `fleet`, its hosts and the names of its admins.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::EvalAltResult;
use rhai::ImmutableString;

use super::budget;
use super::error::Code;
use super::error::Fault;
use super::language;
use super::reword::suggestion;
use crate::fleet::Fleet;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::fleet::ServiceReach;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;

/// The hosts of the fleet in order of name, and where each stands in that order.
#[derive(Debug)]
pub(super) struct Roster {
    hosts: Vec<HostFacts>,
    index: HashMap<HostName, usize>,
    admins: Vec<ImmutableString>,
    known_admins: BTreeSet<AdminName>,
    reach: ServiceReach,
}

/// What is known about one host.
#[derive(Debug)]
pub(super) struct HostFacts {
    pub(super) name: HostName,
    pub(super) system: Option<String>,
    pub(super) tags: BTreeSet<Tag>,
    pub(super) services: BTreeSet<ServiceName>,
    pub(super) state: HostState,
    pub(super) has_recipient: bool,
    pub(super) object: HostObject,
}

impl Roster {
    /// Takes the facts out of a fleet; admins who have left are not among them.
    pub(super) fn new(fleet: &Fleet) -> Self {
        let hosts: Vec<_> = fleet.hosts.iter().map(|(name, host)| HostFacts::new(name, host)).collect();
        let index = hosts.iter().enumerate().map(|(at, host)| (host.name.clone(), at)).collect();
        let admins = fleet.active_admins().map(|(name, _)| name.as_str().into()).collect();
        let known_admins = fleet.admins.keys().cloned().collect();
        Self { hosts, index, admins, known_admins, reach: fleet.services }
    }

    /// Which hosts a rule that allows services, and names no hosts, is about.
    pub(super) fn reach(&self) -> ServiceReach {
        self.reach
    }

    /// All hosts in order of name.
    pub(super) fn hosts(&self) -> &[HostFacts] {
        &self.hosts
    }

    /// Where a host stands in that order.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The host of this name.
    pub(super) fn host(&self, name: &str) -> Option<&HostFacts> {
        self.hosts.get(self.position(name)?)
    }

    /// The admin of this name, gone or not.
    pub(super) fn admin(&self, name: &str) -> Option<&AdminName> {
        self.known_admins.get(name)
    }

    /// The mistake of naming an admin that the fleet does not have.
    pub(super) fn unknown_admin(&self, name: &str) -> Fault {
        let near = suggestion(name, self.known_admins.iter().map(AdminName::as_str));
        Fault::new(Code::UnknownAdmin, format!("the fleet has no admin `{}`", name.escape_debug()))
            .help(near.unwrap_or_else(|| "add them to `secretctl.toml`".to_owned()))
    }

    /// The mistake of naming a host that the fleet does not have.
    pub(super) fn unknown_host(&self, name: &str) -> Fault {
        let near = suggestion(name, self.hosts.iter().map(|host| host.name.as_str()));
        Fault::new(Code::UnknownHost, format!("the fleet has no host `{}`", name.escape_debug()))
            .help(near.unwrap_or_else(|| "add it to `secretctl.toml`, or write a glob".to_owned()))
    }
}

impl HostFacts {
    /// Whether `secretctl.toml` lists the service for the host; `system` is there on every host.
    pub(super) fn lists(&self, service: &ServiceName) -> bool {
        self.services.contains(service) || service.as_str() == ServiceName::SYSTEM
    }

    fn new(name: &HostName, host: &Host) -> Self {
        let fields = HostFields {
            name: name.as_str().into(),
            system: host.system.as_deref().unwrap_or_default().into(),
            tags: host.tags.iter().map(|tag| Dynamic::from(tag.as_str().to_owned())).collect(),
            services: host.services.iter().map(|name| Dynamic::from(name.as_str().to_owned())).collect(),
            state: host.state.to_string().into(),
        };
        Self {
            name: name.clone(),
            system: host.system.clone(),
            tags: host.tags.clone(),
            services: host.services.clone(),
            state: host.state,
            has_recipient: !host.recipients.is_empty(),
            object: HostObject(Arc::new(fields)),
        }
    }
}

/// A host as scripts see it; it can be read only.
#[derive(Clone, Debug)]
pub(super) struct HostObject(Arc<HostFields>);

#[derive(Debug)]
struct HostFields {
    name: ImmutableString,
    system: ImmutableString,
    tags: Array,
    services: Array,
    state: ImmutableString,
}

impl HostObject {
    /// The host's name.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }
}

/// The fleet as scripts see it; it can be read only.
#[derive(Clone, Debug)]
pub(super) struct FleetObject(pub(super) Arc<Roster>);

/// What scripts call `fleet`.
pub(super) trait HasRoster: Clone + Send + Sync + 'static {
    /// The hosts and admins that it tells about.
    fn roster(&self) -> &Roster;
}

impl HasRoster for FleetObject {
    fn roster(&self) -> &Roster {
        &self.0
    }
}

/// Teaches `engine` to read hosts and the fleet.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<HostObject>("host");
    let mut of_host = |name: &str, get: fn(&HostFields) -> Dynamic| {
        let getter = language::getter("host", name);
        getter.register_into_engine(engine, move |host: &mut HostObject| get(&host.0));
    };
    of_host("name", |host| host.name.clone().into());
    of_host("system", |host| host.system.clone().into());
    of_host("tags", |host| copied(&host.tags).into());
    of_host("services", |host| copied(&host.services).into());
    of_host("state", |host| host.state.clone().into());
    engine.register_fn("==", |a: HostObject, b: HostObject| a.name() == b.name());
    engine.register_fn("!=", |a: HostObject, b: HostObject| a.name() != b.name());

    engine.register_type_with_name::<FleetObject>("fleet");
    register_fleet::<FleetObject>(engine);
}

/// Teaches `engine` to read a fleet of this type.
pub(super) fn register_fleet<F: HasRoster>(engine: &mut Engine) {
    language::getter("fleet", "hosts")
        .register_into_engine(engine, |fleet: &mut F| fleet.roster().host_objects());
    language::getter("fleet", "admins")
        .register_into_engine(engine, |fleet: &mut F| fleet.roster().admin_names());
    language::registration("fleet", "host").register_into_engine(
        engine,
        |fleet: &mut F, name: ImmutableString| -> Result<HostObject, Box<EvalAltResult>> {
            let roster = fleet.roster();
            let host = roster.host(&name).ok_or_else(|| roster.unknown_host(&name))?;
            Ok(host.object.clone())
        },
    );
}

impl Roster {
    fn host_objects(&self) -> Array {
        budget::spend(self.hosts.len() as u64 / 4);
        self.hosts.iter().map(|host| Dynamic::from(host.object.clone())).collect()
    }

    fn admin_names(&self) -> Array {
        budget::spend(self.admins.len() as u64 / 4);
        self.admins.iter().cloned().map(Dynamic::from).collect()
    }
}

fn copied(array: &Array) -> Array {
    budget::spend(array.len() as u64 / 4 + 4);
    array.clone()
}
