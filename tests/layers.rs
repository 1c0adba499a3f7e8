//! Holds the layer table: a module uses only what stands to its right.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// The table of `docs/explanation/architecture.md`. Leaves (`name`, `secret`, `diag`, `fsx`) use only each
/// other's vocabulary of errors.
const LAYERS: [(&str, &[&str]); 20] = [
    ("cli", &["ops", "diag", "name", "secret"]),
    (
        "ops",
        &[
            "import", "store", "policy", "sops", "value", "host", "ledger", "manifest", "roots", "fleet",
            "crypto", "git", "sandbox", "fsx", "diag", "secret", "name",
        ],
    ),
    ("import", &["fleet", "sops", "crypto", "sandbox", "diag", "secret", "name"]),
    ("host", &["manifest", "roots", "crypto", "fsx", "diag", "secret", "name"]),
    ("policy", &["value", "fleet", "diag", "name"]),
    ("value", &["secret", "name"]),
    ("store", &["sops", "manifest", "ledger", "roots", "crypto", "fsx", "diag", "secret", "name"]),
    ("sops", &["crypto", "diag", "secret", "name"]),
    ("manifest", &["crypto", "diag", "name"]),
    ("roots", &["crypto", "diag", "name"]),
    ("ledger", &["crypto", "diag", "name"]),
    ("fleet", &["roots", "crypto", "diag", "name"]),
    ("crypto", &["diag", "secret"]),
    ("fsx", &["diag", "secret"]),
    ("git", &["diag"]),
    ("sandbox", &[]),
    ("name", &[]),
    ("secret", &[]),
    ("diag", &[]),
    ("lib", &[]),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The top-level module that a file belongs to; none for the programs.
fn module_of(path: &Path, source: &Path) -> Option<String> {
    let inside = path.strip_prefix(source).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    let module = first.trim_end_matches(".rs");
    (!matches!(module, "main" | "bin")).then(|| module.to_owned())
}

/// Every `X` of `crate::X` in the text, comments and tests included.
fn uses(text: &str) -> BTreeSet<String> {
    let mut uses = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, found)| text.split_at(at + found.len())) {
        assert!(!rest.starts_with('{'), "write one module per line instead of `crate::{{…}}`");
        uses.insert(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
    }
    uses
}

#[test]
fn every_edge_between_modules_is_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let mut wrong = Vec::new();
    for file in rust_files(&source) {
        let Some(module) = module_of(&file, &source) else { continue };
        let allowed = table.get(module.as_str()).unwrap_or_else(|| panic!("`{module}` is not in the table"));
        for used in uses(&std::fs::read_to_string(&file).unwrap()) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses `{used}`", file.strip_prefix(&source).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that are not in the table:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_lists_no_module_that_is_gone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, uses) in LAYERS {
        for name in uses.iter().chain([&module]) {
            assert!(source.join(format!("{name}.rs")).exists(), "`{name}` is gone");
        }
    }
}
