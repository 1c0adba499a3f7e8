//! `policy diff`: what a reviewer is told about who gains and who loses access.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::Cmd;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

/// A fleet in Git: hosts `forge` and `luna`, three secrets, two rules, committed on `main`.
fn committed() -> TestFleet {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["sonarr"])
        .host_with("luna", &KEYS.luna, &["restic", "sonarr"])
        .policy("allow(\"{host}/{service}/**\");\nallow(\"shared/token\").hosts(\"forge\").because(\"it asks\");\n");
    for name in ["forge/sonarr/api-key", "luna/restic/password", "shared/token"] {
        source(&fleet, name);
    }
    git(&fleet, &fleet.root(), &["init", "--quiet", "--initial-branch=main"]);
    commit(&fleet, "start");
    fleet
}

/// A secret as far as access is concerned: its name is all that a comparison looks at.
fn source(fleet: &TestFleet, name: &str) {
    fleet.write(&format!("secrets/{name}.age"), "not opened by any of these commands");
}

fn git(fleet: &TestFleet, folder: &Path, args: &[&str]) -> String {
    let mut cmd = as_author(fleet.prepare(Command::new(tool("git"))));
    cmd.command.args(args).current_dir(folder);
    cmd.run().ok().stdout().trim().to_owned()
}

fn as_author(cmd: Cmd) -> Cmd {
    ["AUTHOR", "COMMITTER"].into_iter().fold(cmd, |cmd, who| {
        let cmd =
            cmd.env(&format!("GIT_{who}_NAME"), "test").env(&format!("GIT_{who}_EMAIL"), "test@example.org");
        cmd.env(&format!("GIT_{who}_DATE"), "2026-11-20T10:00:00Z")
    })
}

fn commit(fleet: &TestFleet, message: &str) {
    git(fleet, &fleet.root(), &["add", "--all", "."]);
    git(fleet, &fleet.root(), &["commit", "--quiet", "--allow-empty", "--message", message]);
}

/// `policy diff` with these arguments and no key at hand.
fn diff(fleet: &TestFleet, args: &[&str]) -> Ran {
    fleet.cmd(["policy", "diff"].iter().chain(args)).without_keys().run()
}

/// What a report says, with the identifiers of commits, which depend on random keys, replaced.
fn steady(text: &str) -> String {
    let hexadecimal = |word: &str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut steady = text.to_owned();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| hexadecimal(word)) {
        steady = steady.replace(word, "COMMIT");
    }
    steady.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Every pair in one list of the JSON report, as `secret host`.
fn pairs(ran: &Ran, list: &str) -> Vec<String> {
    let json = ran.json();
    let word = |change: &serde_json::Value, field: &str| change[field].as_str().unwrap().to_owned();
    let changes = json[list].as_array().unwrap().iter();
    changes.map(|change| format!("{} {}", word(change, "secret"), word(change, "host"))).collect()
}

#[test]
fn nothing_changed_is_one_sentence_and_exit_0() {
    let fleet = committed();
    insta::assert_snapshot!(steady(&diff(&fleet, &[]).ok().stdout()), @r"nobody gains or loses access between `HEAD` (COMMIT) and the working tree");
    insta::assert_snapshot!(steady(&diff(&fleet, &["main", "HEAD", "--format", "markdown"]).ok().stdout()), @r"Nobody gains or loses access between `main` (`COMMIT`) and `HEAD` (`COMMIT`).");
}

#[test]
fn the_text_groups_gains_and_losses_with_the_rule_behind_them() {
    let fleet = everything_changes();
    let ran = diff(&fleet, &[]).with_code(1);
    insta::assert_snapshot!(steady(&ran.stdout()), @r#"
    between `HEAD` (COMMIT) and the working tree: 9 gained, 2 lost, 1 end changed

    gained
    + luna (new secret)
        luna/restic/* (8)  restic
        allow("{host}/{service}/**") at policies/access.rhai:1:1
    + luna
        shared/token  restic
        allow("shared/**") at policies/access.rhai:2:1
          because backups

    lost
    - forge (denied now)
        forge/sonarr/api-key  sonarr
        deny("forge/**") at policies/access.rhai:3:1
          because it is sold
    - forge (no longer allowed)
        shared/token  every service but restic
        was allow("shared/token") at policies/access.rhai:2:1
          because it asks

    other ends
    ~ forge
        shared/token  restic  no end → 2027-01-31T23:59:59Z
        allow("shared/**") at policies/access.rhai:2:1
          because backups
    "#);
}

#[test]
fn the_markdown_is_ready_for_a_pull_request() {
    let fleet = everything_changes();
    let ran = diff(&fleet, &["--format", "markdown"]).with_code(1);
    insta::assert_snapshot!(steady(&ran.stdout()), @r"
    ### Access: 9 gained, 2 lost, 1 end changed

    `HEAD` (`COMMIT`) → the working tree

    **Gained**

    | hosts              | secrets             | services | through                                  |
    | ------------------ | ------------------- | -------- | ---------------------------------------- |
    | `luna`, new secret | `luna/restic/*` (8) | `restic` | `policies/access.rhai:1`                 |
    | `luna`             | `shared/token`      | `restic` | `policies/access.rhai:2` because backups |

    <details><summary>All 9 pairs that are gained</summary>

    | secret               | services | hosts  |
    | -------------------- | -------- | ------ |
    | `luna/restic/repo-0` | `restic` | `luna` |
    | `luna/restic/repo-1` | `restic` | `luna` |
    | `luna/restic/repo-2` | `restic` | `luna` |
    | `luna/restic/repo-3` | `restic` | `luna` |
    | `luna/restic/repo-4` | `restic` | `luna` |
    | `luna/restic/repo-5` | `restic` | `luna` |
    | `luna/restic/repo-6` | `restic` | `luna` |
    | `luna/restic/repo-7` | `restic` | `luna` |
    | `shared/token`       | `restic` | `luna` |

    </details>

    **Lost**

    | hosts                      | secrets                | services                   | through                                      |
    | -------------------------- | ---------------------- | -------------------------- | -------------------------------------------- |
    | `forge`, denied now        | `forge/sonarr/api-key` | `sonarr`                   | `policies/access.rhai:3` because it is sold  |
    | `forge`, no longer allowed | `shared/token`         | every service but `restic` | was `policies/access.rhai:2` because it asks |

    **Other ends**

    | host    | secret         | services | ends                          | through                                  |
    | ------- | -------------- | -------- | ----------------------------- | ---------------------------------------- |
    | `forge` | `shared/token` | `restic` | no end → 2027-01-31T23:59:59Z | `policies/access.rhai:2` because backups |
    ");
}

/// One change of each kind in the working tree.
fn everything_changes() -> TestFleet {
    let fleet = committed();
    fleet.write(
        "policies/access.rhai",
        "allow(\"{host}/{service}/**\");\n\
         allow(\"shared/**\").hosts(any_host()).services(\"restic\").until(\"2027-01-31\").because(\"backups\");\n\
         deny(\"forge/**\").hosts(\"forge\").because(\"it is sold\");\n",
    );
    for number in 0..8 {
        source(&fleet, &format!("luna/restic/repo-{number}"));
    }
    fleet
}

#[test]
fn exit_codes_follow_fail_on() {
    let (gains, losses) = (committed(), committed());
    gains.append("policies/access.rhai", "allow(\"shared/token\").hosts(\"luna\");\n");
    losses.append("policies/access.rhai", "deny(\"shared/token\");\n");
    for (fail_on, gained, lost) in [("gained", 1, 0), ("lost", 0, 1), ("any", 1, 1), ("never", 0, 0)] {
        for format in ["text", "json", "markdown"] {
            diff(&gains, &["--fail-on", fail_on, "--format", format]).with_code(gained);
            diff(&losses, &["--fail-on", fail_on, "--format", format]).with_code(lost);
        }
    }
    diff(&gains, &[]).with_code(1);
    diff(&losses, &[]).with_code(0);
}

#[test]
fn a_longer_grant_counts_as_gained_and_a_shorter_one_as_lost() {
    let fleet = committed();
    let rule = |end: &str| format!("allow(\"shared/token\").hosts(\"luna\").until(\"{end}\");\n");
    fleet.write("policies/access.rhai", rule("2026-12-01"));
    commit(&fleet, "until december");
    fleet.write("policies/access.rhai", rule("2027-12-01"));
    let ran = diff(&fleet, &["--format", "json"]).with_code(1);
    assert_eq!(pairs(&ran, "ends"), ["shared/token luna"]);
    assert_eq!((pairs(&ran, "gained").len(), pairs(&ran, "lost").len()), (0, 0));
    fleet.write("policies/access.rhai", rule("2026-11-25"));
    diff(&fleet, &[]).with_code(0).prints(&["other ends", "2026-11-25"]);
    diff(&fleet, &["--fail-on", "lost"]).with_code(1);
}

#[test]
fn a_host_that_goes_dormant_loses_and_one_that_comes_gains() {
    let fleet = committed();
    fleet.replace("secretctl.toml", "[hosts.luna]\n", "[hosts.luna]\nstate = \"dormant\"\n");
    let ran = diff(&fleet, &["--format", "json"]).with_code(0);
    assert_eq!(pairs(&ran, "lost"), ["luna/restic/password luna"]);
    assert_eq!(ran.json()["lost"][0]["cause"], "host-deactivated");
    commit(&fleet, "luna sleeps");
    let ran = diff(&fleet, &["HEAD", "HEAD~1", "--format", "json"]).with_code(1);
    assert_eq!(pairs(&ran, "gained"), ["luna/restic/password luna"]);
    assert_eq!(ran.json()["gained"][0]["state"], "dormant");
}

#[test]
fn a_new_host_with_much_access_is_a_few_lines() {
    let fleet = committed();
    let rule = "for h in fleet.hosts { if h.tags.contains(\"edge\") { allow(\"shared/**\").hosts(h); } }\n";
    fleet.write("policies/access.rhai", rule);
    for number in 0..200 {
        source(&fleet, &format!("shared/{number:03}"));
    }
    commit(&fleet, "many");
    fleet.run(["host", "add", "sando", "--tag", "edge", "--recipient", &KEYS.nova.public()]).ok();
    let ran = diff(&fleet, &[]).with_code(1).prints(&["201 gained", "+ sando (new host)", "shared/* (201)"]);
    assert!(ran.stdout().lines().count() < 12, "{ran}");
    let full = diff(&fleet, &["--full"]).with_code(1).prints(&["shared/000", "shared/199"]);
    assert!(full.stdout().lines().count() > 200, "{full}");
    let markdown = diff(&fleet, &["--format", "markdown"]).with_code(1);
    let markdown =
        markdown.prints(&["`shared/*` (201)", "<details><summary>All 201 pairs", "and 51 more lines"]);
    assert!(markdown.stdout().len() < 65_536, "{}", markdown.stdout().len());
}

#[test]
fn a_new_host_with_many_services_is_one_line_of_a_table() {
    let fleet = committed();
    let key = KEYS.nova.public();
    let services: Vec<String> = (0..9).map(|number| format!("app{number}")).collect();
    let mut add = vec!["host", "add", "nova", "--recipient", &key];
    services.iter().for_each(|service| add.extend(["--service", service]));
    fleet.run(add).ok();
    services.iter().for_each(|service| source(&fleet, &format!("nova/{service}/key")));
    let text = diff(&fleet, &[]).with_code(1);
    text.prints(&["    nova/** (9)", "each for one of app0, app1, app2 and 6 more services"]);
    let markdown = diff(&fleet, &["--format", "markdown"]).with_code(1);
    markdown.prints(&[
        "| `nova`, new host | `nova/**` (9) | `app0`, `app1`, `app2`, 6 more | `policies/access.rhai:1` |",
        "| `nova/app8/key` | `app8`   | `nova` |",
    ]);
    diff(&fleet, &["--full"]).with_code(1).prints(&["nova/app8/key  app8"]);
}

#[test]
fn a_new_secret_of_every_host_is_one_group() {
    let fleet = committed();
    fleet.write("policies/access.rhai", "allow(\"shared/**\");\n");
    commit(&fleet, "all");
    source(&fleet, "shared/new");
    let ran = diff(&fleet, &[]).with_code(1).prints(&["+ forge, luna (new secret)"]);
    assert_eq!(ran.stdout().matches("shared/new").count(), 1, "{ran}");
}

#[test]
fn a_host_that_gets_another_key_is_another_reader() {
    let fleet = committed();
    fleet.replace("secretctl.toml", &KEYS.luna.public(), &KEYS.nova.public());
    let ran = diff(&fleet, &[]).with_code(1);
    ran.prints(&["1 owner with other keys", "~ host luna", "    + ssh-ed25519 ", "    - ssh-rsa "]);
}

#[test]
fn a_branch_is_compared_with_where_it_left() {
    let fleet = committed();
    git(&fleet, &fleet.root(), &["switch", "--quiet", "--create", "feature"]);
    source(&fleet, "shared/token-2");
    fleet.append("policies/access.rhai", "allow(\"shared/token-2\").hosts(\"forge\");\n");
    commit(&fleet, "feature");
    git(&fleet, &fleet.root(), &["switch", "--quiet", "main"]);
    source(&fleet, "luna/restic/other");
    commit(&fleet, "main goes on");
    git(&fleet, &fleet.root(), &["tag", "v1"]);

    let since = diff(&fleet, &["main...feature", "--format", "json"]).with_code(1);
    assert_eq!(
        (pairs(&since, "gained"), pairs(&since, "lost").len()),
        (vec!["shared/token-2 forge".to_owned()], 0)
    );
    let direct = diff(&fleet, &["v1..feature", "--format", "json"]).with_code(1);
    assert_eq!(pairs(&direct, "lost"), ["luna/restic/other luna"]);
    let two = diff(&fleet, &["v1", "feature", "--format", "json"]).with_code(1);
    assert_eq!(two.json()["lost"], direct.json()["lost"]);
    let one = diff(&fleet, &["HEAD~1", "--format", "json"]).with_code(1);
    assert_eq!(pairs(&one, "gained"), ["luna/restic/other luna"]);
}

#[test]
fn a_fleet_in_a_subfolder_is_found_from_everywhere() {
    let fleet = committed();
    fs::remove_dir_all(fleet.path(".git")).unwrap();
    let top = fleet.outside().to_owned();
    git(&fleet, &top, &["init", "--quiet", "--initial-branch=main"]);
    commit(&fleet, "start");
    fleet.append("policies/access.rhai", "allow(\"shared/token\").hosts(\"luna\");\n");
    diff(&fleet, &[]).with_code(1).prints(&["1 gained", "policies/access.rhai:3"]);
    diff(&fleet, &["HEAD", "HEAD"]).ok();
    let from_above = |cmd: &mut Cmd, folder: &str| {
        cmd.command.arg("--fleet").arg(fleet.root()).current_dir(fleet.outside().join(folder));
    };
    for folder in ["", "home", "fleet/policies"] {
        let mut cmd = fleet.cmd(["policy", "diff"]);
        from_above(&mut cmd, folder);
        cmd.run().with_code(1).prints(&["1 gained"]);
    }
    // As in a hook, where variables name the repository and the work tree starts at the current folder.
    for git_dir in [".git".to_owned(), top.join(".git").display().to_string()] {
        let mut cmd = fleet.cmd(["policy", "diff"]).env("GIT_DIR", git_dir);
        from_above(&mut cmd, "");
        cmd.run().with_code(1).prints(&["1 gained"]);
    }
}

#[test]
fn what_is_no_revision_is_named_and_never_taken_for_an_option() {
    let fleet = committed();
    for revision in [
        "nope",
        "HEAD~9",
        "^main",
        "--all",
        "--output=x",
        "main:policies",
        "",
        " ",
        "a\nb",
        "--upload-pack=touch x",
    ] {
        let ran = fleet.refuses(["policy", "diff", "--", revision], 2);
        ran.says(&["error[git::revision]: there is no revision `"]);
    }
    diff(&fleet, &["nope...main"]).with_code(2).says(&["`nope`", "fetch all of it"]);
    git(&fleet, &fleet.root(), &["switch", "--quiet", "--orphan", "apart"]);
    git(&fleet, &fleet.root(), &["commit", "--quiet", "--allow-empty", "--message", "apart"]);
    git(&fleet, &fleet.root(), &["checkout", "--quiet", "main", "--", "."]);
    diff(&fleet, &["main...apart"]).with_code(2).says(&["error[git::no_merge_base]"]);
    diff(&fleet, &["apart"]).with_code(2).says(&["error[git::no_fleet]: revision `apart`"]);
}

#[test]
fn without_a_repository_or_without_git_the_way_out_is_told() {
    let fleet = TestFleet::new();
    diff(&fleet, &[]).with_code(2).says(&["error[git::no_repository]", "git init"]);
    git(&fleet, &fleet.root(), &["init", "--quiet"]);
    diff(&fleet, &[]).with_code(2).says(&["there is no revision `HEAD`"]);
    let none = fleet.cmd(["policy", "diff"]).env("PATH", fleet.home()).run();
    none.with_code(4).says(&["error[git::missing]: there is no `git` on the path"]);
}

#[test]
fn a_side_that_does_not_load_is_named_with_the_place() {
    let fleet = committed();
    fleet.append("policies/access.rhai", "alow(\"x\");\n");
    commit(&fleet, "mistake");
    diff(&fleet, &["HEAD", "HEAD~1"]).with_code(2).says(&[
        "error[git::policy]: the policy in revision `HEAD` does not load",
        "error[policy::unknown_function]",
        "policies/access.rhai:3:1",
    ]);
    diff(&fleet, &["HEAD~1"])
        .with_code(2)
        .says(&["error[policy::unknown_function]", "policies/access.rhai:3:1"]);
}

#[test]
fn a_fleet_with_a_mistake_in_a_revision_is_named_with_the_place() {
    let fleet = committed();
    fleet.append("secretctl.toml", "\n[hosts.x]\nnonsense = 1\n");
    commit(&fleet, "mistake");
    diff(&fleet, &["HEAD", "HEAD~1"]).with_code(2).says(&[
        "error[git::fleet]: the fleet in revision `HEAD` does not load",
        "secretctl.toml:",
        "nonsense",
    ]);
}

#[test]
fn a_linked_or_huge_policy_of_a_revision_is_refused() {
    let fleet = committed();
    std::os::unix::fs::symlink("access.rhai", fleet.path("policies/linked.rhai")).unwrap();
    commit(&fleet, "linked");
    fleet.remove("policies/linked.rhai");
    diff(&fleet, &[])
        .with_code(2)
        .says(&["error[git::not_a_file]", "`policies/linked.rhai` in `HEAD` is a link"]);
    fleet.write("policies/large.rhai", " ".repeat((1 << 20) + 1));
    commit(&fleet, "large");
    fleet.remove("policies/large.rhai");
    diff(&fleet, &[]).with_code(2).says(&["error[git::too_large]", "`policies/large.rhai` in `HEAD`"]);
    fleet.write("policies/latin.rhai", b"// \xe9\n");
    commit(&fleet, "latin");
    fleet.remove("policies/latin.rhai");
    diff(&fleet, &[]).with_code(2).says(&["error[git::not_text]", "policies/latin.rhai"]);
}

#[test]
fn nothing_that_a_rule_or_file_is_called_breaks_out_of_the_report() {
    let fleet = committed();
    fleet.write(
        "policies/a|b`<img src=x>@ops\n| c |.rhai",
        "allow(\"shared/token\").hosts(\"luna\").because(\"x | y\\n\\n# z </details> `q` @everyone [a](b) \\u001b[2J\");\n",
    );
    let name = "a|b`@ops<i>";
    git(&fleet, &fleet.root(), &["branch", name]);
    let ran = diff(&fleet, &[name, "--format", "markdown"]).with_code(1);
    insta::assert_snapshot!(steady(&ran.stdout()).replace('\u{200b}', "[U+200B]"), @r"
    ### Access: 1 gained

    <code>a&#124;b&#96;&#64;ops&#60;i&#62;</code> (`COMMIT`) → the working tree

    **Gained**

    | hosts  | secrets        | services      | through |
    | ------ | -------------- | ------------- | ------- |
    | `luna` | `shared/token` | every service | <code>policies/a&#124;b&#96;&#60;img src&#61;x&#62;&#64;ops &#124; c &#124;.rhai:1</code> because x &#124; y #[U+200B] z &#60;/details&#62; &#96;q&#96; @[U+200B]everyone &#91;a&#93;(b) &#92;u{1b}&#91;2J |
    ");
    let text = diff(&fleet, &[name]).with_code(1);
    assert!(!text.stdout().contains('\u{1b}'), "{text}");
    assert_eq!(
        text.stdout().lines().filter(|line| line.starts_with('|') || line.starts_with('#')).count(),
        0,
        "{text}"
    );
}

#[test]
fn a_comparison_writes_nothing() {
    let fleet = everything_changes();
    let before = fleet.whole_tree();
    diff(&fleet, &["--format", "json"]).with_code(1);
    assert_eq!(fleet.whole_tree().changed_since(&before), [""; 0]);
}
