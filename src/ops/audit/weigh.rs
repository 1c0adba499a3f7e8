//! How much a finding matters in this fleet, which `secretctl.toml` may say.

use crate::diag::Class;
use crate::diag::Finding;
use crate::fleet::AuditRules;
use crate::fleet::Weight;

/// Gives every finding its weight in this fleet; the second number is how many are not told.
pub(in crate::ops) fn weigh(rules: &AuditRules, findings: Vec<Finding>) -> (Vec<Finding>, usize) {
    let before = findings.len();
    let told: Vec<Finding> = findings.into_iter().filter_map(|finding| weighed(rules, finding)).collect();
    let ignored = before - told.len();
    (told, ignored)
}

fn weighed(rules: &AuditRules, finding: Finding) -> Option<Finding> {
    // INVARIANT: nothing in a file that anybody may edit hides that somebody tampered with another, or that something
    // was not looked at.
    if finding.class != Class::Finding {
        return Some(finding);
    }
    match rules.severities.get(&finding.code) {
        None => Some(finding),
        Some(Weight::As(severity)) => Some(Finding { severity: *severity, ..finding }),
        Some(Weight::Ignored) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity;

    fn told(class: Class, weight: Weight) -> (Vec<Severity>, usize) {
        let finding = Finding::new(Severity::Error, class, "a::b", "m");
        let rules = AuditRules { severities: [("a::b".to_owned(), weight)].into(), findings_page: None };
        let (told, ignored) = weigh(&rules, vec![finding]);
        (told.iter().map(|finding| finding.severity).collect(), ignored)
    }

    #[test]
    fn a_weight_counts_for_what_was_found_and_never_for_broken_integrity_or_what_was_not_looked_at() {
        assert_eq!(told(Class::Finding, Weight::As(Severity::Note)), (vec![Severity::Note], 0));
        assert_eq!(told(Class::Finding, Weight::Ignored), (vec![], 1));
        assert_eq!(told(Class::Integrity, Weight::As(Severity::Note)), (vec![Severity::Error], 0));
        for class in [Class::Integrity, Class::Usage, Class::Environment] {
            assert_eq!(told(class, Weight::Ignored), (vec![Severity::Error], 0));
        }
    }
}
