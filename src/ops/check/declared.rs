//! What the policy declares besides who reads what: invariants, and secrets that must exist.

use super::error;
use crate::diag::Class;
use crate::diag::Finding;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::store::Survey;

/// Notes everything that is allowed and must never be, and everything that a host needs to come up and lacks.
pub(super) fn check(ws: &Workspace, survey: &Survey, findings: &mut Vec<Finding>) {
    let secrets: Vec<SecretName> = survey.sources.iter().cloned().collect();
    for violation in ws.policy.violations(&secrets, ws.settings.now) {
        let mut message = violation.to_string();
        if violation.at > ws.settings.now {
            message = format!("from {} on {message}", violation.at);
        }
        let place = violation.invariant.place.clone();
        let finding = error(Class::Finding, "policy::invariant", message).at(place).help(violation.help());
        let (secret, host, service) = (&violation.secret, &violation.host, &violation.service);
        findings.push(finding.about([secret.as_str(), host.as_str(), service.as_str()]));
    }
    tests(ws, findings);
    for (name, place) in ws.policy.needed_to_boot() {
        if !survey.sources.contains(&name) {
            let message = format!("`{name}` does not exist, and a host needs it to come up");
            let help = format!("make it with `secretctl edit {name}`");
            findings.push(
                error(Class::Finding, "policy::first_boot", message).at(place).help(help).about([name]),
            );
        }
    }
}

/// Notes every test of the policy that fails.
fn tests(ws: &Workspace, findings: &mut Vec<Finding>) {
    let suite = match ws.policy.test(&ws.policy_files, &ws.fleet, ws.settings.now) {
        Ok(suite) => suite,
        Err(failure) => return findings.push(Finding::from_failure(&failure)),
    };
    for case in suite.cases {
        for failure in case.failures {
            let name = case.name.as_ref().map(|name| format!("`{name}`: ")).unwrap_or_default();
            let message = format!("a test of the policy fails: {name}{}", failure.message);
            let finding = error(Class::Finding, "policy::test", message).at(failure.place);
            findings.push(finding.help("run `secretctl policy test`, which tells why"));
        }
    }
}
