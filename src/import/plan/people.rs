//! The people who could open files, as admins.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::crypto::Recipient;
use crate::fleet::Fleet;
use crate::import::found::Found;
use crate::name::AdminName;

/// People as admins: known ones by their keys, others by what the files call them.
pub(super) fn admins(found: &Found, fleet: &Fleet) -> BTreeMap<AdminName, BTreeSet<Recipient>> {
    let used: BTreeSet<&Recipient> = found.files.values().flat_map(|file| &file.readers).collect();
    let mut admins: BTreeMap<AdminName, BTreeSet<Recipient>> =
        fleet.active_admins().map(|(name, admin)| (name.clone(), admin.recipients.clone())).collect();
    let taken: BTreeSet<Recipient> = admins.values().flatten().chain(&fleet.recovery).cloned().collect();
    for (called, keys) in &found.people {
        let keys: BTreeSet<Recipient> =
            keys.iter().filter(|key| used.contains(key) && !taken.contains(key)).cloned().collect();
        let word: String = called
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
            .collect();
        let word = word.trim_start_matches(['-', '_', '.']).chars().take(63).collect::<String>();
        if let (false, Ok(name)) = (keys.is_empty(), word.parse::<AdminName>()) {
            let name = if fleet.admins.contains_key(&name) { other_name(&name, &admins) } else { name };
            admins.entry(name).or_default().extend(keys);
        }
    }
    admins
}

fn other_name(name: &AdminName, taken: &BTreeMap<AdminName, BTreeSet<Recipient>>) -> AdminName {
    let more = (2..).filter_map(|number| format!("{name}-{number}").parse().ok());
    more.into_iter().find(|other| !taken.contains_key(other)).unwrap_or_else(|| name.clone())
}
