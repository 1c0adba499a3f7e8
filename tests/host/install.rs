//! What is installed, what is left alone, and which units hear of it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use crate::fixture::user;

#[test]
fn values_arrive_in_memory_with_owner_group_and_mode() {
    private!();
    let mut host = Host::new();
    host.secret("plain", b"one\n").seal("sonarr/api-key", b"two");
    host.want("sonarr/api-key", json!({"owner": "nobody", "group": "daemon", "mode": "0440"}));
    host.seal("number", b"").want("number", json!({"owner": "1234", "group": "5678", "mode": "0600"}));
    let ran = host.activate(&[]).clean();

    assert_eq!((host.value("plain"), host.value("sonarr/api-key")), ("one\n".into(), "two".into()));
    assert_eq!(host.attributes("plain"), (0, 0, 0o400));
    assert_eq!(host.attributes("sonarr/api-key"), (user("nobody").0, user("daemon").1, 0o440));
    assert_eq!(host.attributes("number"), (1234, 5678, 0o600));
    assert_eq!(host.attributes("sonarr"), (0, 0, 0o751));
    assert_eq!(host.attributes(""), (0, 0, 0o751));
    assert!(
        ran.stderr.contains("added") && ran.stderr.contains("generation 1, serial 4: 3 added"),
        "{}",
        ran.stderr
    );

    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = mounts.lines().find(|line| line.contains("/run/secretctl.d ")).unwrap();
    assert!(mount.contains("nosuid,nodev,noexec"), "{mount}");
    assert!(
        mount.contains(" - ramfs ") || (mount.contains(" - tmpfs ") && mount.contains("noswap")),
        "{mount}"
    );

    let status = host.status();
    assert_eq!(status["identity"], json!(host.path("host")));
    assert_eq!((&status["version"], &status["exit_code"]), (&json!(1), &json!(0)));
}

#[test]
fn mounting_ahead_makes_what_an_activation_without_that_right_needs() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").write();
    let folders = ["run/secretctl.d", "run/secretctl", "state"];
    assert!(folders.iter().all(|folder| !host.path(folder).exists()));
    // No key is needed yet, and no sealed tree.
    std::fs::rename(host.path("host"), host.path("away")).unwrap();
    std::fs::rename(host.path("sealed"), host.path("sealed-away")).unwrap();
    host.run(&["mount"]).clean().says("the secrets will lie on");
    let modes = folders.map(|folder| host.path(folder).metadata().unwrap().permissions().mode() & 0o7777);
    assert_eq!(modes, [0o751, 0o755, 0o700]);
    std::fs::rename(host.path("away"), host.path("host")).unwrap();
    std::fs::rename(host.path("sealed-away"), host.path("sealed")).unwrap();

    let mut command = Command::new("setpriv");
    let activate = host.command(&["activate"]);
    command.args(["--bounding-set=-sys_admin", "--"]).arg(activate.get_program()).args(activate.get_args());
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(host.value("a"), "1");

    // Again it changes nothing, and mounts nothing over what is there.
    host.run(&["mount"]).clean();
    assert_eq!(host.value("a"), "1");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert_eq!(mounts.lines().filter(|line| line.contains("/run/secretctl.d ")).count(), 1);
}

#[test]
fn nothing_but_names_and_ciphertext_reaches_a_disk() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"hunter2-plaintext");
    host.templates = vec![json!({"name": "t", "content": "X=<secret:a>", "format": "dotenv"})];
    host.fields.insert("metrics", json!(host.path("metrics.prom")));
    host.activate(&[]).clean();
    assert_eq!(host.value("rendered/t"), "X=hunter2-plaintext");
    rustix::mount::unmount(host.path("run/secretctl.d"), rustix::mount::UnmountFlags::DETACH).unwrap();
    let found = Command::new("grep").args(["-ral", "hunter2"]).arg(host.dir.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    let metrics = std::fs::read_to_string(host.path("metrics.prom")).unwrap();
    assert!(metrics.contains("secretctl_files{outcome=\"added\"} 2\n"), "{metrics}");
}

#[test]
fn an_unchanged_run_keeps_every_inode_and_needs_no_identity() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").secret("b/c", b"2");
    host.templates = vec![json!({"name": "t", "content": "<secret:a>"})];
    host.activate(&[]).clean();
    let before = [host.inode("a"), host.inode("b/c"), host.inode("rendered/t")];
    std::fs::remove_file(host.path("host")).unwrap();
    host.serial += 1;
    host.activate(&[]).clean().says("3 unchanged");
    assert_eq!(before, [host.inode("a"), host.inode("b/c"), host.inode("rendered/t")]);
    assert_eq!(host.status()["identity"], json!(null));
    assert_eq!(host.status()["serial"], json!(host.serial));
}

#[test]
fn a_changed_value_restarts_its_own_units_once_and_after_the_switch() {
    private!();
    let mut host = Host::new();
    host.fake_systemctl("");
    for (name, restart, reload) in [
        ("a", "a.service", "web.service"),
        ("b", "b.service", "web.service"),
        ("c", "web.service", "c.service"),
    ] {
        host.seal(name, b"old").want(name, json!({"restart_units": [restart], "reload_units": [reload]}));
    }
    host.activate(&["--systemctl"]).clean();
    assert_eq!(host.log(), "", "nothing restarts on the first activation");
    let (b, c) = (host.inode("b"), host.inode("c"));

    host.seal("a", b"new").activate(&["--systemctl"]).clean().says("changed   a revision 2 (content)");
    assert_eq!(host.value("a"), "new");
    assert_eq!(
        host.log(),
        "--no-block try-restart -- a.service core=0\n--no-block try-reload-or-restart -- web.service core=0\n"
    );
    assert_eq!((b, c), (host.inode("b"), host.inode("c")));

    host.seal("a", b"3").seal("b", b"3").seal("c", b"3").activate(&[]).clean();
    let (restart, reload) = host.units();
    assert_eq!(restart, ["a.service", "b.service", "web.service"]);
    assert_eq!(reload, ["c.service"]);
}

#[test]
fn a_value_that_was_only_sealed_again_keeps_its_inode_and_restarts_nothing() {
    private!();
    let mut host = Host::new();
    host.seal("a", b"same").want("a", json!({"restart_units": ["a.service"]}));
    host.activate(&[]).clean();
    let before = host.inode("a");
    host.seal("a", b"same").activate(&[]).clean().says("1 unchanged");
    assert_eq!(host.inode("a"), before);
    assert_eq!(host.units(), (vec![], vec![]));
    std::fs::remove_file(host.path("host")).unwrap();
    host.activate(&[]).clean();
}

#[test]
fn changes_of_owner_mode_or_path_alone_are_applied_and_restart_the_unit() {
    private!();
    let mut host = Host::new();
    let link = host.path("etc/key");
    host.seal("a", b"v").seal("b", b"v").want("b", json!({"restart_units": ["b.service"]}));
    let mut last = json!({"restart_units": ["a.service"]});
    host.want("a", last.clone()).activate(&[]).clean();
    for (field, value, change) in [
        ("owner", json!("nobody"), "owner"),
        ("group", json!("daemon"), "group"),
        ("mode", json!("0440"), "mode"),
        ("path", json!(link), "path"),
    ] {
        last[field] = value;
        host.want("a", last.clone()).activate(&[]).clean().says(&format!("({change})"));
        assert_eq!(host.units().0, ["a.service"], "{field}");
    }
    assert_eq!(host.attributes("a"), (user("nobody").0, user("daemon").1, 0o440));
    assert_eq!(std::fs::read_to_string(link).unwrap(), "v");
}

#[test]
fn a_file_that_was_changed_by_hand_is_put_right() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"right").activate(&[]).clean();
    std::fs::write(host.file("a"), b"wrong").unwrap();
    host.activate(&[]).clean().says("changed   a");
    assert_eq!(host.value("a"), "right");
    std::fs::remove_file(host.file("a")).unwrap();
    host.activate(&[]).clean();
    assert_eq!(host.value("a"), "right");
}

#[test]
fn the_users_phase_installs_its_own_entries_and_leaves_the_others_alone() {
    private!();
    let mut host = Host::new();
    host.secret("main", b"m")
        .seal("hash", b"h")
        .want("hash", json!({"phase": "users", "restart_units": ["x.service"]}));
    host.activate(&["--phase", "users"]).clean();
    assert_eq!(host.value("hash"), "h");
    assert!(!host.file("main").exists());
    let hash = host.inode("hash");
    host.activate(&[]).clean().says("1 added, 1 unchanged");
    assert_eq!((host.inode("hash"), host.value("main")), (hash, "m".to_owned()));
    assert_eq!(host.units(), (vec![], vec![]), "boot restarts nothing");

    let main = host.inode("main");
    host.seal("main", b"m2").seal("hash", b"h2").activate(&["--phase", "users"]).clean();
    assert_eq!((host.value("hash"), host.inode("main")), ("h2".to_owned(), main));
    assert_eq!(host.units().0, ["x.service"]);
    host.activate(&[]).clean();
    assert_eq!(host.value("main"), "m2");
}

#[test]
fn what_is_not_asked_for_any_more_is_gone_with_the_next_generation() {
    private!();
    let mut host = Host::new();
    let link = host.path("etc/deep/key");
    host.secret("a", b"1").seal("b", b"2").want("b", json!({"path": link}));
    host.activate(&[]).clean();
    assert_eq!(host.generations(), ["1".to_owned(), "1.json".to_owned()].into());
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "2");

    host.wanted.remove("b");
    host.activate(&[]).clean().says("removed   b");
    assert!(!host.file("b").exists() && !link.is_symlink() && host.file("a").exists());
    assert_eq!(host.generations(), ["2".to_owned(), "2.json".to_owned()].into());

    host.wanted.clear();
    host.activate(&[]).clean();
    assert!(!host.path("run/secrets").is_symlink());
    assert!(host.generations().is_empty(), "{:?}", host.generations());
}

#[test]
fn as_many_generations_are_kept_as_asked_for() {
    private!();
    let mut host = Host::new();
    host.fields.insert("keep_generations", json!(2));
    for value in ["1", "2", "3", "4"] {
        host.secret("a", value.as_bytes()).activate(&[]).clean();
    }
    assert_eq!(host.generations(), ["3", "3.json", "4", "4.json"].map(String::from).into());
}

#[test]
fn a_failing_systemctl_is_reported_after_the_switch_and_tried_again() {
    private!();
    let mut host = Host::new();
    host.seal("a", b"1").want("a", json!({"restart_units": ["a.service"]}));
    host.activate(&["--systemctl"]).clean();
    host.fake_systemctl("echo no bus >&2; exit 1");
    host.seal("a", b"2").activate(&["--systemctl"]).exit(4).says("units::failed").says("no bus");
    assert_eq!(host.value("a"), "2");
    host.fake_systemctl("");
    host.activate(&["--systemctl"]).clean();
    assert_eq!(host.log().lines().count(), 1, "{}", host.log());
    host.activate(&["--systemctl"]).clean();
    assert_eq!(host.log().lines().count(), 1, "{}", host.log());
}

#[test]
fn units_that_do_not_exist_or_refuse_keep_no_other_from_being_told_and_are_not_told_for_ever() {
    private!();
    let mut host = Host::new();
    let units = ["a.service", "gone.service", "refuses.service", "z.service"];
    host.seal("a", b"1").want("a", json!({"restart_units": units})).activate(&[]).clean();
    // As systemd 262 does, it queues all jobs or none.
    host.fake_systemctl(
        "case $* in *show*) printf 'loaded\\n\\nnot-found\\n\\nloaded\\n\\nloaded\\n';; *refuses*) echo refused >&2; exit 4;; esac",
    );
    host.seal("a", b"2")
        .activate(&["--systemctl"])
        .exit(4)
        .says("units::unknown")
        .says("`gone.service`")
        .says("refused");
    let jobs: Vec<String> = host.log().lines().map(|line| line.replace(" core=0", "")).collect();
    assert_eq!(
        jobs,
        [
            "--no-block try-restart -- a.service refuses.service z.service",
            "--no-block try-restart -- a.service",
            "--no-block try-restart -- refuses.service",
            "--no-block try-restart -- z.service",
        ]
    );
    host.fake_systemctl("case $* in *show*) echo loaded;; esac");
    host.activate(&["--systemctl"]).clean();
    host.activate(&["--systemctl"]).clean();
    assert_eq!(host.log().lines().last(), Some("--no-block try-restart -- refuses.service core=0"));
    assert_eq!(host.log().lines().count(), 5);
}

#[test]
fn one_secret_can_be_delivered_more_than_once() {
    private!();
    let mut host = Host::new();
    host.seal("a", b"v").want("a", json!({"as": "x"})).want("a", json!({"as": "y/z", "owner": "nobody"}));
    host.activate(&[]).clean();
    assert_eq!((host.value("x"), host.value("y/z")), ("v".into(), "v".into()));
    assert_ne!(host.inode("x"), host.inode("y/z"));
}

#[test]
fn a_request_that_asks_for_nothing_removes_everything_and_needs_no_sealed_tree() {
    private!();
    let mut host = Host::new();
    let path = host.path("etc/key");
    host.seal("a", b"1").want("a", json!({"path": path})).secret("b", b"2").activate(&[]).clean();
    host.wanted.clear();
    host.fields.insert("sealed", json!(null));
    host.fields.insert("trusted_keys", json!([]));
    host.write_request();
    let planned = host.run(&["plan", "--format", "json"]).json();
    assert_eq!(planned["files"][0]["outcome"], json!("removed"));
    std::fs::remove_dir_all(host.path("sealed")).unwrap();
    host.run(&["verify"]).clean().says("0 files asked for");
    host.run(&["activate"]).clean().says("2 removed");
    assert!(!host.path("run/secrets").exists() && path.symlink_metadata().is_err());
    assert!(host.generations().is_empty(), "{:?}", host.generations());
    host.run(&["activate"]).clean().says("nothing to install");
    host.fields.clear();
    host.want("b", json!({})).activate(&[]).clean();
    assert_eq!(host.value("b"), "2");
}

#[test]
fn files_without_a_sealed_tree_are_a_mistake_of_the_request() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    host.fields.insert("sealed", json!(null));
    host.activate(&[]).exit(2).says("no sealed tree to take the files from");
    assert_eq!(host.value("a"), "1");
}

#[test]
fn a_value_that_is_installed_once_stays_and_restarts_nothing() {
    private!();
    let mut host = Host::new();
    host.fake_systemctl("true");
    let fields = json!({"install_once": true, "restart_units": ["a.service"]});
    host.seal("a", b"first").want("a", fields).secret("b", b"1");
    host.activate(&["--systemctl"]).clean();
    host.seal("a", b"second").seal("b", b"2").activate(&["--systemctl"]).clean();
    assert_eq!((host.value("a"), host.value("b")), ("first".into(), "2".into()));
    assert_eq!((host.outcomes()["a"].as_str(), host.log().as_str()), ("unchanged", ""));
    assert_eq!(host.run(&["plan", "--format", "json"]).json()["changed"], json!(false));
}
