//! Values as other tools make them, held against what the policy asks.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::TestFleet;
use crate::common::attack;
use crate::common::tool;

/// A fleet whose secret `x` must pass one requirement.
fn asking(requirement: &str) -> TestFleet {
    TestFleet::new().policy(&format!("allow(\"y\");\nvalidate(\"x\", {requirement});\n"))
}

fn set(fleet: &TestFleet, file: &Path) -> i32 {
    fleet.run(["set", "x", "--from-file", file.to_str().unwrap()]).code()
}

fn passes(requirement: &str, file: &Path) {
    let fleet = asking(requirement);
    fleet.run(["set", "x", "--from-file", file.to_str().unwrap()]).ok();
    fleet.run(["check", "--values"]).ok();
}

fn fails(requirement: &str, file: &Path, reason: &str) {
    let fleet = asking(requirement);
    let ran = fleet.run(["set", "x", "--from-file", file.to_str().unwrap()]).with_code(1);
    ran.says(&["error[value::unfit]", reason]);
}

fn run(program: &str, args: &[&str], folder: &Path) -> Vec<u8> {
    let ran = Command::new(tool(program)).args(args).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// A folder in memory, and the file in it that a program made or printed.
fn made(program: &str, args: &[&str], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::TempDir::with_prefix_in("values-", "/dev/shm").unwrap();
    let printed = run(program, args, folder.path());
    let file = folder.path().join(name);
    if !file.exists() {
        std::fs::write(&file, printed).unwrap();
    }
    (folder, file)
}

#[test]
fn private_keys_of_ssh_keygen_pass_unless_they_have_a_passphrase() {
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let (_folder, key) = made("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", "key"], "key");
        passes("ssh_private_key()", &key);
        fails("ssh_private_key()", &key.with_extension("pub"), "private key");
        // What we refuse for its last line, `ssh-keygen` refuses too.
        let text = std::fs::read_to_string(&key).unwrap();
        let cut = key.with_file_name("cut");
        std::fs::write(&cut, text.trim_end()).unwrap();
        fails("ssh_private_key()", &cut, "newline at its end");
    }
    let (_folder, key) = made("ssh-keygen", &["-q", "-t", "ed25519", "-N", "secret", "-f", "key"], "key");
    fails("ssh_private_key()", &key, "passphrase");
    let (_folder, key) = made("ssh-keygen", &["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", "key"], "key");
    passes("ssh_private_key()", &key);
}

#[test]
fn the_end_of_an_ssh_certificate_is_recorded() {
    let (folder, _) = made("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key"], "key");
    let sign = |more: &[&str]| {
        let args = [&["-q", "-s", "key", "-I", "x", "-n", "alice"][..], more, &["key.pub"]].concat();
        run("ssh-keygen", &args, folder.path());
        let fleet = TestFleet::new();
        let file = folder.path().join("key-cert.pub");
        fleet.run(["set", "x", "--from-file", file.to_str().unwrap()]).ok();
        fleet.text("secrets/x.ledger")
    };
    assert!(
        sign(&["-V", "20260101000000Z:20270131120000Z"]).contains("\"expires\":\"2027-01-31T12:00:00Z\"")
    );
    assert!(!sign(&["-V", "always:forever"]).contains("expires"));
}

#[test]
fn keys_of_wg_and_age_pass() {
    let (_folder, key) = made("wg", &["genkey"], "key");
    passes("wireguard_private_key()", &key);
    passes("base64(32)", &key);
    let (_folder, key) = made("age-keygen", &["-o", "key"], "key");
    passes("age_identity()", &key);
    fails("wireguard_private_key()", &key, "wg genkey");
}

#[test]
fn hashes_of_mkpasswd_pass_if_nixos_accepts_them() {
    for method in ["yescrypt", "gost-yescrypt", "scrypt", "bcrypt", "bcrypt-a", "sha512crypt"] {
        let (_folder, hash) = made("mkpasswd", &["-m", method, "correct horse"], "hash");
        passes("password_hash()", &hash);
    }
    for method in ["sha256crypt", "md5crypt", "descrypt"] {
        let (_folder, hash) = made("mkpasswd", &["-m", method, "correct horse"], "hash");
        fails("password_hash()", &hash, "password_hash()");
    }
}

#[test]
fn certificates_of_openssl_pass_while_they_are_valid() {
    let days = |days: &'static str| {
        let args = [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "cert",
            "-subj",
            "/CN=forge",
            "-days",
            days,
        ];
        made("openssl", &args, "cert")
    };
    // Commands of this test run at a fixed time, before the certificate of now ends.
    let (folder, cert) = days("36500");
    let key = folder.path().join("key");
    let fleet = asking("[pem(\"CERTIFICATE\"), x509()]");
    let args = ["set", "x", "--from-file", cert.to_str().unwrap()];
    fleet.cmd(args).at("2030-01-01T00:00:00Z").run().ok();
    fleet.cmd(["check", "--values"]).at("2199-01-01T00:00:00Z").run().with_code(1).says(&["expired at 2"]);
    fleet
        .cmd(["check", "--values"])
        .at("2001-01-01T00:00:00Z")
        .run()
        .with_code(1)
        .says(&["is not valid before"]);
    passes("pem(\"PRIVATE KEY\")", &key);
    fails("pem(\"CERTIFICATE\")", &key, "of another kind");
    fails("x509()", &key, "there is no certificate");

    let chain = folder.path().join("chain");
    let one = std::fs::read_to_string(&cert).unwrap();
    std::fs::write(&chain, format!("# leaf\n{one}# and again\n{one}")).unwrap();
    passes("pem(\"CERTIFICATE\")", &chain);
    run("openssl", &["x509", "-in", "cert", "-outform", "DER", "-out", "der"], folder.path());
    let fleet = asking("x509()");
    let der = folder.path().join("der");
    fleet.cmd(["set", "x", "--from-file", der.to_str().unwrap()]).at("2030-01-01T00:00:00Z").run().ok();
    let mut bytes = std::fs::read(&der).unwrap();
    bytes.truncate(200);
    std::fs::write(&der, bytes).unwrap();
    assert_eq!(set(&fleet, &der), 1);
}

#[test]
fn what_we_make_is_what_other_tools_read() {
    let fleet = TestFleet::new().policy(
        "allow(\"y\");\ngenerate(\"wg\", wireguard_key());\ngenerate(\"ssh\", ssh_key());\ngenerate(\"age\", age_key());\n",
    );
    fleet.run(["generate"]).ok();
    let value = |name: &str| fleet.run(["show", name]).ok().stdout();
    let public = attack::pipe("wg", &["pubkey"], value("wg").as_bytes());
    assert!(public.status.success() && public.stdout.len() == 45);
    let public = attack::pipe("age-keygen", &["-y", "-"], value("age").as_bytes());
    assert!(public.stdout.starts_with(b"age1"), "{public:?}");
    let folder = tempfile::TempDir::with_prefix_in("values-", "/dev/shm").unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, value("ssh")).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(run("ssh-keygen", &["-y", "-f", "key"], folder.path()).starts_with(b"ssh-ed25519 "));
}
