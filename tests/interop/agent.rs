//! Signing with a key that an `ssh-agent` holds.

use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use crate::common::KEYS;
use crate::common::KeyPair;
use crate::common::TestFleet;
use crate::common::tool;
use crate::common::wait_for;

struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn with(fleet: &TestFleet, keys: &[&KeyPair]) -> Self {
        let socket = fleet.outside().join("agent");
        let mut command = Command::new(tool("ssh-agent"));
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Self { child: command.spawn().unwrap(), socket };
        wait_for("the agent", 10, || agent.socket.exists().then_some(()));
        for key in keys {
            let mut add = Command::new(tool("ssh-add"));
            add.arg("-q").arg(key.private()).env("SSH_AUTH_SOCK", &agent.socket);
            assert!(add.output().unwrap().status.success());
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_signs_with_the_key_of_an_admin_whatever_else_it_holds() {
    let fleet = TestFleet::sealed();
    let agent = Agent::with(&fleet, &[&KEYS.eve, &KEYS.carol, &KEYS.alice]);
    let cmd = fleet.cmd(["set", "shared/token"]).without_env("SECRETCTL_SIGNING_KEY");
    cmd.env("SSH_AUTH_SOCK", &agent.socket).stdin("by the agent").run().ok();
    assert_eq!(fleet.show("shared/token"), "by the agent");
    fleet.assert_clean();
}

#[test]
fn a_public_key_as_signing_key_asks_the_agent_for_its_private_half() {
    let fleet = TestFleet::sealed();
    let agent = Agent::with(&fleet, &[&KEYS.eve, &KEYS.alice]);
    let public = KEYS.alice.public_file();
    let args = ["set", "shared/token", "--signing-key", public.to_str().unwrap()];
    let cmd = fleet.cmd(args).without_env("SECRETCTL_SIGNING_KEY").env("SSH_AUTH_SOCK", &agent.socket);
    cmd.stdin("by the agent").run().ok();
    fleet.assert_clean();
}

#[test]
fn an_agent_that_is_not_there_empty_or_without_that_key_is_said_with_the_next_step() {
    let fleet = TestFleet::sealed();
    let public = KEYS.alice.public_file();
    let set = || fleet.cmd(["set", "shared/token"]).without_env("SECRETCTL_SIGNING_KEY").stdin("v");
    let named = || set().env("SECRETCTL_SIGNING_KEY", &public);
    fleet.refuses_cmd(named(), 4).says(&["error[signer::agent]", "`SSH_AUTH_SOCK` is not set"]);
    let gone = fleet.outside().join("gone");
    fleet.refuses_cmd(named().env("SSH_AUTH_SOCK", &gone), 4).says(&["error[signer::agent]", "ssh-add -L"]);
    fleet
        .refuses_cmd(set().env("SSH_AUTH_SOCK", &gone), 4)
        .says(&["error[signer::none]", "the ssh-agent at"]);
    let agent = Agent::with(&fleet, &[&KEYS.eve]);
    let ran = fleet.refuses_cmd(named().env("SSH_AUTH_SOCK", &agent.socket), 4);
    ran.says(&["error[signer::agent]", "does not hold the key"]);
    let ran = fleet.refuses_cmd(set().env("SSH_AUTH_SOCK", &agent.socket), 4);
    ran.says(&["error[signer::none]", "no admin's key"]);
}

#[test]
fn a_key_file_comes_before_the_agent() {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["rekey"]).ok();
    let agent = Agent::with(&fleet, &[&KEYS.bob]);
    fleet.cmd(["set", "shared/token"]).env("SSH_AUTH_SOCK", &agent.socket).stdin("v").run().ok();
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    assert_eq!(log["lines"].as_array().unwrap().last().unwrap()["author"], "alice");
}
