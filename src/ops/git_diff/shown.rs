//! Text for a pager: nothing in it is obeyed by a terminal.

use crate::crypto::Digest;
use crate::diag::is_obeyed;
use crate::secret::SecretBytes;

/// What is shown, in a buffer that is wiped.
#[derive(Default)]
pub(super) struct Shown(SecretBytes);

impl Shown {
    /// A line of ours.
    pub(super) fn line(&mut self, text: &str) {
        self.escaped(text);
        self.0.extend(b"\n");
    }

    /// A value. One that is no text is told by its ciphertext, whose digest says nothing about it.
    pub(super) fn value(&mut self, value: &SecretBytes, ciphertext: &[u8]) {
        match std::str::from_utf8(value.expose()) {
            Ok(text) if !text.contains('\0') => self.escaped(text),
            _ => {
                let digest = Digest::of(ciphertext);
                self.line(&format!(
                    "{} bytes that are no text, in the age file with sha256 {digest}",
                    value.len()
                ));
            }
        }
    }

    /// A file that is nothing of ours, as far as it is text.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.escaped(text),
            Err(_) => {
                self.line(&format!("{} bytes that are no text, sha256 {}", bytes.len(), Digest::of(bytes)));
            }
        }
    }

    fn escaped(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(is_obeyed) {
            let (before, found) = rest.split_at(at);
            self.0.extend(before.as_bytes());
            let mut signs = found.chars();
            let escape = signs.next().map(|sign| sign.escape_default().to_string()).unwrap_or_default();
            self.0.extend(escape.as_bytes());
            rest = signs.as_str();
        }
        self.0.extend(rest.as_bytes());
    }

    pub(super) fn finish(self) -> SecretBytes {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &[u8]) -> String {
        let mut shown = Shown::default();
        shown.value(&SecretBytes::from(value.to_vec()), b"ciphertext");
        String::from_utf8_lossy(shown.finish().expose()).into_owned()
    }

    #[test]
    fn values_are_shown_as_they_are_but_for_what_a_terminal_would_obey() {
        assert_eq!(shown(b"two\nlines\twith \xc3\xa4"), "two\nlines\twith \u{e4}");
        assert_eq!(shown(b"a\r\n\x1b[2Jb\xc2\x9b"), "a\\r\n\\u{1b}[2Jb\\u{9b}");
        assert_eq!(shown(b""), "");
    }

    #[test]
    fn a_value_that_is_no_text_is_told_by_its_length_and_its_ciphertext_alone() {
        for value in [&b"\xff\xfe needle"[..], b"needle\0"] {
            let text = shown(value);
            assert!(text.contains(&Digest::of(b"ciphertext").to_string()), "{text}");
            assert!(!text.contains("needle") && !text.contains(&Digest::of(value).to_string()), "{text}");
        }
    }
}
