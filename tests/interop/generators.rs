//! What generators make, in the hands of the programs that it is made for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::common::TestFleet;
use crate::common::attack::pipe;
use crate::common::tool;

fn made(rules: &str) -> TestFleet {
    let fleet = TestFleet::new().policy(&format!("allow(\"y\");\n{rules}"));
    fleet.run(["generate"]).ok();
    fleet.assert_clean();
    fleet
}

/// A folder in memory with these secrets in it as files.
fn files(fleet: &TestFleet, names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::TempDir::with_prefix_in("generators-", "/dev/shm").unwrap();
    for name in names {
        let file = folder.path().join(name.replace('/', "-"));
        std::fs::write(&file, fleet.show(name)).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    folder
}

fn openssl(folder: &tempfile::TempDir, args: &[&str]) -> (bool, String) {
    let ran = Command::new(tool("openssl")).args(args).current_dir(folder.path()).output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn public_halves_are_those_that_the_tools_compute() {
    let fleet = made(
        "generate(\"wg\", wireguard_key());\ngenerate(\"ssh\", ssh_key());\ngenerate(\"age\", age_key());\n",
    );
    let computed = pipe("wg", &["pubkey"], fleet.show("wg").as_bytes()).stdout;
    assert_eq!(fleet.read("public/wg.pub"), computed);
    let computed = pipe("age-keygen", &["-y", "-"], fleet.show("age").as_bytes()).stdout;
    assert_eq!(fleet.read("public/age.pub"), computed);
    let folder = files(&fleet, &["ssh"]);
    let key = folder.path().join("ssh");
    let computed = pipe("ssh-keygen", &["-y", "-f", key.to_str().unwrap()], b"").stdout;
    let (computed, written) = (String::from_utf8(computed).unwrap(), fleet.text("public/ssh.pub"));
    let words = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&computed), words(&written));
}

#[test]
fn certificates_are_what_openssl_verifies() {
    let fleet = made(
        "generate(\"ca/key\", x509_key());\n\
         generate(\"ca/cert\", x509_ca(\"ca/key\", \"Example, \\\"CA\\\"\"));\n\
         generate(\"web/key\", x509_key());\n\
         generate(\"web/cert\", x509_cert(\"web/key\", [\"web.example.org\", \"*.example.org\", \"10.0.0.1\", \"::1\"])\
         .ca(\"ca/cert\", \"ca/key\").days(30));\n\
         rotate(\"web/cert\").every(\"20d\");\n",
    );
    let folder = files(&fleet, &["ca/cert", "web/cert", "web/key"]);
    let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_second().to_string();
    let now = at(crate::common::NOW);
    for name in ["web.example.org", "other.example.org"] {
        let args =
            ["verify", "-x509_strict", "-purpose", "sslserver", "-attime", &now, "-verify_hostname", name];
        let (fits, said) = openssl(&folder, &[&args[..], &["-CAfile", "ca-cert", "web-cert"]].concat());
        assert!(fits, "{said}");
    }
    let late = at("2026-12-21T10:00:00Z");
    let (fits, said) = openssl(&folder, &["verify", "-attime", &late, "-CAfile", "ca-cert", "web-cert"]);
    assert!(!fits && said.contains("expired"), "{said}");
    let (_, text) = openssl(&folder, &["x509", "-in", "web-cert", "-noout", "-text"]);
    assert!(text.contains("IP Address:10.0.0.1") && text.contains("CN = \"Example, \\\"CA\\\"\""), "{text}");
    let (_, from_key) = openssl(&folder, &["pkey", "-in", "web-key", "-pubout"]);
    let (_, from_cert) = openssl(&folder, &["x509", "-in", "web-cert", "-noout", "-pubkey"]);
    assert_eq!(from_key, from_cert);
    assert_eq!(fleet.text("public/web/cert.pem"), fleet.show("web/cert"));

    // Renewing keeps the key, and the end that the certificate says is in its ledger.
    let (key, cert) = (fleet.show("web/key"), fleet.show("web/cert"));
    assert!(fleet.text("secrets/web/cert.ledger").contains("\"expires\":\"2026-12-20T10:00:00Z\""));
    fleet.cmd(["rotate", "--due", "--yes"]).at("2026-12-11T10:00:00Z").run().ok().says(&["changed web/cert"]);
    assert_eq!(fleet.show("web/key"), key);
    assert_ne!(fleet.show("web/cert"), cert);
}

#[test]
fn a_renewal_makes_a_new_key_where_the_policy_says_so() {
    let fleet = made(
        "generate(\"ca/key\", x509_key());\n\
         generate(\"ca/cert\", x509_ca(\"ca/key\", \"CA\").days(20));\n\
         generate(\"web/key\", x509_key());\n\
         generate(\"web/cert\", x509_cert(\"web/key\", [\"w\"]).ca(\"ca/cert\", \"ca/key\").new_key());\n",
    );
    let key = fleet.show("web/key");
    // It never outlives its authority.
    assert!(fleet.text("secrets/web/cert.ledger").contains("\"expires\":\"2026-12-10T10:00:00Z\""));
    fleet.run(["rotate", "web/cert", "--yes"]).ok().says(&["web/key: key of `web/cert`", "changed web/key"]);
    assert_ne!(fleet.show("web/key"), key);
    let folder = files(&fleet, &["web/cert", "web/key"]);
    let (_, from_key) = openssl(&folder, &["pkey", "-in", "web-key", "-pubout"]);
    let (_, from_cert) = openssl(&folder, &["x509", "-in", "web-cert", "-noout", "-pubkey"]);
    assert_eq!(from_key, from_cert);
    let ended = fleet.cmd(["rotate", "web/cert", "--yes"]).at("2027-01-01T00:00:00Z");
    fleet.refuses_cmd(ended, 4).says(&["error[generate::failed]", "`ca/cert` has ended"]);
    // Somebody else's certificate of an authority is noticed before it signs anything.
    fleet.set("ca/key", &key).ok();
    fleet.refuses(["rotate", "web/cert", "--yes"], 4).says(&["`ca/key` is not the key of the certificate"]);
}

#[test]
fn hashes_let_the_right_password_in_and_no_other() {
    let fleet = made(
        "generate(\"p\", passphrase(6));\n\
         generate(\"y\", yescrypt(\"p\"));\ngenerate(\"s\", sha512_crypt(\"p\"));\ngenerate(\"b\", bcrypt(\"p\"));\n\
         validate([\"y\", \"s\", \"b\"], password_hash());\n",
    );
    let password = fleet.show("p");

    let login = "$h = shift; $p = <STDIN>; exit(crypt($p, $h) eq $h ? 0 : 1)";
    for (secret, start) in [("y", "$y$j9T$"), ("s", "$6$rounds=100000$"), ("b", "$2b$12$")] {
        let hash = fleet.show(secret);
        assert!(hash.starts_with(start), "{hash}");
        assert!(pipe("perl", &["-e", login, &hash], password.as_bytes()).status.success(), "{hash}");
        assert!(!pipe("perl", &["-e", login, &hash], b"another").status.success(), "{hash}");
    }
}

#[test]
fn argon2_and_htpasswd_agree() {
    let fleet = made(
        "generate(\"p\", password(24));\ngenerate(\"a\", argon2id(\"p\"));\ngenerate(\"h\", htpasswd(\"alice\", \"p\"));\n",
    );
    let folder = files(&fleet, &["h"]);
    let file = folder.path().join("h");
    let verify = ["-v", "-i", file.to_str().unwrap(), "alice"];
    assert!(pipe("htpasswd", &verify, fleet.show("p").as_bytes()).status.success());
    assert!(!pipe("htpasswd", &verify, b"another").status.success());
    // The program takes the salt as an argument, which can't hold a zero byte.
    let (hash, salt) = std::iter::repeat_with(|| {
        let hash = fleet.show("a");
        let salt = STANDARD_NO_PAD.decode(hash.split('$').nth(4).unwrap()).unwrap();
        if salt.contains(&0) {
            fleet.run(["rotate", "a", "--yes"]).ok();
        }
        (hash, salt)
    })
    .find(|(_, salt)| !salt.contains(&0))
    .unwrap();
    let mut command = Command::new(tool("sh"));
    let script = "printf %s \"$PASSWORD\" | argon2 \"$0\" -id -t 2 -k 19456 -p 1 -l 32 -e";
    command.arg("-c").arg(script).arg(OsStr::from_bytes(&salt)).env("PASSWORD", fleet.show("p"));
    let computed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(computed.trim_end(), hash);
}

#[test]
fn random_texts_have_the_form_that_they_are_named_after() {
    let fleet = made("generate(\"u\", uuid());\ngenerate(\"s\", random_url_safe(32));\n");
    let uuid = fleet.show("u");
    let check = "import sys, uuid; u = uuid.UUID(sys.stdin.read()); exit(0 if u.version == 4 else 1)";
    assert!(pipe("python3", &["-c", check], uuid.as_bytes()).status.success(), "{uuid}");
    let check =
        "import sys, base64; exit(0 if len(base64.urlsafe_b64decode(sys.stdin.read() + '=')) == 32 else 1)";
    assert!(pipe("python3", &["-c", check], fleet.show("s").as_bytes()).status.success());
}
