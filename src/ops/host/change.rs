//! Changes what `secretctl.toml` says about a host.

use std::collections::BTreeSet;

use super::Run;
use super::change_fleet;
use super::known;
use super::scan::SshSource;
use super::scan::learn;
use crate::crypto::Recipient;
use crate::fleet::Fleet;
use crate::fleet::Host;
use crate::fleet::HostChange;
use crate::fleet::HostState;
use crate::name::HostName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Settings;
use crate::ops::workspace::find_root;
use crate::ops::workspace::read_fleet;

/// What `host set` changed, or would change.
#[derive(Debug)]
pub struct SetReport {
    /// Each difference in words; empty if everything was so before.
    pub changes: Vec<String>,
    /// Keys that the host had and has no more.
    pub replaced: BTreeSet<Recipient>,
    /// Its state now.
    pub state: HostState,
}

/// Changes a host. A pending host that gets its first key becomes active, unless a state is given.
pub fn set(
    settings: &Settings,
    name: &HostName,
    change: &HostChange,
    ssh: Option<&SshSource>,
    run: Run,
) -> Result<SetReport, OpsError> {
    let fleet = read_fleet(&find_root(settings)?)?;
    let pending = known(&fleet, name)?.state == HostState::Pending;
    let mut change = change.clone();
    if let Some(source) = ssh {
        let learned = learn(source, name, &*settings.prompt)?;
        change.recipients.get_or_insert_default().insert(learned);
    }
    if pending && change.recipients.is_some() && change.state.is_none() {
        change.state = Some(HostState::Active);
    }
    let mut before = Host::default();
    let after = change_fleet(settings, run, |fleet, file| {
        before.clone_from(known(fleet, name)?);
        refuse_others(fleet, name, change.recipients.as_ref())?;
        file.set_host(name, &change);
        Ok(())
    })?;
    let after = known(&after, name)?;
    Ok(SetReport {
        changes: differences(&before, after),
        replaced: before.recipients.difference(&after.recipients).cloned().collect(),
        state: after.state,
    })
}

/// Removes a host from `secretctl.toml`; `seal` then removes its tree.
pub fn remove(settings: &Settings, name: &HostName, run: Run) -> Result<(), OpsError> {
    change_fleet(settings, run, |fleet, file| {
        known(fleet, name)?;
        file.remove_host(name);
        Ok(())
    })?;
    Ok(())
}

/// A key of somebody else is refused; one that the host has already may stay.
fn refuse_others(
    fleet: &Fleet,
    name: &HostName,
    recipients: Option<&BTreeSet<Recipient>>,
) -> Result<(), OpsError> {
    let own = &known(fleet, name)?.recipients;
    let new = recipients.into_iter().flatten().filter(|recipient| !own.contains(*recipient));
    super::refuse_shared(fleet, &new.cloned().collect())
}

fn differences(before: &Host, after: &Host) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(list("recipients", &before.recipients, &after.recipients));
    if before.system != after.system {
        let word = |system: &Option<String>| system.clone().unwrap_or_else(|| "none".to_owned());
        words.push(format!("system: {} -> {}", word(&before.system), word(&after.system)));
    }
    words.extend(list("tags", &before.tags, &after.tags));
    words.extend(list("services", &before.services, &after.services));
    if before.state != after.state {
        words.push(format!("state: {} -> {}", before.state, after.state));
    }
    if let Some(until) = after.compromised.filter(|_| before.compromised != after.compromised) {
        words.push(format!("compromised: what it could read until {until} counts as known"));
    }
    words
}

fn list<T: Ord + ToString>(what: &str, before: &BTreeSet<T>, after: &BTreeSet<T>) -> Option<String> {
    let signed = |sign: char, words: Vec<&T>| -> Vec<String> {
        words.into_iter().map(|word| format!("{sign}{}", word.to_string())).collect()
    };
    let mut words = signed('+', after.difference(before).collect());
    words.extend(signed('-', before.difference(after).collect()));
    (!words.is_empty()).then(|| format!("{what}: {}", words.join(", ")))
}
