//! A host with real keys: sealed tree, request, and the program under test.
#![allow(dead_code, reason = "each test crate uses its own part")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use secretctl::crypto::Digest;
use secretctl::crypto::Namespace;
use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::crypto::Recipient;
use secretctl::crypto::SealingIdentity;
use secretctl::crypto::Signer;
use secretctl::crypto::SignerSource;
use secretctl::crypto::encrypt;
use secretctl::manifest::Entry;
use secretctl::manifest::GrantedServices;
use secretctl::manifest::Manifest;
use secretctl::secret::SecretBytes;
use serde_json::Value;
use serde_json::json;

/// What a run of the program said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn clean(self) -> Self {
        self.exit(0)
    }

    pub(crate) fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "`{words}` is missing in:\n{}", self.stderr);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A sealed secret as the fixture keeps it.
struct Sealed {
    ciphertext: Vec<u8>,
    entry: Entry,
}

pub(crate) struct Host {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) serial: u64,
    pub(crate) sealed_at: &'static str,
    pub(crate) name: &'static str,
    /// Fields of the request that differ from the fixture's.
    pub(crate) fields: BTreeMap<&'static str, Value>,
    /// Entries of the request by `as`.
    pub(crate) wanted: BTreeMap<String, Value>,
    pub(crate) templates: Vec<Value>,
    pub(crate) signing_key: PathBuf,
    sealing: SealingIdentity,
    wrapped_identity: Vec<u8>,
    recipient: Recipient,
    sealed: BTreeMap<String, Sealed>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with_key("ed25519")
    }

    pub(crate) fn with_key(kind: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("secretctl-host-").tempdir().unwrap();
        let signing_key = keygen(dir.path(), "signing", "ed25519");
        let recipient = public(&keygen(dir.path(), "host", kind)).parse().unwrap();
        let sealing = SealingIdentity::generate();
        let wrapped_identity =
            encrypt(&sealing.to_text(), &[Recipient::clone(&recipient)].into(), &nobody()).unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        Self {
            dir,
            serial: 1,
            sealed_at: "2026-11-20T10:00:00Z",
            name: "forge",
            fields: BTreeMap::new(),
            wanted: BTreeMap::new(),
            templates: Vec::new(),
            signing_key,
            sealing,
            wrapped_identity,
            recipient,
            sealed: BTreeMap::new(),
        }
    }

    /// A host with this private key, which the fleet knows by this recipient.
    pub(crate) fn known_as(private: &str, recipient: &str) -> Self {
        let mut host = Self::new();
        std::fs::write(host.path("host"), private).unwrap();
        host.recipient = recipient.trim().parse().unwrap();
        let readers = [host.recipient.clone()].into();
        host.wrapped_identity = encrypt(&host.sealing.to_text(), &readers, &nobody()).unwrap();
        host
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Seals a value for every service, and asks for it under its own name.
    pub(crate) fn secret(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.seal(name, value);
        self.want(name, json!({}))
    }

    /// Seals a value, also where the same value was sealed before.
    pub(crate) fn seal(&mut self, name: &str, value: &[u8]) -> &mut Self {
        let recipients: BTreeSet<_> = [self.sealing.recipient()].into();
        let ciphertext = encrypt(&SecretBytes::from(value.to_vec()), &recipients, &nobody()).unwrap();
        let name_: secretctl::name::SecretName = name.parse().unwrap();
        let revision = self.sealed.get(name).map_or(0, |sealed| sealed.entry.revision) + 1;
        let entry = Entry {
            file: Entry::file_of(&name_),
            name: name_,
            sha256: Digest::of(&ciphertext),
            revision,
            line_sha256: Digest::of(format!("line {revision}").as_bytes()),
            services: GrantedServices::All,
            not_after: None,
        };
        self.sealed.insert(name.to_owned(), Sealed { ciphertext, entry });
        self.serial += 1;
        self
    }

    pub(crate) fn grant(&mut self, name: &str, change: impl FnOnce(&mut Entry)) -> &mut Self {
        change(&mut self.sealed.get_mut(name).unwrap().entry);
        self
    }

    pub(crate) fn revoke(&mut self, name: &str) -> &mut Self {
        self.sealed.remove(name).unwrap();
        self
    }

    /// Asks for a secret with these fields.
    pub(crate) fn want(&mut self, name: &str, fields: Value) -> &mut Self {
        let mut entry = json!({"secret": name, "as": name});
        entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.wanted.insert(entry["as"].as_str().unwrap().to_owned(), entry);
        self
    }

    pub(crate) fn manifest(&self) -> Manifest {
        let entry = |(_, sealed): (&String, &Sealed)| (sealed.entry.name.clone(), sealed.entry.clone());
        Manifest {
            fleet: None,
            revoked: BTreeMap::new(),
            host: self.name.parse().unwrap(),
            serial: self.serial,
            sealed_at: self.sealed_at.parse().unwrap(),
            sealing_recipient: self.sealing.recipient(),
            host_recipients: [self.recipient.clone()].into(),
            host_key_sha256: Digest::of(&self.wrapped_identity),
            policy_sha256: Digest::of(b"policy"),
            secrets: self.sealed.iter().map(entry).collect(),
        }
    }

    /// Writes sealed tree and request.
    pub(crate) fn write(&self) {
        self.write_tree(&self.path("sealed"));
        self.write_request();
    }

    /// Writes the sealed tree into a folder.
    pub(crate) fn write_tree(&self, tree: &Path) {
        let _ = std::fs::remove_dir_all(tree);
        for sealed in self.sealed.values() {
            let path = tree.join(&sealed.entry.file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &sealed.ciphertext).unwrap();
        }
        std::fs::create_dir_all(tree).unwrap();
        let bytes = self.manifest().to_bytes();
        let source = SignerSource { file: Some(self.signing_key.clone()), ..SignerSource::default() };
        let signer = Signer::find(&source, &|_| true, &nobody()).unwrap();
        let signature = signer.sign(&bytes, Namespace::Manifest).unwrap();
        std::fs::write(tree.join("manifest.json"), bytes).unwrap();
        std::fs::write(tree.join("manifest.json.sig"), signature.to_armored()).unwrap();
        std::fs::write(tree.join("host-key.age"), &self.wrapped_identity).unwrap();
    }

    pub(crate) fn write_request(&self) {
        std::fs::write(self.path("request.json"), self.request().to_string()).unwrap();
    }

    /// What this host asks for.
    pub(crate) fn request(&self) -> Value {
        let mut request = json!({
            "version": 1, "host": "forge",
            "sealed": self.path("sealed"), "trusted_keys": [public(&self.path("signing"))],
            "identities": [self.path("host")], "mount": self.path("run/secretctl.d"),
            "link": self.path("run/secrets"), "state": self.path("state"), "runtime": self.path("run/secretctl"),
            "secrets": self.wanted.values().collect::<Vec<_>>(), "templates": self.templates,
        });
        for (field, value) in &self.fields {
            request[*field] = value.clone();
        }
        request
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretctl-host"));
        command.args(arguments).arg("--request").arg(self.path("request.json")).stdin(Stdio::null());
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let ran = self.command(arguments).output().unwrap();
        Ran {
            code: ran.status.code().unwrap(),
            stdout: String::from_utf8(ran.stdout).unwrap(),
            stderr: String::from_utf8(ran.stderr).unwrap(),
        }
    }

    /// Writes everything and activates.
    pub(crate) fn activate(&self, arguments: &[&str]) -> Ran {
        self.write();
        self.run(&[&["activate"], arguments].concat())
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("run/secretctl/status.json")).unwrap()).unwrap()
    }

    /// Outcome of each file of the last run.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, String> {
        let status = self.status();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let files = status["files"].as_array().unwrap();
        files.iter().map(|file| (word(&file["as"]), word(&file["outcome"]))).collect()
    }

    pub(crate) fn units(&self) -> (Vec<String>, Vec<String>) {
        let status = self.status();
        let list = |kind: &str| serde_json::from_value(status["units"][kind].clone()).unwrap();
        (list("restart"), list("reload"))
    }

    pub(crate) fn file(&self, target: &str) -> PathBuf {
        self.path("run/secrets").join(target)
    }

    pub(crate) fn value(&self, target: &str) -> String {
        std::fs::read_to_string(self.file(target)).unwrap()
    }

    pub(crate) fn inode(&self, target: &str) -> u64 {
        self.file(target).metadata().unwrap().ino()
    }

    /// Owner, group and mode.
    pub(crate) fn attributes(&self, target: &str) -> (u32, u32, u32) {
        let found = self.file(target).metadata().unwrap();
        (found.uid(), found.gid(), found.permissions().mode() & 0o7777)
    }

    /// Names on the mount.
    pub(crate) fn generations(&self) -> BTreeSet<String> {
        let entries = self.path("run/secretctl.d").read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub(crate) fn sealed_file(&self, name: &str) -> PathBuf {
        self.path(&format!("sealed/files/{name}.age"))
    }

    /// A `systemctl` that writes its jobs and its limit on core files into `log`, and knows every unit.
    pub(crate) fn fake_systemctl(&self, ends: &str) {
        std::fs::create_dir_all(self.path("bin")).unwrap();
        let log = self.path("log");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *--no-block*) echo \"$@\" core=$(ulimit -c) >>{};; esac\n{ends}\n",
            log.display()
        );
        std::fs::write(self.path("bin/systemctl"), script).unwrap();
        std::fs::set_permissions(self.path("bin/systemctl"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let mount = self.path("run/secretctl.d");
        let _ = rustix::mount::unmount(&mount, rustix::mount::UnmountFlags::DETACH);
    }
}

pub(crate) fn nobody() -> Arc<dyn Prompt> {
    Arc::new(NoPrompt)
}

pub(crate) fn keygen(dir: &Path, name: &str, kind: &str) -> PathBuf {
    let path = dir.join(name);
    let bits = if kind == "rsa" { &["-b", "2048"][..] } else { &[] };
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(bits)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

pub(crate) fn public(key: &Path) -> String {
    std::fs::read_to_string(key.with_extension("pub")).unwrap().trim().to_owned()
}
