//! What the process gives up before it holds plaintext: core dumps, being traced, being swapped out.

use crate::secret::forbid_dumps;

/// How much memory must stay available after locking; less would make a later thread fail to start.
#[cfg(target_os = "linux")]
const HEADROOM: usize = 256 << 20;

/// Turns off core dumps and tracing, and locks memory where that is allowed. Best effort.
///
/// Folders above links get their mode when they are made, so the umask of the caller must not have a say.
pub(super) fn harden() {
    forbid_dumps();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    #[cfg(target_os = "linux")]
    lock_memory();
}

/// Locks pages as they are touched. Under a small limit the kernel would accept this and then refuse
/// every later mapping, so room for those is tried out first.
#[cfg(target_os = "linux")]
fn lock_memory() {
    use rustix::mm::MlockAllFlags;

    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if rustix::mm::mlockall(flags).is_err() {
        return;
    }
    let mut probe: Vec<u8> = Vec::new();
    let refused = probe.try_reserve_exact(HEADROOM).is_err();
    std::hint::black_box(&probe);
    if refused {
        let _ = rustix::mm::munlockall();
    }
}
