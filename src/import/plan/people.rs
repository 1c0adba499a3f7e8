//! Who else could open files: confirmed admins, readers of what they could open and nothing else, and machines, which are
//! neither.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::NewFleet;
use super::Wishes;
use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::fleet::Admin;
use crate::fleet::EditorScope;
use crate::fleet::Fleet;
use crate::import::found::Body;
use crate::import::found::Found;
use crate::import::found::ReaderKind;
use crate::import::found::Tool;
use crate::import::keys::shown;
use crate::name::AdminName;

/// What becomes of everybody whose key is no host's.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Admins to add.
    pub(super) admins: BTreeMap<AdminName, Admin>,
    /// Recovery recipients to add.
    pub(super) recovery: BTreeSet<Recipient>,
    /// Confirmed on the command line, and nobody who was found is called so.
    pub(super) unknown: BTreeSet<AdminName>,
    /// Everybody who was found, as the command line can name them.
    pub(super) named: BTreeSet<AdminName>,
    /// What is told of each.
    pub(super) findings: Vec<Finding>,
}

/// Nobody opens what comes later unless they were confirmed. Who is not stays able to open what they could: files of
/// values as an admin who must be named, documents until they are settled.
pub(super) fn settle(found: &Found, wishes: &Wishes, fleet: &Fleet) -> People {
    let mut people = People { unknown: wishes.confirmed.clone(), ..People::default() };
    let known = fleet.people();
    let mut recovery: BTreeSet<Recipient> = found.recovery.difference(&known).cloned().collect();
    if wishes.fleet == NewFleet::Yes {
        people.recovery = std::mem::take(&mut recovery);
        people.findings.extend(people.recovery.iter().map(told_of_recovery));
    }
    let late = recovery.into_iter().enumerate();
    let late = late.map(|(at, key)| (format!("recovery-{}", at + 1), [key].into(), ReaderKind::Person));
    let readers =
        found.readers.iter().map(|(called, reader)| (called.clone(), reader.keys.clone(), reader.kind));
    let everybody: Vec<(String, BTreeSet<Recipient>, ReaderKind)> = readers.chain(late).collect();
    for (called, keys, kind) in everybody {
        let opened = Opened::by(found, &keys);
        let Some(name) = admin_name(&called) else { continue };
        let confirmed = people.unknown.remove(&name) || wishes.confirmed.contains(&name);
        people.named.insert(name.clone());
        if opened.all() == 0 && !confirmed {
            continue;
        }
        let clear = kind == ReaderKind::Person || kind == ReaderKind::Unclear && found.knows_all_hosts();
        if confirmed {
            people.findings.push(told_of_admin(&name, &keys));
        } else {
            people.findings.push(told(
                &name,
                &keys,
                &opened,
                if clear { Becomes::Reader(kind) } else { Becomes::Closed(kind) },
            ));
        }
        if confirmed || clear && opened.files > 0 {
            let editor = if confirmed { EditorScope::All } else { EditorScope::Named };
            let name = free_name(name, fleet, &people.admins);
            let admin = people.admins.entry(name).or_insert_with(|| Admin { editor, ..Admin::default() });
            admin.recipients.extend(keys);
        }
    }
    people
}

/// How many files somebody could open.
struct Opened {
    /// Files of one value, which become sources.
    files: usize,
    /// SOPS files, which stay.
    documents: usize,
}

impl Opened {
    fn by(found: &Found, keys: &BTreeSet<Recipient>) -> Self {
        let opens = found.files.values().filter(|file| keys.iter().any(|key| file.readers.contains(key)));
        let (documents, files): (Vec<_>, Vec<_>) = opens.partition(|file| file.body == Body::Sops);
        Self { files: files.len(), documents: documents.len() }
    }

    fn all(&self) -> usize {
        self.files + self.documents
    }
}

/// What becomes of somebody who was not confirmed.
#[derive(Clone, Copy)]
enum Becomes {
    /// They stay readers.
    Reader(ReaderKind),
    /// They open nothing that becomes a source.
    Closed(ReaderKind),
}

fn admin_name(called: &str) -> Option<AdminName> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let word: String = called.chars().map(plain).collect();
    word.trim_start_matches(['-', '_', '.']).chars().take(63).collect::<String>().parse().ok()
}

fn free_name(name: AdminName, fleet: &Fleet, new: &BTreeMap<AdminName, Admin>) -> AdminName {
    let taken = |name: &AdminName| fleet.admins.contains_key(name) || new.contains_key(name);
    if !fleet.admins.contains_key(&name) {
        return name;
    }
    let mut more = (2..).filter_map(|number| format!("{name}-{number}").parse().ok());
    more.find(|other| !taken(other)).unwrap_or(name)
}

fn told_of_recovery(key: &Recipient) -> Finding {
    let message = format!("every file was encrypted to `{}`, which is a recovery recipient now", shown(key));
    Finding::new(Severity::Note, Class::Finding, "import::recovery", message)
        .help("it opens every secret, new ones too; if it should not, take it out of `[recovery]` before `secretctl rekey`")
        .about([key])
}

/// Somebody who was confirmed by name: whether the key is theirs, only a person can tell.
fn told_of_admin(name: &AdminName, keys: &BTreeSet<Recipient>) -> Finding {
    let keys: Vec<String> = keys.iter().map(shown).collect();
    let message = format!("`{name}` opens every secret, new ones too, with {}", keys.join(" and "));
    Finding::new(Severity::Note, Class::Finding, "import::confirmed", message)
        .help("compare that with what they have; if it is not theirs, take it out of `[admins]` before `secretctl rekey`")
        .about([name])
}

/// Somebody who was not confirmed: what they open from now on, and what to do.
fn told(name: &AdminName, keys: &BTreeSet<Recipient>, opened: &Opened, becomes: Becomes) -> Finding {
    let keys: Vec<String> = keys.iter().map(shown).collect();
    let files = if opened.all() == 1 { "1 file".to_owned() } else { format!("{} files", opened.all()) };
    let who = format!("`{name}` ({}) could open {files}", keys.join(", "));
    let until = if opened.documents > 0 { "; SOPS files until `secretctl rekey --settle`" } else { "" };
    let add = format!("secretctl admin add {name} --recipient … --editor named");
    let machine = match becomes {
        Becomes::Reader(ReaderKind::Unclear) => "; if it is a machine's, take it out of `[admins]`",
        _ => "",
    };
    let (code, message, help) = match becomes {
        Becomes::Reader(_) => (
            "import::not_confirmed",
            format!("{who} and was not confirmed as an admin, so opens these and nothing new{until}"),
            format!("import with `--confirm-admin {name}` if they may open every secret of the fleet{machine}"),
        ),
        Becomes::Closed(ReaderKind::Machine) => (
            "import::machine_key",
            format!("{who}; it is called like a machine and belongs to no host that is known, so it gets nothing new{until}"),
            "if a host holds it, name that with `--host NAME=RECIPIENT`; then rotate what `secretctl audit` calls exposed".to_owned(),
        ),
        Becomes::Closed(_) => (
            "import::unclear_key",
            format!("{who}, and may be a machine: not every host is known. It gets nothing new{until}"),
            format!("if a host holds it: `--host {name}=RECIPIENT`; a person: `--confirm-admin {name}`, or `{add}` and `editors(..)` rules"),
        ),
    };
    Finding::new(Severity::Warning, Class::Finding, code, message).help(help).about([name])
}

/// Recipients of files that nothing in the repository names.
pub(super) fn unknown(found: &Found, fleet: &Fleet) -> Vec<Finding> {
    let people = fleet.people();
    let named = |key: &Recipient| {
        found.host_of(key).is_some()
            || found.reader_of(key).is_some()
            || found.shared.contains_key(key)
            || found.recovery.contains(key)
            || people.contains(key)
    };
    let tags: BTreeSet<String> = people.iter().filter_map(crate::import::age_file::tagged).collect();
    let native = people.iter().filter(|key| key.as_str().len() == 62).count();
    let mut unknown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, file) in &found.files {
        let untagged = file.unnamed.iter().filter(|what| *what == "X25519").count();
        let explained = |what: &&String| tags.contains(*what) || *what == "X25519" && untagged <= native;
        let keys = file.readers.iter().filter(|key| !named(key)).map(shown);
        for what in keys.chain(file.unnamed.iter().filter(|what| !explained(what)).cloned()) {
            unknown.entry(what).or_default().insert(path.display().to_string());
        }
    }
    let later = match found.tool {
        Tool::SopsNix => "else it can open what it could until the next `secretctl rekey --settle`",
        _ => "else rotate the values, which it knows",
    };
    let told = unknown.into_iter().map(|(what, files)| {
        let first = files.first().map(String::as_str).unwrap_or_default();
        let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
        let message =
            format!("nothing in the repository says whose key `{what}` is, which opens `{first}`{more}");
        Finding::new(Severity::Warning, Class::Finding, "import::unknown_recipient", message)
            .help(format!("if it is a host's, say so with `--host NAME=RECIPIENT`; {later}"))
            .about([what])
    });
    told.collect()
}
