//! Scalars as YAML text that every reader takes for the same value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;
use crate::sops::tree::Scalar;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::resolve;
use crate::sops::yaml::token::Style;

/// Longest key that may stand without `?`, by the grammar.
const KEY_MAX: usize = 1000;

/// Where a scalar is to stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// How the scalar there is quoted so far.
    pub(super) style: Style,
    /// Within braces or brackets.
    pub(super) flow: bool,
    /// Indentation of a block scalar here; none where there cannot be one.
    pub(super) block: Option<usize>,
    /// Whether a line break follows, so that a block scalar may end in one.
    pub(super) break_follows: bool,
    /// The line ends of the text.
    pub(super) line_end: &'static str,
}

/// The text of a value.
pub(super) fn scalar(value: &Scalar, slot: Slot) -> SecretBytes {
    match value {
        Scalar::Str(text) => string(text.expose(), slot),
        Scalar::Int(text) => typed("!!int", text.expose(), slot),
        Scalar::Float(text) => typed("!!float", &float(text.expose()), slot),
        Scalar::Time(text) => typed("!!timestamp", text.expose(), slot),
        Scalar::Bool(true) => typed("!!bool", b"true", slot),
        Scalar::Bool(false) => typed("!!bool", b"false", slot),
        Scalar::Null => SecretBytes::from(b"null".to_vec()),
        Scalar::EmptyMap => SecretBytes::from(b"{}".to_vec()),
        Scalar::EmptyList => SecretBytes::from(b"[]".to_vec()),
    }
}

/// A value that is no string. Where a quoted scalar stood it stays quoted, so that the quotes are there again when the
/// value is encrypted; in braces these are needed anyway.
fn typed(tag: &str, text: &[u8], slot: Slot) -> SecretBytes {
    let quoted = matches!(slot.style, Style::Single | Style::Double);
    if slot.flow || !quoted {
        return SecretBytes::from(text.to_vec());
    }
    let quote: &[u8] = if slot.style == Style::Single { b"'" } else { b"\"" };
    SecretBytes::from([tag.as_bytes(), b" ", quote, text, quote].concat())
}

/// A float must not look like an integer.
fn float(canonical: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = match canonical {
        b"+Inf" => b".inf".to_vec(),
        b"-Inf" => b"-.inf".to_vec(),
        b"NaN" => b".nan".to_vec(),
        digits if digits.contains(&b'.') => digits.to_vec(),
        digits => [digits, b".0"].concat(),
    };
    Zeroizing::new(text)
}

/// A key of a map.
pub(super) fn key(name: &str, flow: bool) -> Result<String, TextErrorKind> {
    if name.len() > KEY_MAX {
        return Err(TextErrorKind::TooLarge { what: "the length of the key", limit: KEY_MAX });
    }
    if is_plain(name, flow) {
        return Ok(name.to_owned());
    }
    Ok(String::from_utf8_lossy(double(name).expose()).into_owned())
}

fn string(bytes: &[u8], slot: Slot) -> SecretBytes {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let packed = Zeroizing::new(STANDARD.encode(bytes));
        return SecretBytes::from([b"!!binary ", packed.as_bytes()].concat());
    };
    let plain = || SecretBytes::from(bytes.to_vec());
    match slot.style {
        // What is encrypted stands without quotes, as sops writes it.
        Style::Plain | Style::Literal | Style::Folded if is_plain(text, slot.flow) => plain(),
        Style::Single if is_quotable(text) => single(text),
        Style::Single | Style::Double => double(text),
        _ => literal(text, slot)
            .or_else(|| (is_quotable(text) && !slot.flow && !is_word(text)).then(|| single(text)))
            .unwrap_or_else(|| double(text)),
    }
}

/// Text that would be something else than a string without quotes; sops writes it in double quotes.
fn is_word(text: &str) -> bool {
    !resolve::is_string(text) || is_old_word(text)
}

/// What YAML 1.1 takes for true and false, and numbers to base 60.
fn is_old_word(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "<<", "="];
    let sixty =
        text.contains(':') && text.bytes().all(|byte| byte.is_ascii_digit() || b":._+-".contains(&byte));
    words.iter().any(|word| word.eq_ignore_ascii_case(text)) || sixty
}

/// Tells whether the text may stand without quotes, and is a string then.
pub(super) fn is_plain(text: &str, flow: bool) -> bool {
    let first = text.as_bytes().first().copied().unwrap_or(b' ');
    let indicator = b"-?:,[]{}#&*!|>'\"%@`. \t~".contains(&first);
    let last = text.as_bytes().last().copied().unwrap_or(b' ');
    let mut pairs = text.as_bytes().windows(2);
    let splits = pairs.any(|pair| matches!(pair, b": " | b" #"));
    let closes = flow && text.bytes().any(|byte| b",[]{}?:".contains(&byte));
    !indicator && !matches!(last, b' ' | b':') && !splits && !closes && is_quotable(text) && !is_word(text)
}

/// Tells whether single quotes can hold the text: one line of characters that may stand as they are.
fn is_quotable(text: &str) -> bool {
    text.chars().all(|c| is_printable(c) && c != '\t')
}

/// Characters that every YAML reader takes as they are within a line.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn single(text: &str) -> SecretBytes {
    let doubled = Zeroizing::new(text.replace('\'', "''"));
    SecretBytes::from(format!("'{}'", *doubled).into_bytes())
}

/// Double quotes, with all that is not printable escaped.
pub(super) fn double(text: &str) -> SecretBytes {
    let mut quoted = SecretBytes::with_capacity(text.len() + 2);
    quoted.extend(b"\"");
    for c in text.chars() {
        let short: &[u8] = match c {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\r' => b"\\r",
            '\t' => b"\\t",
            _ => b"",
        };
        if !short.is_empty() {
            quoted.extend(short);
        } else if is_printable(c) {
            quoted.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            let code = u32::from(c);
            let width = if code < 0x100 { 2 } else { 4 };
            let letter = if width == 2 { 'x' } else { 'u' };
            quoted.extend(Zeroizing::new(format!("\\{letter}{code:0width$X}")).as_bytes());
        }
    }
    quoted.extend(b"\"");
    quoted
}

/// Several lines as a block, where the place allows it and the lines come back as they are.
fn literal(text: &str, slot: Slot) -> Option<SecretBytes> {
    let indent = slot.block?;
    let ends = text.ends_with('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    let last = body.rsplit('\n').next().unwrap_or_default();
    let fits = text.contains('\n')
        && !body.starts_with([' ', '\t', '\n'])
        && !last.trim_matches([' ', '\t']).is_empty()
        && (slot.break_follows || !ends)
        && text.chars().all(|c| c == '\n' || is_printable(c));
    if !fits {
        return None;
    }
    let lines = body.split('\n').count();
    let mut block = SecretBytes::with_capacity(body.len() + lines * (indent + 2) + 2);
    block.extend(if ends { b"|" } else { b"|-" });
    for line in body.split('\n') {
        block.extend(slot.line_end.as_bytes());
        if !line.is_empty() {
            block.extend(" ".repeat(indent).as_bytes());
            block.extend(line.as_bytes());
        }
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, style: Style, flow: bool) -> String {
        let slot = Slot { style, flow, block: (!flow).then_some(2), break_follows: true, line_end: "\n" };
        String::from_utf8_lossy(scalar(&Scalar::str(text.as_bytes()), slot).expose()).into_owned()
    }

    #[test]
    fn a_string_that_would_be_something_else_is_quoted() {
        for text in ["5", "true", "~", "", "0x1", "2020-01-02", "yes", "1:20", ".5"] {
            assert_eq!(written(text, Style::Plain, false), format!("\"{text}\""));
        }
        for text in ["- a", "a: b", "a #b", "'a", "a:", "a ", "!a", "%a", "@a"] {
            assert_eq!(written(text, Style::Plain, false), format!("'{}'", text.replace('\'', "''")));
        }
        assert_eq!(written("a,b [c]", Style::Plain, false), "a,b [c]");
        assert_eq!(written("a,b [c]", Style::Plain, true), "\"a,b [c]\"");
    }

    #[test]
    fn lines_become_a_block_only_where_they_come_back_as_they_are() {
        assert_eq!(written("a\nb\n", Style::Plain, false), "|\n  a\n  b");
        assert_eq!(written("a\n\n# b", Style::Literal, false), "|-\n  a\n\n  # b");
        for text in ["a\n\n", " a\nb", "\na\n", "a\r\nb", "a\nb\u{2028}", "a\n "] {
            assert!(written(text, Style::Plain, false).starts_with('"'), "{text:?}");
        }
        assert!(written("a\nb", Style::Plain, true).starts_with('"'));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            written("a\u{0}\u{1b}\t\u{85}\u{feff}\"", Style::Plain, false),
            r#""a\x00\x1B\t\x85\uFEFF\"""#
        );
    }

    #[test]
    fn a_float_keeps_looking_like_one() {
        let slot =
            Slot { style: Style::Plain, flow: false, block: None, break_follows: true, line_end: "\n" };
        let three = Scalar::Float(SecretBytes::from(b"3".to_vec()));
        assert_eq!(scalar(&three, slot).expose(), b"3.0");
        let slot = Slot { style: Style::Double, ..slot };
        assert_eq!(scalar(&Scalar::Bool(true), slot).expose(), b"!!bool \"true\"");
    }
}
