//! Files that somebody with push rights changes: nothing foreign is shown or sealed, and `check` sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::common::TestFleet;
use crate::random::Random;
use crate::random::rounds;

/// Every file that is signed, or whose digest is.
fn files(fleet: &TestFleet) -> Vec<PathBuf> {
    let listed = fleet.git(&["ls-files", "secrets", "sealed"]);
    listed.lines().map(|line| fleet.path(line)).collect()
}

/// Changes one file in a way that a random byte, a cut, or another file of the same repository gives.
fn mutate(files: &[PathBuf], random: &mut Random) -> String {
    let (file, other) = (random.pick(files), random.pick(files));
    let mut bytes = std::fs::read(file).unwrap();
    let at = random.below(bytes.len());
    let what = match random.below(7) {
        0 => {
            bytes[at] ^= 1 << random.below(8);
            "a flipped bit"
        }
        1 => {
            bytes.truncate(at);
            "a cut"
        }
        2 => {
            bytes.insert(at, b'0');
            "a byte more"
        }
        3 => {
            bytes.remove(at);
            "a byte less"
        }
        4 => {
            bytes = std::fs::read(other).unwrap();
            "another file"
        }
        5 => {
            let again = bytes.clone();
            bytes.extend(again);
            "itself twice"
        }
        _ => {
            std::fs::remove_file(file).unwrap();
            return format!("{} removed", file.display());
        }
    };
    std::fs::write(file, bytes).unwrap();
    format!("{} with {what} at {at} ({})", file.display(), other.display())
}

#[test]
fn a_change_of_any_file_is_found_and_shows_nothing_foreign() {
    let fleet = TestFleet::sealed().in_git();
    let names = ["shared/token", "forge/sonarr/api-key", "luna/restic/password"];
    let values: BTreeMap<&str, String> = names.into_iter().map(|name| (name, fleet.show(name))).collect();
    let files = files(&fleet);
    rounds(400, |random, seed| {
        let place = format!("{seed}: {}", mutate(&files, random));
        let differs = fleet.git(&["status", "--porcelain"]);
        for (name, value) in &values {
            let ran = fleet.run(["show", name]);
            let fine = if ran.code() == 0 { ran.stdout() == *value } else { ran.stdout().is_empty() };
            assert!(fine, "{place}: {name}: {ran}");
        }
        let check = fleet.run(["check"]);
        assert_eq!(check.code() == 0, differs.is_empty(), "{place}: {check}");
        fleet.git(&["checkout", "--quiet", "--", "."]);
    });
    fleet.assert_clean();
}
