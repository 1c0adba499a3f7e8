//! Text of others inside our Markdown: it stays text, whatever it holds, and calls nobody.

use crate::cli::ui::printable;

/// What follows a sign that would otherwise call a person or refer to an issue.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// A text of others as part of a sentence or cell.
pub(in crate::cli) fn prose(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '@' | '#' => shown.extend([c, ZERO_WIDTH_SPACE]),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => {
                shown.push_str(&format!("&#{};", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// A name or place as code. In code nobody is called; signs that end it or a cell stand as references.
pub(in crate::cli) fn code(text: &str) -> String {
    let text = one_line(text);
    let plain = |c: char| c.is_alphanumeric() || " ./:-_{}*,()\"@%~^+=…→".contains(c);
    if !text.is_empty() && text.trim() == text && text.chars().all(plain) {
        return format!("`{text}`");
    }
    let escape = |c: char| match c {
        c if c.is_alphanumeric() || " ./:-…".contains(c) => c.to_string(),
        c => format!("&#{};", u32::from(c)),
    };
    format!("<code>{}</code>", text.chars().map(escape).collect::<String>())
}

/// The text on one line, with signs that are not seen made visible.
fn one_line(text: &str) -> String {
    let hidden =
        |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let line = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    line.chars().map(|c| if hidden(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_leave_its_cell_or_become_markup() {
        let hostile = "a | b\n# c `d` <img src=x> [e](f) **g** \\| &lt; ~~h~~\r\n</details>\u{202e}";
        for shown in [prose(hostile), code(hostile)] {
            let inside = shown.trim_start_matches("<code>").trim_end_matches("</code>");
            assert!(
                !inside.contains(['|', '\n', '\r', '`', '<', '>', '[', ']', '*', '\\', '\u{202e}']),
                "{shown}"
            );
        }
    }

    #[test]
    fn nobody_is_called_and_no_issue_is_referred_to() {
        assert_eq!(prose("ask @ops, see #12"), "ask @\u{200b}ops, see #\u{200b}12");
        assert_eq!(code("@ops"), "`@ops`");
        assert_eq!(code("a|@ops#1"), "<code>a&#124;&#64;ops&#35;1</code>");
    }

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(code("policies/access.rhai:3"), "`policies/access.rhai:3`");
        assert_eq!(code("host/{service}/**"), "`host/{service}/**`");
        assert_eq!(prose("backups need it (since 2026)"), "backups need it (since 2026)");
    }
}
