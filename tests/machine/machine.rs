//! A machine: a tree of files, booted by its own systemd for as long as one script runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::host::Host;
use crate::nix::Nix;
use crate::ran::Ran;
use crate::units;

/// Where `scripts/test machine` puts machine trees and the program that boots them.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");
/// Longest time that a machine may take, in seconds.
const PATIENCE: &str = "120";
/// Machines that were booted, so that each has a name of its own.
static NUMBER: AtomicUsize = AtomicUsize::new(0);
/// Before every script: where it writes, and words that scripts share.
const PRELUDE: &str = include_str!("prelude.sh");

/// Which systemd a machine runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Systemd {
    /// 262 or later, from Debian sid.
    Newest,
    /// 257, from Debian trixie.
    V257,
}

impl Systemd {
    fn tree(self) -> PathBuf {
        let name = match self {
            Self::Newest => "machine-sid",
            Self::V257 => "machine-trixie",
        };
        let tree = Path::new(TOOLS).join(name).canonicalize();
        tree.unwrap_or_else(|_| {
            panic!("there is no {TOOLS}/{name}: run `scripts/test machine`, which makes it")
        })
    }
}

/// Makes each test two: one for each systemd.
macro_rules! on_each_systemd {
    ($($(#[$meta:meta])* fn $name:ident($systemd:ident: Systemd) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn check($systemd: $crate::machine::Systemd) $body

            #[test]
            fn on_the_newest_systemd() {
                check($crate::machine::Systemd::Newest);
            }

            #[test]
            fn on_systemd_257() {
                check($crate::machine::Systemd::V257);
            }
        }
    )* };
}
pub(crate) use on_each_systemd;

/// Everything that a machine is booted with.
pub(crate) struct Machine {
    systemd: Systemd,
    dir: tempfile::TempDir,
    binds: Vec<String>,
}

impl Machine {
    /// A machine without a secret. Its host key lies in `/persist`, its units where an administrator's would.
    pub(crate) fn new(systemd: Systemd, host: &Host) -> Self {
        Self::with_key(systemd, &host.path("host"))
    }

    /// The same with a private key from elsewhere.
    pub(crate) fn with_key(systemd: Systemd, key: &Path) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests boot machines: run them as root");
        let dir = tempfile::Builder::new().prefix("secretctl-machine-").tempdir().unwrap();
        for folder in ["store", "units", "sysusers.d", "out", "persist"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let machine = Self { systemd, dir, binds: Vec::new() };
        std::fs::copy(key, machine.path("persist/host-key")).unwrap();
        machine
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes a system into the store: sealed tree, request, and the units that ask for them.
    pub(crate) fn system(&self, name: &str, host: &Host) -> &Self {
        let folder = self.path("store").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        host.write_tree(&folder.join("sealed"));
        let mut request = host.request();
        for (field, value) in [
            ("sealed", format!("/nix/store/{name}/sealed")),
            ("mount", "/run/secretctl.d".to_owned()),
            ("runtime", "/run/secretctl".to_owned()),
            ("state", "/var/lib/secretctl".to_owned()),
        ] {
            request[field] = value.into();
        }
        if !host.fields.contains_key("link") {
            request["link"] = "/run/secrets".into();
        }
        if !host.fields.contains_key("identities") {
            request["identities"] = ["/persist/host-key"].as_slice().into();
        }
        std::fs::write(folder.join("request.json"), request.to_string()).unwrap();
        units::write(&folder.join("units"), &format!("/nix/store/{name}/request.json"));
        self
    }

    /// Puts a system that Nix built into the store, with everything that it refers to.
    pub(crate) fn built_system(&self, name: &str, built: &Built) -> &Self {
        for path in &built.closure {
            let inside = self.path("store").join(path.file_name().unwrap());
            if !inside.exists() {
                let copied =
                    Command::new("cp").arg("-a").arg(Nix::Current.place(path)).arg(&inside).status().unwrap();
                assert!(copied.success());
            }
        }
        let units = follow(&built.toplevel.join("etc/systemd/system"));
        std::fs::create_dir(self.path("store").join(name)).unwrap();
        copy_tree(&units, &self.path("store").join(name).join("units"));
        self
    }

    /// Adds a unit to a system, wanted by others through links as `systemctl enable` makes them.
    pub(crate) fn unit(&self, system: &str, name: &str, text: &str, wanted_by: &[&str]) -> &Self {
        units::add(&self.path("store").join(system).join("units"), name, text, wanted_by);
        self
    }

    /// Adds a system user that the machine makes at its first boot, as `systemd-sysusers` does.
    pub(crate) fn user(&self, name: &str, number: u32) -> &Self {
        let text = format!("u {name} {number} \"{name}\" /\n");
        std::fs::write(self.path("sysusers.d").join(format!("{name}.conf")), text).unwrap();
        self
    }

    /// Adds users and groups in the words of sysusers.d(5).
    pub(crate) fn accounts(&self, lines: &str) -> &Self {
        std::fs::write(self.path("sysusers.d/fleet.conf"), lines).unwrap();
        self
    }

    /// Shows a file or folder of this machine in the booted one.
    pub(crate) fn bind(&mut self, from: &Path, to: &str) -> &mut Self {
        self.binds.push(format!("--bind-ro={}:{to}", from.display()));
        self
    }

    /// Gives the booted machine a folder in memory that everybody may write to.
    pub(crate) fn tmpfs(&mut self, path: &str) -> &mut Self {
        self.binds.push(format!("--tmpfs={path}:mode=1777"));
        self
    }

    /// Boots a system; the script runs once `sysinit.target` is reached, and the machine ends with it.
    pub(crate) fn boot(&self, system: &str, script: &str) -> Ran {
        copy_tree(&self.path("store").join(system).join("units"), &self.path("units"));
        // What an earlier boot wrote would pass for this one's.
        std::fs::remove_dir_all(self.path("out")).unwrap();
        std::fs::create_dir(self.path("out")).unwrap();
        let path = self.path("out/script");
        std::fs::write(&path, format!("{PRELUDE}\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let name = format!("secretctl-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut nspawn = Command::new("timeout");
        nspawn.args(["--kill-after=5", PATIENCE]).arg(Path::new(TOOLS).join("bin/systemd-nspawn"));
        nspawn.args([
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--volatile=overlay",
            "--console=pipe",
            "--private-network",
        ]);
        // A machine of one's own may lock memory; a container has to be told.
        nspawn.arg("--capability=CAP_IPC_LOCK");
        nspawn.arg(format!("--machine={name}"));
        nspawn.arg("--directory").arg(self.systemd.tree());
        nspawn.arg(format!("--bind-ro={}:/usr/bin/secretctl-host", env!("CARGO_BIN_EXE_secretctl-host")));
        for (from, to) in [
            ("store", "/nix/store"),
            ("units", "/usr/local/lib/systemd/system"),
            ("sysusers.d", "/usr/local/lib/sysusers.d"),
            ("out", "/out"),
            ("persist", "/persist"),
        ] {
            nspawn.arg(format!("--bind={}:{to}", self.path(from).display()));
        }
        nspawn.args(&self.binds);
        nspawn.args(["--boot", "systemd.run=/out/script", "systemd.show_status=0"]);
        run(nspawn, &name, &self.path("out"))
    }
}

/// Runs nspawn where it finds the control groups that a current systemd wants, and in one of its own: machines that
/// share one would take each other's services for their own.
fn run(nspawn: Command, name: &str, out: &Path) -> Ran {
    let script = "
        umount -R /sys/fs/cgroup
        mount -t cgroup2 none /sys/fs/cgroup
        group=/sys/fs/cgroup/$0
        mkdir $group
        (echo 0 >$group/cgroup.procs; exec \"$@\")
        ended=$?
        find $group -depth -type d -exec rmdir {} +
        exit $ended";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "--", "sh", "-c", script, name]);
    unshare.arg(nspawn.get_program()).args(nspawn.get_args()).stdin(Stdio::null());
    let ended = unshare.output().unwrap();
    Ran::read(out, &ended)
}

/// A system that Nix built.
pub(crate) struct Built {
    pub(crate) toplevel: PathBuf,
    pub(crate) closure: Vec<PathBuf>,
}

/// Where a path of the store leads, through links that only the store itself could follow.
fn follow(path: &Path) -> PathBuf {
    let mut place = Nix::Current.place(Path::new("/"));
    for part in path.strip_prefix("/").unwrap() {
        place.push(part);
        while let Ok(target) = std::fs::read_link(&place) {
            place = match target.strip_prefix("/") {
                Ok(_) => Nix::Current.place(&target),
                Err(_) => place.parent().unwrap().join(target),
            };
        }
    }
    place
}

/// Makes `to` the same as `from`, links included.
fn copy_tree(from: &Path, to: &Path) {
    let script = "mkdir -p \"$2\"; find \"$2\" -mindepth 1 -delete; cp -a \"$1\"/. \"$2\"";
    let ran = Command::new("sh").args(["-ec", script, "sh"]).arg(from).arg(to).status().unwrap();
    assert!(ran.success());
}
