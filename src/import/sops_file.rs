//! The names and recipients of a SOPS file, which anybody can read; nothing is opened or verified.

use std::collections::BTreeSet;
use std::path::Path;

use super::found::Body;
use super::found::StoreFile;
use super::yaml::Node;

/// Lists of the metadata whose keys age does not know, with the field that tells one from the other.
const FOREIGN: [(&str, &str, &str); 6] = [
    ("pgp", "fp", "PGP key"),
    ("kms", "arn", "AWS KMS key"),
    ("gcp_kms", "resource_id", "GCP KMS key"),
    ("azure_kv", "name", "Azure Key Vault key"),
    ("hc_vault", "key_name", "Vault transit key"),
    ("hckms", "key_id", "Huawei KMS key"),
];

/// Describes a file; none where it is no SOPS file.
pub(super) fn read(bytes: &[u8], path: &Path) -> Option<StoreFile> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.contains("sops") || !text.contains("lastmodified") {
        return None;
    }
    let mut file = StoreFile::whole(Body::Sops);
    file.keys.clear();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("env") => flat(text, '=', "sops_", &mut file)?,
        Some("ini") => ini(text, &mut file)?,
        Some("yaml" | "yml" | "json") => tree(text, &mut file)?,
        _ => {
            tree(text, &mut file)?;
            file.keys = [Vec::new()].into();
        }
    }
    Some(file)
}

/// YAML and JSON, which is YAML too.
fn tree(text: &str, file: &mut StoreFile) -> Option<()> {
    let documents = Node::parse(text)?;
    let metadata = documents.iter().find_map(|document| document.get("sops"))?;
    metadata.get("mac")?;
    metadata_of(metadata, file);
    for group in metadata.get("key_groups").map(Node::items).unwrap_or_default() {
        metadata_of(group, file);
    }
    for document in &documents {
        for (name, node) in document.entries().iter().filter(|(name, _)| name != "sops") {
            leaves(node, &mut vec![name.clone()], &mut file.keys);
        }
    }
    Some(())
}

fn metadata_of(place: &Node, file: &mut StoreFile) {
    for stanza in place.get("age").map(Node::items).unwrap_or_default() {
        recipient(stanza.get("recipient").and_then(Node::text).unwrap_or_default(), file);
    }
    for (list, field, kind) in FOREIGN {
        for key in place.get(list).map(Node::items).unwrap_or_default() {
            let id = key.get(field).and_then(Node::text).unwrap_or("without a name");
            file.foreign.push(format!("{kind} {id}"));
        }
    }
}

fn recipient(text: &str, file: &mut StoreFile) {
    match text.parse() {
        Ok(recipient) => drop(file.readers.insert(recipient)),
        Err(_) => file.unnamed.push(text.chars().take(80).collect()),
    }
}

/// Values that are encrypted, or would be if they were not empty.
fn leaves(node: &Node, path: &mut Vec<String>, keys: &mut BTreeSet<Vec<String>>) {
    match node {
        Node::Scalar(text) => {
            if text.starts_with("ENC[") || text.is_empty() {
                keys.insert(path.clone());
            }
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                leaves(item, path, keys);
                path.pop();
            }
        }
        Node::Map(entries) => {
            for (name, item) in entries {
                path.push(name.clone());
                leaves(item, path, keys);
                path.pop();
            }
        }
    }
}

/// `KEY=value` lines; metadata are keys that begin with a word of their own.
fn flat(text: &str, sign: char, ours: &str, file: &mut StoreFile) -> Option<()> {
    let mut seen = false;
    for (name, value) in
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(sign))
    {
        let (name, value) = (name.trim(), value.trim());
        match name.strip_prefix(ours) {
            Some(field) => {
                seen |= field == "mac";
                metadatum(field, value, file);
            }
            None => drop(file.keys.insert(vec![name.to_owned()])),
        }
    }
    seen.then_some(())
}

fn ini(text: &str, file: &mut StoreFile) -> Option<()> {
    let (mut section, mut seen) = ("DEFAULT".to_owned(), false);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with([';', '#'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once('=') {
            if section == "sops" {
                seen |= name.trim() == "mac";
                metadatum(name.trim(), value.trim(), file);
            } else {
                file.keys.insert(vec![section.clone(), name.trim().to_owned()]);
            }
        }
    }
    seen.then_some(())
}

/// `age__list_0__map_recipient` and its like.
fn metadatum(field: &str, value: &str, file: &mut StoreFile) {
    let mut parts = field.split("__");
    let (list, last) = (parts.next().unwrap_or_default(), field.rsplit("__map_").next().unwrap_or_default());
    if last == "recipient" {
        recipient(value, file);
    }
    let foreign = FOREIGN
        .iter()
        .find(|(name, id, _)| (list == *name || field.contains(&format!("__map_{name}__"))) && last == *id);
    if let Some((_, _, kind)) = foreign {
        file.foreign.push(format!("{kind} {value}"));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn the_five_formats_tell_their_keys_and_recipients() {
        let enc = "ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]";
        let yaml = format!(
            "a:\n  b: {enc}\n  c_unencrypted: x\nl: [{enc}]\nsops:\n  age: [{{recipient: {KEY}, enc: x}}]\n  pgp: [{{fp: AB}}]\n  lastmodified: \"2026\"\n  mac: {enc}\n"
        );
        let env = format!(
            "A={enc}\nsops_age__list_0__map_recipient={KEY}\nsops_lastmodified=2026\nsops_mac={enc}\nsops_pgp__list_0__map_fp=AB\n"
        );
        let ini = format!(
            "[s]\nA = {enc}\n[sops]\nage__list_0__map_recipient = {KEY}\nlastmodified = 2026\nmac = {enc}\npgp__list_0__map_fp = AB\n"
        );
        let json = format!(
            "{{\"data\": \"{enc}\", \"sops\": {{\"age\": [{{\"recipient\": \"{KEY}\"}}], \"pgp\": [{{\"fp\": \"AB\"}}], \"lastmodified\": \"2026\", \"mac\": \"{enc}\"}}}}"
        );
        for (text, path, keys) in [
            (&yaml, "a.yaml", vec!["a/b", "l/0"]),
            (&env, "a.env", vec!["A"]),
            (&ini, "a.ini", vec!["s/A"]),
            (&json, "a.json", vec!["data"]),
            (&json, "a.p12", vec![""]),
        ] {
            let file = read(text.as_bytes(), Path::new(path)).unwrap();
            let found: Vec<String> = file.keys.iter().map(|key| key.join("/")).collect();
            assert_eq!(found, keys, "{path}");
            assert_eq!(file.readers, [KEY.parse().unwrap()].into(), "{path}");
            assert_eq!(file.foreign, ["PGP key AB"], "{path}");
        }
        assert_eq!(read(b"a: b\n", Path::new("a.yaml")), None);
    }
}
