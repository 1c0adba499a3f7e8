//! Unit files of a system, with the links that enable them.

use std::os::unix::fs::symlink;
use std::path::Path;

/// Each unit as the module generates it; tests/nix/golden.rs keeps them so.
const UNITS: [(&str, &str); 5] = [
    ("secretctl-mount.service", include_str!("units/secretctl-mount.service")),
    ("secretctl-users.service", include_str!("units/secretctl-users.service")),
    ("secretctl.service", include_str!("units/secretctl.service")),
    ("secretctl.target", include_str!("units/secretctl.target")),
    ("sysinit-reactivation.target", include_str!("units/sysinit-reactivation.target")),
];

/// Lines of a unit and the folders that link to it.
const LINKS: &str = include_str!("units/links");

/// Writes the units that activate a request.
pub(crate) fn write(folder: &Path, request: &str) {
    for (name, text) in UNITS {
        let text = text
            .replace("@request@", request)
            .replace("@program@", "/usr/bin/secretctl-host")
            .replace("@path@", "/usr/local/bin:/usr/bin:/bin");
        let links = LINKS.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        add(folder, name, &text, &links.collect::<Vec<_>>());
    }
}

/// Writes one unit.
pub(crate) fn add(folder: &Path, name: &str, text: &str, wanted_by: &[&str]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    for links in wanted_by {
        std::fs::create_dir_all(folder.join(links)).unwrap();
        let link = folder.join(links).join(name);
        let _ = std::fs::remove_file(&link);
        symlink(format!("../{name}"), link).unwrap();
    }
}

/// A service that writes down each start and reload, with what it reads from a file at that moment.
pub(crate) fn recorder(name: &str, file: &str) -> String {
    let record = |what: &str| format!("/bin/bash -c 'echo \"{what} $$(<{file})\" >>/out/{name}.record'");
    format!(
        "[Service]\nType=notify\nNotifyAccess=all\nExecStartPre={}\nExecStart=/bin/bash -c 'systemd-notify --ready; exec sleep inf'\nExecReload={}\n",
        record("start"),
        record("reload")
    )
}
