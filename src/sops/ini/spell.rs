//! Spelling keys, values and comments of INI so that they read back as they are.

use super::super::tree::Scalar;
use super::super::tree::TextErrorKind;
use super::scan;
use crate::secret::SecretBytes;

/// A scalar as the value of a key.
pub(super) fn scalar(scalar: &Scalar) -> Result<SecretBytes, TextErrorKind> {
    match scalar {
        Scalar::Bool(value) => self::value(if *value { b"true" } else { b"false" }),
        Scalar::EmptyMap | Scalar::EmptyList => {
            Err(TextErrorKind::Unsupported("INI has no maps and lists in a section"))
        }
        other => value(other.canonical().unwrap_or_default()),
    }
}

/// Refuses a value that `sops` would write in a way that reads back as another one.
pub(super) fn carried(value: &Scalar) -> Result<(), TextErrorKind> {
    let plain = value.canonical().unwrap_or_default();
    if reads_back(&as_sops(plain), plain) {
        return Ok(());
    }
    let reason =
        "the next edit with `sops` would change this value, for INI has no spelling of it that `sops` writes";
    Err(TextErrorKind::Unsupported(reason))
}

/// A value as the library behind `sops` writes it, which does not look whether it can be read.
fn as_sops(plain: &[u8]) -> SecretBytes {
    let has = |marks: &[u8]| plain.iter().any(|byte| marks.contains(byte));
    let trimmed = std::str::from_utf8(plain).is_ok_and(|text| text.trim().len() == text.len());
    let quote: &[u8] = match () {
        () if has(b"\n`") => b"\"\"\"",
        () if has(b"#;") => b"`",
        () if !trimmed => b"\"",
        () => b"",
    };
    let mut spelled = SecretBytes::with_capacity(plain.len() + 2 * quote.len());
    spelled.extend(quote);
    spelled.extend(plain);
    spelled.extend(quote);
    spelled
}

/// A value in the plainest spelling that reads back as the same.
pub(super) fn value(plain: &[u8]) -> Result<SecretBytes, TextErrorKind> {
    std::str::from_utf8(plain).map_err(|_| TextErrorKind::NotUtf8)?;
    for quote in ["", "\"", "`", "\"\"\""] {
        let mut spelled = SecretBytes::with_capacity(plain.len() + 2 * quote.len());
        spelled.extend(quote.as_bytes());
        spelled.extend(plain);
        spelled.extend(quote.as_bytes());
        if reads_back(&spelled, plain) {
            return Ok(spelled);
        }
    }
    Err(TextErrorKind::Unsupported("INI has no quotes that this value could stand in"))
}

/// Tried by reading it, for the rules of quoting have many corners.
fn reads_back(spelled: &SecretBytes, plain: &[u8]) -> bool {
    let mut line = SecretBytes::with_capacity(spelled.len() + 12);
    line.extend(b"k = ");
    line.extend(spelled.expose());
    line.extend(b"\nl = x\n");
    let Ok(ini) = scan::scan(line.expose()) else { return false };
    let entries = ini.sections.iter().flat_map(|section| &section.entries).collect::<Vec<_>>();
    matches!(entries.as_slice(), [first, second]
        if first.plain.expose() == plain && first.behind.is_none() && second.key == "l")
}

/// A comment from behind its sign on.
pub(super) fn comment(scalar: &Scalar, line_end: &[u8]) -> Result<SecretBytes, TextErrorKind> {
    let text = scalar.canonical().unwrap_or_default();
    std::str::from_utf8(text).map_err(|_| TextErrorKind::NotUtf8)?;
    let mut spelled = SecretBytes::with_capacity(text.len() + 16);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            spelled.extend(line_end);
            let signed = matches!(line.first(), Some(b'#' | b';'));
            spelled.extend(if signed { b"" } else { b"; " });
        }
        spelled.extend(line);
    }
    Ok(spelled)
}

/// A key, quoted where it has to be.
pub(super) fn key(name: &str) -> String {
    let plain = !name.contains(['"', '`', '=', ':']);
    if plain { name.to_owned() } else { format!("`{name}`") }
}

/// Refuses names that would not read back.
pub(super) fn check_names(section: &str, name: &str) -> Result<(), TextErrorKind> {
    let text = format!("[{section}]\n{} = x\n", key(name));
    let fits = scan::scan(text.as_bytes()).is_ok_and(|ini| {
        let read = ini.sections.last();
        read.is_some_and(|read| {
            read.name == section && read.entries.iter().map(|entry| &entry.key).eq([name])
        })
    });
    let own = section != super::METADATA && (fits || section == super::DEFAULT);
    if own { Ok(()) } else { Err(TextErrorKind::Unsupported("INI cannot spell this section or key")) }
}
