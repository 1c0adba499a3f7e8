//! How hosts join: with a key read over ssh, with one made for them, or later.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::on_disk;
use crate::common::sshd::Sshd;
use crate::common::sshd::fingerprint;
use crate::common::terminal::Terminal;
use crate::common::tool;

const KEPT: &str = "host-keys/nova/ssh_host_ed25519_key";

/// `host add NAME --ssh 127.0.0.1 --port PORT` with more.
fn over_ssh<'a>(name: &'a str, port: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["host", "add", name, "--ssh", "127.0.0.1", "--port", port], more].concat()
}

/// A folder in memory that goes with the fleet.
fn out(fleet: &TestFleet) -> PathBuf {
    fleet.memory().join("extra")
}

fn pre_generated() -> TestFleet {
    let fleet = TestFleet::sealed();
    fleet.append("policies/access.rhai", "allow(\"**\");\n");
    let folder = out(&fleet);
    let args =
        ["host", "add", "nova", "--service", "sonarr", "--pre-generate", "--out", folder.to_str().unwrap()];
    fleet.run(args).ok().says(&["kept as host-keys/nova/", "--extra-files", "secretctl seal"]);
    fleet
}

fn private(fleet: &TestFleet) -> PathBuf {
    out(fleet).join("etc/ssh/ssh_host_ed25519_key")
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_key_of_a_running_sshd_is_taken_if_its_fingerprint_is_the_given_one() {
    let fleet = TestFleet::sealed();
    let sshd = Sshd::showing(&[KEYS.nova.private(), KEYS.carol.private()]);
    let (port, right) = (sshd.port(), fingerprint(&KEYS.nova.public_file()));
    fleet.run(over_ssh("nova", &port, &["--fingerprint", &right])).ok().says(&["read from 127.0.0.1"]);
    assert!(fleet.text("secretctl.toml").contains(&KEYS.nova.public()));
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert_eq!(fleet.granted("nova"), ["shared/token"]);
}

#[test]
fn an_rsa_key_is_taken_where_there_is_no_other_or_where_it_is_the_one_that_was_compared() {
    let fleet = TestFleet::new();
    let rsa = fingerprint(&KEYS.carol.public_file());
    let only = Sshd::showing(&[KEYS.carol.private()]);
    fleet.run(over_ssh("a", &only.port(), &["--fingerprint", &rsa])).ok();
    assert!(fleet.text("secretctl.toml").contains(&KEYS.carol.public()));
    let fleet = TestFleet::new();
    let both = Sshd::showing(&[KEYS.nova.private(), KEYS.carol.private()]);
    fleet.run(over_ssh("a", &both.port(), &["--fingerprint", &rsa])).ok();
    assert!(fleet.text("secretctl.toml").contains(&KEYS.carol.public()));
    assert!(!fleet.text("secretctl.toml").contains(&KEYS.nova.public()));
}

#[test]
fn without_a_terminal_a_key_is_refused_with_the_option_that_takes_it() {
    let fleet = TestFleet::sealed();
    let keys = [(&KEYS.nova, "ssh_host_ed25519_key.pub"), (&KEYS.carol, "ssh_host_rsa_key.pub")];
    for (name, (key, file)) in ["nova", "carol"].into_iter().zip(keys) {
        let sshd = Sshd::showing(&[key.private()]);
        let port = sshd.port();
        let option = format!("--fingerprint {}", fingerprint(&key.public_file()));
        let ran = fleet.refuses(over_ssh(name, &port, &["--tag", "edge"]), 2);
        ran.says(&["error[ssh::unconfirmed]", "ssh-keygen -lf", file, "run the command again", &option]);
        let more: Vec<&str> = option.split(' ').collect();
        fleet.run(over_ssh(name, &port, &more)).ok();
        assert!(fleet.text("secretctl.toml").contains(&key.public()));
    }
}

#[test]
fn a_key_that_is_not_the_one_that_was_compared_is_refused() {
    let fleet = TestFleet::sealed();
    let between = Sshd::showing(&[KEYS.eve.private()]);
    let (wanted, shown) = (fingerprint(&KEYS.nova.public_file()), fingerprint(&KEYS.eve.public_file()));
    let port = between.port();
    fleet.refuses(over_ssh("nova", &port, &["--fingerprint", &wanted]), 3).says(&[
        "error[ssh::other_key]",
        &wanted,
        &shown,
    ]);
    fleet.refuses(over_ssh("nova", &port, &["--fingerprint", "SHA256:x"]), 2).says(&["43 letters"]);
}

#[test]
fn a_person_at_a_terminal_compares_the_fingerprint_and_decides() {
    let sshd = Sshd::showing(&[KEYS.nova.private()]);
    let script = format!("{BIN} host add nova --ssh root@127.0.0.1 --port {}", sshd.port());
    for (answer, code, joined) in [("no", 4, false), ("", 4, false), ("yes", 0, true)] {
        let fleet = TestFleet::sealed();
        let terminal = Terminal::run(&fleet, &[], &script);
        terminal
            .shows(&fingerprint(&KEYS.nova.public_file()))
            .shows("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
        terminal.shows("Is it the same? [yes/no]:").types(answer).presses(&["Enter"]);
        assert_eq!(terminal.code(), code, "{}", terminal.screen());
        assert_eq!(fleet.text("secretctl.toml").contains("[hosts.nova]"), joined);
    }
}

#[test]
fn nothing_that_answers_and_no_program_that_asks_are_told_apart() {
    let fleet = TestFleet::sealed();
    let closed = Sshd::showing(&[KEYS.nova.private()]).port();
    fleet.refuses(over_ssh("nova", &closed, &[]), 4).says(&["error[ssh::no_answer]", &closed]);
    let cmd = fleet.cmd(over_ssh("nova", &closed, &[])).env("PATH", "/nowhere");
    fleet.refuses_cmd(cmd, 4).says(&["error[ssh::no_keyscan]", "--recipient"]);
    fleet.refuses(["host", "add", "nova", "--ssh", "-oProxyCommand=x"], 2);
    fleet.refuses(["host", "add", "nova", "--ssh", "a,b"], 2).says(&["host name or an IP address"]);
}

#[test]
fn a_machine_whose_keys_no_age_recipient_can_be_is_told_to_make_one() {
    let fleet = TestFleet::sealed();
    let key = fleet.memory().join("ecdsa");
    let mut keygen = Command::new(tool("ssh-keygen"));
    keygen.args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&key).status().unwrap();
    let sshd = Sshd::showing(&[&key]);
    let ran = fleet.refuses(over_ssh("nova", &sshd.port(), &[]), 4);
    ran.says(&["error[ssh::no_usable_key]", "ssh-keygen -t ed25519"]);
}

#[test]
fn a_host_that_is_there_already_is_refused_before_anybody_is_asked() {
    let fleet = TestFleet::sealed();
    let sshd = Sshd::showing(&[KEYS.forge.private()]);
    let port = sshd.port();
    fleet.refuses(over_ssh("forge", &port, &[]), 2).says(&["error[fleet::host_exists]", "host set forge"]);
    let right = fingerprint(&KEYS.forge.public_file());
    fleet.refuses(over_ssh("twin", &port, &["--fingerprint", &right]), 2).says(&["the one of host `forge`"]);
}

#[test]
fn a_key_made_for_a_host_is_one_that_sshd_shows_and_that_opens_what_is_sealed_to_it() {
    let fleet = pre_generated();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    let key = private(&fleet);
    assert_eq!((mode(&key), mode(&key.with_extension("pub")), mode(&out(&fleet))), (0o600, 0o644, 0o755));
    // The real tools agree on the public half.
    let derived = Command::new(tool("ssh-keygen")).arg("-yf").arg(&key).output().unwrap();
    let derived = String::from_utf8(derived.stdout).unwrap();
    let recipient = derived.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    assert_eq!(public, format!("{recipient} root@nova\n"));
    assert!(fleet.text("secretctl.toml").contains(&recipient));
    // The installed machine shows the key that the fleet knows, and opens its sealed tree.
    let sshd = Sshd::showing(&[&key]);
    let (port, shown) = (sshd.port(), fingerprint(&key));
    fleet.refuses(over_ssh("other", &port, &["--fingerprint", &shown]), 2).says(&["the one of host `nova`"]);
    let opened = Command::new(tool("age"))
        .args(["--decrypt", "--identity"])
        .arg(&key)
        .arg(fleet.path("sealed/nova/host-key.age"))
        .output()
        .unwrap();
    assert!(opened.stdout.starts_with(b"AGE-SECRET-KEY-1"), "{}", String::from_utf8_lossy(&opened.stderr));
}

#[test]
fn a_kept_host_key_goes_to_no_host_whatever_the_policy_allows() {
    let fleet = pre_generated();
    fleet.append("policies/access.rhai", "allow(\"host-keys/**\");\n");
    fleet.run(["seal"]).ok();
    for host in ["forge", "luna", "nova"] {
        assert!(!fleet.granted(host).iter().any(|name| name.starts_with("host-keys/")), "{host}");
        assert!(!fleet.exists(&format!("sealed/{host}/denied.json")), "{host}");
        let ran = fleet.run(["policy", "explain", KEPT, host]).with_code(1);
        ran.prints(&["for admins alone: no rule can allow it"]);
    }
    fleet.run(["policy", "who-can", KEPT]).with_code(1);
    let lint = fleet.run(["policy", "lint"]).with_code(1).stderr();
    assert!(lint.contains("lint::host_keys") && !lint.contains(KEPT), "{lint}");
    // Nothing but admins and recovery can open the source.
    let source = fleet.path(&format!("secrets/{KEPT}.age"));
    let opens = |key: &Path| {
        let mut age = Command::new(tool("age"));
        age.args(["--decrypt", "--identity"]).arg(key).arg(&source).output().unwrap().stdout
    };
    let key = std::fs::read(private(&fleet)).unwrap();
    assert_eq!((opens(KEYS.alice.private()), opens(KEYS.recovery.private())), (key.clone(), key));
    for stranger in [KEYS.forge.private(), KEYS.luna.private(), &private(&fleet)] {
        assert!(opens(stranger).is_empty());
    }
}

#[test]
fn a_private_host_key_lies_in_no_file_but_the_one_that_was_asked_for() {
    let fleet = pre_generated();
    fleet.run(["seal"]).ok();
    let key = std::fs::read_to_string(private(&fleet)).unwrap();
    assert_eq!(fleet.leaks(&["OPENSSH PRIVATE KEY", key.lines().nth(2).unwrap()]), [""; 0]);
    assert_eq!(fleet.plaintext_folders(), [out(&fleet)]);
}

#[test]
fn a_private_host_key_is_written_to_a_disk_only_where_that_is_said() {
    let fleet = TestFleet::sealed();
    let disk = on_disk();
    let folder = disk.path().join("extra");
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap()];
    fleet.refuses(args, 2).says(&["error[handout::disk]", "--danger-plain-disk", "/dev/shm"]);
    assert!(!folder.exists());
    fleet.run(args.iter().chain(&["--danger-plain-disk"])).ok();
    assert_eq!(mode(&folder.join("etc/ssh/ssh_host_ed25519_key")), 0o600);
}

#[test]
fn a_host_key_is_never_written_over_another_and_nothing_else_happens_then() {
    let fleet = TestFleet::sealed();
    let key = private(&fleet);
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "somebody's").unwrap();
    let folder = out(&fleet);
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap()];
    fleet.refuses(args, 2).says(&["error[handout::exists]"]);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "somebody's");
    let args = ["host", "add", "forge", "--pre-generate", "--out", "/dev/shm/never"];
    fleet.refuses(args, 2).says(&["error[fleet::host_exists]"]);
    let cmd = fleet.cmd(["host", "add", "nova", "--pre-generate", "--out", "/dev/shm/never"]).without_keys();
    fleet.refuses_cmd(cmd, 4);
    assert!(!Path::new("/dev/shm/never").exists());
}

#[test]
fn a_kept_key_is_handed_out_again_byte_for_byte() {
    let fleet = pre_generated();
    let again = fleet.memory().join("again");
    let args = ["host", "key", "nova", "--out", again.to_str().unwrap()];
    fleet.run(args).ok();
    for file in ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"] {
        let read = |folder: &Path| std::fs::read(folder.join("etc/ssh").join(file)).unwrap();
        assert_eq!(read(&again), read(&out(&fleet)), "{file}");
    }
    assert_eq!(mode(&again.join("etc/ssh/ssh_host_ed25519_key")), 0o600);
    fleet.refuses(args, 2).says(&["error[handout::exists]"]);
    fleet.refuses(["host", "key", "forge", "--out", "/dev/shm/never"], 2).says(&["error[host::no_key]"]);
    fleet.refuses(["host", "key", "nowa", "--out", "/dev/shm/never"], 2).says(&["did you mean `nova`?"]);
    let cmd = fleet.cmd(["host", "key", "nova", "--out", "/dev/shm/never"]).identity(KEYS.eve.private());
    fleet.refuses_cmd(cmd, 4);
    assert!(!Path::new("/dev/shm/never").exists());
}

#[test]
fn a_kept_key_that_the_host_has_no_more_is_not_handed_out() {
    let fleet = pre_generated();
    fleet.run(["host", "set", "nova", "--recipient", &KEYS.nova.public()]).ok();
    let ran = fleet.refuses(["host", "key", "nova", "--out", "/dev/shm/never"], 2);
    ran.says(&["error[host::other_key]", "secretctl host set nova --recipient"]);
    let said = fleet.set(KEPT, "no key at all").ok().says(&["for admins alone"]).stderr();
    assert!(!said.contains("policy explain"), "{said}");
    fleet.refuses(["host", "key", "nova", "--out", "/dev/shm/never"], 3).says(&["error[host::key_unusable]"]);
}

#[test]
fn what_cannot_be_added_leaves_no_key_behind() {
    let fleet = TestFleet::sealed();
    let before = fleet.whole_tree();
    let folder = out(&fleet);
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap()];
    fleet.refuses(args.iter().chain(&["--system", "x86"]), 2).says(&["MACHINE-OS"]);
    let taken = KEYS.forge.public();
    fleet.refuses(args.iter().chain(&["--recipient", taken.as_str()]), 2).says(&["the one of host `forge`"]);
    assert_eq!(fleet.whole_tree().changed_since(&before), [""; 0]);
    assert!(!folder.exists());
}

#[test]
fn a_key_that_was_kept_but_not_written_is_handed_out_as_the_message_says() {
    let fleet = TestFleet::sealed();
    let folder = out(&fleet);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("etc"), "no folder").unwrap();
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap()];
    let cmd = fleet.cmd(args);
    cmd.run().with_code(4).says(&["error[host::key_not_written]", "secretctl host key nova --out"]);
    std::fs::remove_file(folder.join("etc")).unwrap();
    fleet.run(["host", "key", "nova", "--out", folder.to_str().unwrap()]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn the_folders_of_a_key_can_be_copied_to_a_machine_whatever_the_umask() {
    let fleet = TestFleet::sealed();
    let mut shell = Command::new("sh");
    let script = format!("umask 077 && {BIN} host add nova --pre-generate --out \"$0\"");
    shell.args(["-c", &script]).arg(out(&fleet));
    fleet.prepare(shell).run().ok();
    assert_eq!(["", "etc", "etc/ssh"].map(|name| mode(&out(&fleet).join(name))), [0o755; 3]);
    assert_eq!(mode(&private(&fleet)), 0o600);
}

#[test]
fn a_key_that_an_interrupted_command_kept_is_not_made_a_second_time() {
    let fleet = TestFleet::sealed();
    let before = fleet.text("secretctl.toml");
    let folder = out(&fleet);
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap()];
    fleet.run(args).ok();
    // As if the command had been killed before it wrote the fleet file.
    fleet.write("secretctl.toml", before);
    std::fs::remove_dir_all(&folder).unwrap();
    let ran = fleet.refuses(args, 2).says(&["error[host::key_exists]"]);
    let said = ran.stderr();
    let pipe = said.split('`').find(|words| words.contains("ssh-keygen -yf")).unwrap().to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-c", &pipe.replace("secretctl", BIN)]);
    let public = fleet.prepare(shell).run().ok().stdout();
    fleet.run(["host", "add", "nova", "--recipient", &public]).ok();
    fleet.run(["host", "key", "nova", "--out", folder.to_str().unwrap()]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_keyless_host_becomes_a_member_once_its_key_is_known() {
    let fleet = TestFleet::sealed();
    fleet.run(["host", "add", "nova", "--service", "sonarr"]).ok().says(&["pending", "host set nova"]);
    fleet.run(["seal"]).ok().says(&["skipped host `nova`: it is pending", "secretctl host set nova"]);
    assert!(!fleet.exists("sealed/nova"));
    fleet.run(["seal", "--check", "--format", "json"]).ok().prints(&["\"pending\": [", "\"nova\""]);
    let seal = fleet.run(["seal", "--host", "luna"]).ok().stderr();
    assert!(!seal.contains("nova"), "{seal}");
    let sshd = Sshd::showing(&[KEYS.nova.private()]);
    let (port, right) = (sshd.port(), fingerprint(&KEYS.nova.public_file()));
    let args = ["host", "set", "nova", "--ssh", "127.0.0.1", "--port", &port];
    fleet.refuses(args, 2).says(&["--fingerprint", &right]);
    let ran = fleet.run(args.iter().copied().chain(["--fingerprint", right.as_str()])).ok();
    assert_eq!(ran.stdout(), format!("recipients: +{}\nstate: pending -> active\n", KEYS.nova.public()));
    ran.says(&["run `secretctl seal`"]);
    let seal = fleet.run(["seal"]).ok().stderr();
    assert!(!seal.contains("pending"), "{seal}");
    assert_eq!(fleet.granted("nova"), ["shared/token"]);
    fleet.assert_clean();
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let fleet = TestFleet::sealed();
    let before = fleet.whole_tree();
    let sshd = Sshd::showing(&[KEYS.nova.private()]);
    let (port, right) = (sshd.port(), fingerprint(&KEYS.nova.public_file()));
    fleet
        .run(over_ssh("nova", &port, &["--fingerprint", &right, "--dry-run"]))
        .ok()
        .says(&["would add host nova"]);
    let folder = out(&fleet);
    let args = ["host", "add", "nova", "--pre-generate", "--out", folder.to_str().unwrap(), "--dry-run"];
    fleet.run(args).ok().says(&["would add host nova with a key made for it"]);
    fleet
        .run(["host", "set", "luna", "--state", "revoked", "--dry-run"])
        .ok()
        .prints(&["state: active -> revoked"])
        .says(&["nothing was changed"]);
    assert_eq!(fleet.whole_tree().changed_since(&before), [""; 0]);
    assert!(!folder.exists());
}
