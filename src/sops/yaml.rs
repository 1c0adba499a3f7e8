//! The YAML texts of SOPS files: leaves with places, and edits that leave every other byte alone.

mod feed;
mod flow;
mod leaves;
mod node;
mod remark;
mod resolve;
mod timestamp;
mod token;

use crate::secret::SecretBytes;
use crate::sops::tree::Leaf;
use crate::sops::tree::Node;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::leaves::Harvest;

/// Largest text that is read.
const SIZE_MAX: usize = 128 << 20;

/// A parsed YAML text.
#[derive(Debug)]
struct YamlText {
    source: SecretBytes,
    found: Harvest,
}

/// The text without its BOM, if it is UTF-8 of a bearable size.
fn readable(text: &[u8]) -> Result<&str, TextError> {
    if text.len() > SIZE_MAX {
        let kind = TextErrorKind::TooLarge { what: "the size in bytes", limit: SIZE_MAX };
        return Err(TextError { kind, offset: None, line: None, key: None });
    }
    let text = std::str::from_utf8(text)
        .map_err(|e| TextError::at(TextErrorKind::NotUtf8, text, e.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn read(text: &str) -> Result<Harvest, TextError> {
    let tokens = token::tokens(text)?;
    let documents = node::documents(text, tokens.tokens)?;
    leaves::harvest(text, &documents, &tokens.comments)
}
