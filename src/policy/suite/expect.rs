//! What tests expect: `expect_allowed`, `expect_denied`, the reasons they ask for, and `test` around them.

use std::sync::Arc;

use rhai::Array;
use rhai::Dynamic;
use rhai::Engine;
use rhai::FnPtr;
use rhai::ImmutableString;
use rhai::NativeCallContext;

use super::super::budget;
use super::super::decide::Decision;
use super::super::decide::Objection;
use super::super::decide::Query;
use super::super::declare;
use super::super::declare::Outcome;
use super::super::draft::expected;
use super::super::error;
use super::super::error::Code;
use super::super::error::Fault;
use super::super::error::Sources;
use super::super::facts::HasRoster;
use super::super::facts::HostObject;
use super::super::grant;
use super::super::language;
use super::super::rule::RuleRef;
use super::Case;
use super::CaseFailure;
use super::SharedNotes;
use super::World;
use super::lock;
use crate::diag::Place;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Units that one decision costs a test.
const DECISION_UNITS: u64 = 40;

/// Most requests of one expectation.
const REQUESTS_MAX: usize = 10_000;

/// Longest name of a test.
const NAME_MAX: usize = 200;

/// What is expected of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    Allowed,
    Denied,
}

/// What an expectation heard from the policy.
#[derive(Debug)]
pub(super) struct Heard {
    place: Place,
    spoke: Vec<RuleRef>,
}

/// What an expectation gives back: its number.
#[derive(Clone, Copy)]
struct Expectation(usize);

/// What a script expects.
struct Asked {
    wanted: Wanted,
    secret: ImmutableString,
    hosts: Dynamic,
    services: Option<Dynamic>,
}

/// One request of an expectation; without a service it is about all of the host's.
struct Request {
    secret: SecretName,
    host: HostName,
    service: Option<ServiceName>,
}

/// The functions of tests, with where they note what they find.
#[derive(Clone)]
struct Expect {
    world: World,
    notes: SharedNotes,
    sources: Arc<Sources>,
}

/// Teaches `engine` to expect things of the policy on `world`.
pub(super) fn register(engine: &mut Engine, world: &World, notes: &SharedNotes, sources: &Arc<Sources>) {
    engine.register_type_with_name::<Expectation>("expectation");
    let expect = Expect { world: world.clone(), notes: Arc::clone(notes), sources: Arc::clone(sources) };
    expect.register_one(engine, "expect_allowed", Wanted::Allowed);
    expect.register_one(engine, "expect_denied", Wanted::Denied);
    let own = expect.clone();
    language::registration("expectation", "because")
        .register_into_engine(engine, move |expectation: &mut Expectation, reason: ImmutableString| {
            own.because(*expectation, &reason)
        });
    language::registration("", "test").register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, name: ImmutableString, body: FnPtr| {
            expect.test(&context, &name, &body)
        },
    );
}

impl Expect {
    fn register_one(&self, engine: &mut Engine, name: &str, wanted: Wanted) {
        let own = self.clone();
        language::registration("", name).register_into_engine(
            engine,
            move |context: NativeCallContext<'_>,
                  secret: ImmutableString,
                  hosts: Dynamic,
                  services: Dynamic| {
                own.expect(&context, &own.world, &Asked { wanted, secret, hosts, services: Some(services) })
            },
        );
        let own = self.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>, secret: ImmutableString, hosts: Dynamic| {
                own.expect(&context, &own.world, &Asked { wanted, secret, hosts, services: None })
            },
        );
        let own = self.clone();
        language::registration("fleet", name).register_into_engine(
            engine,
            move |context: NativeCallContext<'_>,
                  world: &mut World,
                  secret: ImmutableString,
                  hosts: Dynamic,
                  services: Dynamic| {
                own.expect(&context, world, &Asked { wanted, secret, hosts, services: Some(services) })
            },
        );
        let own = self.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>,
                  world: &mut World,
                  secret: ImmutableString,
                  hosts: Dynamic| {
                own.expect(&context, world, &Asked { wanted, secret, hosts, services: None })
            },
        );
    }

    /// Asks the policy about every request, and notes what differs and which rules spoke.
    fn expect(&self, context: &NativeCallContext<'_>, world: &World, asked: &Asked) -> Outcome<Expectation> {
        let place = declare::place(context);
        let mut heard = Heard { place: place.clone(), spoke: Vec::new() };
        let mut failures = Vec::new();
        for request in asked.requests(world)? {
            budget::spend(DECISION_UNITS);
            let (allowed, spoke) = budget::aside(|| ask(world, &request))?;
            heard.spoke.extend(spoke);
            if allowed != (asked.wanted == Wanted::Allowed) {
                failures.push(failure(world, &request, asked.wanted, &place)?);
            }
        }
        let mut notes = lock(&self.notes);
        notes.spoke.extend(heard.spoke.iter().map(|rule| rule.place.clone()));
        notes.heard.push(heard);
        let number = notes.heard.len() - 1;
        let case = notes.case();
        case.expectations += 1;
        case.failures.extend(failures);
        Ok(Expectation(number))
    }

    fn because(&self, expectation: Expectation, reason: &str) -> Expectation {
        let mut notes = lock(&self.notes);
        let Some(heard) = notes.heard.get(expectation.0) else { return expectation };
        let said: Vec<String> = heard
            .spoke
            .iter()
            .filter_map(|rule| rule.because.as_ref())
            .map(|text| format!("`{text}`"))
            .collect();
        if !heard.spoke.iter().any(|rule| rule.because.as_deref() == Some(reason)) {
            let said = if said.is_empty() { "none".to_owned() } else { said.join(", ") };
            let message = format!("no rule speaks because `{reason}`; the reasons are: {said}");
            let place = heard.place.clone();
            notes.case().failures.push(CaseFailure { place, message, explanation: None });
        }
        expectation
    }

    /// Runs the expectations of one test; a mistake ends that test, a limit ends the file.
    fn test(&self, context: &NativeCallContext<'_>, name: &str, body: &FnPtr) -> Outcome<()> {
        let place = declare::place(context);
        if name.trim().is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            let fault = Fault::new(
                Code::Argument,
                format!("the name of a test has 1 to {NAME_MAX} bytes in one line"),
            );
            return Err(fault.into());
        }
        let case = Case { name: Some(name.to_owned()), file: place.file.clone(), ..Case::default() };
        let before = {
            let mut notes = lock(&self.notes);
            if notes.running.is_none() { notes.running.replace(case) } else { Some(case) }
        };
        if before.is_some() {
            let fault = Fault::new(Code::Argument, "a test stands inside another");
            return Err(fault.help("write them one after another").into());
        }
        let ended = body.call_within_context::<Dynamic>(context, ());
        let mut notes = lock(&self.notes);
        let Some(mut case) = notes.running.take() else { return Ok(()) };
        if let Err(error) = ended {
            let file = place.file.display().to_string();
            let error = error::translate(&error, &file, &self.sources);
            case.failures.push(CaseFailure::stopped(&error));
        }
        notes.ended.push(case);
        Ok(())
    }
}

impl Asked {
    /// Every combination of hosts and services.
    fn requests(&self, world: &World) -> Result<Vec<Request>, Fault> {
        let secret: SecretName = self.secret.parse().map_err(|error: crate::name::NameError| {
            let message = format!("`{}` is no secret name", self.secret.escape_debug());
            Fault::new(Code::Argument, message).help(error.rule())
        })?;
        let hosts = each(&self.hosts, &|host| host_name(world, host))?;
        let services: Vec<Option<ServiceName>> = match &self.services {
            None => vec![None],
            Some(services) => each(services, &service_name)?.into_iter().map(Some).collect(),
        };
        if hosts.len().saturating_mul(services.len()) > REQUESTS_MAX {
            let message = format!("one expectation is about at most {REQUESTS_MAX} requests");
            return Err(Fault::new(Code::Limit, message).help("name fewer hosts or services"));
        }
        let request = |host: &HostName, service: &Option<ServiceName>| Request {
            secret: secret.clone(),
            host: host.clone(),
            service: service.clone(),
        };
        Ok(hosts.iter().flat_map(|host| services.iter().map(move |service| request(host, service))).collect())
    }
}

/// One value, or each of an array that is not empty: an expectation about nothing would always hold.
fn each<T>(value: &Dynamic, one: &dyn Fn(&Dynamic) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let Some(array) = value.read_lock::<Array>() else { return Ok(vec![one(value)?]) };
    if array.is_empty() {
        let fault = Fault::new(Code::Argument, "the array is empty, so nothing would be expected");
        return Err(fault.help("name at least one, or look at how the array is made"));
    }
    array.iter().map(one).collect()
}

fn host_name(world: &World, value: &Dynamic) -> Result<HostName, Fault> {
    let name = match (value.read_lock::<ImmutableString>(), value.read_lock::<HostObject>()) {
        (Some(text), _) => text.to_string(),
        (None, Some(host)) => host.name().to_owned(),
        (None, None) => {
            return Err(expected("the name of a host, a host or an array of them", value.type_name()));
        }
    };
    let host = world.roster().host(&name).ok_or_else(|| world.roster().unknown_host(&name))?;
    Ok(host.name.clone())
}

fn service_name(value: &Dynamic) -> Result<ServiceName, Fault> {
    let text = value.read_lock::<ImmutableString>();
    let text =
        text.ok_or_else(|| expected("the name of a service or an array of them", value.type_name()))?;
    text.parse().map_err(|error: crate::name::NameError| {
        Fault::new(Code::Argument, format!("`{}` is no service name", text.escape_debug())).help(error.rule())
    })
}

/// Whether the request, or one of those that it stands for, is allowed; and every rule that spoke.
fn ask(world: &World, request: &Request) -> Result<(bool, Vec<RuleRef>), Fault> {
    let policy = world.policy()?;
    let services = match &request.service {
        Some(service) => [service.clone()].into(),
        None => policy.services_that_matter(&request.secret, &request.host),
    };
    let mut spoke = Vec::new();
    let mut allowed = false;
    for service in &services {
        let query = Query { secret: &request.secret, host: &request.host, service };
        let decision = policy.decide(&query, world.now());
        allowed |= decision.is_allowed();
        spoke.extend(decision.into_rules());
    }
    Ok((allowed, spoke))
}

fn failure(world: &World, request: &Request, wanted: Wanted, place: &Place) -> Result<CaseFailure, Fault> {
    let policy = world.policy()?;
    let Request { secret, host, service } = request;
    let granted = || {
        let services = policy.services_that_matter(secret, host);
        services
            .into_iter()
            .find(|service| policy.decide(&Query { secret, host, service }, world.now()).is_allowed())
    };
    let who = match service {
        Some(service) => format!("`{service}` on `{host}`"),
        None if wanted == Wanted::Denied => format!("every service of `{host}`"),
        None => format!("a service of `{host}`"),
    };
    let word = if wanted == Wanted::Allowed { "allowed" } else { "denied" };
    let service = service.clone().or_else(granted).unwrap_or_else(ServiceName::system);
    let explanation = policy.explain(&Query { secret, host, service: &service }, world.now());
    Ok(CaseFailure {
        place: place.clone(),
        message: format!("expected {who} to be {word} `{secret}`"),
        explanation: Some(Box::new(explanation)),
    })
}

impl Decision {
    /// Every rule that spoke or failed.
    fn into_rules(self) -> Vec<RuleRef> {
        match self {
            Self::Allow { permits, .. } => permits,
            Self::Deny { mut permits, objections } => {
                permits.extend(objections.into_iter().map(|objection| match objection {
                    Objection::Forbidden { rule } | Objection::Failed { rule, .. } => rule,
                }));
                permits
            }
        }
    }
}

impl super::super::Policy {
    /// The services of a host whose requests for a secret the rules may tell apart.
    fn services_that_matter(
        &self,
        secret: &SecretName,
        host: &HostName,
    ) -> std::collections::BTreeSet<ServiceName> {
        let Some(at) = self.roster.position(host.as_str()) else { return [ServiceName::system()].into() };
        let Some(facts) = self.roster.hosts().get(at) else { return [ServiceName::system()].into() };
        grant::known_services(self.touching(secret.as_str(), at), facts)
    }
}
