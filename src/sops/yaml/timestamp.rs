//! Dates and times as YAML 1.1 writes them and Go spells them.

use zeroize::Zeroizing;

/// The text as RFC 3339 if it is a date, or a date and a time.
pub(super) fn read(text: &str) -> Option<Zeroizing<String>> {
    let year = text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let mut rest = text.get(4..)?.strip_prefix('-')?;
    let month = number(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = number(&mut rest)?;
    let date = jiff::civil::Date::new(year.parse().ok()?, month, day).ok()?;
    let day = Zeroizing::new(date.to_string());
    if rest.is_empty() {
        return Some(Zeroizing::new(format!("{}T00:00:00Z", *day)));
    }
    let zoned = !rest.starts_with(' ');
    rest = if zoned { rest.strip_prefix(['T', 't'])? } else { rest.trim_start_matches(' ') };
    let time = clock(&mut rest)?;
    let zone = if zoned { zone(rest)? } else { rest.is_empty().then(|| "Z".to_owned())? };
    Some(Zeroizing::new(format!("{}T{}{zone}", *day, *time)))
}

/// One or two digits.
fn number(rest: &mut &str) -> Option<i8> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    number.parse().ok()
}

fn clock(rest: &mut &str) -> Option<Zeroizing<String>> {
    let hour = number(rest).filter(|hour| *hour < 24)?;
    *rest = rest.strip_prefix(':')?;
    let minute = number(rest).filter(|minute| *minute < 60)?;
    *rest = rest.strip_prefix(':')?;
    let second = number(rest).filter(|second| *second < 60)?;
    let fraction = fraction(rest);
    Some(Zeroizing::new(format!("{hour:02}:{minute:02}:{second:02}{fraction}")))
}

/// At most nine digits behind the point, without zeros at the end.
fn fraction<'a>(rest: &mut &'a str) -> std::borrow::Cow<'a, str> {
    let Some(after) = rest.strip_prefix(['.', ',']) else { return "".into() };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let Some((fraction, behind)) = after.split_at_checked(digits).filter(|_| digits > 0) else {
        return "".into();
    };
    *rest = behind;
    let kept = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
    if kept.is_empty() { "".into() } else { format!(".{kept}").into() }
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("Z".to_owned());
    }
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let two = |part: &str, limit| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u8>().ok())?.filter(|value| *value <= limit)
    };
    let (hours, minutes) = (two(hours, 24)?, two(minutes, 60)?);
    let none = hours == 0 && minutes == 0;
    Some(if none { "Z".to_owned() } else { text.to_owned() })
}
