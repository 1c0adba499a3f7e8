//! What hosts ask for, against what exists and what policy grants, before anything is built.

use std::path::Path;

use super::error;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Place;
use crate::host::Content;
use crate::host::Need;
use crate::host::Places;
use crate::host::Request;
use crate::host::Wanted;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::policy::Decision;
use crate::policy::Objection;
use crate::policy::Query;
use crate::store::Survey;

/// Notes everything that a request asks for and that does not exist or is not granted.
pub(super) fn covered(ws: &Workspace, survey: &Survey, path: &Path, findings: &mut Vec<Finding>) {
    let place = Place::file(path);
    let request = match Request::read(path, &Places::of_anybody()) {
        Ok(request) => request,
        Err(failure) => {
            findings.push(Finding::from_failure(&failure).at(place.clone()));
            findings.extend(mistakes(&failure).map(|finding| finding.at(place.clone())));
            return;
        }
    };
    let host = &request.host;
    if let Err(unknown) = crate::ops::host::known(&ws.fleet, host) {
        findings.push(Finding::from_failure(&unknown).at(place));
        return;
    }
    for (target, wanted) in &request.files {
        for secret in secrets(wanted) {
            let finding = if survey.sources.contains(secret) {
                denied(ws, secret, host, wanted)
            } else {
                Some(missing(secret, host, target.as_str()))
            };
            // What is optional may be missing and may be denied; a misspelt name is still worth a note.
            let soften = |f: Finding| match wanted.need {
                Need::Required => f,
                Need::Optional => Finding { severity: crate::diag::Severity::Note, ..f },
            };
            let about = [host.as_str(), secret.as_str(), target.as_str(), wanted.service.as_str()];
            findings.extend(finding.map(|finding| soften(finding).at(place.clone()).about(about)));
        }
    }
}

fn mistakes(failure: &impl Failure) -> impl Iterator<Item = Finding> {
    let related = failure.related().into_iter().flatten();
    related.map(|mistake| {
        let code = mistake.code().map(|code| code.to_string()).unwrap_or_default();
        let finding = error(Class::Usage, &code, mistake.to_string());
        Finding { help: mistake.help().map(|help| help.to_string()), ..finding }
    })
}

/// Every secret that one file is made from.
pub(in crate::ops) fn secrets(wanted: &Wanted) -> Vec<&SecretName> {
    match &wanted.content {
        Content::Secret(secret) => vec![secret],
        Content::Template(template) => template.names().into_iter().collect(),
    }
}

fn missing(secret: &SecretName, host: &HostName, target: &str) -> Finding {
    let message = format!("host `{host}` needs `{secret}` for `{target}`, and there is no such secret");
    let help =
        format!("make it with `secretctl edit {secret}`, or drop it from the configuration of `{host}`");
    error(Class::Finding, "request::missing", message).help(help)
}

fn denied(ws: &Workspace, secret: &SecretName, host: &HostName, wanted: &Wanted) -> Option<Finding> {
    let service = &wanted.service;
    let decision = ws.policy.decide(&Query { secret, host, service }, ws.settings.now);
    let Decision::Deny { objections, .. } = decision else { return None };
    let reason = match objections.first() {
        None => "no rule allows it".to_owned(),
        Some(Objection::Forbidden { rule }) => format!("denied at {}", rule.place),
        Some(Objection::Failed { rule, error }) => format!("the rule at {} failed: {error}", rule.place),
    };
    let message = format!("`{service}` on `{host}` asks for `{secret}`: {reason}");
    let help = format!("`secretctl policy explain {secret} {host} {service}` tells why");
    Some(error(Class::Finding, "request::denied", message).help(help))
}
