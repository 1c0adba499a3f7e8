//! What is there against what was there before, and against the clock.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::history;
use crate::ops::history::Back;
use crate::ops::history::Present;
use crate::ops::history::Record;
use crate::ops::history::Sealed;
use crate::ops::seal::Compared;
use crate::ops::seal::Outlook;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::Survey;
use crate::store::TreeState;

/// How far two clocks may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// Everything that is there against what was there before, and against the clock.
pub(super) fn check(
    ws: &Workspace,
    survey: &Survey,
    outlook: &Outlook,
    (back, record): (Back, Record),
    findings: &mut Vec<Finding>,
) -> Result<(), OpsError> {
    let authors = ws.authors();
    let others: BTreeSet<SecretName> =
        survey.ledgers.iter().filter(|name| !outlook.ledgers.contains_key(*name)).cloned().collect();
    let others = ws.layout.read_ledgers(&others, &authors);
    let sound = others.iter().filter_map(|(name, ledger)| Some((name, ledger.as_ref().ok()?)));
    let present = Present {
        ledgers: outlook.ledgers.iter().chain(sound).collect(),
        broken: others.iter().filter(|(_, ledger)| ledger.is_err()).map(|(name, _)| name).collect(),
        trees: outlook.hosts.iter().filter_map(sealed).collect(),
    };
    findings.extend(present.ledgers.iter().filter_map(|(name, ledger)| future(ws, name, ledger)));
    findings.extend(present.ledgers.iter().filter_map(|(name, ledger)| backdated(name, ledger)));
    let jumps = present.trees.iter().filter(|(_, sealed)| sealed.is_jump());
    findings.extend(jumps.map(|(host, sealed)| history::jumped(host, *sealed, None)));
    findings.extend(history::check(ws, &present, back, record)?);
    Ok(())
}

/// The manifest of a tree that can be believed, or that is not there.
fn sealed(compared: &Compared) -> Option<(HostName, Sealed)> {
    let sealed = match &compared.tree.state {
        TreeState::Refused { .. } => return None,
        TreeState::Missing => Sealed { serial: 0, sealed_at: Timestamp::MIN },
        TreeState::Sound(verified) | TreeState::NoIdentity(verified) => {
            Sealed { serial: verified.manifest().serial, sealed_at: verified.manifest().sealed_at }
        }
    };
    Some((compared.wanted.host.clone(), sealed))
}

/// A line from the future: a clock is wrong, here or where the line was written.
fn future(ws: &Workspace, name: &SecretName, ledger: &VerifiedLedger) -> Option<Finding> {
    let latest = ws.settings.now.checked_add(CLOCK_SKEW).ok()?;
    let number = ledger.lines().iter().position(|line| line.time > latest)?;
    let line = ledger.lines().get(number)?;
    let message = format!(
        "line {} of the ledger of `{name}`, by `{}`, says {}, and it is {} now",
        number + 1,
        line.author,
        line.time,
        ws.settings.now
    );
    let finding = Finding::new(Severity::Warning, Class::Finding, "ledger::future", message);
    let place = Place { line: Some(number + 1), ..Place::file(Layout::ledger(name)) };
    Some(finding.at(place).help("compare the clock of this machine with that of its author"))
}

/// A line that is dated before one that it follows: a clock was wrong, or somebody dates lines as it suits them.
fn backdated(name: &SecretName, ledger: &VerifiedLedger) -> Option<Finding> {
    let number = *ledger.backdated().first()?;
    let line = ledger.lines().get(number.checked_sub(1)?)?;
    let message = format!(
        "line {number} of the ledger of `{name}`, by `{}`, says {}, and follows a later line",
        line.author, line.time
    );
    let finding = Finding::new(Severity::Warning, Class::Finding, "ledger::backdated", message);
    let place = Place { line: Some(number), ..Place::file(Layout::ledger(name)) };
    let help = format!(
        "compare it with the commit that brought it: `git log -p -- {}`",
        Layout::ledger(name).display()
    );
    Some(finding.about([name]).at(place).help(help))
}
