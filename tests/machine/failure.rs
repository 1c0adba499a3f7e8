//! What goes wrong on real hosts: one value or the whole run fails, and what worked goes on working.

use serde_json::json;

use crate::host::Host;
use crate::host::keygen;
use crate::machine::Machine;
use crate::machine::Systemd;
use crate::machine::on_each_systemd;
use crate::ran::Ran;
use crate::units::recorder;

/// How many secrets a host has here.
const SECRETS: usize = 30;
/// The status of a switch to `b`, with a service that reads `s0` and one that reads `s7`.
const SWITCH: &str = "systemctl start zero seven; code=0; switch b || code=$?; echo $code >switched";
/// Shaped like the tunnels of NixOS: it reads its key at the start, and goes down when it is stopped.
const TUNNEL: &str = "[Service]\nType=oneshot\nRemainAfterExit=yes\n\
     ExecStart=/bin/bash -c 'cp /run/secrets/wg0/key /run/tunnel; echo up >>/out/tunnel'\n\
     ExecStop=/bin/bash -c 'rm /run/tunnel; echo down >>/out/tunnel'\n";

fn seal_all(host: &mut Host, value: &str) {
    for number in 0..SECRETS {
        host.seal(&format!("s{number}"), value.as_bytes());
    }
}

/// A host whose secrets are all `old`, in the system `a` and already `new` in the fleet.
fn changing(systemd: Systemd) -> (Host, Machine) {
    let mut host = Host::new();
    seal_all(&mut host, "old");
    for number in 0..SECRETS {
        host.want(&format!("s{number}"), json!({}));
    }
    host.want("s0", json!({"restart_units": ["zero.service"]}));
    host.want("s7", json!({"restart_units": ["seven.service"]}));
    let machine = Machine::new(systemd, &host);
    system(&machine, "a", &host);
    seal_all(&mut host, "new");
    (host, machine)
}

fn system(machine: &Machine, name: &str, host: &Host) {
    machine.system(name, host);
    for (service, secret) in [("zero", "s0"), ("seven", "s7")] {
        let text = recorder(service, &format!("/run/secrets/{secret}"));
        machine.unit(name, &format!("{service}.service"), &text, &[]);
    }
}

/// All but `s7` are new, and so are those who read them.
fn only_seven_is_old(ran: &Ran) {
    let values = ran.values();
    assert_eq!(values.len(), SECRETS);
    for (name, value) in values {
        assert_eq!(value, if name == "s7" { "old" } else { "new" }, "{name}");
    }
    assert_eq!(ran.outcome("s7"), "kept");
    assert_eq!(ran.lines("zero.record"), ["start old", "start new"]);
    assert_eq!(ran.lines("seven.record"), ["start old"]);
    let journal = ran.journal();
    let entry = journal.iter().rev().find(|entry| entry["SECRETCTL_AS"] == "s7").unwrap();
    assert_eq!((&entry["SECRETCTL_OUTCOME"], &entry["SECRETCTL_SECRET"]), (&json!("kept"), &json!("s7")));
    assert_eq!((&entry["SECRETCTL_REVISION"], &entry["SECRETCTL_GENERATION"]), (&json!("1"), &json!("3")));
    assert_eq!(entry["_UID"], "0");
    let status = ran.status();
    let seven = status["files"].as_array().unwrap().iter().find(|file| file["as"] == "s7").unwrap();
    assert_eq!(
        (&entry["SECRETCTL_CLASS"], &entry["SECRETCTL_CODE"]),
        (&seven["failure"]["class"], &seven["failure"]["code"])
    );
    assert_eq!(ran.text("switched"), "1\n");
}

/// Nothing moved at all.
fn everything_is_old(ran: &Ran) {
    let values = ran.values();
    assert_eq!(values.len(), SECRETS);
    assert!(values.values().all(|value| value == "old"), "{values:?}");
    assert_eq!(ran.lines("zero.record"), ["start old"]);
    assert_eq!(ran.status()["generation"], json!(null));
    assert_eq!(ran.text("switched"), "1\n");
}

on_each_systemd! {
    fn one_corrupt_secret_of_thirty_keeps_its_last_good_value(systemd: Systemd) {
        let (host, machine) = changing(systemd);
        system(&machine, "b", &host);
        std::fs::write(machine.path("store/b/sealed/files/s7.age"), "age-encryption.org/v1\nnonsense").unwrap();
        let ran = machine.boot("a", SWITCH);
        only_seven_is_old(ran.failed("integrity", 3).says("sealed::changed"));
    }

    fn an_ended_grant_keeps_its_last_good_value(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.grant("s7", |entry| entry.not_after = Some("2026-01-01T00:00:00Z".parse().unwrap()));
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        only_seven_is_old(ran.failed("finding", 1).says("grant::ended"));
    }

    fn a_user_that_does_not_exist_costs_its_own_secret_alone(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.want("s7", json!({"owner": "ghost", "restart_units": ["seven.service"]}));
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        only_seven_is_old(ran.failed("environment", 4).says("file::unknown_user"));
        assert_eq!(ran.files()["s7"].owner, "root");
    }

    fn a_full_memory_costs_no_value_that_is_there(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.seal("s7", &vec![b'x'; 1 << 20]);
        system(&machine, "b", &host);
        let small = "[Service]\nExecStartPre=/bin/mount --mkdir -t tmpfs -o noswap,size=512k,mode=0751 tiny /run/secretctl.d\n\
                     SystemCallFilter=\n";
        machine.unit("a", "secretctl-mount.service.d/small.conf", small, &[]);
        let ran = machine.boot("a", SWITCH);
        only_seven_is_old(ran.failed("environment", 4));
    }

    fn the_wrong_host_key_changes_nothing_and_takes_no_tunnel_down(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.seal("wg0/key", b"old-tunnel").want("wg0/key", json!({"restart_units": ["wireguard-wg0.service"]}));
        system(&machine, "a", &host);
        host.seal("wg0/key", b"new-tunnel");
        seal_all(&mut host, "newer");
        system(&machine, "b", &host);
        for name in ["a", "b"] {
            machine.unit(name, "wireguard-wg0.service", TUNNEL, &["multi-user.target.wants"]);
        }
        std::fs::copy(keygen(&machine.path("persist"), "other-key", "ed25519"), machine.path("persist/wrong")).unwrap();
        let script = format!(r"
            systemctl start wireguard-wg0
            cp /persist/wrong /persist/host-key
            {SWITCH}
            systemctl is-active wireguard-wg0 >active
            cp /run/tunnel tunnel.key
            cp tunnel tunnel.events
        ");
        let ran = machine.boot("a", &script);
        ran.failed("environment", 4).says("identity::none_fits");
        assert_eq!((ran.text("active"), ran.text("tunnel.key")), ("active\n".into(), "old-tunnel".into()));
        assert_eq!(ran.text("tunnel.events"), "up\n");
        assert_eq!(ran.values()["wg0/key"], "old-tunnel");
        assert_eq!(ran.lines("zero.record"), ["start new"]);
    }

    fn a_tunnel_whose_unit_changed_too_comes_back_with_its_last_good_key(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("wg0/key", b"old-tunnel").want("wg0/key", json!({"restart_units": ["wireguard-wg0.service"]}));
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host).unit("a", "wireguard-wg0.service", TUNNEL, &[]);
        host.seal("wg0/key", b"new-tunnel");
        let text = format!("# another text\n{TUNNEL}");
        machine.system("b", &host).unit("b", "wireguard-wg0.service", &text, &[]);
        keygen(&machine.path("persist"), "wrong", "ed25519");
        let ran = machine.boot("a", r"
            systemctl start wireguard-wg0
            cp /persist/wrong /persist/host-key
            code=0; switch b || code=$?; echo $code >switched
            systemctl is-active wireguard-wg0 >active
            cp /run/tunnel tunnel.key
            cp tunnel tunnel.events
        ");
        ran.failed("environment", 4).says("identity::none_fits");
        assert_eq!((ran.text("active"), ran.text("tunnel.key")), ("active\n".into(), "old-tunnel".into()));
        assert_eq!(ran.lines("tunnel.events"), ["up", "down", "up"]);
        assert_eq!(ran.text("switched"), "1\n");
    }

    fn a_template_over_a_broken_secret_keeps_its_last_good_text(systemd: Systemd) {
        let mut host = Host::new();
        host.templates = ["good", "broken"]
            .map(|name| json!({
                "name": name, "content": format!("KEY=<secret:{name}>"), "restart_units": [format!("{name}.service")],
            }))
            .into();
        let machine = Machine::new(systemd, &host);
        for (system, value) in [("a", "old"), ("b", "new")] {
            for name in ["good", "broken"] {
                host.seal(name, value.as_bytes());
            }
            machine.system(system, &host);
            for name in ["good", "broken"] {
                let text = recorder(name, &format!("/run/secrets/rendered/{name}"));
                machine.unit(system, &format!("{name}.service"), &text, &[]);
            }
        }
        std::fs::write(machine.path("store/b/sealed/files/broken.age"), "age-encryption.org/v1\nnonsense").unwrap();
        let ran = machine.boot("a", "systemctl start good broken; code=0; switch b || code=$?; echo $code >switched");
        ran.failed("integrity", 3).says("sealed::changed");
        assert_eq!(ran.outcome("rendered/broken"), "kept");
        assert_eq!(ran.lines("good.record"), ["start KEY=old", "start KEY=new"]);
        assert_eq!(ran.lines("broken.record"), ["start KEY=old"]);
        assert_eq!(ran.text("switched"), "1\n");
    }

    fn a_manifest_by_an_untrusted_key_changes_nothing(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        let trusted = host.request()["trusted_keys"].clone();
        host.signing_key = keygen(host.dir.path(), "stranger", "ed25519");
        host.fields.insert("trusted_keys", trusted);
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        everything_is_old(ran.failed("integrity", 3));
    }

    fn an_older_sealed_tree_is_refused_where_that_is_asked_for(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.serial = 1;
        host.fields.insert("rollback", json!("refuse"));
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        everything_is_old(ran.failed("integrity", 3).says("trust::rollback"));
    }

    fn an_older_sealed_tree_is_used_with_a_warning_by_default(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.serial = 1;
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        ran.clean();
        assert!(ran.values().values().all(|value| value == "new"));
        assert_eq!(ran.status()["remarks"][0]["kind"], "rollback");
        assert!(ran.text("log").contains("warning[trust::rollback]"));
    }

    fn a_first_boot_without_an_identity_goes_on_and_the_key_can_come_later(systemd: Systemd) {
        let (host, machine) = changing(systemd);
        system(&machine, "b", &host);
        std::fs::rename(machine.path("persist/host-key"), machine.path("persist/later")).unwrap();
        let ran = machine.boot("b", r"
            systemctl is-active sysinit.target >reached
            cp /run/secretctl/status.json first.json
            ls /run/secrets >there 2>/dev/null || true
            mv /persist/later /persist/host-key
            systemctl restart secretctl
        ");
        ran.clean();
        assert_eq!((ran.text("reached"), ran.text("there")), ("active\n".into(), String::new()));
        let first: serde_json::Value = serde_json::from_str(&ran.text("first.json")).unwrap();
        assert_eq!((&first["class"], &first["exit_code"]), (&json!("environment"), &json!(4)));
        assert_eq!(first["failure"]["code"], "identity::none_fits");
        assert_eq!(ran.values().len(), SECRETS);
    }

    fn a_unit_that_does_not_exist_keeps_no_other_from_restarting(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.want("s7", json!({"restart_units": ["aaa.service", "seven.service", "zzz.service"]}));
        system(&machine, "b", &host);
        let ran = machine.boot("a", SWITCH);
        ran.failed("environment", 4).says("units::unknown");
        assert!(ran.values().values().all(|value| value == "new"));
        for service in ["zero", "seven"] {
            assert_eq!(ran.lines(&format!("{service}.record")), ["start old", "start new"]);
        }
    }

    fn a_service_that_fails_to_restart_is_the_one_that_failed(systemd: Systemd) {
        let (mut host, machine) = changing(systemd);
        host.want("s7", json!({"restart_units": ["picky.service", "seven.service"]}));
        system(&machine, "b", &host);
        let picky = "[Service]\nExecStartPre=/bin/grep -q old /run/secrets/s7\nExecStart=/bin/sleep inf\n";
        for name in ["a", "b"] {
            machine.unit(name, "picky.service", picky, &[]);
        }
        let ran = machine.boot("a", &format!("systemctl start picky; {SWITCH}; systemctl is-failed picky >picky"));
        ran.clean();
        assert_eq!((ran.text("picky"), ran.text("switched")), ("failed\n".into(), "0\n".into()));
        assert_eq!(ran.lines("seven.record"), ["start old", "start new"]);
    }
}
