//! agenix-rekey: sources encrypted to master identities, and copies of them for each host, which are left behind.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::agenix::Expected;
use super::agenix::age_files;
use super::declared;
use super::declared::Placed;
use super::declared::entries;
use super::declared::text;
use super::eval::Evaluation;
use super::facts::Facts;
use super::found::Found;
use super::found::Tool;
use super::keys::Keys;
use super::tree;
use crate::crypto::Recipient;
use crate::diag::Severity;
use crate::name::HostName;

/// Describes a repository of agenix-rekey.
pub(super) fn read(root: &Path, evaluation: &Evaluation) -> Found {
    let mut found = Found::new(Tool::AgenixRekey);
    let facts = Facts::read(root, evaluation, &mut found);
    declared::hosts(&facts, &mut found);
    let mut keys = Keys::from_nix(root);
    let mut copies = Vec::new();
    let mut everywhere = BTreeSet::new();
    for (host, own) in &facts.hosts {
        let rekey = declared::at(&own.options, &["age", "rekey"]);
        host_key(root, &facts, host, &rekey["hostPubkey"], &mut found);
        copies.extend(facts.relative(&rekey["localStorageDir"]));
        everywhere.extend(masters(root, &facts, rekey, &mut keys));
        found.recovery.extend(extra(root, &facts, rekey));
    }
    everywhere.extend(found.recovery.iter().cloned());
    age_files(root, &keys, Expected::Everywhere(&everywhere), &mut found);
    found.files.retain(|path, _| !copies.iter().any(|folder| path.starts_with(folder)));
    found.files.retain(|path, _| !is_master(path));
    keys.settle(root, &mut found);
    for (host, own) in &facts.hosts {
        for (options, user) in declared::modules(own, "age") {
            for (label, secret) in entries(&options["secrets"]) {
                let file = facts.relative(&secret["rekeyFile"]).or_else(|| facts.relative(&secret["file"]));
                let placed =
                    Placed { host, facts: own, options: secret, label, folder: "/run/agenix", owner: &user };
                if secret["intermediary"] == true {
                    continue;
                }
                let Some(file) = file else {
                    let message = format!(
                        "`{host}` declares `{label}`, and its file lies outside of the repository or cannot be told"
                    );
                    found.problem(Severity::Warning, "import::elsewhere", message);
                    continue;
                };
                generator(label, &secret["generator"], &mut found);
                found.uses.push(placed.value(file, Vec::new()));
                found.hosts.entry(host.clone()).or_default().declares = true;
            }
        }
    }
    found
}

/// An option that holds a public key, or the path of a file with one.
pub(super) fn host_key(root: &Path, facts: &Facts, host: &HostName, value: &Value, found: &mut Found) {
    let Some(given) = text(value) else { return };
    let key = given.parse::<Recipient>().ok().or_else(|| {
        let file = facts.relative(value)?;
        tree::text(root, file)?.lines().find_map(|line| line.parse().ok())
    });
    match key {
        Some(key) => drop(found.hosts.entry(host.clone()).or_default().recipients.insert(key)),
        None => {
            let message = format!("the public key of `{host}` cannot be told");
            found.problem(Severity::Warning, "import::no_host_key", message).help =
                Some(format!("name it with `--host {host}=RECIPIENT`"));
        }
    }
}

/// Master identities are files, or sets of a file and its public half; what age says of itself in comments helps.
fn masters(root: &Path, facts: &Facts, rekey: &Value, keys: &mut Keys) -> BTreeSet<Recipient> {
    let mut all = BTreeSet::new();
    for master in rekey["masterIdentities"].as_array().into_iter().flatten() {
        let identity = if master.is_object() { &master["identity"] } else { master };
        let file = facts.relative(identity);
        let name = text(identity).map_or_else(|| "master".to_owned(), |path| stem(Path::new(&path)));
        let told = text(&master["pubkey"]).and_then(|key| key.parse().ok());
        let key = told.or_else(|| public_half(&tree::text(root, file?)?));
        if let Some(key) = key {
            keys.person(key.clone(), name);
            all.insert(key);
        }
    }
    all
}

/// Keys that every source is encrypted to besides, written out or in a file.
fn extra(root: &Path, facts: &Facts, rekey: &Value) -> BTreeSet<Recipient> {
    let read = |extra: &String| {
        let file = || public_half(&tree::text(root, facts.relative(&Value::String(extra.clone()))?)?);
        extra.parse().ok().or_else(file)
    };
    declared::texts(&rekey["extraEncryptionPubkeys"]).iter().filter_map(read).collect()
}

/// The recipient that a file with an identity tells in its comments, as `age-keygen` and plugins write it.
pub(super) fn public_half(text: &str) -> Option<Recipient> {
    text.lines().find_map(|line| {
        let word = line.trim_start_matches('#').trim();
        let (_, key) = word.split_once(": ").unwrap_or(("", word));
        key.trim().parse().ok()
    })
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A master identity may be an age file itself, locked with a passphrase.
fn is_master(path: &Path) -> bool {
    let path = path.display().to_string().to_ascii_lowercase();
    path.contains("master") && path.contains("identit")
}

/// Notes the generator of a secret, with ours that makes the same.
fn generator(label: &str, generator: &Value, found: &mut Found) {
    if generator.is_null() {
        return;
    }
    let script = text(&generator["script"]).unwrap_or_default();
    let ours = match script.as_str() {
        "alnum" => "password(48)",
        "base64" => "random_base64(32)",
        "hex" => "random_hex(24)",
        "passphrase" => "passphrase(6)",
        "ssh-ed25519" => "ssh_key()",
        _ => "",
    };
    let message = format!("`{label}` is made by a generator");
    let help = if ours.is_empty() {
        "see `docs/reference/policy-functions.md` for the generators that there are".to_owned()
    } else {
        format!("say in the policy `generate(\"NAME\", {ours})` with its name in the fleet")
    };
    if !found.problems.iter().any(|problem| problem.message == message) {
        found.problem(Severity::Note, "import::generator", message).help = Some(help);
    }
}
