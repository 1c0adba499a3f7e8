//! Links at custom paths, and what stands in their way.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use crate::fixture::user;

#[test]
fn a_way_through_another_users_link_is_refused() {
    private!();
    let mut host = Host::new();
    let (victim, home) = (host.path("victim"), host.path("home"));
    std::fs::create_dir(&victim).unwrap();
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(user("nobody").0), None).unwrap();
    symlink(&victim, home.join("config")).unwrap();
    std::os::unix::fs::lchown(home.join("config"), Some(user("nobody").0), None).unwrap();
    host.secret("good", b"1").seal("a", b"2").want("a", json!({"path": home.join("config/key")}));
    host.activate(&[]).exit(4).says("cannot be trusted").says("belongs to another user");
    assert_eq!(victim.read_dir().unwrap().count(), 0);
    assert_eq!(host.value("good"), "1");
    host.want("a", json!({"path": home.join("key")})).activate(&[]).clean();
    assert_eq!(std::fs::read_to_string(home.join("key")).unwrap(), "2");
}

#[test]
fn folders_above_a_link_are_passable_whatever_the_callers_umask() {
    private!();
    let mut host = Host::new();
    let path = host.path("etc/app/key");
    host.seal("a", b"1").want("a", json!({"path": path})).write();
    let request = host.path("request.json");
    let ran = std::process::Command::new("sh")
        .args([
            "-c",
            "umask 077; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_secretctl-host"),
            "activate",
            "--request",
        ])
        .arg(request)
        .output();
    assert!(ran.unwrap().status.success());
    for folder in ["etc", "etc/app"] {
        assert_eq!(host.path(folder).metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
}

#[test]
fn what_somebody_else_put_at_a_path_is_never_overwritten() {
    private!();
    let mut host = Host::new();
    let (file, link) = (host.path("file"), host.path("link"));
    std::fs::write(&file, "precious").unwrap();
    symlink("/etc/hostname", &link).unwrap();
    host.seal("a", b"1").want("a", json!({"path": file})).seal("b", b"1").want("b", json!({"path": link}));
    host.activate(&[])
        .exit(4)
        .says("is an existing file or folder, which is not overwritten")
        .says("is a link to `/etc/hostname`, which is not overwritten");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(std::fs::read_link(&link).unwrap(), std::path::Path::new("/etc/hostname"));
}

#[test]
fn a_link_of_ours_moves_with_its_path_and_heals() {
    private!();
    let mut host = Host::new();
    let (one, two) = (host.path("one"), host.path("two"));
    host.seal("a", b"1").want("a", json!({"path": one})).activate(&[]).clean();
    host.want("a", json!({"path": two})).activate(&[]).clean();
    assert!(!one.is_symlink() && two.exists());
    std::fs::remove_file(&two).unwrap();
    host.activate(&[]).clean();
    assert_eq!(std::fs::read_link(&two).unwrap(), host.file("a"));
}

#[test]
fn a_link_that_was_taken_over_is_not_removed() {
    private!();
    let mut host = Host::new();
    let path = host.path("key");
    host.seal("a", b"1").want("a", json!({"path": path})).activate(&[]).clean();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "mine").unwrap();
    host.want("a", json!({})).activate(&[]).clean();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
}

#[test]
fn the_link_replaces_another_tools_link_and_never_a_folder() {
    private!();
    let mut host = Host::new();
    let link = host.path("run/secrets");
    std::fs::create_dir(&link).unwrap();
    host.secret("a", b"1").activate(&[]).exit(4).says("generation::link_occupied");
    assert!(link.is_dir() && !link.is_symlink());
    std::fs::remove_dir(&link).unwrap();
    symlink("/run/secrets.d/7", &link).unwrap();
    host.activate(&[]).clean();
    assert_eq!(host.value("a"), "1");
}

/// Lays a file over the kernel's list of swap areas, in the namespace of this test.
fn cover_swaps(host: &Host, areas: &str) {
    let cover = host.path("swaps");
    std::fs::write(&cover, format!("Filename\tType\tSize\tUsed\tPriority\n{areas}")).unwrap();
    rustix::mount::mount_bind(&cover, "/proc/swaps").unwrap();
}

/// Whether this machine has no swap at all, so that what is expected of plain tmpfs is known.
fn no_swap() -> bool {
    std::fs::read_to_string("/proc/swaps").unwrap().lines().count() == 1
}

#[test]
fn memory_that_could_be_swapped_in_the_clear_or_changed_by_others_is_refused() {
    private!();
    let mut host = Host::new();
    let mount = host.path("run/secretctl.d");
    std::fs::create_dir(&mount).unwrap();
    let tmpfs = |options: &std::ffi::CStr| {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("test", &mount, "tmpfs", flags, Some(options)).unwrap();
    };
    tmpfs(c"mode=0751");
    host.secret("a", b"1");
    // A list that hides the areas of the machine, as some containers lay over the kernel's, counts for nothing.
    cover_swaps(&host, "");
    host.activate(&[])
        .exit(4)
        .says("memory::swap_in_clear")
        .says("tmpfs that can be swapped out")
        .says("it is not the kernel's")
        .says("danger_allow_swap");
    assert_eq!(mount.read_dir().unwrap().count(), 0);
    host.fields.insert("danger_allow_swap", json!(true));
    host.activate(&[]).clean();
    rustix::mount::unmount(&mount, rustix::mount::UnmountFlags::DETACH).unwrap();
    tmpfs(c"mode=0777");
    host.activate(&[]).exit(4).says("memory::not_ours");
}

#[test]
fn plain_tmpfs_will_do_while_nothing_can_be_swapped_in_the_clear_and_that_is_asked_in_every_run() {
    private!();
    let mut host = Host::new();
    let mount = host.path("run/secretctl.d");
    std::fs::create_dir(&mount).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("test", &mount, "tmpfs", flags, Some(c"mode=0751")).unwrap();
    host.secret("a", b"1");
    if no_swap() {
        host.activate(&[]).clean();
        assert_eq!(host.value("a"), "1");
    }
    cover_swaps(&host, "/dev/sda3 partition 16777212 0 -2\n");
    host.seal("a", b"2").activate(&[]).exit(4).says("memory::swap_in_clear");
    assert!(!no_swap() || host.value("a") == "1", "what is there stays");
}
