//! Finding the request in a system that was built.

use std::path::Path;
use std::path::PathBuf;

use crate::diag::Class;
use crate::diag::Failure;

/// Where the module for the system puts the request, below the system's top level.
pub(super) const REQUEST_IN_SYSTEM: &str = "etc/secretctl/request.json";
/// The system that runs now.
pub(super) const RUNNING_SYSTEM: &str = "/run/current-system";

/// Why a path leads to no request.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SystemError {
    /// Nothing is there.
    #[error("there is no system at `{}`", path.display())]
    #[diagnostic(
        code(system::not_there),
        help("name a system that was built: a path in the Nix store, or a link to one such as `result`")
    )]
    NotThere {
        /// The path.
        path: PathBuf,
        /// Why it cannot be looked at.
        source: std::io::Error,
    },
    /// Something else is there.
    #[error("`{}` is not the top level of a system: it has no `etc`", path.display())]
    #[diagnostic(
        code(system::other),
        help("build `config.system.build.toplevel` of the host, and name the result")
    )]
    Other {
        /// The path.
        path: PathBuf,
    },
    /// The system asks for nothing.
    #[error("the system at `{}` does not use secretctl", path.display())]
    #[diagnostic(
        code(system::no_request),
        help("set `secretctl.enable` in its configuration, or name a request with `--request FILE`")
    )]
    NoRequest {
        /// The path.
        path: PathBuf,
    },
}

impl Failure for SystemError {
    fn class(&self) -> Class {
        match self {
            Self::NotThere { .. } => Class::Environment,
            Self::Other { .. } | Self::NoRequest { .. } => Class::Usage,
        }
    }
}

/// The request of a system; none where the system does not use secretctl.
pub fn find_request(system: &Path) -> Result<Option<PathBuf>, SystemError> {
    if let Err(source) = system.metadata() {
        return Err(SystemError::NotThere { path: system.to_owned(), source });
    }
    if !system.join("etc").is_dir() {
        return Err(SystemError::Other { path: system.to_owned() });
    }
    let request = system.join(REQUEST_IN_SYSTEM);
    // A link that leads nowhere is a broken system, which reading the request tells.
    Ok(request.symlink_metadata().is_ok().then_some(request))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_found_through_a_profile_link_and_its_absence_is_told_from_a_wrong_path() {
        let place = tempfile::tempdir().unwrap();
        let (system, profile) = (place.path().join("system"), place.path().join("profile"));
        assert!(matches!(find_request(&system), Err(SystemError::NotThere { .. })));
        std::fs::create_dir(&system).unwrap();
        std::os::unix::fs::symlink(&system, &profile).unwrap();
        assert!(matches!(find_request(&profile), Err(SystemError::Other { .. })));
        std::fs::create_dir_all(system.join("etc/secretctl")).unwrap();
        assert_eq!(find_request(&profile).unwrap(), None);
        std::os::unix::fs::symlink("/gone", system.join(REQUEST_IN_SYSTEM)).unwrap();
        assert_eq!(find_request(&profile).unwrap(), Some(profile.join(REQUEST_IN_SYSTEM)));
    }
}
