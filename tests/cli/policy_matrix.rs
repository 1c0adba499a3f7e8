//! `policy matrix` in all its forms, each read back by what people read it with.

use std::fs;
use std::process::Command;

use crate::common::TestFleet;
use crate::common::browser::browse;
use crate::common::browser::probed;
use crate::common::browser::shown;
use crate::common::terminal::Terminal;
use crate::common::tool;

/// A reason that would run in a page which takes texts for markup.
const HOSTILE: &str =
    "</script><script>document.title='run'</script><img src=x onerror=document.title='run'>";

fn fleet() -> TestFleet {
    TestFleet::sealed().policy(
        "allow(\"{host}/{service}/**\");\n\
         allow(\"shared/**\").because(\"=HYPERLINK(\\\"x\\\"), \\\"both\\\"\\nread it\");\n\
         allow(\"forge/sonarr/api-key\").hosts(\"forge\").services(\"restic\").until(\"2027-01-31\");\n",
    )
}

#[test]
fn the_matrix_shows_every_reader_as_text_and_json() {
    let fleet = TestFleet::sealed();
    let ran = fleet.cmd(["policy", "matrix"]).without_keys().run().ok();
    insta::assert_snapshot!(ran.stdout(), @r"
    SECRET                HOSTS       SERVICES
    forge/sonarr/api-key  forge       sonarr
    luna/restic/password  luna        restic
    shared/token          forge luna  every service
    ");
    let matrix = fleet.run(["policy", "matrix", "--host", "luna", "--format", "json"]).ok().json();
    assert_eq!(matrix["version"], 1);
    assert_eq!(matrix["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn filters_narrow_every_format_alike() {
    let fleet = fleet();
    let rows = |args: &[&str]| {
        let args = [&["policy", "matrix", "--format", "json"], args].concat();
        let matrix = fleet.run(args).ok().json();
        let rows = matrix["rows"].as_array().unwrap().clone();
        let row = |row: &serde_json::Value| format!("{} {} {}", row["secret"], row["host"], row["services"]);
        rows.iter().map(row).collect::<Vec<_>>().join("\n").replace('"', "")
    };
    assert_eq!(rows(&["--secret", "{host}/*/*"]).lines().count(), 2);
    assert_eq!(rows(&["--secret", "shared/*", "--host", "luna"]), "shared/token luna [*]");
    // Two services may read it; the rules of the other one are not told.
    let narrowed = rows(&["--service", "restic", "--secret", "forge/**"]);
    assert_eq!(narrowed, "forge/sonarr/api-key forge [restic]");
    let csv =
        fleet.run(["policy", "matrix", "--service", "restic", "--secret", "forge/**", "--format", "csv"]);
    assert_eq!(csv.stdout().lines().count(), 2, "{csv}");
    assert!(csv.stdout().contains(",restic,2027-01-31T23:59:59Z,policies/access.rhai:3:1,"), "{csv}");
    fleet.run(["policy", "matrix", "--secret", "a//b"]).with_code(2).says(&["empty segment", "`**`"]);
    fleet.run(["policy", "matrix", "--secret", "absent"]).ok().says(&["no rule allows that"]);
}

#[test]
fn a_csv_reader_gets_back_every_service_and_no_formula() {
    let fleet = fleet();
    let csv = fleet.run(["policy", "matrix", "--format", "csv"]).ok().stdout();
    assert!(csv.lines().count() > 1 && csv.split("\r\n").count() == 7, "{csv:?}");
    let script = "import csv,json,sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline=''), strict=True))))";
    let file = fleet.outside().join("matrix.csv");
    fs::write(&file, &csv).unwrap();
    let output = Command::new(tool("python3")).args(["-c", script]).arg(&file).output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |nth: usize| &rows[nth];
    assert_eq!(rows.as_array().unwrap().len(), 5);
    assert_eq!(
        (&row(0)["service"], &row(0)["rules"]),
        (&"restic".into(), &"policies/access.rhai:3:1".into())
    );
    assert_eq!(
        (&row(1)["service"], &row(1)["rules"]),
        (&"sonarr".into(), &"policies/access.rhai:1:1".into())
    );
    assert_eq!((&row(3)["secret"], &row(3)["service"]), (&"shared/token".into(), &"*".into()));
    assert_eq!(row(3)["because"], "'=HYPERLINK(\"x\"), \"both\"\\nread it");
}

#[test]
fn a_shared_address_shows_the_filtered_rows_only() {
    let fleet = fleet();
    let page = fleet.run(["policy", "matrix", "--format", "html"]).ok().stdout();
    let whole = shown(&fleet, &page, "");
    assert!(whole.contains("3 secrets, 2 hosts"), "{whole}");
    for (query, rows, count) in [
        ("q=luna", vec!["luna/restic/password", "shared/token"], "2 of 3 secrets, 1 of 2 hosts"),
        ("q=host%3Aforge", vec!["forge/sonarr/api-key", "shared/token"], "2 of 3 secrets, 1 of 2 hosts"),
        ("q=RESTIC%20password", vec!["luna/restic/password"], "1 of 3 secrets, 1 of 2 hosts"),
        ("q=secret%3Arestic", vec!["luna/restic/password"], "1 of 3 secrets, 1 of 2 hosts"),
        ("q=nowhere", vec![], "0 of 3 secrets, 0 of 2 hosts"),
    ] {
        let text = shown(&fleet, &page, query);
        let found: Vec<&str> = ["forge/sonarr/api-key", "luna/restic/password", "shared/token"]
            .into_iter()
            .filter(|secret| text.contains(&format!("<th scope=\"row\">{secret}</th>")))
            .collect();
        assert_eq!(found, rows, "{query}");
        assert!(text.contains(count), "{query}");
    }
}

#[test]
fn no_text_of_a_policy_runs_in_the_page() {
    let fleet = TestFleet::sealed();
    let policy = format!("allow(\"**\").because(\"{HOSTILE}\");\n");
    let fleet = fleet.policy(&policy);
    let page = fleet.run(["policy", "matrix", "--format", "html"]).ok().stdout();
    assert!(!page.contains("<img") && page.contains("Content-Security-Policy"));
    // Every cell is opened, so that every text is shown once.
    let probe = "document.querySelectorAll('td.grant').forEach((cell) => cell.focus())";
    let opened = probed(&page, probe);
    let told = shown(&fleet, &opened, "");
    assert!(told.contains("because &lt;/script&gt;&lt;script&gt;"), "the reason is not shown:\n{told}");
    assert!(told.contains("<title>Who may read what</title>"), "a text of the policy ran");
    // And a script that got in all the same would have no right to run.
    let injected = page.replace("<main>", "<main><script>document.title='run'</script>");
    assert!(!shown(&fleet, &injected, "").contains("<title>run</title>"));
}

#[test]
fn keys_move_between_grants_and_tell_services_end_and_rules() {
    let fleet = fleet();
    let page = fleet.run(["policy", "matrix", "--format", "html"]).ok().stdout();
    let probe = "const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));\
        press('/'); press('ArrowDown'); press('ArrowDown');\
        const second = document.querySelector('#details h2').textContent; press('ArrowUp');\
        document.title = second + ' then ' + document.querySelector('#details h2').textContent;";
    let shown = shown(&fleet, &probed(&page, probe), "");
    assert!(shown.contains("<title>shared/token then forge/sonarr/api-key</title>"), "{shown}");
    for part in ["<h3>restic</h3>", "<h3>sonarr</h3>", "2027-01-31", "policies/access.rhai:3:1"] {
        assert!(shown.contains(part), "{part} is not told:\n{shown}");
    }
}

#[test]
fn a_page_on_paper_lists_every_reader() {
    let fleet = fleet();
    let page = fleet.run(["policy", "matrix", "--format", "html"]).ok().stdout();
    let file = fleet.outside().join("matrix.pdf");
    browse(&fleet, &page, "", &["--no-pdf-header-footer", &format!("--print-to-pdf={}", file.display())]);
    let pdf = fs::read(&file).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    // What is printed is what the page builds for printing.
    let probe = "dispatchEvent(new Event('beforeprint'))";
    let shown = shown(&fleet, &probed(&page, probe), "");
    assert!(shown.contains("<td>shared/token</td><td>forge, luna</td><td>every service</td>"), "{shown}");
}

#[test]
fn a_terminal_gets_lines_that_fit_and_names_that_are_whole() {
    let fleet = TestFleet::sealed();
    let mut policy = String::from("allow(\"shared/**\").hosts(any_host()).services([");
    policy.push_str(&(10..40).map(|n| format!("\"service-{n}\"")).collect::<Vec<_>>().join(", "));
    let fleet = fleet.policy(&format!("{policy}]);\n"));
    let long = format!("shared/{}", "x".repeat(100));
    fleet.set(&long, "value").ok();
    let bin = crate::common::BIN;
    let script = format!(
        "{bin} policy matrix | cat > plain; {bin} policy matrix; echo =====; {bin} policy matrix --full; echo done"
    );
    let terminal = Terminal::run(&fleet, &[], &script);
    terminal.shows("done");
    let screen = terminal.screen();
    let (fitted, full) = screen.split_once("=====").unwrap();
    assert!(fitted.contains("service-10 service-11") && fitted.contains("more"), "{screen}");
    assert!(!fitted.contains("service-39") && fitted.contains(&long), "{screen}");
    assert!(fitted.lines().all(|line| line.chars().count() <= 120), "{screen}");
    assert!(full.contains("service-39"), "{screen}");
    assert!(fleet.text("plain").contains("service-39"), "what goes to a program is whole");
}
