//! Validated names of secrets, hosts, services, admins and tags, and the id of a fleet.

mod fleet_id;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

pub use fleet_id::FleetId;
pub use fleet_id::FleetIdError;

/// Longest secret name in bytes, so that it always fits one file system path.
pub const SECRET_NAME_MAX: usize = 255;
/// Longest segment in bytes, so that it is still a file name with `.ledger` behind it.
const SEGMENT_MAX: usize = 248;

/// Tells which rule a name broke.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is not a {kind}: {rule}")]
pub struct NameError {
    name: String,
    kind: &'static str,
    rule: &'static str,
}

impl NameError {
    /// The rule that the name broke, for messages that show the name themselves.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// Declares one kind of name: a `String` whose only constructor is its rule.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                match $rule(&name) {
                    Ok(()) => Ok(Self(name)),
                    Err(rule) => Err(NameError { name, kind: $kind, rule }),
                }
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::try_from(name.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a secret: `/`-separated segments of `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 255 bytes in all.
    ///
    /// Always safe as a relative path below `secrets/`, `sealed/HOST/files/` and the host's link: no
    /// segment is empty or starts with a dot. Keys of documents that do not fit are percent-encoded
    /// (`%5Ftoken`), upper case, only where needed, so that a name has one spelling.
    SecretName,
    "secret name",
    secret_rule
);
name!(
    /// Name of a host: 1 to 63 of letters, digits, `-` and `_`, with a letter or digit at both ends.
    ///
    /// The rule of `networking.hostName` in NixOS, so always safe as one path component.
    HostName,
    "host name",
    host_rule
);
name!(
    /// Name of a systemd service without `.service`, or `system` for the operating system itself.
    ServiceName,
    "service name",
    service_rule
);
name!(
    /// Name of an admin: 1 to 63 of letters, digits, `.`, `-` and `_`, first a letter or digit.
    AdminName,
    "admin name",
    label_rule
);
name!(
    /// Tag of a host: 1 to 63 of letters, digits, `.`, `-` and `_`, first a letter or digit.
    Tag,
    "tag",
    label_rule
);

impl SecretName {
    /// The first segment of names that are kept for admins: private host keys made before their hosts exist.
    pub const HOST_KEYS: &str = "host-keys";

    /// The private half of a host's own key.
    pub fn of_host_key(host: &HostName) -> Self {
        // A host name has at most 63 bytes, so the whole always follows the rule.
        Self(format!("{}/{host}/ssh_host_ed25519_key", Self::HOST_KEYS))
    }

    /// Whether the secret is for admins alone, so that no policy can grant it to any host.
    pub fn is_for_admins(&self) -> bool {
        is_for_admins(self.as_str())
    }

    /// A text as one segment of a name: what does not fit is percent-encoded.
    pub fn encoded_segment(text: &str) -> String {
        let mut segment = String::with_capacity(text.len());
        for (at, byte) in text.bytes().enumerate() {
            if segment_byte(byte, at == 0) {
                segment.push(char::from(byte));
            } else {
                segment.push_str(&format!("%{byte:02X}"));
            }
        }
        segment
    }

    /// The text that a segment stands for; what is not UTF-8 then is replaced.
    pub fn decoded_segment(segment: &str) -> String {
        let mut bytes = Vec::with_capacity(segment.len());
        let mut rest = segment.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            match percent_decoded(tail).filter(|_| byte == b'%') {
                Some(decoded) => {
                    bytes.push(decoded);
                    rest = tail.get(2..).unwrap_or_default();
                }
                None => {
                    bytes.push(byte);
                    rest = tail;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Tells whether this is `prefix`, or begins with its segments.
    pub fn is_within(&self, prefix: &Self) -> bool {
        let rest = self.0.strip_prefix(&prefix.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The segments between the slashes; there is at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl ServiceName {
    /// The reserved service name for the operating system itself.
    pub const SYSTEM: &'static str = "system";

    /// The reserved name `system`: user passwords, host keys, files that root owns.
    pub fn system() -> Self {
        Self(Self::SYSTEM.to_owned())
    }
}

/// Whether a secret of this name is for admins alone; case does not matter, as on some file systems.
pub fn is_for_admins(name: &str) -> bool {
    name.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(SecretName::HOST_KEYS))
}

fn secret_rule(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it must not be empty");
    }
    if name.len() > SECRET_NAME_MAX {
        return Err("it must be at most 255 bytes long");
    }
    let mut segments = name.split('/').peekable();
    while let Some(segment) = segments.next() {
        segment_rule(segment)?;
        let inner = segments.peek().is_some();
        if inner && (ends_with(segment, ".age") || ends_with(segment, ".ledger")) {
            return Err(
                "a segment before the last must not end in `.age` or `.ledger`, which are files of the store",
            );
        }
    }
    Ok(())
}

fn ends_with(segment: &str, suffix: &str) -> bool {
    segment.to_ascii_lowercase().ends_with(suffix)
}

fn segment_rule(segment: &str) -> Result<(), &'static str> {
    const RULE: &str = "it must be `/`-separated segments of letters, digits, `.`, `-` and `_`, each starting with a letter or digit";
    let mut rest = segment.as_bytes();
    let mut first = true;
    if rest.is_empty() {
        return Err(RULE);
    }
    if rest.len() > SEGMENT_MAX {
        return Err("a segment must be at most 248 bytes long");
    }
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let Some(decoded) = percent_decoded(tail) else {
                return Err("`%` must be followed by two upper-case hexadecimal digits");
            };
            if segment_byte(decoded, first) {
                return Err("only characters that need it are percent-encoded");
            }
            rest = tail.get(2..).unwrap_or_default();
        } else if segment_byte(byte, first) {
            rest = tail;
        } else {
            return Err(RULE);
        }
        first = false;
    }
    Ok(())
}

fn segment_byte(byte: u8, first: bool) -> bool {
    byte.is_ascii_alphanumeric() || (!first && matches!(byte, b'.' | b'_' | b'-'))
}

fn percent_decoded(tail: &[u8]) -> Option<u8> {
    let digits = tail.get(..2)?;
    if !digits.iter().all(|d| d.is_ascii_digit() || (b'A'..=b'F').contains(d)) {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, 16).ok()
}

fn host_rule(name: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let edges = edge(name.chars().next()) && edge(name.chars().next_back());
    if (1..=63).contains(&name.len()) && edges && name.chars().all(inner) {
        return Ok(());
    }
    Err("it must be 1 to 63 letters, digits, `-` and `_`, with a letter or digit at both ends")
}

fn service_rule(name: &str) -> Result<(), &'static str> {
    if ends_with(name, ".service") {
        return Err("write it without `.service`");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '@' | '\\');
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.len() <= 245 && first && name.chars().all(allowed) {
        return Ok(());
    }
    Err(
        "it must be the name of a systemd service without `.service`: letters, digits, `:`, `-`, `_`, `.`, `@` and `\\`",
    )
}

fn label_rule(name: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if name.len() <= 63 && first && name.chars().all(allowed) {
        return Ok(());
    }
    Err("it must be 1 to 63 letters, digits, `.`, `-` and `_`, and start with a letter or digit")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_real_fleets_are_accepted() {
        for name in ["torii_chan_t3u_password_hash", "sonarr/api-key", "a/b/c.d", "9", "x%2Fy", "%5Ftoken"] {
            assert!(name.parse::<SecretName>().is_ok(), "{name}");
        }
        for name in ["wireguard-wg0", "user:ryan", "getty@tty1", "system"] {
            assert!(name.parse::<ServiceName>().is_ok(), "{name}");
        }
        for name in ["forge", "kagutsuchi-sama", "nas-0", "Host_1", "a"] {
            assert!(name.parse::<HostName>().is_ok(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_key_of_a_document_has_one_name_and_comes_back_from_it(key in "\\PC{1,40}") {
            let segment = SecretName::encoded_segment(&key);
            prop_assume!(segment.len() <= SEGMENT_MAX);
            prop_assert!(segment.parse::<SecretName>().is_ok(), "{}", segment);
            prop_assert_eq!(SecretName::decoded_segment(&segment), key);
        }
    }

    #[test]
    fn names_that_would_leave_the_store_do_not_exist() {
        let (long, segment) = ("a/".repeat(127) + "ab", "a".repeat(249));
        for name in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "a/../b",
            "./a",
            ".hidden",
            "a/.b",
            "-a",
            "_a",
            "a b",
            "a\n",
            "a\0",
            "ä",
            "a\\b",
            "%",
            "%2",
            "%2f",
            "%41",
            "x%2E",
            "a.age/b",
            "a.ledger/b",
            &long,
            &segment,
        ] {
            assert!(name.parse::<SecretName>().is_err(), "{name:?}");
        }
        for name in ["", "..", "a/b", "-a", "a-", "a.b", "ä", &"a".repeat(64)] {
            assert!(name.parse::<HostName>().is_err(), "{name:?}");
        }
        for name in ["", "sonarr.service", "a/b", "..", "a b", "-x"] {
            assert!(name.parse::<ServiceName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_below_host_keys_is_for_admins_and_every_host_has_one() {
        let longest: HostName = format!("a{}", "-_".repeat(30) + "z9").parse().unwrap();
        let name = SecretName::of_host_key(&longest);
        assert_eq!(name.as_str().parse::<SecretName>().as_ref(), Ok(&name));
        assert!(name.is_for_admins());
        for (name, reserved) in
            [("host-keys", true), ("Host-Keys/x", true), ("host-keys-x/y", false), ("x/host-keys/y", false)]
        {
            assert_eq!(is_for_admins(name), reserved, "{name}");
        }
    }

    #[test]
    fn serde_is_no_way_around_the_rule() {
        assert!(serde_json::from_str::<SecretName>("\"../../etc/shadow\"").is_err());
        let name: SecretName = serde_json::from_str("\"a/b\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"a/b\"");
    }

    proptest! {
        #[test]
        fn an_accepted_secret_name_is_a_plain_relative_path(name in "[-a-zA-Z0-9._%/\\\\ \u{0}]{0,40}") {
            if let Ok(name) = name.parse::<SecretName>() {
                let path = std::path::Path::new(name.as_str());
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
                prop_assert_eq!(path.components().count(), name.segments().count());
            }
        }
    }
}
