//! Recipients as an argument: one, or one a line, as GitHub serves the keys of a person.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::ops::Recipient;

/// Every recipient of one `--recipient`.
#[derive(Clone, Debug)]
pub(super) struct RecipientLines(Vec<Recipient>);

impl RecipientLines {
    /// The recipients of all arguments.
    pub(super) fn all(arguments: &[Self]) -> BTreeSet<Recipient> {
        arguments.iter().flat_map(|argument| argument.0.iter().cloned()).collect()
    }
}

impl FromStr for RecipientLines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .collect();
        if let [] | [_] = lines.as_slice() {
            let line = lines.first().map_or(text, |(_, line)| line);
            return line.parse().map(|recipient| Self(vec![recipient])).map_err(|error| format!("{error}"));
        }
        let parse = |(number, line): (usize, &str)| {
            line.parse::<Recipient>().map_err(|error| format!("line {number}: {error}"))
        };
        lines.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}
