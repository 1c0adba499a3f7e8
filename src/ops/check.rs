//! The truth of the repository, told from public material alone: no key, no network.

pub(super) mod coverage;
mod declared;
mod documents;
mod past;
mod public;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fleet::FLEET_FILE;
use crate::fleet::HostState;
use crate::fsx::FsError;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::audit::weigh::weigh;
use crate::ops::document;
use crate::ops::error::OpsError;
use crate::ops::history::Back;
use crate::ops::history::Record;
use crate::ops::seal::Compared;
use crate::ops::seal::Held;
use crate::ops::seal::Outlook;
use crate::ops::seal::Scope;
use crate::ops::seal::Unsound;
use crate::ops::seal::compare;
use crate::ops::seal::held_help as seal_help;
use crate::ops::seal::readers_changed;
use crate::ops::seal::reasons;
use crate::ops::seal::settle_surplus;
use crate::ops::trust;
use crate::ops::workspace::Workspace;
use crate::store::Drift;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::StoreError;
use crate::store::Survey;

/// What `check` found.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Version of this schema.
    pub version: u32,
    /// Number of secrets that were looked at.
    pub secrets: usize,
    /// Number of hosts whose sealed tree was looked at.
    pub hosts: usize,
    /// Number of requests that were looked at.
    pub requests: usize,
    /// Everything that was found, sorted.
    pub findings: Vec<Finding>,
    /// Number of findings that `secretctl.toml` says to ignore.
    pub ignored: usize,
}

/// Whether `check` looks at values, which takes an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Values {
    /// They stay closed.
    Leave,
    /// Those that the policy asks something of are opened.
    Open,
}

/// Checks formats, digests, signatures, ledgers, drift, and requests against policy.
pub fn check(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    requests: &[PathBuf],
    values: Values,
    past: (Back, Record),
) -> Result<CheckReport, OpsError> {
    let mut report = look(ws, hosts, requests, values, past)?.report;
    (report.findings, report.ignored) = weigh(&ws.fleet.audit, report.findings);
    report.findings.sort();
    Ok(report)
}

/// The report, and what was verified on the way to it.
pub(super) struct Checked {
    pub(super) report: CheckReport,
    /// Ledgers that hold and vouch for their source.
    pub(super) ledgers: BTreeMap<SecretName, VerifiedLedger>,
    /// Hosts that policy lets read each secret.
    pub(super) readers: BTreeMap<SecretName, BTreeSet<HostName>>,
}

/// The same, for those who need to know more.
pub(super) fn look(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    requests: &[PathBuf],
    values: Values,
    past: (Back, Record),
) -> Result<Checked, OpsError> {
    for host in hosts {
        super::host::known(&ws.fleet, host)?;
    }
    let scope = Scope::hosts(hosts.iter().cloned());
    let mut findings = Vec::new();
    interrupted(ws, &mut findings);
    fleet(ws, &mut findings);
    if let Err(failure) = trust::refuse_unvouched(&ws.fleet, ws.roots.as_ref()) {
        findings.push(Finding::from_failure(&failure).about(["fleet"]).at(Place::file(FLEET_FILE)));
    }
    let survey = match ws.layout.survey() {
        Ok(survey) => survey,
        Err(error @ StoreError::TwoSources { .. }) => {
            // Which of the two is meant decides over everything that follows.
            findings.push(Finding::from_failure(&error));
            findings.sort();
            let report = CheckReport { version: 1, secrets: 0, hosts: 0, requests: 0, findings, ignored: 0 };
            return Ok(Checked { report, ledgers: BTreeMap::new(), readers: BTreeMap::new() });
        }
        Err(error) => return Err(error.into()),
    };
    strays(&survey, &mut findings);
    let ledgers = sources(ws, &survey, &mut findings)?;
    public::check(ws, &ledgers, &mut findings);
    let outlook = trees(ws, &survey, &scope, ledgers, &mut findings)?;
    past::check(ws, &survey, &outlook, past, &mut findings)?;
    leaving(ws, &scope, &mut findings)?;
    declared::check(ws, &survey, &mut findings);
    if values == Values::Open {
        findings.extend(super::values::check(ws, &survey.sources.iter().collect::<Vec<_>>())?);
    }
    for request in requests {
        coverage::covered(ws, &survey, request, &mut findings);
    }
    findings.sort();
    findings.dedup();
    let report = CheckReport {
        version: 1,
        secrets: survey.sources.len(),
        hosts: outlook.hosts.len(),
        requests: requests.len(),
        findings,
        ignored: 0,
    };
    Ok(Checked { report, readers: readers_of(&outlook), ledgers: outlook.ledgers })
}

fn readers_of(outlook: &Outlook) -> BTreeMap<SecretName, BTreeSet<HostName>> {
    let mut readers: BTreeMap<SecretName, BTreeSet<HostName>> = BTreeMap::new();
    for Compared { wanted, .. } in &outlook.hosts {
        for secret in wanted.grants.keys() {
            readers.entry(secret.clone()).or_default().insert(wanted.host.clone());
        }
    }
    readers
}

/// Sealed trees against what policy wants, and the readers that ledgers name; gives what it compared.
fn trees(
    ws: &Workspace,
    survey: &Survey,
    scope: &Scope,
    ledgers: BTreeMap<SecretName, VerifiedLedger>,
    findings: &mut Vec<Finding>,
) -> Result<Outlook, OpsError> {
    let mut hosts = compare(ws, scope, &ledgers, &Unsound::new())?;
    let faulty = faulty(ws, survey, &ledgers);
    settle_surplus(ws, &mut hosts, &ledgers, &faulty);
    sealed(ws, &hosts, findings);
    let reasons = reasons(ws, &hosts)?;
    // A tree that must be sealed anyway says so already.
    let done = hosts.iter().filter(|compared| compared.plan.is_done()).map(|compared| &compared.wanted.host);
    findings.extend(done.filter(|host| reasons.contains_key(*host)).map(outdated));
    let (held, unsound) = (Held::new(), Unsound::new());
    let outlook = Outlook { ledgers, hosts, held, unsound, leaving: BTreeMap::new(), reasons };
    readers(&outlook, scope, findings);
    Ok(outlook)
}

fn error(class: Class, code: &str, message: String) -> Finding {
    Finding::new(Severity::Error, class, code, message)
}

fn interrupted(ws: &Workspace, findings: &mut Vec<Finding>) {
    let work = ws.work_dir();
    if work.is_pending() {
        let message = "a change was interrupted and waits to be completed".to_owned();
        let help = "run `secretctl seal`, which completes it first";
        findings.push(error(Class::Finding, "store::interrupted", message).about(["fleet"]).help(help));
    }
    if work.has_old_journal() {
        let message =
            "`.secretctl/change` holds an interrupted change, and nothing in the work tree is carried out";
        let finding = error(Class::Finding, "store::old_journal", message.to_owned()).about(["fleet"]);
        findings.push(finding.help(
            "if `git ls-files .secretctl` lists it, a commit brought it; else version 0.1 left it here, and `git status` shows what it did not finish: bring that back with `git checkout HEAD -- secrets sealed public`, remove `.secretctl`, and run the command again",
        ));
    }
}

/// Secrets that have a finding of their own: neither believed nor removed.
fn faulty(
    ws: &Workspace,
    survey: &Survey,
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
) -> BTreeSet<SecretName> {
    let removed =
        |name: &SecretName| ws.layout.read_ledger(name, &ws.authors()).is_ok_and(|l| l.is_removed());
    let unbelieved = survey.sources.union(&survey.ledgers).filter(|name| !ledgers.contains_key(*name));
    unbelieved.filter(|name| !removed(name)).cloned().collect()
}

/// What `secretctl.toml` allows and an administrator should not have.
fn fleet(ws: &Workspace, findings: &mut Vec<Finding>) {
    let place = || Place::file(FLEET_FILE);
    let signers = ws.fleet.active_admins().any(|(_, admin)| !admin.signing_keys.is_empty());
    if !signers {
        let message = "no active admin has a signing key, so nothing can be sealed".to_owned();
        let help = "add `signing-keys = [\"ssh-ed25519 AAAA…\"]` to an admin";
        findings
            .push(error(Class::Finding, "fleet::no_signer", message).about(["fleet"]).at(place()).help(help));
    }
    if ws.fleet.recovery.is_empty() {
        let message = "there is no recovery recipient: if every admin loses their key, the values are lost";
        let finding = Finding::new(Severity::Warning, Class::Finding, "fleet::no_recovery", message);
        findings.push(
            finding.about(["fleet"]).at(place()).help("add `[recovery]` with a key that is kept offline"),
        );
    }
    if ws.policy.rules().is_empty() {
        let message = "no rule is declared, so nobody may read anything".to_owned();
        let help = "write rules into `policies/*.rhai`, or bring them back: `git checkout HEAD -- policies`";
        findings.push(error(Class::Finding, "policy::empty", message).about(["fleet"]).help(help));
    }
    for (name, host) in &ws.fleet.hosts {
        if host.state == HostState::Pending && !host.recipients.is_empty() {
            let message = format!("host `{name}` has a key and is still pending, so it gets nothing");
            let finding = Finding::new(Severity::Warning, Class::Finding, "fleet::pending", message);
            findings.push(
                finding
                    .about([name])
                    .at(place())
                    .help("remove `state = \"pending\"`, then run `secretctl seal`"),
            );
        }
    }
    shared_keys(ws, findings);
}

/// Keys that more than one of hosts, admins and recovery hold.
fn shared_keys(ws: &Workspace, findings: &mut Vec<Finding>) {
    let place = || Place::file(FLEET_FILE);
    let mut holders: BTreeMap<&Recipient, Vec<String>> = BTreeMap::new();
    for (name, host) in &ws.fleet.hosts {
        for recipient in &host.recipients {
            holders.entry(recipient).or_default().push(format!("host `{name}`"));
        }
    }
    for (name, admin) in ws.fleet.active_admins() {
        for recipient in &admin.recipients {
            holders.entry(recipient).or_default().push(format!("admin `{name}`"));
        }
    }
    for recipient in &ws.fleet.recovery {
        holders.entry(recipient).or_default().push("recovery".to_owned());
    }
    for (recipient, holders) in holders.iter().filter(|(_, holders)| holders.len() > 1) {
        let message =
            format!("{} share the key `{recipient}`, so policy can't keep them apart", holders.join(" and "));
        let finding = error(Class::Finding, "fleet::shared_recipient", message).at(place());
        let finding = finding.about(std::iter::once(&recipient.to_string()).chain(holders));
        findings.push(
            finding.help("give each a key of its own, then run `secretctl rekey` and `secretctl seal`"),
        );
    }
}

fn strays(survey: &Survey, findings: &mut Vec<Finding>) {
    for (path, reason) in &survey.strays {
        let message = format!("`{}` does not belong below `secrets/`: {reason}", path.display());
        let finding = error(Class::Finding, "store::stray", message).at(Place::file(path));
        let finding = finding.about([path.display()]);
        findings.push(finding.help(
            "store it with `secretctl set NAME --from-file FILE` and remove the file, or move it away",
        ));
    }
}

/// Every source against its ledger, and its recipients against the fleet.
fn sources(
    ws: &Workspace,
    survey: &Survey,
    findings: &mut Vec<Finding>,
) -> Result<BTreeMap<SecretName, VerifiedLedger>, OpsError> {
    use rayon::prelude::*;
    let authors = ws.authors();
    let names: Vec<&SecretName> = survey.sources.iter().collect();
    let read: Vec<_> = names.par_iter().map(|name| (*name, ws.layout.read_source(name, &authors))).collect();
    let part_of: BTreeMap<&SecretName, &Loaded> =
        survey.documents.values().flat_map(|d| d.names.keys().map(|name| (name, &**d))).collect();
    let mut unadopted: BTreeMap<&SecretName, BTreeSet<SecretName>> = BTreeMap::new();
    let mut ledgers = BTreeMap::new();
    for (name, source) in read {
        let document = part_of.get(name);
        match (source, document) {
            (Ok(source), document) => {
                if document.is_none() {
                    recipients(ws, name, &source.recipients(), findings);
                }
                ledgers.insert(name.clone(), source.ledger);
            }
            (Err(StoreError::Fs(failure)), _) => return Err(failure.into()),
            (Err(StoreError::NoLedger { .. } | StoreError::SourceChanged { .. }), Some(document)) => {
                unadopted.entry(&document.prefix).or_default().insert(name.clone());
            }
            (Err(failure), _) => {
                let place = Place::file(ws.layout.source_path(name));
                findings.push(Finding::from_failure(&failure).at(place).about([name]));
            }
        }
    }
    for (prefix, names) in unadopted {
        let path = survey.documents.get(prefix).map(|loaded| loaded.place.path.clone());
        documents::unadopted((prefix, path.unwrap_or_default()), &names, findings);
    }
    documents::check(ws, survey, &ledgers, findings);
    let unread = documents::unread(ws, survey);
    let alone = survey.ledgers.difference(&survey.sources);
    for name in alone.filter(|name| !unread.iter().any(|prefix| name.is_within(prefix))) {
        findings.extend(orphan(ws, name));
    }
    Ok(ledgers)
}

fn recipients(ws: &Workspace, name: &SecretName, has: &BTreeSet<Recipient>, findings: &mut Vec<Finding>) {
    match ws.source_recipients(name) {
        Ok(right) => {
            let what = format!("the source of `{name}`");
            let subject = (what.as_str(), name.as_str(), Layout::source(name));
            findings.extend(recipients_differ(ws, subject, has, &right));
        }
        Err(failure) => findings.push(Finding::from_failure(&failure).about([name])),
    }
}

/// A file that others can open than should.
fn recipients_differ(
    ws: &Workspace,
    (what, subject, path): (&str, &str, PathBuf),
    has: &BTreeSet<Recipient>,
    right: &BTreeSet<Recipient>,
) -> Option<Finding> {
    let owner = |r: &Recipient| ws.fleet.owner_of(r).unwrap_or_else(|| format!("`{r}`, whom nobody knows"));
    let words = |set: Vec<&Recipient>| set.into_iter().map(owner).collect::<Vec<_>>().join(", ");
    let (surplus, missing): (Vec<_>, Vec<_>) =
        (has.difference(right).collect(), right.difference(has).collect());
    let keys = |sign, set: &[&Recipient]| set.iter().map(|key| format!("{sign}{key}")).collect::<Vec<_>>();
    let about = [vec![subject.to_owned()], keys('+', &surplus), keys('-', &missing)].concat();
    let message = match (surplus.is_empty(), missing.is_empty()) {
        (true, true) => return None,
        (false, true) => format!("{what} is still encrypted to {}", words(surplus)),
        (true, false) => format!("{what} is not encrypted to {}", words(missing)),
        (false, false) => {
            format!("{what} is still encrypted to {} and not to {}", words(surplus), words(missing))
        }
    };
    let place = Place::file(path);
    let help = "if `git log -p secretctl.toml` shows a change that is meant, run `secretctl rekey`";
    Some(error(Class::Finding, "store::recipients", message).at(place).help(help).about(about))
}

/// A ledger without a source must say that the secret was removed.
fn orphan(ws: &Workspace, name: &SecretName) -> Option<Finding> {
    let place = Place::file(Layout::ledger(name));
    match ws.layout.read_ledger(name, &ws.authors()) {
        Ok(ledger) if ledger.current().is_none() => None,
        Ok(ledger) => {
            let message =
                format!("the source of `{name}` is missing, and its ledger does not say that it was removed");
            let key = ledger.current().and_then(|line| line.key.as_deref());
            let document = ws.layout.document_of(name).ok().flatten().filter(|_| key.is_some());
            let (path, command) = match (document, key) {
                (Some(loaded), _) => {
                    (loaded.place.path.display().to_string(), format!("secretctl adopt {}", loaded.prefix))
                }
                (None, Some(key)) => (document::home(ws, name, key), format!("secretctl rm {name}")),
                (None, None) => (Layout::source(name).display().to_string(), format!("secretctl rm {name}")),
            };
            let help = format!(
                "restore it with `git checkout HEAD -- {path}`, or, if it is meant to be gone, run `{command}`"
            );
            Some(error(Class::Integrity, "store::source_missing", message).at(place).help(help).about([name]))
        }
        Err(failure) => Some(Finding::from_failure(&failure).at(place).about([name])),
    }
}

fn sealed(ws: &Workspace, compared: &[Compared], findings: &mut Vec<Finding>) {
    for Compared { wanted, plan, .. } in compared {
        for drift in &plan.drift {
            let class = if drift.is_tampering() { Class::Integrity } else { Class::Finding };
            let code = if drift.is_tampering() { "sealed::tampered" } else { "sealed::drift" };
            let message = format!("host `{}` {drift}", wanted.host);
            let place = Place::file(Layout::sealed(&wanted.host));
            let help = match drift {
                Drift::RolledBack(secret) | Drift::Lost(secret) => format!(
                    "bring the newest back: `git checkout HEAD -- {}`",
                    document::files_of(ws, secret)
                ),
                drift if drift.is_tampering() => seal_help(&wanted.host),
                _ => "run `secretctl seal`".to_owned(),
            };
            let about = [wanted.host.to_string(), drift.to_string()];
            findings.push(error(class, code, message).at(place).help(help).about(about));
        }
    }
}

/// Reasons that evaluations would show, and that are not the right ones any more.
fn outdated(host: &HostName) -> Finding {
    let place = Layout::denied(host);
    let message = format!("`{}` does not say what policy denies host `{host}` now", place.display());
    let finding = error(Class::Finding, "sealed::reasons", message).at(Place::file(place)).about([host]);
    finding.help("run `secretctl seal`")
}

fn readers(outlook: &Outlook, scope: &Scope, findings: &mut Vec<Finding>) {
    for (secret, hosts) in readers_changed(outlook, scope) {
        let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        let message = if hosts.is_empty() {
            format!("the ledger of `{secret}` still names readers that it no longer has")
        } else {
            format!("the ledger of `{secret}` does not say yet that it is read by {}", hosts.join(", "))
        };
        let finding = error(Class::Finding, "ledger::readers", message).help("run `secretctl seal`");
        let about = std::iter::once(secret.as_str()).chain(hosts);
        findings.push(finding.about(about).at(Place::file(Layout::ledger(&secret))));
    }
}

fn leaving(ws: &Workspace, scope: &Scope, findings: &mut Vec<Finding>) -> Result<(), FsError> {
    if !scope.hosts.is_empty() {
        return Ok(());
    }
    for folder in ws.layout.sealed_folders()? {
        if folder.parse().is_ok_and(|host| ws.policy.seals_for(&host)) {
            continue;
        }
        let state = ws.fleet.hosts.get(folder.as_str()).map(|host| host.state);
        let reason = state.map_or("unknown".to_owned(), |state| state.to_string());
        let message = format!("`sealed/{folder}` belongs to a host that is {reason}");
        let place = Place::file(format!("sealed/{folder}"));
        let finding = error(Class::Finding, "sealed::surplus", message).at(place).about([&folder]);
        findings.push(finding.help("run `secretctl seal`"));
    }
    Ok(())
}
