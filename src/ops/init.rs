//! A new fleet in an empty folder or beside what is there.

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::crypto::VerifyingKey;
use crate::crypto::public_half;
use crate::fleet::Admin;
use crate::fleet::FLEET_FILE;
use crate::fleet::Fleet;
use crate::fleet::FleetFile;
use crate::fsx::FsError;
use crate::fsx::write_atomic;
use crate::name::AdminName;
use crate::ops::error::OpsError;
use crate::ops::trust;
use crate::ops::trust::draw_id;
use crate::ops::workspace::Settings;
use crate::ops::workspace::WorkspaceError;
use crate::secret::SecretBytes;
use crate::store::Layout;

/// Largest key file that is read.
const KEY_FILE_MAX: usize = 64 << 10;

/// Where the first policy goes.
const POLICY_FILE: &str = "policies/access.rhai";

/// A policy that holds for any fleet, and that is read before it is changed.
const FIRST_POLICY: &str = r#"// Who may read what. Silence denies, a deny wins, and order changes nothing.
// `secretctl policy explain SECRET HOST` tells why; `secretctl policy matrix` shows all of it.

allow("{host}/{service}/**")
    .because("a secret named HOST/SERVICE/… goes to that service on that host");

allow("{host}/system/**").services("system")
    .because("and HOST/system/… to the operating system itself");
"#;

/// Keeps Git from touching signed bytes and ciphertext, whatever a machine's settings say.
pub(super) const ATTRIBUTES: &str = "\
secrets/** -text -merge
sealed/** -text -merge
*.age binary
*.sops.* -text -merge
";

/// Reads the public half of a signing key from a file with either half; the reason where there is none.
pub fn read_public_key(file: &Path) -> Result<VerifyingKey, String> {
    let text = SecretBytes::read_bounded(std::fs::File::open(file).map_err(|e| e.to_string())?, KEY_FILE_MAX)
        .map_err(|error| error.to_string())?;
    if let Some(key) = public_half(&text) {
        return Ok(key);
    }
    let text = std::str::from_utf8(text.expose()).map_err(|_| "it is not a key".to_owned())?;
    if text.contains("PRIVATE KEY") {
        return Err("it is not an OpenSSH ed25519 key".to_owned());
    }
    text.parse().map_err(|error| format!("{error}"))
}

/// What `init` made.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// The folder.
    pub fleet: PathBuf,
    /// Files that were written, relative to it.
    pub written: Vec<PathBuf>,
    /// Files that were there and were left alone.
    pub kept: Vec<PathBuf>,
}

/// Makes a fleet in `folder` with one admin, who signs its first roots. Files that exist are kept; an existing fleet
/// is refused.
pub fn init(
    settings: &Settings,
    folder: &Path,
    name: &AdminName,
    admin: &Admin,
) -> Result<InitReport, OpsError> {
    if folder.join(FLEET_FILE).exists() {
        return Err(OpsError::FleetExists { path: folder.to_owned() });
    }
    let mut file = FleetFile::new();
    file.set_id(draw_id());
    file.add_admin(name, admin);
    let text = file.to_text();
    let fleet = Fleet::parse(&text, Path::new(FLEET_FILE)).map_err(WorkspaceError::from)?;
    let roots = trust::first(settings, &fleet)?;
    let roots = roots.map(|roots| String::from_utf8_lossy(roots.bytes()).into_owned()).unwrap_or_default();
    for place in ["policies", "sealed"].map(|name| folder.join(name)) {
        std::fs::create_dir_all(&place).map_err(FsError::on("create", &place))?;
    }
    // One that is there is from a try that did not get as far as the fleet file.
    write_atomic(&folder.join(Layout::roots()), roots.as_bytes(), 0o644)?;
    let (written, kept) = (vec![Layout::roots()], Vec::new());
    let mut report = InitReport { fleet: folder.to_owned(), written, kept };
    // The fleet file comes last: until it is there, nothing is a fleet and `init` can be run again.
    for (path, text) in
        [(POLICY_FILE, FIRST_POLICY), (".gitattributes", ATTRIBUTES), (FLEET_FILE, text.as_str())]
    {
        if folder.join(path).exists() {
            report.kept.push(path.into());
        } else {
            write_atomic(&folder.join(path), text.as_bytes(), 0o644)?;
            report.written.push(path.into());
        }
    }
    Ok(report)
}
