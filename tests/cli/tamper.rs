//! Promise 3 in the repository: what nobody who counts has signed is neither shown nor sealed nor built upon.

use std::path::Path;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::attack::opened;
use crate::common::attack::restore;
use crate::common::terminal::Terminal;

const TOKEN: &str = "secrets/shared/token.age";

/// The fleet file refuses to load with all of these, and nothing else happens.
fn refused_fleet(from: &str, to: &str, parts: &[&str]) {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", from, to);
    for args in [vec!["check"], vec!["seal"], vec!["set", "shared/token"], vec!["host", "add", "x"]] {
        fleet.refuses(args, 2).says(parts);
    }
}

#[test]
fn an_unknown_key_in_the_fleet_file_is_underlined_with_a_suggestion() {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", "[hosts.luna]\nrecipients", "[hosts.luna]\nrecipient");
    let ran = fleet.refuses(["check"], 2);
    ran.says(&[
        "unknown key `recipient` in `hosts.luna`",
        " --> secretctl.toml:",
        "^^^^^^^^^",
        "help: did you mean `recipients`?",
    ]);
}

#[test]
fn a_mistake_in_the_middle_of_a_line_is_shown_with_the_whole_line_and_underlined_in_place() {
    let fleet = TestFleet::new();
    fleet.append("secretctl.toml", "\n[hosts.a]\nrecipients = [\"age1xx\"]\n");
    let ran = fleet.refuses(["check"], 2);
    ran.says(&["| recipients = [\"age1xx\"]\n", "|               ^^^^^^^^ here\n"]);
}

#[test]
fn every_mistake_in_the_fleet_file_is_said_at_once() {
    refused_fleet("version = 1", "version = 2", &["unknown version of the fleet file"]);
    refused_fleet("version = 1", "", &["the version is missing", "`version = 1`"]);
    refused_fleet(
        "version = 1",
        "version = 1\nhsts = 1\nadmns = 2",
        &["has 2 mistakes", "`hsts`", "`admns`"],
    );
    refused_fleet("[hosts.luna]", "[hosts.luna]\nstate = \"gone\"", &["`state`"]);
    refused_fleet("[hosts.luna]", "[hosts.\"../luna\"]", &["`../luna` is not a host name"]);
    refused_fleet("[hosts.luna]", "[hosts.Forge]", &["hosts `Forge` and `forge` differ in case only"]);
    refused_fleet("[hosts.luna]", "[hosts.luna", &["secretctl.toml:"]);
}

#[test]
fn a_source_that_was_cut_off_or_changed_is_refused_everywhere() {
    for cut in [true, false] {
        let fleet = TestFleet::sealed();
        if cut {
            let bytes = fleet.read(TOKEN);
            fleet.write(TOKEN, &bytes[..bytes.len() - 1]);
        } else {
            fleet.flip(TOKEN);
        }
        let ran = fleet
            .refuses(["show", "shared/token"], 3)
            .says(&["error[store::source_changed]", "git checkout"]);
        assert_eq!(ran.stdout(), "");
        fleet.refuses(["check"], 3).says(&["error[store::source_changed]", TOKEN]);
        fleet.refuses(["mv", "shared/token", "shared/b"], 3);
        fleet.refuses(["edit", "shared/token"], 3);
        // Setting a new value is the way out.
        fleet.set("shared/token", "new").ok();
        fleet.assert_clean();
    }
}

#[test]
fn a_source_that_an_attacker_encrypted_to_the_admins_is_neither_shown_nor_sealed() {
    let fleet = TestFleet::sealed();
    let admins = [KEYS.alice.public(), KEYS.recovery.public()];
    fleet.write(TOKEN, attack::encrypted("age", &admins, b"value-of-eve"));
    let ran = fleet.refuses(["show", "shared/token"], 3);
    assert!(!ran.stdout().contains("eve"));
    fleet.refuses(["check"], 3).says(&["error[store::source_changed]"]);
    // Everything that would open it has a reason to: a host that joins, one whose tree is gone, other admins.
    let fleet = fleet.host("nova", &KEYS.nova);
    fleet.run(["seal"]).with_code(3).says(&["store::source_changed"]);
    assert_eq!(fleet.manifest("nova")["secrets"], serde_json::json!([]));
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.refuses(["rekey"], 3).says(&["store::source_changed"]);
    assert!(!fleet.exists("sealed/nova/files"));
}

#[test]
fn a_source_without_a_ledger_is_refused_and_says_how_to_take_it_over() {
    let fleet = TestFleet::sealed();
    fleet.write("secrets/shared/planted.age", attack::encrypted("age", &[KEYS.alice.public()], b"planted"));
    fleet.refuses(["check"], 3).says(&[
        "error[store::no_ledger]",
        "secrets/shared/planted.age",
        "secretctl set shared/planted",
    ]);
    fleet.refuses(["show", "shared/planted"], 3);
    fleet.refuses(["seal"], 3);
    let ran = fleet.run(["list"]).ok();
    ran.prints(&["store::no_ledger"]);
}

#[test]
fn two_sources_that_changed_places_are_refused_with_and_without_their_ledgers() {
    let fleet = TestFleet::sealed();
    let (a, b) = ("secrets/forge/sonarr/api-key", "secrets/luna/restic/password");
    let kept = fleet.keep(&[
        &format!("{a}.age"),
        &format!("{b}.age"),
        &format!("{a}.ledger"),
        &format!("{b}.ledger"),
    ]);
    fleet.write(&format!("{a}.age"), &kept[1].1);
    fleet.write(&format!("{b}.age"), &kept[0].1);
    fleet.refuses(["check"], 3).says(&["store::source_changed"]);
    fleet.write(&format!("{a}.ledger"), &kept[3].1);
    fleet.write(&format!("{b}.ledger"), &kept[2].1);
    fleet.refuses(["check"], 3).says(&["error[ledger::chain]", "it is about another secret"]);
    fleet.refuses(["show", "forge/sonarr/api-key"], 3);
    fleet.refuses(["seal"], 3);
}

#[test]
fn a_source_and_ledger_from_the_past_are_found_by_the_manifests_and_never_sealed() {
    let fleet = TestFleet::sealed();
    let old = fleet.keep(&[TOKEN, "secrets/shared/token.ledger"]);
    fleet.set("shared/token", "the value after the leak").ok();
    restore(&old);
    fleet.refuses(["check"], 3).says(&["shared/token"]);
    fleet.refuses(["seal"], 3).says(&["shared/token"]);
    assert_eq!(fleet.manifest("forge")["secrets"][1]["revision"], 2);
}

#[test]
fn a_value_from_the_past_is_not_sealed_either_when_the_tree_must_get_a_new_identity() {
    for renew in ["lost identity", "other host key"] {
        let fleet = TestFleet::sealed();
        let old = fleet.keep(&["secrets/forge/sonarr/api-key.age", "secrets/forge/sonarr/api-key.ledger"]);
        fleet.set("forge/sonarr/api-key", "the value after the leak").ok();
        restore(&old);
        if renew == "lost identity" {
            fleet.remove("sealed/forge/host-key.age");
        } else {
            fleet.replace("secretctl.toml", &KEYS.forge.public(), &KEYS.nova.public());
        }
        fleet.refuses(["check"], 3).says(&["newer value of `forge/sonarr/api-key`"]);
        fleet.refuses(["seal"], 3).says(&["error[store::rolled_back]"]);
        // The tree must be made anew, so the new value waits for a full seal.
        fleet.set("forge/sonarr/api-key", "new").says(&["run `secretctl seal"]);
        if renew == "lost identity" {
            fleet.refuses(["seal"], 3).says(&["git log -p -- sealed/forge"]);
        }
        fleet.run(["seal", "--repair"]).ok();
        assert_eq!(fleet.manifest("forge")["secrets"][0]["revision"], 3);
    }
}

#[test]
fn a_source_that_is_gone_is_found_and_named() {
    let fleet = TestFleet::sealed();
    fleet.remove(TOKEN);
    fleet
        .refuses(["check"], 3)
        .says(&["error[store::source_missing]", "git checkout HEAD -- secrets/shared/token.age"]);
    // No other finding blames policy, and nothing is taken from hosts.
    assert!(!fleet.run(["check"]).stderr().contains("no longer read"));
    fleet.refuses(["seal"], 3).says(&["error[store::lost]"]);
}

#[test]
fn a_secret_whose_source_and_ledger_are_gone_is_not_taken_from_hosts() {
    let fleet = TestFleet::sealed();
    fleet.remove(TOKEN);
    fleet.remove("secrets/shared/token.ledger");
    fleet.refuses(["check"], 3).says(&["whose source and ledger are gone", "git checkout HEAD -- secrets/"]);
    fleet.refuses(["seal"], 3).says(&["error[store::lost]", "git checkout HEAD -- secrets/"]);
}

#[test]
fn a_secret_whose_source_is_gone_can_be_removed_for_good() {
    let fleet = TestFleet::sealed();
    fleet.remove(TOKEN);
    fleet.run(["rm", "shared/token"]).ok();
    fleet.assert_clean();
    assert!(!fleet.exists("sealed/forge/files/shared/token.age"));
}

#[test]
fn plaintext_below_secrets_is_found_and_its_content_is_not_printed() {
    let fleet = TestFleet::sealed();
    fleet.write("secrets/shared/token.txt", "plaintext-by-accident");
    fleet.write("secrets/.env", "plaintext-by-accident");
    let ran = fleet.run(["check"]).says(&[
        "[store::stray]",
        "secrets/shared/token.txt",
        "secrets/.env",
        "may be plaintext",
    ]);
    assert!(!ran.stderr().contains("by-accident"));
    std::os::unix::fs::symlink("/etc/passwd", fleet.path("secrets/link.age")).unwrap();
    fleet.run(["check"]).says(&["secrets/link.age", "it is a link"]);
}

#[test]
fn a_sealed_file_that_was_changed_removed_or_added_is_found_and_made_whole() {
    let file = "sealed/forge/files/shared/token.age";
    let changes: [fn(&TestFleet, &str); 3] = [
        |fleet, file| fleet.flip(file),
        |fleet, file| fleet.remove(file),
        |fleet, _| fleet.write("sealed/forge/files/added.age", "x"),
    ];
    for change in changes {
        let fleet = TestFleet::sealed();
        let good = fleet.tree();
        change(&fleet, file);
        fleet.refuses(["check"], 3).says(&["error[sealed::tampered]: host `forge`", "git log -p -- sealed/"]);
        fleet.refuses(["seal", "--check"], 3);
        repair(&fleet, "forge");
        let luna = fleet.tree().changed_since(&good);
        assert!(luna.iter().all(|path| path.starts_with("sealed/forge/")), "{luna:?}");
    }
}

#[test]
fn a_manifest_that_was_edited_is_refused_and_the_tree_gets_a_new_identity() {
    let fleet = TestFleet::sealed();
    let old = fleet.manifest("forge")["sealing_recipient"].clone();
    fleet.replace("sealed/forge/manifest.json", "\"services\":[\"sonarr\"]", "\"services\":[\"system\"]");
    fleet.refuses(["check"], 3).says(&[
        "host `forge` has a sealed tree that is not to be trusted",
        "the content is not what was signed",
    ]);
    let serial = fleet.manifest("forge")["serial"].as_u64().unwrap();
    repair(&fleet, "forge");
    assert_ne!(fleet.manifest("forge")["sealing_recipient"], old);
    assert!(fleet.manifest("forge")["serial"].as_u64().unwrap() > serial);
}

#[test]
fn a_manifest_that_an_unknown_key_signed_is_refused() {
    let fleet = TestFleet::sealed();
    fleet.forge_manifest("forge", &KEYS.eve, "\"revision\":1", "\"revision\":1");
    fleet.refuses(["check"], 3).says(&["not to be trusted", "SHA256:"]);
    let fleet = TestFleet::sealed();
    fleet.remove("sealed/forge/manifest.json.sig");
    fleet.refuses(["check"], 3).says(&["not to be trusted"]);
}

#[test]
fn a_manifest_for_another_purpose_or_another_host_is_refused() {
    let fleet = TestFleet::sealed();
    let bytes = fleet.read("sealed/forge/manifest.json");
    fleet.write("sealed/forge/manifest.json.sig", attack::signature(&KEYS.alice, "secretctl-ledger", &bytes));
    fleet.refuses(["check"], 3).says(&["not to be trusted"]);
    let fleet = TestFleet::sealed();
    for file in ["manifest.json", "manifest.json.sig", "host-key.age"] {
        fleet.write(&format!("sealed/forge/{file}"), fleet.read(&format!("sealed/luna/{file}")));
    }
    fleet.refuses(["check"], 3).says(&["the manifest is for host `luna`, not for `forge`"]);
    repair(&fleet, "forge");
}

#[test]
fn an_older_manifest_with_its_files_is_found_and_the_next_serial_is_higher_than_its() {
    let fleet = TestFleet::sealed();
    let files =
        ["manifest.json", "manifest.json.sig", "files/shared/token.age"].map(|f| format!("sealed/forge/{f}"));
    let old = fleet.keep(&files.each_ref().map(String::as_str));
    let serial = fleet.manifest("forge")["serial"].as_u64().unwrap();
    fleet.set("shared/token", "new").ok();
    restore(&old);
    fleet.run(["check"]).with_code(1).says(&["host `forge` has an older value of `shared/token`"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert!(fleet.manifest("forge")["serial"].as_u64().unwrap() > serial);
}

#[test]
fn a_wrapped_identity_that_was_exchanged_is_never_encrypted_to() {
    let fleet = TestFleet::sealed();
    fleet.write(
        "sealed/forge/host-key.age",
        attack::encrypted("age", &[KEYS.forge.public()], b"AGE-SECRET-KEY-1"),
    );
    fleet.refuses(["check"], 3).says(&["host `forge` has lost its wrapped sealing identity"]);
    repair(&fleet, "forge");
}

/// A tree that looks tampered with stays as it is until somebody says that it may be made anew.
fn repair(fleet: &TestFleet, host: &str) {
    let log = format!("git log -p -- sealed/{host}");
    fleet.refuses(["seal"], 3).says(&[&log, "secretctl seal --repair"]).prints(&[&format!("host `{host}` ")]);
    fleet.run(["seal", "--repair"]).ok();
    fleet.assert_clean();
}

/// Age files of the repository that an identity opens.
fn readable(fleet: &TestFleet, identity: &Path) -> Vec<String> {
    let mut paths = fleet.tree().ciphertexts("");
    paths.retain(|path| opened("age", &fleet.path(path), identity).is_some());
    paths
}

#[test]
fn a_new_value_is_never_encrypted_to_a_recipient_that_an_attacker_wrote_into_a_manifest() {
    let attacker = crate::common::on_disk();
    let identity = attacker.path().join("identity");
    let made = attack::pipe("age-keygen", &["-o", identity.to_str().unwrap()], b"");
    assert!(made.status.success());
    let attackers =
        String::from_utf8(attack::pipe("age-keygen", &["-y", identity.to_str().unwrap()], b"").stdout)
            .unwrap();
    for resigned in [false, true] {
        let fleet = TestFleet::sealed();
        let ours = fleet.manifest("forge")["sealing_recipient"].as_str().unwrap().to_owned();
        if resigned {
            fleet.forge_manifest("forge", &KEYS.eve, &ours, attackers.trim());
        } else {
            fleet.replace("sealed/forge/manifest.json", &ours, attackers.trim());
        }
        let ran = fleet.set("shared/token", "the next value");
        assert_eq!(readable(&fleet, &identity), [""; 0]);
        // The host did not get the value, and whoever set it has to learn that.
        assert!(ran.code() != 0 || ran.stderr().contains("seal"), "{ran}");
        repair(&fleet, "forge");
        assert_eq!(readable(&fleet, &identity), [""; 0]);
        fleet.assert_clean();
    }
}

#[test]
fn a_serial_that_an_attacker_wrote_does_not_push_ours_to_the_end_of_the_numbers() {
    let fleet = TestFleet::sealed();
    let serial = fleet.manifest("forge")["serial"].as_u64().unwrap();
    fleet.replace(
        "sealed/forge/manifest.json",
        &format!("\"serial\":{serial}"),
        &format!("\"serial\":{}", u64::MAX),
    );
    repair(&fleet, "forge");
    assert!(fleet.manifest("forge")["serial"].as_u64().unwrap() < u64::MAX / 2);
    fleet.set("shared/token", "on and on").ok();
    fleet.assert_clean();
}

#[test]
fn a_journal_that_is_damaged_stops_writers_with_the_way_out_and_readers_not_at_all() {
    for text in ["", "{", "{\"version\":1,\"steps\":[{\"explode\":{}}]}", "{\"version\":9,\"steps\":[]}"] {
        let fleet = TestFleet::sealed();
        std::fs::create_dir(fleet.work("change")).unwrap();
        std::fs::write(fleet.work("change/journal.json"), text).unwrap();
        let ran = fleet.refuses(["set", "shared/token"], 4);
        ran.says(&["journal.json", "help: "]);
        let ran = fleet.refuses(["seal"], 4);
        assert!(
            ran.stderr().contains("git") || ran.stderr().contains("remove"),
            "the way out is missing:\n{ran}"
        );
        fleet.refuses(["check"], 1).says(&["error[store::interrupted]"]);
        fleet.run(["show", "shared/token"]).ok();
    }
}

#[test]
fn a_journal_that_came_with_the_repository_is_never_carried_out_and_is_found() {
    for target in ["secrets/shared/token.age", "sealed/forge/manifest.json", "public/shared/token.pub"] {
        let fleet = TestFleet::sealed();
        fleet.write(".secretctl/change/0", "a file of a stranger");
        let journal =
            serde_json::json!({ "version": 1, "steps": [{ "write": { "staged": 0, "path": target } }] });
        fleet.write(".secretctl/change/journal.json", journal.to_string());
        let fleet = fleet.in_git();
        let before = fleet.tree();
        for args in [&["seal"][..], &["rekey"], &["check"], &["status"]] {
            fleet.run(args);
            assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{args:?} {target}");
        }
        fleet.run(["check"]).with_code(1).says(&["error[store::old_journal]", "git ls-files .secretctl"]);
        fleet.set("shared/token", "another").ok().says(&["note: an interrupted change", "is left alone"]);
    }
}

#[test]
fn a_journal_reaches_nothing_outside_the_store() {
    for target in
        [".git/hooks/pre-commit", "../victim", "/tmp/victim", "policies/access.rhai", ".gitattributes"]
    {
        let fleet = TestFleet::sealed().in_git();
        let journal =
            serde_json::json!({ "version": 1, "steps": [{ "write": { "staged": 0, "path": target } }] });
        fleet.run(["seal"]).ok();
        std::fs::create_dir(fleet.work("change")).unwrap();
        std::fs::write(fleet.work("change/0"), "#!/bin/sh\necho owned\n").unwrap();
        std::fs::write(fleet.work("change/journal.json"), journal.to_string()).unwrap();
        let before = fleet.tree();
        fleet.run(["seal"]);
        assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{target}");
        assert!(!fleet.outside().join("victim").exists());
    }
}

#[test]
fn links_in_the_repository_lead_no_write_out_of_it() {
    let fleet = TestFleet::sealed();
    let victim = fleet.outside().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::os::unix::fs::symlink(&victim, fleet.path("secrets/linked")).unwrap();
    let ran = fleet.set("linked/secret", "value");
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0, "written through a link:\n{ran}");
}

#[test]
fn a_lock_file_that_is_a_link_destroys_nothing() {
    let fleet = TestFleet::sealed();
    let victim = fleet.outside().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::fs::remove_file(fleet.work("lock")).unwrap();
    std::os::unix::fs::symlink(&victim, fleet.work("lock")).unwrap();
    let ran = fleet.set("shared/token", "value");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious", "{ran}");
}

#[test]
fn a_link_among_the_policies_prints_nothing_of_the_file_it_leads_to() {
    let fleet = TestFleet::sealed();
    let private = fleet.outside().join("keys.txt");
    let identity = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let secret = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    std::fs::write(&private, format!("{secret}\n")).unwrap();
    std::os::unix::fs::symlink(&private, fleet.path("policies/other.rhai")).unwrap();
    let ran = fleet.run(["check"]);
    let text = ran.to_string();
    assert!(!text.contains(&secret[16..30]), "{ran}");
    assert!(ran.code() != 0 && text.contains(" link"), "a link was read as a policy:\n{ran}");
}

#[test]
fn a_source_that_is_a_link_is_neither_read_nor_followed() {
    let fleet = TestFleet::sealed();
    let outside = fleet.outside().join("elsewhere.age");
    std::fs::rename(fleet.path(TOKEN), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, fleet.path(TOKEN)).unwrap();
    let ran = fleet.run(["check"]);
    assert_ne!(ran.code(), 0, "{ran}");
    let bytes = std::fs::read(&outside).unwrap();
    fleet.set("shared/token", "new");
    assert_eq!(std::fs::read(&outside).unwrap(), bytes);
}

const TOKEN_FILES: [&str; 2] = ["secrets/shared/token.age", "secrets/shared/token.ledger"];
const SEALED_TOKEN: [&str; 6] = [
    "sealed/forge/manifest.json",
    "sealed/forge/manifest.json.sig",
    "sealed/forge/files/shared/token.age",
    "sealed/luna/manifest.json",
    "sealed/luna/manifest.json.sig",
    "sealed/luna/files/shared/token.age",
];

#[test]
fn a_value_of_another_branch_with_the_same_number_is_told_from_ours() {
    let fleet = TestFleet::sealed();
    let base = [fleet.keep(&TOKEN_FILES), fleet.keep(&SEALED_TOKEN)];
    fleet.set("shared/token", "theirs").ok();
    let theirs = fleet.keep(&SEALED_TOKEN);
    base.iter().for_each(|kept| restore(kept));
    fleet.set("shared/token", "ours").ok();
    // A merge that takes our source and their sealed trees: every signature holds, and the numbers agree.
    restore(&theirs);
    fleet.run(["check"]).with_code(1).says(&["has a value of `shared/token` that another branch made"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert_eq!(attack::sealed_value(&fleet, "forge", &KEYS.forge, "shared/token"), "ours");
}

#[test]
fn a_secret_put_back_to_the_past_can_be_given_a_new_value() {
    let fleet = TestFleet::sealed();
    let old = fleet.keep(&TOKEN_FILES);
    for value in ["two", "three", "four"] {
        fleet.set("shared/token", value).ok();
    }
    restore(&old);
    fleet.run(["seal"]).with_code(3).says(&["error[store::rolled_back]"]);
    fleet.set("shared/token", "new").ok();
    fleet.assert_clean();
    assert_eq!(attack::sealed_value(&fleet, "forge", &KEYS.forge, "shared/token"), "new");
}

#[test]
fn a_seal_leaves_what_looks_tampered_with_and_seals_the_other_hosts() {
    let fleet = TestFleet::sealed();
    fleet.flip("sealed/forge/files/forge/sonarr/api-key.age");
    fleet.append("policies/access.rhai", "deny(\"shared/**\");\n");
    let before = fleet.tree();
    let ran = fleet.run(["seal"]).with_code(3);
    let ran = ran.prints(&[
        "host `forge` has a damaged copy of `forge/sonarr/api-key`; its sealed tree was left as it is",
    ]);
    ran.says(&["git log -p -- sealed/forge", "secretctl seal --repair"]);
    let changed = fleet.tree().changed_since(&before);
    assert!(!changed.iter().any(|path| path.starts_with("sealed/forge")), "{changed:?}");
    assert!(!fleet.exists("sealed/luna/files/shared/token.age"));
    // The ledger does not say that forge has lost what it still has.
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    assert_eq!(log["lines"].as_array().unwrap().last().unwrap()["hosts"], serde_json::json!(["forge"]));
    fleet.run(["seal", "--repair"]).ok();
    fleet.assert_clean();
}

#[test]
fn at_a_terminal_a_seal_asks_before_it_makes_a_tree_anew_that_looks_tampered_with() {
    let fleet = TestFleet::sealed();
    fleet.flip("sealed/forge/manifest.json");
    for (answer, code) in [("no\n", 3), ("yes\n", 0)] {
        let terminal = Terminal::run(&fleet, &[], &format!("{BIN} seal"));
        terminal.shows("make 1 sealed tree anew, whatever is in there now? [yes/no]").types(answer);
        assert_eq!(terminal.code(), code);
    }
    fleet.assert_clean();
}

#[test]
fn a_seal_leaves_the_copies_of_a_secret_that_does_not_hold_and_seals_the_others() {
    let fleet = TestFleet::sealed();
    fleet.flip(TOKEN);
    fleet.append("policies/access.rhai", "deny(\"luna/restic/**\");\n");
    let before = fleet.tree();
    let ran = fleet.run(["seal"]).with_code(3);
    let ran = ran.prints(&[
        "copies of `shared/token` were left as they are",
        "host `luna` still has `luna/restic/password`",
    ]);
    ran.says(&["error[store::source_changed]"]);
    let changed = fleet.tree().changed_since(&before);
    assert!(!changed.iter().any(|path| path.contains("shared/token")), "{changed:?}");
    assert!(!fleet.exists("sealed/luna/files/luna/restic/password.age"));
    let names: Vec<_> =
        fleet.manifest("luna")["secrets"].as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["shared/token"]);
    // A host that must get everything anew can't get this, so it keeps what it has.
    fleet.replace("secretctl.toml", &KEYS.forge.public(), &KEYS.nova.public());
    fleet
        .refuses(["seal", "--repair"], 3)
        .prints(&["host `forge` must be sealed anew, and `shared/token` does not hold"]);
    fleet.flip(TOKEN);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}
