//! Measures the policy engine of secretctl beside Cedar and regorus on the same fleet, rules and questions.
//!
//! ```text
//! bench-policy measure [--quick]                     prints one JSON line for each engine and workload
//! bench-policy rules ENGINE COUNT [--conditions]     prints what an engine loads
//! ```
//!
//! Each measurement is a process of its own, so that memory is its own. Answers are compared question by
//! question; one that differs stops everything, since the speed of a wrong answer means nothing.

mod cedar;
mod engine;
mod measure;
mod rego;
mod rules;
mod secretctl;
mod world;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::engine::Engine;
use crate::measure::Answers;
use crate::measure::Times;
use crate::rego::Form;
use crate::rego::Mode;
use crate::rules::Conditions;
use crate::rules::Rule;
use crate::secretctl::Secretctl;
use crate::world::PAIRS;
use crate::world::SECRETS;
use crate::world::World;

/// Every way to decide that is measured, our own first, whose answers the others are compared with.
const ENGINES: [&str; 6] = [
    "secretctl",
    "cedar",
    "regorus-vm",
    "regorus-vm-data",
    "regorus-interpreter",
    "regorus-interpreter-data",
];

/// How many explanations one run asks for.
const EXPLANATIONS: usize = 100;

/// A run that takes longer is made three times only.
const PATIENCE: Duration = Duration::from_secs(10);

const USAGE: &str = "bench-policy measure [--quick], or bench-policy rules ENGINE COUNT [--conditions]";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["measure"] => measure_all(Effort::Full),
        ["measure", "--quick"] => measure_all(Effort::Quick),
        ["one", engine, count, conditions, effort, answers] => {
            measure_one(engine, count, conditions, effort, answers)
        }
        ["rules", engine, count] => show(engine, count, Conditions::None),
        ["rules", engine, count, "--conditions"] => show(engine, count, Conditions::OneInTen),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-policy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How much is asked.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Effort {
    /// Enough to see that everything works.
    Quick,
    /// What is published.
    Full,
}

impl Effort {
    fn word(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }

    fn parse(word: &str) -> Outcome<Self> {
        Ok([Self::Quick, Self::Full].into_iter().find(|effort| effort.word() == word).ok_or(USAGE)?)
    }

    fn runs(self) -> usize {
        match self {
            Self::Quick => 1,
            Self::Full => 7,
        }
    }

    /// Questions about each secret in a timed run. Peers get a sample, from which a rate follows just as well.
    fn timed(self, engine: &str) -> usize {
        match self {
            _ if engine == ENGINES[0] => PAIRS,
            Self::Quick => 2,
            Self::Full => 20,
        }
    }

    /// Questions about each secret whose answers are compared, which no clock sees.
    fn compared(self, engine: &str) -> usize {
        match self {
            Self::Quick if engine != ENGINES[0] => 2,
            Self::Quick | Self::Full => PAIRS,
        }
    }
}

// --- the whole measurement ---------------------------------------------------------------------------------------

fn measure_all(effort: Effort) -> Outcome<()> {
    for count in ["30", "300"] {
        for conditions in ["none", "one-in-ten"] {
            measure_engines(count, conditions, effort)?;
        }
    }
    Ok(())
}

fn measure_engines(count: &str, conditions: &str, effort: Effort) -> Outcome<()> {
    let folder = env::temp_dir();
    let file = |engine: &str| folder.join(format!("bench-policy-{}-{engine}", std::process::id()));
    let compared = ENGINES.iter().try_for_each(|engine| {
        let answers = file(engine);
        let measured = Command::new(env::current_exe()?)
            .args(["one", engine, count, conditions, effort.word()])
            .arg(&answers)
            .status()?;
        if !measured.success() {
            return Err(format!("{engine} with {count} rules: {measured}").into());
        }
        compare(&file(ENGINES[0]), &answers, engine)
    });
    ENGINES.iter().for_each(|engine| forget(&file(engine)));
    compared
}

/// A file of answers that was never written is forgotten already.
#[expect(
    clippy::disallowed_methods,
    reason = "a passing note between two processes, not a file of secretctl"
)]
fn forget(answers: &Path) {
    let _ = fs::remove_file(answers);
}

fn compare(ours: &Path, theirs: &Path, engine: &str) -> Outcome<()> {
    let (ours, theirs) = (Answers::read(ours)?, Answers::read(theirs)?);
    let Some(question) = ours.difference(&theirs) else { return Ok(()) };
    let word = |answers: &Answers| if answers.is_allowed(question) { "allows" } else { "denies" };
    let asked = World::new().in_words(question);
    Err(format!("{asked}: {} {}, {engine} {}", ENGINES[0], word(&ours), word(&theirs)).into())
}

// --- one engine in a process of its own --------------------------------------------------------------------------

/// What one process measures.
struct Task<'t> {
    engine: &'t str,
    world: World,
    rules: Vec<Rule>,
    effort: Effort,
    answers: &'t Path,
}

fn measure_one(engine: &str, count: &str, conditions: &str, effort: &str, answers: &str) -> Outcome<()> {
    let world = World::new();
    let wanted = if conditions == "none" { Conditions::None } else { Conditions::OneInTen };
    let rules = rules::rules(&world, count.parse()?, wanted);
    let task = Task { engine, world, rules, effort: Effort::parse(effort)?, answers: Path::new(answers) };
    let mut line = match engine {
        "secretctl" => task.secretctl()?,
        "cedar" => task.cedar()?,
        _ => task.rego()?,
    };
    line["rules"] = task.rules.len().into();
    line["conditional"] = task.rules.iter().filter(|rule| rule.condition.is_some()).count().into();
    println!("{line}");
    Ok(())
}

impl Task<'_> {
    fn secretctl(&self) -> Outcome<Value> {
        let source = secretctl::Source::new(&self.world, &self.rules)?;
        let before = measure::memory("VmRSS")?;
        let engine = Secretctl::new(&self.world, source.load()?)?;
        let mut line = self.measure(&engine, before, || source.load().is_ok())?;
        let matrix = measure::repeat(self.effort.runs(), PATIENCE, || measure::time(|| engine.matrix()));
        line["matrix_ms"] = milliseconds(matrix);
        line["grants"] = engine.matrix().rows.len().into();
        line["conditions_asked"] = self.conditions_asked()?.into();
        Ok(line)
    }

    /// How many of all questions make an engine ask a condition at all.
    fn conditions_asked(&self) -> Outcome<usize> {
        let rules = rules::whenever_asked(&self.rules);
        let policy = secretctl::Source::new(&self.world, &rules)?.load()?;
        Ok(Answers::of(&Secretctl::new(&self.world, policy)?, PAIRS, 1).allowed())
    }

    fn cedar(&self) -> Outcome<Value> {
        let text = cedar::text(&self.rules);
        let before = measure::memory("VmRSS")?;
        let engine = cedar::Cedar::new(&self.world, cedar::load(&text)?)?;
        self.measure(&engine, before, || cedar::load(&text).is_ok())
    }

    fn rego(&self) -> Outcome<Value> {
        let (form, mode) = rego_variant(self.engine)?;
        let source = rego::Source::new(&self.world, &self.rules, form)?;
        let before = measure::memory("VmRSS")?;
        let explaining = rego::Source::explaining(&self.rules).load(mode)?;
        let engine = rego::Rego::new(&self.world, source.load(mode)?, explaining);
        self.measure(&engine, before, || source.load(mode).is_ok())
    }

    /// Memory is read when every question was asked, before anything that only this program wants.
    fn measure<E: Engine>(&self, engine: &E, before: u64, mut load: impl FnMut() -> bool) -> Outcome<Value> {
        let (runs, timed) = (self.effort.runs(), self.effort.timed(self.engine));
        let threads = thread::available_parallelism()?.get();
        let one = measure::repeat(runs, PATIENCE, || measure::ask_all(engine, timed, 1));
        let all = measure::repeat(runs, PATIENCE, || measure::ask_all(engine, timed, threads));
        let memory = measure::memory("VmHWM")?.saturating_sub(before);
        let answers = Answers::of(engine, self.effort.compared(self.engine), threads);
        answers.write(self.answers)?;
        let loading =
            measure::repeat(3 * runs, PATIENCE, || measure::time(|| assert!(load(), "it was loaded before")));
        Ok(json!({
            "engine": self.engine,
            "threads": threads,
            "decisions": timed * SECRETS,
            "one_thread_per_s": rate(timed, one),
            "all_threads_per_s": rate(timed, all),
            "load_ms": milliseconds(loading),
            "explain_us": self.explain(engine, &answers),
            "memory_kib": memory,
            "compared": answers.asked(),
            "allowed": answers.allowed(),
        }))
    }

    /// Explains denials, in microseconds each.
    fn explain<E: Engine>(&self, engine: &E, answers: &Answers) -> Value {
        let denied = answers.denied(EXPLANATIONS);
        let mut explain = engine.explainer();
        let times = measure::repeat(self.effort.runs(), PATIENCE, || {
            measure::time(|| denied.iter().map(|question| explain(*question)).sum::<usize>())
        });
        rounded(times.median.as_secs_f64() * 1e6 / denied.len() as f64)
    }
}

fn rego_variant(engine: &str) -> Outcome<(Form, Mode)> {
    Ok(match engine {
        "regorus-vm" => (Form::Rules, Mode::Vm),
        "regorus-vm-data" => (Form::Data, Mode::Vm),
        "regorus-interpreter" => (Form::Rules, Mode::Interpreter),
        "regorus-interpreter-data" => (Form::Data, Mode::Interpreter),
        _ => return Err(format!("the engines are {}", ENGINES.join(", ")).into()),
    })
}

/// Decisions per second: the median, the slowest and the fastest run.
fn rate(timed: usize, times: Times) -> Value {
    let per_second = |time: Duration| ((timed * SECRETS) as f64 / time.as_secs_f64()).round();
    json!({
        "median": per_second(times.median),
        "slowest": per_second(times.most),
        "fastest": per_second(times.least),
    })
}

fn milliseconds(times: Times) -> Value {
    rounded(times.median.as_secs_f64() * 1e3)
}

fn rounded(number: f64) -> Value {
    ((number * 1000.0).round() / 1000.0).into()
}

// --- the rules, for readers --------------------------------------------------------------------------------------

fn show(engine: &str, count: &str, conditions: Conditions) -> Outcome<()> {
    let world = World::new();
    let rules = rules::rules(&world, count.parse()?, conditions);
    match engine {
        "secretctl" => print!("{}", secretctl::text(&rules)),
        "cedar" => print!("{}", cedar::text(&rules)),
        _ => print!("{}", rego::Source::new(&world, &rules, rego_variant(engine)?.0)?),
    }
    Ok(())
}
