//! Services of launchd, told through a `launchctl` that writes down what it is asked for.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;

/// A `launchctl` that knows some services, and ends as the real one does for the others.
fn fake_launchctl(host: &Host) {
    let script = format!(
        "#!/bin/sh\necho \"$@\" >>{}\ncase $* in\n*not-loaded) exit 113 ;;\n'kill SIGHUP '*not-running) exit 3 ;;\n\
         *broken) echo 'it is broken' >&2; exit 5 ;;\nesac\n",
        host.path("log").display()
    );
    std::fs::create_dir_all(host.path("bin")).unwrap();
    std::fs::write(host.path("bin/launchctl"), script).unwrap();
    std::fs::set_permissions(host.path("bin/launchctl"), PermissionsExt::from_mode(0o755)).unwrap();
}

fn mac(restart: &[&str], reload: &[&str]) -> Host {
    let mut host = Host::new();
    fake_launchctl(&host);
    host.fields.insert("manager", json!("launchd"));
    host.seal("a", b"1").want("a", json!({"restart_units": restart, "reload_units": reload}));
    host.activate(&["--launchctl"]).clean();
    assert_eq!(host.log(), "", "nothing restarts on the first activation");
    host.seal("a", b"2");
    host
}

#[test]
fn changed_services_are_kicked_or_hung_up_once_each() {
    private!();
    let host = mac(&["org.nixos.b", "org.nixos.a"], &["org.nixos.a", "org.nixos.c"]);
    host.activate(&["--launchctl"]).clean();
    assert_eq!(
        host.log(),
        "kickstart -k system/org.nixos.a\nkickstart -k system/org.nixos.b\nkill SIGHUP system/org.nixos.c\n"
    );
}

#[test]
fn services_of_a_user_are_told_in_the_users_domain() {
    private!();
    let host = mac(&["org.nixos.a"], &[]);
    host.activate(&["--launchctl=user"]).clean();
    assert_eq!(host.log(), "kickstart -k gui/0/org.nixos.a\n");
}

#[test]
fn a_service_that_is_not_there_has_nothing_to_be_told_and_a_broken_one_is_reported() {
    private!();
    let host = mac(&["org.x.not-loaded"], &["org.x.not-running", "org.y.not-loaded"]);
    host.activate(&["--launchctl"]).clean();
    let host = mac(&["org.x.broken", "org.x.good"], &[]);
    host.activate(&["--launchctl"]).exit(4).says("units::failed").says("`org.x.broken`: it is broken");
    assert_eq!(host.value("a"), "2");
    assert!(host.log().contains("kickstart -k system/org.x.good"), "the others are told all the same");
}

#[test]
fn names_for_one_manager_are_never_told_to_the_other() {
    private!();
    let mut host = mac(&["org.nixos.a"], &[]);
    host.activate(&["--systemctl"]).exit(2).says("units::other_manager").says("\"manager\"");
    assert_eq!(host.value("a"), "1", "the run is refused as a whole");
    host.fields.remove("manager");
    host.activate(&["--systemctl"]).exit(2).says("request::unit");
    host.run(&["activate", "--systemctl", "--launchctl"]).exit(2).says("cannot be used with");
}
