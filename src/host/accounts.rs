//! Users and groups of the host, as they are known before services run.

#[cfg(any(target_os = "macos", test))]
mod directory;
#[cfg(any(not(target_os = "macos"), test))]
mod files;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::placement::Account;
use crate::fsx::FsError;

#[cfg(target_os = "macos")]
use directory as platform;
#[cfg(not(target_os = "macos"))]
use files as platform;

/// Numbers by name.
type Numbers = BTreeMap<String, u32>;

/// Numbers of users and groups by name.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: Numbers,
    groups: Numbers,
    runner: Runner,
}

/// The user that runs the program, and its group.
#[derive(Clone, Copy, Debug, Default)]
struct Runner {
    user: u32,
    group: u32,
}

impl Accounts {
    /// Reads what this host knows.
    pub(super) fn read() -> Result<Self, FsError> {
        let [users, groups] = platform::read()?;
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        // Whatever group root was started with: what it installs for itself is root's alone.
        let group = if user.is_root() { 0 } else { group.as_raw() };
        Ok(Self { users, groups, runner: Runner { user: user.as_raw(), group } })
    }

    /// The same as seen by whoever activates into `mount`, for a plan that somebody else may ask for.
    ///
    /// Never for an activation: the owner of a folder that is yet to be mounted over has no say.
    pub(super) fn for_owner_of(self, mount: &Path) -> Self {
        match mount.metadata() {
            Ok(seen) if seen.uid() != self.runner.user => {
                Self { runner: Runner { user: seen.uid(), group: seen.gid() }, ..self }
            }
            _ => self,
        }
    }

    /// Number of a user.
    pub(super) fn user(&self, account: &Account) -> Option<u32> {
        look_up(&self.users, self.runner.user, account)
    }

    /// Number of a group.
    pub(super) fn group(&self, account: &Account) -> Option<u32> {
        look_up(&self.groups, self.runner.group, account)
    }
}

fn look_up(numbers: &Numbers, runner: u32, account: &Account) -> Option<u32> {
    match account {
        Account::Runner => Some(runner),
        Account::Id(id) => Some(*id),
        // Root is 0 everywhere, also where the files are not written yet.
        Account::Name(_) if account.is_root() => Some(0),
        Account::Name(name) => numbers.get(name).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_and_numbers_used_as_they_are() {
        let numbers = |name: &str, number| Numbers::from([(name.to_owned(), number)]);
        let runner = Runner { user: 1000, group: 100 };
        let accounts = Accounts { users: numbers("sonarr", 274), groups: numbers("media", 900), runner };
        let name = |name: &str| Account::Name(name.to_owned());
        assert_eq!(accounts.user(&name("sonarr")), Some(274));
        assert_eq!(accounts.group(&name("media")), Some(900));
        assert_eq!(accounts.user(&name("media")), None);
        assert_eq!(accounts.user(&Account::Id(4242)), Some(4242));
        assert_eq!(Accounts::default().user(&name("root")), Some(0));
    }

    #[test]
    fn whoever_is_not_named_is_the_one_that_runs_the_program() {
        let accounts = Accounts { runner: Runner { user: 1000, group: 100 }, ..Accounts::default() };
        assert_eq!(
            (accounts.user(&Account::Runner), accounts.group(&Account::Runner)),
            (Some(1000), Some(100))
        );
        assert_eq!(accounts.user(&Account::Name("root".to_owned())), Some(0), "who is named is another");
    }
}
