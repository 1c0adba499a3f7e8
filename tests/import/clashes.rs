//! What an import refuses, and what it leaves as it is.

use super::repository::Repository;
use super::repository::nix;
use crate::common::KEYS;

#[test]
fn placeholder_until_more_is_written() {
    let repository = Repository::new();
    let _ = (nix(), &KEYS.alice);
    repository.init("agenix", &[]).with_code(2).says(&["import::nothing"]);
}
