//! At boot, secrets are there before anything that could want them.

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::on_each_systemd;
use crate::units::recorder;

/// How often the race is run.
const BOOTS: usize = 50;
/// How many services take part in each.
const RACERS: u32 = 8;
/// Makes the secrets take their time, so that only the order of units can help.
const SLOW: &str = "[Service]\nExecStartPre=/bin/sleep 0.2\n";

/// A service that comes as early as `sysinit.target` lets it, and reads its secret at once.
fn racer(name: &str) -> String {
    format!(
        "[Unit]\nDefaultDependencies=no\nAfter=sysinit.target\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nUser={name}\n\
         ExecStart=/bin/bash -c 'cp /run/secrets/{name}/key /race/{name}'\n"
    )
}

on_each_systemd! {
    fn services_after_sysinit_target_never_miss_their_secrets(systemd: Systemd) {
        let mut host = Host::new();
        let mut machine = Machine::new(systemd, &host);
        let names: Vec<String> = (0..RACERS).map(|number| format!("racer{number}")).collect();
        for (number, name) in (4200..).zip(&names) {
            host.seal(&format!("{name}/key"), format!("value of {name}").as_bytes());
            host.want(&format!("{name}/key"), json!({"owner": name, "group": name}));
            machine.user(name, number);
        }
        machine.tmpfs("/race").system("a", &host);
        for name in &names {
            machine.unit("a", &format!("{name}.service"), &racer(name), &["sysinit.target.wants"]);
        }
        for round in 0..BOOTS {
            let slow = if round % 2 == 0 { "" } else { SLOW };
            machine.unit("a", "secretctl.service.d/slow.conf", slow, &[]);
            let ran = machine.boot("a", r"
                settle
                systemctl list-units --failed --plain --no-legend 'racer*' >failed
                find /race -type f -exec cp {} . \;
            ");
            assert_eq!(ran.text("failed"), "", "boot {round}");
            for name in &names {
                assert_eq!(ran.text(name), format!("value of {name}"), "boot {round}");
            }
            ran.clean();
        }
    }

    fn the_owner_alone_reads_a_secret(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("app/key", b"value").want("app/key", json!({"owner": "app", "group": "app"}));
        let machine = Machine::new(systemd, &host);
        machine.user("app", 4242).user("other", 4343).system("a", &host);
        let ran = machine.boot("a", r"
            as 4242 cat /run/secrets/app/key >owner
            ! as 4343 cat /run/secrets/app/key >other
            ! as 4343 ls /run/secrets/ /run/secretctl.d/ >listed
            ! as 4343 cat /var/lib/secretctl/state.json >state
        ");
        ran.clean();
        assert_eq!([ran.text("owner"), ran.text("other"), ran.text("listed"), ran.text("state")], ["value", "", "", ""]);
    }

    fn the_early_pass_comes_before_users_and_breaks_no_order(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("early", b"value").want("early", json!({"phase": "users"}));
        host.seal("app/key", b"value").want("app/key", json!({"owner": "app"}));
        let machine = Machine::new(systemd, &host);
        machine.user("app", 4242).system("a", &host);
        let look = "[Service]\nExecStartPre=/bin/bash -c '(getent passwd app || echo nobody; cat /run/secrets/early) >/out/before'\n";
        machine.unit("a", "systemd-sysusers.service.d/look.conf", look, &[]);
        let ran = machine.boot("a", r"
            for unit in local-fs-pre.target local-fs.target systemd-tmpfiles-setup-dev.service secretctl.target; do
              systemctl is-active $unit
            done >active
            systemd-analyze verify default.target 2>&1 | grep -iE 'cycle|deleted' >cycles || true
        ");
        ran.clean();
        assert_eq!(ran.text("before"), "nobody\nvalue");
        assert_eq!(ran.lines("active"), ["active"; 4]);
        assert_eq!(ran.text("cycles"), "");
        assert_eq!(ran.state("secretctl-users").0, "active");
        assert_eq!(ran.values()["early"], "value");
    }

    fn a_unit_without_default_dependencies_waits_for_the_target(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("key", b"value");
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host).unit("a", "secretctl.service.d/slow.conf", SLOW, &[]);
        for (name, order) in [("waits", "After=secretctl.target"), ("hurries", "")] {
            let text = format!(
                "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n{order}\n\
                 [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/cp /run/secrets/key /out/{name}\n"
            );
            machine.unit("a", &format!("{name}.service"), &text, &["sysinit.target.wants"]);
        }
        let ran = machine.boot("a", "systemctl is-failed hurries >hurried");
        ran.clean();
        // The other shows that the value is not there by luck.
        assert_eq!((ran.text("waits"), ran.text("hurried")), ("value".into(), "failed\n".into()));
    }

    fn nothing_is_restarted_by_the_values_of_a_boot(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("early", b"value").want("early", json!({"phase": "users", "restart_units": ["app.service"]}));
        host.secret("key", b"value").want("key", json!({"restart_units": ["app.service"]}));
        let machine = Machine::new(systemd, &host);
        let first = format!("[Unit]\nDefaultDependencies=no\n{}", recorder("app", "/etc/hostname"));
        machine.system("a", &host).unit("a", "app.service", &first, &["sysinit.target.wants"]);
        for unit in ["secretctl.service", "secretctl-users.service"] {
            machine.unit("a", &format!("{unit}.d/later.conf"), "[Unit]\nAfter=app.service\n", &[]);
        }
        let ran = machine.boot("a", "settle");
        ran.clean();
        assert_eq!(ran.lines("app.record").len(), 1, "{:?}", ran.lines("app.record"));
        assert_eq!(ran.values().len(), 2);
    }
}
