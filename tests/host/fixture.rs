//! A namespace of its own for each test, and users of the machine.

use std::process::Command;

pub(crate) use crate::host::Host;
pub(crate) use crate::host::keygen;
pub(crate) use crate::host::public;

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "SECRETCTL_TEST_INSIDE";

/// Runs the calling test again in a mount namespace of its own, and tells whether this is that run.
pub(crate) fn inside() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    assert!(rustix::process::geteuid().is_root(), "these tests mount and change owners: run them as root");
    let name = std::thread::current().name().unwrap().to_owned();
    let ran = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &*String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "in its namespace:\n{said}");
    false
}

/// Leaves the test unless it runs in its own namespace.
macro_rules! private {
    () => {
        if !$crate::fixture::inside() {
            return;
        }
    };
}
pub(crate) use private;

/// Number of a user and of its group, from the machine's own files.
pub(crate) fn user(name: &str) -> (u32, u32) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
