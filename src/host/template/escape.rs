//! Writing a value so that the reader of each format gets it back exactly, or saying why that cannot be.

use base64::Engine;
use zeroize::Zeroizing;

use super::Filter;
use super::Format;
use super::context::Context;
use crate::secret::SecretBytes;

const NOT_TEXT: &str = "it is not UTF-8 text; use the filter `base64`";
const LINE_BREAK: &str =
    "it holds a line break; put the placeholder within double quotes or use the filter `base64`";
const CONTROL: &str = "it holds control characters; use the filter `base64`";
const QUOTE: &str =
    "it holds the quote it stands in, and this format has no escape there; leave the quotes out";
const NEEDS_QUOTES: &str = "it holds characters that mean something there; put quotes around the whole value";
const ENV_LINE: &str = "it holds a line break, which would end the variable; docker and podman know no escape, so use the filter `base64` or mount a file";
const INI: &str = "it holds a line break, a comment sign, quotes or outer spaces, which INI readers understand differently; use the filter `base64` or `none`";

/// Why a value cannot be written; never the value.
type Unfit = &'static str;

/// Applies one filter.
pub(super) fn filter(filter: Filter, value: &SecretBytes) -> Result<SecretBytes, Unfit> {
    let bytes = value.expose();
    let mut out = SecretBytes::with_capacity(2 * bytes.len() + 16);
    match filter {
        Filter::None | Filter::Raw => out.extend(bytes),
        Filter::Trim => out.extend(bytes.trim_ascii()),
        Filter::Base64 => {
            let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(bytes));
            out.extend(encoded.as_bytes());
        }
        Filter::Urlencode => urlencode(bytes, &mut out),
        Filter::Shell => shell(bytes, &mut out)?,
        Filter::Systemd => systemd(bytes, &mut out)?,
        Filter::Json => in_context(Format::Json, Context::Whole, bytes, &mut out)?,
        Filter::Dotenv => in_context(Format::Dotenv, Context::Whole, bytes, &mut out)?,
        Filter::Toml => in_context(Format::Toml, Context::Whole, bytes, &mut out)?,
        Filter::Yaml => in_context(Format::Yaml, Context::Whole, bytes, &mut out)?,
        Filter::Ini => in_context(Format::Ini, Context::Whole, bytes, &mut out)?,
    }
    Ok(out)
}

/// Writes a value for its place in a text of `format`.
pub(super) fn in_context(
    format: Format,
    context: Context,
    value: &[u8],
    out: &mut SecretBytes,
) -> Result<(), Unfit> {
    match format {
        Format::DockerEnv if value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) => {
            return Err(ENV_LINE);
        }
        Format::None | Format::DockerEnv => out.extend(value),
        Format::Dotenv => dotenv(context, value, out)?,
        Format::Ini => ini(context, value, out)?,
        Format::Json | Format::Toml | Format::Yaml => {
            let text = std::str::from_utf8(value).map_err(|_| NOT_TEXT)?;
            match context {
                Context::Part if format == Format::Yaml => plain_part(text, out)?,
                Context::Whole | Context::Part => {
                    out.extend(b"\"");
                    escaped(text, out);
                    out.extend(b"\"");
                }
                Context::Double => escaped(text, out),
                Context::Single if format == Format::Yaml => yaml_single(text, out)?,
                Context::Single | Context::TripleSingle => literal(context, text, out)?,
                Context::Block(indent) => block(indent, text, out)?,
            }
        }
    }
    Ok(())
}

/// The inside of a double-quoted string; what JSON, YAML and TOML have in common.
fn escaped(text: &str, out: &mut SecretBytes) {
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            // Line breaks and invisible characters of YAML and TOML.
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let code = u32::from(c);
                let digits = [12, 8, 4, 0].map(|shift| hex(code >> shift));
                out.extend(b"\\u");
                out.extend(&digits);
            }
            _ => push(c, out),
        }
    }
}

fn yaml_single(text: &str, out: &mut SecretBytes) -> Result<(), Unfit> {
    no_control(text)?;
    for c in text.chars() {
        if c == '\'' {
            out.extend(b"'");
        }
        push(c, out);
    }
    Ok(())
}

/// Text in which nothing can be escaped.
fn literal(context: Context, text: &str, out: &mut SecretBytes) -> Result<(), Unfit> {
    if text.contains('\'') {
        return Err(QUOTE);
    }
    if context == Context::TripleSingle {
        text.lines().try_for_each(no_control)?;
        if text.contains('\r') {
            return Err(CONTROL);
        }
    } else {
        no_control(text)?;
    }
    out.extend(text.as_bytes());
    Ok(())
}

fn block(indent: Option<usize>, text: &str, out: &mut SecretBytes) -> Result<(), Unfit> {
    for (number, line) in text.split('\n').enumerate() {
        no_control(line)?;
        if number > 0 {
            let indent = indent.ok_or(LINE_BREAK)?;
            out.extend(b"\n");
            out.extend(" ".repeat(indent).as_bytes());
        } else if line.starts_with(' ') && indent.is_some() {
            // The first line would set another indentation.
            return Err(NEEDS_QUOTES);
        }
        out.extend(line.as_bytes());
    }
    Ok(())
}

fn plain_part(text: &str, out: &mut SecretBytes) -> Result<(), Unfit> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./@%+=".contains(&byte);
    if !text.bytes().all(plain) {
        return Err(NEEDS_QUOTES);
    }
    out.extend(text.as_bytes());
    Ok(())
}

fn no_control(text: &str) -> Result<(), Unfit> {
    if text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err(LINE_BREAK);
    }
    let control =
        |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if text.chars().any(control) { Err(CONTROL) } else { Ok(()) }
}

/// As systemd's `EnvironmentFile=` and shells read it.
fn dotenv(context: Context, value: &[u8], out: &mut SecretBytes) -> Result<(), Unfit> {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(byte);
    if value.contains(&0) {
        return Err(CONTROL);
    }
    if std::str::from_utf8(value).is_err() {
        return Err(NOT_TEXT);
    }
    let broken = value.contains(&b'\n') || value.contains(&b'\r');
    match context {
        Context::Double => dotenv_double(value, out),
        Context::Single | Context::TripleSingle if value.contains(&b'\'') => return Err(QUOTE),
        Context::Single | Context::TripleSingle => out.extend(value),
        _ if broken => return Err(LINE_BREAK),
        Context::Whole if !value.iter().all(safe) => {
            out.extend(b"\"");
            dotenv_double(value, out);
            out.extend(b"\"");
        }
        Context::Whole => out.extend(value),
        Context::Part | Context::Block(_) => {
            for byte in value {
                if !safe(byte) && byte.is_ascii() {
                    out.extend(b"\\");
                }
                out.extend(&[*byte]);
            }
        }
    }
    Ok(())
}

fn dotenv_double(value: &[u8], out: &mut SecretBytes) {
    for byte in value {
        if b"\"\\$`".contains(byte) {
            out.extend(b"\\");
        }
        out.extend(&[*byte]);
    }
}

/// Only what every reader of INI files understands in the same way.
fn ini(context: Context, value: &[u8], out: &mut SecretBytes) -> Result<(), Unfit> {
    let text = std::str::from_utf8(value).map_err(|_| NOT_TEXT)?;
    if no_control(text).is_err() {
        return Err(INI);
    }
    let refused = match context {
        Context::Double => text.contains(['"', '\\']),
        Context::Single | Context::TripleSingle => text.contains('\''),
        _ => {
            let comment = |(at, _)| {
                text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
            };
            text.trim() != text
                || text.starts_with(['"', '\''])
                || text.ends_with('\\')
                || text.match_indices([';', '#']).any(comment)
        }
    };
    if refused {
        return Err(INI);
    }
    out.extend(value);
    Ok(())
}

fn shell(value: &[u8], out: &mut SecretBytes) -> Result<(), Unfit> {
    if value.contains(&0) {
        return Err(CONTROL);
    }
    out.extend(b"'");
    for byte in value {
        match byte {
            b'\'' => out.extend(b"'\\''"),
            byte => out.extend(&[*byte]),
        }
    }
    out.extend(b"'");
    Ok(())
}

/// A quoted word of a unit file such as `Environment=`, see systemd.syntax(7).
fn systemd(value: &[u8], out: &mut SecretBytes) -> Result<(), Unfit> {
    if value.contains(&0) {
        return Err(CONTROL);
    }
    let text = std::str::from_utf8(value).map_err(|_| NOT_TEXT)?;
    out.extend(b"\"");
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '%' => out.extend(b"%%"),
            '\n' => out.extend(b"\\n"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                out.extend(b"\\x");
                out.extend(&[hex(u32::from(c) >> 4), hex(u32::from(c))]);
            }
            c => push(c, out),
        }
    }
    out.extend(b"\"");
    Ok(())
}

fn urlencode(value: &[u8], out: &mut SecretBytes) {
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.extend(&[*byte]);
        } else {
            let (high, low) = (hex(u32::from(byte >> 4)), hex(u32::from(*byte)));
            out.extend(&[b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
}

/// The lowest four bits as a digit.
fn hex(bits: u32) -> u8 {
    let digit = u8::try_from(bits & 0xf).unwrap_or_default();
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

fn push(c: char, out: &mut SecretBytes) {
    let mut bytes = Zeroizing::new([0; 4]);
    let length = c.encode_utf8(&mut *bytes).len();
    out.extend(bytes.get(..length).unwrap_or_default());
}
