//! Everything that a report shows: access, values, exposures, rules with their hits, and the life of each secret.

mod life;
mod mask;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use rayon::prelude::*;

pub use life::Holder;
pub use life::Moment;
pub use mask::Mask;
pub use mask::SaltError;

use crate::diag::Place;
use crate::fsx::FsError;
use crate::fsx::write_atomic;
use crate::name::SecretName;
use crate::ops::audit;
use crate::ops::audit::AuditReport;
use crate::ops::error::OpsError;
use crate::ops::policy::Filter;
use crate::ops::policy::View;
use crate::ops::policy::matrix;
use crate::ops::workspace::Workspace;
use crate::policy::DenialReason;
use crate::policy::RuleRef;
use crate::store::Layout;

/// What a report is made of. Nothing in it needed a key.
#[derive(Debug)]
pub struct Report {
    /// Values, exposures and findings.
    pub audit: AuditReport,
    /// Who may read what.
    pub view: View,
    /// Every rule, in the order of the files.
    pub rules: Vec<RuleHits>,
    /// The verified life of each secret, oldest first.
    pub lives: BTreeMap<SecretName, Vec<Moment>>,
    /// The secret that a file of the store is about.
    about: BTreeMap<PathBuf, SecretName>,
}

/// A rule, and how often it decides something.
#[derive(Clone, Debug)]
pub struct RuleHits {
    /// The rule.
    pub rule: RuleRef,
    /// Pairs of a secret and a host: given by an allow, kept apart by a deny, wrongly allowed in spite of a never.
    pub hits: usize,
    /// Whether its end has come.
    pub ended: bool,
}

impl Report {
    /// The secret that a finding at this place is about.
    pub fn about(&self, place: &Place) -> Option<&SecretName> {
        self.about.get(&place.file)
    }
}

/// Puts a report together, as of the time of the workspace.
pub fn report(ws: &Workspace) -> Result<Report, OpsError> {
    let checked = audit::looked(ws)?;
    let audit = audit::whole(ws, &checked, Vec::new());
    let view = matrix(ws, &Filter::default())?;
    let holders = life::Holders::of(&ws.fleet);
    let lives = checked.ledgers.iter().map(|(name, ledger)| (name.clone(), holders.life(ledger.lines())));
    let files =
        |name: &SecretName| [Layout::source(name), Layout::ledger(name)].map(|file| (file, name.clone()));
    Ok(Report {
        rules: rules(ws, &view),
        lives: lives.collect(),
        about: view.secrets.iter().flat_map(files).collect(),
        audit,
        view,
    })
}

/// Every rule with its hits; rules that a loop declared stand side by side.
fn rules(ws: &Workspace, view: &View) -> Vec<RuleHits> {
    let now = ws.settings.now;
    let mut hits: BTreeMap<RuleRef, usize> = denials(ws, view, now);
    for rule in view.rows.iter().flat_map(|row| &row.grant.permits) {
        *hits.entry(rule.clone()).or_default() += 1;
    }
    let mut broken: BTreeMap<RuleRef, BTreeSet<_>> = BTreeMap::new();
    for violation in ws.policy.violations(&view.secrets, now) {
        broken.entry(violation.invariant).or_default().insert((violation.secret, violation.host));
    }
    hits.extend(broken.into_iter().map(|(rule, pairs)| (rule, pairs.len())));
    let declared =
        ws.policy.rules().iter().chain(ws.policy.invariants()).map(|rule| rule.reference().clone());
    let told = |rule: RuleRef| RuleHits {
        hits: hits.get(&rule).copied().unwrap_or_default(),
        ended: rule.not_after.is_some_and(|end| end < now),
        rule,
    };
    declared.collect::<BTreeSet<_>>().into_iter().map(told).collect()
}

/// How many pairs each rule keeps apart that another rule would have joined.
fn denials(ws: &Workspace, view: &View, now: Timestamp) -> BTreeMap<RuleRef, usize> {
    let one = |secret: &SecretName| {
        let mut counted: BTreeMap<RuleRef, usize> = BTreeMap::new();
        for host in &view.hosts {
            let denials = ws.policy.verdict(secret, &host.name, now).denials.into_iter();
            let objecting = denials.filter(|denial| !matches!(denial.reason, DenialReason::Ended(_)));
            for rule in objecting.map(|denial| denial.rule).collect::<BTreeSet<_>>() {
                *counted.entry(rule).or_default() += 1;
            }
        }
        counted
    };
    let merge = |mut all: BTreeMap<RuleRef, usize>, more: BTreeMap<RuleRef, usize>| {
        for (rule, count) in more {
            *all.entry(rule).or_default() += count;
        }
        all
    };
    view.secrets.par_iter().map(one).reduce(BTreeMap::new, merge)
}

/// Writes the page, in one step.
pub fn save(path: &Path, page: &str) -> Result<(), FsError> {
    write_atomic(path, page.as_bytes(), 0o644)
}
