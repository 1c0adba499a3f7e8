//! A real `sshd` on a loopback port, which shows host keys and lets nobody in.

use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::tool;
use super::wait_for;

pub(crate) struct Sshd {
    server: Child,
    port: u16,
    _folder: TempDir,
}

impl Sshd {
    /// Serves these private keys, which are copied so that their modes are as sshd wants them.
    pub(crate) fn showing(keys: &[&Path]) -> Self {
        let folder = TempDir::with_prefix_in("sshd-", "/dev/shm").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Self::command();
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string()]);
        for option in ["ListenAddress=127.0.0.1", "PidFile=none", "UsePAM=no"] {
            command.args(["-o", option]);
        }
        for (number, key) in keys.iter().enumerate() {
            let copy = folder.path().join(format!("key-{number}"));
            std::fs::write(&copy, std::fs::read(key).unwrap()).unwrap();
            std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            command.arg("-h").arg(copy);
        }
        let server =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let sshd = Self { server, port, _folder: folder };
        wait_for("sshd", 10, || TcpStream::connect(("127.0.0.1", port)).ok());
        sshd
    }

    /// As root it wants a folder below `/run`, which it gets in a mount namespace of its own.
    fn command() -> Command {
        let sshd = tool("sshd");
        if !rustix::process::geteuid().is_root() {
            return Command::new(sshd);
        }
        let mut command = Command::new(tool("unshare"));
        let script = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec \"$0\" \"$@\"";
        command.args(["--mount", "--", "sh", "-c", script]).arg(sshd);
        command
    }

    pub(crate) fn port(&self) -> String {
        self.port.to_string()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The fingerprint of a key file, as `ssh-keygen` prints it.
pub(crate) fn fingerprint(key: &Path) -> String {
    let ran = Command::new(tool("ssh-keygen")).arg("-lf").arg(key).output().unwrap();
    String::from_utf8(ran.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}
