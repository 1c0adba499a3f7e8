//! Many commands at once: each is done whole or says who is in the way.

use crate::common::TestFleet;
use crate::random::rounds;

/// How many write at once.
const WRITERS: usize = 16;

#[test]
fn writers_at_once_lose_nothing() {
    rounds(6, |random, seed| {
        let fleet = TestFleet::sealed();
        let tasks: Vec<(String, String)> = (0..WRITERS)
            .map(|at| match random.below(2) {
                0 => ("shared/token".to_owned(), format!("value {at}")),
                _ => (format!("shared/own-{at}"), format!("value {at}")),
            })
            .collect();
        std::thread::scope(|scope| {
            for (name, value) in &tasks {
                let fleet = &fleet;
                scope.spawn(move || {
                    let ran = fleet.set(name, value);
                    let waited_in_vain = ran.code() == 4 && ran.stderr().contains("lock::");
                    assert!(ran.code() == 0 || waited_in_vain, "{seed}: {name}: {ran}");
                    if ran.code() == 0 && name != "shared/token" {
                        assert_eq!(fleet.show(name), *value, "{seed}: {name}");
                    }
                });
            }
        });
        fleet.run(["seal"]).ok();
        fleet.assert_clean();
        let shown = fleet.show("shared/token");
        let given = tasks.iter().any(|(name, value)| name == "shared/token" && *value == shown);
        assert!(given || shown == "shared-token-value", "{seed}: {shown}");
    });
}
