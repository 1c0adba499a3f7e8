//! Which values are encrypted: the six selectors, with Go's meaning of a regular expression.

use regex::Regex;

use super::tree::KeyPath;

/// What decides which values are encrypted. A file has exactly one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selector {
    /// All, but for keys below one that ends with this.
    UnencryptedSuffix(String),
    /// Only those below a key that ends with this.
    EncryptedSuffix(String),
    /// All, but for those below a key that matches.
    UnencryptedRegex(String),
    /// Only those below a key that matches.
    EncryptedRegex(String),
    /// All, but for those with an active comment that matches.
    UnencryptedCommentRegex(String),
    /// Only those with an active comment that matches.
    EncryptedCommentRegex(String),
}

impl Default for Selector {
    fn default() -> Self {
        Self::UnencryptedSuffix("_unencrypted".to_owned())
    }
}

impl Selector {
    /// The fields of the metadata, one for each kind.
    pub const FIELDS: [&'static str; 6] = [
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
        "unencrypted_comment_regex",
        "encrypted_comment_regex",
    ];

    /// The selector of a field of the metadata.
    pub fn of_field(field: &str, text: &str) -> Option<Self> {
        let text = text.to_owned();
        match field {
            "unencrypted_suffix" => Some(Self::UnencryptedSuffix(text)),
            "encrypted_suffix" => Some(Self::EncryptedSuffix(text)),
            "unencrypted_regex" => Some(Self::UnencryptedRegex(text)),
            "encrypted_regex" => Some(Self::EncryptedRegex(text)),
            "unencrypted_comment_regex" => Some(Self::UnencryptedCommentRegex(text)),
            "encrypted_comment_regex" => Some(Self::EncryptedCommentRegex(text)),
            _ => None,
        }
    }

    /// Its field in the metadata.
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnencryptedSuffix(_) => "unencrypted_suffix",
            Self::EncryptedSuffix(_) => "encrypted_suffix",
            Self::UnencryptedRegex(_) => "unencrypted_regex",
            Self::EncryptedRegex(_) => "encrypted_regex",
            Self::UnencryptedCommentRegex(_) => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex(_) => "encrypted_comment_regex",
        }
    }

    /// The suffix or expression.
    pub fn text(&self) -> &str {
        match self {
            Self::UnencryptedSuffix(text)
            | Self::EncryptedSuffix(text)
            | Self::UnencryptedRegex(text)
            | Self::EncryptedRegex(text)
            | Self::UnencryptedCommentRegex(text)
            | Self::EncryptedCommentRegex(text) => text,
        }
    }

    /// Whether values that no key or comment speaks of are encrypted.
    fn starts_with_all(&self) -> bool {
        matches!(
            self,
            Self::UnencryptedSuffix(_) | Self::UnencryptedRegex(_) | Self::UnencryptedCommentRegex(_)
        )
    }

    /// Makes it ready for use; none for an expression that Go does not take either.
    pub(super) fn compiled(&self) -> Option<Compiled> {
        let test = match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => Test::Suffix(suffix.clone()),
            Self::UnencryptedRegex(text) | Self::EncryptedRegex(text) => Test::Key(go_regex(text)?),
            Self::UnencryptedCommentRegex(text) | Self::EncryptedCommentRegex(text) => {
                Test::Comment(go_regex(text)?)
            }
        };
        Some(Compiled { test, all: self.starts_with_all() })
    }
}

/// Longest expression that is read, since what a brace or bracket means takes a look at all that follows.
const EXPRESSION_MAX: usize = 64 << 10;

/// A selector ready for use.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    test: Test,
    all: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Suffix(String),
    Key(Regex),
    Comment(Regex),
}

impl Compiled {
    /// Whether the leaf is encrypted. `own` is the text of a comment that is asked about itself.
    /// `spoken` says that one of its active comments is [spoken of](Self::speaks_of).
    pub(super) fn selects(&self, path: &KeyPath, spoken: bool, own: Option<&str>) -> bool {
        let spoken_of = match &self.test {
            Test::Suffix(suffix) => path.keys().any(|key| key.ends_with(suffix.as_str())),
            Test::Key(regex) => path.keys().any(|key| regex.is_match(key)),
            Test::Comment(regex) => {
                // A comment that turns encryption on stays readable itself; one that turns it off does too.
                let own = own.filter(|_| self.all);
                spoken || own.is_some_and(|text| regex.is_match(text))
            }
        };
        spoken_of != self.all
    }

    /// Whether a comment of this text decides about what it is active for.
    pub(super) fn speaks_of(&self, comment: &str) -> bool {
        matches!(&self.test, Test::Comment(regex) if regex.is_match(comment))
    }
}

/// Compiles an expression of Go's syntax: classes by letter are ASCII, and some characters are literal that this
/// library gives a meaning.
fn go_regex(text: &str) -> Option<Regex> {
    if text.len() > EXPRESSION_MAX {
        return None;
    }
    Regex::new(&Translation::of(text)?).ok()
}

struct Translation<'a> {
    rest: &'a str,
    made: String,
    /// Inside `[…]`.
    class: bool,
}

impl<'a> Translation<'a> {
    fn of(text: &'a str) -> Option<String> {
        let mut translation = Self { rest: text, made: String::with_capacity(text.len() + 16), class: false };
        while let Some(next) = translation.rest.chars().next() {
            translation.rest = translation.rest.get(next.len_utf8()..)?;
            translation.step(next)?;
        }
        Some(translation.made)
    }

    fn step(&mut self, next: char) -> Option<()> {
        match next {
            '\\' => return self.escape(),
            '[' if self.class => self.inner_bracket(),
            '[' => self.open_class(),
            ']' if self.class => {
                self.class = false;
                self.made.push(']');
            }
            '&' | '~' if self.class => self.literal(next),
            '-' if self.class && self.rest.starts_with('-') => self.literal(next),
            '{' if !self.class && !is_repetition(self.rest) => self.literal(next),
            '(' if self.rest.starts_with('?') => return self.flags(),
            _ => self.made.push(next),
        }
        Some(())
    }

    fn literal(&mut self, c: char) {
        self.made.push('\\');
        self.made.push(c);
    }

    /// `[`, an optional `^`, and a `]` that comes first is itself.
    fn open_class(&mut self) {
        self.class = true;
        self.made.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.made.push('^');
        }
        if let Some(rest) = self.rest.strip_prefix(']') {
            self.rest = rest;
            self.literal(']');
        }
    }

    /// `[:alpha:]` is a class in both; any other bracket inside a class is itself.
    fn inner_bracket(&mut self) {
        let named = self.rest.strip_prefix(':').and_then(|rest| rest.find(":]"));
        match named {
            Some(end) => {
                let (name, rest) = self.rest.split_at((end + 3).min(self.rest.len()));
                self.made.push('[');
                self.made.push_str(name);
                self.rest = rest;
            }
            None => self.literal('['),
        }
    }

    /// Only the flags `i`, `m`, `s` and `U` exist in Go.
    fn flags(&mut self) -> Option<()> {
        let flags: &str = self.rest.get(1..)?;
        if !flags.starts_with("P<") && !flags.starts_with('<') {
            let end = flags.find([':', ')'])?;
            if !flags.get(..end)?.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-')) {
                return None;
            }
        }
        self.made.push('(');
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let next = self.rest.chars().next()?;
        self.rest = self.rest.get(next.len_utf8()..)?;
        match next {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.made.push_str(perl_class(next)),
            'b' | 'B' if !self.class => self.made.push_str(&format!("(?-u:\\{next})")),
            'Q' => self.quoted(),
            'p' | 'P' | 'x' | 'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'A' | 'z' => self.literal(next),
            c if c.is_ascii_punctuation() => {
                self.made.push_str(&regex::escape(&c.to_string()));
            }
            _ => return None,
        }
        Some(())
    }

    /// `\Q…\E` quotes what is between.
    fn quoted(&mut self) {
        let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.made.push_str(&regex::escape(quoted));
        self.rest = rest;
    }
}

fn perl_class(letter: char) -> &'static str {
    match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x0C\\r ]",
        'S' => "[^\\t\\n\\x0C\\r ]",
        'w' => "[0-9A-Za-z_]",
        _ => "[^0-9A-Za-z_]",
    }
}

/// Whether what follows a `{` makes it a repetition: `3}`, `3,}` or `3,5}`.
fn is_repetition(rest: &str) -> bool {
    let Some((inner, _)) = rest.split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn selects(selector: &Selector, keys: &[&str], active: &[&str], own: Option<&str>) -> bool {
        let path = KeyPath::of_keys(keys.iter().copied());
        let selector = selector.compiled().unwrap();
        selector.selects(&path, active.iter().any(|text| selector.speaks_of(text)), own)
    }

    #[test]
    fn any_key_on_the_way_decides_by_suffix_or_expression() {
        let default = Selector::default();
        assert!(selects(&default, &["a", "b"], &[], None));
        assert!(!selects(&default, &["a_unencrypted", "b"], &[], None));
        let only = Selector::EncryptedSuffix("_secret".to_owned());
        assert!(selects(&only, &["a_secret", "b"], &[], None));
        assert!(!selects(&only, &["a"], &[], None));
        let regex = Selector::EncryptedRegex("^(data|stringData)$".to_owned());
        assert!(selects(&regex, &["data", "b"], &[], None));
        assert!(!selects(&regex, &["metadata", "b"], &[], None));
        let unanchored = Selector::UnencryptedRegex("ata".to_owned());
        assert!(!selects(&unanchored, &["metadata"], &[], None));
    }

    #[test]
    fn a_comment_that_turns_encryption_on_or_off_stays_readable_itself() {
        let on = Selector::EncryptedCommentRegex("secret".to_owned());
        assert!(selects(&on, &["a"], &["a secret"], None));
        assert!(!selects(&on, &[], &[], Some("a secret")));
        assert!(selects(&on, &[], &["a secret"], Some("more")));
        let off = Selector::UnencryptedCommentRegex("public".to_owned());
        assert!(!selects(&off, &["a"], &["public"], None));
        assert!(!selects(&off, &[], &[], Some("public")));
        assert!(selects(&off, &[], &[], Some("more")));
    }

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        let matches = |regex: &str, text: &str| go_regex(regex).unwrap().is_match(text);
        assert!(!matches(r"^\d$", "٣"));
        assert!(!matches(r"^\w$", "é"));
        assert!(matches(r"a\b", "aé"));
        assert!(matches("a{", "a{"));
        assert!(matches("^a{2}$", "aa"));
        assert!(matches("[[a]", "["));
        assert!(matches("[&&a]", "&"));
        assert!(matches("^[]a]$", "]"));
        assert!(matches("^[[:alpha:]]$", "x"));
        assert!(matches(r"^\Qa.b\E$", "a.b"));
        assert!(!matches(r"^\Qa.b\E$", "axb"));
        assert!(matches(r"\<", "<"));
        assert!(matches("(?i)KEY", "my_key"));
        assert!(matches(r"^[\w.-]+$", "a.b-c"));
        for refused in ["(?x)a", "(", r"\8", r"(?=a)", &"{".repeat(EXPRESSION_MAX + 1)] {
            assert!(go_regex(refused).is_none(), "{refused}");
        }
    }
}
