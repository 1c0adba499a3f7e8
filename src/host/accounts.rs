//! Users and groups from the files of the host, which is all there is before services run.

use std::collections::BTreeMap;
use std::path::Path;

use super::placement::Account;
use crate::fsx::FsError;
use crate::fsx::read_bounded;

/// Largest account file that is read.
const FILE_MAX: u64 = 16 << 20;

/// Numbers of users and groups by name.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group`; a missing file holds nobody, as on a machine's first boot.
    pub(super) fn read() -> Result<Self, FsError> {
        let read = |path: &str| match read_bounded(Path::new(path), FILE_MAX) {
            Err(error) if error.is_missing() => Ok(Vec::new()),
            other => other,
        };
        Ok(Self::parse(&read("/etc/passwd")?, &read("/etc/group")?))
    }

    fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: numbers(passwd), groups: numbers(group) }
    }

    /// Number of a user.
    pub(super) fn user(&self, account: &Account) -> Option<u32> {
        look_up(&self.users, account)
    }

    /// Number of a group.
    pub(super) fn group(&self, account: &Account) -> Option<u32> {
        look_up(&self.groups, account)
    }
}

fn look_up(numbers: &BTreeMap<String, u32>, account: &Account) -> Option<u32> {
    match account {
        Account::Id(id) => Some(*id),
        // Root is 0 everywhere, also where the files are not written yet.
        Account::Name(_) if account.is_root() => Some(0),
        Account::Name(name) => numbers.get(name).copied(),
    }
}

/// `name:password:number:…`; the first line of a name counts, as it does for the C library.
fn numbers(text: &[u8]) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let mut fields = line.split(':');
        let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else { continue };
        if let Ok(number) = number.parse() {
            found.entry(name.to_owned()).or_insert(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_and_numbers_used_as_they_are() {
        let passwd =
            b"root:x:0:0::/root:/bin/sh\nsonarr:x:274:274::/:/x\nsonarr:x:9:9::/:/x\n# junk\n\xff:x:1\n";
        let accounts = Accounts::parse(passwd, b"media:x:900:sonarr\nbad:x:no:\n");
        let name = |name: &str| Account::Name(name.to_owned());
        assert_eq!(accounts.user(&name("sonarr")), Some(274));
        assert_eq!(accounts.group(&name("media")), Some(900));
        assert_eq!(accounts.group(&name("bad")), None);
        assert_eq!(accounts.user(&name("media")), None);
        assert_eq!(accounts.user(&Account::Id(4242)), Some(4242));
        assert_eq!(Accounts::default().user(&name("root")), Some(0));
    }
}
