//! What somebody with push rights can do with the usual tools.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use super::KeyPair;
use super::TestFleet;
use super::tool;

/// `age`, `rage` and `ssh-keygen` with input and output in memory.
pub(crate) fn pipe(program: &str, args: &[&str], input: &[u8]) -> Output {
    use std::io::Write;
    let mut command = Command::new(tool(program));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a file says to the holder of an identity; `None` when they cannot open it.
pub(crate) fn opened(program: &str, file: &Path, identity: &Path) -> Option<Vec<u8>> {
    let output = pipe(program, &["-d", "-i", identity.to_str().unwrap()], &fs::read(file).unwrap());
    output.status.success().then_some(output.stdout)
}

/// Encrypts with the `age` program.
pub(crate) fn encrypted(program: &str, recipients: &[String], value: &[u8]) -> Vec<u8> {
    let mut args = Vec::new();
    for recipient in recipients {
        args.extend(["-r", recipient.as_str()]);
    }
    let output = pipe(program, &args, value);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `ssh-keygen -Y sign`, armored.
pub(crate) fn signature(key: &KeyPair, namespace: &str, bytes: &[u8]) -> String {
    let args = ["-q", "-Y", "sign", "-n", namespace, "-f", key.private().to_str().unwrap()];
    let output = pipe("ssh-keygen", &args, bytes);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A ledger line with a signature over exactly `open` (a JSON object).
pub(crate) fn signed_line(key: &KeyPair, json: &str) -> String {
    signed_line_for(key, "secretctl-ledger", json)
}

/// The same for any namespace.
pub(crate) fn signed_line_for(key: &KeyPair, namespace: &str, json: &str) -> String {
    let armored = signature(key, namespace, json.as_bytes());
    let base64: String = armored.lines().filter(|line| !line.starts_with("-----")).collect();
    format!("{},\"sig\":\"{base64}\"}}\n", json.strip_suffix('}').unwrap())
}

/// What was signed in a ledger line.
pub(crate) fn signed_part(line: &str) -> String {
    let (open, _) = line.rsplit_once(",\"sig\":\"").unwrap();
    format!("{open}}}")
}

/// The SHA-256 of bytes, in hex, by `sha256sum`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let output = pipe("sha256sum", &[], bytes);
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

impl TestFleet {
    /// Replaces a manifest by a changed one that `key` signs.
    pub(crate) fn forge_manifest(&self, host: &str, key: &KeyPair, from: &str, to: &str) {
        let path = format!("sealed/{host}/manifest.json");
        self.replace(&path, from, to);
        let armored = signature(key, "secretctl-manifest", &self.read(&path));
        self.write(&format!("{path}.sig"), armored);
    }

    /// Appends a line to a secret's ledger, made from the last one by `change` and signed by `key`.
    pub(crate) fn forge_line(
        &self,
        secret: &str,
        key: &KeyPair,
        change: impl FnOnce(&mut serde_json::Value),
    ) {
        let path = format!("secrets/{secret}.ledger");
        let text = self.text(&path);
        let last = text.lines().last().unwrap();
        let mut line: serde_json::Value = serde_json::from_str(&signed_part(last)).unwrap();
        line["previous"] = sha256(last.as_bytes()).into();
        change(&mut line);
        self.append(&path, &signed_line(key, &line.to_string()));
    }

    /// Copies files aside, to be put back later.
    pub(crate) fn keep(&self, paths: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
        paths.iter().map(|path| (self.path(path), self.read(path))).collect()
    }
}

/// What a host with `key` gets for a secret, opened by the real `age`.
pub(crate) fn sealed_value(fleet: &TestFleet, host: &str, key: &KeyPair, secret: &str) -> String {
    let identity = opened("age", &fleet.path(&format!("sealed/{host}/host-key.age")), key.private()).unwrap();
    let file = fleet.outside().join("sealing-identity");
    fs::write(&file, identity).unwrap();
    let value = opened("age", &fleet.path(&format!("sealed/{host}/files/{secret}.age")), &file).unwrap();
    String::from_utf8(value).unwrap()
}

/// Puts files back as they were.
pub(crate) fn restore(kept: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in kept {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
