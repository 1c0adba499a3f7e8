//! Identity files of hosts that hold more, or something else, than the fleet knows.

use crate::fixture::Host;
use crate::fixture::private;

const SSH_KEY: &str = include_str!("../vectors/ssh-to-age/id_ed25519");
const CONVERTED: &str = include_str!("../vectors/ssh-to-age/recipient");

#[test]
fn a_host_that_the_fleet_knows_by_ssh_to_age_opens_its_secrets_with_its_ssh_key() {
    private!();
    let mut host = Host::known_as(SSH_KEY, CONVERTED);
    host.secret("key", b"value").activate(&[]).clean();
    assert_eq!(host.value("key"), "value");
}

#[test]
fn a_line_that_is_not_understood_costs_a_host_no_secret() {
    private!();
    let key = std::process::Command::new("age-keygen").output().unwrap().stdout;
    let key = String::from_utf8(key).unwrap();
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    let other = "AGE-SECRET-KEY-PQ-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";
    let mut host = Host::known_as(&format!("{other}\n{key}"), &recipient);
    host.secret("key", b"value").activate(&[]).clean();
    assert_eq!(host.value("key"), "value");

    std::fs::write(host.path("host"), format!("{other}\n")).unwrap();
    let ran = host.seal("key", b"new").activate(&[]).exit(4);
    let ran = ran.says("identity::none_fits").says("line 1 is a post-quantum age identity");
    assert!(!ran.stderr.contains("1QQQQ"), "{}", ran.stderr);
}
