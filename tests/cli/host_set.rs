//! Changes of what the fleet file says about a host.

use crate::common::KEYS;
use crate::common::TestFleet;

#[test]
fn what_is_set_about_a_host_changes_nothing_else() {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", "[hosts.luna]", "# in the attic\n[hosts.luna] # noisy");
    let before = fleet.tree();
    fleet.run(["host", "set", "luna", "--state", "dormant", "--tag", "b", "--tag", "a"]).ok();
    assert_eq!(fleet.tree().changed_since(&before), ["secretctl.toml"]);
    let text = fleet.text("secretctl.toml");
    assert!(text.contains("# in the attic\n[hosts.luna] # noisy\n"), "{text}");
    assert!(
        text.contains("services = [\"restic\", \"sonarr\"]\ntags = [\"a\", \"b\"]\nstate = \"dormant\"\n"),
        "{text}"
    );
    fleet.run(["seal"]).ok();
    assert!(!fleet.exists("sealed/luna"));
    let ran = fleet
        .run(["host", "set", "luna", "--state", "active", "--system", "aarch64-linux", "--service", "restic"])
        .ok();
    assert_eq!(ran.stdout(), "system: none -> aarch64-linux\nservices: -sonarr\nstate: dormant -> active\n");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    let before = fleet.tree();
    fleet.run(["host", "set", "luna", "--state", "active"]).ok().says(&["is so already"]);
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn a_host_gets_no_key_of_another_and_no_state_that_does_not_fit() {
    let fleet = TestFleet::sealed();
    fleet.run(["host", "add", "nova"]).ok();
    let luna = KEYS.luna.public();
    fleet.refuses(["host", "set", "nova", "--recipient", &luna], 2).says(&["the one of host `luna`"]);
    fleet.refuses(["host", "set", "nova", "--recipient", &KEYS.alice.public()], 2).says(&["admin `alice`"]);
    fleet
        .refuses(["host", "set", "nova", "--state", "active"], 2)
        .says(&["active host `nova` has no recipient"]);
    fleet.refuses(["host", "set", "nova", "--system", "x86"], 2).says(&["MACHINE-OS"]);
    fleet.refuses(["host", "set", "nowa", "--state", "dormant"], 2).says(&["did you mean `nova`?"]);
    fleet.refuses(["host", "set", "nova"], 2);
    // Its own key is no obstacle: a second one can stand beside it while it moves.
    let own = KEYS.forge.public();
    let ran =
        fleet.run(["host", "set", "forge", "--recipient", &own, "--recipient", &KEYS.nova.public()]).ok();
    assert_eq!(ran.stdout(), format!("recipients: +{}\n", KEYS.nova.public()));
    let ran = fleet.run(["host", "set", "forge", "--recipient", &KEYS.nova.public()]).ok();
    ran.says(&["may be in other hands", "host set forge --compromised"]);
}
