//! Whose manifests count, and which identity opens them.

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::keygen;
use crate::fixture::private;
use crate::fixture::public;

/// A host that runs one value and asks for another.
fn running() -> Host {
    let mut host = Host::new();
    host.secret("a", b"old").activate(&[]).clean();
    host.seal("a", b"new");
    host.write();
    host
}

/// The run failed as a whole, and nothing is different.
fn untouched(host: &Host) {
    assert_eq!(host.value("a"), "old");
    assert_eq!(host.generations(), ["1".to_owned(), "1.json".to_owned()].into());
    assert!(host.status()["failure"]["code"].is_string());
}

#[test]
fn an_edited_or_unsigned_manifest_is_refused_as_a_whole() {
    private!();
    let host = running();
    let path = host.path("sealed/manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"serial\":3", "\"serial\":4")).unwrap();
    host.run(&["activate"]).exit(3).says("manifest::signature");
    untouched(&host);
    std::fs::remove_file(host.path("sealed/manifest.json.sig")).unwrap();
    host.run(&["activate"]).exit(3).says("trust::unreadable").says("manifest.json.sig");
    untouched(&host);
}

#[test]
fn a_manifest_of_another_signer_or_host_is_refused() {
    private!();
    let mut host = running();
    let eve = keygen(host.dir.path(), "eve", "ed25519");
    let own = std::mem::replace(&mut host.signing_key, eve);
    host.activate(&[]).exit(3).says("manifest::signature");
    untouched(&host);
    host.signing_key = own;
    host.name = "other";
    host.activate(&[]).exit(3).says("the manifest is for host `other`, not for `forge`");
    untouched(&host);
}

#[test]
fn a_swapped_sealing_identity_is_refused() {
    private!();
    let (host, other) = (running(), Host::new());
    other.write();
    std::fs::copy(other.path("sealed/host-key.age"), host.path("sealed/host-key.age")).unwrap();
    host.run(&["activate"]).exit(3).says("trust::host_key_changed");
    untouched(&host);
}

#[test]
fn an_identity_that_does_not_fit_changes_nothing_and_everything_tried_is_listed() {
    private!();
    let mut host = running();
    let wrong = keygen(host.dir.path(), "wrong", "ed25519");
    host.fields.insert("identities", json!([wrong, host.path("missing")]));
    let ran = host.activate(&["--format", "json"]).exit(4).says("identity::none_fits");
    let recipient = public(&host.path("host")).rsplit_once(' ').unwrap().0.to_owned();
    for words in [recipient.as_str(), "/wrong` (does not fit", "/missing` (cannot read", "No such file"] {
        assert!(ran.stderr.contains(words), "`{words}` is missing in {}", ran.stderr);
    }
    assert_eq!(ran.json()["failure"]["class"], json!("environment"));
    untouched(&host);
    host.fields.insert("identities", json!([wrong, host.path("missing"), host.path("host")]));
    host.activate(&[]).clean();
    assert_eq!(host.status()["identity"], json!(host.path("host")));
}

#[test]
fn an_rsa_host_key_opens_the_sealing_identity_too() {
    private!();
    let mut host = Host::with_key("rsa");
    host.secret("a", b"1").activate(&[]).clean();
    assert_eq!(host.value("a"), "1");
}

#[test]
fn an_older_manifest_is_used_with_a_warning_unless_the_host_refuses() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"new");
    host.serial = 9;
    host.activate(&[]).clean();
    host.seal("a", b"older").serial = 5;
    host.activate(&[]).clean().says("warning[trust::rollback]").says("serial 5, older than serial 9");
    assert_eq!(host.value("a"), "older");
    assert_eq!(host.status()["remarks"][0], json!({"kind": "rollback", "serial": 5, "highest": 9}));

    host.fields.insert("rollback", json!("refuse"));
    host.seal("a", b"oldest").serial = 4;
    host.activate(&[]).exit(3).says("--accept-rollback");
    assert_eq!(host.value("a"), "older");
    host.activate(&["--accept-rollback"]).clean();
    host.activate(&[]).clean();
    assert_eq!(host.value("a"), "oldest");
}

#[test]
fn another_manifest_with_the_same_serial_is_used_and_noted() {
    private!();
    let mut host = Host::new();
    host.secret("a", b"1").activate(&[]).clean();
    let serial = host.serial;
    host.seal("a", b"2").serial = serial;
    host.activate(&[]).clean().says("trust::same_serial");
    assert_eq!(host.value("a"), "2");
}

#[test]
fn new_trusted_keys_need_an_old_key_or_the_operator() {
    private!();
    let mut host = running();
    let old = public(&host.signing_key);
    host.signing_key = keygen(host.dir.path(), "new", "ed25519");
    let new = public(&host.signing_key);
    host.fields.insert("trusted_keys", json!([new]));
    host.activate(&[]).exit(3).says("trust::keys_changed").says("two steps").says("--accept-new-trust");
    untouched(&host);

    // In two steps: both keys, signed by the old one; then the new key alone.
    let first = host.path("signing");
    let new_key = std::mem::replace(&mut host.signing_key, first);
    host.fields.insert("trusted_keys", json!([old, new]));
    host.activate(&[]).clean().says("trust::changed");
    host.signing_key = new_key;
    host.fields.insert("trusted_keys", json!([new]));
    host.activate(&[]).clean();

    // Or at once, when the operator says so.
    host.signing_key = host.path("signing");
    host.fields.insert("trusted_keys", json!([old]));
    host.activate(&[]).exit(3);
    host.activate(&["--accept-new-trust"]).clean();
    host.activate(&[]).clean();
}

#[test]
fn a_damaged_state_file_is_refused_by_name() {
    private!();
    let host = running();
    std::fs::write(host.path("state/state.json"), "{\"version\":1").unwrap();
    host.run(&["activate"]).exit(3).says("state/state.json` is damaged").says("remove it");
    untouched(&host);
}
