//! What an expression of Nix stands for, as far as it can be told.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use super::scope::Closure;

/// A value, or that it is not known.
#[derive(Clone, Debug, Default)]
pub(in crate::import) enum Value {
    #[default]
    Unknown,
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    /// Absolute, with nothing of `.` and `..` left in it.
    Path(PathBuf),
    List(Vec<Value>),
    Set(BTreeMap<String, Value>),
    Function(Rc<Closure>),
    /// A function of the library, with the arguments that it has so far.
    Library(String, Vec<Value>),
}

impl Value {
    /// What lies at the end of a chain of attributes.
    pub(in crate::import) fn at(&self, path: &[&str]) -> &Self {
        const UNKNOWN: &Value = &Value::Unknown;
        path.iter().fold(self, |value, name| match value {
            Self::Set(set) => set.get(*name).unwrap_or(UNKNOWN),
            _ => UNKNOWN,
        })
    }

    /// The attributes of a set; none of anything else.
    pub(in crate::import) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let set = if let Self::Set(set) = self { Some(set) } else { None };
        set.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// The items of a list; none of anything else.
    pub(in crate::import) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// A text, or the text of a path.
    pub(in crate::import) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Path(path) => Some(path.display().to_string()),
            Self::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A path, or a text that begins with a folder.
    pub(in crate::import) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Path(path) => Some(path.clone()),
            Self::Text(text) if text.starts_with('/') => Some(normal(Path::new(text))),
            _ => None,
        }
    }

    /// Every text of a list.
    pub(in crate::import) fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Self::text).collect()
    }

    /// Two sets as one, all the way down; elsewhere the second counts, unless nothing is known of it.
    pub(in crate::import) fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Set(mut ours), Self::Set(theirs)) => {
                for (name, value) in theirs {
                    let before = ours.remove(&name).unwrap_or_default();
                    ours.insert(name, before.merged(value));
                }
                Self::Set(ours)
            }
            (Self::List(mut ours), Self::List(theirs)) => {
                ours.extend(theirs);
                Self::List(ours)
            }
            (ours, Self::Unknown) => ours,
            (_, theirs) => theirs,
        }
    }
}

/// A path without `.` and `..`, by its text alone.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}
