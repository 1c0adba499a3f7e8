//! Folders of the user who runs the program, which a request that was built elsewhere cannot know.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

/// What `%t`, `%h` and `%S` stand for at the start of a path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Places {
    runtime: Option<String>,
    home: Option<String>,
    state: Option<String>,
}

/// Why a path that starts with a specifier means nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SpecifierError {
    /// There is no such specifier.
    #[error("only `%t`, `%h` and `%S` stand for a folder, followed by `/` or nothing")]
    Unknown,
    /// The environment does not say.
    #[error("no absolute path is in {0}")]
    Unset(&'static str),
}

impl Places {
    /// Takes them from the variables of an environment; relative ones count for nothing.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| {
            let text = variable(name)?.into_string().ok()?;
            Path::new(&text).is_absolute().then(|| text.trim_end_matches('/').to_owned())
        };
        let home = path("HOME");
        let state = path("XDG_STATE_HOME");
        let runtime = path("XDG_RUNTIME_DIR");
        Self {
            // macOS gives each user a folder of this kind under another name.
            runtime: runtime.or_else(|| if cfg!(target_os = "macos") { path("TMPDIR") } else { None }),
            state: state.or_else(|| home.as_ref().map(|home| format!("{home}/.local/state"))),
            home,
        }
    }

    /// Stand-ins for whoever will run it, for checks at build time.
    pub fn of_anybody() -> Self {
        let place = |name: &str| Some(format!("/{name}"));
        Self { runtime: place("%t"), home: place("%h"), state: place("%S") }
    }

    /// The path with the folder that its specifier stands for; one without a specifier is left alone.
    pub(super) fn expand<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, SpecifierError> {
        let Some(rest) = text.strip_prefix('%') else { return Ok(Cow::Borrowed(text)) };
        let (letter, rest) = rest.split_at_checked(1).ok_or(SpecifierError::Unknown)?;
        if !(rest.is_empty() || rest.starts_with('/')) {
            return Err(SpecifierError::Unknown);
        }
        let (place, variables) = match letter {
            "t" => (&self.runtime, "`XDG_RUNTIME_DIR`"),
            "h" => (&self.home, "`HOME`"),
            "S" => (&self.state, "`XDG_STATE_HOME` and `HOME`"),
            _ => return Err(SpecifierError::Unknown),
        };
        let place = place.as_deref().ok_or(SpecifierError::Unset(variables))?;
        Ok(Cow::Owned(format!("{place}{rest}")))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Places {
        Places::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn each_specifier_stands_for_the_folder_that_the_environment_names() {
        let all = places(&[
            ("XDG_RUNTIME_DIR", "/run/user/1000"),
            ("HOME", "/home/aki/"),
            ("XDG_STATE_HOME", "/var/aki"),
        ]);
        for (text, path) in [
            ("%t", "/run/user/1000"),
            ("%t/secretctl.d", "/run/user/1000/secretctl.d"),
            ("%h/.ssh/id_ed25519", "/home/aki/.ssh/id_ed25519"),
            ("%S/secretctl", "/var/aki/secretctl"),
            ("/etc/%t", "/etc/%t"),
            ("relative/%h", "relative/%h"),
        ] {
            assert_eq!(all.expand(text).unwrap(), path);
        }
        let home = places(&[("HOME", "/home/aki")]);
        assert_eq!(home.expand("%S/x").unwrap(), "/home/aki/.local/state/x");
    }

    #[test]
    fn what_is_unset_or_relative_stands_for_nothing() {
        let bad = places(&[("XDG_RUNTIME_DIR", "run"), ("HOME", ""), ("XDG_STATE_HOME", "~/state")]);
        for text in ["%t/x", "%h", "%S/x"] {
            assert!(matches!(bad.expand(text), Err(SpecifierError::Unset(_))), "{text}");
        }
        assert_eq!(places(&[]), Places::default());
    }

    #[test]
    fn an_unknown_specifier_is_no_path() {
        let all = Places::of_anybody();
        for text in ["%", "%%", "%x/y", "%T/y", "%tx", "%t.d/x", "%ä", "%é/x"] {
            assert_eq!(all.expand(text), Err(SpecifierError::Unknown), "{text}");
        }
    }
}
