//! Password hashes that NixOS accepts for users: the schemes that libxcrypt counts as strong.

/// The alphabet of `crypt(5)`.
fn is_crypt(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

/// Whether the value is one hash of such a scheme, in one line.
pub(super) fn password(bytes: &[u8]) -> Result<(), String> {
    let wrong = "it is no password hash; `mkpasswd` makes one".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| wrong.clone())?;
    if text.starts_with(['!', '*']) {
        return Err("it is a locked password, not a hash".to_owned());
    }
    let mut parts = text.split('$');
    let (Some(""), Some(scheme)) = (parts.next(), parts.next()) else { return Err(wrong) };
    let rest: Vec<&str> = parts.collect();
    let sound = match scheme {
        "y" | "gy" | "sm3y" => {
            matches!(rest.as_slice(), [parameters, salt, hash] if crypt(parameters, 1..=64) && crypt(salt, 1..=86) && crypt(hash, 43..=43))
        }
        "7" => {
            matches!(rest.as_slice(), [settings, hash] if crypt(settings, 11..=97) && crypt(hash, 43..=43))
        }
        "2a" | "2b" | "2y" => {
            matches!(rest.as_slice(), [cost, hash] if cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit()) && crypt(hash, 53..=53))
        }
        "6" => match rest.as_slice() {
            [salt, hash] => crypt(salt, 0..=16) && crypt(hash, 86..=86),
            [rounds, salt, hash] => is_rounds(rounds) && crypt(salt, 0..=16) && crypt(hash, 86..=86),
            _ => false,
        },
        "1" | "5" | "md5" | "sha1" => {
            return Err(
                "its scheme is one that NixOS does not accept; `mkpasswd` makes a yescrypt hash".to_owned()
            );
        }
        _ => false,
    };
    if sound { Ok(()) } else { Err(wrong) }
}

fn crypt(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(is_crypt)
}

fn is_rounds(text: &str) -> bool {
    text.strip_prefix("rounds=").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
