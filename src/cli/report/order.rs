//! The order of lists in a page that gives no name away: that of names would tell how they begin.

use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::audit::Exposure;
use crate::ops::report::Mask;
use crate::ops::report::Report;

/// Puts everything that is sorted by name into the order of what stands for the names.
pub(super) fn hide(report: &mut Report, mask: &Mask) {
    let secret = |name: &SecretName| mask.name("secret", name.as_ref());
    let host = |name: &HostName| mask.name("host", name.as_ref());
    let view = &mut report.view;
    view.secrets.sort_by_cached_key(secret);
    view.hosts.sort_by_cached_key(|one| host(&one.name));
    view.rows.sort_by_cached_key(|row| (secret(&row.secret), host(&row.host)));
    report.rules.sort_by_cached_key(|told| super::access::rule_name(&told.rule, mask));
    let by = |exposure: &Exposure| mask.name("key", &exposure.known_by.to_string());
    report.audit.exposures.sort_by_cached_key(|exposure| (secret(&exposure.secret), by(exposure)));
    let mut findings = std::mem::take(&mut report.audit.findings);
    findings.sort_by_cached_key(|finding| {
        let about = finding.place.as_ref().and_then(|place| report.about(place));
        (finding.severity, finding.code.clone(), about.map(secret))
    });
    report.audit.findings = findings;
}
