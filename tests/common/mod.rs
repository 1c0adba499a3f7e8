//! A real fleet in a folder of its own, with real keys and the built program.
#![allow(dead_code, reason = "each test crate uses its own part")]

pub(crate) mod attack;
pub(crate) mod browser;
pub(crate) mod git;
pub(crate) mod keys;
pub(crate) mod sshd;
pub(crate) mod terminal;
pub(crate) mod tree;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use sha2::Digest;
use tempfile::TempDir;

pub(crate) use keys::KEYS;
pub(crate) use keys::KeyPair;
pub(crate) use tree::Tree;

/// The program under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_secretctl");
/// The clock of every command that is not told another time.
pub(crate) const NOW: &str = "2026-11-20T10:00:00Z";
/// Where programs are looked for; nothing of the person who runs the tests leaks in.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The path of a program, or a loud failure that says what to install.
pub(crate) fn tool(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin").join(name);
    let own = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&own)
        .chain(std::env::split_paths(PATH))
        .map(|folder| folder.join(name))
        .chain([built])
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed, and these tests need it"))
}

/// A folder on a disk that goes with the value.
pub(crate) fn on_disk() -> TempDir {
    TempDir::with_prefix_in("fleet-", env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Waits until `done` gives something, at most `seconds`.
pub(crate) fn wait_for<T>(what: &str, seconds: u64, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A fleet repository with a home and a memory-backed runtime folder of its own.
pub(crate) struct TestFleet {
    dir: TempDir,
    memory: TempDir,
}

impl TestFleet {
    /// A fleet with the admin alice, a recovery key, and the policy that `init` writes.
    pub(crate) fn new() -> Self {
        Self::empty().filled()
    }

    /// The same on a disk, where it matters that plaintext stays away from it.
    pub(crate) fn new_on_disk() -> Self {
        Self::in_folder(on_disk()).filled()
    }

    fn filled(self) -> Self {
        let fleet = self;
        let alice = KEYS.alice.public();
        let args = ["init", ".", "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
        fleet.run(args).ok();
        let recovery = KEYS.recovery.public();
        fleet.append("secretctl.toml", &format!("\n[recovery]\nrecipients = [\"{recovery}\"]\n"));
        fleet.vouch();
        fleet
    }

    /// Signs for the people that a test wrote into `secretctl.toml` by hand.
    pub(crate) fn vouch(&self) {
        self.run(["admin", "vouch", "--yes"]).ok();
    }

    /// A fleet as version 0.1 made it: without an id, so that nothing that is signed names one.
    pub(crate) fn without_id() -> Self {
        let fleet = Self::empty();
        let (alice, recovery) = (KEYS.alice.public(), KEYS.recovery.public());
        fleet.write(
            "secretctl.toml",
            format!(
                "version = 1\n\n[admins.alice]\nrecipients = [\"{alice}\"]\nsigning-keys = [\"{alice}\"]\n\n\
                 [recovery]\nrecipients = [\"{recovery}\"]\n"
            ),
        );
        fleet.with_hosts_and_secrets()
    }

    /// Two hosts, `forge` (ssh-ed25519) and `luna` (ssh-rsa), with one secret each and one of both, sealed.
    pub(crate) fn sealed() -> Self {
        Self::new().with_hosts_and_secrets()
    }

    /// The same on a disk, where it matters that plaintext stays away from it.
    pub(crate) fn sealed_on_disk() -> Self {
        Self::new_on_disk().with_hosts_and_secrets()
    }

    fn with_hosts_and_secrets(self) -> Self {
        let fleet = self
            .host_with("forge", &KEYS.forge, &["sonarr"])
            .host_with("luna", &KEYS.luna, &["restic", "sonarr"])
            .policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\n");
        fleet.set("forge/sonarr/api-key", "forge-sonarr-value").ok();
        fleet.set("luna/restic/password", "luna-restic-value").ok();
        fleet.set("shared/token", "shared-token-value").ok();
        fleet.run(["seal"]).ok();
        fleet.assert_clean();
        fleet
    }

    /// Only the folders: no fleet yet. In memory, where a sync costs nothing.
    pub(crate) fn empty() -> Self {
        Self::in_folder(TempDir::with_prefix_in("fleet-", "/dev/shm").unwrap())
    }

    fn in_folder(dir: TempDir) -> Self {
        let fleet = Self { dir, memory: TempDir::with_prefix_in("run-", "/dev/shm").unwrap() };
        for folder in ["fleet", "home", "tmp"] {
            fs::create_dir(fleet.dir.path().join(folder)).unwrap();
        }
        fleet
    }

    pub(crate) fn host(self, name: &str, key: &KeyPair) -> Self {
        self.host_with(name, key, &[])
    }

    pub(crate) fn host_with(self, name: &str, key: &KeyPair, services: &[&str]) -> Self {
        let key = key.public();
        let mut args = vec!["host", "add", name, "--recipient", &key];
        for service in services {
            args.extend(["--service", service]);
        }
        self.run(args).ok();
        self
    }

    pub(crate) fn policy(self, text: &str) -> Self {
        self.write("policies/access.rhai", text);
        self
    }

    pub(crate) fn secret(self, name: &str, value: &str) -> Self {
        self.set(name, value).ok();
        self
    }

    /// The folder above the fleet, for files of a test.
    pub(crate) fn outside(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("fleet")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// `XDG_RUNTIME_DIR`, in memory.
    pub(crate) fn memory(&self) -> &Path {
        self.memory.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn append(&self, path: &str, more: &str) {
        self.write(path, format!("{}{more}", self.text(path)));
    }

    /// Replaces a text that must be there exactly once or more.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
        self.write(path, text.replacen(from, to, 1));
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Flips one bit in the middle of a file.
    pub(crate) fn flip(&self, path: &str) {
        let mut bytes = self.read(path);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.write(path, bytes);
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    pub(crate) fn manifest(&self, host: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(&format!("sealed/{host}/manifest.json"))).unwrap()
    }

    /// Names of the secrets in a host's manifest.
    pub(crate) fn granted(&self, host: &str) -> Vec<String> {
        let manifest = self.manifest(host);
        let secrets = manifest["secrets"].as_array().unwrap();
        secrets.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Every file of the repository; what this machine keeps in Git's folder is not part of it.
    pub(crate) fn tree(&self) -> Tree {
        Tree::of(&self.root(), &[".git/secretctl"])
    }

    /// Every file in its folder, whosever it is.
    pub(crate) fn whole_tree(&self) -> Tree {
        Tree::of(&self.root(), &[])
    }

    /// Where this machine keeps lock, interrupted changes and what it has seen.
    pub(crate) fn work(&self, path: &str) -> PathBuf {
        let root = self.root();
        let folder = if root.join(".git").is_dir() {
            root.join(".git/secretctl")
        } else {
            let root = root.canonicalize().unwrap();
            let digest = sha2::Sha256::digest(root.as_os_str().as_encoded_bytes());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            self.home().join(".local/state/secretctl").join(digest)
        };
        folder.join(path)
    }

    /// Files that are half written, wherever they lie.
    pub(crate) fn half_written(&self) -> Vec<String> {
        let mut left = Tree::of(&self.root(), &[]).paths();
        left.retain(|path| path.contains("secretctl-tmp"));
        left.extend(self.work("change").exists().then(|| "the folder of a change".to_owned()));
        left
    }

    pub(crate) fn cmd<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        // A session of its own: no terminal of the person who runs the tests can be asked.
        let mut command = Command::new(tool("setsid"));
        command.arg(BIN).args(args);
        self.prepare(command)
    }

    /// Any program in the environment of the fleet.
    pub(crate) fn prepare(&self, mut command: Command) -> Cmd {
        command
            .env_clear()
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("XDG_RUNTIME_DIR", self.memory())
            .env("TMPDIR", self.dir.path().join("tmp"))
            .env("PATH", PATH)
            .env("SECRETCTL_TEST_NOW", NOW)
            .env("SECRETCTL_IDENTITY", KEYS.alice.private())
            .env("SECRETCTL_SIGNING_KEY", KEYS.alice.private())
            .current_dir(self.root());
        Cmd { command, input: Vec::new() }
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.cmd(args).run()
    }

    pub(crate) fn set(&self, name: &str, value: &str) -> Ran {
        self.cmd(["set", name]).stdin(value).run()
    }

    pub(crate) fn show(&self, name: &str) -> String {
        self.run(["show", name]).ok().stdout()
    }

    /// `check` finds nothing at all, and nothing half-written lies about.
    pub(crate) fn assert_clean(&self) {
        let ran = self.run(["check"]);
        assert_eq!(ran.code(), 0, "check:\n{ran}");
        assert_eq!(ran.stderr(), "", "check has something to say");
        assert_eq!(self.half_written(), [""; 0], "something half-written was left");
        assert!(!self.exists(".secretctl"), "the work tree holds what is this machine's own");
    }

    /// The command ends with `code`, and changes no byte of the repository.
    pub(crate) fn refuses<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, code: i32) -> Ran {
        self.refuses_cmd(self.cmd(args).stdin("another value"), code)
    }

    pub(crate) fn refuses_cmd(&self, cmd: Cmd, code: i32) -> Ran {
        let before = self.tree();
        let ran = cmd.run();
        assert_eq!(ran.code(), code, "{ran}");
        assert_eq!(self.tree().changed_since(&before), [""; 0], "{ran}");
        ran
    }

    /// A shell script that stands for an editor; `$1` is the file.
    pub(crate) fn editor(&self, script: &str) -> String {
        let path = self.dir.path().join(format!("editor-{:x}", tree::digest(script.as_bytes())));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    /// `edit` with a script as editor.
    pub(crate) fn edit(&self, name: &str, script: &str) -> Cmd {
        self.cmd(["edit", name]).env("EDITOR", self.editor(script))
    }

    /// Folders of plaintext that are still there.
    pub(crate) fn plaintext_folders(&self) -> Vec<PathBuf> {
        fs::read_dir(self.memory()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Files below the fleet's folder and its home in which any of `needles` stands.
    pub(crate) fn leaks(&self, needles: &[&str]) -> Vec<String> {
        Tree::of(self.dir.path(), &[]).containing(needles)
    }
}

/// A command that is being put together.
pub(crate) struct Cmd {
    pub(crate) command: Command,
    input: Vec<u8>,
}

impl Cmd {
    pub(crate) fn stdin(mut self, input: impl AsRef<[u8]>) -> Self {
        input.as_ref().clone_into(&mut self.input);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn at(self, now: &str) -> Self {
        self.env("SECRETCTL_TEST_NOW", now)
    }

    /// Decrypts and signs as somebody else.
    pub(crate) fn by(self, key: &KeyPair) -> Self {
        self.identity(key.private()).env("SECRETCTL_SIGNING_KEY", key.private())
    }

    pub(crate) fn identity(self, file: impl AsRef<OsStr>) -> Self {
        self.env("SECRETCTL_IDENTITY", file)
    }

    /// No identity, no signing key, no agent.
    pub(crate) fn without_keys(self) -> Self {
        self.without_env("SECRETCTL_IDENTITY").without_env("SECRETCTL_SIGNING_KEY")
    }

    pub(crate) fn run(mut self) -> Ran {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = std::mem::take(&mut self.input);
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran { output }
    }

    /// Starts it and does not wait; its process number is that of `secretctl`.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().unwrap()
    }
}

/// How a command ended.
pub(crate) struct Ran {
    output: Output,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self { output }
    }
}

impl Ran {
    /// The exit code; minus the number of the signal that ended it.
    pub(crate) fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        self.output.status.code().unwrap_or_else(|| -self.output.status.signal().unwrap())
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// It ended well.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code(), 0, "{self}");
        self
    }

    /// It ended with this code.
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{self}");
        self
    }

    /// Talk on stderr contains every one of `parts`, and no Rust leaks into it.
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        let text = self.stderr();
        for part in parts {
            assert!(text.contains(part), "`{part}` is not said in:\n{self}");
        }
        assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{self}");
        self
    }

    /// Data on stdout contains every one of `parts`.
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        let text = self.stdout();
        for part in parts {
            assert!(text.contains(part), "`{part}` is not printed in:\n{self}");
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let value: serde_json::Value =
            serde_json::from_slice(&self.output.stdout).unwrap_or_else(|e| panic!("{e}\n{self}"));
        assert_eq!(value["version"], 1, "the schema has a version\n{self}");
        value
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n-- stdout\n{}-- stderr\n{}", self.code(), self.stdout(), self.stderr())
    }
}

pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
