//! The rules in Rego, in two forms, and regorus, which runs Rego in two ways.
//!
//! As [`Form::Rules`], each rule is a rule of Rego. As [`Form::Data`], rules are data under their patterns, and a few
//! lines of Rego look up the patterns that cover the secret asked for: an index made by hand, which leaves few
//! rules to look at. Which form is faster depends on how regorus runs them, so both are measured.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use regorus::Value;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;
use serde_json::Map;
use serde_json::json;

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

/// How rules are written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Form {
    Rules,
    Data,
}

/// How regorus runs them.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Mode {
    Vm,
    Interpreter,
}

const PACKAGE: &str = "package bench\nimport rego.v1\n";
const COMBINE: &str = "decision if {\n  permitted\n  not forbidden\n}\n";
const DECISION: &str = "data.bench.decision";
const SPOKE: &str = "data.bench.spoke";

/// Looks up the patterns that cover a secret; those with placeholders only where they can apply.
/// No rule denies a host its own folder, so `forbidden` looks up no placeholders.
const LOOKUP: &str = r#"
permitted if {
  some pattern in input.secret.patterns
  some rule in data.allow[pattern]
  about(rule)
}
permitted if {
  input.secret.first == input.host.name
  some rule in data.allow[input.secret.own]
  about(rule)
}
permitted if {
  input.secret.first == input.host.name
  input.secret.second == input.service
  some rule in data.allow["{host}/{service}/**"]
  about(rule)
}
forbidden if {
  some pattern in input.secret.patterns
  some rule in data.deny[pattern]
  about(rule)
}
about(rule) if {
  rule.hosts[input.host.name]
  serves(rule)
  holds(rule)
}
serves(rule) if not rule.services
serves(rule) if rule.services[input.service]
holds(rule) if not rule.condition
holds(rule) if input.host.services[rule.condition.host_runs]
holds(rule) if endswith(input.secret.name, rule.condition.name_ends)
"#;

/// What loading starts from: the text of the policy and its data, as JSON.
pub struct Source {
    text: String,
    data: String,
    entry: &'static str,
}

impl Source {
    pub fn new(world: &World, rules: &[Rule], form: Form) -> Result<Self, Box<dyn Error>> {
        let (text, data) = match form {
            Form::Rules => (rules_text(rules), "{}".to_owned()),
            Form::Data => ([PACKAGE, COMBINE, LOOKUP].concat(), data(world, rules)?),
        };
        Ok(Self { text, data, entry: DECISION })
    }

    /// The rules that speak, by number, in place of the decision.
    pub fn explaining(rules: &[Rule]) -> Self {
        let spoke =
            rules.iter().enumerate().map(|(nth, rule)| statement(&format!("spoke contains {nth}"), rule));
        let text = [PACKAGE, &spoke.collect::<String>()].concat();
        Self { text, data: "{}".to_owned(), entry: SPOKE }
    }

    /// Parses and compiles, for the virtual machine down to its program.
    pub fn load(&self, mode: Mode) -> Result<Loaded, Box<dyn Error>> {
        let mut engine = regorus::Engine::new();
        engine.add_policy("bench.rego".to_owned(), self.text.clone())?;
        let data = Value::from_json_str(&self.data)?;
        engine.add_data(data.clone())?;
        match mode {
            Mode::Vm => {
                let policy = engine.compile_with_entrypoint(&self.entry.into())?;
                let program = Compiler::compile_from_policy(&policy, &[self.entry])?;
                Ok(Loaded::Vm { program, data })
            }
            Mode::Interpreter => {
                // The first evaluation prepares the modules, which belongs to loading.
                engine.set_input(Value::new_object());
                engine.eval_rule(self.entry.to_owned())?;
                Ok(Loaded::Interpreter { engine: Box::new(engine), entry: self.entry })
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n# data: {}", self.text, self.data)
    }
}

fn rules_text(rules: &[Rule]) -> String {
    let each = rules.iter().map(|rule| {
        let head = match rule.effect {
            Effect::Allow => "permitted",
            Effect::Deny => "forbidden",
        };
        statement(head, rule)
    });
    [PACKAGE, COMBINE, &each.collect::<String>()].concat()
}

/// One rule of Rego, the test that fails most often first.
fn statement(head: &str, rule: &Rule) -> String {
    let own = "input.secret.first == input.host.name".to_owned();
    let mut tests = match &rule.pattern {
        Pattern::Exact(name) => vec![format!("input.secret.name == {name:?}")],
        Pattern::Folder(_) | Pattern::Tree(_) | Pattern::AnyArea(_) => {
            vec![format!("input.secret.patterns[{:?}]", rule.pattern.text())]
        }
        Pattern::OwnFolder(_) => vec![format!("input.secret.own == {:?}", rule.pattern.text()), own],
        Pattern::OwnService => vec![own, "input.secret.second == input.service".to_owned()],
    };
    tests.extend(match &rule.hosts {
        Hosts::All => None,
        Hosts::Tagged(tag) => Some(format!("input.host.tags[{tag:?}]")),
        Hosts::AllBut(tag) => Some(format!("not input.host.tags[{tag:?}]")),
        Hosts::Named(names) => Some(format!("input.host.name in {}", set(names))),
    });
    tests.extend(match rule.services.as_slice() {
        [] => None,
        [one] => Some(format!("input.service == {one:?}")),
        several => Some(format!("input.service in {}", set(several))),
    });
    tests.extend(rule.condition.map(|condition| match condition {
        Condition::HostRuns(service) => format!("input.host.services[{service:?}]"),
        Condition::NameEnds(end) => format!("endswith(input.secret.name, {end:?})"),
    }));
    format!("{head} if {{\n  {}\n}}\n", tests.join("\n  "))
}

fn set<T: fmt::Debug>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("{{{}}}", names.join(", "))
}

/// The rules by effect and pattern; selectors of hosts become the hosts that they select.
fn data(world: &World, rules: &[Rule]) -> Result<String, Box<dyn Error>> {
    let mut by_effect = [BTreeMap::new(), BTreeMap::new()];
    for rule in rules {
        let at = usize::from(rule.effect == Effect::Deny);
        by_effect[at].entry(rule.pattern.text()).or_insert_with(Vec::new).push(datum(world, rule));
    }
    let [allow, deny] = by_effect;
    Ok(serde_json::to_string(&json!({ "allow": allow, "deny": deny }))?)
}

fn datum(world: &World, rule: &Rule) -> serde_json::Value {
    let hosts = world.hosts.iter().filter(|host| match &rule.hosts {
        Hosts::All => true,
        Hosts::Tagged(tag) => host.tags.contains(tag),
        Hosts::AllBut(tag) => !host.tags.contains(tag),
        Hosts::Named(names) => names.contains(&host.name),
    });
    let mut datum = Map::new();
    datum.insert("hosts".to_owned(), truths(hosts.map(|host| host.name.as_str())));
    if !rule.services.is_empty() {
        datum.insert("services".to_owned(), truths(rule.services.iter().copied()));
    }
    if let Some(condition) = rule.condition {
        datum.insert(
            "condition".to_owned(),
            match condition {
                Condition::HostRuns(service) => json!({ "host_runs": service }),
                Condition::NameEnds(end) => json!({ "name_ends": end }),
            },
        );
    }
    datum.into()
}

fn truths<'n>(names: impl Iterator<Item = &'n str>) -> serde_json::Value {
    names.map(|name| (name.to_owned(), true.into())).collect::<Map<_, _>>().into()
}

/// A compiled policy.
pub enum Loaded {
    Vm { program: Arc<Program>, data: Value },
    Interpreter { engine: Box<regorus::Engine>, entry: &'static str },
}

/// A compiled policy with the parts of its inputs.
pub struct Rego {
    loaded: Loaded,
    /// Another policy, which gives the rules that speak.
    explaining: Loaded,
    parts: Parts,
}

struct Parts {
    hosts: Vec<Value>,
    secrets: Vec<Value>,
    services: Vec<Value>,
    names: [Value; 3],
}

impl Rego {
    pub fn new(world: &World, loaded: Loaded, explaining: Loaded) -> Self {
        let parts = Parts {
            hosts: world.hosts.iter().map(host_value).collect(),
            secrets: world.secrets.iter().map(|name| secret_value(name)).collect(),
            services: SERVICES.map(Value::from).to_vec(),
            names: ["host", "secret", "service"].map(Value::from),
        };
        Self { loaded, explaining, parts }
    }
}

impl Parts {
    /// An input is put together from parts that exist, which regorus shares instead of copying.
    fn input(&self, question: Question) -> Value {
        let [host, secret, service] = self.names.clone();
        Value::from(BTreeMap::from([
            (host, self.hosts[question.host].clone()),
            (secret, self.secrets[question.secret].clone()),
            (service, self.services[question.service].clone()),
        ]))
    }
}

fn host_value(host: &Host) -> Value {
    object([
        ("name", Value::from(host.name.as_str())),
        ("services", host.services.into_iter().map(Value::from).collect::<BTreeSet<_>>().into()),
        ("tags", host.tags.into_iter().map(Value::from).collect::<BTreeSet<_>>().into()),
    ])
}

fn secret_value(name: &str) -> Value {
    let (first, second) = rules::first_two(name);
    let patterns = rules::covering(name).into_iter().map(Value::from).collect::<BTreeSet<_>>();
    object([
        ("name", Value::from(name)),
        ("first", Value::from(first)),
        ("second", Value::from(second)),
        ("patterns", patterns.into()),
        ("own", Value::from(rules::covering_own(name).unwrap_or_default())),
    ])
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (Value::from(name), value)).collect::<BTreeMap<_, _>>().into()
}

impl Loaded {
    fn machine(&self) -> Machine {
        match self {
            Self::Vm { program, data } => {
                let mut vm = RegoVM::new();
                vm.load_program(Arc::clone(program));
                vm.set_data(data.clone()).expect("rules and data have different names");
                vm.set_max_instructions(usize::MAX);
                Machine::Vm(Box::new(vm))
            }
            Self::Interpreter { engine, entry } => Machine::Interpreter { engine: engine.clone(), entry },
        }
    }
}

/// One thread's own copy of what changes while regorus evaluates.
enum Machine {
    Vm(Box<RegoVM>),
    Interpreter { engine: Box<regorus::Engine>, entry: &'static str },
}

impl Machine {
    fn evaluate(&mut self, input: Value) -> Value {
        let value = match self {
            Self::Vm(vm) => {
                vm.set_input(input);
                vm.execute_entry_point_by_index(0).map_err(|error| error.to_string())
            }
            Self::Interpreter { engine, entry } => {
                engine.set_input(input);
                engine.eval_rule((*entry).to_owned()).map_err(|error| error.to_string())
            }
        };
        value.unwrap_or_else(|error| panic!("regorus cannot evaluate: {error}"))
    }
}

/// One thread's way to ask regorus.
pub struct Asker<'e> {
    machine: Machine,
    parts: &'e Parts,
}

impl Engine for Rego {
    type Asker<'e> = Asker<'e>;

    fn asker(&self) -> Asker<'_> {
        Asker { machine: self.loaded.machine(), parts: &self.parts }
    }

    /// Rego has no explanation of its own; asking for the numbers of all rules that speak comes nearest.
    fn explainer(&self) -> impl FnMut(Question) -> usize {
        let mut machine = self.explaining.machine();
        move |question| {
            machine.evaluate(self.parts.input(question)).as_set().map_or(0, regorus::value::Set::len)
        }
    }
}

impl Ask for Asker<'_> {
    fn allows(&mut self, question: Question) -> bool {
        self.machine.evaluate(self.parts.input(question)) == Value::from(true)
    }
}
