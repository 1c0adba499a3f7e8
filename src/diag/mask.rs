//! Private keys in a text that is about to be shown: where they are, and the text without them.
//!
//! Passwords and tokens look like any other word, so only what has the form of a private key is found here.

use std::borrow::Cow;
use std::io;
use std::io::Write;
use std::ops::Range;

/// Shortest run of letters that counts as part of a key; shorter ones are prefixes in messages and help.
const RUN_MIN: usize = 8;

/// Shortest line of a key whose end marker is missing, so that the words after it stay.
const LINE_MIN: usize = 16;

/// First bytes of a private key in base64: of an OpenSSH key, and of a whole PEM file.
const ENCODED: [&str; 2] = ["b3BlbnNzaC1rZXktdjE", "LS0tLS1CRUdJTi"];

/// How age identities start. A plugin's name in lower case is that of its program.
const AGE: [&str; 3] = ["AGE-SECRET-KEY-", "age-secret-key-", "AGE-PLUGIN-"];

/// The text with `…` in place of every private key: PEM blocks, OpenSSH keys, age and plugin identities.
pub fn masked(text: &str) -> Cow<'_, str> {
    replaced(text, |_| "…".to_owned())
}

/// The text with `*` in place of every byte of a private key, so that all offsets and lines stay.
pub(super) fn blanked(text: &str) -> Cow<'_, str> {
    replaced(text, |body| body.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect())
}

/// Where the first private key of the text starts.
pub fn first_private_key(text: &str) -> Option<usize> {
    bodies(text).first().map(|body| body.start)
}

/// A writer that masks the private keys in each text it is given.
#[derive(Debug)]
pub struct Masking<W>(pub W);

impl<W: Write> Write for Masking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(masked(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn replaced(text: &str, by: impl Fn(&str) -> String) -> Cow<'_, str> {
    let bodies = bodies(text);
    if bodies.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for body in bodies {
        shown.push_str(text.get(at..body.start).unwrap_or_default());
        shown.push_str(&by(text.get(body.clone()).unwrap_or_default()));
        at = body.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(shown)
}

/// The secret parts of the text, in order and apart from each other; each search passes over the text once.
fn bodies(text: &str) -> Vec<Range<usize>> {
    let mut found = pem(text);
    for start in ENCODED {
        found.extend(text.match_indices(start).map(|(at, _)| at..end_of_lines(text, at)));
    }
    for start in AGE {
        found.extend(text.match_indices(start).filter_map(|(at, _)| {
            let body = at + start.len();
            let run = run(text, body, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (run >= RUN_MIN).then_some(body..body + run)
        }));
    }
    found.sort_by_key(|body| body.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for body in found {
        match apart.last_mut() {
            Some(last) if body.start <= last.end => last.end = last.end.max(body.end),
            _ => apart.push(body),
        }
    }
    apart
}

/// What stands between the markers of private keys, the end marker included.
fn pem(text: &str) -> Vec<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = text.get(at..).and_then(|rest| rest.find(BEGIN)) {
        at += begin + BEGIN.len();
        let label = run(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
        let start = at + label + run(text, at + label, |byte| byte == b'-');
        if !text.get(at..at + label).unwrap_or_default().contains("PRIVATE KEY") {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let Some(end) = rest.find("-----END ") else {
            // Cut off: later markers have no end either.
            found.push(start..end_of_lines(text, start));
            continue;
        };
        let marker = start + end + "-----END ".len();
        let label = run(text, marker, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
        at = marker + label + run(text, marker + label, |byte| byte == b'-');
        found.push(start..at);
    }
    found.retain(|body| !body.is_empty());
    found
}

/// Where lines of base64 that start at `at` end; line breaks may be written as `\n`.
fn end_of_lines(text: &str, at: usize) -> usize {
    let mut end = at;
    loop {
        let mut next = end;
        loop {
            let rest = text.get(next..).unwrap_or_default();
            let escaped = ["\\n", "\\r"].iter().any(|escape| rest.starts_with(escape));
            let blank = if escaped { 2 } else { run(text, next, |byte| byte.is_ascii_whitespace()) };
            if blank == 0 {
                break;
            }
            next += blank;
        }
        let line = run(text, next, |byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        if line < LINE_MIN {
            return end;
        }
        end = next + line;
    }
}

/// How many bytes from `at` on `is_part` accepts.
fn run(text: &str, at: usize, is_part: impl Fn(u8) -> bool) -> usize {
    text.as_bytes().iter().skip(at).take_while(|byte| is_part(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    const AGE_KEY: &str = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQS0UMDAT";

    fn block(label: &str, line_break: &str) -> String {
        format!(
            "-----BEGIN {label}-----{line_break}{LINE}{line_break}{LINE}{line_break}-----END {label}-----"
        )
    }

    #[test]
    fn no_private_key_is_left_whatever_is_around_it() {
        for label in ["OPENSSH PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
            for line_break in ["\n", "\r\n", "\\n", " "] {
                let text = format!("before `{}` after", block(label, line_break));
                assert_eq!(masked(&text), format!("before `-----BEGIN {label}-----…` after"));
            }
        }
        let cut: String = block("OPENSSH PRIVATE KEY", "\n").chars().take(80).collect();
        assert_eq!(masked(&format!("`{cut}` is wrong")), "`-----BEGIN OPENSSH PRIVATE KEY-----…` is wrong");
        assert_eq!(masked(&format!("{LINE}\n{LINE}\n  help: x")), "…\n  help: x");
        assert_eq!(masked(&format!("<{AGE_KEY}>")), "<AGE-SECRET-KEY-…>");
        assert_eq!(masked("AGE-SECRET-KEY-PQ-1QQQQQQQQQQQ x"), "AGE-SECRET-KEY-… x");
        assert_eq!(masked("AGE-PLUGIN-YUBIKEY-1QGPSQYQZ."), "AGE-PLUGIN-….");
    }

    #[test]
    fn what_is_public_stays() {
        for text in [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0123456789abcdefghijklmnopqrstuvwxyzABCDEF you@host",
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
            "an identity is an `AGE-SECRET-KEY-1…` or `AGE-PLUGIN-…` line; install `age-plugin-yubikey`",
            "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----",
            "put `-----BEGIN OPENSSH PRIVATE KEY-----` first",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn blanks_leave_every_line_and_offset_where_it_was() {
        let text = format!("a = \"{}\"\nb = ä", block("PRIVATE KEY", "\n"));
        let shown = blanked(&text);
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.lines().count(), text.lines().count());
        assert!(!shown.contains("b3Bl") && shown.ends_with("\"\nb = ä"), "{shown}");
    }

    #[test]
    fn a_text_full_of_markers_is_passed_over_quickly() {
        let text = "-----BEGIN PRIVATE KEY----- AGE-SECRET-KEY-QQQQQQQQQQ ".repeat(40_000);
        assert_eq!(masked(&text).matches('…').count(), 40_000);
    }
}
