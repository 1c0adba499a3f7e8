//! What the page shows, as the JSON that is put into it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::access::Access;
use super::access::access;
use crate::cli::page::Shared;
use crate::cli::page::positions;
use crate::diag::Finding;
use crate::name::SecretName;
use crate::ops::Workspace;
use crate::ops::audit::Exposure;
use crate::ops::audit::Knower;
use crate::ops::audit::ValueState;
use crate::ops::audit::ValueStatus;
use crate::ops::report::Holder;
use crate::ops::report::Mask;
use crate::ops::report::Moment;
use crate::ops::report::Report;

/// Everything; lists refer to each other by position.
#[derive(Serialize)]
pub(super) struct Content {
    version: u32,
    program: &'static str,
    at: String,
    hashed: bool,
    secrets: Vec<String>,
    /// For each secret; none where its ledger cannot be believed.
    values: Vec<Option<Value>>,
    #[serde(flatten)]
    access: Access,
    exposures: Vec<Known>,
    findings: Vec<Found>,
    /// Names of hosts and people that lives are about.
    names: Vec<String>,
    /// Sets of such names.
    sets: Vec<Vec<usize>>,
    /// For each secret what happened to it.
    lives: Vec<Vec<Line>>,
}

#[derive(Serialize)]
struct Value {
    revision: u64,
    since: String,
    state: ValueState,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    weak: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    generated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    owners: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runbooks: Vec<String>,
}

#[derive(Serialize)]
struct Known {
    secret: Option<usize>,
    revision: u64,
    by: String,
    reason: String,
    since: Option<String>,
}

#[derive(Serialize)]
struct Found {
    severity: String,
    code: String,
    secret: Option<usize>,
    message: String,
    place: String,
    help: String,
}

/// Time, event, revision, position of the author, of the set of hosts, and of that of holders.
type Line = (String, String, u64, usize, usize, usize);

/// Where each secret stands in the list.
type Positions<'r> = BTreeMap<&'r SecretName, usize>;

pub(super) fn content(ws: &Workspace, report: &Report, mask: &Mask) -> Content {
    let secrets = &report.view.secrets;
    let at: Positions<'_> = positions(secrets.iter());
    let values: BTreeMap<_, _> = report.audit.values.iter().map(|value| (&value.secret, value)).collect();
    let mut lives = Lives { mask, names: Shared::default(), sets: Shared::default() };
    let told = secrets.iter().map(|secret| report.lives.get(secret).map(|life| lives.life(life)));
    Content {
        version: 1,
        program: concat!("secretctl ", env!("CARGO_PKG_VERSION")),
        at: report.audit.at.to_string(),
        hashed: mask.hides(),
        values: secrets.iter().map(|secret| values.get(secret).map(|status| value(status, mask))).collect(),
        access: access(ws, report, mask),
        exposures: report.audit.exposures.iter().map(|exposure| known(exposure, &at, mask)).collect(),
        findings: report.audit.findings.iter().map(|finding| found(finding, report, &at, mask)).collect(),
        lives: told.map(Option::unwrap_or_default).collect(),
        names: lives.names.all,
        sets: lives.sets.all,
        secrets: secrets.iter().map(|secret| mask.name("secret", secret.as_ref())).collect(),
    }
}

fn value(status: &ValueStatus, mask: &Mask) -> Value {
    Value {
        revision: status.revision,
        since: status.since.to_string(),
        state: status.state,
        due: status.due.map(|due| due.to_string()),
        expires: status.expires.map(|end| end.to_string()),
        weak: status.weak,
        generated: status.generated,
        owners: status.owners.iter().map(|owner| mask.name("person", owner)).collect(),
        runbooks: status.runbooks.iter().filter(|_| !mask.hides()).cloned().collect(),
    }
}

fn known(exposure: &Exposure, at: &Positions<'_>, mask: &Mask) -> Known {
    let by = match &exposure.known_by {
        Knower::Host { name } => told("host", name.as_ref(), mask),
        Knower::Admin { name } => told("person", name.as_ref(), mask),
        Knower::Key { recipient } => told("key", &recipient.to_string(), mask),
    };
    Known {
        secret: at.get(&exposure.secret).copied(),
        revision: exposure.revision,
        by,
        reason: exposure.reason.clone(),
        since: exposure.since.map(|since| since.to_string()),
    }
}

/// A name with its kind, which an identifier says already.
fn told(kind: &str, name: &str, mask: &Mask) -> String {
    if mask.hides() { mask.name(kind, name) } else { format!("{} {name}", kind.replace("person", "admin")) }
}

fn found(finding: &Finding, report: &Report, at: &Positions<'_>, mask: &Mask) -> Found {
    let secret = finding.place.as_ref().and_then(|place| report.about(place));
    // Any of these may hold a name; the code says what it is about all the same.
    let text = |text: Option<String>| text.filter(|_| !mask.hides()).unwrap_or_default();
    Found {
        severity: finding.severity.to_string(),
        code: finding.code.clone(),
        secret: secret.and_then(|secret| at.get(secret).copied()),
        message: text(Some(finding.message.clone())),
        place: text(finding.place.as_ref().map(ToString::to_string)),
        help: text(finding.help.clone()),
    }
}

struct Lives<'m> {
    mask: &'m Mask,
    names: Shared<String>,
    sets: Shared<Vec<usize>>,
}

impl Lives<'_> {
    fn life(&mut self, life: &[Moment]) -> Vec<Line> {
        let mut lines = Vec::with_capacity(life.len());
        for moment in life {
            let author = self.names.add(self.mask.name("person", moment.author.as_ref()));
            let hosts = moment.hosts.iter().map(|host| self.mask.name("host", host.as_ref())).collect();
            let holders = moment.holders.iter().map(|holder| self.holder(holder)).collect();
            let (hosts, holders) = (self.set(hosts), self.set(holders));
            let event = format!("{:?}", moment.event).to_lowercase();
            lines.push((moment.time.to_string(), event, moment.revision, author, hosts, holders));
        }
        lines
    }

    fn set(&mut self, mut names: Vec<String>) -> usize {
        names.sort_unstable();
        names.dedup();
        let set = names.into_iter().map(|name| self.names.add(name)).collect();
        self.sets.add(set)
    }

    fn holder(&self, holder: &Holder) -> String {
        match holder {
            Holder::Admin(name) => self.mask.name("person", name.as_ref()),
            Holder::Host(name) => told("host", name.as_ref(), self.mask),
            Holder::Recovery => "recovery".to_owned(),
            Holder::Unknown(key) => told("key", &key.to_string(), self.mask),
        }
    }
}
