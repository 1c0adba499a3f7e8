//! Policy: rules in Rhai that decide which hosts and services may read each secret.
//!
//! Policy files run once, in a sandbox, and declare rules; requests are then matched natively against
//! these. `docs/reference/policy.md` describes the language and defines the decision.

mod attribute;
mod budget;
mod checks;
mod companion;
mod condition;
mod decide;
mod declare;
mod denial;
mod draft;
mod engine;
mod error;
mod explain;
mod facts;
mod files;
mod filter;
mod generators;
mod glob;
mod grant;
mod imports;
mod invariant;
mod language;
mod lint;
mod memo;
mod pattern;
mod place;
pub mod reference;
mod requirement;
mod reword;
mod rule;
mod select;
mod suite;
#[cfg(test)]
mod tests;
mod unlisted;
mod values;

use std::sync::Arc;

pub use attribute::Attributes;
pub use attribute::Editors;
pub use attribute::Required;
pub use attribute::Rotation;
pub use companion::Companion;
pub use companion::Role;
pub use decide::Decision;
pub use decide::Objection;
pub use decide::Query;
pub use denial::Denial;
pub use denial::DenialReason;
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
pub use grant::Verdict;
pub use invariant::Violation;
pub use requirement::Requirement;
pub use rule::Effect;
pub use rule::Rule;
pub use rule::RuleRef;
pub use rule::RuleText;
pub use suite::Case;
pub use suite::CaseFailure;
pub use suite::SuiteReport;
pub use unlisted::Unlisted;

use attribute::Attribute;
use decide::Index;
use declare::Declared;
use declare::Recorder;
use engine::Sandbox;
use facts::Roster;
use imports::Imports;

use crate::fleet::Fleet;
use crate::fleet::HostState;
use crate::name::HostName;

/// The rules of a fleet, ready to decide; threads can share it.
#[derive(Debug)]
pub struct Policy {
    roster: Arc<Roster>,
    rules: Vec<Rule>,
    invariants: Vec<Rule>,
    attributes: Vec<Attribute>,
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
        let Declared { rules, invariants, attributes } = recorder.finish();
        let index = Index::new(&rules);
        let sandbox = Sandbox::for_conditions(&roster);
        Ok(Self { roster, rules, invariants, attributes, index, sandbox })
    }

    /// Every rule that allows or denies, in the order of declaration, which changes no decision.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every `never(..)`: what must not be allowed, whatever the rules say.
    pub fn invariants(&self) -> &[Rule] {
        &self.invariants
    }

    /// Whether sealed copies are made for a host: it is active, or it is dormant and a rule includes it.
    pub fn seals_for(&self, host: &HostName) -> bool {
        let Some(at) = self.roster.position(host.as_str()) else { return false };
        self.roster.hosts().get(at).is_some_and(|facts| match facts.state {
            HostState::Active => true,
            HostState::Dormant => {
                facts.has_recipient && self.rules.iter().any(|rule| rule.includes_dormant(at))
            }
            HostState::Pending | HostState::Revoked => false,
        })
    }
}
