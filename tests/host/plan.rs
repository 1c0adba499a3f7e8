//! `plan`, `--dry-run` and `verify`: reading alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;

/// Every path below a folder with its bytes, links as their targets.
fn picture(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            let target = path.read_link().unwrap();
            found.insert(path, target.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            found.extend(picture(&path));
            found.insert(path, Vec::new());
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

#[test]
fn a_plan_tells_everything_and_touches_nothing() {
    private!();
    let mut host = Host::new();
    for name in ["same", "value", "mode", "gone"] {
        host.seal(name, b"1").want(name, json!({"restart_units": [format!("{name}.service")]}));
    }
    host.write();
    let before = picture(host.dir.path());
    let plan = host.run(&["plan", "--format", "json"]).exit(5).json();
    assert_eq!((&plan["changed"], &plan["generation"]), (&json!(true), &json!(null)));
    assert_eq!((&plan["result"], &plan["exit_code"]), (&json!("changes"), &json!(5)));
    assert_eq!(picture(host.dir.path()), before);

    host.activate(&[]).clean();
    assert_eq!(host.run(&["plan"]).clean().stdout, "nothing to do\n");
    host.seal("value", b"2").seal("new", b"1").want("new", json!({})).wanted.remove("gone");
    host.want("mode", json!({"mode": "0440", "restart_units": ["mode.service"]}));
    host.write();
    // A key that cannot be read is no hindrance: it is only looked for.
    std::fs::write(host.path("host"), "no key").unwrap();
    let before = picture(host.dir.path());
    let wanted = "- gone\n~ mode (mode)\n+ new\n~ value (content)\n\
                  restart mode.service (mode)\nrestart value.service (value)\n";
    assert_eq!(host.run(&["plan"]).exit(5).stdout, wanted);
    assert_eq!(host.run(&["activate", "--dry-run"]).exit(5).stdout, wanted);
    assert_eq!(picture(host.dir.path()), before);
}

#[test]
fn a_plan_without_root_says_what_it_could_not_compare() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    for path in ["", "run"] {
        std::fs::set_permissions(host.path(path), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    // The program may lie where only root may go.
    let program = host.path("program");
    std::fs::copy(env!("CARGO_BIN_EXE_secretctl-host"), &program).unwrap();
    let ran = std::process::Command::new("setpriv")
        .args(["--reuid=nobody", "--clear-groups", "--"])
        .arg(&program)
        .args(["plan", "--request"])
        .arg(host.path("request.json"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "nothing to do\n");
    assert!(said.contains("cannot be read by this user"), "{said}");
}

#[test]
fn a_plan_fails_for_what_would_be_denied_and_for_a_refused_manifest() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").want("b", json!({}));
    host.write();
    let ran = host.run(&["plan"]).exit(1).says("grant::not_in_manifest");
    assert!(ran.stdout.contains("! b denied"), "{}", ran.stdout);
    std::fs::write(host.path("sealed/manifest.json"), "{}").unwrap();
    let refused = host.run(&["plan", "--format", "json"]).exit(3).says("manifest::signature").json();
    assert_eq!((&refused["result"], &refused["exit_code"]), (&json!("would-fail"), &json!(3)));
    assert_eq!(refused["failure"]["code"], "manifest::signature");
}

#[test]
fn a_build_time_check_gathers_what_does_not_fit_without_any_key() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").secret("b", b"2").secret("c", b"3").want("d", json!({}));
    host.grant("c", |entry| entry.not_after = Some("2026-01-01T00:00:00Z".parse().unwrap()));
    host.templates = vec![json!({"name": "t", "content": "<secret:e>"})];
    host.write();
    std::fs::remove_file(host.path("host")).unwrap();
    std::fs::write(host.sealed_file("a"), "changed").unwrap();
    std::fs::remove_file(host.sealed_file("b")).unwrap();
    let found = host.run(&["verify", "--format", "json"]).exit(3).json();
    let codes: Vec<&str> =
        found["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    let wanted = [
        "sealed::changed",
        "sealed::unreadable",
        "grant::ended",
        "grant::not_in_manifest",
        "grant::not_in_manifest",
    ];
    assert_eq!(codes, wanted);

    let mut host = Host::new();
    host.secret("a", b"1").want("maybe", json!({"optional": true}));
    host.write();
    host.run(&["verify"]).clean().says("everything fits");
    assert!(!host.path("run/secretctl").exists() && !host.path("state").exists());
}

#[test]
fn a_wrong_command_line_and_a_missing_request_are_told_apart() {
    private!();
    let host = Host::new();
    host.run(&["activate"]).exit(4).says("request.json");
    host.write();
    host.run(&["activate", "--nonsense"]).exit(2);
    std::fs::write(host.path("request.json"), "{\"version\":2}").unwrap();
    host.run(&["verify"]).exit(2).says("request::version");
}
