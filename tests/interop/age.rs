//! `age` and `rage` read what we write, and we read what they write.

use crate::common::KEYS;
use crate::common::KeyPair;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::attack::opened;

/// Admins with keys of every kind, and the X25519 recovery key.
fn fleet() -> TestFleet {
    let fleet = TestFleet::sealed();
    for (name, key) in [("bob", &KEYS.bob), ("carol", &KEYS.carol)] {
        fleet.run(["admin", "add", name, "--recipient", &key.public()]).ok();
    }
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();
    fleet
}

const ADMINS: fn() -> [&'static KeyPair; 4] = || [&KEYS.alice, &KEYS.bob, &KEYS.carol, &KEYS.recovery];
const OTHERS: fn() -> [&'static KeyPair; 4] = || [&KEYS.eve, &KEYS.forge, &KEYS.luna, &KEYS.nova];

#[test]
fn age_and_rage_open_our_sources_with_every_admins_key_and_with_no_other() {
    let fleet = fleet();
    let source = fleet.path("secrets/shared/token.age");
    for program in ["age", "rage"] {
        for key in ADMINS() {
            let value = opened(program, &source, key.private());
            assert_eq!(
                value.as_deref(),
                Some(&b"shared-token-value"[..]),
                "{program} {}",
                key.private().display()
            );
        }
        for key in OTHERS() {
            assert_eq!(
                opened(program, &source, key.private()),
                None,
                "{program} {}",
                key.private().display()
            );
        }
    }
}

#[test]
fn age_and_rage_unwrap_the_host_key_with_the_hosts_ssh_key_and_open_the_sealed_files_with_it() {
    let fleet = fleet();
    for program in ["age", "rage"] {
        for (host, key) in [("forge", &KEYS.forge), ("luna", &KEYS.luna)] {
            let wrapped = fleet.path(&format!("sealed/{host}/host-key.age"));
            for other in ADMINS().into_iter().chain(OTHERS()).filter(|other| other.private() != key.private())
            {
                assert_eq!(opened(program, &wrapped, other.private()), None, "{program} {host}");
            }
            let identity = fleet.outside().join(format!("{program}-{host}"));
            std::fs::write(&identity, opened(program, &wrapped, key.private()).unwrap()).unwrap();
            let file = fleet.path(&format!("sealed/{host}/files/shared/token.age"));
            assert_eq!(opened(program, &file, &identity).unwrap(), b"shared-token-value");
            // The host's own key opens nothing but the wrapped identity.
            assert_eq!(opened(program, &file, key.private()), None);
            let public = attack::pipe("age-keygen", &["-y", identity.to_str().unwrap()], b"").stdout;
            let stated = fleet.manifest(host)["sealing_recipient"].as_str().unwrap().to_owned();
            assert_eq!(String::from_utf8(public).unwrap().trim(), stated);
        }
    }
}

#[test]
fn a_source_that_age_or_rage_wrote_is_taken_over_by_set_and_read_from_then_on() {
    for program in ["age", "rage"] {
        let fleet = TestFleet::sealed();
        let admins = [KEYS.alice.public(), KEYS.recovery.public()];
        let path = "secrets/shared/adopted.age";
        fleet.write(path, attack::encrypted(program, &admins, b"from another tool"));
        // Nobody vouches for it yet; the help says how it is taken over, and that works as written.
        let ran = fleet
            .refuses(["show", "shared/adopted"], 3)
            .says(&["age -d", "| secretctl set shared/adopted --from-file -"]);
        drop(ran);
        let value = opened(program, &fleet.path(path), KEYS.alice.private()).unwrap();
        fleet.cmd(["set", "shared/adopted", "--from-file", "-"]).stdin(value).run().ok();
        assert_eq!(fleet.show("shared/adopted"), "from another tool");
        fleet.assert_clean();
    }
}

#[test]
fn what_age_and_rage_encrypt_with_and_without_armor_is_read_once_the_ledger_vouches_for_it() {
    let admins = [KEYS.alice.public(), KEYS.recovery.public()];
    let armored = |program: &str| {
        let mut args = vec!["-a"];
        for admin in &admins {
            args.extend(["-r", admin.as_str()]);
        }
        attack::pipe(program, &args, b"by a tool").stdout
    };
    for program in ["age", "rage"] {
        for bytes in [attack::encrypted(program, &admins, b"by a tool"), armored(program)] {
            assert!(!bytes.is_empty());
            let fleet = TestFleet::sealed();
            let digest = attack::sha256(&bytes);
            fleet.write("secrets/shared/token.age", &bytes);
            fleet.forge_line("shared/token", &KEYS.alice, |line| {
                line["event"] = "edited".into();
                line["revision"] = 2.into();
                line["source_sha256"] = digest.into();
            });
            assert_eq!(fleet.show("shared/token"), "by a tool");
            for identity in [KEYS.alice.private(), KEYS.recovery.private()] {
                assert_eq!(
                    fleet.cmd(["show", "shared/token"]).identity(identity).run().ok().stdout(),
                    "by a tool"
                );
            }
            fleet.run(["seal"]).ok();
            fleet.assert_clean();
        }
    }
}

#[test]
fn our_sources_and_their_digests_are_what_the_ledger_and_the_manifest_say() {
    let fleet = fleet();
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    let last = log["lines"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["source_sha256"], attack::sha256(&fleet.read("secrets/shared/token.age")).as_str());
    let manifest = fleet.manifest("forge");
    for entry in manifest["secrets"].as_array().unwrap() {
        let file = format!("sealed/forge/{}", entry["file"].as_str().unwrap());
        assert_eq!(entry["sha256"], attack::sha256(&fleet.read(&file)).as_str());
    }
    assert_eq!(
        manifest["host_key_sha256"],
        attack::sha256(&fleet.read("sealed/forge/host-key.age")).as_str()
    );
}

#[test]
fn a_large_value_goes_through_both_tools() {
    let fleet = TestFleet::sealed();
    let value: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fleet.cmd(["set", "shared/large"]).stdin(&value).run().ok();
    for program in ["age", "rage"] {
        assert!(
            opened(program, &fleet.path("secrets/shared/large.age"), KEYS.alice.private()).unwrap() == value
        );
    }
}
