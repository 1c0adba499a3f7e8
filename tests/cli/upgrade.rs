//! `upgrade`: an existing fleet moves on only when somebody says so, and sees what that costs.

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::terminal::Terminal;

const SETTING: &str = "[policy]\nservices = \"listed\"\n";
const RULE: &str = "allow(\"shared/smtp\").services(\"grafana\");\n";

/// `luna` lists grafana, `forge` does not; the rule names no hosts.
fn fleet(existing: bool) -> TestFleet {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["caddy"])
        .host_with("luna", &KEYS.luna, &["grafana"])
        .policy(RULE);
    if existing {
        fleet.replace("secretctl.toml", SETTING, "");
    }
    fleet.set("shared/smtp", "value").ok();
    fleet
}

fn has_copy(fleet: &TestFleet, host: &str) -> bool {
    fleet.exists(&format!("sealed/{host}/files/shared/smtp.age"))
}

#[test]
fn in_a_new_fleet_services_without_hosts_are_those_of_hosts_that_list_them() {
    let fleet = fleet(false);
    assert!(has_copy(&fleet, "luna") && !has_copy(&fleet, "forge"));
    fleet.run(["policy", "lint"]).ok();
    let ran = fleet.run(["seal"]).ok();
    assert!(!ran.stderr().contains("not listed"), "{ran}");
    fleet
        .run(["policy", "explain", "shared/smtp", "forge", "grafana"])
        .with_code(1)
        .prints(&["it names no hosts, and this one does not list the service in `secretctl.toml`"]);
    fleet.run(["upgrade", "services"]).ok().says(&["already", "nothing was changed"]);
}

#[test]
fn an_existing_fleet_keeps_the_wide_reading_and_every_command_tells_of_it() {
    let fleet = fleet(true);
    assert!(has_copy(&fleet, "luna") && has_copy(&fleet, "forge"));
    fleet.run(["policy", "lint"]).ok().says(&["warning[lint::service_not_there]"]);
    fleet.run(["seal"]).ok().says(&["forge may read `shared/smtp` for a service that is not listed there"]);
    fleet
        .run(["policy", "explain", "shared/smtp", "forge", "grafana"])
        .ok()
        .prints(&["because the rule names no hosts", "secretctl upgrade services"]);
    let ran = fleet.run(["policy", "who-can", "shared/smtp"]).ok();
    let ran = ran.says(&["note: `forge` does not list `grafana`", "secretctl upgrade services"]);
    assert!(!ran.stderr().contains("`luna`"), "{ran}");
}

#[test]
fn the_upgrade_shows_each_lost_grant_and_changes_nothing_unless_somebody_says_yes() {
    let fleet = fleet(true);
    fleet.run(["host", "set", "luna", "--service", "grafana"]).ok();
    let ran = fleet.refuses(["upgrade", "services"], 2);
    let ran = ran.says(&["error[upgrade::unconfirmed]", "nothing was changed", "--yes"]);
    let ran = ran.prints(&["shared/smtp  forge  grafana   policies/access.rhai:1"]);
    assert!(!ran.stdout().contains("luna"), "{ran}");
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} upgrade services"));
    terminal.shows("change 1 grant? [yes/no]").types("no\n");
    assert_eq!(terminal.code(), 1);
    assert!(!fleet.text("secretctl.toml").contains("listed"));
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} upgrade services"));
    terminal.shows("change 1 grant? [yes/no]").types("yes\n");
    assert_eq!(terminal.code(), 0);
    assert!(fleet.text("secretctl.toml").contains(SETTING));
    // Nothing is taken away before it is sealed.
    assert!(has_copy(&fleet, "forge"));
    fleet.run(["seal"]).ok().prints(&["host `forge` still has `shared/smtp`, which it may no longer read"]);
    assert!(has_copy(&fleet, "luna") && !has_copy(&fleet, "forge"));
    fleet.assert_clean();
}

#[test]
fn the_upgrade_says_that_a_seal_is_due_and_a_diff_of_the_policy_shows_what_it_did() {
    let fleet = fleet(true).in_git();
    fleet.run(["upgrade", "services", "--yes"]).ok().says(&["run `secretctl seal`"]);
    let ran = fleet.run(["policy", "diff", "--fail-on", "lost"]).with_code(1);
    ran.prints(&["1 lost", "- forge", "shared/smtp  grafana", "policies/access.rhai:1"]);
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", SETTING, "");
    fleet.run(["upgrade", "services"]).ok().says(&["no grant changes"]);
    fleet.assert_clean();
}

#[test]
fn a_reading_that_does_not_exist_is_a_mistake_with_the_one_that_does() {
    let fleet = fleet(false);
    fleet.replace("secretctl.toml", "\"listed\"", "\"listd\"");
    fleet.refuses(["check"], 2).says(&["unknown reading `listd`", "did you mean `listed`?"]);
}
