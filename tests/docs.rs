//! Holds the documentation: generated pages are current, links lead somewhere, and the tutorial runs.
#![expect(clippy::disallowed_methods, clippy::string_slice, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Compares a generated page with the one in the tree; `scripts/docs` sets the variable that rewrites it.
fn current(page: &str, text: &str) {
    let path = root().join(page);
    if std::env::var_os("SECRETCTL_WRITE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "{page} is not current: run scripts/docs");
}

#[test]
fn the_command_line_page_is_current() {
    current("docs/reference/cli.md", &secretctl::cli::reference::page());
}

#[test]
fn the_page_of_policy_functions_is_current() {
    current("docs/reference/policy-functions.md", &secretctl::policy::reference::page());
}

#[test]
fn the_definitions_for_editors_are_current() {
    current("docs/reference/secretctl.d.rhai", &secretctl::policy::reference::definitions());
}

/// The text between the quotes that open at the start of `rest`.
fn quoted(rest: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.trim_start().strip_prefix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    None
}

/// Whether this looks like `area::kind` and not like a path of Rust.
fn is_code(text: &str) -> bool {
    let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    text.split_once("::").is_some_and(|(area, kind)| word(area) && word(kind))
}

/// Every code in the sources with the files that name it.
fn codes_by_file() -> BTreeMap<String, Vec<PathBuf>> {
    let mut codes: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files(&root().join("src"), "rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("\nmod tests {").next().unwrap();
        let inner = text.match_indices("code(").map(|(at, found)| {
            text[at + found.len()..].chars().take_while(|c| *c != ')').collect::<String>()
        });
        let quoted = text.match_indices('"').filter_map(|(at, _)| quoted(&text[at..]));
        for code in inner.chain(quoted).filter(|text| is_code(text)) {
            let relative = file.strip_prefix(root()).unwrap().to_owned();
            codes.entry(code).or_default().push(relative);
        }
    }
    codes
}

/// Every code in the sources with the message it stands for, where the source has one text for it.
fn codes() -> BTreeMap<String, String> {
    let mut codes: BTreeMap<String, String> = BTreeMap::new();
    let of_tests = |file: &PathBuf| {
        file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
    };
    for file in files(&root().join("src"), "rs").into_iter().filter(|file| !of_tests(file)) {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("\nmod tests {").next().unwrap();
        for (at, found) in text.match_indices("code(") {
            let code: String = text[at + found.len()..].chars().take_while(|c| *c != ')').collect();
            if is_code(&code) {
                let before = &text[..at];
                let message =
                    before.rfind("#[error(").and_then(|e| quoted(&before[e + 8..])).unwrap_or_default();
                codes.insert(code, message);
            }
        }
        for (at, _) in text.match_indices('"') {
            if let Some(code) = quoted(&text[at..]).filter(|text| is_code(text)) {
                codes.entry(code).or_default();
            }
        }
    }
    codes
}

#[test]
fn every_code_is_on_its_page() {
    let mut page = String::from(
        "# Codes\n\nEvery error and finding has a stable code. Made from the sources by `scripts/docs`; a test keeps it current.\n\n\
         | code | message |\n| --- | --- |\n",
    );
    for (code, message) in codes() {
        let message = message.replace('|', "\\|").replace("{}", "…");
        writeln!(page, "| `{code}` | {message} |").unwrap();
    }
    current("docs/reference/codes.md", &page);
}

#[test]
fn the_page_of_findings_is_current() {
    current("docs/reference/findings.md", &secretctl::diag::catalogue::page());
}

#[test]
fn every_code_that_check_and_audit_can_tell_is_on_the_page_of_findings() {
    let known: BTreeSet<&str> = secretctl::diag::catalogue::kinds().map(|kind| kind.code).collect();
    let all = codes();
    let gone: Vec<&&str> = known.iter().filter(|code| !all.contains_key(**code)).collect();
    assert!(gone.is_empty(), "nothing tells {gone:?} any more");
    // Where findings are made, and the errors of what they look at, which become findings.
    let sources = [
        "src/ops/audit",
        "src/ops/audit.rs",
        "src/ops/check",
        "src/ops/check.rs",
        "src/ops/history",
        "src/ops/history.rs",
        "src/ops/values.rs",
        "src/ledger/error.rs",
        "src/store/source.rs",
        "src/host/request.rs",
        "src/host/request",
        "src/policy/error.rs",
    ];
    // Errors of these files that stop the command, or that only commands with a key or on a host can meet.
    let never = [
        "baseline::malformed",
        "baseline::version",
        "baseline::always",
        "store::decrypt",
        "store::seal",
        "store::encrypt",
    ];
    let mut missing = Vec::new();
    for (code, files) in codes_by_file() {
        let told = files.iter().any(|file| sources.iter().any(|source| file.starts_with(source)));
        if told && !never.contains(&code.as_str()) && !known.contains(code.as_str()) {
            missing.push(code);
        }
    }
    assert!(missing.is_empty(), "not on the page of findings: {missing:?}");
}

#[test]
fn every_command_that_a_message_or_page_names_exists() {
    let commands = secretctl::cli::reference::commands();
    let mut texts = files(&root().join("src"), "rs");
    texts.extend(files(&root().join("docs"), "md"));
    texts.push(root().join("README.md"));
    let mut unknown = Vec::new();
    for file in texts {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, found) in text.match_indices("`secretctl ") {
            let rest: String = text[at + found.len()..]
                .chars()
                .take_while(|c| !matches!(c, '`' | '\n' | '{' | '"'))
                .collect();
            let mut words = rest.split(' ').filter(|word| !word.is_empty());
            let Some(first) = words.next().filter(|word| word.chars().all(|c| c.is_ascii_lowercase())) else {
                continue;
            };
            let known = commands.get(first).is_some_and(|below| {
                below.is_empty()
                    || words.next().is_none_or(|second| below.contains(&second.to_owned()) || second == "…")
            });
            if !known {
                unknown.push(format!("{}: secretctl {rest}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(["README.md", "SECURITY.md", "CHANGELOG.md"].map(|page| root().join(page)));
    let mut broken = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for (at, _) in text.match_indices("](") {
            let target: String = text[at + 2..].chars().take_while(|c| *c != ')').collect();
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !target.contains("://") && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The shell blocks of a page; those marked `sh root` only as root, which CI is.
fn shell_blocks(page: &str) -> String {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut script = String::from("set -euo pipefail\n");
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```sh" | "```sh root" => inside = true,
            "```" => inside = false,
            line if inside => writeln!(script, "{line}").unwrap(),
            _ => {}
        }
    }
    script
}

#[test]
fn the_first_tutorial_runs_as_it_is_written() {
    let said = run_page("docs/tutorial/first-fleet.md");
    assert!(said.ends_with("correct horse battery staple"), "{said}");
}

#[test]
fn the_tutorial_of_policies_runs_as_it_is_written() {
    let said = run_page("docs/tutorial/policy.md");
    for part in [
        "denied by deny(\"prod/**\")",
        "caddy",
        "FAIL dashboards read the database, on forge alone",
        "FAIL never(\"prod/**\")",
        "(100 %)",
        "0 errors, 0 warnings",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

/// Runs the shell blocks of a page in an empty folder with a home of its own; gives what they printed.
fn run_page(page: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("tutorial.sh");
    std::fs::write(&script, shell_blocks(page)).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_secretctl")).parent().unwrap();
    let ran = Command::new("bash")
        .arg(&script)
        .current_dir(place.path())
        .env_clear()
        .env("HOME", place.path())
        .env("PATH", format!("{}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()))
        .env("GIT_AUTHOR_NAME", "you")
        .env("GIT_AUTHOR_EMAIL", "you@example.org")
        .env("GIT_COMMITTER_NAME", "you")
        .env("GIT_COMMITTER_EMAIL", "you@example.org")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{err}");
    out.into_owned()
}
