//! Two real fleets, declared in Nix, built, and booted: every attribute that their files name is what the machine shows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::machine::Built;
use crate::machine::Machine;
use crate::machine::Systemd;
use crate::machine::on_each_systemd;
use crate::model::Model;
use crate::nix::Nix;
use crate::nix::Programs;
use crate::ran::Ran;

static TORII: LazyLock<Fleet> =
    LazyLock::new(|| Fleet::new("torii", &["kagutsuchi-sama", "sando-kun", "shosoin-tan", "torii-chan"]));
static CARPENIKE: LazyLock<Fleet> =
    LazyLock::new(|| Fleet::new("carpenike", &["forge", "luna", "nas-1", "nixpi"]));

/// A fleet whose hosts were built twice: before and after half of the values changed.
struct Fleet {
    model: Model,
    before: BTreeMap<String, String>,
    changed: BTreeSet<String>,
    hosts: BTreeMap<&'static str, BuiltHost>,
}

struct BuiltHost {
    a: Built,
    b: Built,
    accounts: String,
    templates: Vec<Value>,
    units: Vec<String>,
}

impl Fleet {
    fn new(name: &'static str, hosts: &[&'static str]) -> Self {
        let programs = Programs::new();
        programs.link("systemd", "/usr/bin/systemctl");
        let mut model = Model::new(name);
        let build = |model: &Model, host: &str| {
            let toplevel = Nix::Current.build(&of_host(&programs, model, host, "system.build.toplevel"));
            Built { closure: Nix::Current.closure(&toplevel), toplevel }
        };
        let a: Vec<Built> = hosts.iter().map(|host| build(&model, host)).collect();
        let secrets: Vec<String> = model.secrets().map(name_of).collect();
        let before: BTreeMap<String, String> =
            secrets.iter().map(|secret| (secret.clone(), model.value(secret).to_owned())).collect();
        let changed: BTreeSet<String> = secrets.into_iter().step_by(2).collect();
        for secret in &changed {
            model.set(secret, &format!("new {}", before[secret]));
        }
        model.seal();
        let built = hosts.iter().zip(a).map(|(host, a)| {
            let evaluated = |attribute: &str| Nix::Current.eval(&of_host(&programs, &model, host, attribute));
            let request: Value = Nix::Current.eval(&format!(
                "builtins.fromJSON (builtins.unsafeDiscardStringContext ({}))",
                of_host(&programs, &model, host, "secretctl.uncheckedRequest.text")
            ));
            let accounts = accounts(&evaluated("users.users"), &evaluated("users.groups"));
            let templates = request["templates"].as_array().unwrap().clone();
            let units = evaluated("fleet.units");
            let units =
                units.as_array().unwrap().iter().map(|unit| unit.as_str().unwrap().to_owned()).collect();
            (*host, BuiltHost { a, b: build(&model, host), accounts, templates, units })
        });
        let hosts = built.collect();
        Self { model, before, changed, hosts }
    }
}

/// What every machine here needs besides: users are made by its own systemd-sysusers.
const MACHINE: &str = "
    secretctl.identities = [ \"/persist/host-key\" ];
    services.userborn.enable = false;
    systemd.sysusers.enable = true;
";

/// An attribute of a host's configuration.
fn of_host(programs: &Programs, model: &Model, host: &str, attribute: &str) -> String {
    let value = model.host(&programs.as_packages(), host, MACHINE, attribute);
    match attribute {
        "users.users" => format!("builtins.mapAttrs (_: user: {{ inherit (user) uid group; }}) {value}"),
        "users.groups" => format!("builtins.mapAttrs (_: group: {{ inherit (group) gid; }}) {value}"),
        _ => value,
    }
}

/// Lines of sysusers.d(5) for users and groups that are not there in every system.
fn accounts(users: &Value, groups: &Value) -> String {
    let mut lines = String::new();
    let ours = |number: &Value| number.as_u64().filter(|number| (500..1000).contains(number));
    for (name, group) in groups.as_object().unwrap() {
        if let Some(gid) = ours(&group["gid"]) {
            writeln!(lines, "g {name} {gid}").unwrap();
        }
    }
    for (name, user) in users.as_object().unwrap() {
        if let Some(uid) = ours(&user["uid"]) {
            writeln!(lines, "u {name} {uid}:{} \"\" /", user["group"].as_str().unwrap()).unwrap();
        }
    }
    lines
}

fn name_of(entry: &Value) -> String {
    entry["name"].as_str().unwrap().to_owned()
}

/// What a file is, as the machine shows it.
#[derive(Debug, Eq, PartialEq)]
struct Shown {
    owner: String,
    group: String,
    mode: String,
    value: String,
}

/// Files by where they lie below the link.
fn shown(ran: &Ran, name: &str) -> BTreeMap<String, Shown> {
    let file = |line: String| {
        let [name, owner, group, mode, value] =
            line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        let value = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
        (name, Shown { owner, group, mode: format!("{mode:0>4}"), value })
    };
    ran.lines(name).into_iter().map(file).collect()
}

/// A script that switches from A to B and back, and shows everything on the way.
fn script(built: &BuiltHost) -> String {
    let mut script = String::from(
        r#"
        show() {
          (cd /run/secrets/ && find . -type f -printf '%P\t%u\t%g\t%m\t' -exec base64 -w0 {} \; -printf '\n') >"$1"
        }
        starts() {
          for file in /run/starts-of-*; do echo "${file#/run/starts-of-} $(wc -l <"$file")"; done >"$1"
        }
        settle
        show a
        "#,
    );
    // systemd-run talks over the bus, which is not there yet.
    writeln!(script, "systemctl start dbus.service {}\nstarts starts-a", built.units.join(" ")).unwrap();
    for (number, template) in built.templates.iter().enumerate() {
        let (name, path) =
            (template["name"].as_str().unwrap(), template["path"].as_str().unwrap_or_default());
        if !path.is_empty() {
            writeln!(script, "printf '%s\\t%s\\n' {path} \"$(readlink {path})\" >>links").unwrap();
        }
        if template["format"] == "dotenv" {
            writeln!(
                script,
                "systemd-run --quiet --wait -p EnvironmentFile=/run/secrets/rendered/{name} -p StandardOutput=file:/run/env \
                 /usr/bin/env -0\nbase64 -w0 /run/env >env-{number}"
            )
            .unwrap();
        }
    }
    script
        + "
        switch b
        show b
        starts starts-b
        switch a
        show again
        starts starts-again
    "
}

struct Booted {
    fleet: &'static Fleet,
    host: &'static str,
    ran: Ran,
}

impl Booted {
    fn new(fleet: &'static Fleet, host: &'static str, systemd: Systemd) -> Self {
        let built = &fleet.hosts[host];
        let machine = Machine::with_key(systemd, &fleet.model.key(host));
        machine.accounts(&built.accounts).built_system("a", &built.a).built_system("b", &built.b);
        let ran = machine.boot("a", &script(built));
        ran.clean();
        Self { fleet, host, ran }
    }

    fn secrets(&self) -> impl Iterator<Item = &'static Value> {
        let host = Value::from(self.host);
        self.fleet.model.secrets().filter(move |secret| secret["hosts"].as_array().unwrap().contains(&host))
    }

    /// Where a secret lands below the link.
    fn target(secret: &Value) -> String {
        let path = secret["path"].as_str().and_then(|path| path.strip_prefix("/run/secrets/"));
        path.map_or_else(|| name_of(secret), str::to_owned)
    }

    fn holds(&self) {
        self.every_file_is_as_its_fleet_says();
        self.early_ones_came_early();
        self.units_restarted_once_for_what_changed();
        self.consumers_read_the_values_of_templates();
    }

    fn every_file_is_as_its_fleet_says(&self) {
        let generations = ["a", "b", "again"].map(|name| shown(&self.ran, name));
        let templates: Vec<_> = self.fleet.model.templates(self.host).collect();
        for files in &generations {
            assert_eq!(
                files.len(),
                self.secrets().count() + templates.len(),
                "{}: {:?}",
                self.host,
                files.keys()
            );
        }
        let attributes = |entry: &Value, files: &BTreeMap<String, Shown>, target: &str| {
            let file = files.get(target).unwrap_or_else(|| panic!("{target} is missing on {}", self.host));
            let of = |key: &str| entry[key].as_str().unwrap().to_owned();
            let said = (of("owner"), of("group"), of("mode"));
            assert_eq!((file.owner.clone(), file.group.clone(), file.mode.clone()), said, "{target}");
        };
        for secret in self.secrets() {
            let (name, target) = (name_of(secret), Self::target(secret));
            let (old, new) = (&self.fleet.before[&name], self.fleet.model.value(&name));
            for (files, value) in generations.iter().zip([old, new, old]) {
                attributes(secret, files, &target);
                assert_eq!(files[&target].value, *value, "{target}");
            }
        }
        for template in templates {
            let target = format!("rendered/{}", name_of(template));
            attributes(template, &generations[0], &target);
            if let Some(path) = template["path"].as_str() {
                let line = format!("{path}\t/run/secrets/{target}");
                assert!(self.ran.lines("links").contains(&line), "{:?}", self.ran.lines("links"));
            }
        }
    }

    fn early_ones_came_early(&self) {
        let early: BTreeSet<String> =
            self.secrets().filter(|secret| secret["needed_for_users"] == true).map(Self::target).collect();
        let entries = self.ran.journal();
        let added = |generation: &str| -> BTreeSet<String> {
            let added = entries.iter().filter(|entry| {
                entry["SECRETCTL_GENERATION"] == generation && entry["SECRETCTL_OUTCOME"] == "added"
            });
            added.map(|entry| entry["SECRETCTL_AS"].as_str().unwrap().to_owned()).collect()
        };
        let all: BTreeSet<String> = self.secrets().map(Self::target).collect();
        let late: BTreeSet<String> = all.difference(&early).cloned().collect();
        // The early pass makes a generation of its own, without anything else.
        let (first, main) = if early.is_empty() { (BTreeSet::new(), "1") } else { (added("1"), "2") };
        assert_eq!(first, early, "{}", self.host);
        let missing: Vec<_> = late.difference(&added(main)).cloned().collect();
        assert!(missing.is_empty(), "the journal of {} says nothing of {missing:?}", self.host);
    }

    /// Units that the fleet's file wants restarted for the secrets that changed, directly or in a template.
    fn wanted_restarts(&self) -> BTreeSet<String> {
        let changed = |name: &Value| self.fleet.changed.contains(name.as_str().unwrap());
        let secrets = self.secrets().filter(|secret| changed(&secret["name"]));
        let templates = self.fleet.model.templates(self.host);
        let templates =
            templates.filter(|template| template["placeholders"].as_array().unwrap().iter().any(changed));
        let units = secrets.chain(templates).filter_map(|entry| entry["restart_units"].as_array());
        units.flatten().map(|unit| unit.as_str().unwrap().trim_end_matches(".service").to_owned()).collect()
    }

    fn units_restarted_once_for_what_changed(&self) {
        let counts = |name: &str| -> BTreeMap<String, u32> {
            let line =
                |line: &str| line.split_once(' ').map(|(unit, n)| (unit.to_owned(), n.parse().unwrap()));
            self.ran.lines(name).iter().filter_map(|text| line(text)).collect()
        };
        let [a, b, again] = ["starts-a", "starts-b", "starts-again"].map(counts);
        assert!(a.values().all(|count| *count == 1), "{a:?}");
        let wanted = self.wanted_restarts();
        for (unit, count) in &b {
            let restarts = u32::from(wanted.contains(unit));
            assert_eq!((*count, again[unit]), (1 + restarts, 1 + 2 * restarts), "{unit} on {}", self.host);
        }
        assert!(wanted.iter().all(|unit| b.contains_key(unit)), "{wanted:?}");
    }

    fn consumers_read_the_values_of_templates(&self) {
        for (number, template) in self.fleet.hosts[self.host].templates.iter().enumerate() {
            let content = template["content"].as_str().unwrap();
            let read: BTreeMap<String, String> = if template["format"] == "dotenv" {
                environment(&self.ran.text(&format!("env-{number}")))
            } else {
                let file = &shown(&self.ran, "a")[&format!("rendered/{}", name_of(template))];
                let parsed: toml_edit::DocumentMut = file.value.parse().unwrap();
                parsed.iter().map(|(key, item)| (key.to_owned(), item.as_str().unwrap().to_owned())).collect()
            };
            let mut compared = 0;
            for line in content.lines() {
                let Some((key, rest)) = line.split_once('=') else { continue };
                let Some(secret) = rest
                    .trim()
                    .trim_matches('"')
                    .strip_prefix("<secret:")
                    .and_then(|rest| rest.strip_suffix('>'))
                else {
                    continue;
                };
                let value = &self.fleet.before[secret];
                // What every format but `none` does to the newline at the end of a value.
                let value = value.strip_suffix('\n').unwrap_or(value);
                assert_eq!(read[key.trim()], value, "{key} of {}", template["name"]);
                compared += 1;
            }
            assert!(compared > 0, "{content}");
        }
    }
}

/// Variables, divided by zero bytes.
fn environment(encoded: &str) -> BTreeMap<String, String> {
    let text = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// sando-kun with a link in a home, which the sandbox must let through.
static WITH_HOME: LazyLock<Built> = LazyLock::new(|| {
    let more = "secretctl.secrets.copy = {
        secret = \"sando_kun_wireguard_private_key\";
        service = \"wireguard-wg0\";
        path = \"/home/aki/.config/key\";
    };";
    let attribute = "system.build.toplevel";
    let programs = Programs::new();
    programs.link("systemd", "/usr/bin/systemctl");
    let more = format!("{MACHINE}{more}");
    let host = TORII.model.host(&programs.as_packages(), "sando-kun", &more, attribute);
    let toplevel = Nix::Current.build(&host);
    Built { closure: Nix::Current.closure(&toplevel), toplevel }
});

on_each_systemd! {
    fn a_link_in_a_home_is_made_from_within_the_sandbox(systemd: Systemd) {
        let machine = Machine::with_key(systemd, &TORII.model.key("sando-kun"));
        machine.built_system("a", &WITH_HOME);
        let ran = machine.boot("a", "readlink /home/aki/.config/key >link");
        ran.clean();
        assert_eq!(ran.text("link").trim(), "/run/secrets/copy");
    }

    fn the_torii_fleet_is_on_its_machines_what_its_file_says(systemd: Systemd) {
        for host in TORII.hosts.keys() {
            Booted::new(&TORII, host, systemd).holds();
        }
    }

    fn forge_and_its_fleet_are_on_their_machines_what_their_file_says(systemd: Systemd) {
        for host in CARPENIKE.hosts.keys() {
            Booted::new(&CARPENIKE, host, systemd).holds();
        }
    }
}
