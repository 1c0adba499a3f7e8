//! Secrets as systemd credentials, for services whose user exists only while they run.

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::Systemd;
use crate::machine::on_each_systemd;

/// A service under a user of its own making, that writes down what it reads from its credential.
fn service(name: &str, more: &str) -> String {
    let record = |what: &str| {
        format!("/bin/bash -c 'echo \"{what} $$(<$$CREDENTIALS_DIRECTORY/key)\" >>/record/{name}'")
    };
    format!(
        "[Service]\nType=notify\nNotifyAccess=all\nDynamicUser=yes\nLoadCredential=key:/run/secrets/{name}/key\n{more}\
         BindPaths=/record\nExecStartPre={}\nExecStart=/bin/bash -c 'systemd-notify --ready; exec sleep inf'\nExecReload={}\n",
        record("start"),
        record("reload"),
    )
}

/// A machine in whose system `b` the credential of `app` has a new value.
fn machine(systemd: Systemd, wanted: serde_json::Value, text: &str) -> Machine {
    let mut host = Host::new();
    host.seal("app/key", b"old").want("app/key", wanted);
    let mut machine = Machine::new(systemd, &host);
    machine.tmpfs("/record").system("a", &host);
    host.seal("app/key", b"new");
    machine.system("b", &host);
    for system in ["a", "b"] {
        machine.unit(system, "app.service", text, &[]);
    }
    machine
}

on_each_systemd! {
    fn a_dynamic_user_reads_its_credential_and_nobody_else_does(systemd: Systemd) {
        let text = service("app", "");
        let ran = machine(systemd, json!({}), &text).boot("a", r"
            systemctl start app
            cp /record/app record
            stat --format=%u /proc/$(systemctl show --property=MainPID --value app) >user
            ! as 4343 cat /run/credentials/app.service/key >other
            ! as 4343 cat /run/secrets/app/key >>other
            findmnt_options=$(grep ' /run/credentials/app.service ' /proc/1/mountinfo)
            echo $findmnt_options >mount
        ");
        ran.clean();
        assert_eq!((ran.text("record"), ran.text("other")), ("start old\n".into(), String::new()));
        // The range that systemd takes dynamic users from.
        assert!((61184..=65519).contains(&ran.text("user").trim().parse::<u32>().unwrap()));
        assert!(ran.text("mount").contains("noswap"), "{}", ran.text("mount"));
        assert_eq!(ran.files()["app/key"].owner, "root");
    }

    fn a_new_value_reaches_a_credential_by_a_restart(systemd: Systemd) {
        let text = service("app", "");
        let ran = machine(systemd, json!({"restart_units": ["app.service"]}), &text).boot("a", r"
            systemctl start app
            switch b
            cp /record/app record
        ");
        ran.clean();
        assert_eq!(ran.lines("record"), ["start old", "start new"]);
    }

    fn a_reload_refreshes_a_credential_where_systemd_can(systemd: Systemd) {
        let text = service("app", "RefreshOnReload=credentials\n");
        let ran = machine(systemd, json!({"reload_units": ["app.service"]}), &text).boot("a", r"
            systemctl start app
            systemctl show --property=MainPID app >before
            switch b
            systemctl show --property=MainPID app >after
            cp /record/app record
        ");
        ran.clean();
        assert_eq!(ran.text("before"), ran.text("after"));
        // systemd 257 does not know the setting: this is why a restart is asked for there.
        let record = ran.lines("record");
        assert_eq!((record.len(), record[0].as_str()), (2, "start old"));
        assert_eq!(record[1] == "reload new", systemd == Systemd::Newest, "{record:?}");
    }
}
