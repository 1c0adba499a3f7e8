//! How a delivered file looks: owner, group, mode, unit names, and where it lands below the link.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::name::SecretName;

/// Folder below the link in which templates land.
pub(super) const RENDERED: &str = "rendered";

/// A user or group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Account {
    /// Whoever runs the program: root for a host, the user for a request of their own.
    Runner,
    /// Looked up on the host.
    Name(String),
    /// Used as it is.
    Id(u32),
}

impl Account {
    /// Whether this names `root`, whatever the host's files say.
    pub fn is_root(&self) -> bool {
        match self {
            Self::Runner => false,
            Self::Name(name) => name == "root",
            Self::Id(id) => *id == 0,
        }
    }
}

impl FromStr for Account {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                // The highest number means "leave it as it is" to chown(2).
                Ok(u32::MAX) | Err(_) => Err("a number must lie between 0 and 4294967294"),
                Ok(id) => Ok(Self::Id(id)),
            };
        }
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let name = text.strip_suffix('$').unwrap_or(text);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if first && text.len() <= 255 && name.chars().all(allowed) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err("it must be a number, or letters, digits, `_`, `-` and `.` with a letter or `_` first")
    }
}

/// Permission bits that are safe for a secret: no special bits, not writable by everybody.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

impl FileMode {
    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for FileMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octal = (3..=5).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let Ok(bits) = u32::from_str_radix(text, 8) else {
            return Err("it must be octal, such as `0400`");
        };
        match bits {
            _ if !octal => Err("it must be octal, such as `0400`"),
            0o1000.. => Err("set-uid, set-gid and sticky bits are not for secrets"),
            bits if bits & 0o002 != 0 => Err("a secret must not be writable by everybody"),
            bits => Ok(Self(bits)),
        }
    }
}

impl TryFrom<String> for FileMode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// Who runs the services of a host, and so which names they have.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ServiceManager {
    /// Full names of units, such as `sonarr.service`.
    #[default]
    Systemd,
    /// Labels, such as `org.nixos.sonarr`.
    Launchd,
}

impl fmt::Display for ServiceManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
        })
    }
}

/// Name of a systemd unit with its suffix, or label of a service of launchd.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(String);

impl UnitName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the name of a unit or service of `manager`.
    pub fn parse(text: &str, manager: ServiceManager) -> Result<Self, &'static str> {
        match manager {
            ServiceManager::Systemd => Self::unit(text),
            ServiceManager::Launchd => Self::label(text),
        }
    }

    fn label(text: &str) -> Result<Self, &'static str> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if first && text.len() <= 255 && text.chars().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err("it must be the label of a service, such as `org.nixos.sonarr`")
    }

    fn unit(text: &str) -> Result<Self, &'static str> {
        const SUFFIXES: [&str; 11] = [
            "service",
            "socket",
            "device",
            "mount",
            "automount",
            "swap",
            "target",
            "path",
            "timer",
            "slice",
            "scope",
        ];
        const RULE: &str = "it must be the full name of a unit, such as `sonarr.service`";
        let (stem, suffix) = text.rsplit_once('.').ok_or(RULE)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '@' | '\\');
        let named = !stem.is_empty() && text.len() <= 255 && stem.chars().all(allowed);
        // A mount unit may start with `-` (`-.mount`); as an argument it stands behind `--`.
        if named && SUFFIXES.contains(&suffix) { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

impl TryFrom<String> for UnitName {
    type Error = &'static str;

    /// Reads back what was written: a name of either kind.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::unit(&text).or_else(|_| Self::label(&text))
    }
}

impl From<UnitName> for String {
    fn from(unit: UnitName) -> Self {
        unit.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a file lands, relative to the link: the `as` of a secret, or `rendered/NAME` of a template.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target(String);

impl Target {
    /// The target of a secret; `None` for names in the folder of templates.
    pub fn of_secret(delivered_as: &SecretName) -> Option<Self> {
        let reserved = delivered_as.segments().next() == Some(RENDERED);
        (!reserved).then(|| Self(delivered_as.to_string()))
    }

    /// The target of a template.
    pub fn of_template(name: &SecretName) -> Self {
        Self(format!("{RENDERED}/{name}"))
    }

    /// The relative path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let name = text.strip_prefix(RENDERED).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&text);
        match name.parse::<SecretName>() {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn modes_with_special_bits_or_for_everybody_do_not_exist() {
        for (text, bits) in [("0400", 0o400), ("440", 0o440), ("0000", 0), ("00640", 0o640), ("0775", 0o775)]
        {
            assert_eq!(text.parse::<FileMode>().unwrap().bits(), bits);
        }
        for text in
            ["", "4", "04000", "2755", "1777", "0402", "0666", "rw", "0x1ff", "+400", "0800", "000400"]
        {
            assert!(text.parse::<FileMode>().is_err(), "{text}");
        }
        assert_eq!("440".parse::<FileMode>().unwrap().to_string(), "0440");
    }

    #[test]
    fn accounts_are_names_or_numbers() {
        assert_eq!("0".parse::<Account>(), Ok(Account::Id(0)));
        assert!("systemd-network".parse::<Account>().is_ok() && "host$".parse::<Account>().is_ok());
        for text in ["", "4294967295", "99999999999", "a b", "a:b", "../x", "-a", "a\n", "ä", "$"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }

    #[test]
    fn unit_names_carry_their_suffix() {
        for text in ["sonarr.service", "getty@tty1.service", "-.mount", "a\\x2db.socket"] {
            assert!(UnitName::parse(text, ServiceManager::Systemd).is_ok(), "{text}");
        }
        for text in ["", "sonarr", ".service", "a b.service", "a/b.service", "x.conf", "a;b.service"] {
            assert!(UnitName::parse(text, ServiceManager::Systemd).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_names_for_launchd_alone() {
        for text in ["org.nixos.sonarr", "org.nixos.sonarr-2", "homebrew.mxcl.x@1", "sonarr"] {
            assert!(UnitName::parse(text, ServiceManager::Launchd).is_ok(), "{text}");
            assert!(UnitName::parse(text, ServiceManager::Systemd).is_err(), "{text}");
        }
        for text in ["", "-k", ".x", "system/org.nixos.x", "a b", "a\n", "org.nixos.ä", &"x".repeat(256)] {
            assert!(UnitName::parse(text, ServiceManager::Launchd).is_err(), "{text}");
        }
    }

    #[test]
    fn the_folder_of_templates_belongs_to_templates() {
        let name = |text: &str| text.parse::<SecretName>().unwrap();
        assert_eq!(Target::of_secret(&name("rendered/x")), None);
        assert_eq!(Target::of_secret(&name("rendered")), None);
        assert_eq!(Target::of_secret(&name("rendered-x")).unwrap().as_str(), "rendered-x");
        assert_eq!(Target::of_template(&name("x")).as_str(), "rendered/x");
        assert!(Target::try_from("../x".to_owned()).is_err());
        assert!(Target::try_from("rendered/../x".to_owned()).is_err());
    }
}
