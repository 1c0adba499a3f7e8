//! Placeholders and conditions in the text of a template.

use super::Filter;
use super::Node;
use super::Placeholder;
use crate::name::SecretName;

/// How deep conditions may stand in each other.
const DEPTH_MAX: usize = 16;

/// A mistake in a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TemplateError {
    /// Line from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// Splits a text into its nodes.
pub(super) fn nodes(text: &str) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser { text, at: 0 };
    let (nodes, end) = parser.block(0)?;
    match end {
        End::Text => Ok(nodes),
        End::Else | End::End => Err(parser.error("there is no `<secret-if:…>` before it")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// What ended a block.
enum End {
    Text,
    Else,
    End,
}

impl<'a> Parser<'a> {
    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, End), TemplateError> {
        if depth > DEPTH_MAX {
            return Err(self.error("conditions stand too deep in each other"));
        }
        let mut nodes = Vec::new();
        loop {
            let Some((text, tag)) = self.next_tag()? else {
                let rest = self.text.get(self.at..).unwrap_or_default();
                push_text(&mut nodes, rest);
                self.at = self.text.len();
                return Ok((nodes, End::Text));
            };
            push_text(&mut nodes, text);
            match tag {
                "else" => return Ok((nodes, End::Else)),
                "end" => return Ok((nodes, End::End)),
                _ => nodes.push(self.tag(tag, depth)?),
            }
        }
    }

    /// The text before the next tag, and what stands between `<secret` and `>` without its first sign.
    fn next_tag(&mut self) -> Result<Option<(&'a str, &'a str)>, TemplateError> {
        let start = self.at;
        let mut from = start;
        while let Some(found) = self.text.get(from..).and_then(|rest| rest.find("<secret")) {
            let open = from + found;
            let body = open + "<secret".len();
            let rest = self.text.get(body..).unwrap_or_default();
            let is_tag = [":", "-if:", "-else>", "-end>"].iter().any(|word| rest.starts_with(word));
            if !is_tag {
                from = body;
                continue;
            }
            self.at = open;
            let length = rest.find(['>', '\n']).filter(|end| rest[*end..].starts_with('>'));
            let length = length.ok_or_else(|| self.error("`<secret…` is not closed by `>`"))?;
            self.at = body + length + 1;
            let before = self.text.get(start..open).unwrap_or_default();
            return Ok(Some((before, rest.get(1..length).unwrap_or_default())));
        }
        Ok(None)
    }

    fn tag(&mut self, tag: &str, depth: usize) -> Result<Node, TemplateError> {
        let Some(name) = tag.strip_prefix("if:") else {
            return self.placeholder(tag).map(Node::Value);
        };
        let name = self.name(name)?;
        let opened = self.line();
        let unclosed = || TemplateError {
            line: opened,
            reason: "`<secret-if:…>` is not closed by `<secret-end>`".to_owned(),
        };
        let (then, end) = self.block(depth + 1)?;
        let otherwise = match end {
            End::Text => return Err(unclosed()),
            End::End => Vec::new(),
            End::Else => match self.block(depth + 1)? {
                (nodes, End::End) => nodes,
                (_, End::Else) => return Err(self.error("a second `<secret-else>`")),
                (_, End::Text) => return Err(unclosed()),
            },
        };
        Ok(Node::If { name, then, otherwise })
    }

    fn placeholder(&self, tag: &str) -> Result<Placeholder, TemplateError> {
        let mut words = tag.split('|');
        let name = self.name(words.next().unwrap_or_default())?;
        let filters = words.map(|word| self.filter(word.trim())).collect::<Result<_, _>>()?;
        Ok(Placeholder { name, filters, line: self.line() })
    }

    fn name(&self, text: &str) -> Result<SecretName, TemplateError> {
        text.trim().parse().map_err(|error: crate::name::NameError| self.error(&error.to_string()))
    }

    fn filter(&self, word: &str) -> Result<Filter, TemplateError> {
        Ok(match word {
            "trim" => Filter::Trim,
            "base64" => Filter::Base64,
            "urlencode" => Filter::Urlencode,
            "json" => Filter::Json,
            "shell" => Filter::Shell,
            "dotenv" => Filter::Dotenv,
            "toml" => Filter::Toml,
            "yaml" => Filter::Yaml,
            "ini" => Filter::Ini,
            "systemd" => Filter::Systemd,
            "none" => Filter::None,
            "raw" => Filter::Raw,
            _ => return Err(self.error(&format!("there is no filter `{}`", word.escape_debug()))),
        })
    }

    fn line(&self) -> usize {
        self.text.get(..self.at).unwrap_or_default().matches('\n').count() + 1
    }

    fn error(&self, reason: &str) -> TemplateError {
        TemplateError { line: self.line(), reason: reason.to_owned() }
    }
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    if !text.is_empty() {
        nodes.push(Node::Text(text.to_owned()));
    }
}
