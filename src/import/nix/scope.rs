//! Names that an expression can see, each read when it is first asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use rnix::ast::Expr;
use rnix::ast::Lambda;

use super::value::Value;

/// A function of a file, with what it could see where it was written.
pub(in crate::import) struct Closure {
    pub(super) lambda: Lambda,
    pub(super) scope: Scope,
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

/// The names around an expression, innermost first.
#[derive(Clone)]
pub(super) struct Scope(Rc<Frame>);

struct Frame {
    /// The file that the expression stands in; relative paths begin in its folder.
    file: PathBuf,
    names: RefCell<BTreeMap<String, Slot>>,
    outer: Option<Scope>,
    /// Names of a `with` count only where nothing else has them.
    with: Option<Value>,
}

/// A name's value, or how to get it.
#[derive(Clone)]
enum Slot {
    Done(Value),
    /// Read in the scope that the name was bound in.
    Pending(Expr, Scope),
    /// Being read: who asks now would ask for ever.
    Busy,
}

impl Scope {
    /// The outermost scope of a file.
    pub(super) fn of_file(file: PathBuf) -> Self {
        Self(Rc::new(Frame { file, names: RefCell::default(), outer: None, with: None }))
    }

    /// A scope inside this one.
    pub(super) fn inner(&self) -> Self {
        let file = self.0.file.clone();
        Self(Rc::new(Frame { file, names: RefCell::default(), outer: Some(self.clone()), with: None }))
    }

    /// A scope inside this one with the names of a set, as `with` gives them.
    pub(super) fn with(&self, set: Value) -> Self {
        let file = self.0.file.clone();
        let names = RefCell::default();
        Self(Rc::new(Frame { file, names, outer: Some(self.clone()), with: Some(set) }))
    }

    pub(super) fn file(&self) -> &PathBuf {
        &self.0.file
    }

    pub(super) fn bind(&self, name: String, value: Value) {
        self.0.names.borrow_mut().insert(name, Slot::Done(value));
    }

    /// Binds a name to an expression that is read in `scope` when somebody asks.
    pub(super) fn bind_later(&self, name: String, expression: Expr, scope: Scope) {
        self.0.names.borrow_mut().insert(name, Slot::Pending(expression, scope));
    }

    /// The value of a name; none where no scope has it.
    pub(super) fn find(&self, name: &str, read: &mut dyn FnMut(&Expr, &Self) -> Value) -> Option<Value> {
        self.bound(name, read).or_else(|| self.from_with(name))
    }

    fn bound(&self, name: &str, read: &mut dyn FnMut(&Expr, &Self) -> Value) -> Option<Value> {
        let slot = self.0.names.borrow().get(name).cloned();
        match slot {
            Some(Slot::Done(value)) => Some(value),
            Some(Slot::Busy) => Some(Value::Unknown),
            Some(Slot::Pending(expression, scope)) => {
                self.0.names.borrow_mut().insert(name.to_owned(), Slot::Busy);
                let value = read(&expression, &scope);
                self.bind(name.to_owned(), value.clone());
                Some(value)
            }
            None => self.0.outer.as_ref()?.bound(name, read),
        }
    }

    fn from_with(&self, name: &str) -> Option<Value> {
        let here = match &self.0.with {
            Some(Value::Set(set)) => set.get(name).cloned(),
            _ => None,
        };
        here.or_else(|| self.0.outer.as_ref()?.from_with(name))
    }
}
