//! The rules in Cedar, and its authorizer.
//!
//! A host is the principal and lies in its tags; a secret is the resource and lies in every pattern that covers
//! it. So tags and patterns are tests of ancestry in the scope of a policy, which Cedar looks up in a table that
//! was made once. The service that asks is in the context.

use std::collections::HashMap;
use std::collections::HashSet;
use std::error::Error;
use std::str::FromStr;

use cedar_policy::Authorizer;
use cedar_policy::Context;
use cedar_policy::Decision;
use cedar_policy::Entities;
use cedar_policy::Entity;
use cedar_policy::EntityId;
use cedar_policy::EntityTypeName;
use cedar_policy::EntityUid;
use cedar_policy::PolicySet;
use cedar_policy::Request;
use cedar_policy::RestrictedExpression;

use crate::engine::Ask;
use crate::engine::Engine;
use crate::rules;
use crate::rules::Condition;
use crate::rules::Effect;
use crate::rules::Hosts;
use crate::rules::Pattern;
use crate::rules::Rule;
use crate::world::Host;
use crate::world::Question;
use crate::world::SERVICES;
use crate::world::World;

/// One policy for each rule.
pub fn text(rules: &[Rule]) -> String {
    rules.iter().map(|rule| policy(rule) + "\n").collect()
}

fn policy(rule: &Rule) -> String {
    let effect = match rule.effect {
        Effect::Allow => "permit",
        Effect::Deny => "forbid",
    };
    let (mut principal, mut resource) = ("principal".to_owned(), "resource".to_owned());
    let (mut when, mut unless) = (Vec::new(), String::new());
    match &rule.pattern {
        Pattern::Exact(name) => resource = format!("resource == Secret::{name:?}"),
        Pattern::Folder(_) | Pattern::Tree(_) | Pattern::AnyArea(_) => {
            resource = format!("resource in Pattern::{:?}", rule.pattern.text());
        }
        Pattern::OwnFolder(_) => {
            resource = format!("resource in Pattern::{:?}", rule.pattern.text());
            when.push("resource.first == principal.name".to_owned());
        }
        Pattern::OwnService => {
            when.push("resource.first == principal.name && resource.second == context.service".to_owned());
        }
    }
    match &rule.hosts {
        Hosts::All => {}
        Hosts::Tagged(tag) => principal = format!("principal in Tag::{tag:?}"),
        Hosts::AllBut(tag) => unless = format!(" unless {{ principal in Tag::{tag:?} }}"),
        Hosts::Named(names) => {
            when.push(any(names.iter().map(|name| format!("principal == Host::{name:?}"))));
        }
    }
    if !rule.services.is_empty() {
        when.push(any(rule.services.iter().map(|service| format!("context.service == {service:?}"))));
    }
    match rule.condition {
        None => {}
        Some(Condition::HostRuns(service)) => when.push(format!("principal.services.contains({service:?})")),
        Some(Condition::NameEnds(end)) => when.push(format!("resource.name like \"*{end}\"")),
    }
    let when = if when.is_empty() { String::new() } else { format!(" when {{ {} }}", when.join(" && ")) };
    format!("{effect}({principal}, action, {resource}){when}{unless};")
}

fn any(tests: impl Iterator<Item = String>) -> String {
    format!("({})", tests.collect::<Vec<_>>().join(" || "))
}

/// A parsed set of policies with the entities they speak about.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    action: EntityUid,
    hosts: Vec<EntityUid>,
    secrets: Vec<EntityUid>,
    contexts: Vec<Context>,
}

/// Parses the policies; the entities are not part of it.
pub fn load(text: &str) -> Result<PolicySet, Box<dyn Error>> {
    Ok(PolicySet::from_str(text)?)
}

impl Cedar {
    pub fn new(world: &World, policies: PolicySet) -> Result<Self, Box<dyn Error>> {
        let hosts = world.hosts.iter().map(|host| uid("Host", &host.name)).collect::<Result<_, _>>()?;
        let secrets = world.secrets.iter().map(|name| uid("Secret", name)).collect::<Result<_, _>>()?;
        let contexts = SERVICES.iter().map(|service| context(service)).collect::<Result<_, _>>()?;
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            entities: entities(world)?,
            action: uid("Action", "read")?,
            hosts,
            secrets,
            contexts,
        })
    }

    /// A request is put together from parts that exist; with no schema, nothing is checked.
    fn request(&self, question: Question) -> Request {
        let host = self.hosts[question.host].clone();
        let secret = self.secrets[question.secret].clone();
        let context = self.contexts[question.service].clone();
        Request::new(host, self.action.clone(), secret, context, None).expect("no schema to violate")
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Box<dyn Error>> {
    Ok(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind)?, EntityId::new(id)))
}

fn context(service: &str) -> Result<Context, Box<dyn Error>> {
    let service = RestrictedExpression::new_string(service.to_owned());
    Ok(Context::from_pairs([("service".to_owned(), service)])?)
}

fn entities(world: &World) -> Result<Entities, Box<dyn Error>> {
    let mut entities = Vec::new();
    for host in &world.hosts {
        entities.push(host_entity(host)?);
    }
    for name in &world.secrets {
        entities.push(secret_entity(name)?);
    }
    Ok(Entities::from_entities(entities, None)?)
}

fn host_entity(host: &Host) -> Result<Entity, Box<dyn Error>> {
    let services =
        host.services.iter().map(|service| RestrictedExpression::new_string((*service).to_owned()));
    let facts = HashMap::from([
        ("name".to_owned(), RestrictedExpression::new_string(host.name.clone())),
        ("services".to_owned(), RestrictedExpression::new_set(services)),
    ]);
    let tags = host.tags.iter().map(|tag| uid("Tag", tag)).collect::<Result<HashSet<_>, _>>()?;
    Ok(Entity::new(uid("Host", &host.name)?, facts, tags)?)
}

fn secret_entity(name: &str) -> Result<Entity, Box<dyn Error>> {
    let (first, second) = rules::first_two(name);
    let facts = [("name", name), ("first", first), ("second", second)];
    let facts =
        facts.map(|(fact, text)| (fact.to_owned(), RestrictedExpression::new_string(text.to_owned())));
    let patterns = rules::covering(name).into_iter().chain(rules::covering_own(name));
    let patterns = patterns.map(|pattern| uid("Pattern", &pattern)).collect::<Result<_, _>>()?;
    Ok(Entity::new(uid("Secret", name)?, HashMap::from(facts), patterns)?)
}

impl Engine for Cedar {
    type Asker<'e> = &'e Self;

    fn asker(&self) -> Self::Asker<'_> {
        self
    }

    /// Every response names the policies behind it, so explaining is deciding and reading that list.
    fn explainer(&self) -> impl FnMut(Question) -> usize {
        |question| {
            let request = self.request(question);
            let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
            response.diagnostics().reason().count()
        }
    }
}

impl Ask for &Cedar {
    fn allows(&mut self, question: Question) -> bool {
        let response = self.authorizer.is_authorized(&self.request(question), &self.policies, &self.entities);
        // A policy that cannot be evaluated is skipped by Cedar, which would go unseen.
        assert!(response.diagnostics().errors().next().is_none(), "a policy failed");
        response.decision() == Decision::Allow
    }
}
