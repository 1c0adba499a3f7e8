//! The fleet in a real Git repository.

use std::process::Command;

use super::BIN;
use super::Ran;
use super::TestFleet;
use super::tool;

impl TestFleet {
    /// `git` in the fleet, however it ends, at a fixed time.
    pub(crate) fn try_git(&self, args: &[&str]) -> Ran {
        self.git_at(super::NOW, args)
    }

    /// The same at another time, for drivers that sign.
    pub(crate) fn git_at(&self, now: &str, args: &[&str]) -> Ran {
        let mut cmd = self.prepare(Command::new(tool("git"))).at(now);
        for who in ["AUTHOR", "COMMITTER"] {
            cmd = cmd.env(&format!("GIT_{who}_NAME"), "test");
            cmd = cmd.env(&format!("GIT_{who}_EMAIL"), "test@example.org");
        }
        cmd.command.args(args);
        cmd.run()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.try_git(args).ok().stdout().trim().to_owned()
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all", "."]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// A repository on branch `main` with everything in one commit.
    pub(crate) fn in_git(self) -> Self {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.commit("start");
        self
    }

    /// The same, prepared for merges by the built program.
    pub(crate) fn with_driver(self) -> Self {
        let fleet = self.in_git();
        fleet.run(["git-setup", "--program", BIN]).ok();
        fleet.commit("attributes");
        fleet
    }
}

/// On `feature` one thing was done, on `main` another; `main` is checked out.
pub(crate) fn parted(fleet: TestFleet, theirs: impl Fn(&TestFleet), ours: impl Fn(&TestFleet)) -> TestFleet {
    fleet.git(&["switch", "--quiet", "--create", "feature"]);
    theirs(&fleet);
    fleet.commit("theirs");
    fleet.git(&["switch", "--quiet", "main"]);
    ours(&fleet);
    fleet.commit("ours");
    fleet
}

pub(crate) fn set(secret: &'static str, value: &'static str) -> impl Fn(&TestFleet) {
    move |fleet| drop(fleet.set(secret, value).ok())
}

pub(crate) fn merge(fleet: &TestFleet) -> Ran {
    fleet.try_git(&["merge", "--no-edit", "feature"])
}
