//! Documents in dotenv and INI, which can hold less than they can encrypt.

use super::documents::admins;
use super::documents::done;
use super::documents::encrypted;
use super::documents::sops;
use crate::common::KEYS;
use crate::common::TestFleet;

const PEERS: &str = "[Interface]\nPrivateKey = a\n\n[Peer]\nPublicKey = b\n\n[Peer]\nPublicKey = c\n";

fn fleet() -> TestFleet {
    TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n")
}

#[test]
fn a_value_that_sops_edit_would_change_is_refused_while_its_owner_still_knows_it() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/app.sops.env", "A=1\n", &admins());
    encrypted(&fleet, "secrets/conf.sops.ini", "[s]\na = 1\n", &admins());
    fleet.run(["adopt"]).ok();
    for (secret, value) in [("app/PW", "p\\nq"), ("app/A", "p\\nq"), ("conf/s/pw", "ends with \\")] {
        let ran = fleet.refuses_cmd(fleet.cmd(["set", secret]).stdin(value), 2);
        let ran = ran.says(&["sops::unsupported", "help: "]);
        assert!(!ran.stderr().contains(value), "{ran}");
    }
    fleet.set("app/PW", "p\nq\\").ok();
    fleet.set("conf/s/pw", "p;q").ok();
    fleet.assert_clean();
}

#[test]
fn what_set_takes_comes_back_from_an_edit_with_sops_as_it_was() {
    let values = [
        "plain",
        " led",
        "trailed ",
        "a#b",
        "a;b",
        "a\"b",
        "\"quoted\"",
        "'single'",
        "`tick`",
        "a`b",
        "two\nlines",
        "p\\nq",
        "\\",
        "end\\",
        "a\\\\b",
        "=x",
        "[x]",
        "a = b",
        "\"\"\"",
        "a\"\"\"b",
        "\n",
        "x\n",
        "\t",
        "é",
        "%(x)s",
        "${x}",
        "\r",
        "a\rb",
        "x\r\ny",
        "#",
        ";",
        "\"",
        "'",
        "#\"`",
        "`\n",
        "\\\n",
    ];
    for (path, prefix, plain) in [
        ("secrets/app.sops.env", "app/V", "A=1\n"),
        ("secrets/app.sops.ini", "app/s/V", "[s]\nA = 1\n"),
        ("secrets/app.sops.yaml", "app/V", "A: x\n"),
        ("secrets/app.sops.json", "app/V", "{\"A\": \"x\"}"),
    ] {
        let fleet = fleet();
        encrypted(&fleet, path, plain, &admins());
        fleet.run(["adopt"]).ok();
        let taken: Vec<(String, &str)> = values
            .iter()
            .enumerate()
            .map(|(number, value)| (format!("{prefix}{number}"), *value))
            .filter(|(name, value)| fleet.set(name, value).code() == 0)
            .collect();
        assert!(taken.len() > values.len() / 2, "{path}: {taken:?}");
        done(sops(&fleet).env("EDITOR", fleet.editor("sed -i 's/A/B/' \"$1\"")).args(["edit", path]));
        fleet.run(["adopt"]).ok();
        for (name, value) in taken {
            assert_eq!(fleet.show(&name), value, "{path} {name}");
        }
    }
}

#[test]
fn sections_of_one_name_are_told_apart_by_their_number() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/wg0.sops.ini", PEERS, &admins());
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.show("wg0/Interface/PrivateKey"), "a");
    assert_eq!(fleet.show("wg0/Peer/0/PublicKey"), "b");
    assert_eq!(fleet.show("wg0/Peer/1/PublicKey"), "c");
    fleet.set("wg0/Peer/1/PublicKey", "new").ok();
    fleet.set("wg0/Peer/1/PresharedKey", "more").ok();
    fleet.set("wg0/Peer/2/PublicKey", "third").ok();
    fleet.run(["rm", "wg0/Interface/PrivateKey"]).ok();
    let plain = done(sops(&fleet).args(["decrypt", "secrets/wg0.sops.ini"]));
    let words: Vec<&str> = plain.split_whitespace().filter(|word| *word != "=").collect();
    let expected =
        "[Interface] [Peer] PublicKey b [Peer] PublicKey new PresharedKey more [Peer] PublicKey third";
    assert_eq!(words.join(" "), expected);
    fleet.assert_clean();
    let editor = fleet.editor("sed -i 's/third/fourth/' \"$1\"");
    done(sops(&fleet).env("EDITOR", &editor).args(["edit", "secrets/wg0.sops.ini"]));
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.show("wg0/Peer/2/PublicKey"), "fourth");
    fleet.assert_clean();
}

#[test]
fn a_whole_file_with_sections_of_one_name_is_one_secret() {
    let fleet = fleet();
    fleet.append("secretctl.toml", "\n[documents.wg0]\npath = \"secrets/wg0.sops.ini\"\nwhole = true\n");
    encrypted(&fleet, "secrets/wg0.sops.ini", PEERS, &admins());
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.show("wg0"), PEERS);
    assert_eq!(fleet.granted("forge"), ["wg0"]);
    fleet.edit("wg0", "printf '\\n[Peer]\\nPublicKey = d\\n' >> \"$1\"").run().ok();
    let plain = done(sops(&fleet).args(["decrypt", "secrets/wg0.sops.ini"]));
    assert_eq!(plain.matches("[Peer]").count(), 3, "{plain}");
    fleet.assert_clean();
}

#[test]
fn a_key_that_stands_twice_in_one_section_stays_refused() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/wg0.sops.ini", PEERS, &admins());
    fleet.run(["adopt"]).ok();
    let text = fleet.text("secrets/wg0.sops.ini");
    let line = text.lines().find(|line| line.starts_with("PublicKey")).unwrap();
    fleet.replace("secrets/wg0.sops.ini", line, &format!("{line}\n{line}"));
    fleet.run(["check"]).says(&["sops::duplicate", "`Peer/PublicKey` is there twice"]);
}
