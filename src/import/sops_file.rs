//! The names and recipients of a SOPS file, which anybody can read; nothing is opened or verified.

use std::path::Path;

use super::found::Body;
use super::found::StoreFile;
use crate::sops::Document;
use crate::sops::Format;
use crate::sops::KeyPath;
use crate::sops::Step;

/// What a file is.
pub(super) enum Looked {
    /// No SOPS file.
    Other,
    Sops(Box<StoreFile>),
    /// It looks like one, and does not parse.
    Damaged(String),
}

/// Describes a file by its ending, as `sops` itself tells formats apart.
pub(super) fn read(bytes: &[u8], path: &Path) -> Looked {
    let format = Format::of(path);
    let marked = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    if !marked(b"lastmodified") || !Document::is_sops(bytes, format) {
        return Looked::Other;
    }
    let document = match Document::parse(bytes, format, path) {
        Ok(document) => document,
        // Any text may speak of the format; only what has its ending was meant to be of it.
        Err(_) if format == Format::Binary => return Looked::Other,
        Err(error) => return Looked::Damaged(error.to_string()),
    };
    let mut file = StoreFile::whole(Body::Sops);
    if format != Format::Binary {
        file.keys = document.keys().iter().map(parts).collect();
    }
    for group in &document.access().groups {
        for stanza in &group.recipients {
            match stanza.recipient.parse() {
                Ok(recipient) => drop(file.readers.insert(recipient)),
                Err(_) => file.unnamed.push(stanza.recipient.chars().take(80).collect()),
            }
        }
        file.foreign
            .extend(group.foreign.iter().map(|foreign| format!("{} key {}", foreign.kind, foreign.id)));
    }
    Looked::Sops(Box::new(file))
}

/// The place of a value, as names of secrets have it.
fn parts(key: &KeyPath) -> Vec<String> {
    let stream = (key.document() > 0).then(|| format!("#{}", key.document() + 1));
    let steps = key.steps().iter().map(|step| match step {
        Step::Key(text) => text.clone(),
        Step::Item(at) => at.to_string(),
    });
    stream.into_iter().chain(steps).collect()
}

#[cfg(test)]
#[expect(clippy::panic, clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn the_five_formats_tell_their_keys_and_recipients() {
        let enc = "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]";
        let date = "2026-11-20T10:00:00Z";
        let yaml = format!(
            "a:\n    b: {enc}\n    c_unencrypted: x\nl:\n    - {enc}\nsops:\n    age:\n        - recipient: {KEY}\n          enc: x\n    pgp:\n        - fp: AB\n          enc: x\n          created_at: \"{date}\"\n    lastmodified: \"{date}\"\n    mac: {enc}\n    version: 3.12.2\n"
        );
        let env = format!(
            "A={enc}\nsops_age__list_0__map_recipient={KEY}\nsops_age__list_0__map_enc=x\nsops_lastmodified={date}\nsops_mac={enc}\nsops_pgp__list_0__map_fp=AB\nsops_pgp__list_0__map_enc=x\nsops_version=3.12.2\n"
        );
        let ini = format!(
            "[s]\nA = {enc}\n[sops]\nage__list_0__map_recipient = {KEY}\nage__list_0__map_enc = x\nlastmodified = {date}\nmac = {enc}\npgp__list_0__map_fp = AB\npgp__list_0__map_enc = x\nversion = 3.12.2\n"
        );
        let json = format!(
            "{{\"data\": \"{enc}\", \"sops\": {{\"age\": [{{\"recipient\": \"{KEY}\", \"enc\": \"x\"}}], \"pgp\": [{{\"fp\": \"AB\", \"enc\": \"x\", \"created_at\": \"{date}\"}}], \"lastmodified\": \"{date}\", \"mac\": \"{enc}\", \"version\": \"3.12.2\"}}}}"
        );
        for (text, path, keys) in [
            (&yaml, "a.yaml", vec!["a/b", "l/0"]),
            (&env, "a.env", vec!["A"]),
            (&ini, "a.ini", vec!["s/A"]),
            (&json, "a.json", vec!["data"]),
            (&json, "a.p12", vec![""]),
        ] {
            let file = match read(text.as_bytes(), Path::new(path)) {
                Looked::Sops(file) => file,
                Looked::Other => panic!("{path} is not seen"),
                Looked::Damaged(reason) => panic!("{path}: {reason}"),
            };
            let found: Vec<String> = file.keys.iter().map(|key| key.join("/")).collect();
            assert_eq!(found, keys, "{path}");
            assert_eq!(file.readers, [KEY.parse().unwrap()].into(), "{path}");
            assert_eq!(file.foreign, ["PGP key AB"], "{path}");
        }
        assert!(matches!(read(b"a: b\n", Path::new("a.yaml")), Looked::Other));
        assert!(matches!(read(b"lastmodified of \"sops\" {", Path::new("a.nix")), Looked::Other));
        assert!(matches!(read(b"a: [\nsops:\n  lastmodified: x\n", Path::new("a.yaml")), Looked::Damaged(_)));
    }
}
