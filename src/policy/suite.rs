//! The tests of a policy: files in `policies/tests/` that say what it must decide.

mod expect;
mod world;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use jiff::Timestamp;
use rhai::Dynamic;
use serde::Serialize;

use super::Policy;
use super::PolicyFile;
use super::engine::Sandbox;
use super::error::PolicyError;
use super::error::Sources;
use super::explain::Explanation;
use super::files;
use super::imports::Imports;
use super::rule::RuleRef;
use crate::diag::Place;
use crate::fleet::Fleet;
use expect::Heard;
use world::World;

/// What the tests of a policy found.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteReport {
    /// Every test, in order of file; the expectations that stand outside of any are the first test of their file.
    pub cases: Vec<Case>,
    /// How many rules the files declare, by their places.
    pub rules: usize,
    /// The rules that no expectation made speak, one for each place.
    pub unexercised: Vec<RuleRef>,
}

/// One test.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Case {
    /// Its name; none for the expectations of a file that stand outside of any.
    pub name: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// How many expectations it made.
    pub expectations: usize,
    /// What did not hold.
    pub failures: Vec<CaseFailure>,
}

/// One expectation that does not hold, or what stopped the test.
#[derive(Clone, Debug, Serialize)]
pub struct CaseFailure {
    /// Where it was said.
    pub place: Place,
    /// What was expected, or what went wrong.
    pub message: String,
    /// What the policy says instead, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Box<Explanation>>,
}

impl SuiteReport {
    /// Whether every expectation holds.
    pub fn is_passed(&self) -> bool {
        self.cases.iter().all(|case| case.failures.is_empty())
    }

    /// How many of the declared rules an expectation made speak, in percent rounded down; 100 without rules.
    pub fn coverage(&self) -> usize {
        let exercised = self.rules.saturating_sub(self.unexercised.len());
        (100 * exercised).checked_div(self.rules).unwrap_or(100)
    }
}

/// What is noted while a file runs.
#[derive(Debug, Default)]
struct Notes {
    /// The expectations outside of any test.
    outside: Case,
    /// The tests that have ended.
    ended: Vec<Case>,
    /// The test that runs.
    running: Option<Case>,
    /// The places of rules that spoke.
    spoke: BTreeSet<Place>,
    /// What each expectation heard, for the reasons that are asked for later.
    heard: Vec<Heard>,
}

impl Notes {
    /// The case that is written to now.
    fn case(&mut self) -> &mut Case {
        self.running.as_mut().unwrap_or(&mut self.outside)
    }
}

/// The notes as all functions of the tests share them.
type SharedNotes = Arc<Mutex<Notes>>;

fn lock(notes: &SharedNotes) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Policy {
    /// Runs every file below `policies/tests/` against this policy, which `files` and `fleet` made.
    pub fn test(
        &self,
        files: &[PolicyFile],
        fleet: &Fleet,
        now: Timestamp,
    ) -> Result<SuiteReport, PolicyError> {
        let sources = Arc::new(files::sources(files)?);
        let world = World::new(files.into(), fleet.clone(), now);
        let mut cases = Vec::new();
        let mut spoke = BTreeSet::new();
        for file in files::tests(&sources) {
            let notes = run(&world, &sources, &file);
            cases.extend(
                [notes.outside].into_iter().filter(|case| case.expectations + case.failures.len() > 0),
            );
            cases.extend(notes.ended);
            spoke.extend(notes.spoke);
        }
        let declared: BTreeMap<&Place, &RuleRef> =
            self.rules.iter().map(|rule| (&rule.reference.place, &rule.reference)).collect();
        let silent = declared.iter().filter(|(place, _)| !spoke.contains(**place));
        let unexercised = silent.map(|(_, rule)| (*rule).clone()).collect();
        Ok(SuiteReport { cases, rules: declared.len(), unexercised })
    }
}

/// The sandbox of tests, for what it knows.
pub(super) fn sandbox_for_definitions(imports: Imports) -> Sandbox {
    let world = World::new(Arc::default(), Fleet::default(), Timestamp::UNIX_EPOCH);
    sandbox(&world, imports, &SharedNotes::default(), &Arc::default())
}

fn sandbox(world: &World, imports: Imports, notes: &SharedNotes, sources: &Arc<Sources>) -> Sandbox {
    Sandbox::for_tests(Dynamic::from(world.clone()), imports, |engine| {
        world::register(engine);
        expect::register(engine, world, notes, sources);
    })
}

fn run(world: &World, sources: &Arc<Sources>, file: &str) -> Notes {
    let notes = SharedNotes::default();
    lock(&notes).outside.file = file.into();
    let imports = Imports::new(Arc::clone(sources));
    let sandbox = sandbox(world, imports, &notes, sources);
    let ended = files::run_alone(&sandbox, file, sources);
    let mut notes = std::mem::take(&mut *lock(&notes));
    if let Err(error) = ended {
        notes.outside.failures.push(CaseFailure::stopped(&error));
    }
    notes
}

impl CaseFailure {
    /// The mistake that ended a test.
    fn stopped(error: &PolicyError) -> Self {
        let error = error.source_error();
        let help = error.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        Self { place: error.place(), message: format!("{}{help}", error.message), explanation: None }
    }
}
