//! What a person should look at: values that nobody declares, declarations without a value, files that stand too open.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::Names;
use super::PlannedSecret;
use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fleet::Fleet;
use crate::import::found::Body;
use crate::import::found::Found;
use crate::import::found::FoundTemplate;
use crate::import::found::ReaderKind;
use crate::import::found::Tool;
use crate::import::found::Use;
use crate::name::HostName;
use crate::name::SecretName;

/// Everything that was found, the readers' problems included, sorted.
pub(super) fn findings(
    found: &Found,
    secrets: &BTreeMap<SecretName, PlannedSecret>,
    uses: &[(Use, SecretName)],
    names: &Names,
    (fleet, of_people): (&Fleet, Vec<Finding>),
) -> Vec<Finding> {
    let mut all = found.problems.clone();
    all.extend(of_people);
    // In a folder of files nothing ever declares a value, and what a host declares that was not read, nobody knows.
    if found.tool != Tool::Folder && found.unread.is_empty() && (found.evaluated || !uses.is_empty()) {
        all.extend(undeclared(secrets, uses));
    }
    all.extend(dangling(found, uses));
    all.extend(waiting(found, uses));
    all.extend(twice(secrets, uses));
    all.extend(open(found, uses));
    all.extend(without_operator(found, &fleet.people()));
    all.extend(shared(found));
    all.extend(unnameable(found, secrets, names));
    all.sort();
    all.dedup();
    all
}

fn note(severity: Severity, code: &str, message: String) -> Finding {
    Finding::new(severity, Class::Finding, code, message)
}

/// Values that no host asks for: they stay, and no host gets them.
fn undeclared(secrets: &BTreeMap<SecretName, PlannedSecret>, uses: &[(Use, SecretName)]) -> Vec<Finding> {
    let used: BTreeSet<&SecretName> = uses.iter().map(|(_, name)| name).collect();
    let mut by_file: BTreeMap<&PathBuf, Vec<&SecretName>> = BTreeMap::new();
    for (name, secret) in secrets.iter().filter(|(name, _)| !used.contains(name)) {
        by_file.entry(&secret.file).or_default().push(name);
    }
    let told = by_file.into_iter().map(|(file, names)| {
        let words: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let message = match words.as_slice() {
            [only] => format!("no host declares `{only}`"),
            words => format!("no host declares {} values: {}", words.len(), words.join(", ")),
        };
        note(Severity::Note, "import::undeclared", message)
            .at(Place::file(file))
            .help(format!(
                "what nobody needs any more can go: `secretctl rm {}`",
                words.first().unwrap_or(&"NAME")
            ))
            .about(names)
    });
    told.collect()
}

/// Declarations of a file or key that is not there.
fn dangling(found: &Found, uses: &[(Use, SecretName)]) -> Vec<Finding> {
    let there = |one: &Use| {
        uses.iter().any(|(known, _)| {
            known == one
                || (known.host == one.host
                    && known.label == one.label
                    && known.file == one.file
                    && known.key == one.key)
        })
    };
    let lost = found.uses.iter().filter(|one| !there(one) && !found.left_out.contains(&one.file));
    lost.map(|one| {
        let what = if found.files.contains_key(&one.file) {
            format!("`{}` has no key `{}`", one.file.display(), one.key.join("/"))
        } else {
            format!("there is no `{}`", one.file.display())
        };
        note(
            Severity::Warning,
            "import::dangling",
            format!("`{}` declares `{}`, and {what}", one.host, one.label),
        )
        .help("make the value, or take the declaration away".to_owned())
        .about([one.host.to_string(), one.label.clone()])
    })
    .collect()
}

/// Declarations on hosts that cannot open the file.
fn waiting(found: &Found, uses: &[(Use, SecretName)]) -> Vec<Finding> {
    let closed = uses.iter().filter(|(one, _)| {
        let file = found.files.get(&one.file);
        file.is_some_and(|file| !super::openers(found, &one.file, file).contains(&one.host))
    });
    closed
        .map(|(one, name)| {
            let message = format!(
                "`{}` declares `{name}`, and none of its keys that are known opens `{}`",
                one.host,
                one.file.display()
            );
            note(Severity::Warning, "import::cannot_open", message)
                .help(format!(
                    "name its key with `--host {}=RECIPIENT`; until then the host is pending",
                    one.host
                ))
                .about([one.host.to_string(), name.to_string()])
        })
        .collect()
}

/// One value at two places of a host, and one key in several files.
fn twice(secrets: &BTreeMap<SecretName, PlannedSecret>, uses: &[(Use, SecretName)]) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut labels: BTreeMap<(&HostName, &SecretName), BTreeSet<&str>> = BTreeMap::new();
    for (one, name) in uses {
        labels.entry((&one.host, name)).or_default().insert(&one.label);
    }
    for ((host, name), labels) in labels.iter().filter(|(_, labels)| labels.len() > 1) {
        let labels: Vec<&str> = labels.iter().copied().collect();
        let message = format!("`{host}` declares `{name}` several times: {}", labels.join(", "));
        all.push(
            note(Severity::Note, "import::duplicate", message).about([host.to_string(), name.to_string()]),
        );
    }
    let mut keys: BTreeMap<&[String], BTreeSet<&Path>> = BTreeMap::new();
    for secret in secrets.values().filter(|secret| !secret.key.is_empty()) {
        keys.entry(&secret.key).or_default().insert(&secret.file);
    }
    for (key, files) in keys.iter().filter(|(_, files)| files.len() > 1) {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let message = format!("key `{}` is in several files: {}", key.join("/"), files.join(", "));
        all.push(note(Severity::Note, "import::duplicate", message).about([key.join("/")]));
    }
    all
}

/// Files that every user of a host reads.
fn open(found: &Found, uses: &[(Use, SecretName)]) -> Vec<Finding> {
    let world = |mode: &str| u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o004 != 0);
    let values = uses.iter().map(|(one, name)| (&one.host, format!("`{name}`"), &one.mode));
    let fills = |template: &&FoundTemplate| match &template.content {
        Some(content) => {
            template.placeholders.keys().any(|placeholder| content.contains(placeholder.as_str()))
        }
        None => true,
    };
    let filled = found.templates.iter().filter(fills);
    let texts = filled.map(|one| (&one.host, format!("the template `{}`", one.name), &one.mode));
    let open = values.chain(texts).filter(|(_, _, mode)| world(mode));
    open.map(|(host, what, mode)| {
        let message = format!("every user of `{host}` reads {what}: its mode is {mode}");
        note(Severity::Warning, "import::world_readable", message)
            .help("give it an owner or a group instead".to_owned())
            .about([host.to_string(), what])
    })
    .collect()
}

/// Files that no person's key opens: their values could not be edited.
fn without_operator(found: &Found, people: &BTreeSet<Recipient>) -> Vec<Finding> {
    let person = |key| {
        let clear = found.reader_of(key).is_some_and(|(_, kind)| kind != ReaderKind::Machine);
        clear || people.contains(key) || found.recovery.contains(key) || found.shared.contains_key(key)
    };
    let closed = found.files.iter().filter(|(_, file)| {
        let plain = matches!(file.body, Body::Dotenv | Body::Json);
        !plain && file.foreign.is_empty() && file.unnamed.is_empty() && !file.readers.iter().any(person)
    });
    closed
        .map(|(path, _)| {
            let message = format!("`{}` is encrypted to no person that is known", path.display());
            note(Severity::Warning, "import::no_operator", message)
                .at(Place::file(path))
                .help("open it with the key of a host, on that host, or give its values anew".to_owned())
        })
        .collect()
}

/// Keys that several hosts hold: what is sealed for one of them alone needs a key of its own.
fn shared(found: &Found) -> Vec<Finding> {
    let told = found.shared.iter().map(|(key, hosts)| {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        let shown = crate::import::keys::shown(key);
        let others = if names.len() == 1 { " and a person" } else { "" };
        let message =
            format!("{}{others} hold one key, `{shown}`, so each opens what is meant for the others", names.join(", "));
        let first = names.first().copied().unwrap_or("HOST");
        note(Severity::Warning, "import::shared_key", message).help(format!(
            "give each its own with `--host {first}=RECIPIENT`, from /etc/ssh/ssh_host_ed25519_key.pub, or later with `secretctl host set`"
        ))
    });
    told.collect()
}

/// Values that have no name, or the name of another.
fn unnameable(found: &Found, secrets: &BTreeMap<SecretName, PlannedSecret>, names: &Names) -> Vec<Finding> {
    let mut all = Vec::new();
    let whole = [Vec::new()].into();
    for (path, file) in &found.files {
        let keys: &BTreeSet<Vec<String>> = if names.whole.contains(path) { &whole } else { &file.keys };
        for key in keys {
            let place = |path: &PathBuf, key: &[String]| {
                if key.is_empty() {
                    path.display().to_string()
                } else {
                    format!("{} in {}", key.join("/"), path.display())
                }
            };
            match names.of(path, key) {
                None => {
                    let message = format!("`{}` cannot have a name", place(path, key));
                    all.push(note(Severity::Error, "import::no_name", message).at(Place::file(path)));
                }
                Some(name) => {
                    let first = secrets.get(&name);
                    if let Some(first) = first.filter(|first| first.file != *path || first.key != *key) {
                        let message = format!(
                            "`{}` and `{}` would both be called `{name}`",
                            place(&first.file, &first.key),
                            place(path, key)
                        );
                        all.push(
                            note(Severity::Error, "import::same_name", message)
                                .at(Place::file(path))
                                .help("rename one of the files, then import again"),
                        );
                    }
                }
            }
        }
    }
    all
}
