//! A switch to another system and back: what changed restarts, once, on its new value.

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::Systemd;
use crate::machine::on_each_systemd;
use crate::ran::Ran;
use crate::units::recorder;

/// A secret for each way of changing, and a service that reads it.
const SERVICES: [&str; 9] =
    ["content", "steady", "owner", "group", "mode", "path", "reload", "template", "pair"];

fn fleet() -> Host {
    let mut host = Host::new();
    for name in ["content", "steady", "owner", "group", "mode", "path"] {
        host.seal(&format!("{name}/key"), b"old");
        host.want(&format!("{name}/key"), json!({"restart_units": [format!("{name}.service")]}));
    }
    host.want("path/key", json!({"path": "/etc/app/one", "restart_units": ["path.service"]}));
    host.seal("reload/key", b"old").want("reload/key", json!({"reload_units": ["reload.service"]}));
    host.seal("template/key", b"old");
    host.templates = vec![json!({
        "name": "template.env", "content": "KEY=<secret:template/key>", "restart_units": ["template.service"],
    })];
    for name in ["pair/key", "pair/other"] {
        host.seal(name, b"old").want(name, json!({"restart_units": ["pair.service"]}));
    }
    host
}

/// The system `a`, and `b` in which everything but `steady` differs.
fn two_systems(systemd: Systemd) -> Machine {
    let mut host = fleet();
    let machine = Machine::new(systemd, &host);
    machine.user("app", 4242).system("a", &host);
    for name in ["content/key", "reload/key", "template/key", "pair/key", "pair/other"] {
        host.seal(name, b"new");
    }
    host.want("owner/key", json!({"owner": "app", "restart_units": ["owner.service"]}));
    host.want("group/key", json!({"group": "app", "restart_units": ["group.service"]}));
    host.want("path/key", json!({"path": "/etc/app/two", "restart_units": ["path.service"]}));
    host.want("mode/key", json!({"mode": "0440", "restart_units": ["mode.service"]}));
    machine.system("b", &host);
    for system in ["a", "b"] {
        for name in SERVICES {
            let file =
                if name == "template" { "rendered/template.env".into() } else { format!("{name}/key") };
            machine.unit(
                system,
                &format!("{name}.service"),
                &recorder(name, &format!("/run/secrets/{file}")),
                &[],
            );
        }
    }
    machine
}

fn records(ran: &Ran) -> Vec<(&'static str, Vec<String>)> {
    SERVICES.into_iter().map(|name| (name, ran.lines(&format!("{name}.record")))).collect()
}

on_each_systemd! {
    fn each_unit_restarts_once_on_its_new_value_there_and_back(systemd: Systemd) {
        let ran = two_systems(systemd).boot("a", r"
            systemctl start content steady owner group mode path reload template pair
            inodes() { stat --dereference --format='%n %i' /run/secrets/*/key; }
            inodes >inodes.1
            switch b
            inodes >inodes.2
            stat --dereference --format='%U %G %a' /run/secrets/{owner,group,mode}/key >attributes
            cat /etc/app/two >path
            ! ls /etc/app/one >>path
            cp /run/secretctl/status.json status.b.json
            switch a
            inodes >inodes.3
        ");
        ran.clean();
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let (there, same) = (lines(&["start old", "start new", "start old"]), lines(&["start old"; 3]));
        assert_eq!(records(&ran), [
            ("content", there.clone()),
            ("steady", lines(&["start old"])),
            ("owner", same.clone()),
            ("group", same.clone()),
            ("mode", same.clone()),
            ("path", same),
            ("reload", lines(&["start old", "reload new", "reload old"])),
            ("template", lines(&["start KEY=old", "start KEY=new", "start KEY=old"])),
            ("pair", there),
        ]);
        assert_eq!(ran.lines("attributes"), ["app root 400", "root app 400", "root root 440"]);
        assert_eq!(ran.text("path"), "old");
        let inodes = ["inodes.1", "inodes.2", "inodes.3"].map(|name| ran.lines(name));
        let of = |round: usize, name: &str| {
            let file = format!("/run/secrets/{name}/key ");
            inodes[round].iter().find_map(|line| line.strip_prefix(&file)).unwrap().to_owned()
        };
        assert_eq!(of(0, "steady"), of(1, "steady"));
        assert_eq!(of(0, "steady"), of(2, "steady"));
        assert_ne!(of(0, "content"), of(1, "content"));
        // The way back is what a rollback of the system looks like: it works, and is told.
        assert_eq!(ran.status()["remarks"][0]["kind"], "rollback");
    }

    fn a_unit_whose_text_changed_too_starts_once_on_the_new_value(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("app/key", b"old").want("app/key", json!({"restart_units": ["app.service"]}));
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host).unit("a", "app.service", &recorder("app", "/run/secrets/app/key"), &[]);
        host.seal("app/key", b"new");
        let text = format!("# another text\n{}", recorder("app", "/run/secrets/app/key"));
        machine.system("b", &host).unit("b", "app.service", &text, &[]);
        let ran = machine.boot("a", "systemctl start app; switch b");
        ran.clean();
        assert_eq!(ran.lines("app.record"), ["start old", "start new"]);
    }

    fn a_unit_that_is_not_running_is_not_started_by_a_new_value(systemd: Systemd) {
        let ran = two_systems(systemd).boot("a", r"
            systemctl start content
            switch b
            systemctl is-active steady owner group mode path reload template pair >active || true
        ");
        ran.clean();
        assert_eq!(ran.lines("content.record"), ["start old", "start new"]);
        assert_eq!(ran.lines("active"), ["inactive"; 8]);
    }

    fn removing_the_last_secret_removes_its_plaintext_on_that_switch(systemd: Systemd) {
        let mut host = Host::new();
        let path = "/etc/app/key";
        host.seal("app/key", b"plaintext").want("app/key", json!({"path": path}));
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        host.wanted.clear();
        machine.system("b", &host);
        let ran = machine.boot("a", r"
            cat /etc/app/key >before
            switch b
            ls /etc/app >after
            ! grep -r plaintext /run/secretctl.d
        ");
        ran.clean();
        assert_eq!((ran.text("before"), ran.text("after")), ("plaintext".into(), String::new()));
        assert!(ran.files().is_empty());
    }

    fn a_switch_that_changes_no_secret_touches_nothing(systemd: Systemd) {
        let mut host = fleet();
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        // Another host joined: the manifest is another one, the values are not.
        host.seal("elsewhere", b"value");
        machine.system("b", &host);
        for system in ["a", "b"] {
            machine.unit(system, "content.service", &recorder("content", "/run/secrets/content/key"), &[]);
        }
        let ran = machine.boot("a", "systemctl start content; readlink /run/secrets >1; switch b; readlink /run/secrets >2");
        ran.clean();
        assert_eq!(ran.lines("content.record"), ["start old"]);
        assert_eq!(ran.text("1"), ran.text("2"));
    }
}
