//! The tests of the policy, with its invariants.

use serde::Serialize;

use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WorkspaceError;
use crate::policy::RuleRef;
use crate::policy::SuiteReport;
use crate::policy::Violation;

/// What tests and invariants found.
#[derive(Clone, Debug, Serialize)]
pub struct TestReport {
    /// Version of this schema.
    pub version: u32,
    /// Tests and coverage.
    #[serde(flatten)]
    pub suite: SuiteReport,
    /// How many of the rules an expectation made speak, in percent.
    pub coverage: usize,
    /// Every `never(..)`.
    pub invariants: Vec<RuleRef>,
    /// What is allowed against them, over the secrets that exist.
    pub violations: Vec<Violation>,
}

impl TestReport {
    /// Whether every expectation and invariant holds.
    pub fn is_passed(&self) -> bool {
        self.suite.is_passed() && self.violations.is_empty()
    }
}

/// Runs `policies/tests/` and holds every invariant against the secrets that exist.
pub fn test(ws: &Workspace) -> Result<TestReport, OpsError> {
    let now = ws.settings.now;
    let suite = ws.policy.test(&ws.policy_files, &ws.fleet, now).map_err(WorkspaceError::from)?;
    let secrets: Vec<SecretName> = ws.layout.sources()?.into_iter().collect();
    Ok(TestReport {
        version: 1,
        coverage: suite.coverage(),
        invariants: ws.policy.invariants().iter().map(|rule| rule.reference().clone()).collect(),
        violations: ws.policy.violations(&secrets, now),
        suite,
    })
}
