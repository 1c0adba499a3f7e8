//! Keys of people and hosts, made by the real tools and kept below `target/` between runs.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::tool;

/// The passphrase of `KEYS.locked`.
pub(crate) const PASSPHRASE: &str = "correct horse battery";

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(Keys::load);

/// A private key in a file, its public half beside it.
pub(crate) struct KeyPair {
    private: PathBuf,
}

impl KeyPair {
    pub(crate) fn private(&self) -> &Path {
        &self.private
    }

    pub(crate) fn public_file(&self) -> PathBuf {
        self.private.with_extension("pub")
    }

    /// The recipient without a comment.
    pub(crate) fn public(&self) -> String {
        let text = fs::read_to_string(self.public_file()).unwrap();
        text.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }
}

pub(crate) struct Keys {
    /// The first admin.
    pub(crate) alice: KeyPair,
    /// The second admin.
    pub(crate) bob: KeyPair,
    /// An admin with an ssh-rsa key.
    pub(crate) carol: KeyPair,
    /// Somebody who can push to the repository and should get nothing.
    pub(crate) eve: KeyPair,
    /// A host with an ssh-ed25519 key.
    pub(crate) forge: KeyPair,
    /// A host with an ssh-rsa key.
    pub(crate) luna: KeyPair,
    /// A third host.
    pub(crate) nova: KeyPair,
    /// An X25519 identity as `age-keygen` writes it.
    pub(crate) recovery: KeyPair,
    /// An ed25519 key under [`PASSPHRASE`].
    pub(crate) locked: KeyPair,
}

impl Keys {
    fn load() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys-1");
        if !folder.exists() {
            let fresh = super::on_disk();
            for name in ["alice", "bob", "eve", "forge", "nova"] {
                ssh(fresh.path(), name, &["-t", "ed25519"], "");
            }
            for name in ["carol", "luna"] {
                ssh(fresh.path(), name, &["-t", "rsa", "-b", "3072"], "");
            }
            ssh(fresh.path(), "locked", &["-t", "ed25519", "-a", "1"], PASSPHRASE);
            age(fresh.path(), "recovery");
            // Another process may have been faster; one of the two is kept whole.
            if fs::rename(fresh.path(), &folder).is_ok() {
                std::mem::forget(fresh);
            }
        }
        let pair = |name: &str| KeyPair { private: folder.join(name) };
        Self {
            alice: pair("alice"),
            bob: pair("bob"),
            carol: pair("carol"),
            eve: pair("eve"),
            forge: pair("forge"),
            luna: pair("luna"),
            nova: pair("nova"),
            recovery: pair("recovery"),
            locked: pair("locked"),
        }
    }
}

fn ssh(folder: &Path, name: &str, kind: &[&str], passphrase: &str) {
    let mut command = Command::new(tool("ssh-keygen"));
    command.args(["-q", "-N", passphrase, "-C", name, "-f"]).arg(folder.join(name)).args(kind);
    assert!(command.status().unwrap().success());
}

fn age(folder: &Path, name: &str) {
    let file = folder.join(name);
    assert!(Command::new(tool("age-keygen")).arg("-o").arg(&file).output().unwrap().status.success());
    let public = Command::new(tool("age-keygen")).arg("-y").arg(&file).output().unwrap();
    fs::write(file.with_extension("pub"), public.stdout).unwrap();
}
