//! A whole fleet, and every mistake at its place.

use super::*;
use crate::diag::Severity;
use crate::fleet::Weight;

const AGE: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHj8IGGAm4M+UQz1ALxt2KhWSn/QP/4TGCz0YqfAsMbn";

fn parse(text: &str) -> Result<Fleet, FleetError> {
    Fleet::parse(text, Path::new("secretctl.toml"))
}

/// The only problem of a text: message, the underlined words, help.
fn problem(text: &str) -> (String, String, String) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{:?}", error.problems);
    let problem = error.problems.first().unwrap();
    let underlined = text.get(problem.span.clone()).unwrap_or_default().to_owned();
    (problem.message.clone(), underlined, problem.help.clone().unwrap_or_default())
}

fn with(lines: &str) -> String {
    format!("version = 1\n[admins.aki]\nrecipients = [\"{AGE}\"]\nsigning-keys = [\"{SSH}\"]\n{lines}")
}

#[test]
fn a_whole_fleet_is_read() {
    let fleet = parse(&with(&format!(
        "[recovery]\nrecipients = [\"{AGE}\"]\n[hosts.forge]\nrecipients = [\"{SSH} comment\"]\nsystem = \"x86_64-linux\"\n\
         tags = [\"nas\"]\nservices = [\"sonarr\"]\n[hosts.new]\nstate = \"pending\"\n[hosts.old]\nstate = \"revoked\"\n"
    )))
    .unwrap();
    let forge = fleet.hosts.get("forge").unwrap();
    assert_eq!(forge.recipients.first().unwrap().as_str(), SSH);
    assert!(forge.state == HostState::Active);
    assert!(fleet.hosts.get("new").unwrap().state == HostState::Pending);
    assert_eq!(fleet.hosts.get("old").unwrap().state, HostState::Revoked);
    assert_eq!(fleet.source_recipients(None).len(), 1);
    assert_eq!(fleet.trusted_keys().len(), 1);
}

#[test]
fn an_unknown_key_is_underlined_and_the_near_one_suggested() {
    let (message, underlined, help) = problem(&with("[hosts.forge]\nstate = \"pending\"\nservcies = []\n"));
    assert_eq!(message, "unknown key `servcies` in `hosts.forge`");
    assert_eq!((underlined.as_str(), help.as_str()), ("servcies", "did you mean `services`?"));
    let (message, underlined, help) = problem(&with("[host.forge]\n"));
    assert_eq!(message, "unknown key `host` at the top level");
    assert_eq!((underlined.as_str(), help.as_str()), ("host", "did you mean `hosts`?"));
}

#[test]
fn every_kind_of_mistake_is_named_at_its_place() {
    for (lines, wanted) in [
        ("[hosts.forge]\n", "active host `forge` has no recipient"),
        ("[hosts.\"../x\"]\nstate = \"pending\"\n", "is not a host name"),
        ("[hosts.a]\nstate = \"activ\"\n", "did you mean `active`?"),
        ("[hosts.a]\nstate = \"pending\"\ntags = \"nas\"\n", "`tags` must be an array of strings"),
        ("[hosts.a]\nstate = \"pending\"\ntags = [\"a\", \"a\"]\n", "same value twice"),
        ("[hosts.a]\nstate = \"pending\"\nsystem = \"Linux\"\n", "a Nix system is"),
        ("[hosts.a]\nstate = \"pending\"\nservices = [\"system\"]\n", "lists the service `system`"),
        ("[hosts.a]\nrecipients = [\"AGE-SECRET-KEY-1X\"]\n", "private key"),
        ("[hosts.a]\nrecipients = [\"ecdsa-sha2-nistp256 AAAA\"]\n", "cannot encrypt to a key of type"),
        ("[hosts.a]\nstate = \"pending\"\n[hosts.A]\nstate = \"pending\"\n", "differ in case only"),
        ("[admins.bo]\nsigning-keys = []\n", "admin `bo` has no recipient"),
        ("[admins.bo]\nrecipients = []\neditor = \"named\"\n", "admin `bo` has no recipient"),
        ("[admins.bo]\neditor = \"nobody\"\n", "`nobody` is neither `all` nor `named`"),
        ("[admins.bo]\neditor = false\n", "`editor` must be a string"),
        ("[recovery]\nrecipient = []\n", "unknown key `recipient`"),
        ("[[audit]]\n", "`audit` must be a table"),
        ("[audit]\nseverity = {}\n", "unknown key `severity` in `audit`"),
        ("[audit]\nseverities = []\n", "`audit.severities` must be a table"),
        ("[audit.severities]\n\"rotation::soon\" = \"eror\"\n", "did you mean `error`?"),
        ("[audit.severities]\n\"rotation::soon\" = 1\n", "`rotation::soon` must be a string"),
        ("[audit.severities]\n\"sealed::tampered\" = \"ignore\"\n", "can't be less than an error"),
        ("[audit.severities]\n\"store::two_sources\" = \"note\"\n", "can't be less than an error"),
        ("[audit]\nfindings-page = \"findings.md\"\n", "write the address of the page"),
        ("[audit]\nfindings-page = \"https://x/\\u0022onload\"\n", "write the address of the page"),
    ] {
        let error = parse(&with(lines)).unwrap_err();
        let all: Vec<&str> = error.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(all.iter().any(|message| message.contains(wanted)), "{lines}: {all:?}");
    }
}

#[test]
fn severities_are_read_and_an_unknown_code_is_underlined() {
    let fleet = parse(&with(
        "[audit]\nfindings-page = \"https://git.example.org/f.md\"\n[audit.severities]\n\"rotation::soon\" = \"error\"\n\
         \"rotation::no_rule\" = \"ignore\"\n\"sealed::tampered\" = \"error\"\n",
    ))
    .unwrap();
    let severities = fleet.audit.severities;
    assert_eq!(severities.get("rotation::soon"), Some(&Weight::As(Severity::Error)));
    assert_eq!(severities.get("rotation::no_rule"), Some(&Weight::Ignored));
    assert_eq!(fleet.audit.findings_page.as_deref(), Some("https://git.example.org/f.md"));
    let (message, underlined, help) = problem(&with("[audit.severities]\n\"rotation::son\" = \"error\"\n"));
    assert_eq!(message, "no finding has the code `rotation::son`");
    assert_eq!((underlined.as_str(), help.as_str()), ("\"rotation::son\"", "did you mean `rotation::soon`?"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = parse(&with("[hosts.a]\nfoo = 1\n[hosts.b]\nbar = 1\n")).unwrap_err();
    assert_eq!(error.problems.len(), 4);
}

#[test]
fn a_newer_version_is_refused() {
    assert_eq!(problem("version = 2\n").0, "unknown version of the fleet file");
    assert_eq!(problem("").0, "the version is missing");
}

#[test]
fn one_signing_key_belongs_to_one_admin() {
    let (message, ..) =
        problem(&with(&format!("[admins.bo]\nrecipients = [\"{AGE}\"]\nsigning-keys = [\"{SSH}\"]\n")));
    assert_eq!(message, "admins `aki` and `bo` have the same signing key");
}
