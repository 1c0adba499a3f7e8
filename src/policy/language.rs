//! The language in one table: what is registered, documented, suggested and completed comes from here.

use std::fmt::Write;

use rhai::FuncRegistration;

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
    /// Files in `policies/tests/`.
    Tests,
}

const fn function(
    scope: Scope,
    name: &'static str,
    parameters: &'static [&'static str],
    gives: &'static str,
    usage: &'static str,
    about: &'static str,
) -> Entry {
    Entry { of: "", name, parameters, gives, about, usage, scope, kind: Kind::Function }
}

const fn method(
    scope: Scope,
    of: &'static str,
    name: &'static str,
    parameters: &'static [&'static str],
    usage: &'static str,
    about: &'static str,
) -> Entry {
    Entry { of, name, parameters, gives: of, about, usage, scope, kind: Kind::Function }
}

const fn property(
    of: &'static str,
    name: &'static str,
    gives: &'static str,
    usage: &'static str,
    about: &'static str,
) -> Entry {
    Entry { of, name, parameters: &[], gives, about, usage, scope: Facts, kind: Kind::Property }
}

use Scope::Facts;
use Scope::Requirements;
use Scope::Rules;
use Scope::Tests;

/// Everything that policies and their tests can say beyond the script language itself.
pub(super) const LANGUAGE: &[Entry] = &[
    function(
        Rules,
        "allow",
        &["patterns: ?"],
        "rule",
        "allow(\"pattern\")` or `allow([\"pattern\", …])",
        "Lets hosts and services read the secrets that a pattern or one of an array of patterns covers.",
    ),
    function(
        Rules,
        "deny",
        &["patterns: ?"],
        "rule",
        "deny(\"pattern\")` or `deny([\"pattern\", …])",
        "Keeps hosts and services from reading secrets, whatever else allows it.",
    ),
    function(
        Rules,
        "never",
        &["patterns: ?"],
        "rule",
        "never(\"pattern\")` or `never([\"pattern\", …])",
        "States that nothing allows this; `check`, `seal` and `policy test` fail if something does.",
    ),
    method(
        Rules,
        "rule",
        "hosts",
        &["selector: ?"],
        ".hosts(tag(\"nas\"))",
        "Only these hosts: a name, glob, array, host, `tag(..)`, `system(..)` or `any_host()`.",
    ),
    method(Rules, "rule", "except", &["selector: ?"], ".except(\"attic\")", "Not these hosts."),
    method(
        Rules,
        "rule",
        "services",
        &["selector: ?"],
        ".services(\"sonarr\")",
        "Only these services: a name, a glob, or an array of both.",
    ),
    method(
        Rules,
        "rule",
        "when",
        &["condition: Fn"],
        ".when(|secret, host, service| condition)",
        "Only if the closure gives `true`.",
    ),
    method(
        Rules,
        "rule",
        "until",
        &["end: string"],
        ".until(\"2027-01-31\")",
        "Through this day in UTC, or until an instant such as `\"2027-01-31T18:00:00+01:00\"`.",
    ),
    method(
        Rules,
        "rule",
        "because",
        &["reason: string"],
        ".because(\"text\")",
        "The reason, shown with every decision.",
    ),
    method(
        Rules,
        "rule",
        "including_dormant",
        &[],
        ".including_dormant()",
        "Hosts that are dormant too; those that are revoked never.",
    ),
    function(Rules, "tag", &["name: string"], "selector", "tag(\"name\")", "The hosts with a tag."),
    function(
        Rules,
        "system",
        &["name: string"],
        "selector",
        "system(\"x86_64-linux\")",
        "The hosts of a Nix system; a glob works.",
    ),
    function(Rules, "any_host", &[], "selector", "any_host()", "Every host."),
    method(
        Rules,
        "selector",
        "except",
        &["selector: ?"],
        ".except(selector)",
        "A selector without the hosts of another; works on names, globs and arrays too.",
    ),
    function(
        Rules,
        "rotate",
        &["patterns: ?"],
        "rotation",
        "rotate(\"**/api-*\").every(\"90d\")",
        "States how long a value may be used; of several periods the shortest holds.",
    ),
    method(
        Rules,
        "rotation",
        "every",
        &["period: string"],
        ".every(\"90d\")",
        "The longest time between two values: `h`, `d`, `w`, `mo` (30 days) or `y` (365 days).",
    ),
    method(
        Rules,
        "rotation",
        "warn",
        &["period: string"],
        ".warn(\"14d\")",
        "How long before that it is pointed out; of several the earliest holds.",
    ),
    method(
        Rules,
        "rotation",
        "owner",
        &["name: string"],
        ".owner(\"alice\")",
        "Who sees to it; several owners add up.",
    ),
    method(
        Rules,
        "rotation",
        "runbook",
        &["place: string"],
        ".runbook(\"https://wiki.example.org/rotate\")",
        "Where it is written how to; several add up.",
    ),
    method(Rules, "rotation", "except", &["patterns: ?"], ".except(\"pattern\")", "Not these secrets."),
    function(
        Rules,
        "validate",
        &["patterns: ?", "requirements: ?"],
        "attribute",
        "validate(\"tls/*/cert\", pem(\"CERTIFICATE\"))",
        "States what values must be: one requirement or an array; all that cover a secret hold.",
    ),
    function(
        Rules,
        "editors",
        &["patterns: ?", "admins: ?"],
        "attribute",
        "editors(\"prod/**\", [\"alice\"])",
        "Encrypts sources to these admins and to recovery alone; of several lists those named in all.",
    ),
    method(Rules, "attribute", "except", &["patterns: ?"], ".except(\"pattern\")", "Not these secrets."),
    function(
        Requirements,
        "pem",
        &["kind: string"],
        "requirement",
        "pem(\"CERTIFICATE\")",
        "PEM blocks, at least one, all of this kind.",
    ),
    function(
        Requirements,
        "x509",
        &[],
        "requirement",
        "x509()",
        "A certificate or a chain, PEM or DER, all of them valid at the time of the command.",
    ),
    function(
        Requirements,
        "json",
        &[],
        "requirement",
        "json()` or `json(#{ type: \"object\", required: [\"token\"] })",
        "JSON; with a map, JSON that this JSON Schema (draft 2020-12) accepts. Nothing is fetched.",
    ),
    function(
        Requirements,
        "dotenv",
        &["names: array"],
        "requirement",
        "dotenv([\"API_KEY\"])",
        "An environment file as systemd reads it, with these variables set and not empty; `dotenv()` asks for none.",
    ),
    function(
        Requirements,
        "length",
        &["least: int", "most: int"],
        "requirement",
        "length(16)` or `length(16, 64)",
        "At least so many bytes, and at most so many.",
    ),
    function(
        Requirements,
        "charset",
        &["characters: string"],
        "requirement",
        "charset(\"a-zA-Z0-9_-\")",
        "Only these characters, ranges among them.",
    ),
    function(
        Requirements,
        "url_safe",
        &[],
        "requirement",
        "url_safe()",
        "Only letters, digits, `-`, `_`, `.` and `~`.",
    ),
    function(
        Requirements,
        "base64",
        &[],
        "requirement",
        "base64()` or `base64(32)",
        "Base64 with padding, of so many bytes if a number is given.",
    ),
    function(
        Requirements,
        "hex",
        &[],
        "requirement",
        "hex()` or `hex(32)",
        "Hexadecimal digits, of so many bytes if a number is given.",
    ),
    function(
        Requirements,
        "base32",
        &[],
        "requirement",
        "base32()` or `base32(20)",
        "Base32 in upper case, of so many bytes if a number is given.",
    ),
    function(
        Requirements,
        "ssh_private_key",
        &[],
        "requirement",
        "ssh_private_key()",
        "A private key that `ssh` reads without a passphrase.",
    ),
    function(
        Requirements,
        "wireguard_private_key",
        &[],
        "requirement",
        "wireguard_private_key()",
        "A private key as `wg genkey` makes it.",
    ),
    function(
        Requirements,
        "age_identity",
        &[],
        "requirement",
        "age_identity()",
        "An age identity as `age-keygen` makes it.",
    ),
    function(
        Requirements,
        "password_hash",
        &[],
        "requirement",
        "password_hash()",
        "A hash of a scheme that NixOS accepts for users: yescrypt, scrypt, bcrypt or SHA-512.",
    ),
    function(
        Requirements,
        "one_line",
        &[],
        "requirement",
        "one_line()",
        "One line, with or without a newline at its end.",
    ),
    function(
        Requirements,
        "no_trailing_newline",
        &[],
        "requirement",
        "no_trailing_newline()",
        "No newline at the end.",
    ),
    function(
        Requirements,
        "same_as",
        &["secret: string"],
        "requirement",
        "same_as(\"mqtt/client-password\")",
        "The value of another secret, where an identity that opens it is at hand.",
    ),
    function(
        Requirements,
        "differs_from",
        &["secret: string"],
        "requirement",
        "differs_from(\"prod/db\")",
        "Another value than that of another secret, where an identity that opens it is at hand.",
    ),
    function(
        Requirements,
        "optional",
        &[],
        "requirement",
        "optional()",
        "The value may be empty, which then passes every other requirement.",
    ),
    function(
        Requirements,
        "install_once",
        &[],
        "requirement",
        "install_once()",
        "Hosts keep the first value that they got, so `set` and `edit` refuse a second one.",
    ),
    function(
        Requirements,
        "first_boot",
        &[],
        "requirement",
        "first_boot()",
        "A host needs it to come up: `check` fails while it does not exist. `{host}` stands for every host in use.",
    ),
    property("fleet", "hosts", "array", "fleet.hosts", "The hosts in order of name."),
    property("fleet", "admins", "array", "fleet.admins", "The names of the admins who have not left."),
    Entry {
        gives: "host",
        ..method(Facts, "fleet", "host", &["name: string"], "fleet.host(\"name\")", "The host of this name.")
    },
    property("host", "name", "string", "host.name", "The name."),
    property(
        "host",
        "system",
        "string",
        "host.system",
        "The Nix system; empty if `secretctl.toml` does not tell.",
    ),
    property("host", "tags", "array", "host.tags", "The tags."),
    property("host", "services", "array", "host.services", "The services, without `.service`."),
    property(
        "host",
        "state",
        "string",
        "host.state",
        "`\"active\"`, `\"pending\"`, `\"dormant\"` or `\"revoked\"`.",
    ),
    function(
        Tests,
        "test",
        &["name: string", "body: Fn"],
        "()",
        "test(\"lab machines read nothing of prod\", || { .. })",
        "Groups expectations under a name; what goes wrong inside ends this test alone.",
    ),
    function(
        Tests,
        "expect_allowed",
        &["secret: string", "hosts: ?", "services: ?"],
        "expectation",
        "expect_allowed(\"prod/db\", \"forge\", \"sonarr\")",
        "Expects that a request is allowed; of arrays every one. Without services: that some service of the host may.",
    ),
    function(
        Tests,
        "expect_denied",
        &["secret: string", "hosts: ?", "services: ?"],
        "expectation",
        "expect_denied(\"prod/db\", \"forge\", \"sonarr\")",
        "Expects that a request is denied; of arrays every one. Without services: that no service of the host may.",
    ),
    method(
        Tests,
        "expectation",
        "because",
        &["reason: string"],
        ".because(\"lab machines are shared\")",
        "Expects also that a rule with this reason speaks.",
    ),
    method(
        Tests,
        "fleet",
        "with_host",
        &["name: string", "facts: map"],
        "fleet.with_host(\"lab-9\", #{ tags: [\"lab\"] })",
        "The fleet with one host more, or with other facts about one: `tags`, `services`, `system`, `state`. The policy runs anew on it.",
    ),
    method(
        Tests,
        "fleet",
        "without_host",
        &["name: string"],
        "fleet.without_host(\"forge\")",
        "The fleet without a host.",
    ),
    method(
        Tests,
        "fleet",
        "at",
        &["time: string"],
        "fleet.at(\"2027-02-01\")",
        "The fleet at the start of a day in UTC, or at an instant; else it is the time of the command.",
    ),
    Entry {
        gives: "expectation",
        ..method(
            Tests,
            "fleet",
            "expect_allowed",
            &["secret: string", "hosts: ?", "services: ?"],
            "fleet.at(\"2027-02-01\").expect_allowed(\"prod/db\", \"forge\")",
            "Like `expect_allowed(..)`, in this fleet.",
        )
    },
    Entry {
        gives: "expectation",
        ..method(
            Tests,
            "fleet",
            "expect_denied",
            &["secret: string", "hosts: ?", "services: ?"],
            "fleet.at(\"2027-02-01\").expect_denied(\"prod/db\", \"forge\")",
            "Like `expect_denied(..)`, in this fleet.",
        )
    },
];

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
pub(super) const DECLARING: [&str; 6] = ["allow", "deny", "never", "rotate", "validate", "editors"];

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
