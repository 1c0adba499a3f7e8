//! The reference page of the command line, made from the argument definitions themselves.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Command;
use clap::CommandFactory;

use super::secretctl::Cli;

/// The text of `docs/reference/cli.md`.
pub fn page() -> String {
    let mut text = String::from(
        "# Command line\n\nMade from the program's own definitions by `scripts/docs`; a test keeps it current.\n",
    );
    let mut root = Cli::command();
    root.build();
    section(&mut text, &root, "secretctl", 2);
    text
}

/// Every command with the commands below it, by name.
pub fn commands() -> BTreeMap<String, Vec<String>> {
    let names = |command: &Command| command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let root = Cli::command();
    root.get_subcommands().map(|sub| (sub.get_name().to_owned(), names(sub))).collect()
}

fn section(text: &mut String, command: &Command, name: &str, depth: usize) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(text, "\n{} `{name}`\n\n{about}.\n", "#".repeat(depth));
    if depth > 2 {
        let usage = command.clone().render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
    }
    let _ = text.write_str(&options(command, depth));
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
        section(text, sub, &format!("{name} {}", sub.get_name()), (depth + 1).min(4));
    }
}

/// A table of arguments; the global ones only where they are declared.
fn options(command: &Command, depth: usize) -> String {
    let ours = |arg: &&clap::Arg| {
        !matches!(arg.get_id().as_str(), "help" | "version") && (depth == 2 || !arg.is_global_set())
    };
    let rows: Vec<String> = command.get_arguments().filter(ours).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n| argument | meaning |\n| --- | --- |\n{}\n", rows.join("\n"))
}

fn row(arg: &clap::Arg) -> String {
    let value =
        arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let shown = match arg.get_long() {
        Some(long) if arg.is_require_equals_set() => format!("--{long}[={value}]"),
        Some(long) if takes_value => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    };
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let choices: Vec<String> =
        arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect();
    if takes_value && !choices.is_empty() {
        let _ = write!(help, ": {}", choices.join(", "));
    }
    format!("| `{shown}` | {help} |")
}
