//! Documents: what they say of themselves against ledgers, fleet and policy.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error;
use super::recipients_differ;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fleet::FLEET_FILE;
use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::declared as declared_by;
use crate::store::Loaded;
use crate::store::Note;
use crate::store::Survey;

/// How many names a message spells out.
const SHOWN: usize = 3;

/// Everything about documents but their ledgers, which are looked at with those of all secrets.
pub(super) fn check(
    ws: &Workspace,
    survey: &Survey,
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
    findings: &mut Vec<Finding>,
) {
    for (path, failure) in &survey.broken {
        findings.push(Finding::from_failure(failure).at(Place::file(path)).about([path.display()]));
    }
    for loaded in survey.documents.values() {
        unnamable(loaded, findings);
        foreign(loaded, findings);
        if loaded.names.keys().all(|name| ledgers.contains_key(name)) {
            left(ws, loaded, findings);
        }
        match document::recipients(ws, loaded) {
            Ok(right) => {
                let lines = loaded.names.keys().filter_map(|name| ledgers.get(name)?.head());
                let recorded = lines.flat_map(|line| line.recipients.iter().cloned());
                let has = document::present(&loaded.document).into_iter().chain(recorded).collect();
                let path = loaded.place.path.clone();
                let what = format!("the document `{}`", path.display());
                findings.extend(recipients_differ(ws, (&what, loaded.prefix.as_str(), path), &has, &right));
            }
            Err(failure) => findings.push(Finding::from_failure(&failure).about([&loaded.prefix])),
        }
        beside(ws, loaded, findings);
    }
    missing(ws, findings);
}

/// One finding for all values of a document that another tool wrote: there may be hundreds.
pub(super) fn unadopted(
    (prefix, path): (&SecretName, PathBuf),
    names: &BTreeSet<SecretName>,
    findings: &mut Vec<Finding>,
) {
    let message = format!(
        "no ledger vouches for {} of the document `{}`: {}",
        if names.len() == 1 { "a value".to_owned() } else { format!("{} values", names.len()) },
        path.display(),
        listed(names)
    );
    let help = format!(
        "if the change is meant, such as one by `sops`, run `secretctl adopt {prefix}`; if not, `git checkout HEAD -- {}`",
        path.display()
    );
    let finding = error(Class::Integrity, "document::unadopted", message);
    findings.push(finding.at(Place::file(path)).help(help).about(names));
}

/// The documents that can't be read and have findings of their own; what is within them may be there.
pub(super) fn unread(ws: &Workspace, survey: &Survey) -> Vec<SecretName> {
    let declared = declared_by(&ws.fleet);
    survey.broken.iter().filter_map(|(path, _)| Some(declared.place_of(path)?.0)).collect()
}

fn listed(names: &BTreeSet<SecretName>) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn unnamable(loaded: &Loaded, findings: &mut Vec<Finding>) {
    for (key, reason) in &loaded.unnamable {
        let path = &loaded.place.path;
        let message = format!("`{key}` in `{}` can't be a secret: {reason}", path.display());
        let finding = Finding::new(Severity::Warning, Class::Finding, "document::unnamable", message);
        let finding = finding.at(Place::file(path)).about([path.display().to_string(), key.to_string()]);
        findings.push(finding.help("give the key a shorter name with `sops` or `secretctl edit`"));
    }
}

/// A document that somebody changed without a change of its values: one of its stanzas, its MAC, or their order. No one
/// can tell without a key whether it still opens.
fn left(ws: &Workspace, loaded: &Loaded, findings: &mut Vec<Finding>) {
    if loaded.note(&ws.fleet.trusted_keys()) != Note::Differs {
        return;
    }
    let path = &loaded.place.path;
    let message = format!(
        "`{}` was changed after an admin left it, though none of its values was: perhaps nobody can open it any more",
        path.display()
    );
    let finding = Finding::new(Severity::Warning, Class::Finding, "document::changed", message);
    let finding = finding.at(Place::file(path)).about([path.display()]);
    findings.push(finding.help(format!(
        "if the change is meant, run `secretctl adopt {}`, which opens it; if not, `git checkout HEAD -- {}`",
        loaded.prefix,
        path.display()
    )));
}

/// Keys that age knows nothing of: nobody can tell from here who holds them.
fn foreign(loaded: &Loaded, findings: &mut Vec<Finding>) {
    let access = loaded.document.access();
    let foreign: Vec<String> =
        access.groups.iter().flat_map(|group| &group.foreign).map(ToString::to_string).collect();
    if foreign.is_empty() {
        return;
    }
    let path = &loaded.place.path;
    let message = format!("`{}` can also be opened through {}", path.display(), foreign.join(", "));
    let finding = Finding::new(Severity::Note, Class::Finding, "document::foreign_key", message);
    let finding = finding.at(Place::file(path)).about([path.display()]);
    findings.push(finding.help(
        "whoever holds it reads every value here, whatever the policy says; when nobody needs it any more, `secretctl rekey --drop-foreign`",
    ));
}

/// Hosts and keys that open a document while another tool still reads it.
fn beside(ws: &Workspace, loaded: &Loaded, findings: &mut Vec<Finding>) {
    let declared = document::declared(ws, &loaded.prefix);
    let path = loaded.place.path.display();
    for (host, secrets) in document::beyond_policy(ws, loaded, &declared.direct) {
        let message =
            format!("host `{host}` opens `{path}` itself, and policy does not grant it {}", listed(&secrets));
        let finding = error(Class::Finding, "document::beyond_policy", message).at(Place::file(FLEET_FILE));
        let finding = finding.about([loaded.prefix.as_str(), host.as_str()]);
        findings.push(finding.help(format!(
            "take `{host}` out of `direct` of `documents.{}`, or move them to another document",
            loaded.prefix
        )));
    }
    if !declared.legacy.is_empty() {
        let number = declared.legacy.len();
        let keys = if number == 1 { "a key" } else { "keys" };
        let message = format!("`{path}` can still be opened with {keys} of another tool ({number})");
        let finding = Finding::new(Severity::Warning, Class::Finding, "document::legacy", message);
        let finding = finding.at(Place::file(FLEET_FILE)).about([&loaded.prefix]);
        findings.push(finding.help(format!(
            "when no host reads it with that tool any more, run `secretctl rekey --settle {}`",
            loaded.prefix
        )));
    }
}

/// Documents that `secretctl.toml` names and that are not there.
fn missing(ws: &Workspace, findings: &mut Vec<Finding>) {
    for prefix in ws.fleet.documents.keys() {
        let place = ws.layout.document_place(prefix);
        if place.is_some_and(|place| ws.layout.root().join(place.path).is_file()) {
            continue;
        }
        let message = format!("the document `{prefix}` of `{FLEET_FILE}` is not there");
        let finding = error(Class::Finding, "document::missing", message).at(Place::file(FLEET_FILE));
        findings.push(finding.about([prefix]).help(format!(
            "bring its file back with `git checkout HEAD -- FILE`, or remove `[documents.{prefix}]`"
        )));
    }
}
