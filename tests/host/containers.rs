//! What a bind mount of a secret shows, as `docs/how-to/nixos.md` says it.

use std::path::Path;

use rustix::mount::UnmountFlags;
use rustix::mount::mount_bind;
use rustix::mount::unmount;

use crate::fixture::Host;
use crate::fixture::private;

fn seen(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_bind_mount_shows_the_value_of_its_time_and_a_new_one_the_new_value() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"a1").secret("b", b"b1");
    host.want("a", serde_json::json!({"restart_units": ["container@x.service"]})).activate(&[]).clean();
    let (file, folder) = (host.path("inside-file"), host.path("inside-folder"));
    std::fs::write(&file, "").unwrap();
    std::fs::create_dir(&folder).unwrap();
    mount_bind(host.file("a"), &file).unwrap();
    mount_bind(host.path("run/secrets"), &folder).unwrap();
    assert_eq!((seen(&file).as_str(), seen(&folder.join("a")).as_str()), ("a1", "a1"));

    // Another secret changes: the mounted file stays and nothing restarts, and the mounted folder is empty.
    host.seal("b", b"b2").activate(&[]).clean();
    assert_eq!((seen(&file).as_str(), host.units().0.len()), ("a1", 0));
    assert!(!folder.join("a").exists());

    // Its own changes: the mount is old until the unit starts again and makes it anew.
    host.seal("a", b"a2").activate(&[]).clean();
    assert_eq!((seen(&file).as_str(), host.value("a").as_str()), ("a1", "a2"));
    assert_eq!(host.units().0, ["container@x.service"]);
    unmount(&file, UnmountFlags::empty()).unwrap();
    mount_bind(host.file("a"), &file).unwrap();
    assert_eq!(seen(&file), "a2");
    unmount(&file, UnmountFlags::empty()).unwrap();
    unmount(&folder, UnmountFlags::empty()).unwrap();
}
