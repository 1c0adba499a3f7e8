//! Replacing ranges of a text.

use std::ops::Range;

use crate::secret::SecretBytes;

/// Ranges of a text and what takes their place. They must not overlap; two at the same empty range keep their order.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, SecretBytes)>);

impl Edits {
    /// Puts `new` in the place of `range`.
    pub(super) fn replace(&mut self, range: Range<usize>, new: impl Into<SecretBytes>) {
        self.0.push((range, new.into()));
    }

    /// Takes `range` away.
    pub(super) fn delete(&mut self, range: Range<usize>) {
        self.0.push((range, SecretBytes::default()));
    }

    /// The part `window` of the text with all edits made; edits lie inside it.
    pub(super) fn apply_within(mut self, text: &[u8], window: Range<usize>) -> SecretBytes {
        self.0.sort_by_key(|(range, _)| range.start);
        let added: usize = self.0.iter().map(|(_, new)| new.len()).sum();
        let mut made = SecretBytes::with_capacity(window.len() + added);
        let mut at = window.start;
        for (range, new) in &self.0 {
            made.extend(text.get(at..range.start).unwrap_or_default());
            made.extend(new.expose());
            at = range.end.max(at);
        }
        made.extend(text.get(at..window.end).unwrap_or_default());
        made
    }

    /// The whole text with all edits made.
    pub(super) fn apply(self, text: &[u8]) -> SecretBytes {
        self.apply_within(text, 0..text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_in_the_order_of_the_text_whatever_order_they_were_asked_in() {
        let mut edits = Edits::default();
        edits.replace(4..5, b"E".to_vec());
        edits.delete(0..1);
        edits.replace(2..2, b"--".to_vec());
        assert_eq!(edits.apply(b"abcde").expose(), b"b--cdE");
    }
}
