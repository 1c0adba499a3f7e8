//! Where comments belong: what the YAML library of sops makes of them while it scans the gaps between tokens.
//!
//! That library hands out each comment as *head*, *line* or *foot* of a token, by rules that nobody would guess from
//! the outside: indentation, empty lines, even `\r\n` count. A comment's place decides its additional data, so the
//! same answers are needed here. The names follow that library's documentation: a *head* stands above a node, a
//! *line* comment at the end of its line, a *foot* below it.

use std::ops::Range;

use crate::sops::yaml::token::Kind;

/// Lines of one comment; none is an empty line between them.
pub(super) type Lines = Vec<Option<Range<usize>>>;

/// How far the library looks for a comment behind blanks and line breaks.
const LOOKAHEAD: usize = 512;

/// Which of the three a remark is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Head,
    Line,
    Foot,
}

/// A place in the text. The column counts characters from 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Comment lines that belong together, waiting for their token.
#[derive(Debug)]
pub(super) struct Remark {
    pub(super) side: Side,
    pub(super) lines: Lines,
    /// It belongs to the first token that starts here or later.
    pub(super) token: usize,
    /// Where the search that found it began.
    pub(super) scan: usize,
    pub(super) start: Place,
    pub(super) end: usize,
}

/// A walk through the bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) place: Place,
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, place: Place::default() }
    }

    /// The byte `ahead` of the cursor; NUL behind the end.
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.place.at + ahead).copied().unwrap_or_default()
    }

    pub(super) fn at_end(&self) -> bool {
        self.place.at >= self.text.len()
    }

    /// Moves behind one character, or one line break.
    pub(super) fn step(&mut self) {
        let byte = self.peek(0);
        if is_break(byte) {
            self.place.at += if byte == b'\r' && self.peek(1) == b'\n' { 2 } else { 1 };
            self.place.line += 1;
            self.place.column = 0;
            return;
        }
        self.place.at += 1;
        while self.peek(0) & 0xC0 == 0x80 {
            self.place.at += 1;
        }
        self.place.column += 1;
    }

    pub(super) fn advance_to(&mut self, at: usize) {
        while self.place.at < at && !self.at_end() {
            self.step();
        }
    }

    pub(super) fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        while !self.at_end() && skipped(self.peek(0)) {
            self.step();
        }
    }

    /// Line breaks since the last character that is neither blank nor a break.
    pub(super) fn newlines(&self) -> usize {
        let before = self.text.get(..self.place.at).unwrap_or_default();
        let tail = before.iter().rev().take_while(|byte| is_blank(**byte) || is_break(**byte));
        let run = tail.count();
        let gap = before.get(before.len() - run..).unwrap_or_default();
        let lone = gap.iter().zip(gap.iter().skip(1).chain([&0]));
        lone.filter(|(byte, next)| **byte == b'\n' || (**byte == b'\r' && **next != b'\n')).count()
    }

    /// The end of the line at `at`.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| is_break(*byte)).unwrap_or(rest.len())
    }

    /// The comment that ends the current line, if there is one.
    pub(super) fn line_remark(&mut self, token: usize) -> Option<Remark> {
        if self.newlines() > 0 {
            return None;
        }
        let blanks = (0..LOOKAHEAD).find(|ahead| !is_blank(self.peek(*ahead)))?;
        if self.peek(blanks) != b'#' {
            return None;
        }
        self.advance_to(self.place.at + blanks);
        let start = self.place;
        let end = self.line_end(start.at);
        self.advance_to(end);
        let lines = vec![Some(start.at..end)];
        // An end of 0 keeps it out of the search for the end of a block, as in the library.
        (end > start.at).then_some(Remark { side: Side::Line, lines, token, scan: 0, start, end: 0 })
    }
}

/// What stood before a run of comment lines.
pub(super) struct Before {
    /// Where the search began.
    pub(super) scan: Place,
    /// The token that a foot would belong to.
    pub(super) token: usize,
    pub(super) kind: Kind,
    /// Columns of the enclosing block, -1 outside of all.
    pub(super) indent: isize,
    pub(super) in_flow: bool,
}

/// The state of reading one run of comment lines.
struct Run<'a> {
    cursor: Cursor<'a>,
    before: Before,
    found: Vec<Remark>,
    lines: Lines,
    token: usize,
    scan: usize,
    /// Line from 0, column from 1, as the library counts here.
    start: Place,
    line: usize,
    column: usize,
    ahead: usize,
    recent_empty: bool,
    first_empty: bool,
    foot_line: Option<usize>,
}

/// Reads the comment lines from a `#` on. The cursor ends behind the last of them.
pub(super) fn run(cursor: &mut Cursor<'_>, before: Before) -> Vec<Remark> {
    let newlines = cursor.newlines();
    let place = cursor.place;
    let below = usize::from(newlines == 0 && place.column > 1);
    let foot_line = (before.scan.line > 0).then(|| (place.line + 1 + below).saturating_sub(newlines));
    let mut run = Run {
        cursor: *cursor,
        token: before.token,
        scan: before.scan.at,
        before,
        found: Vec::new(),
        lines: Lines::new(),
        start: Place::default(),
        line: place.line,
        column: place.column,
        ahead: 0,
        recent_empty: false,
        first_empty: newlines <= 1,
        foot_line,
    };
    while run.ahead < LOOKAHEAD && run.step() {
        run.ahead += 1;
    }
    if !run.lines.is_empty() {
        let end = (run.cursor.place.at + run.ahead).saturating_sub(1);
        let token = run.start.at;
        run.push(Side::Head, token, end);
    }
    *cursor = run.cursor;
    run.found
}

impl Run<'_> {
    fn indent(&self) -> usize {
        usize::try_from(self.before.indent).unwrap_or_default()
    }

    /// Looks at one character; false ends the run.
    fn step(&mut self) -> bool {
        self.column += 1;
        let byte = self.cursor.peek(self.ahead);
        if is_blank(byte) {
            return true;
        }
        let closes = self.before.in_flow && matches!(byte, b']' | b'}');
        if closes || is_break(byte) || byte == 0 {
            self.empty_line(closes, byte);
            if !is_break(byte) {
                return false;
            }
            self.first_empty = false;
            self.recent_empty = true;
            self.column = 0;
            self.line += 1;
            return true;
        }
        let dedented = self.column <= self.indent() && self.column != self.start.column;
        if !self.lines.is_empty() && dedented {
            self.split();
        }
        if byte != b'#' {
            return false;
        }
        self.comment_line();
        true
    }

    /// The first empty line may end a foot of what came before.
    fn empty_line(&mut self, closes: bool, byte: u8) {
        if !closes && self.recent_empty {
            return;
        }
        let outside = self.start.column <= self.indent();
        let below = self.foot_line == Some(self.start.line) && self.before.kind != Kind::Value;
        if closes || (self.first_empty && (below || outside)) {
            if !self.lines.is_empty() {
                if outside {
                    self.token = self.start.at;
                }
                self.split();
            }
        } else if !self.lines.is_empty() && byte != 0 {
            self.lines.push(None);
        }
    }

    /// What was read so far is a foot.
    fn split(&mut self) {
        let end = self.cursor.place.at + self.ahead;
        self.push(Side::Foot, self.token, end);
        self.scan = end;
        self.token = end;
    }

    fn push(&mut self, side: Side, token: usize, end: usize) {
        let lines = std::mem::take(&mut self.lines);
        self.found.push(Remark { side, lines, token, scan: self.scan, start: self.start, end });
    }

    fn comment_line(&mut self) {
        let at = self.cursor.place.at + self.ahead;
        if self.lines.is_empty() {
            self.start = Place { at, line: self.line, column: self.column };
        }
        self.recent_empty = false;
        let end = self.cursor.line_end(at);
        self.lines.push(Some(at..end));
        self.cursor.advance_to(end);
        self.ahead = 0;
        self.column = 0;
        self.line = self.cursor.place.line;
    }
}
