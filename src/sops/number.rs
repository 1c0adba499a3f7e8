//! Numbers as Go spells them, so that a MAC is the same on both sides.

/// The shortest decimal without exponent that reads back as the same 64-bit number; none if it is no number or
/// too large for one.
///
/// Go's `FormatFloat(x, 'f', -1, 64)`.
pub(super) fn float(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    match lower.trim_start_matches(['+', '-']) {
        "inf" | "infinity" => return Some(if lower.starts_with('-') { "-Inf" } else { "+Inf" }.to_owned()),
        "nan" => return Some("NaN".to_owned()),
        _ => {}
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then(|| shortest(value))
}

/// Where two shortest decimals are equally near, Go takes the one that ends even, and this library the larger one.
fn shortest(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let even = format!("{value:.*e}", digits.saturating_sub(1));
    let chosen = if even.parse() == Ok(value) { even } else { shortest };
    Decimal::parse(&chosen).map_or_else(|| value.to_string(), |decimal| decimal.written_out())
}

/// Tells whether a plain decimal is still the same number after a round trip through 64 bits: the very same, or as
/// precise as such a number is anyway.
pub(super) fn survives(text: &str, canonical: &str) -> bool {
    let Some(decimal) = Decimal::parse(text) else { return true };
    let whole = decimal.exponent >= 0;
    equal(text, canonical) || (!whole && decimal.digits.len() <= 17)
}

/// Tells whether two decimal texts are exactly the same number; false when one is no plain decimal.
pub(super) fn equal(left: &str, right: &str) -> bool {
    matches!((Decimal::parse(left), Decimal::parse(right)), (Some(left), Some(right)) if left == right)
}

/// Digits without zeros at either end, and the power of ten of the last one.
#[derive(Debug, Eq, PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn written_out(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        if self.exponent >= 0 {
            return format!("{sign}{digits}{}", zeros(self.exponent));
        }
        let point = i64::try_from(digits.len()).unwrap_or(0) + self.exponent;
        match usize::try_from(point)
            .ok()
            .filter(|point| *point > 0)
            .and_then(|point| digits.split_at_checked(point))
        {
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}0.{}{digits}", zeros(-point)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let exponent: i64 = exponent.parse::<i32>().ok()?.into();
        let digits = format!("{whole}{fraction}");
        let kept = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - kept.len()).ok()?;
        let exponent = exponent - i64::try_from(fraction.len()).ok()? + zeros;
        let digits = kept.trim_start_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent };
        Some(Self { negative, digits, exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_go_spells_them() {
        let cases = [
            ("1.0", "1"),
            ("-0", "-0"),
            ("1e21", "1000000000000000000000"),
            ("1e-7", "0.0000001"),
            ("0.1", "0.1"),
            ("3.14159", "3.14159"),
            ("9007199254740993", "9007199254740992"),
            ("-inf", "-Inf"),
            ("840.52862548828125", "840.5286254882812"),
            ("-103.217315673828125", "-103.21731567382812"),
            ("100.5", "100.5"),
            ("0", "0"),
        ];
        for (text, spelled) in cases {
            assert_eq!(float(text).as_deref(), Some(spelled));
        }
        assert_eq!(float("1e999"), None);
        assert_eq!(float("one"), None);
    }

    #[test]
    fn a_number_survives_if_it_is_no_more_precise_than_64_bits() {
        let canonical = |text: &str| float(text).unwrap_or_default();
        for text in ["1.50", "1e3", "840.5286254882813", "0.1", "12345678901234567168", "0x10"] {
            assert!(survives(text, &canonical(text)), "{text}");
        }
        for text in ["9007199254740993", "12345678901234567890", "0.1234567890123456789"] {
            assert!(!survives(text, &canonical(text)), "{text}");
        }
    }

    #[test]
    fn decimals_are_equal_by_value_and_not_by_spelling() {
        for (left, right) in [("1.50", "1.5"), ("1e2", "100"), ("0.0", "0"), ("15e-1", "1.5"), ("-2", "-2.0")]
        {
            assert!(equal(left, right), "{left} {right}");
        }
        for (left, right) in [("9007199254740993", "9007199254740992"), ("1", "-1"), ("0x1", "1"), ("", "0")]
        {
            assert!(!equal(left, right), "{left} {right}");
        }
    }
}
