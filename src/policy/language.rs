//! The language in one table: what is registered, documented, suggested and completed comes from here.

mod table;

use std::fmt::Write;

use rhai::FuncRegistration;

pub(super) use table::LANGUAGE;

/// One function, method or property.
pub(super) struct Entry {
    /// The type whose method or property it is; empty for a function.
    pub(super) of: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// Its parameters as `name: type`; none for a property.
    pub(super) parameters: &'static [&'static str],
    /// The type that it gives.
    pub(super) gives: &'static str,
    /// What it does, in one sentence.
    pub(super) about: &'static str,
    /// How it is written, for messages and the reference page.
    pub(super) usage: &'static str,
    /// Where it exists.
    pub(super) scope: Scope,
    /// Whether it is a property.
    pub(super) kind: Kind,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Function,
    Property,
}

/// The files that know an entry.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Scope {
    /// Policies, conditions and tests.
    Facts,
    /// Policies: they declare.
    Rules,
    /// The requirements that `validate(..)` takes.
    Requirements,
    /// The generators that `generate(..)` takes.
    Generators,
    /// Files in `policies/tests/`.
    Tests,
}

/// The entry of a function or method; `of` is empty for a function.
pub(super) fn entry(of: &str, name: &str) -> Option<&'static Entry> {
    LANGUAGE.iter().find(|entry| entry.of == of && entry.name == name)
}

/// A registration under this name that carries its documentation to editors.
pub(super) fn registration(of: &str, name: &str) -> FuncRegistration {
    let registration = FuncRegistration::new(name).in_global_namespace();
    let Some(entry) = entry(of, name) else { return registration };
    let signature = entry.typed_parameters().into_iter().chain([entry.gives.to_owned()]);
    registration.with_params_info(signature).with_comments([entry.comment()])
}

/// A registration of a property that carries its documentation to editors.
pub(super) fn getter(of: &str, name: &str) -> FuncRegistration {
    let registration = FuncRegistration::new_getter(name);
    let Some(entry) = entry(of, name) else { return registration };
    let signature = [format!("{of}: {of}"), entry.gives.to_owned()];
    registration.with_params_info(signature).with_comments([entry.comment()])
}

/// How a function or method is written, if there is one of this name.
pub(super) fn usage(name: &str) -> Option<String> {
    let mut uses = LANGUAGE.iter().filter(|entry| entry.name == name && entry.kind == Kind::Function);
    let first = uses.next()?;
    let more: String =
        uses.filter(|entry| entry.usage != first.usage).fold(String::new(), |mut text, entry| {
            let _ = write!(text, " or `{}`", entry.usage);
            text
        });
    Some(format!("write `{}`{more}", first.usage))
}

/// The functions that only policies have, outside of conditions.
pub(super) const DECLARING: [&str; 7] =
    ["allow", "deny", "never", "rotate", "validate", "generate", "editors"];

/// The functions that only tests have.
pub(super) const EXPECTING: [&str; 3] = ["test", "expect_allowed", "expect_denied"];

/// The names of all functions and methods.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    LANGUAGE.iter().filter(|entry| entry.kind == Kind::Function).map(|entry| entry.name)
}

/// The properties of a type.
pub(super) fn properties(of: &str) -> impl Iterator<Item = &'static str> {
    LANGUAGE
        .iter()
        .filter(move |entry| entry.of == of && entry.kind == Kind::Property)
        .map(|entry| entry.name)
}

impl Entry {
    /// The entry as definition files have it.
    pub(super) fn definition(&self) -> String {
        let parameters = self.typed_parameters().join(", ");
        format!("{}\nfn {}({parameters}) -> {};", self.comment(), self.name, self.gives)
    }

    /// Its parameters, with what it is called on.
    fn typed_parameters(&self) -> Vec<String> {
        let on = (!self.of.is_empty()).then(|| format!("{}: {}", self.of, self.of));
        on.into_iter().chain(self.parameters.iter().map(|&parameter| parameter.to_owned())).collect()
    }

    fn comment(&self) -> String {
        format!("/// {}\n///\n/// `{}`", self.about, self.usage)
    }
}
