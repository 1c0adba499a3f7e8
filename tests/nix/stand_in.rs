//! The stand-in answers as the real things do.

use std::path::Path;

use crate::cases;
use crate::nix::Nix;
use crate::nix::ROOT;

/// What becomes of every case under one `lib`.
fn outcomes(nix: Nix, lib: &Path) -> serde_json::Value {
    nix.eval(&format!("import {ROOT}/tests/nix/lib/outcomes.nix (import {})", lib.display()))
}

fn stand_in() -> std::path::PathBuf {
    Path::new(ROOT).join("tests/nix/stand-in/lib")
}

#[test]
fn both_versions_of_nix_see_the_same_stand_in() {
    let here = outcomes(Nix::Current, &stand_in());
    assert!(here.as_object().unwrap().len() > 100);
    assert_eq!(outcomes(Nix::Oldest, &stand_in()), here);
}

#[test]
fn the_lib_of_nixpkgs_answers_as_the_stand_in_does() {
    let Some(checkouts) = cases::checkouts() else { return };
    let (real, here) =
        (outcomes(Nix::Current, &checkouts.join("nixpkgs.lib/lib")), outcomes(Nix::Current, &stand_in()));
    for (name, outcome) in real.as_object().unwrap() {
        assert_eq!(here[name], *outcome, "{name}");
    }
}
