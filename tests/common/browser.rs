//! A headless browser that opens a page, presses keys in it and tells what it shows.

use std::fs;
use std::process::Command;

use super::TestFleet;
use super::tool;

/// What a browser makes of a page, `address` being the part behind `#`.
pub(crate) fn shown(fleet: &TestFleet, page: &str, address: &str) -> String {
    String::from_utf8(browse(fleet, page, address, &["--dump-dom"])).unwrap()
}

/// Runs the browser over a page with more options; gives what it prints.
pub(crate) fn browse(fleet: &TestFleet, page: &str, address: &str, flags: &[&str]) -> Vec<u8> {
    let file = fleet.outside().join("page.html");
    fs::write(&file, page).unwrap();
    let mut command = Command::new(tool("timeout"));
    command.arg("120").arg(tool("chromium")).args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
        "--virtual-time-budget=5000",
        "--window-size=1400,900",
    ]);
    command.arg(format!("--user-data-dir={}", fleet.outside().join("browser").display())).args(flags);
    command.arg(format!("file://{}#{address}", file.display())).env_clear().env("PATH", super::PATH);
    command.env("HOME", fleet.home()).env("TMPDIR", fleet.outside());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // A script that the page's own policy stopped is what some tests are about.
    let complaint =
        said.lines().find(|line| line.contains("CONSOLE") && !line.contains("Content Security Policy"));
    assert_eq!(complaint, None, "the page complains");
    output.stdout
}

/// The page with a test's own script, which its security policy is told about.
pub(crate) fn probed(page: &str, script: &str) -> String {
    let page = page.replace("script-src '", "script-src 'PROBE' '");
    let digest = "import base64,hashlib,sys; print(base64.b64encode(hashlib.sha256(sys.argv[1].encode()).digest()).decode(), end='')";
    let hash = Command::new(tool("python3")).args(["-c", digest, script]).output().unwrap();
    let hash = format!("sha256-{}", String::from_utf8(hash.stdout).unwrap());
    page.replace("PROBE", &hash).replace("</body>", &format!("<script>{script}</script></body>"))
}
