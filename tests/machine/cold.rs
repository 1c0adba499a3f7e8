//! What goes wrong at a boot, where memory holds no last good value, and in the pass before users exist.

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::on_each_systemd;
use crate::units::recorder;

/// How many secrets a host has here.
const SECRETS: usize = 30;
/// Makes an activation take its time.
const SLOW: &str = "[Service]\nExecStartPre=/bin/sleep 1\n";
/// A file that no identity opens.
const DAMAGED: &str = "age-encryption.org/v1\nnonsense";

fn thirty() -> Host {
    let mut host = Host::new();
    for number in 0..SECRETS {
        host.secret(&format!("s{number}"), b"value");
    }
    host
}

/// A service that starts with the machine and cannot do without its credential.
fn needs(secret: &str) -> String {
    format!(
        "[Unit]\nDefaultDependencies=no\nAfter=sysinit.target\n\
         [Service]\nLoadCredential=key:/run/secrets/{secret}\nExecStart=/bin/sleep inf\n"
    )
}

on_each_systemd! {
    fn a_boot_with_one_broken_secret_of_thirty_brings_up_everything_else(systemd: Systemd) {
        let host = thirty();
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        std::fs::write(machine.path("store/a/sealed/files/s7.age"), DAMAGED).unwrap();
        for (name, secret) in [("zero", "s0"), ("seven", "s7")] {
            machine.unit("a", &format!("{name}.service"), &needs(secret), &["sysinit.target.wants"]);
        }
        let ran = machine.boot("a", r"
            settle
            for unit in sysinit.target secretctl.target zero seven; do systemctl is-active $unit || true; done >active
        ");
        ran.failed("integrity", 3).says("sealed::changed");
        // What needs the one that is missing does not start with an empty one.
        assert_eq!(ran.lines("active"), ["active", "active", "active", "failed"]);
        let values = ran.values();
        assert!(values.len() == SECRETS - 1 && values.values().all(|value| value == "value"), "{values:?}");
        assert!(!values.contains_key("s7"));
        assert_eq!(ran.outcome("s7"), "failed");
    }

    fn a_machine_that_may_not_mount_memory_comes_up_and_writes_no_value(systemd: Systemd) {
        let host = thirty();
        let machine = Machine::new(systemd, &host);
        let powerless = "[Service]\nCapabilityBoundingSet=\n";
        machine.system("a", &host).unit("a", "secretctl-mount.service.d/powerless.conf", powerless, &[]);
        let ran = machine.boot("a", "systemctl is-active sysinit.target >active; find /run/secretctl.d -type f >there");
        // What is there instead can be swapped out, and the sandbox hides the list that says whether it could.
        ran.failed("environment", 4).says("memory::swap_in_clear");
        assert_eq!((ran.text("active"), ran.text("there")), ("active\n".into(), String::new()));
    }

    fn memory_that_another_user_owns_gets_no_value_and_the_machine_comes_up(systemd: Systemd) {
        let host = thirty();
        let machine = Machine::new(systemd, &host);
        let theirs = "[Service]\nSystemCallFilter=\n\
             ExecStartPre=/bin/mount --mkdir -t tmpfs -o noswap,mode=0751,uid=4242 theirs /run/secretctl.d\n";
        machine.system("a", &host).unit("a", "secretctl-mount.service.d/theirs.conf", theirs, &[]);
        let ran = machine.boot("a", "systemctl is-active sysinit.target >active; find /run/secretctl.d -type f >there");
        ran.failed("environment", 4).says("memory::not_ours");
        assert_eq!((ran.text("active"), ran.text("there")), ("active\n".into(), String::new()));
        assert_eq!(ran.state("secretctl-mount").0, "failed");
    }

    fn a_broken_early_secret_keeps_its_value_and_the_switch_waits_for_the_others(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("early", b"old").want("early", json!({"phase": "users"}));
        host.seal("app/key", b"old").want("app/key", json!({}));
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host).unit("a", "app.service", &recorder("app", "/run/secrets/app/key"), &[]);
        host.seal("early", b"new").seal("app/key", b"new");
        let text = format!("# another text\n{}", recorder("app", "/run/secrets/app/key"));
        machine.system("b", &host).unit("b", "app.service", &text, &[]);
        machine.unit("b", "secretctl.service.d/slow.conf", SLOW, &[]);
        std::fs::write(machine.path("store/b/sealed/files/early.age"), DAMAGED).unwrap();
        let ran = machine.boot("a", "systemctl start app; code=0; switch b || code=$?; echo $code >switched");
        ran.failed("integrity", 3).says("sealed::changed");
        assert_eq!(ran.state("secretctl-users").0, "failed");
        let values = ran.values();
        assert_eq!((values["early"].as_str(), values["app/key"].as_str()), ("old", "new"));
        assert_eq!(ran.lines("app.record"), ["start old", "start new"]);
        assert_eq!(ran.text("switched"), "1\n");
    }

    fn an_early_pass_that_fails_at_boot_leaves_users_and_the_main_pass_alone(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("early", b"value").want("early", json!({"phase": "users"}));
        host.seal("app/key", b"value").want("app/key", json!({"owner": "app"}));
        let machine = Machine::new(systemd, &host);
        machine.user("app", 4242).system("a", &host);
        std::fs::write(machine.path("store/a/sealed/files/early.age"), DAMAGED).unwrap();
        let ran = machine.boot("a", "systemctl is-active sysinit.target >active");
        ran.failed("integrity", 3);
        assert_eq!(ran.state("secretctl-users").0, "failed");
        assert_eq!(ran.text("active"), "active\n");
        let files = ran.files();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["app/key"]);
        assert_eq!((files["app/key"].owner.as_str(), files["app/key"].value.as_str()), ("app", "value"));
    }
}
