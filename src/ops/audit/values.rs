//! The age, the end and the strength of every value.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::Timestamp;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::ledger::CurrentValue;
use crate::ledger::Event;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::rotate::by_hand;
use crate::ops::workspace::Workspace;
use crate::policy::Rotation;
use crate::store::Layout;

const DAY: i64 = 24 * 60 * 60;
/// Longest warning before a value is due, where the policy says nothing of it.
const WARN_MAX: SignedDuration = SignedDuration::from_secs(14 * DAY);
/// Warning before a certificate or token ends, where the policy says nothing of it.
const EXPIRY_WARN: SignedDuration = SignedDuration::from_secs(30 * DAY);
/// A first value that is older than this was most likely forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_secs(365 * DAY);

/// Whether values that are the same are looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duplicates {
    /// They stay closed.
    Leave,
    /// Each is opened once; only keyed digests are kept, in memory.
    Find,
}

/// Where a value stands in its period.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueState {
    /// No `rotate(..)` says when it is due.
    Unplanned,
    /// Not due for a while.
    Fine,
    /// Due within the warning.
    Soon,
    /// Past its period.
    Overdue,
}

/// The value of one secret.
#[derive(Clone, Debug, Serialize)]
pub struct ValueStatus {
    /// The secret.
    pub secret: SecretName,
    /// Number of the value.
    pub revision: u64,
    /// When it last really changed.
    pub since: Timestamp,
    /// Who wrote it.
    pub author: AdminName,
    /// How it came about.
    pub event: Event,
    /// Whether it was held against the value before: null where nobody could look.
    pub changed: Option<bool>,
    /// When it is due for a new one.
    pub due: Option<Timestamp>,
    /// From when on that is told.
    pub warn_from: Option<Timestamp>,
    /// Where it stands.
    pub state: ValueState,
    /// When it says of itself that it ends.
    pub expires: Option<Timestamp>,
    /// Whether it could be guessed.
    pub weak: bool,
    /// Who sees to its rotation.
    pub owners: BTreeSet<String>,
    /// Where it is written how.
    pub runbooks: BTreeSet<String>,
    /// Whether a generator makes new values.
    pub generated: bool,
    /// Hosts that may read it.
    pub hosts: BTreeSet<HostName>,
    #[serde(skip)]
    warn: Option<SignedDuration>,
}

pub(super) fn status(
    ws: &Workspace,
    secret: &SecretName,
    value: &CurrentValue<'_>,
    readers: &BTreeSet<HostName>,
) -> ValueStatus {
    let attributes = ws.policy.attributes(secret);
    let rotation = attributes.rotation.unwrap_or_default();
    let (due, warn_from) = deadline(value.since, &rotation);
    let now = ws.settings.now;
    let state = match (due, warn_from) {
        (Some(due), _) if now >= due => ValueState::Overdue,
        (Some(_), Some(from)) if now >= from => ValueState::Soon,
        (Some(_), _) => ValueState::Fine,
        (None, _) => ValueState::Unplanned,
    };
    let seen = value.seen();
    ValueStatus {
        secret: secret.clone(),
        revision: value.made.revision,
        since: value.since,
        author: value.made.author.clone(),
        event: value.made.event,
        changed: seen.changed,
        due,
        warn_from,
        state,
        expires: seen.expires,
        weak: seen.weak,
        owners: rotation.owners,
        runbooks: rotation.runbooks,
        generated: !attributes.generators.is_empty(),
        hosts: readers.clone(),
        warn: rotation.warn,
    }
}

/// When a value is due, and from when on that is told: a tenth of the period before, two weeks at most.
fn deadline(since: Timestamp, rotation: &Rotation) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(every) = rotation.every else { return (None, None) };
    // A period beyond the end of the calendar never ends.
    let Ok(due) = since.checked_add(every) else { return (None, None) };
    let warn = rotation.warn.unwrap_or_else(|| (every / 10).min(WARN_MAX));
    (Some(due), due.checked_sub(warn).ok())
}

/// What is to be said about a value; `line` is the number of the line that made it.
pub(super) fn findings(status: &ValueStatus, line: usize, now: Timestamp) -> Vec<Finding> {
    let place = Place::line(Layout::ledger(&status.secret), line);
    let told = |severity, code: &str, message: String, help: String| {
        let about = [status.secret.to_string(), format!("revision {}", status.revision)];
        Finding::new(severity, Class::Finding, code, message).at(place.clone()).help(help).about(about)
    };
    let mut all = Vec::new();
    let secret = &status.secret;
    if let Some(due) = status.due {
        let revision = status.revision;
        let day = due.strftime("%Y-%m-%d");
        match status.state {
            ValueState::Overdue => {
                let message = format!("revision {revision} of `{secret}` is due since {day}");
                all.push(told(Severity::Error, "rotation::overdue", message, status.renew()));
            }
            ValueState::Soon => {
                let message = format!("revision {revision} of `{secret}` is due on {day}");
                all.push(told(Severity::Warning, "rotation::soon", message, status.renew()));
            }
            ValueState::Fine | ValueState::Unplanned => {}
        }
    }
    all.extend(expiry(status, now, &told));
    if status.weak {
        let message = format!(
            "the value of `{secret}` is so short, or of so few kinds of characters, that it could be found by trying"
        );
        all.push(told(Severity::Warning, "value::weak", message, status.renew()));
    }
    if status.changed.is_none() && status.event != Event::Created && status.revision > 1 {
        let message = format!(
            "nobody looked whether revision {} of `{secret}` differs from the one before",
            status.revision
        );
        let help = format!("if it does not, it is no new value: `secretctl rotate {secret}`");
        all.push(told(Severity::Note, "rotation::unproven", message, help));
    }
    let first = status.revision == 1 && status.state == ValueState::Unplanned;
    if first && now.duration_since(status.since) > FORGOTTEN {
        let message = format!("`{secret}` has its first value since {}", status.since.strftime("%Y-%m-%d"));
        let help =
            format!("give it a new value, or say that it may stay: `rotate(\"{secret}\").every(\"5y\")`");
        all.push(told(Severity::Warning, "rotation::never", message, help));
    }
    all
}

fn expiry(
    status: &ValueStatus,
    now: Timestamp,
    told: &dyn Fn(Severity, &str, String, String) -> Finding,
) -> Option<Finding> {
    let (secret, end) = (&status.secret, status.expires?);
    let shown = end.strftime("%Y-%m-%d %H:%M UTC");
    if now >= end {
        let message = format!("the value of `{secret}` says of itself that it ended at {shown}");
        return Some(told(Severity::Error, "value::expired", message, status.renew()));
    }
    let soon = status.ends_soon(now);
    let message = format!("the value of `{secret}` says of itself that it ends at {shown}");
    soon.then(|| told(Severity::Warning, "value::expires_soon", message, status.renew()))
}

impl ValueStatus {
    /// Whether it says of itself that it ends within the warning.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end.duration_since(now) <= self.warn.unwrap_or(EXPIRY_WARN))
    }

    /// The next command, and whom and what to ask.
    pub(super) fn renew(&self) -> String {
        let secret = &self.secret;
        let command = if self.generated { format!("secretctl rotate {secret}") } else { by_hand(secret) };
        let mut help = format!("`{command}`");
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.runbooks.is_empty() {
            help.push_str(&format!(" as {} says", list(&self.runbooks)));
        }
        if !self.owners.is_empty() {
            help.push_str(&format!("; ask {}", list(&self.owners)));
        }
        help
    }
}

/// One note for all secrets whose rotation nobody planned.
pub(super) fn without_rule(values: &[ValueStatus]) -> Option<Finding> {
    let unplanned: Vec<&str> =
        values.iter().filter(|v| v.state == ValueState::Unplanned).map(|v| v.secret.as_str()).collect();
    let first = unplanned.first()?;
    let message = match unplanned.len() {
        1 => format!("no `rotate(..)` says when `{first}` is due"),
        count => format!("no `rotate(..)` says when {count} secrets are due, `{first}` among them"),
    };
    let help = "add a rule for the rest to a policy: `rotate(\"**\").every(\"2y\")`";
    Some(
        Finding::new(Severity::Note, Class::Finding, "rotation::no_rule", message)
            .help(help)
            .about(["fleet"]),
    )
}

/// Secrets with the same value, as far as identities at hand open them.
pub(super) fn duplicates<'s>(
    ws: &Workspace,
    secrets: impl Iterator<Item = &'s SecretName>,
) -> Result<Vec<Finding>, OpsError> {
    let identities = ws.identities()?;
    let mut salt = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(salt.as_mut_slice());
    let mut by_digest: BTreeMap<[u8; 32], Vec<&SecretName>> = BTreeMap::new();
    let mut closed = Vec::new();
    for secret in secrets {
        let source = ws.layout.read_source(secret, &ws.authors())?;
        match source.open(identities) {
            Ok(value) if value.is_empty() => {}
            Ok(value) => {
                let digest =
                    Sha256::new().chain_update(salt.as_slice()).chain_update(value.expose()).finalize();
                by_digest.entry(digest.into()).or_default().push(secret);
            }
            Err(_) => closed.push(secret),
        }
    }
    let names =
        |names: &[&SecretName]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let same = by_digest.values().filter(|secrets| secrets.len() > 1).map(|secrets| {
        let message = format!("{} have the same value", names(secrets));
        let help = "give each its own, or keep one secret and let policy grant it to all who read it";
        Finding::new(Severity::Warning, Class::Finding, "value::duplicate", message).help(help).about(secrets)
    });
    let mut findings: Vec<Finding> = same.collect();
    if !closed.is_empty() {
        let message = format!(
            "no identity at hand opens {}, so nobody looked whether they are the same",
            names(&closed)
        );
        findings.push(Finding::new(Severity::Note, Class::Finding, "value::closed", message).about(closed));
    }
    Ok(findings)
}
