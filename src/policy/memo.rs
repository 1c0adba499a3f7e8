//! Answers of a condition, kept by what it looked at to give them.
//!
//! A condition is a function of its parameters and of what never changes. If it gave an answer without naming
//! the secret, it gives the same answer for every secret; so each answer is kept under the values of those
//! parameters alone that were named on the way to it.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use rhai::ImmutableString;

/// Most answers that are kept for one condition; after that it is asked again.
const ANSWERS_MAX: usize = 65_536;

/// Which of the three parameters were named, one bit each.
type Mask = u8;

/// Every parameter.
const ALL: Mask = 0b111;

thread_local! {
    /// The parameters of the condition that runs on this thread.
    static NAMES: RefCell<[ImmutableString; 3]> = RefCell::default();
    static SEEN: Cell<Mask> = const { Cell::new(0) };
    static KEY: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes that the script on this thread names a variable.
pub(super) fn note(name: &str) {
    NAMES.with_borrow(|names| {
        for (at, parameter) in names.iter().enumerate() {
            if parameter == name {
                SEEN.set(SEEN.get() | 1 << at);
            }
        }
    });
}

/// The answers of one condition.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The masks under which something is kept: bit *m* stands for mask *m*.
    masks: AtomicU8,
    answers: RwLock<HashMap<Box<str>, Result<bool, String>>>,
}

impl Memo {
    /// The answer for these values: a kept one, or the one that `ask` gives.
    ///
    /// `names` are the parameters as the condition calls them, in the order of `values`.
    pub(super) fn answer(
        &self,
        names: &[ImmutableString; 3],
        values: [&str; 3],
        ask: impl FnOnce() -> Result<bool, String>,
    ) -> Result<bool, String> {
        if let Some(kept) = self.kept(values) {
            return kept;
        }
        NAMES.with_borrow_mut(|current| current.clone_from(names));
        SEEN.set(0);
        let answer = ask();
        let mask = SEEN.get();
        if mask != ALL {
            self.keep(mask, values, &answer);
        }
        answer
    }

    fn kept(&self, values: [&str; 3]) -> Option<Result<bool, String>> {
        let masks = self.masks.load(Ordering::Acquire);
        if masks == 0 {
            return None;
        }
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        KEY.with_borrow_mut(|key| {
            let known = (0..ALL).filter(|mask| masks & (1 << mask) != 0);
            known.into_iter().find_map(|mask| {
                write_key(key, mask, values);
                answers.get(key.as_str()).cloned()
            })
        })
    }

    fn keep(&self, mask: Mask, values: [&str; 3], answer: &Result<bool, String>) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < ANSWERS_MAX {
            let mut key = String::new();
            write_key(&mut key, mask, values);
            answers.insert(key.into(), answer.clone());
            self.masks.fetch_or(1 << mask, Ordering::Release);
        }
    }
}

/// The mask and the values that it picks; no name holds the byte that separates them.
fn write_key(key: &mut String, mask: Mask, values: [&str; 3]) {
    key.clear();
    key.push(char::from(b'0' + mask));
    for (at, value) in values.into_iter().enumerate() {
        if mask & (1 << at) != 0 {
            key.push('\0');
            key.push_str(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [ImmutableString; 3] {
        ["secret", "host", "service"].map(ImmutableString::from)
    }

    #[test]
    fn an_answer_serves_every_request_that_agrees_in_what_was_named() {
        let memo = Memo::default();
        let asked = Cell::new(0);
        let ask = |secret, host| {
            memo.answer(&names(), [secret, host, "v"], || {
                asked.set(asked.get() + 1);
                note("host");
                if host == "b" {
                    note("secret");
                }
                Ok(secret == "x" || host == "a")
            })
        };
        for _ in 0..3 {
            assert_eq!(ask("x", "a"), Ok(true));
            assert_eq!(ask("y", "a"), Ok(true));
            assert_eq!(ask("x", "b"), Ok(true));
            assert_eq!(ask("y", "b"), Ok(false));
        }
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn an_answer_that_looked_at_everything_is_not_kept() {
        let memo = Memo::default();
        let asked = Cell::new(0);
        for _ in 0..2 {
            let answer = memo.answer(&names(), ["s", "h", "v"], || {
                asked.set(asked.get() + 1);
                ["secret", "host", "service"].into_iter().for_each(note);
                Err("no".to_owned())
            });
            assert_eq!(answer, Err("no".to_owned()));
        }
        assert_eq!(asked.get(), 2);
    }
}
