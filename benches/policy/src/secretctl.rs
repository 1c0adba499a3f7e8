//! The rules in the policy language of secretctl, and its engine.

use std::error::Error;
use std::path::Path;

use jiff::Timestamp;
use secretctl::fleet::Fleet;
use secretctl::name::HostName;
use secretctl::name::SecretName;
use secretctl::name::ServiceName;
use secretctl::policy::Matrix;
use secretctl::policy::Policy;
use secretctl::policy::PolicyFile;
use secretctl::policy::Query;

use crate::engine::Ask;
use crate::engine::Engine;
use crate::rules::Condition;
use crate::rules::Effect;
use crate::rules::Hosts;
use crate::rules::Rule;
use crate::world::Question;
use crate::world::SERVICES;
use crate::world::World;

/// One line for each rule.
pub fn text(rules: &[Rule]) -> String {
    rules.iter().map(|rule| line(rule) + "\n").collect()
}

fn line(rule: &Rule) -> String {
    let effect = match rule.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    let pattern = rule.pattern.text();
    let hosts = match &rule.hosts {
        Hosts::All => String::new(),
        Hosts::Tagged(tag) => format!(".hosts(tag({tag:?}))"),
        Hosts::AllBut(tag) => format!(".except(tag({tag:?}))"),
        Hosts::Named(names) => format!(".hosts({names:?})"),
    };
    let services = match rule.services.as_slice() {
        [] => String::new(),
        services => format!(".services({services:?})"),
    };
    let condition = match rule.condition {
        None => String::new(),
        Some(Condition::HostRuns(service)) => {
            format!(".when(|secret, host, service| host.services.contains({service:?}))")
        }
        Some(Condition::NameEnds(end)) => format!(".when(|secret, host, service| secret.ends_with({end:?}))"),
    };
    format!("{effect}({pattern:?}){hosts}{services}{condition};")
}

/// A loaded policy, with the names that questions are made of.
pub struct Secretctl {
    policy: Policy,
    names: Names,
    now: Timestamp,
}

struct Names {
    secrets: Vec<SecretName>,
    hosts: Vec<HostName>,
    services: Vec<ServiceName>,
}

/// What loading starts from.
pub struct Source {
    fleet: Fleet,
    files: Vec<PolicyFile>,
}

impl Source {
    pub fn new(world: &World, rules: &[Rule]) -> Result<Self, Box<dyn Error>> {
        let fleet = Fleet::parse(&world.fleet_file(), Path::new("secretctl.toml"))?;
        Ok(Self { fleet, files: vec![PolicyFile { path: "policies/bench.rhai".into(), text: text(rules) }] })
    }

    /// Runs the script and indexes its rules.
    pub fn load(&self) -> Result<Policy, Box<dyn Error>> {
        Ok(Policy::load(&self.files, &self.fleet)?)
    }
}

impl Secretctl {
    pub fn new(world: &World, policy: Policy) -> Result<Self, Box<dyn Error>> {
        let names = Names {
            secrets: world.secrets.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            hosts: world.hosts.iter().map(|host| host.name.parse()).collect::<Result<_, _>>()?,
            services: SERVICES.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        };
        Ok(Self { policy, names, now: "2026-01-01T00:00:00Z".parse()? })
    }

    fn query(&self, question: Question) -> Query<'_> {
        Query {
            secret: &self.names.secrets[question.secret],
            host: &self.names.hosts[question.host],
            service: &self.names.services[question.service],
        }
    }

    /// Every grant at once, as sealing asks for them.
    pub fn matrix(&self) -> Matrix {
        self.policy.matrix(&self.names.secrets, self.now)
    }
}

impl Engine for Secretctl {
    type Asker<'e> = &'e Self;

    fn asker(&self) -> Self::Asker<'_> {
        self
    }

    fn explainer(&self) -> impl FnMut(Question) -> usize {
        |question| self.policy.explain(&self.query(question), self.now).near.len()
    }
}

impl Ask for &Secretctl {
    fn allows(&mut self, question: Question) -> bool {
        self.policy.decide(&self.query(question), self.now).is_allowed()
    }
}
