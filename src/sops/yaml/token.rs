//! The tokens of a YAML text, from the scanner of `granit-parser`, with places in bytes.

use std::borrow::Cow;

use granit_parser::ScalarStyle;
use granit_parser::Scanner;
use granit_parser::StrInput;
use granit_parser::TokenType;
use zeroize::Zeroizing;

use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;

/// How deep maps and lists may be nested.
pub(super) const DEPTH_MAX: usize = 100;

/// How many tokens and comments a text may have; a key with its value is four.
pub(super) const TOKENS_MAX: usize = 4 << 20;

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockSequence,
    BlockMapping,
    BlockEnd,
    FlowSequence,
    FlowSequenceEnd,
    FlowMapping,
    FlowMappingEnd,
    Entry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl Style {
    /// Tells whether this is `|` or `>`.
    pub(super) fn is_block(self) -> bool {
        matches!(self, Self::Literal | Self::Folded)
    }
}

/// The decoded text of a scalar: lent from the source where it stands there as it is.
#[derive(Debug)]
pub(super) enum Decoded<'a> {
    Lent(&'a str),
    Made(Zeroizing<String>),
}

impl Decoded<'_> {
    /// The text.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Lent(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl<'a> From<Cow<'a, str>> for Decoded<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Lent(text),
            Cow::Owned(text) => Self::Made(Zeroizing::new(text)),
        }
    }
}

/// One token.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it stands in the text, rather than being concluded from what follows.
    pub(super) real: bool,
    pub(super) style: Style,
    /// Of a scalar its value, of an alias or anchor its name, of a tag its full name.
    pub(super) text: Decoded<'a>,
}

/// All tokens and all comments of a text.
#[derive(Debug, Default)]
pub(super) struct Tokens<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) comments: Vec<std::ops::Range<usize>>,
}

/// Reads the tokens of a text that has no BOM.
pub(super) fn tokens(source: &str) -> Result<Tokens<'_>, TextError> {
    refuse_odd_breaks(source)?;
    let limits = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut read = Tokens::default();
    let mut tags = Tags::default();
    for token in Scanner::with_options(StrInput::new(source), limits) {
        let token = token.map_err(|e| {
            let kind = syntax(&e);
            TextError::at(kind, e.marker().byte_offset().unwrap_or_default())
        })?;
        let (span, content) = token.into_parts();
        let Some(span) = span.byte_range() else { continue };
        if read.tokens.len() + read.comments.len() >= TOKENS_MAX {
            let kind = TextErrorKind::TooLarge { what: "the number of YAML tokens", limit: TOKENS_MAX };
            return Err(TextError::at(kind, span.start));
        }
        if matches!(content, TokenType::Comment(_)) {
            read.comments.push(span);
            continue;
        }
        let fault = |kind| TextError::at(kind, span.start);
        if let Some(mut token) = one(content, span.clone(), &mut tags).map_err(fault)? {
            if token.style.is_block() && span.end >= source.len() {
                without_missing_break(&mut token, source);
            }
            read.tokens.push(token);
        }
    }
    Ok(read)
}

fn syntax(error: &granit_parser::ScanError) -> TextErrorKind {
    if matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded) {
        return TextErrorKind::TooLarge { what: "the nesting", limit: DEPTH_MAX };
    }
    TextErrorKind::Syntax("this is not valid YAML")
}

/// A block scalar whose last line has no line end has none in its value either, for sops.
fn without_missing_break(token: &mut Token<'_>, source: &str) {
    let is_blank = |line: &str| line.trim_matches([' ', '\t']).is_empty();
    let last = source.rsplit(['\n', '\r']).next().unwrap_or_default();
    let Some(text) = token.text.text().strip_suffix('\n') else { return };
    let last_value = text.rsplit('\n').next().unwrap_or_default();
    // Blanks beyond the indentation are content as well.
    if last.is_empty() || (is_blank(last) && (last_value.is_empty() || !is_blank(last_value))) {
        return;
    }
    token.text = Decoded::Made(Zeroizing::new(text.to_owned()));
}

/// YAML 1.1, which sops reads, ends lines at three characters that YAML 1.2 takes as text: a comment or string
/// that holds one would mean another thing to each.
fn refuse_odd_breaks(source: &str) -> Result<(), TextError> {
    if source.is_ascii() {
        return Ok(());
    }
    let Some(at) = source.find(['\u{85}', '\u{2028}', '\u{2029}']) else { return Ok(()) };
    let why =
        "a line or paragraph separator stands here unescaped, which YAML readers take for different things";
    Err(TextError::at(TextErrorKind::Unsupported(why), at))
}

/// A token as it is needed here; none for what its neighbours say as well.
fn one<'a>(
    content: TokenType<'a>,
    span: std::ops::Range<usize>,
    tags: &mut Tags,
) -> Result<Option<Token<'a>>, TextErrorKind> {
    let lent = Decoded::Lent("");
    let (kind, style, text) = match content {
        // An implied map in a list, `[a: b]`: its key says enough.
        TokenType::FlowMappingStart | TokenType::FlowMappingEnd if span.is_empty() => return Ok(None),
        TokenType::Alias(name) => (Kind::Alias, Style::Plain, name.into()),
        TokenType::Anchor(name) => (Kind::Anchor, Style::Plain, name.into()),
        TokenType::Tag(handle, suffix) => {
            let name = Zeroizing::new(tags.resolve(&handle, &suffix)?);
            (Kind::Tag, Style::Plain, Decoded::Made(name))
        }
        TokenType::Scalar(style, value) => (Kind::Scalar, style_of(style), value.into()),
        other => match mark(&other) {
            Some(kind) => (kind, Style::Plain, lent),
            None => (tags.directive(other)?, Style::Plain, lent),
        },
    };
    if kind == Kind::DocumentStart {
        tags.body_follows();
    }
    let real = match kind {
        Kind::BlockSequence | Kind::BlockMapping | Kind::BlockEnd => false,
        Kind::Key => !span.is_empty(),
        _ => true,
    };
    Ok(Some(Token { kind, start: span.start, end: span.end, real, style, text }))
}

/// What a token is that has no text of its own.
fn mark(content: &TokenType<'_>) -> Option<Kind> {
    Some(match content {
        TokenType::StreamStart => Kind::StreamStart,
        TokenType::StreamEnd => Kind::StreamEnd,
        TokenType::DocumentStart => Kind::DocumentStart,
        TokenType::DocumentEnd => Kind::DocumentEnd,
        TokenType::BlockSequenceStart => Kind::BlockSequence,
        TokenType::BlockMappingStart => Kind::BlockMapping,
        TokenType::BlockEnd => Kind::BlockEnd,
        TokenType::FlowSequenceStart => Kind::FlowSequence,
        TokenType::FlowSequenceEnd => Kind::FlowSequenceEnd,
        TokenType::FlowMappingStart => Kind::FlowMapping,
        TokenType::FlowMappingEnd => Kind::FlowMappingEnd,
        TokenType::BlockEntry => Kind::Entry,
        TokenType::FlowEntry => Kind::FlowEntry,
        TokenType::Key => Kind::Key,
        TokenType::Value => Kind::Value,
        _ => return None,
    })
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

/// The prefixes that `%TAG` gives to handles, for the document at hand.
#[derive(Debug, Default)]
struct Tags {
    given: Vec<(String, String)>,
    in_body: bool,
}

impl Tags {
    fn body_follows(&mut self) {
        if self.in_body {
            self.given.clear();
        }
        self.in_body = true;
    }

    fn directive(&mut self, token: TokenType<'_>) -> Result<Kind, TextErrorKind> {
        if std::mem::take(&mut self.in_body) {
            self.given.clear();
        }
        match token {
            TokenType::VersionDirective(1, 1) => {}
            TokenType::VersionDirective(..) => {
                return Err(TextErrorKind::Unsupported("sops reads `%YAML 1.1` only; remove this line"));
            }
            TokenType::TagDirective(handle, prefix) => {
                self.given.push((handle.into_owned(), prefix.into_owned()));
            }
            _ => {
                return Err(TextErrorKind::Unsupported(
                    "sops does not know this directive; remove this line",
                ));
            }
        }
        Ok(Kind::Directive)
    }

    fn resolve(&self, handle: &str, suffix: &str) -> Result<String, TextErrorKind> {
        let given = self.given.iter().find(|(name, _)| name == handle);
        match (given, handle) {
            (Some((_, prefix)), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!!") => Ok(format!("tag:yaml.org,2002:{suffix}")),
            (None, "" | "!") => Ok(format!("{handle}{suffix}")),
            (None, _) => Err(TextErrorKind::Syntax("no `%TAG` line says what this tag is")),
        }
    }
}
