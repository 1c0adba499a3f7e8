//! Reads expressions of Nix files below one folder, and nothing outside of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use rnix::ast;
use rnix::ast::AstToken;
use rnix::ast::Attr;
use rnix::ast::Expr;
use rnix::ast::HasEntry;
use rnix::ast::InterpolPart;
use rowan::ast::AstNode;

use super::scope::Closure;
use super::scope::Scope;
use super::value::Value;
use super::value::normal;

/// Largest file that is read.
const FILE_MAX: u64 = 1 << 20;
/// How many expressions are read for one file, and how deep in each other.
const STEPS: usize = 400_000;
const DEPTH: usize = 60;
/// How deep brackets may stand in each other: the parser of the syntax goes down with them.
const NESTING: usize = 100;

/// Reads the Nix files of one folder.
pub(in crate::import) struct Reader {
    root: PathBuf,
    steps: Cell<usize>,
    depth: Cell<usize>,
}

impl Reader {
    /// A reader of the files below `root`, which is absolute.
    pub(in crate::import) fn new(root: &Path) -> Self {
        Self { root: normal(root), steps: Cell::new(0), depth: Cell::new(0) }
    }

    /// What a file says; a folder stands for its `default.nix`. Nothing is known of a file that cannot be read.
    pub(in crate::import) fn file(&self, path: &Path) -> Value {
        self.steps.set(0);
        self.import(path)
    }

    pub(super) fn import(&self, path: &Path) -> Value {
        let path = if path.is_dir() { path.join("default.nix") } else { path.to_owned() };
        let Some(text) = self.text(&path) else { return Value::Unknown };
        let Some(root) = parsed(&text) else { return Value::Unknown };
        root.expr().map_or(Value::Unknown, |expression| self.read(&expression, &Scope::of_file(path)))
    }

    /// The text of a file below the root.
    pub(super) fn text(&self, path: &Path) -> Option<String> {
        let path = normal(path);
        let inside = path.starts_with(&self.root) && path.metadata().is_ok_and(|file| file.len() <= FILE_MAX);
        inside.then(|| std::fs::read_to_string(path).ok())?
    }

    /// The folder that `self` stands for in a flake.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn read(&self, expression: &Expr, scope: &Scope) -> Value {
        let (steps, depth) = (self.steps.get(), self.depth.get());
        if steps >= STEPS || depth >= DEPTH {
            return Value::Unknown;
        }
        self.steps.set(steps + 1);
        self.depth.set(depth + 1);
        let value = self.expression(expression, scope).unwrap_or_default();
        self.depth.set(depth);
        value
    }

    fn expression(&self, expression: &Expr, scope: &Scope) -> Option<Value> {
        Some(match expression {
            Expr::Literal(literal) => {
                literal.syntax().text().to_string().parse().map_or(Value::Unknown, Value::Int)
            }
            Expr::Str(text) => self.string(text, scope).map_or(Value::Unknown, Value::Text),
            Expr::PathRel(path) => self.path(&path.parts(), scope)?,
            Expr::PathAbs(path) => self.path(&path.parts(), scope)?,
            Expr::Paren(inner) => self.read(&inner.expr()?, scope),
            Expr::Root(inner) => self.read(&inner.expr()?, scope),
            Expr::Ident(name) => self.name(&name.to_string(), scope),
            Expr::List(list) => Value::List(list.items().map(|item| self.read(&item, scope)).collect()),
            Expr::AttrSet(set) => self.set(set, scope),
            Expr::Select(select) => self.select(select, scope)?,
            Expr::BinOp(operation) => self.operation(operation, scope)?,
            other => self.scoped(other, scope)?,
        })
    }

    /// What makes names, functions or choices of others.
    fn scoped(&self, expression: &Expr, scope: &Scope) -> Option<Value> {
        Some(match expression {
            Expr::LetIn(bindings) => {
                let inner = scope.inner();
                self.bind(bindings, &inner, &inner);
                self.read(&bindings.body()?, &inner)
            }
            Expr::With(with) => {
                let inner = scope.with(self.read(&with.namespace()?, scope));
                self.read(&with.body()?, &inner)
            }
            Expr::Lambda(lambda) => {
                Value::Function(Rc::new(Closure { lambda: lambda.clone(), scope: scope.clone() }))
            }
            Expr::Apply(apply) => {
                let function = self.read(&apply.lambda()?, scope);
                let argument = self.read(&apply.argument()?, scope);
                self.apply(&function, argument)
            }
            Expr::IfElse(choice) => match self.read(&choice.condition()?, scope) {
                Value::Bool(true) => self.read(&choice.body()?, scope),
                Value::Bool(false) => self.read(&choice.else_body()?, scope),
                _ => Value::Unknown,
            },
            Expr::Assert(assertion) => self.read(&assertion.body()?, scope),
            _ => Value::Unknown,
        })
    }

    fn name(&self, name: &str, scope: &Scope) -> Value {
        if let Some(value) = scope.find(name, &mut |expression, scope| self.read(expression, scope)) {
            return value;
        }
        match name {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            // What nothing binds is a library, or a function of it.
            other => Value::Library(other.to_owned(), Vec::new()),
        }
    }

    fn select(&self, select: &ast::Select, scope: &Scope) -> Option<Value> {
        let mut value = self.read(&select.expr()?, scope);
        for attr in select.attrpath()?.attrs() {
            let name = self.attr(&attr, scope)?;
            value = match value {
                Value::Set(mut set) => set.remove(&name).unwrap_or_default(),
                // `lib.mkIf` is the function `mkIf` of the library, whatever stands before it.
                Value::Library(..) | Value::Unknown => Value::Library(name, Vec::new()),
                _ => Value::Unknown,
            };
        }
        match (value, select.default_expr()) {
            (Value::Unknown | Value::Library(..), Some(default)) => Some(self.read(&default, scope)),
            (value, _) => Some(value),
        }
    }

    fn string(&self, text: &ast::Str, scope: &Scope) -> Option<String> {
        let mut whole = String::new();
        for part in text.normalized_parts() {
            match part {
                InterpolPart::Literal(literal) => whole.push_str(&literal),
                InterpolPart::Interpolation(inner) => {
                    whole.push_str(&self.read(&inner.expr()?, scope).text()?);
                }
            }
        }
        Some(whole)
    }

    fn path(&self, parts: &[InterpolPart<ast::PathContent>], scope: &Scope) -> Option<Value> {
        let mut whole = String::new();
        for part in parts {
            match part {
                InterpolPart::Literal(literal) => whole.push_str(literal.syntax().text()),
                InterpolPart::Interpolation(inner) => {
                    whole.push_str(&self.read(&inner.expr()?, scope).text()?);
                }
            }
        }
        let folder = scope.file().parent()?;
        Some(Value::Path(normal(&folder.join(whole))))
    }

    fn attr(&self, attr: &Attr, scope: &Scope) -> Option<String> {
        match attr {
            Attr::Ident(name) => Some(name.to_string()),
            Attr::Str(text) => self.string(text, scope),
            Attr::Dynamic(dynamic) => self.read(&dynamic.expr()?, scope).text(),
        }
    }

    fn set(&self, set: &ast::AttrSet, scope: &Scope) -> Value {
        let inner = if set.rec_token().is_some() { scope.inner() } else { scope.clone() };
        if set.rec_token().is_some() {
            self.bind(set, &inner, &inner);
        }
        let mut whole = Value::Set(BTreeMap::new());
        for entry in set.attrpath_values() {
            let (Some(path), Some(value)) = (entry.attrpath(), entry.value()) else { continue };
            let names: Option<Vec<String>> = path.attrs().map(|attr| self.attr(&attr, &inner)).collect();
            let Some(names) = names else { continue };
            let value = self.read(&value, &inner);
            whole = whole.merged(nested(&names, value));
        }
        for inherit in set.inherits() {
            let source = inherit.from().and_then(|from| from.expr()).map(|from| self.read(&from, scope));
            for name in inherit.attrs().filter_map(|attr| self.attr(&attr, scope)) {
                let value = match &source {
                    Some(source) => source.at(&[&name]).clone(),
                    None => self.name(&name, scope),
                };
                whole = whole.merged(nested(&[name], value));
            }
        }
        whole
    }

    /// Binds the names of `let` or `rec` in `target`; the values see `scope`.
    fn bind(&self, entries: &impl HasEntry, target: &Scope, scope: &Scope) {
        let mut nested_names: BTreeMap<String, Value> = BTreeMap::new();
        for entry in entries.attrpath_values() {
            let (Some(path), Some(value)) = (entry.attrpath(), entry.value()) else { continue };
            let names: Option<Vec<String>> = path.attrs().map(|attr| self.attr(&attr, scope)).collect();
            match names.as_deref() {
                Some([name]) => target.bind_later(name.clone(), value, scope.clone()),
                Some([first, rest @ ..]) => {
                    let before = nested_names.remove(first).unwrap_or_default();
                    let value = nested(rest, self.read(&value, scope));
                    nested_names.insert(first.clone(), before.merged(value));
                }
                _ => {}
            }
        }
        for (name, value) in nested_names {
            target.bind(name, value);
        }
        for inherit in entries.inherits() {
            let Some(from) = inherit.from().and_then(|from| from.expr()) else { continue };
            let source = self.read(&from, scope);
            for name in inherit.attrs().filter_map(|attr| self.attr(&attr, scope)) {
                let value = match source.at(&[&name]) {
                    Value::Unknown => Value::Library(name.clone(), Vec::new()),
                    value => value.clone(),
                };
                target.bind(name, value);
            }
        }
    }

    fn operation(&self, operation: &ast::BinOp, scope: &Scope) -> Option<Value> {
        use rnix::ast::BinOpKind as Op;
        let (left, right) = (self.read(&operation.lhs()?, scope), self.read(&operation.rhs()?, scope));
        Some(match operation.operator()? {
            Op::Concat => match (left, right) {
                (Value::List(mut ours), Value::List(theirs)) => {
                    ours.extend(theirs);
                    Value::List(ours)
                }
                (Value::List(known), _) | (_, Value::List(known)) => Value::List(known),
                _ => Value::Unknown,
            },
            Op::Update => match (left, right) {
                (Value::Set(mut ours), Value::Set(theirs)) => {
                    ours.extend(theirs);
                    Value::Set(ours)
                }
                (Value::Set(known), _) | (_, Value::Set(known)) => Value::Set(known),
                _ => Value::Unknown,
            },
            Op::Add => match (&left, &right) {
                (Value::Path(path), _) => {
                    Value::Path(normal(Path::new(&format!("{}{}", path.display(), right.text()?))))
                }
                (Value::Text(_), _) => Value::Text(format!("{}{}", left.text()?, right.text()?)),
                _ => Value::Unknown,
            },
            Op::Equal => match (left.text(), right.text()) {
                (Some(left), Some(right)) => Value::Bool(left == right),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        })
    }

    /// A function given an argument.
    pub(super) fn apply(&self, function: &Value, argument: Value) -> Value {
        match function {
            Value::Function(closure) => self.call(closure, argument),
            Value::Library(name, given) => {
                let mut given = given.clone();
                given.push(argument);
                self.library(name, &given)
            }
            _ => Value::Unknown,
        }
    }

    fn call(&self, closure: &Closure, argument: Value) -> Value {
        let inner = closure.scope.inner();
        match closure.lambda.param() {
            Some(ast::Param::IdentParam(name)) => {
                inner.bind(name.to_string(), argument);
            }
            Some(ast::Param::Pattern(pattern)) => {
                for entry in pattern.pat_entries() {
                    let Some(name) = entry.ident().map(|name| name.to_string()) else { continue };
                    match (argument.at(&[&name]), entry.default()) {
                        (Value::Unknown, Some(default)) => inner.bind_later(name, default, inner.clone()),
                        // What a module gets and we do not have is the library, or of it.
                        (Value::Unknown, None) => inner.bind(name.clone(), Value::Library(name, Vec::new())),
                        (value, _) => inner.bind(name, value.clone()),
                    }
                }
                if let Some(name) = pattern.pat_bind().and_then(|bind| bind.ident()) {
                    inner.bind(name.to_string(), argument);
                }
            }
            None => return Value::Unknown,
        }
        closure.lambda.body().map_or(Value::Unknown, |body| self.read(&body, &inner))
    }
}

/// `a.b = value` as sets in each other.
fn nested(names: &[String], value: Value) -> Value {
    names.iter().rev().fold(value, |value, name| Value::Set([(name.clone(), value)].into()))
}

/// The syntax of a file, mistakes included; none where brackets stand so deep in each other that the parser could not come back.
pub(in crate::import) fn parsed(text: &str) -> Option<rnix::Root> {
    let small = u64::try_from(text.len()).is_ok_and(|length| length <= FILE_MAX);
    (small && nesting(text) <= NESTING).then(|| rnix::Root::parse(text).tree())
}

/// How deep brackets stand in each other, at most.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
