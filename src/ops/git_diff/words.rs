//! Ledgers and manifests in lines that people read: one for each event and each grant. Nothing is verified here.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::shown::Shown;
use crate::crypto::Recipient;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::ledger::Line;
use crate::manifest::GrantedServices;
use crate::manifest::Manifest;

pub(super) fn ledger(ledger: &Ledger, fleet: &Fleet, shown: &mut Shown) {
    for line in ledger.lines() {
        shown.line(&event(line, fleet));
    }
}

fn event(line: &Line, fleet: &Fleet) -> String {
    let event = format!("{:?}", line.event).to_lowercase();
    let mut text =
        format!("{} revision {} {event} by {} at {}", line.secret, line.revision, line.author, line.time);
    if let Some(seen) = &line.value {
        text.push_str(match seen.changed {
            Some(true) => ", a new value",
            Some(false) => ", the value as it was",
            None => "",
        });
        if seen.weak {
            text.push_str(" that could be guessed");
        }
        if let Some(end) = seen.expires {
            text.push_str(&format!(" that ends {end}"));
        }
    }
    text.push_str(&format!("; encrypted to {}", owners(&line.recipients, fleet)));
    text.push_str(&format!("; sealed for {}", listed(&line.hosts, "nobody")));
    text
}

pub(super) fn manifest(manifest: &Manifest, fleet: &Fleet, shown: &mut Shown) {
    let Manifest { host, serial, sealed_at, .. } = manifest;
    shown.line(&format!("manifest of {host}, serial {serial}, sealed at {sealed_at}"));
    shown.line(&format!(
        "sealed to {}, wrapped to {}",
        manifest.sealing_recipient,
        owners(&manifest.host_recipients, fleet)
    ));
    shown.line(&format!("policy {}", manifest.policy_sha256));
    for entry in manifest.secrets.values() {
        let services = match &entry.services {
            GrantedServices::All => "every service".to_owned(),
            GrantedServices::Only(services) => listed(services, "nobody"),
        };
        let until = entry.not_after.map(|end| format!(" until {end}")).unwrap_or_default();
        let file: String = entry.sha256.to_string().chars().take(12).collect();
        shown
            .line(&format!("{} revision {} for {services}{until} (file {file})", entry.name, entry.revision));
    }
}

/// Recipients by the people and machines they belong to, as far as the fleet says.
pub(super) fn owners(recipients: &BTreeSet<Recipient>, fleet: &Fleet) -> String {
    let names: BTreeSet<String> =
        recipients.iter().map(|one| fleet.owner_of(one).unwrap_or_else(|| one.to_string())).collect();
    listed(&names, "nobody")
}

fn listed<T: Display>(things: &BTreeSet<T>, nothing: &str) -> String {
    let words: Vec<String> = things.iter().map(ToString::to_string).collect();
    if words.is_empty() { nothing.to_owned() } else { words.join(", ") }
}
