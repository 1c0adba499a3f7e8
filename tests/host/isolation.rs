//! One bad entry never takes the others with it.

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use secretctl::manifest::GrantedServices;
use secretctl::name::ServiceName;

fn thirty(host: &mut Host, value: &str) {
    for number in 0..30 {
        host.secret(&format!("s{number}"), format!("{value}{number}").as_bytes());
    }
}

#[test]
fn one_broken_sealed_file_of_thirty_keeps_its_last_good_value() {
    private!();
    let mut host = Host::new();
    thirty(&mut host, "old");
    host.activate(&[]).clean();
    for (round, break_file) in [
        (|path: &std::path::Path| {
            let mut bytes = std::fs::read(path).unwrap();
            let at = bytes.len() - 3;
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }) as fn(&std::path::Path),
        |path| std::fs::write(path, &std::fs::read(path).unwrap()[..100]).unwrap(),
        |path| std::fs::remove_file(path).unwrap(),
    ]
    .into_iter()
    .enumerate()
    {
        thirty(&mut host, &format!("new{round}-"));
        host.write();
        break_file(&host.sealed_file("s7"));
        // A file that is not there may only be missing in Git.
        let help = if host.sealed_file("s7").exists() { "help: restore" } else { "git add" };
        let ran = host.run(&["activate"]).exit(3).says("`s7`: the sealed file of `s7`").says(help);
        assert!(ran.stderr.contains("29 changed, 1 kept"), "{}", ran.stderr);
        assert_eq!(host.value("s7"), "old7");
        assert_eq!(host.value("s29"), format!("new{round}-29"));
        assert_eq!(host.outcomes()["s7"], "kept");
        assert_eq!(host.status()["class"], json!("integrity"));
    }
    host.activate(&[]).clean();
    assert_eq!(host.value("s7"), "new2-7");
}

#[test]
fn a_value_that_does_not_fit_into_memory_takes_no_room_from_the_others() {
    private!();
    let mut host = Host::new();
    let mount = host.path("run/secretctl.d");
    std::fs::create_dir_all(&mount).unwrap();
    let options = c"noswap,size=1m,mode=0751";
    rustix::mount::mount("tiny", &mount, "tmpfs", rustix::mount::MountFlags::empty(), Some(options)).unwrap();
    thirty(&mut host, "old");
    host.activate(&[]).clean();
    for round in 0..10 {
        thirty(&mut host, &format!("new{round}-"));
        host.secret("s0", &vec![b'x'; 2 << 20]);
        host.activate(&[]).exit(4).says("`s0`: cannot write");
        assert_eq!(host.value("s0"), "old0");
        for number in 1..30 {
            assert_eq!(host.value(&format!("s{number}")), format!("new{round}-{number}"));
        }
    }
}

#[test]
fn a_file_that_was_never_good_is_absent() {
    private!();
    let mut host = Host::new();
    host.secret("good", b"1").secret("bad", b"2");
    host.write();
    std::fs::write(host.sealed_file("bad"), b"age-encryption.org/v1\nnonsense").unwrap();
    host.run(&["activate"]).exit(3);
    assert!(!host.file("bad").exists());
    assert_eq!((host.value("good").as_str(), host.outcomes()["bad"].as_str()), ("1", "failed"));
}

#[test]
fn a_signed_file_for_another_recipient_fails_alone() {
    private!();
    let (mut host, mut other) = (Host::new(), Host::new());
    host.secret("good", b"1").secret("bad", b"2");
    other.secret("bad", b"2");
    other.write();
    let foreign = std::fs::read(other.sealed_file("bad")).unwrap();
    host.grant("bad", |entry| entry.sha256 = secretctl::crypto::Digest::of(&foreign));
    host.write();
    std::fs::write(host.sealed_file("bad"), foreign).unwrap();
    host.run(&["activate"]).exit(3).says("sealed::undecryptable");
    assert_eq!(host.value("good"), "1");
}

#[test]
fn asking_for_more_than_was_granted_is_denied_by_name() {
    private!();
    let mut host = Host::new();
    let only = |name: &str| GrantedServices::Only([name.parse::<ServiceName>().unwrap()].into());
    host.secret("good", b"1").seal("sonarr/key", b"2").want("sonarr/key", json!({"service": "radarr"}));
    host.grant("sonarr/key", |entry| entry.services = only("sonarr")).want("other/key", json!({}));
    host.activate(&[])
        .exit(1)
        .says("`sonarr/key` is granted to `sonarr` on host `forge`, not to service `radarr`")
        .says("`other/key` is not granted to host `forge`")
        .says("sealed at 2026-11-20T10:00:00Z under policy")
        .says("secretctl policy explain other/key forge system");
    assert_eq!(host.value("good"), "1");
    assert_eq!(
        (host.outcomes()["sonarr/key"].as_str(), host.outcomes()["other/key"].as_str()),
        ("denied", "denied")
    );
    assert!(!host.file("sonarr/key").exists());
    host.want("sonarr/key", json!({"service": "sonarr"})).wanted.remove("other/key");
    host.activate(&[]).clean();
}

#[test]
fn a_grant_that_ended_or_was_revoked_keeps_the_last_good_value_and_fails() {
    private!();
    let mut host = Host::new();
    host.secret("ends", b"1").secret("goes", b"2").activate(&[]).clean();
    host.grant("ends", |entry| entry.not_after = Some("2026-01-01T00:00:00Z".parse().unwrap()))
        .revoke("goes");
    host.activate(&[]).exit(1).says("ended at 2026-01-01T00:00:00Z").says("`goes` is not granted");
    assert_eq!((host.value("ends"), host.value("goes")), ("1".into(), "2".into()));
    host.seal("ends", b"3")
        .grant("ends", |entry| entry.not_after = Some("2999-01-01T00:00:00Z".parse().unwrap()));
    host.wanted.remove("goes");
    host.activate(&[]).clean();
    assert_eq!(host.value("ends"), "3");
}

#[test]
fn a_clock_that_lags_behind_the_sealing_brings_no_ended_grant_back() {
    private!();
    let mut host = Host::new();
    host.sealed_at = "2999-01-01T00:00:00Z";
    host.secret("ended", b"1").secret("lasts", b"2");
    host.grant("ended", |entry| entry.not_after = Some("2998-01-01T00:00:00Z".parse().unwrap()));
    host.activate(&[]).exit(1).says("ended at 2998-01-01T00:00:00Z");
    assert!(!host.file("ended").exists());
    assert_eq!(host.value("lasts"), "2");
}

#[test]
fn another_secret_is_no_last_good_value_under_the_same_name() {
    private!();
    let mut host = Host::new();
    host.seal("a", b"1").want("a", json!({"as": "password"})).activate(&[]).clean();
    host.want("b", json!({"as": "password"})).activate(&[]).exit(1).says("`b` is not granted");
    assert!(!host.file("password").exists());
    assert_eq!(host.outcomes()["password"], "denied");
    host.activate(&[]).exit(1);
    host.seal("b", b"2").activate(&[]).clean();
    assert_eq!(host.value("password"), "2");
}

#[test]
fn a_state_that_cannot_be_written_is_reported_beside_the_values_and_costs_none() {
    private!();
    let mut host = Host::new();
    let path = host.path("etc/key");
    host.seal("a", b"1").want("a", json!({"path": path})).secret("b", b"2");
    std::fs::create_dir_all(host.path("state/.state.json.secretctl-tmp")).unwrap();
    host.activate(&[]).exit(4).says("state.json");
    assert_eq!((host.value("a"), host.value("b")), ("1".into(), "2".into()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
    std::fs::remove_dir(host.path("state/.state.json.secretctl-tmp")).unwrap();
    host.activate(&[]).clean();
    assert!(host.path("state/state.json").exists());
}

#[test]
fn an_optional_secret_that_is_not_granted_is_passed_over() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").want("maybe", json!({"optional": true}));
    host.activate(&[]).clean();
    assert_eq!(host.outcomes()["maybe"], "skipped");
    host.seal("maybe", b"2").activate(&[]).clean();
    assert_eq!(host.value("maybe"), "2");
    host.revoke("maybe").activate(&[]).clean();
    assert!(!host.file("maybe").exists());
}

#[test]
fn an_unknown_user_or_group_fails_alone() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").seal("b", b"2").want("b", json!({"owner": "no-such-user"}));
    host.seal("c", b"2").want("c", json!({"group": "no-such-group"}));
    host.activate(&[])
        .exit(4)
        .says("no user `no-such-user`")
        .says("no group `no-such-group`")
        .says("help: declare");
    assert_eq!(host.value("a"), "1");
    assert!(!host.file("b").exists());
}

#[test]
fn mistakes_of_a_request_are_told_together_and_change_nothing() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    host.want("a", json!({"mode": "4755"})).want("a", json!({"as": "../x"}));
    host.activate(&[]).exit(2).says("set-uid").says("`../x` is not a secret name");
    assert_eq!(host.value("a"), "1");
}
