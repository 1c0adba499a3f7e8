//! How lines follow each other: one after the other, or as two branches that a later line joins.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Event;
use super::Line;
use crate::crypto::Digest;

/// The lines so far, by digest.
#[derive(Default)]
pub(super) struct Chain<'a> {
    known: BTreeMap<Digest, usize>,
    nodes: Vec<Node<'a>>,
}

struct Node<'a> {
    line: &'a Line,
    digest: Digest,
    /// The latest time of the line and of all that it follows.
    latest: Timestamp,
    /// The line that made the value which is current here.
    value: usize,
    /// Whether a later line goes on from it.
    followed: bool,
}

/// What a line follows.
pub(super) struct Link {
    /// The latest time of the line and of all that it follows.
    pub(super) latest: Timestamp,
    previous: Option<usize>,
    merged: Option<usize>,
}

impl<'a> Chain<'a> {
    /// Finds what the line follows; the reason if that is missing.
    pub(super) fn link(&self, line: &Line) -> Result<Link, &'static str> {
        let find = |digest: Digest| self.known.get(&digest).copied();
        let previous = match line.previous {
            None => None,
            Some(digest) => Some(find(digest).ok_or(if self.nodes.is_empty() {
                "earlier lines are missing"
            } else {
                "its `previous` is not the digest of that line"
            })?),
        };
        let missing = "the lines of the branch that it merges are missing";
        let merged = line.merged.map(|digest| find(digest).ok_or(missing)).transpose()?;
        let before = [previous, merged].into_iter().flatten().filter_map(|at| self.nodes.get(at));
        let latest = before.map(|node| node.latest).fold(line.time, Timestamp::max);
        Ok(Link { latest, previous, merged })
    }

    /// The line that a line follows.
    pub(super) fn previous(&self, link: &Link) -> Option<&'a Line> {
        link.previous.and_then(|at| self.nodes.get(at)).map(|node| node.line)
    }

    /// Adds a line whose signature holds, if it may follow.
    pub(super) fn add(&mut self, line: &'a Line, digest: Digest, link: &Link) -> Result<(), &'static str> {
        let at = self.nodes.len();
        let node = |at: Option<usize>| at.and_then(|at| self.nodes.get(at));
        let value = match (node(link.previous), node(link.merged)) {
            (None, None) => first(line).map(|()| at)?,
            (None, Some(_)) => return Err("it merges a branch into nothing"),
            (Some(last), None) => {
                follows(line, last.line)?;
                if line.event.is_new_value() { at } else { last.value }
            }
            (Some(ours), Some(theirs)) => joins(line, at, ours, theirs)?,
        };
        if self.known.insert(digest, at).is_some() {
            return Err("it is there twice");
        }
        for before in [link.previous, link.merged].into_iter().flatten() {
            if let Some(node) = self.nodes.get_mut(before) {
                node.followed = true;
            }
        }
        self.nodes.push(Node { line, digest, latest: link.latest, value, followed: false });
        Ok(())
    }

    /// The number of a line, other than the last, that no later one goes on from.
    pub(super) fn loose_end(&self) -> Option<usize> {
        let (_, before) = self.nodes.split_last()?;
        let loose = before.iter().position(|node| !node.followed)?;
        Some(loose + 1)
    }

    /// The line that made the current value.
    pub(super) fn value_line(&self) -> Option<Digest> {
        let made = self.nodes.get(self.nodes.last()?.value)?;
        Some(made.digest)
    }
}

fn first(line: &Line) -> Result<(), &'static str> {
    if line.event.begins() && line.revision > 0 {
        return Ok(());
    }
    Err("a history starts with `created` or `imported`")
}

fn follows(line: &Line, last: &Line) -> Result<(), &'static str> {
    if line.event == Event::Merged {
        return Err("it says that it merges, and names no other branch");
    }
    if last.fleet.is_some() && line.fleet.is_none() {
        return Err("it names no fleet, and the line that it follows does");
    }
    let in_order = if line.event.is_new_value() {
        line.revision > last.revision
    } else {
        line.revision == last.revision
    };
    if !in_order {
        return Err("its revision does not follow");
    }
    // A fleet that gets an id has the end of a removed secret stated once more, in a line that names it.
    let both_removed = [line.event, last.event] == [Event::Removed; 2];
    let stated_again = both_removed && last.fleet.is_none() && line.fleet.is_some();
    if (last.event == Event::Removed) != line.event.begins() && !stated_again {
        return Err("only a removed secret is created again");
    }
    if line.secret != last.secret && line.event != Event::Moved {
        return Err("it is about another secret");
    }
    Ok(())
}

/// Whether a line joins two branches as it may; gives the line that made the value which is current then.
fn joins(line: &Line, at: usize, ours: &Node<'_>, theirs: &Node<'_>) -> Result<usize, &'static str> {
    let last = ours.line.revision.max(theirs.line.revision);
    if line.fleet.is_none() && (ours.line.fleet.is_some() || theirs.line.fleet.is_some()) {
        return Err("it names no fleet, and a line that it follows does");
    }
    let removed = [ours, theirs].map(|node| node.line.event == Event::Removed);
    if line.secret != ours.line.secret && line.secret != theirs.line.secret {
        return Err("it is about another secret");
    }
    // With one number on both sides, only one value may have it.
    let newer = if theirs.line.revision > ours.line.revision { theirs } else { ours };
    let one_value = ours.line.revision != theirs.line.revision || ours.value == theirs.value;
    match line.event {
        Event::Merged if one_value && removed == [false, false] && line.revision == last => Ok(newer.value),
        Event::Removed if line.revision == last => Ok(newer.value),
        Event::Edited if removed != [true, true] && line.revision > last => Ok(at),
        _ => Err("it does not settle the two branches that it merges"),
    }
}
