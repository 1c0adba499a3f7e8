//! The language for editors and people: definitions for language servers, and the page that lists everything.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use super::declare::Recorder;
use super::engine::Sandbox;
use super::facts::Roster;
use super::imports::Imports;
use super::language;
use super::language::Entry;
use super::language::Kind;
use super::language::LANGUAGE;
use super::language::Scope;
use super::suite;
use crate::fleet::Fleet;

/// What a definition file starts with.
const HEADER: &str = "\
// What policies of secretctl can say, for the language server of an editor.
// Made by `secretctl policy definitions`; it declares nothing and does not belong into `policies/`.
";

/// The parts of the page, in order.
const PARTS: [(Scope, &str, &str); 5] = [
    (Scope::Rules, "Declarations", "What files at the top of `policies/` and what they import can say."),
    (Scope::Requirements, "Requirements", "What `validate(..)` takes, alone or in an array."),
    (Scope::Generators, "Generators", "What `generate(..)` takes."),
    (Scope::Facts, "Facts", "What policies, conditions and tests know about the fleet. It can be read only."),
    (Scope::Tests, "Tests", "What files in `policies/tests/` can say besides facts."),
];

/// Definitions of everything that a policy or a test of one can call, as a language server for Rhai reads them.
pub fn definitions() -> String {
    let roster = Arc::new(Roster::new(&Fleet::default()));
    let recorder = Recorder::new(Arc::clone(&roster));
    let imports = || Imports::new(Arc::default());
    let rules = Sandbox::for_files(&roster, &recorder, imports());
    let tests = suite::sandbox_for_definitions(imports());
    let mut items = BTreeSet::new();
    for engine in [rules.engine(), tests.engine()] {
        let definitions = engine.definitions().with_headers(false).include_standard_packages(false);
        items.extend(definitions.static_module().split("\n\n").map(|item| item.trim().to_owned()));
    }
    // What is registered only to say that it does not exist, and what is no function of ours.
    items.retain(|item| item.contains("///"));
    // The engine takes `until` for a keyword and leaves it out.
    items.extend(language::entry("rule", "until").map(Entry::definition));
    let items: Vec<String> = items.into_iter().collect();
    format!(
        "{HEADER}\nmodule static;\n\n/// The hosts and admins of `secretctl.toml`.\nconst fleet: fleet;\n\n{}\n",
        items.join("\n\n")
    )
}

/// The page that lists every function, method and property.
pub fn page() -> String {
    let mut text = String::from(
        "# Policy functions\n\nEvery function, method and property of the [policy language](policy.md). Made from the table that registers them, by `scripts/docs`;\na test keeps it current.\n",
    );
    for (scope, title, about) in PARTS {
        let _ = write!(text, "\n## {title}\n\n{about}\n\n| | written as | |\n| --- | --- | --- |\n");
        for entry in LANGUAGE.iter().filter(|entry| entry.scope == scope) {
            let usage = entry.usage.replace('|', "\\|");
            let _ = writeln!(
                text,
                "| `{}` | `{usage}` | {} |",
                entry.signature(),
                entry.about.replace('|', "\\|")
            );
        }
    }
    text
}

impl Entry {
    /// The entry as a heading: `rule.hosts(selector)`, `allow(patterns)`, `host.name`.
    fn signature(&self) -> String {
        let of = if self.of.is_empty() { String::new() } else { format!("{}.", self.of) };
        if self.kind == Kind::Property {
            return format!("{of}{}", self.name);
        }
        let name = |parameter: &&str| parameter.split(':').next().unwrap_or_default().to_owned();
        let parameters: Vec<String> = self.parameters.iter().map(name).collect();
        format!("{of}{}({})", self.name, parameters.join(", "))
    }
}
