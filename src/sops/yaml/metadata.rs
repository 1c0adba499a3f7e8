//! The metadata of a YAML text, in the form that all formats share.

use std::collections::HashSet;

use crate::sops::tree::Node as Generic;
use crate::sops::tree::Scalar;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::resolve::resolve;

/// The key of the metadata.
pub(super) const METADATA_KEY: &str = "sops";

/// The text of a key, if it is a string.
pub(super) fn key_text(key: &Node<'_>) -> Result<String, TextError> {
    let fault = |kind| TextError::at(kind, key.whole().start);
    match &key.content {
        Content::Scalar(style, value) => {
            let tag = key.properties.tag.as_ref().map(|(_, tag)| tag.as_str());
            match resolve(value.text(), *style, tag).map_err(fault)? {
                Scalar::Str(name) => {
                    String::from_utf8(name.expose().to_vec()).map_err(|_| fault(TextErrorKind::KeyKind))
                }
                _ => Err(fault(TextErrorKind::KeyKind)),
            }
        }
        Content::Alias(_) => Err(fault(TextErrorKind::Alias)),
        Content::List(_) | Content::Map(_) => Err(fault(TextErrorKind::KeyKind)),
    }
}

/// The generic form of a node of the metadata.
pub(super) fn generic(node: &Node<'_>) -> Result<Generic, TextError> {
    let fault = |kind| TextError::at(kind, node.span.start);
    match &node.content {
        Content::Alias(_) => Err(fault(TextErrorKind::Alias)),
        Content::List(items) => items.iter().map(generic).collect::<Result<_, _>>().map(Generic::List),
        Content::Map(entries) => {
            let (mut fields, mut known) = (Vec::new(), HashSet::new());
            for (key, value) in entries {
                let name = key_text(key)?;
                if !known.insert(name.clone()) {
                    return Err(TextError::at(TextErrorKind::DuplicateKey, key.span.start));
                }
                fields.push((name, generic(value)?));
            }
            Ok(Generic::Map(fields))
        }
        Content::Scalar(style, value) => {
            let tag = node.properties.tag.as_ref().map(|(_, tag)| tag.as_str());
            let scalar = resolve(value.text(), *style, tag).map_err(fault)?;
            Ok(match scalar {
                Scalar::Bool(value) => Generic::Bool(value),
                Scalar::Int(_) | Scalar::Float(_) => Generic::Number(value.text().to_owned()),
                Scalar::Null | Scalar::EmptyMap | Scalar::EmptyList => Generic::Null,
                Scalar::Str(_) | Scalar::Time(_) => Generic::Str(value.text().to_owned()),
            })
        }
    }
}
