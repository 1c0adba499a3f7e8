//! The tokens one after the other, each with the comments that have become known by then.
//!
//! The YAML library of sops reads three tokens ahead of its parser and attaches comments on the way, so what the
//! parser sees depends on when it looks. This repeats that look-ahead over tokens that are there already.

use std::collections::VecDeque;

use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::remark;
use crate::sops::yaml::remark::Before;
use crate::sops::yaml::remark::Cursor;
use crate::sops::yaml::remark::Lines;
use crate::sops::yaml::remark::Place;
use crate::sops::yaml::remark::Remark;
use crate::sops::yaml::remark::Side;
use crate::sops::yaml::token::Kind;
use crate::sops::yaml::token::Token;

/// Tokens known before the parser sees the first of them.
const AHEAD: usize = 3;

/// The comments at hand when a node is made.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) head: Lines,
    pub(super) line: Lines,
    pub(super) foot: Lines,
}

/// Tokens and comments of one text, in the order and at the moment in which the parser may use them.
pub(super) struct Feed<'t, 'a> {
    cursor: Cursor<'a>,
    source: std::vec::IntoIter<Token<'t>>,
    queue: VecDeque<Token<'t>>,
    /// Kind and start of the last two tokens that were queued.
    last: [(Kind, usize); 2],
    indents: Vec<usize>,
    flow: usize,
    remarks: Vec<Remark>,
    /// The first remark that no token has taken yet.
    next_remark: usize,
    pub(super) pending: Pending,
    /// Comments set aside for the map or list that an item of a list is.
    pub(super) stem: Lines,
}

impl<'t, 'a> Feed<'t, 'a> {
    pub(super) fn new(text: &'a str, tokens: Vec<Token<'t>>) -> Self {
        Self {
            cursor: Cursor::new(text.as_bytes()),
            source: tokens.into_iter(),
            queue: VecDeque::new(),
            last: [(Kind::StreamStart, 0); 2],
            indents: Vec::new(),
            flow: 0,
            remarks: Vec::new(),
            next_remark: 0,
            pending: Pending::default(),
            stem: Lines::new(),
        }
    }

    /// Kind and start of the next token. Takes up the comments that belong to it.
    pub(super) fn peek(&mut self) -> Result<(Kind, usize), TextError> {
        while self.queue.len() < AHEAD && self.source.len() > 0 {
            self.fetch()?;
        }
        let Some(token) = self.queue.front() else {
            return Ok((Kind::StreamEnd, self.cursor.text.len()));
        };
        let (kind, start) = (token.kind, token.start);
        self.take_remarks(kind, start);
        Ok((kind, start))
    }

    /// The next token, which must have been looked at.
    pub(super) fn take(&mut self) -> Option<Token<'t>> {
        self.queue.pop_front()
    }

    /// Hands over the comments at hand.
    pub(super) fn comments(&mut self) -> Pending {
        self.stem.clear();
        std::mem::take(&mut self.pending)
    }

    fn take_remarks(&mut self, kind: Kind, start: usize) {
        while let Some(remark) = self.remarks.get_mut(self.next_remark) {
            if remark.token > start || (remark.side == Side::Head && kind == Kind::BlockEnd) {
                return;
            }
            let into = match remark.side {
                Side::Head => &mut self.pending.head,
                Side::Line => &mut self.pending.line,
                Side::Foot => &mut self.pending.foot,
            };
            into.append(&mut remark.lines);
            remark.end = 0;
            self.next_remark += 1;
        }
    }

    /// Queues the next token that stands in the text, and those concluded before it.
    fn fetch(&mut self) -> Result<(), TextError> {
        let scan = self.cursor.place;
        if self.last[1].0 != Kind::StreamStart || scan.at > 0 || !self.queue.is_empty() {
            self.seek_token(scan);
        }
        let mut block_end = Self::before(scan.at);
        let mut outer = false;
        while let Some(mut token) = self.source.next() {
            if token.kind == Kind::BlockEnd {
                let indent = self.indents.pop().unwrap_or_default();
                if !outer && indent <= self.cursor.place.column {
                    outer = true;
                    block_end = Self::before(self.cursor.place.at);
                }
                block_end = remark::block_end(&self.remarks, indent, block_end);
                token.start = usize::try_from(block_end).unwrap_or_default();
                self.queue_up(token);
            } else if token.real {
                return self.fetch_real(token);
            } else {
                if token.kind != Kind::Key {
                    self.indents.push(self.cursor.place.column);
                }
                token.start = self.cursor.place.at;
                self.queue_up(token);
            }
        }
        Ok(())
    }

    fn before(at: usize) -> isize {
        isize::try_from(at).unwrap_or(isize::MAX) - 1
    }

    fn queue_up(&mut self, token: Token<'t>) {
        self.last = [self.last[1], (token.kind, token.start)];
        self.queue.push_back(token);
    }

    fn fetch_real(&mut self, mut token: Token<'t>) -> Result<(), TextError> {
        let start = self.cursor.place.at;
        if !self.fits(&token) {
            let why = "YAML readers disagree on the layout of this line";
            return Err(TextError::at(TextErrorKind::Syntax(why), start));
        }
        token.start = start;
        let first = self.cursor.peek(0);
        let (kind, style) = (token.kind, token.style);
        let belongs = match first {
            b':' if self.flow == 0 => self.last[1].1,
            b',' if self.flow > 0 => self.last[1].1,
            _ => start,
        };
        let end = self.end_of(&token);
        token.end = end;
        self.queue_up(token);
        match kind {
            Kind::FlowSequence | Kind::FlowMapping => self.flow += 1,
            Kind::FlowSequenceEnd | Kind::FlowMappingEnd => self.flow = self.flow.saturating_sub(1),
            Kind::Scalar if style.is_block() => self.header_remark(start),
            _ => {}
        }
        self.move_behind(kind, end);
        let quiet = matches!(
            kind,
            Kind::StreamStart
                | Kind::StreamEnd
                | Kind::Directive
                | Kind::DocumentStart
                | Kind::DocumentEnd
                | Kind::Entry
        );
        if !quiet {
            let found = self.cursor.line_remark(belongs);
            self.remarks.extend(found);
        }
        Ok(())
    }

    /// Whether a token is what stands at the cursor.
    fn fits(&self, token: &Token<'_>) -> bool {
        match token.kind {
            Kind::StreamStart | Kind::StreamEnd => true,
            Kind::Entry => self.cursor.peek(0) == b'-',
            _ if token.style.is_block() => matches!(self.cursor.peek(0), b'|' | b'>'),
            _ => token.start == self.cursor.place.at,
        }
    }

    /// The end of a token as it is to be cut out of the text.
    fn end_of(&self, token: &Token<'_>) -> usize {
        match token.kind {
            Kind::Entry | Kind::Value => token.start + 1,
            Kind::Key if token.real => token.start + 1,
            Kind::DocumentStart | Kind::DocumentEnd => token.start + 3,
            Kind::Scalar if token.style.is_block() => self.block_end(token),
            _ => token.end,
        }
    }

    /// The end of the last line of a block scalar that is not blank.
    fn block_end(&self, token: &Token<'_>) -> usize {
        let header = self.cursor.line_end(token.start);
        let end = token.end.max(header).min(self.cursor.text.len());
        let body = self.cursor.text.get(header..end).unwrap_or_default();
        let used = body.iter().rposition(|byte| !remark::is_blank(*byte) && !remark::is_break(*byte));
        used.map_or(header, |at| self.cursor.line_end(header + at))
    }

    /// A comment behind `|` or `>`.
    fn header_remark(&mut self, start: usize) {
        self.cursor.advance_to(start + 1);
        self.cursor.skip_while(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9'));
        if let Some(remark) = self.cursor.line_remark(start) {
            self.remarks.push(remark);
        }
    }

    /// Moves to where the library goes on scanning.
    fn move_behind(&mut self, kind: Kind, end: usize) {
        self.cursor.advance_to(end);
        let style = self.queue.back().map(|token| token.style);
        match (kind, style) {
            (Kind::Directive, _) => {
                self.cursor.advance_to(self.cursor.line_end(end));
                self.cursor.step();
            }
            (Kind::Scalar, Some(style)) if style.is_block() => {
                self.cursor.skip_while(|byte| byte == b' ' || remark::is_break(byte));
            }
            (Kind::Scalar, Some(super::token::Style::Plain)) => {
                self.cursor.skip_while(|byte| remark::is_blank(byte) || remark::is_break(byte));
            }
            _ => {}
        }
    }

    /// Skips blanks and empty lines, and reads comments.
    fn seek_token(&mut self, scan: Place) {
        loop {
            self.cursor.skip_while(remark::is_blank);
            self.raise_line_remark();
            if self.cursor.peek(0) == b'#' {
                let before = self.before_comment(scan);
                let found = remark::group(&mut self.cursor, before);
                self.remarks.extend(found);
            }
            if self.cursor.at_end() || !remark::is_break(self.cursor.peek(0)) {
                return;
            }
            self.cursor.step();
        }
    }

    fn before_comment(&self, scan: Place) -> Before {
        let [earlier, latest] = self.last;
        let (kind, token) = if latest.0 == Kind::FlowEntry { earlier } else { latest };
        let indent = self.indents.last().copied().unwrap_or_default();
        Before { scan, token, kind, indent, in_flow: self.flow > 0 }
    }

    /// A comment on the line of the first `-` of a list stands above what follows rather than beside it.
    fn raise_line_remark(&mut self) {
        if [self.last[0].0, self.last[1].0] != [Kind::BlockSequence, Kind::Entry] {
            return;
        }
        let (place, next) = (self.cursor.place, self.cursor.peek(0));
        let Some(remark) = self.remarks.last_mut() else { return };
        if remark.side != Side::Line || remark.lines.is_empty() || remark::is_break(next) {
            return;
        }
        remark.side = Side::Head;
        if remark.start.line + 1 == place.line {
            remark.token = place.at;
        }
    }
}
