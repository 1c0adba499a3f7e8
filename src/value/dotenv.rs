//! Environment files as systemd reads them: `systemd.exec(5)`, `EnvironmentFile=`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Whether a text can be the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether every line is a comment or an assignment, no variable is set twice, and these are set and not empty.
pub(super) fn test(bytes: &[u8], names: &BTreeSet<String>) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut set: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let read = read(rest).map_err(|reason| format!("line {line} {reason}"))?;
        if let Some((name, empty)) = read.assignment
            && let Some((first, _)) = set.insert(name, (line, empty))
        {
            return Err(format!("line {line} sets the variable of line {first} again"));
        }
        line += read.taken.matches('\n').count();
        rest = rest.strip_prefix(read.taken).unwrap_or_default();
    }
    for name in names {
        match set.get(name.as_str()) {
            None => return Err(format!("`{name}` is not set")),
            Some((_, true)) => return Err(format!("`{name}` is empty")),
            Some((_, false)) => {}
        }
    }
    Ok(())
}

/// One comment, empty line or assignment, which may run over several lines.
struct Read<'a> {
    taken: &'a str,
    /// The variable, and whether its value is empty.
    assignment: Option<(&'a str, bool)>,
}

fn read(rest: &str) -> Result<Read<'_>, String> {
    let line = rest.split_inclusive('\n').next().unwrap_or_default();
    let trimmed = line.trim_start();
    if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
        return Ok(Read { taken: line, assignment: None });
    }
    let Some((name, _)) = trimmed.split_once('=') else {
        return Err("is neither a comment nor `NAME=VALUE`".to_owned());
    };
    let name = name.trim_end();
    if !is_name(name) {
        return Err("has something before `=` that is no name of a variable".to_owned());
    }
    let start = rest.find('=').map_or(rest.len(), |at| at + 1);
    let (value, behind) = rest.split_at(start);
    let (length, empty) = value_of(behind)?;
    let taken = rest.get(..value.len() + length).unwrap_or(rest);
    Ok(Read { taken, assignment: Some((name, empty)) })
}

/// How far a value reaches, its newline included, and whether it is empty.
fn value_of(text: &str) -> Result<(usize, bool), String> {
    let mut quote = None;
    let mut empty = true;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => {
                escaped = false;
                empty &= c == '\n';
            }
            (Some('"') | None, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => empty = false,
            (None, '"' | '\'') => quote = Some(c),
            (None, '\n') => return Ok((at + 1, empty)),
            (None, c) => empty &= c.is_whitespace(),
        }
    }
    if quote.is_some() { Err("opens a quote that is not closed".to_owned()) } else { Ok((text.len(), empty)) }
}
