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
    value.is_finite().then(|| value.to_string())
}

/// Tells whether two decimal texts are exactly the same number; false when one is no plain decimal.
pub(super) fn equal(left: &str, right: &str) -> bool {
    matches!((Decimal::parse(left), Decimal::parse(right)), (Some(left), Some(right)) if left == right)
}

/// Tells whether a text is a plain decimal, with or without a fraction and an exponent.
pub(super) fn is_decimal(text: &str) -> bool {
    Decimal::parse(text).is_some()
}

/// Digits without zeros at either end, and the power of ten of the last one.
#[derive(Debug, Eq, PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
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
        ];
        for (text, spelled) in cases {
            assert_eq!(float(text).as_deref(), Some(spelled));
        }
        assert_eq!(float("1e999"), None);
        assert_eq!(float("one"), None);
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
