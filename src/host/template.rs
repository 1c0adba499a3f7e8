//! Templates: texts with placeholders that become values, escaped for the format of the text.

mod context;
mod escape;
mod parse;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Deserialize;
use serde::Serialize;

use crate::crypto::Digest;
use crate::name::SecretName;
use crate::secret::SecretBytes;

pub(super) use parse::TemplateError;

/// What kind of text a template is, which decides how values are escaped.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `NAME=value` lines, for `EnvironmentFile=` and shells.
    Dotenv,
    /// `NAME=value` lines that are read as they are, for `--env-file` of docker and podman.
    #[serde(rename = "docker-env")]
    DockerEnv,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// `name = value` lines in sections.
    Ini,
    /// Values are put in as they are.
    #[default]
    None,
}

/// What is done to a value, in the order written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Filter {
    Trim,
    Base64,
    Urlencode,
    Json,
    Shell,
    Dotenv,
    Toml,
    Yaml,
    Ini,
    Systemd,
    None,
    Raw,
}

/// `<secret:NAME|filter|…>` on a line of the template.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Placeholder {
    name: SecretName,
    filters: Vec<Filter>,
    line: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Node {
    Text(String),
    Value(Placeholder),
    If { name: SecretName, then: Vec<Node>, otherwise: Vec<Node> },
}

/// A piece of a template whose conditions are decided.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Text(&'a str),
    Value(&'a Placeholder),
}

/// A parsed template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    text: String,
    format: Format,
    nodes: Vec<Node>,
}

/// A value that cannot stand where the template puts it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{secret}` cannot stand on line {line}: {reason}")]
pub struct RenderError {
    /// The secret.
    pub secret: SecretName,
    /// Line of the template.
    pub line: usize,
    /// Why; never the value.
    pub reason: &'static str,
}

impl Template {
    /// Parses the text; mistakes name their line.
    pub fn parse(text: &str, format: Format) -> Result<Self, TemplateError> {
        Ok(Self { text: text.to_owned(), format, nodes: parse::nodes(text)? })
    }

    /// Every secret that the template names, in values and in conditions.
    pub fn names(&self) -> BTreeSet<&SecretName> {
        fn collect<'a>(nodes: &'a [Node], names: &mut BTreeSet<&'a SecretName>) {
            for node in nodes {
                match node {
                    Node::Text(_) => {}
                    Node::Value(placeholder) => {
                        names.insert(&placeholder.name);
                    }
                    Node::If { name, then, otherwise } => {
                        names.insert(name);
                        collect(then, names);
                        collect(otherwise, names);
                    }
                }
            }
        }
        let mut names = BTreeSet::new();
        collect(&self.nodes, &mut names);
        names
    }

    /// The secrets whose values are needed when those that `available` accepts are there.
    pub fn needed(&self, available: &dyn Fn(&SecretName) -> bool) -> BTreeSet<&SecretName> {
        let value = |piece| match piece {
            Piece::Value(placeholder) => Some(&placeholder.name),
            Piece::Text(_) => None,
        };
        self.pieces(available).into_iter().filter_map(value).collect()
    }

    /// Digest of everything that decides the result, values by their ciphertext alone.
    pub fn recipe(&self, ciphertexts: &BTreeMap<SecretName, Digest>) -> Digest {
        let mut text = format!("{:?}\n{}\n", self.format, Digest::of(self.text.as_bytes()));
        for name in self.names() {
            let digest = ciphertexts.get(name).map_or_else(|| "-".to_owned(), ToString::to_string);
            let _ = writeln!(text, "{name} {digest}");
        }
        Digest::of(text.as_bytes())
    }

    /// Puts `values` in; a secret that is not among them is not there for conditions.
    pub fn render(&self, values: &BTreeMap<SecretName, SecretBytes>) -> Result<SecretBytes, RenderError> {
        let pieces = self.pieces(&|name| values.contains_key(name));
        let mut out = SecretBytes::with_capacity(2 * self.text.len() + 4096);
        // What was put out so far, with a neutral letter in place of each value.
        let mut before = String::with_capacity(self.text.len());
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    out.extend(text.as_bytes());
                    before.push_str(text);
                }
                Piece::Value(placeholder) => {
                    let after = match pieces.get(at + 1) {
                        Some(Piece::Text(text)) => Some(*text),
                        Some(Piece::Value(_)) => None,
                        None => Some(""),
                    };
                    let failed = |reason| RenderError {
                        secret: placeholder.name.clone(),
                        line: placeholder.line,
                        reason,
                    };
                    let value = values.get(&placeholder.name).ok_or_else(|| failed("it is not there"))?;
                    let filtered = placeholder.apply(value).map_err(failed)?;
                    if placeholder.is_finished() {
                        out.extend(filtered.expose());
                    } else {
                        let context = context::context(self.format, &before, after);
                        escape::in_context(self.format, context, filtered.expose(), &mut out)
                            .map_err(failed)?;
                    }
                    before.push('x');
                }
            }
        }
        Ok(out)
    }

    fn pieces(&self, available: &dyn Fn(&SecretName) -> bool) -> Vec<Piece<'_>> {
        fn collect<'a>(
            nodes: &'a [Node],
            available: &dyn Fn(&SecretName) -> bool,
            pieces: &mut Vec<Piece<'a>>,
        ) {
            for node in nodes {
                match node {
                    Node::Text(text) => pieces.push(Piece::Text(text)),
                    Node::Value(placeholder) => pieces.push(Piece::Value(placeholder)),
                    Node::If { name, then, otherwise } => {
                        collect(if available(name) { then } else { otherwise }, available, pieces);
                    }
                }
            }
        }
        let mut pieces = Vec::new();
        collect(&self.nodes, available, &mut pieces);
        pieces
    }
}

impl Placeholder {
    /// Whether the filters leave nothing to the format of the template.
    fn is_finished(&self) -> bool {
        self.filters.iter().any(|filter| !matches!(filter, Filter::Trim | Filter::Base64 | Filter::Urlencode))
    }

    fn apply(&self, value: &SecretBytes) -> Result<SecretBytes, &'static str> {
        let mut bytes = SecretBytes::with_capacity(value.len());
        bytes.extend(value.expose());
        if !self.filters.contains(&Filter::Raw) {
            bytes.strip_suffix(b'\n');
        }
        for filter in &self.filters {
            bytes = escape::filter(*filter, &bytes)?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
