//! Systems that were built: finding their request, planning the switch, and going back to an older one.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use rustix::mount::MountFlags;
use serde_json::Value;
use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use crate::host::Ran;

/// Builds a system as NixOS lays it out: the request is a link into the store, the sealed tree a path of its own.
fn build(host: &mut Host, name: &str) -> PathBuf {
    let (store, system) = (host.path(&format!("store-{name}")), host.path(name));
    host.fields.insert("sealed", json!(store.join("sealed")));
    host.write();
    std::fs::create_dir_all(system.join("etc/secretctl")).unwrap();
    std::fs::create_dir(&store).unwrap();
    std::fs::rename(host.path("sealed"), store.join("sealed")).unwrap();
    std::fs::rename(host.path("request.json"), store.join("request.json")).unwrap();
    symlink(store.join("request.json"), system.join("etc/secretctl/request.json")).unwrap();
    system
}

/// A system without the module.
fn build_without(host: &Host, name: &str) -> PathBuf {
    let system = host.path(name);
    std::fs::create_dir_all(system.join("etc")).unwrap();
    system
}

/// Runs the program with just these arguments.
fn program(arguments: &[&str]) -> Ran {
    offline_or_not(Command::new(env!("CARGO_BIN_EXE_secretctl-host")).args(arguments))
}

/// The same in a network namespace that has no network.
fn offline(arguments: &[&str]) -> Ran {
    let mut command = Command::new("unshare");
    offline_or_not(command.args(["--net", "--", env!("CARGO_BIN_EXE_secretctl-host")]).args(arguments))
}

fn offline_or_not(command: &mut Command) -> Ran {
    let ran = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        code: ran.status.code().unwrap(),
        stdout: String::from_utf8(ran.stdout).unwrap(),
        stderr: String::from_utf8(ran.stderr).unwrap(),
    }
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

fn plan(system: &std::path::Path) -> Ran {
    program(&["plan", "--format", "json", "--system", text(system)])
}

/// The `as` of every file with this outcome.
fn with_outcome(plan: &Value, outcome: &str) -> Vec<String> {
    let files = plan["files"].as_array().unwrap().iter().filter(|file| file["outcome"] == outcome);
    files.map(|file| file["as"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_request_of_a_system_is_found_also_through_a_profile() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1");
    let system = build(&mut host, "system");
    let profile = host.path("profile");
    symlink(&system, &profile).unwrap();
    for path in [&system, &profile] {
        assert_eq!(with_outcome(&plan(path).exit(5).json(), "added"), ["a"]);
        program(&["verify", "--system", text(path)]).clean().says("everything fits");
        program(&["activate", "--dry-run", "--system", text(path)]).exit(5);
    }
    assert!(!host.path("run/secretctl.d").exists());
    program(&["activate", "--system", text(&profile)]).clean();
    assert_eq!(host.value("a"), "1");
    plan(&profile).clean();
}

#[test]
fn a_request_and_a_system_exclude_each_other_and_one_must_be_named() {
    private!();
    let mut host = Host::new();
    let system = build(&mut host, "system");
    let request = system.join("etc/secretctl/request.json");
    for command in ["plan", "verify", "activate"] {
        program(&[command]).exit(2);
        program(&[command, "--system", text(&system), "--request", text(&request)]).exit(2);
    }
}

#[test]
fn a_path_that_is_no_system_is_told_from_a_system_without_secretctl() {
    private!();
    let host = Host::new();
    let without = build_without(&host, "without");
    plan(&host.path("nothing")).exit(4).says("system::not_there");
    plan(&host.path("run")).exit(2).says("system::other");
    for command in ["verify", "activate"] {
        program(&[command, "--system", text(&without)])
            .exit(2)
            .says("system::no_request")
            .says("secretctl.enable");
    }
    std::fs::create_dir(without.join("etc/secretctl")).unwrap();
    symlink("/gone", without.join("etc/secretctl/request.json")).unwrap();
    plan(&without).exit(4).says("request.json");
}

#[test]
fn a_switch_away_from_secretctl_is_planned_as_the_removal_of_everything() {
    private!();
    let mut host = Host::new();
    rustix::mount::mount("none", "/run", "tmpfs", MountFlags::empty(), None).unwrap();
    let without = build_without(&host, "without");
    let nothing = plan(&without).clean().json();
    assert_eq!((&nothing["result"], &nothing["host"]), (&json!("nothing"), &json!(null)));

    let custom = host.path("custom");
    host.secret("a", b"1").want("b", json!({"path": custom})).seal("b", b"2");
    let system = build(&mut host, "system");
    symlink(&system, "/run/current-system").unwrap();
    program(&["activate", "--system", text(&system)]).clean();
    let ran = plan(&without).exit(5).says("plan::without").says("does not use secretctl");
    let plan = ran.json();
    assert_eq!(with_outcome(&plan, "removed"), ["a", "b"]);
    assert_eq!(plan["links"]["remove"], json!({text(&custom): host.path("run/secrets/b")}));
    assert_eq!(plan["host"], "forge");
    assert!(custom.is_symlink() && host.value("a") == "1", "a plan only reads");
}

#[test]
fn what_is_installed_in_the_usual_places_is_found_without_any_request() {
    private!();
    for folder in ["/run", "/var/lib"] {
        rustix::mount::mount("none", folder, "tmpfs", MountFlags::empty(), None).unwrap();
    }
    let mut host = Host::new();
    host.secret("a", b"1");
    for (field, place) in
        [("mount", "/run/secretctl.d"), ("link", "/run/secrets"), ("state", "/var/lib/secretctl")]
    {
        host.fields.insert(field, json!(place));
    }
    host.activate(&[]).clean();
    let without = build_without(&host, "without");
    assert_eq!(with_outcome(&plan(&without).exit(5).json(), "removed"), ["a"]);
}

#[test]
fn units_are_told_with_the_files_that_changed() {
    private!();
    let mut host = Host::new();
    for name in ["a", "b", "same"] {
        host.seal(name, b"1").want(
            name,
            json!({"restart_units": ["both.service"], "reload_units": [format!("{name}.service")]}),
        );
    }
    host.activate(&[]).clean();
    host.seal("a", b"2").seal("b", b"2");
    host.write();
    let ran = host.run(&["plan"]).exit(5);
    for line in ["restart both.service (a, b)\n", "reload a.service (a)\n", "reload b.service (b)\n"] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    let plan = host.run(&["plan", "--format", "json"]).exit(5).json();
    assert_eq!(plan["units"], json!({"restart": ["both.service"], "reload": ["a.service", "b.service"]}));
    let wanted = json!({"a.service": ["a"], "b.service": ["b"], "both.service": ["a", "b"]});
    assert_eq!(plan["unit_reasons"], wanted);
}

#[test]
fn units_that_an_earlier_run_still_owes_are_planned() {
    private!();
    let mut host = Host::new();
    host.seal("a", b"1").want("a", json!({"restart_units": ["a.service"]})).activate(&[]).clean();
    host.fake_systemctl("exit 1");
    host.seal("a", b"2");
    host.activate(&["--systemctl"]).exit(4);
    let said = host.run(&["plan"]).exit(5).stdout;
    assert_eq!(said, "restart a.service (left over from a run that ended early)\n");
    host.fake_systemctl("exit 0");
    host.run(&["activate", "--systemctl"]).clean();
    host.run(&["plan"]).clean();
}

#[test]
fn links_at_custom_paths_are_planned_with_where_they_lead() {
    private!();
    let mut host = Host::new();
    let (old, new) = (host.path("old"), host.path("new"));
    host.seal("a", b"1").want("a", json!({"path": old}));
    host.write();
    let added = host.run(&["plan", "--format", "json"]).exit(5).json();
    assert_eq!(added["links"], json!({"add": {text(&old): host.file("a")}, "remove": {}}));
    host.activate(&[]).clean();
    host.run(&["plan"]).clean();
    host.want("a", json!({"path": new})).write();
    let moved = host.run(&["plan", "--format", "json"]).exit(5).json();
    let wanted = json!({"add": {text(&new): host.file("a")}, "remove": {text(&old): host.file("a")}});
    assert_eq!(moved["links"], wanted);
    // A link that somebody removed is made again, and is planned to be.
    host.activate(&[]).clean();
    std::fs::remove_file(&new).unwrap();
    assert_eq!(
        host.run(&["plan"]).exit(5).stdout,
        format!("+ {} -> {}\n", text(&new), text(&host.file("a")))
    );
    host.run(&["activate"]).clean();
    assert!(new.is_symlink());
    host.run(&["plan"]).clean();
}

#[test]
fn without_any_identity_file_a_plan_fails_where_one_is_needed() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1");
    host.write();
    std::fs::rename(host.path("host"), host.path("away")).unwrap();
    let ran = host.run(&["plan", "--format", "json"]).exit(4).says("identity::not_there");
    let plan = ran.json();
    assert_eq!((&plan["result"], &plan["exit_code"]), (&json!("would-fail"), &json!(4)));
    assert_eq!(plan["identities"], json!([{"path": host.path("host"), "found": false}]));
    assert_eq!(with_outcome(&plan, "added"), ["a"], "the rest is told all the same");
    host.run(&["activate"]).exit(4);

    // One of several is enough, and which of them fits takes more than a look.
    host.fields.insert("identities", json!([host.path("host"), host.path("away")]));
    host.write();
    host.run(&["plan"]).exit(5);
    host.activate(&[]).clean();
    std::fs::rename(host.path("away"), host.path("gone")).unwrap();
    host.run(&["plan"]).clean().says("plan::no_identity");
}

#[test]
fn a_rollback_that_the_host_refuses_is_planned_as_a_failure_and_one_that_it_takes_as_a_warning() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"new").serial = 9;
    host.activate(&[]).clean();
    host.seal("a", b"old").serial = 5;
    host.write();
    host.run(&["plan"]).exit(5).says("warning[plan::remark]").says("serial 5, older than serial 9");
    host.fields.insert("rollback", json!("refuse"));
    host.write();
    let ran = host.run(&["plan", "--format", "json"]).exit(3).says("trust::rollback");
    assert_eq!(ran.json()["failure"]["class"], "integrity");
}

#[test]
fn a_grant_that_ends_within_two_weeks_is_noted_and_a_later_one_is_not() {
    private!();
    #[expect(clippy::disallowed_methods, reason = "the program has no other clock")]
    let now = jiff::Timestamp::now();
    let mut host = Host::new();
    for (name, days) in [("soon", 13), ("later", 15)] {
        let end = now + jiff::SignedDuration::from_hours(24 * days);
        host.secret(name, b"1").grant(name, |entry| entry.not_after = Some(end));
    }
    host.seal("unasked", b"1")
        .grant("unasked", |entry| entry.not_after = Some(now + jiff::SignedDuration::from_hours(1)));
    host.write();
    let ran = host.run(&["plan", "--format", "json"]).exit(5).says("plan::grant_ends").says("`soon`");
    let ending = ran.json()["ending"].clone();
    assert_eq!((ending.as_array().unwrap().len(), &ending[0]["secret"]), (1, &json!("soon")));
}

#[test]
fn a_plan_tells_what_would_fail_from_what_the_switch_may_repair() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").seal("b", b"2").want("b", json!({"owner": "nobody-yet"}));
    host.write();
    let ran = host.run(&["plan", "--format", "json"]).exit(5).says("warning[file::unknown_user]");
    assert_eq!(ran.json()["files"][1]["repairable"], true);

    let occupied = host.path("occupied");
    std::fs::write(&occupied, "theirs").unwrap();
    host.want("b", json!({"path": occupied})).write();
    host.run(&["plan"]).exit(4).says("error[file::path_occupied]");
    std::fs::remove_file(&occupied).unwrap();
    symlink("/etc/static/occupied", &occupied).unwrap();
    host.run(&["plan"]).exit(5).says("warning[file::path_occupied]");

    host.want("b", json!({})).write();
    std::fs::write(host.sealed_file("b"), "changed").unwrap();
    let plan = host.run(&["plan", "--format", "json"]).exit(3).says("sealed::changed").json();
    assert_eq!(
        (with_outcome(&plan, "added"), with_outcome(&plan, "failed")),
        (vec!["a".into()], vec!["b".into()])
    );
}

#[test]
fn a_file_that_was_changed_by_hand_is_planned_to_be_put_right() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    std::fs::write(host.file("a"), "by hand").unwrap();
    assert_eq!(host.run(&["plan"]).exit(5).stdout, "~ a (content)\n");
    host.run(&["activate"]).clean();
    assert_eq!(host.value("a"), "1");
    host.run(&["plan"]).clean();
}

#[test]
fn going_back_to_an_older_system_restores_its_values_without_any_network() {
    private!();
    let mut host = Host::new();
    let custom = host.path("custom");
    host.secret("kept", b"1").seal("gone", b"2").want("gone", json!({"path": custom}));
    let older = build(&mut host, "older");
    host.wanted.remove("gone");
    host.revoke("gone").secret("kept", b"other").secret("new", b"3");
    let newer = build(&mut host, "newer");

    for system in [&older, &newer] {
        program(&["activate", "--system", text(system)]).clean();
    }
    assert_eq!((host.value("kept"), host.value("new")), ("other".into(), "3".into()));
    assert!(!host.file("gone").exists() && !custom.exists());
    let back = plan(&older).exit(5).says("plan::remark").json();
    assert_eq!(
        (with_outcome(&back, "added"), with_outcome(&back, "removed")),
        (vec!["gone".into()], vec!["new".into()])
    );

    offline(&["activate", "--system", text(&older)]).clean().says("trust::rollback");
    assert_eq!((host.value("kept"), host.value("gone")), ("1".into(), "2".into()));
    assert_eq!(std::fs::read_to_string(&custom).unwrap(), "2");
    assert!(!host.file("new").exists());
    plan(&older).clean();
    // And forward again.
    offline(&["activate", "--system", text(&newer)]).clean();
    assert_eq!(host.value("kept"), "other");
}
