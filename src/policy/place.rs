//! The bytes of a policy text that a message underlines.

use std::ops::Range;

use rhai::Position;

/// The span of the call, name or text that starts at `position`; empty when the place is not known.
pub(super) fn span(text: &str, position: Position) -> Range<usize> {
    let Some(start) = offset(text, position) else { return 0..0 };
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    start..start + underlined(line)
}

fn offset(text: &str, position: Position) -> Option<usize> {
    let line = position.line()?;
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let rest = text.get(before..)?;
    Some(before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

/// How much of `line`, from its start, is one call, name or quoted text.
fn underlined(line: &str) -> usize {
    let name = line.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(line.len());
    match line.get(name..).and_then(|rest| rest.chars().next()) {
        Some('(') if name > 0 => closing(line, name).unwrap_or(name),
        Some('"') if name == 0 => quoted(line).unwrap_or(1),
        Some(other) if name == 0 => other.len_utf8(),
        _ => name,
    }
}

/// Where the brackets that open at `from` have closed, if they do on this line.
fn closing(line: &str, from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = false;
    for (at, sign) in line.char_indices().skip_while(|(at, _)| *at < from) {
        match sign {
            '"' => quote = !quote,
            '(' if !quote => depth += 1,
            ')' if !quote => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn quoted(line: &str) -> Option<usize> {
    Some(line.get(1..)?.find('"')? + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn underlined_at(text: &str, line: u16, column: u16) -> &str {
        text.get(span(text, Position::new(line, column))).unwrap_or("outside")
    }

    #[test]
    fn a_call_is_underlined_with_its_arguments() {
        let text = "let ä = 1;\n  allow(\"a)b\", f(1)).hosts(x);\n";
        assert_eq!(underlined_at(text, 2, 3), "allow(\"a)b\", f(1))");
        assert_eq!(underlined_at(text, 2, 22), "hosts(x)");
        assert_eq!(underlined_at(text, 2, 9), "\"a)b\"");
        assert_eq!(underlined_at(text, 1, 5), "ä");
        assert_eq!(underlined_at(text, 1, 7), "=");
    }

    #[test]
    fn a_call_over_several_lines_is_underlined_by_its_name() {
        assert_eq!(underlined_at("allow([\n\"a\"])", 1, 1), "allow");
    }

    #[test]
    fn a_place_outside_the_text_underlines_nothing() {
        for (line, column) in [(9, 1), (1, 99), (2, 1)] {
            assert_eq!(underlined_at("abc", line, column), "");
        }
        assert_eq!(span("abc", Position::NONE), 0..0);
    }
}
