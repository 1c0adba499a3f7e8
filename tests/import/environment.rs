//! What a repository sees of the environment while it is evaluated.

use super::repository::Repository;
use crate::common::KEYS;

const NEEDLE: &str = "needle-env-8a21";

#[test]
fn a_repository_that_is_evaluated_does_not_see_a_private_key_in_the_environment() {
    let repository = Repository::new();
    let (alice, forge) = (KEYS.alice.public(), KEYS.forge.public());
    repository.age("secrets/a.age", "a", &[&alice, &forge]);
    repository
        .write("secrets/secrets.nix", format!("{{ \"a.age\".publicKeys = [ \"{alice}\" \"{forge}\" ]; }}\n"));
    repository.write(
        "flake.nix",
        "{ outputs = _: { nixosConfigurations.forge.config.age.secrets.a = { file = ./secrets/a.age; owner = \"saw-${builtins.getEnv \"SOPS_AGE_KEY\"}-${builtins.getEnv \"HOME\"}\"; }; }; }\n",
    );
    let ran = repository.init_cmd("agenix", &["--host", "forge="]).env("SOPS_AGE_KEY", NEEDLE).run().ok();
    assert!(!format!("{ran}").contains(NEEDLE), "{ran}");
    assert_eq!(repository.fleet.leaks(&[NEEDLE]), [""; 0]);
    // It was evaluated, and saw what is no secret.
    assert_ne!(repository.fleet.leaks(&["saw--/"]), [""; 0], "{ran}");
}
