//! Fleets that tests make up: the real one with other hosts, or at another time.

use std::sync::Arc;
use std::sync::OnceLock;

use jiff::Timestamp;
use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::ImmutableString;
use rhai::Map;

use super::super::PolicyFile;
use super::super::budget;
use super::super::declare::Outcome;
use super::super::draft::expected;
use super::super::draft::first_instant;
use super::super::engine::POLICY_UNITS;
use super::super::error::Code;
use super::super::error::Fault;
use super::super::facts;
use super::super::facts::HasRoster;
use super::super::facts::Roster;
use super::super::language;
use super::super::reword::suggestion;
use crate::fleet::Fleet;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::name::HostName;
use crate::policy::Policy;

/// What a host is described by.
const FACTS: [&str; 4] = ["tags", "services", "system", "state"];

/// Units that making up a fleet costs a test, and running the policy on it.
const WORLD_UNITS: u64 = 5_000;

/// Which part of what the policy costs on a made-up fleet its test pays for.
const WORLD_SHARE: u64 = 10;

/// A fleet, its policy and a time, as tests see it.
#[derive(Clone)]
pub(super) struct World {
    place: Arc<Place>,
    now: Timestamp,
}

/// A fleet with the policy that the files make of it, run when it is first asked.
struct Place {
    files: Arc<[PolicyFile]>,
    fleet: Fleet,
    roster: Roster,
    policy: OnceLock<Result<Policy, Fault>>,
}

impl HasRoster for World {
    fn roster(&self) -> &Roster {
        &self.place.roster
    }
}

impl World {
    /// The fleet as it is.
    pub(super) fn new(files: Arc<[PolicyFile]>, fleet: Fleet, now: Timestamp) -> Self {
        let roster = Roster::new(&fleet);
        Self { place: Arc::new(Place { files, fleet, roster, policy: OnceLock::new() }), now }
    }

    /// The time that is asked about.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The policy on this fleet.
    pub(super) fn policy(&self) -> Result<&Policy, Fault> {
        let place = &self.place;
        let load = || {
            let (loaded, cost) = budget::aside(|| {
                let loaded = Policy::load(&place.files, &place.fleet);
                (loaded, POLICY_UNITS.saturating_sub(budget::left()))
            });
            budget::spend(WORLD_UNITS + cost / WORLD_SHARE);
            loaded.map_err(|error| {
                let error = error.source_error();
                let message =
                    format!("the policy does not run on this fleet: {} ({})", error.message, error.place());
                Fault::new(Code::Script, message).help("name hosts by tag or glob, or keep them in the fleet")
            })
        };
        place.policy.get_or_init(load).as_ref().map_err(Clone::clone)
    }

    fn with(&self, fleet: Fleet) -> Self {
        budget::spend(WORLD_UNITS);
        Self::new(Arc::clone(&self.place.files), fleet, self.now)
    }

    fn with_host(&self, name: &str, facts: &Map) -> Result<Self, Fault> {
        let wrong = |error: crate::name::NameError| {
            Fault::new(Code::Argument, format!("`{}` is no host name", name.escape_debug()))
                .help(error.rule())
        };
        let name: HostName = name.parse().map_err(wrong)?;
        let mut fleet = self.place.fleet.clone();
        let host = fleet.hosts.entry(name).or_default();
        for (fact, value) in facts {
            put_fact(host, fact, value)?;
        }
        Ok(self.with(fleet))
    }

    fn without_host(&self, name: &str) -> Result<Self, Fault> {
        let mut fleet = self.place.fleet.clone();
        if fleet.hosts.remove(name).is_none() {
            return Err(self.place.roster.unknown_host(name));
        }
        Ok(self.with(fleet))
    }

    fn at(&self, time: &str) -> Result<Self, Fault> {
        Ok(Self { now: first_instant(time)?, ..self.clone() })
    }
}

fn put_fact(host: &mut Host, fact: &str, value: &Dynamic) -> Result<(), Fault> {
    match fact {
        "tags" => host.tags = names(fact, value)?,
        "services" => host.services = names(fact, value)?,
        "system" => host.system = Some(text(fact, value)?),
        "state" => {
            let word = text(fact, value)?;
            let known = HostState::ALL.iter().find(|(known, _)| *known == word);
            let wrong = || Fault::new(Code::Argument, format!("unknown state `{}`", word.escape_debug()));
            let states = HostState::ALL.map(|(known, _)| known);
            let help = || format!("known here: `{}`", states.join("`, `"));
            host.state = known.map(|(_, state)| *state).ok_or_else(|| wrong().help(help()))?;
        }
        _ => {
            let near = suggestion(fact, FACTS.into_iter());
            let help = near.unwrap_or_else(|| format!("known here: `{}`", FACTS.join("`, `")));
            return Err(
                Fault::new(Code::Argument, format!("a host has no `{}`", fact.escape_debug())).help(help)
            );
        }
    }
    Ok(())
}

fn text(fact: &str, value: &Dynamic) -> Result<String, Fault> {
    let text = value.read_lock::<ImmutableString>().map(|text| text.to_string());
    text.ok_or_else(|| expected(&format!("a text as `{fact}`"), value.type_name()))
}

fn names<T: std::str::FromStr<Err = crate::name::NameError> + Ord>(
    fact: &str,
    value: &Dynamic,
) -> Result<std::collections::BTreeSet<T>, Fault> {
    let array = value.read_lock::<Array>();
    let array = array.ok_or_else(|| expected(&format!("an array as `{fact}`"), value.type_name()))?;
    let one = |item: &Dynamic| {
        let name = text(fact, item)?;
        let wrong = |error: crate::name::NameError| {
            Fault::new(Code::Argument, format!("`{}` does not fit into `{fact}`", name.escape_debug()))
                .help(error.rule())
        };
        name.parse().map_err(wrong)
    };
    array.iter().map(one).collect()
}

/// Teaches `engine` the fleets of tests.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<World>("made-up fleet");
    facts::register_fleet::<World>(engine);
    language::registration("fleet", "with_host").register_into_engine(
        engine,
        |world: &mut World, name: ImmutableString, facts: Map| -> Outcome<World> {
            Ok(world.with_host(&name, &facts)?)
        },
    );
    language::registration("fleet", "without_host")
        .register_into_engine(engine, |world: &mut World, name: ImmutableString| -> Outcome<World> {
            Ok(world.without_host(&name)?)
        });
    language::registration("fleet", "at")
        .register_into_engine(engine, |world: &mut World, time: ImmutableString| -> Outcome<World> {
            Ok(world.at(&time)?)
        });
}
