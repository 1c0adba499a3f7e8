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

/// Tells whether a byte goes on with a character.
fn continues(byte: u8) -> bool {
    byte & 0xC0 == 0x80
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
        while continues(self.peek(0)) {
            self.place.at += 1;
        }
        self.place.column += 1;
    }

    pub(super) fn advance_to(&mut self, at: usize) {
        // Most ways are within a line, and its characters can be counted at once.
        let way = self.text.get(self.place.at..at).unwrap_or_default();
        if !way.iter().any(|byte| is_break(*byte)) {
            self.place.column += way.iter().filter(|byte| !continues(**byte)).count();
            self.place.at += way.len();
        }
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

/// What stood before the first line of a group of comment lines.
pub(super) struct Before {
    /// Where the search began.
    pub(super) scan: Place,
    /// The token that a foot would belong to.
    pub(super) token: usize,
    pub(super) kind: Kind,
    /// Column of the enclosing block.
    pub(super) indent: usize,
    pub(super) in_flow: bool,
}

/// What a comment line is followed by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Comment,
    Content,
    /// `]` or `}`, which ends what the comment stands in.
    Closing,
    EndOfText,
    /// Too many blanks to look any further.
    Unknown,
}

/// The blanks and line breaks behind a comment line, and what ends them.
#[derive(Debug)]
struct Gap {
    /// Where the first line without anything ends.
    empty: Option<usize>,
    next: Next,
    /// Of what comes next. Its column counts from 1 here, and its line lacks the break of the comment line itself.
    place: Place,
}

impl Gap {
    /// Looks at what follows from `skipped` bytes behind the cursor on.
    fn behind(cursor: &Cursor<'_>, skipped: usize, in_flow: bool) -> Self {
        let mut place = Place { at: cursor.place.at + skipped, line: cursor.place.line, column: 1 };
        let mut empty = None;
        for _ in skipped..LOOKAHEAD {
            let next = match cursor.text.get(place.at).copied().unwrap_or_default() {
                byte if is_blank(byte) => None,
                byte if is_break(byte) => {
                    empty = empty.or(Some(place.at));
                    place.line += 1;
                    place.column = 0;
                    None
                }
                0 => Some(Next::EndOfText),
                b']' | b'}' if in_flow => Some(Next::Closing),
                b'#' => Some(Next::Comment),
                _ => Some(Next::Content),
            };
            if let Some(next) = next {
                return Self { empty, next, place };
            }
            place.at += 1;
            place.column += 1;
        }
        Self { empty, next: Next::Unknown, place }
    }
}

/// Comment lines that may turn out as heads or feet.
struct Group {
    before: Before,
    found: Vec<Remark>,
    /// The lines that wait for their side.
    lines: Lines,
    start: Place,
    token: usize,
    scan: usize,
    /// The line in which a foot of what came before has to begin.
    foot_line: Option<usize>,
    /// Whether no empty line has stood above or between these lines so far.
    dense: bool,
}

/// Reads the comment lines from a `#` on. The cursor ends behind the last of them.
pub(super) fn group(cursor: &mut Cursor<'_>, before: Before) -> Vec<Remark> {
    let above = cursor.newlines();
    // With content in its own line, a comment is a foot only from the next line on.
    let shared = usize::from(above == 0 && cursor.place.column > 1);
    let first = Place { column: cursor.place.column + 1, ..cursor.place };
    let mut group = Group {
        found: Vec::new(),
        lines: Lines::new(),
        start: first,
        token: before.token,
        scan: before.scan.at,
        foot_line: (before.scan.line > 0).then(|| (first.line + 1 + shared).saturating_sub(above)),
        dense: above <= 1,
        before,
    };
    let mut next = Some(first);
    while let Some(place) = next {
        let end = cursor.line_end(place.at);
        cursor.advance_to(end);
        group.line(place, end);
        // The break behind the comment is passed over; of `\r\n` that is the `\r` alone, so that the `\n` counts as an
        // empty line.
        let gap = Gap::behind(cursor, 1, group.before.in_flow);
        next = group.go_on(&gap);
    }
    group.found
}

impl Group {
    fn line(&mut self, place: Place, end: usize) {
        if self.lines.is_empty() {
            self.start = place;
        }
        self.lines.push(Some(place.at..end));
    }

    /// Settles what a gap decides; the place of the next comment line, if there is one.
    fn go_on(&mut self, gap: &Gap) -> Option<Place> {
        let Gap { empty, next, place } = *gap;
        if let Some(at) = empty {
            self.empty_line(at);
        }
        match next {
            Next::Closing => self.foot_ends(place.at),
            Next::EndOfText if empty.is_none() && self.is_foot() => self.foot_ends(place.at),
            Next::Comment | Next::Content if self.leaves_block(place.column) => self.split(place.at),
            _ => {}
        }
        if next == Next::Comment {
            return Some(place);
        }
        if !self.lines.is_empty() {
            self.push(Side::Head, self.start.at, place.at.saturating_sub(1));
        }
        None
    }

    /// The first empty line may end a foot; else it is a line of the comment.
    fn empty_line(&mut self, at: usize) {
        if self.is_foot() {
            self.foot_ends(at);
        } else {
            self.lines.push(None);
        }
        self.dense = false;
    }

    /// Whether an empty line here would make the lines so far a foot.
    fn is_foot(&self) -> bool {
        let below = self.foot_line == Some(self.start.line) && self.before.kind != Kind::Value;
        self.dense && (below || self.is_outside())
    }

    fn is_outside(&self) -> bool {
        self.start.column <= self.before.indent
    }

    /// Whether something at this column stands outside of the block that the lines so far are in.
    fn leaves_block(&self, column: usize) -> bool {
        !self.lines.is_empty() && column <= self.before.indent && column != self.start.column
    }

    fn foot_ends(&mut self, at: usize) {
        if self.lines.is_empty() {
            return;
        }
        if self.is_outside() {
            self.token = self.start.at;
        }
        self.split(at);
    }

    /// What was read so far is a foot, and what follows is apart from it.
    fn split(&mut self, at: usize) {
        self.push(Side::Foot, self.token, at);
        self.scan = at;
        self.token = at;
    }

    fn push(&mut self, side: Side, token: usize, end: usize) {
        let lines = std::mem::take(&mut self.lines);
        self.found.push(Remark { side, lines, token, scan: self.scan, start: self.start, end });
    }
}

/// Where a block of this column ends: before the comments that stand at its own column, so that these go to what is
/// around it. Looks back from `end` over comments with nothing between them.
pub(super) fn block_end(remarks: &[Remark], column: usize, end: isize) -> isize {
    let signed = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
    let mut reached = end;
    let adjacent = remarks.iter().rev().take_while(|remark| {
        let touches = signed(remark.end) >= reached;
        reached = signed(remark.scan);
        touches
    });
    adjacent
        .filter(|remark| remark.start.column == column + 1)
        .last()
        .map_or(end, |remark| signed(remark.start.at))
}
