//! What the modules generate, word for word.
//!
//! With `SECRETCTL_WRITE_GOLDEN` set the files are written anew instead.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::cases;
use crate::nix::Nix;
use crate::nix::ROOT;
use crate::nix::evaluate;

fn hold(path: &str, text: &str) {
    let path = Path::new(ROOT).join(path);
    if std::env::var_os("SECRETCTL_WRITE_GOLDEN").is_some() {
        return fs::write(path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, written, "{} is not what the module generates now", path.display());
}

/// Replaces each path of the store by what it stands for.
fn placed(text: &str) -> String {
    let mut placed = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/nix/store/") {
        let (before, found) = rest.split_at(start);
        let (path, after) = found.split_at(found.find([' ', '"', '\n']).unwrap_or(found.len()));
        placed.push_str(before);
        placed.push_str(match path {
            _ if before.ends_with("PATH=") => "@path@",
            _ if path.ends_with("/bin/secretctl-host") => "@program@",
            _ if path.contains("-secretctl-request-") => "@request@",
            _ if path.contains("-secretctl-sealed-") => "@sealed@",
            other => panic!("the text names `{other}`"),
        });
        rest = after;
    }
    placed + rest
}

/// The units of a host with secrets of every kind, which the tests in booted machines use as well.
#[test]
fn the_units_are_those_that_the_machines_are_tested_with() {
    let config = format!(
        "(e.nixos [ {ROOT}/tests/nix/cases/alpha.nix {{
            secretctl.identities = [ \"/persist/host-key\" ];
            services.userborn.enable = true;
            secretctl.secrets.\"any/token\".path = \"/etc/app/key\";
            secretctl.secrets.early = {{ secret = \"any/token\"; neededForUsers = true; }};
        }} ]).config.systemd.units"
    );
    let ours = "lib.filterAttrs (name: _: lib.hasPrefix \"secretctl\" name || name == \"sysinit-reactivation.target\")";
    let shown = "{ inherit (unit) text wantedBy requiredBy; }";
    let units =
        Nix::Current.eval(&(evaluate("") + &format!("lib.mapAttrs (_: unit: {shown}) ({ours} {config})")));
    let units = units.as_object().unwrap();
    let mut links = String::new();
    for (name, unit) in units {
        hold(&format!("tests/machine/units/{name}"), &placed(unit["text"].as_str().unwrap()));
        for (list, folder) in [("wantedBy", "wants"), ("requiredBy", "requires")] {
            for target in unit[list].as_array().unwrap() {
                writeln!(links, "{name} {}.{folder}", target.as_str().unwrap()).unwrap();
            }
        }
    }
    hold("tests/machine/units/links", &links);
    let folder = Path::new(ROOT).join("tests/machine/units").read_dir().unwrap();
    assert_eq!(folder.count(), units.len() + 1, "a unit is there that the module does not generate");
}

const HOME: &str = "{
    secretctl = {
        enable = true;
        host = \"alpha\";
        fleet = ROOT/tests/nix/fleet;
        trustedKeys = [ \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio\" ];
        secrets.\"any/token\" = { path = \"PATH\"; restartUnits = [ \"UNIT\" ]; };
        externalUnits = [ \"UNIT\" ];
        templates.env = { format = \"dotenv\"; content = \"T=<secret:any/token>\"; };
    };
}";

fn user(path: &str, unit: &str) -> String {
    HOME.replace("ROOT", ROOT).replace("PATH", path).replace("UNIT", unit)
}

fn of_home(arguments: &str, system: &str, path: &str, unit: &str, what: &str) -> String {
    let names =
        "{ home = { username = \"aki\"; homeDirectory = \"/home/aki\"; stateVersion = \"26.05\"; }; }";
    let config = format!("(e.homeOn \"{system}\" [ {names} {} ]).config", user(path, unit));
    text_of(arguments, &config, what)
}

fn text_of(arguments: &str, config: &str, what: &str) -> String {
    let kept = "lib.filterAttrsRecursive (_: value: value != null && value != [ ])";
    let expression = format!(
        "let config = {config}; in {{ job = {kept} ({what}); request = builtins.fromJSON (builtins.unsafeDiscardStringContext config.secretctl.uncheckedRequest.text); \
         refused = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions); }}"
    );
    let value = Nix::Current.eval(&(evaluate(arguments) + &expression));
    assert_eq!(value["refused"], serde_json::json!([]));
    placed(&(serde_json::to_string_pretty(&value).unwrap() + "\n"))
}

fn home_on_linux(arguments: &str) -> String {
    let job = "config.systemd.user.services.secretctl";
    of_home(arguments, "x86_64-linux", "/home/aki/.netrc", "sync.service", job)
}

fn home_on_macos(arguments: &str) -> String {
    let job = "config.launchd.agents.secretctl.config";
    of_home(arguments, "aarch64-darwin", "/Users/aki/.netrc", "org.nix-community.home.sync", job)
}

fn macos(arguments: &str) -> String {
    let config = format!(
        "(e.darwin [ {{ networking.hostName = \"alpha\"; system.stateVersion = 6; }} {} ]).config",
        user("/etc/app/key", "org.nixos.sync")
    );
    text_of(arguments, &config, "config.launchd.daemons.secretctl.serviceConfig")
}

#[test]
fn a_home_gets_a_user_service_and_a_request_of_its_own() {
    hold("tests/nix/golden/home-linux.json", &home_on_linux(""));
}

#[test]
fn a_home_on_macos_gets_an_agent() {
    hold("tests/nix/golden/home-macos.json", &home_on_macos(""));
}

#[test]
fn macos_gets_a_daemon() {
    hold("tests/nix/golden/macos.json", &macos(""));
}

#[test]
fn the_real_home_manager_and_nix_darwin_give_the_same() {
    let Some(real) = cases::real() else { return };
    assert_eq!(home_on_linux(&real), home_on_linux(""));
    assert_eq!(home_on_macos(&real), home_on_macos(""));
    assert_eq!(macos(&real), macos(""));
}
