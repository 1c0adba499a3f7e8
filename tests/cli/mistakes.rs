//! Promise 10: nothing prints a private key or a value that was passed by mistake, whatever was passed where.

use clap::CommandFactory;
use secretctl::cli::secretctl::Cli;

use crate::common::Cmd;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;

const VALUE: &str = "hunter2-value-needle";

/// The file of a private key, and every run of 20 bytes that is secret in it.
struct PrivateKey {
    text: String,
    windows: Vec<String>,
}

impl PrivateKey {
    fn read(path: &std::path::Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap().trim_end().to_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("-----"));
        let body: Vec<&str> = lines.map(|line| line.trim_start_matches("AGE-SECRET-KEY-1")).collect();
        // Whole, and also as it stands in lines.
        let windows = body.iter().copied().map(str::to_owned).chain([body.concat()]);
        let windows = windows.flat_map(|text| {
            let windows =
                text.as_bytes().windows(20).map(|window| String::from_utf8_lossy(window).into_owned());
            windows.collect::<Vec<_>>()
        });
        let windows: Vec<String> = windows.collect();
        assert!(windows.len() > 30, "{}", path.display());
        Self { text, windows }
    }

    /// Ssh keys of both kinds, one under a passphrase, and an age identity with its comments and alone.
    fn all() -> Vec<Self> {
        let files = [&KEYS.eve, &KEYS.luna, &KEYS.locked, &KEYS.recovery];
        files.into_iter().map(|key| Self::read(key.private())).collect()
    }

    fn is_not_in(&self, ran: &Ran, what: &str) {
        let said = format!("{}{}", ran.stdout(), ran.stderr());
        let leak = self.windows.iter().find(|window| said.contains(window.as_str()));
        assert_eq!(leak, None, "{what} printed a part of the key:\n{said}");
    }
}

/// Every argument of every command: the words before it, and its option if it has one.
fn arguments(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, Option<String>)>) {
    for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
        found.push((path.to_vec(), argument.get_long().map(|long| format!("--{long}"))));
    }
    for subcommand in command.get_subcommands() {
        let path = [path, &[subcommand.get_name().to_owned()]].concat();
        arguments(subcommand, &path, found);
    }
}

/// The host program has the commands of the same names.
fn programs(fleet: &TestFleet, words: &[String]) -> Vec<Cmd> {
    let host = ["activate", "mount", "plan", "verify"];
    let mut programs = vec![fleet.cmd(words)];
    if words.iter().any(|word| host.contains(&word.as_str())) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_secretctl-host"));
        command.args(words);
        programs.push(fleet.prepare(command));
    }
    programs
}

#[test]
fn a_private_key_in_any_argument_of_any_command_is_not_printed() {
    let fleet = TestFleet::new();
    let mut found = Vec::new();
    let mut command = Cli::command();
    command.build();
    arguments(&command, &[], &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let keys = PrivateKey::all();
    for (number, (path, option)) in found.into_iter().enumerate() {
        // Each key in turn; the next argument has the next one.
        let key = &keys[number % keys.len()];
        let split: Vec<String> = key.text.split_ascii_whitespace().map(str::to_owned).collect();
        let given = match &option {
            Some(option) => vec![
                vec![option.clone(), key.text.clone()],
                vec![format!("{option}={}", key.text)],
                [vec![option.clone()], split].concat(),
            ],
            None => vec![vec![key.text.clone()], vec!["--".to_owned(), key.text.clone()], split],
        };
        for given in given {
            let words = [path.clone(), given].concat();
            for program in programs(&fleet, &words) {
                let ran = program.run();
                key.is_not_in(&ran, &format!("{path:?} {option:?}"));
                assert_ne!(ran.code(), 0, "{path:?} {option:?}: {ran}");
            }
        }
    }
}

#[test]
fn a_private_key_where_another_thing_belongs_is_answered_with_what_to_do() {
    let fleet = TestFleet::new();
    let key = std::fs::read_to_string(KEYS.eve.private()).unwrap();
    let refused = |args: &[&str]| fleet.refuses(args, 2);
    let history = "it is in the history of your shell now";
    for command in ["host", "admin"] {
        refused(&[command, "add", "x", "--recipient", &key]).says(&[
            "error[cli::private_key]: `--recipient` holds a private key itself",
            "PUBLIC half: `--recipient \"$(cat id_ed25519.pub)\"`",
            history,
        ]);
    }
    refused(&["list", "--identity", &key]).says(&["`--identity` holds", "`--identity FILE`", history]);
    refused(&["set", "shared/x", &key]).says(&[
        "an argument holds",
        "`secretctl set NAME --from-file FILE`",
        history,
    ]);
}

#[test]
fn a_private_key_in_a_variable_is_not_printed() {
    let fleet = TestFleet::sealed();
    for key in PrivateKey::all() {
        for name in ["SECRETCTL_FLEET", "SECRETCTL_IDENTITY", "SECRETCTL_SIGNING_KEY"] {
            let cmd = fleet.cmd(["edit", "shared/token"]).env(name, &key.text);
            let ran =
                fleet.refuses_cmd(cmd, 2).says(&[&format!("`{name}` holds a private key itself"), "=FILE`"]);
            key.is_not_in(&ran, name);
        }
        for name in [
            "EDITOR",
            "VISUAL",
            "SOPS_AGE_KEY",
            "SOPS_AGE_KEY_FILE",
            "SSH_AUTH_SOCK",
            "HOME",
            "XDG_CONFIG_HOME",
            "XDG_RUNTIME_DIR",
            "GITHUB_STEP_SUMMARY",
            "PATH",
        ] {
            for args in [&["edit", "shared/token"][..], &["audit"]] {
                let cmd = fleet.cmd(args).without_keys().env(name, &key.text);
                key.is_not_in(&cmd.run(), name);
                // A text that is nearly a key.
                let cmd = fleet.cmd(args).env(name, format!("x{}\nx", key.text));
                key.is_not_in(&cmd.run(), name);
            }
        }
    }
}

#[test]
fn a_private_key_in_a_file_of_the_fleet_is_not_quoted() {
    for key in PrivateKey::all() {
        let (text, line) = (&key.text, key.text.replace('\n', "\\n"));
        for (file, content) in [
            ("secretctl.toml", format!("version = 1\n[recovery]\nrecipients = [\"{line}\"]\n")),
            ("secretctl.toml", format!("version = 1\n[recovery]\nrecipients = [\"\"\"{text}\"\"\"]\n")),
            ("secretctl.toml", format!("version = 1\n[recovery]\nrecipients = [\"{text}\"]\n")),
            ("secretctl.toml", format!("version = 1\n[admins.\"{line}\"]\n")),
            ("policies/access.rhai", format!("allow(\"{line}\");\n")),
            ("policies/access.rhai", format!("allow(`{text}`).hosts(1);\n")),
            ("policies/access.rhai", format!("{text}\n")),
            ("policies/access.rhai", format!("throw \"{line}\";\n")),
        ] {
            let fleet = TestFleet::sealed();
            fleet.write(file, &content);
            for args in [
                &["check"][..],
                &["check", "--format", "json"],
                &["audit", "--format", "json"],
                &["policy", "lint"],
                &["policy", "matrix", "--format", "json"],
                &["host", "list"],
                &["seal"],
            ] {
                key.is_not_in(&fleet.run(args), &format!("{args:?} with {content}"));
            }
        }
    }
}

#[test]
fn a_private_key_in_a_request_is_not_quoted() {
    let fleet = TestFleet::new();
    for key in PrivateKey::all() {
        let line = serde_json::to_string(&key.text).unwrap();
        for request in [
            format!("{{\"version\":{line}}}"),
            format!("{{\"version\":1,\"host\":{line}}}"),
            format!("{{\"version\":1,{line}:1}}"),
            format!(
                "{{\"version\":1,\"host\":\"forge\",\"sealed\":{line},\"trusted_keys\":[{line}],\"identities\":[{line}]}}"
            ),
            key.text.clone(),
        ] {
            fleet.write("request.json", &request);
            for command in ["activate", "plan", "verify"] {
                let words = [command, "--request", "request.json"].map(str::to_owned);
                for program in programs(&fleet, &words) {
                    key.is_not_in(&program.run(), &request);
                }
            }
        }
    }
}

#[test]
fn a_value_among_the_arguments_is_not_echoed() {
    let fleet = TestFleet::sealed();
    let long = format!("--{VALUE}");
    let given = format!("--trim={VALUE}");
    let bad_name = format!("{VALUE}!");
    for args in [
        &["set", "shared/token", VALUE][..],
        &["--fleet", ".", "set", "shared/token", VALUE],
        &["set", "shared/token", "--", VALUE],
        &["set", "shared/token", &long],
        &["set", "shared/token", &given],
        &["set", &bad_name],
        &["edit", "shared/token", VALUE],
    ] {
        let ran = fleet.refuses(args, 2).says(&["it is in the history of your shell now"]);
        assert!(!format!("{ran}").contains("value-needle"), "{args:?}:\n{ran}");
    }
    let ran = fleet.refuses(["set", "shared/token", "--from-file", VALUE], 4);
    assert!(!format!("{ran}").contains("value-needle"), "{ran}");
    fleet.refuses(["set", "shared/token", VALUE], 2).says(&["`printf %s … | secretctl set NAME`"]);
    fleet.refuses(["set", "shared/token", "--trimm"], 2).says(&["the option is spelled `--trim`"]);
    fleet.refuses(["set", &bad_name], 2).says(&["secret name that is not valid"]);
}

#[test]
fn help_and_plain_mistakes_are_shown_as_before() {
    let fleet = TestFleet::new();
    fleet.run(["set", "--help"]).ok().prints(&["Usage: secretctl set [OPTIONS] <SECRET>"]);
    fleet.refuses(["set"], 2).says(&["<SECRET>", "Usage: secretctl set"]);
    fleet.refuses(["sea"], 2).says(&["'sea'", "seal"]);
}
