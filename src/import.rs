//! What other tools keep: readers that describe a repository of theirs, and the plan that follows from it.
//!
//! Nothing here decrypts or writes. Names, recipients and declarations need no private key.

mod age_file;
mod agenix;
mod agenix_rekey;
mod alias;
mod declare;
mod declared;
mod eval;
mod facts;
mod folder;
mod found;
mod keys;
mod name;
mod nix;
mod pattern;
mod plan;
mod rules;
mod secrix;
mod sops_config;
mod sops_file;
mod sops_nix;
mod ssh_to_age;
mod tree;
mod vaultix;
mod yaml;

use std::collections::BTreeSet;
use std::path::Path;

pub use eval::Evaluation;
pub use eval::NIX_VARIABLES;
pub use eval::Nix;
pub use found::Body;
pub use found::Found;
pub use found::FoundHost;
pub use found::FoundReader;
pub use found::ReaderKind;
pub use found::StoreFile;
pub use found::Tool;
pub use found::Use;
pub use plan::NewFleet;
pub use plan::Pairs;
pub use plan::Plan;
pub use plan::PlannedDocument;
pub use plan::PlannedSecret;
pub use plan::Wishes;
pub use rules::Needed;
pub use rules::exact_rules;

use crate::crypto::Recipient;

/// Describes a repository that another tool keeps its secrets in. Keys of `people` of the fleet are no machine's, unless
/// nobody else can open a file that machines open.
pub fn read(root: &Path, tool: Tool, evaluation: &Evaluation, people: &BTreeSet<Recipient>) -> Found {
    let mut found = match tool {
        Tool::SopsNix => sops_nix::read(root, evaluation),
        Tool::Agenix => agenix::read(root, evaluation),
        Tool::AgenixRekey => agenix_rekey::read(root, evaluation),
        Tool::Secrix => secrix::read(root, evaluation),
        Tool::Vaultix => vaultix::read(root, evaluation),
        Tool::Folder => folder::read(root),
    };
    found.spare_people(people);
    if matches!(tool, Tool::SopsNix | Tool::Agenix | Tool::Secrix) {
        found.settle_shared(people);
    }
    ssh_to_age::settle(root, &mut found);
    found.forget(people);
    found.recovery.retain(|key| !people.contains(key));
    found
}
