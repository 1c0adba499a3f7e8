//! Documents with keys of other tools, when an admin vouches for what is in them.

use serde_json::Value;
use serde_json::json;

use super::documents::admins;
use super::documents::encrypted;
use crate::common::TestFleet;

const DOCUMENT: &str = "secrets/cloud.sops.json";

/// A document that somebody has made for the admins, and for a key service as well. No key of a service decrypts here, and none
/// is asked: `sops` writes for the admins, and the stanza that it would write for the service follows.
fn with_key_service() -> TestFleet {
    let fleet = TestFleet::new().policy("allow(\"cloud/**\");\n");
    encrypted(&fleet, DOCUMENT, "{ \"token\": \"the first value\" }", &admins());
    let mut whole: Value = serde_json::from_str(&fleet.text(DOCUMENT)).unwrap();
    whole["sops"]["kms"] = json!([{
        "arn": "arn:aws:kms:eu-central-1:123456789012:key/0a1b", "created_at": "2026-11-20T08:00:00Z",
        "enc": "AQICAHg=", "aws_profile": ""
    }]);
    fleet.write(DOCUMENT, serde_json::to_string_pretty(&whole).unwrap());
    fleet
}

#[test]
fn a_document_whose_maker_keeps_its_data_key_is_not_adopted_unless_somebody_says_so() {
    let fleet = with_key_service();
    let before = fleet.tree();
    let ran = fleet.run(["adopt"]).with_code(1);
    ran.says(&[
        "error[adopt::data_key]",
        "arn:aws:kms",
        "adopt --drop-foreign cloud",
        "--danger-keep-data-key",
    ]);
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
    fleet.run(["adopt", "--drop-foreign", "--danger-keep-data-key"]).with_code(2);
    fleet.run(["check"]).with_code(3).says(&["document::unadopted"]);
}

#[test]
fn keys_of_other_tools_go_when_told_to_and_the_data_key_with_them() {
    let fleet = with_key_service();
    let before: Value = serde_json::from_str(&fleet.text(DOCUMENT)).unwrap();
    fleet.run(["adopt", "--drop-foreign"]).ok().says(&["has a new data key"]);
    let after: Value = serde_json::from_str(&fleet.text(DOCUMENT)).unwrap();
    assert_ne!(before["token"], after["token"]);
    assert!(!fleet.text(DOCUMENT).contains("arn:aws:kms"));
    assert_eq!(fleet.show("cloud/token"), "the first value");
    fleet.set("cloud/token", "the second value").ok();
    fleet.run(["check"]).ok();
}

#[test]
fn a_data_key_is_kept_where_somebody_takes_that_on_themselves() {
    let fleet = with_key_service();
    let before: Value = serde_json::from_str(&fleet.text(DOCUMENT)).unwrap();
    let ran = fleet.run(["adopt", "--danger-keep-data-key", "--format", "json"]).ok();
    assert_eq!(ran.json()["kept"], json!([DOCUMENT]));
    let mut after: Value = serde_json::from_str(&fleet.text(DOCUMENT)).unwrap();
    // How the document was left is signed in it, and nothing else is new.
    assert!(after["sops"].as_object_mut().unwrap().remove("secretctl").is_some());
    assert_eq!(before, after);
    assert_eq!(fleet.show("cloud/token"), "the first value");
    fleet.run(["check"]).ok();
}
