//! Policy: rules in Rhai that decide which hosts and services may read each secret.
//!
//! Policy files run once, in a sandbox, and declare rules; requests are then matched natively against
//! these. `docs/reference/policy.md` describes the language and defines the decision.

mod budget;
mod condition;
mod decide;
mod declare;
mod draft;
mod engine;
mod error;
mod explain;
mod facts;
mod files;
mod filter;
mod glob;
mod grant;
mod imports;
mod lint;
mod pattern;
mod place;
mod reword;
mod rule;
mod select;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use decide::Decision;
pub use decide::Objection;
pub use decide::Query;
pub use error::PolicyError;
pub use explain::Explanation;
pub use explain::Missed;
pub use explain::NearMiss;
pub use files::PolicyFile;
pub use filter::SecretPattern;
pub use filter::SecretPatternError;
pub use grant::Grant;
pub use grant::Matrix;
pub use grant::MatrixRow;
pub use grant::Services;
pub use rule::Effect;
pub use rule::Rule;
pub use rule::RuleRef;
pub use rule::RuleText;

use decide::Index;
use declare::Recorder;
use engine::Sandbox;
use facts::Roster;
use imports::Imports;

use crate::fleet::Fleet;

/// The rules of a fleet, ready to decide; threads can share it.
#[derive(Debug)]
pub struct Policy {
    roster: Arc<Roster>,
    rules: Vec<Rule>,
    index: Index,
    sandbox: Sandbox,
}

impl Policy {
    /// Runs the files at the top of `policies/` and takes the rules that they declare.
    ///
    /// Files in folders run only when they are imported, those in `policies/tests/` never.
    pub fn load(files: &[PolicyFile], fleet: &Fleet) -> Result<Self, PolicyError> {
        let sources = Arc::new(files::sources(files)?);
        let roster = Arc::new(Roster::new(fleet));
        let recorder = Recorder::new(Arc::clone(&roster));
        let imports = Imports::new(Arc::clone(&sources));
        files::run_all(&Sandbox::for_files(&roster, &recorder, imports), &sources)?;
        let rules = recorder.finish();
        let index = Index::new(&rules);
        let sandbox = Sandbox::for_conditions(&roster);
        Ok(Self { roster, rules, index, sandbox })
    }

    /// Every rule, in the order of declaration, which changes no decision.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
