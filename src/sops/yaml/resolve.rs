//! Which value a scalar has for sops: YAML 1.2 with what its library keeps of 1.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;
use crate::sops::tree::Scalar;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::timestamp;
use crate::sops::yaml::token::Style;

const CORE: &str = "tag:yaml.org,2002:";
const MISFIT: TextErrorKind =
    TextErrorKind::Unsupported("the value does not fit its tag, and sops would lose it; remove the tag");

/// The value of a scalar with this tag, if any, and style.
pub(super) fn resolve(text: &str, style: Style, tag: Option<&str>) -> Result<Scalar, TextErrorKind> {
    let string = || Scalar::str(text.as_bytes());
    let core = match tag {
        None | Some("!") if style == Style::Plain => return plain(text),
        None | Some("!") => return Ok(string()),
        Some(tag) => tag.strip_prefix(CORE),
    };
    match core {
        Some("bool") => plain(text).and_then(|value| fitting(value, |v| matches!(v, Scalar::Bool(_)))),
        Some("null") => plain(text).and_then(|value| fitting(value, |v| matches!(v, Scalar::Null))),
        Some("int") => untimed(text).and_then(|value| fitting(value, |v| matches!(v, Scalar::Int(_)))),
        Some("float") => float(untimed(text)?),
        Some("timestamp") => timestamp::read(text).map(|time| Scalar::Time(secret(&time))).ok_or(MISFIT),
        Some("binary") => binary(text),
        _ => Ok(string()),
    }
}

fn fitting(value: Scalar, fits: impl Fn(&Scalar) -> bool) -> Result<Scalar, TextErrorKind> {
    if fits(&value) { Ok(value) } else { Err(MISFIT) }
}

fn float(value: Scalar) -> Result<Scalar, TextErrorKind> {
    match value {
        Scalar::Int(digits) => {
            let number: f64 =
                std::str::from_utf8(digits.expose()).unwrap_or_default().parse().map_err(|_| MISFIT)?;
            Ok(Scalar::Float(decimal(number)))
        }
        value => fitting(value, |v| matches!(v, Scalar::Float(_))),
    }
}

fn binary(text: &str) -> Result<Scalar, TextErrorKind> {
    let packed =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect::<Vec<u8>>());
    let bytes = STANDARD.decode(packed.as_slice()).map_err(|_| MISFIT)?;
    Ok(Scalar::Str(SecretBytes::from(bytes)))
}

/// The value of an unquoted scalar without a tag.
pub(super) fn plain(text: &str) -> Result<Scalar, TextErrorKind> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && let Some(time) = timestamp::read(text)
    {
        return Ok(Scalar::Time(secret(&time)));
    }
    untimed(text)
}

/// Tells whether an unquoted scalar without a tag is a string.
pub(super) fn is_string(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'.' | b'0'..=b'9' | b'+' | b'-') => matches!(plain(text), Ok(Scalar::Str(_))),
        _ => word(text).is_none(),
    }
}

fn untimed(text: &str) -> Result<Scalar, TextErrorKind> {
    if let Some(known) = word(text) {
        return Ok(known);
    }
    match text.as_bytes().first() {
        Some(b'.') => Ok(fraction(text)),
        Some(b'0'..=b'9' | b'+' | b'-') => number(text),
        _ => Ok(Scalar::str(text.as_bytes())),
    }
}

fn word(text: &str) -> Option<Scalar> {
    let float = |text: &str| Scalar::Float(SecretBytes::from(text.as_bytes().to_vec()));
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => float("NaN"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => float("+Inf"),
        "-.inf" | "-.Inf" | "-.INF" => float("-Inf"),
        _ => return None,
    })
}

fn fraction(text: &str) -> Scalar {
    parsed(text).map_or_else(|| Scalar::str(text.as_bytes()), Scalar::Float)
}

fn number(text: &str) -> Result<Scalar, TextErrorKind> {
    let bare = Zeroizing::new(text.replace('_', ""));
    if let Some(value) = integer(&bare) {
        // Beyond a signed 64-bit integer sops gives up, unless it is so large that it is a float.
        let value = i64::try_from(value).map_err(|_| TextErrorKind::Number)?;
        return Ok(Scalar::Int(secret(&Zeroizing::new(value.to_string()))));
    }
    Ok(parsed(&bare).map_or_else(|| Scalar::str(text.as_bytes()), Scalar::Float))
}

/// An integer in any spelling that fits 64 bits, with or without a sign.
fn integer(text: &str) -> Option<i128> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let based = |base, digits: &str| {
        // A second sign would be taken by the parser of the digits.
        digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
            .then(|| u64::from_str_radix(digits, base).ok())?
    };
    let value = match digits.get(..2) {
        Some("0x" | "0X") => based(16, digits.get(2..)?)?,
        Some("0o" | "0O") => based(8, digits.get(2..)?)?,
        Some("0b" | "0B") => based(2, digits.get(2..)?)?,
        Some(two) if two.starts_with('0') => based(8, digits.get(1..)?)?,
        _ => based(10, digits)?,
    };
    let value = i128::from(value);
    let fits = !signed || value <= i128::from(i64::MAX) + i128::from(negative);
    fits.then_some(if negative { -value } else { value })
}

/// A finite decimal number, in the one spelling that is encrypted.
fn parsed(text: &str) -> Option<SecretBytes> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.splitn(2, ['e', 'E']);
    let mantissa = parts.next()?;
    let exponent = parts.next().map(|part| part.strip_prefix(['+', '-']).unwrap_or(part));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.splitn(2, '.').all(all_digits)
        && exponent.is_none_or(|part| !part.is_empty() && all_digits(part));
    let number: f64 = plain.then(|| text.parse().ok())??;
    number.is_finite().then(|| decimal(number))
}

fn decimal(number: f64) -> SecretBytes {
    secret(&Zeroizing::new(number.to_string()))
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn shown(text: &str) -> String {
        let value = plain(text).unwrap();
        let bytes = value.canonical().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let kind = match value {
            Scalar::Str(_) => "str",
            Scalar::Int(_) => "int",
            Scalar::Float(_) => "float",
            Scalar::Bool(_) => "bool",
            Scalar::Time(_) => "time",
            _ => "null",
        };
        format!("{kind} {}", bytes.unwrap_or_default())
    }

    #[test]
    fn numbers_are_read_as_sops_reads_them() {
        let read = [
            ("0x1F", "int 31"),
            ("0o17", "int 15"),
            ("017", "int 15"),
            ("08", "float 8"),
            ("1_000", "int 1000"),
            ("+12", "int 12"),
            ("-0b11", "int -3"),
            ("-9223372036854775808", "int -9223372036854775808"),
            ("99999999999999999999", "float 100000000000000000000"),
            ("1e3", "float 1000"),
            ("1e400", "str 1e400"),
            (".5", "float 0.5"),
            ("5.", "float 5"),
            ("-.5", "float -0.5"),
            (".inf", "float +Inf"),
            ("-0", "int 0"),
            ("1.0", "float 1"),
            ("0x", "str 0x"),
            ("1-2", "str 1-2"),
            ("--1", "str --1"),
            ("12e03", "float 12000"),
            ("-0.0", "float -0"),
            ("0x_1", "int 1"),
            ("-", "str -"),
            (".", "str ."),
        ];
        for (text, expected) in read {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(plain("18446744073709551615").unwrap_err(), TextErrorKind::Number);
    }

    #[test]
    fn words_of_older_yaml_are_strings() {
        for text in ["yes", "no", "on", "off", "y", "n", "nULL", "<<", "1:20"] {
            assert_eq!(shown(text), format!("str {text}"));
        }
        assert_eq!(shown("TRUE"), "bool True");
        assert_eq!(shown("~"), "null ");
    }

    #[test]
    fn dates_are_times_in_one_spelling() {
        let read = [
            ("2020-01-02", "2020-01-02T00:00:00Z"),
            ("2020-1-2 3:4:5.60", "2020-01-02T03:04:05.6Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2020-02-29T00:00:00+00:00", "2020-02-29T00:00:00Z"),
        ];
        for (text, expected) in read {
            assert_eq!(shown(text), format!("time {expected}"));
        }
        assert_eq!(shown("2021-02-29"), "str 2021-02-29");
        assert_eq!(shown("2020-01-02 25:00:00"), "str 2020-01-02 25:00:00");
    }

    #[test]
    fn a_tag_decides_or_the_value_is_refused() {
        let read = |text, tag| resolve(text, Style::Double, Some(tag));
        assert!(read("12", "tag:yaml.org,2002:str").unwrap().same(&Scalar::str(b"12")));
        assert_eq!(read("3", "tag:yaml.org,2002:float").unwrap().canonical().unwrap(), b"3");
        assert_eq!(read("aGk=", "tag:yaml.org,2002:binary").unwrap().canonical().unwrap(), b"hi");
        assert!(read("12", "!mine").unwrap().same(&Scalar::str(b"12")));
        assert_eq!(read("abc", "tag:yaml.org,2002:int").unwrap_err(), MISFIT);
    }
}
