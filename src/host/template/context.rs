//! Where in its line a placeholder stands: within quotes, as a whole value, or inside one.

use super::Format;

/// The place of a value in the text around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Context {
    /// Not within quotes, and all of the value.
    Whole,
    /// Not within quotes, with other text before or behind it.
    Part,
    /// Within `"…"`.
    Double,
    /// Within `'…'`.
    Single,
    /// Within TOML's `'''…'''`.
    TripleSingle,
    /// In a literal block of YAML; more lines are indented by the number of spaces, where there is one.
    Block(Option<usize>),
}

/// Finds the place of a value behind `before`; `after` is the text that follows, `None` for another value.
pub(super) fn context(format: Format, before: &str, after: Option<&str>) -> Context {
    let line = before.rsplit('\n').next().unwrap_or_default();
    match format {
        Format::DockerEnv | Format::None => return Context::Whole,
        Format::Toml if before.matches("\"\"\"").count() % 2 == 1 => return Context::Double,
        Format::Toml if before.matches("'''").count() % 2 == 1 => return Context::TripleSingle,
        Format::Yaml if in_block(before) => {
            let alone = line.chars().all(|c| c == ' ');
            return Context::Block(alone.then_some(line.len()));
        }
        _ => {}
    }
    match open_quote(format, line) {
        Some('"') => Context::Double,
        Some(_) => Context::Single,
        None if is_whole(format, line, after) => Context::Whole,
        None => Context::Part,
    }
}

/// The quote that is open at the end of a line's beginning.
fn open_quote(format: Format, line: &str) -> Option<char> {
    let mut open = None;
    let mut last = ' ';
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let escapes = open == Some('"') || (open.is_none() && format == Format::Dotenv);
        match open {
            _ if escapes && c == '\\' => drop(chars.next()),
            Some(quote) if c == quote => open = None,
            None if c == '"' || (c == '\'' && format != Format::Json) => {
                // An apostrophe within a word opens nothing, except in a shell.
                let opens = matches!(format, Format::Dotenv | Format::Json) || !last.is_alphanumeric();
                open = opens.then_some(c);
            }
            _ => {}
        }
        last = c;
    }
    open
}

fn is_whole(format: Format, line: &str, after: Option<&str>) -> bool {
    let Some(after) = after else { return false };
    let line_ends = after.is_empty() || after.starts_with(['\n', '\r']);
    match format {
        Format::Dotenv => line.ends_with('=') && line_ends,
        Format::Yaml => {
            let head = line.trim_end_matches(' ');
            let starts = head.is_empty()
                || head.ends_with(['[', '{', ','])
                || (head.len() < line.len() && head.ends_with([':', '-']));
            starts && (line_ends || after.starts_with([',', ']', '}', ' ']))
        }
        _ => true,
    }
}

/// Whether the current line of a YAML text belongs to a literal block (`key: |`).
fn in_block(before: &str) -> bool {
    let mut lines = before.rsplit('\n');
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let current = lines.next().unwrap_or_default();
    let mut depth = indent(current);
    for line in lines.filter(|line| !line.trim().is_empty()) {
        if indent(line) >= depth {
            continue;
        }
        depth = indent(line);
        let head = line.trim_end().trim_end_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        if head.ends_with(": |") || head.ends_with("- |") {
            return true;
        }
    }
    false
}
