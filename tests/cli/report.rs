//! `report`: one page, opened and clicked through in a browser.

use std::fs;

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::browser::browse;
use crate::common::browser::probed;
use crate::common::browser::shown;

/// A reason that would run in a page which takes texts for markup.
const HOSTILE: &str =
    "</script><script>document.title='run'</script><img src=x onerror=document.title='run'>";

/// What a script of a test may use: keys, waiting, and where the result goes.
const PRELUDE: &str = "const press = (key, more) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, ...more}));\
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));\
    const write = (text) => { const field = document.getElementById('filter'); field.value = text; field.dispatchEvent(new Event('input')); };\
    const told = []; const note = (what) => told.push(String(what)); const text = (of) => document.querySelector(of).textContent;";

/// A fleet with something in every section: bob left, one value is overdue, one rule gives nothing.
fn fleet() -> TestFleet {
    let fleet = TestFleet::sealed().policy(&format!(
        "allow(\"{{host}}/{{service}}/**\");\n\
         allow(\"shared/**\").because(\"{HOSTILE}\");\n\
         allow(\"old/**\").hosts(\"forge\");\n\
         deny(\"luna/**\").hosts(\"luna\").services(\"sonarr\");\n\
         rotate(\"shared/token\").every(\"30d\").owner(\"alice\").runbook(\"javascript:document.title='run'\");\n\
         rotate(\"luna/**\").every(\"1y\");\n",
    ));
    let (bob, key) = (KEYS.bob.public(), KEYS.bob.public_file());
    fleet.run(["--signing-key", key.to_str().unwrap(), "admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    fleet
        .cmd(["set", "forge/sonarr/api-key"])
        .at("2026-12-24T00:00:00Z")
        .stdin("a value bob never saw")
        .run()
        .ok();
    fleet
}

fn page(fleet: &TestFleet, more: &[&str]) -> String {
    let args = [&["report", "--at", "2027-01-15"], more].concat();
    fleet.cmd(args).without_keys().run().ok().stdout()
}

/// Runs `steps` in the page; gives what they noted.
fn clicked(fleet: &TestFleet, page: &str, address: &str, steps: &str) -> String {
    let script =
        format!("{PRELUDE}(async () => {{ {steps} document.body.dataset.told = told.join(' | '); }})();");
    let dom = shown(fleet, &probed(page, &script), address);
    let told = dom.split("data-told=\"").nth(1).unwrap_or_else(|| panic!("the steps did not end:\n{dom}"));
    told.split('"').next().unwrap().replace("&amp;", "&")
}

#[test]
fn every_section_tells_its_part_and_none_complains() {
    let fleet = fleet();
    let page = page(&fleet, &[]);
    for (address, parts) in [
        ("", vec!["<strong>2</strong><span>exposures</span>", "<strong>1</strong><span>overdue</span>"]),
        ("access", vec!["3 secrets, 2 hosts", "role=\"grid\"", "aria-rowcount=\"4\""]),
        ("calendar", vec!["2 dates. No rule says when 1 secret is due.", "2026-12-20", "November 2027"]),
        ("exposure", vec!["admin bob", "they have left", "luna/restic/password", "shared/token"]),
        ("rules", vec!["1 allow gives nothing", "policies/access.rhai:3:1"]),
        ("findings", vec!["rotation::overdue", "exposure::admin"]),
        ("secret/shared%2Ftoken", vec!["Who could read which revision", "alice, bob, recovery", "rekeyed"]),
    ] {
        let shown = shown(&fleet, &page, address);
        let shown = shown.split("<script type").next().unwrap();
        for part in parts {
            assert!(shown.contains(part), "`{part}` is not in {address}:\n{shown}");
        }
    }
    // A new value ends what bob knew, and is in the life of the secret.
    let life = shown(&fleet, &page, "secret/forge%2Fsonarr%2Fapi-key");
    assert!(life.contains("<td>2</td><td class=\"day\">2026-12-24</td>"), "{life}");
}

#[test]
fn keys_lead_through_the_table_to_the_life_of_a_secret_and_back() {
    let fleet = fleet();
    let told = clicked(
        &fleet,
        &page(&fleet, &[]),
        "overview",
        "press('2'); await wait(50); note(location.hash);\
         press('/'); note(document.activeElement.id);\
         write('host:luna'); await wait(200); note(text('#count'));\
         press('Enter'); note(document.activeElement.textContent);\
         press('ArrowRight'); note(text('#details h3')); press('ArrowDown'); note(document.activeElement.ariaLabel);\
         press('Home'); press('Home', {ctrlKey: true}); note(document.activeElement.textContent);\
         press('End'); press('Enter'); await wait(50); note(decodeURIComponent(location.hash));\
         press('Escape'); await wait(200); note(location.hash);\
         note(document.querySelectorAll('#grid [tabindex=\"0\"]').length);",
    );
    assert_eq!(
        told,
        "#access | filter | 2 of 3 secrets, 1 of 2 hosts | luna/restic/password | restic | \
         every service on luna may read shared/token | luna/restic/password | #secret/luna/restic/password | \
         #access?q=host%3Aluna | 1"
    );
}

#[test]
fn filters_toggles_and_the_theme_do_what_they_say() {
    let fleet = fleet();
    let told = clicked(
        &fleet,
        &page(&fleet, &[]),
        "rules",
        "document.getElementById('unhit').click(); note(document.querySelectorAll('.list tbody tr').length); note(location.hash);\
         press('4'); await wait(50); write('luna'); await wait(200); note(document.querySelectorAll('.list tbody tr').length);\
         press('3'); await wait(50); document.querySelector('.months button').click(); note(document.activeElement.textContent);\
         const theme = document.getElementById('theme'); theme.click(); note(getComputedStyle(document.body).backgroundColor);\
         theme.click(); note(getComputedStyle(document.body).backgroundColor); theme.click(); note(theme.textContent);\
         press('?'); note(document.getElementById('keys').open);",
    );
    assert_eq!(
        told,
        "2 | #rules?unhit=1 | 1 | Overdue1 | rgb(255, 255, 255) | rgb(18, 22, 28) | Theme: system t | true"
    );
}

#[test]
fn no_text_of_the_repository_runs_or_becomes_a_link_to_a_script() {
    let fleet = fleet();
    let page = page(&fleet, &[]);
    assert!(!page.contains("<img") && page.contains("default-src 'none'"));
    let shown_rules = shown(&fleet, &page, "rules");
    assert!(shown_rules.contains("&lt;/script&gt;&lt;script&gt;"), "the reason is not shown:\n{shown_rules}");
    assert!(shown_rules.contains("<title>Rules"), "a text of the policy ran");
    assert!(!shown(&fleet, &page, "calendar").contains("href=\"javascript:"));
}

#[test]
fn a_page_with_hashed_names_gives_no_name_away() {
    let fleet = fleet();
    fleet.append("policies/access.rhai", "\nallow(\"{host}/{service}/**\").because(\"acme does\");\n");
    let salt = fleet.outside().join("salt");
    fs::write(&salt, [7; 32]).unwrap();
    let salt = salt.to_str().unwrap();
    let one = page(&fleet, &["--hash-names", "--salt-file", salt]);
    let names = [
        "forge",
        "luna",
        "sonarr",
        "restic",
        "shared",
        "token",
        "alice",
        "bob",
        "acme",
        "access.rhai",
        "javascript",
    ];
    let data = one.split("id=\"content\">").nth(1).unwrap().split("</script>").next().unwrap();
    let given_away: Vec<_> = names.into_iter().filter(|name| data.contains(name)).collect();
    assert_eq!(given_away, [""; 0], "{data}");
    assert_eq!(one, page(&fleet, &["--hash-names", "--salt-file", salt]), "two reports agree");
    assert_ne!(page(&fleet, &["--hash-names"]), page(&fleet, &["--hash-names"]), "without a salt none do");
    // Nor does the order of anything follow that of the names.
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    for list in ["secrets", "services"] {
        assert!(data[list].as_array().unwrap().is_sorted_by_key(|name| name.as_str().unwrap()), "{list}");
    }
    assert!(data["hosts"].as_array().unwrap().is_sorted_by_key(|host| host["name"].as_str().unwrap()));
    // All that is counted is there all the same.
    let overview = shown(&fleet, &one, "");
    assert!(overview.contains("<strong>2</strong><span>exposures</span>"), "{overview}");
    fleet.write("short", [7; 15]);
    let short = fleet.path("short");
    fleet
        .run(["report", "--hash-names", "--salt-file", short.to_str().unwrap()])
        .with_code(2)
        .says(&["report::salt"]);
    fleet.run(["report", "--salt-file", salt]).with_code(2);
}

#[test]
fn paper_gets_every_section_and_every_reader() {
    let fleet = fleet();
    let page = page(&fleet, &[]);
    let file = fleet.outside().join("report.pdf");
    let to = format!("--print-to-pdf={}", file.display());
    browse(&fleet, &page, "", &["--no-pdf-header-footer", &to]);
    assert!(fs::read(&file).unwrap().starts_with(b"%PDF-"));
    let told = clicked(
        &fleet,
        &page,
        "",
        "dispatchEvent(new Event('beforeprint')); const paper = document.getElementById('paper');\
         paper.querySelectorAll('section > h2:first-child').forEach((title) => note(title.textContent));\
         note(paper.querySelectorAll('details:not([open])').length); note(paper.querySelector('.readers td').textContent);",
    );
    assert_eq!(
        told,
        "Overview | Access | Rotation calendar | Exposure | Rules | Findings | 0 | forge/sonarr/api-key"
    );
}

#[test]
fn a_file_holds_the_whole_page() {
    let fleet = fleet();
    let file = fleet.outside().join("report.html");
    let out = file.to_str().unwrap();
    let ran = fleet.run(["report", "--at", "2027-01-15", "--out", out]).ok().says(&["wrote", "KiB"]);
    assert_eq!(ran.stdout(), "");
    assert_eq!(fs::read_to_string(&file).unwrap(), page(&fleet, &[]));
}
