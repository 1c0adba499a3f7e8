//! Folders that no module reads: age, pass, dotenv, JSON.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::repository::Repository;
use crate::common::KEYS;
use crate::common::tool;

#[test]
fn every_kind_of_file_becomes_sources_with_the_values_that_it_had() {
    let repository = Repository::new();
    let alice = KEYS.alice.public();
    repository.write(".age-recipients", format!("{alice} alice@laptop\n"));
    repository.age("mail/work.age", "mail password\n", &[&alice]);
    repository
        .write("prod.env", "# settings\nexport API_KEY=\"an api key\"\nDB_URL=postgres://u:p@h/db?x=1\n");
    repository
        .write("app/config.json", r#"{"db": {"password": "a \"quoted\" one", "port": 5432}, "empty": {}}"#);
    let home = repository.fleet.outside().join("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |args: &[&str]| {
        let ran = Command::new(tool("gpg"))
            .env("GNUPGHOME", &home)
            .args(["--batch", "--quiet"])
            .args(args)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    gpg(&["--passphrase", "", "--quick-generate-key", "alice@example.org", "default", "default"]);
    repository.write(".gpg-id", "alice@example.org\n");
    fs::create_dir(repository.path("web")).unwrap();
    let plain = repository.fleet.outside().join("plain");
    fs::write(&plain, "web password\nlogin: alice\n").unwrap();
    let out = repository.path("web/shop.gpg").display().to_string();
    gpg(&[
        "--trust-model",
        "always",
        "-r",
        "alice@example.org",
        "-o",
        &out,
        "--encrypt",
        plain.to_str().unwrap(),
    ]);
    fs::remove_file(&plain).unwrap();

    let ran = repository.init_cmd("folder", &[]).env("GNUPGHOME", &home).run().ok();
    let ran = ran.says(&["everybody who has the repository reads `prod.env`", "`app/config.json`"]);
    ran.prints(&["needed     0 pairs", "6 values were read back"]);
    let fleet = &repository.fleet;
    for (name, value) in [
        ("mail/work", "mail password\n"),
        ("prod/API%5FKEY", "an api key"),
        ("prod/DB_URL", "postgres://u:p@h/db?x=1"),
        ("app/db/password", "a \"quoted\" one"),
        ("app/db/port", "5432"),
        ("web/shop", "web password\nlogin: alice\n"),
    ] {
        let name = name.replace("API%5FKEY", "API_KEY");
        assert_eq!(fleet.show(&name), value, "{name}");
    }
    fleet.run(["check"]).ok();
}

#[test]
fn what_no_key_at_hand_opens_is_left_and_named() {
    let repository = Repository::new();
    let (alice, bob) = (KEYS.alice.public(), KEYS.bob.public());
    repository.age("a.age", "for alice", &[&alice]);
    repository.age("b.age", "for bob", &[&bob]);
    repository.init("folder", &[]).ok().says(&["`b` was left where it is", "--identity FILE"]);
    assert!(repository.fleet.exists("secrets/a.age") && !repository.fleet.exists("secrets/b.age"));
    let again = repository.fleet.cmd(["import", "../repo", "--from", "folder"]);
    let ran = again.env("SECRETCTL_IDENTITY", KEYS.bob.private()).run().ok();
    ran.prints(&["1 become sources", "1 were there"]);
    assert!(repository.fleet.exists("secrets/b.age"));
}
