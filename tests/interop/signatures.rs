//! `ssh-keygen -Y` and we believe the same signatures.

use std::collections::BTreeSet;
use std::process::Command;

use secretctl::crypto::VerifyingKey;
use secretctl::manifest::Manifest;
use secretctl::manifest::ManifestError;

use crate::common::KEYS;
use crate::common::KeyPair;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::tool;

const MANIFEST: &str = "secretctl-manifest";
const LEDGER: &str = "secretctl-ledger";

/// What `ssh-keygen -Y verify` says, with alice as the only allowed signer.
fn ssh_keygen_accepts(
    fleet: &TestFleet,
    namespace: &str,
    armored: &str,
    bytes: &[u8],
    allowed: &KeyPair,
) -> bool {
    let (signers, signature) = (fleet.outside().join("allowed_signers"), fleet.outside().join("signature"));
    std::fs::write(&signers, format!("alice {}\n", allowed.public())).unwrap();
    std::fs::write(&signature, armored).unwrap();
    let args = [
        "-Y",
        "verify",
        "-I",
        "alice",
        "-n",
        namespace,
        "-f",
        signers.to_str().unwrap(),
        "-s",
        signature.to_str().unwrap(),
    ];
    attack::pipe("ssh-keygen", &args, bytes).status.success()
}

/// Accepted as it is, and refused with a flipped byte, another namespace or another key.
fn accepted_as_it_is_alone(fleet: &TestFleet, namespace: &str, armored: &str, bytes: &[u8]) {
    assert!(ssh_keygen_accepts(fleet, namespace, armored, bytes, &KEYS.alice));
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1;
        assert!(!ssh_keygen_accepts(fleet, namespace, armored, &flipped, &KEYS.alice));
    }
    for other in [MANIFEST, LEDGER, "file", "git"] {
        if other != namespace {
            assert!(!ssh_keygen_accepts(fleet, other, armored, bytes, &KEYS.alice), "{other}");
        }
    }
    assert!(!ssh_keygen_accepts(fleet, namespace, armored, bytes, &KEYS.bob));
}

#[test]
fn ssh_keygen_verifies_our_manifests() {
    let fleet = TestFleet::sealed();
    for host in ["forge", "luna"] {
        let bytes = fleet.read(&format!("sealed/{host}/manifest.json"));
        let armored = fleet.text(&format!("sealed/{host}/manifest.json.sig"));
        accepted_as_it_is_alone(&fleet, MANIFEST, &armored, &bytes);
    }
}

#[test]
fn ssh_keygen_verifies_our_ledger_lines() {
    let fleet = TestFleet::sealed();
    fleet.set("shared/token", "second").ok();
    for line in fleet.text("secrets/shared/token.ledger").lines() {
        let base64 = line.rsplit_once(",\"sig\":\"").unwrap().1.strip_suffix("\"}").unwrap();
        let armored = format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n");
        accepted_as_it_is_alone(&fleet, LEDGER, &armored, attack::signed_part(line).as_bytes());
        // The way without our program, as the documentation of the format has it.
        let mut sed = Command::new(tool("sh"));
        let script = "printf %s \"$1\" | sed 's/,\"sig\":\"[^\"]*\"}$/}/' | tr -d '\\n'";
        let output = sed.args(["-c", script, "sh", line]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), attack::signed_part(line));
    }
}

fn verify(bytes: &[u8], armored: &str, trusted: &[&KeyPair]) -> Result<String, ManifestError> {
    let trusted: BTreeSet<VerifyingKey> = trusted.iter().map(|key| key.public().parse().unwrap()).collect();
    Manifest::verify(bytes, armored, &trusted).map(|verified| verified.signer().to_string())
}

#[test]
fn a_manifest_that_ssh_keygen_signed_is_verified_by_us() {
    let fleet = TestFleet::sealed();
    let bytes = fleet.read("sealed/forge/manifest.json");
    let armored = attack::signature(&KEYS.bob, MANIFEST, &bytes);
    assert_eq!(verify(&bytes, &armored, &[&KEYS.alice, &KEYS.bob]).unwrap(), KEYS.bob.public());
    assert!(verify(&bytes, &armored, &[&KEYS.alice]).is_err());
    assert!(verify(&bytes, &armored, &[]).is_err());
    for namespace in [LEDGER, "file", "secretctl", "secretctl-manifest "] {
        let armored = attack::signature(&KEYS.bob, namespace, &bytes);
        assert!(verify(&bytes, &armored, &[&KEYS.bob]).is_err(), "{namespace}");
    }
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() = b' ';
    assert!(verify(&flipped, &armored, &[&KEYS.bob]).is_err());
    for damaged in ["", "x", &armored[..armored.len() / 2], &armored.replace('A', "B")] {
        assert!(verify(&bytes, damaged, &[&KEYS.bob]).is_err());
    }
}

#[test]
fn a_signature_over_sha256_counts_and_one_by_an_rsa_key_never_does() {
    let fleet = TestFleet::sealed();
    let bytes = fleet.read("sealed/forge/manifest.json");
    let key = KEYS.bob.private().to_str().unwrap();
    let output = attack::pipe(
        "ssh-keygen",
        &["-q", "-Y", "sign", "-O", "hashalg=sha256", "-n", MANIFEST, "-f", key],
        &bytes,
    );
    assert!(verify(&bytes, &String::from_utf8(output.stdout).unwrap(), &[&KEYS.bob]).is_ok());
    let armored = attack::signature(&KEYS.carol, MANIFEST, &bytes);
    assert!(verify(&bytes, &armored, &[&KEYS.bob]).is_err());
    fleet
        .refuses(
            [
                "admin",
                "add",
                "carol",
                "--recipient",
                &KEYS.carol.public(),
                "--signing-key",
                &KEYS.carol.public(),
            ],
            2,
        )
        .says(&["only ssh-ed25519 keys can sign"]);
}

#[test]
fn a_tree_that_an_admin_signed_again_with_ssh_keygen_passes_check() {
    let fleet = TestFleet::sealed();
    fleet.forge_manifest("forge", &KEYS.alice, "\"version\":2", "\"version\":2");
    fleet.assert_clean();
}

#[test]
fn a_ledger_line_that_an_admin_signed_with_ssh_keygen_counts() {
    let fleet = TestFleet::sealed();
    fleet.forge_line("shared/token", &KEYS.alice, |line| line["event"] = "rekeyed".into());
    fleet.run(["log", "shared/token"]).ok().prints(&["rekeyed"]);
    assert_eq!(fleet.show("shared/token"), "shared-token-value");
    fleet.assert_clean();
}
