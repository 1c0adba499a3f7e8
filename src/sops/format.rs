//! The five formats of text, told by the ending of a file's name.

use std::fmt;
use std::path::Path;

use super::dotenv;
use super::ini;
use super::json;
use super::tree::Text;
use super::tree::TextError;
use super::tree::TextErrorKind;
use super::yaml;
use crate::secret::SecretBytes;

/// Largest file that is read.
const TEXT_MAX: usize = 128 << 20;

/// How the text of a SOPS file is laid out.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Maps, lists, comments and typed scalars; may hold several documents.
    Yaml,
    /// Maps, lists and typed scalars.
    Json,
    /// `KEY=value` lines.
    Dotenv,
    /// Sections of `key = value` lines.
    Ini,
    /// Any file, as one value in JSON.
    Binary,
}

impl Format {
    /// The format that sops takes for a file of this name.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let endings = [
            (".yaml", Self::Yaml),
            (".yml", Self::Yaml),
            (".json", Self::Json),
            (".env", Self::Dotenv),
            (".ini", Self::Ini),
        ];
        let fits = endings.into_iter().find(|(ending, _)| name.ends_with(ending));
        fits.map_or(Self::Binary, |(_, format)| format)
    }

    /// Reads a text that is, or will be, encrypted. For [`Self::Binary`] that is the envelope.
    pub(super) fn parse(self, text: &[u8]) -> Result<Box<dyn Text>, TextError> {
        if text.len() > TEXT_MAX {
            let kind = TextErrorKind::TooLarge { what: "the size of the file in bytes", limit: TEXT_MAX };
            return Err(TextError { kind, offset: None, line: None, key: None });
        }
        let parsed = match self {
            Self::Json | Self::Binary => json::parse(text),
            Self::Dotenv => dotenv::parse(text),
            Self::Ini => ini::parse(text),
            Self::Yaml => yaml::parse(text),
        };
        parsed.map_err(|error| error.within(text))
    }

    /// A plaintext with all that an encrypted text cannot have written out; none where there is no such thing.
    pub(super) fn normalized(self, plaintext: &[u8]) -> Result<Option<SecretBytes>, TextError> {
        let normalized = match self {
            Self::Ini => ini::normalized(plaintext),
            Self::Yaml => yaml::normalized(plaintext),
            Self::Json | Self::Dotenv | Self::Binary => Ok(None),
        };
        normalized.map_err(|error| error.within(plaintext))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_tells_the_format_and_everything_else_is_binary() {
        let cases = [
            ("a/b.sops.yaml", Format::Yaml),
            ("b.yml", Format::Yaml),
            ("c.json", Format::Json),
            (".env", Format::Dotenv),
            ("prod.env", Format::Dotenv),
            ("d.ini", Format::Ini),
            ("e.txt", Format::Binary),
            ("yaml", Format::Binary),
            ("F.YAML", Format::Binary),
        ];
        for (name, format) in cases {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }
}
