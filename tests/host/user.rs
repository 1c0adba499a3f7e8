//! Runs of an ordinary user, who can mount nothing and give files to nobody.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use crate::host::Ran;

/// Nobody in particular: in no account file, as users of a directory service are not.
const USER: u32 = 4711;
const GROUP: u32 = 4712;

/// A user with a runtime folder on plain tmpfs, a home, and a request of their own.
struct User {
    host: Host,
}

impl User {
    fn new() -> Self {
        let mut host = Host::new();
        let _ = std::fs::remove_dir(host.path("run"));
        std::fs::set_permissions(host.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for folder in ["runtime", "home"] {
            std::fs::create_dir(host.path(folder)).unwrap();
            own(&host.path(folder));
        }
        let (flags, options) = (rustix::mount::MountFlags::NOSUID, c"mode=0700,uid=4711,gid=4712");
        rustix::mount::mount("test", host.path("runtime"), "tmpfs", flags, Some(options)).unwrap();
        std::fs::copy(host.path("host"), host.path("home/id_ed25519")).unwrap();
        std::fs::set_permissions(host.path("home/id_ed25519"), PermissionsExt::from_mode(0o600)).unwrap();
        own(&host.path("home/id_ed25519"));
        for (field, value) in [
            ("mount", json!("%t/secretctl.d")),
            ("link", json!("%t/secrets")),
            ("runtime", json!("%t/secretctl")),
            ("state", json!("%S/secretctl")),
            ("identities", json!(["%h/id_ed25519"])),
        ] {
            host.fields.insert(field, value);
        }
        if std::fs::read_to_string("/proc/swaps").unwrap().lines().count() > 1 {
            // What these tests are about is shown on machines with swap as well.
            host.fields.insert("danger_allow_swap", json!(true));
        }
        Self { host }
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let program = self.host.command(arguments);
        let mut command = Command::new("setpriv");
        let (user, group) = (format!("--reuid={USER}"), format!("--regid={GROUP}"));
        command.args([&user, &group, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        command.arg(program.get_program()).args(program.get_args());
        let path = format!("{}:/usr/bin:/bin", self.host.path("bin").display());
        command.env_clear().env("PATH", path).envs(variables.iter().copied());
        command
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        self.host.write();
        open_to_all(&self.host.path("sealed"));
        open_to_all(&self.host.path("request.json"));
        let ran = self.command(arguments, variables).output().unwrap();
        Ran {
            code: ran.status.code().unwrap(),
            stdout: String::from_utf8(ran.stdout).unwrap(),
            stderr: String::from_utf8(ran.stderr).unwrap(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let (runtime, home) = (self.host.path("runtime"), self.host.path("home"));
        let variables = [("XDG_RUNTIME_DIR", runtime.to_str().unwrap()), ("HOME", home.to_str().unwrap())];
        self.run_with(arguments, &variables)
    }

    fn activate(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["activate"], arguments].concat())
    }

    fn file(&self, target: &str) -> std::path::PathBuf {
        self.host.path("runtime/secrets").join(target)
    }

    fn value(&self, target: &str) -> String {
        std::fs::read_to_string(self.file(target)).unwrap()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.host.path("runtime"), rustix::mount::UnmountFlags::DETACH);
    }
}

fn own(path: &Path) {
    chown(path, Some(USER), Some(GROUP)).unwrap();
}

fn open_to_all(path: &Path) {
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(path).status().unwrap().success());
}

#[test]
fn a_user_gets_files_of_their_own_without_any_right() {
    private!();
    let mut user = User::new();
    let path = user.host.path("home/.config/tool/key");
    user.host.seal("a", b"1").want("a", json!({"path": "%h/.config/tool/key"}));
    user.host.templates = vec![json!({"name": "t", "content": "X=<secret:a>", "owner": null})];
    user.host.fields.insert("metrics", json!("%S/secretctl.prom"));
    user.activate(&[]).clean();
    assert_eq!((user.value("a"), user.value("rendered/t")), ("1".into(), "X=1".into()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
    let seen = user.file("a").metadata().unwrap();
    assert_eq!((seen.uid(), seen.gid(), seen.mode() & 0o7777), (USER, GROUP, 0o400));
    assert!(user.host.path("home/.local/state/secretctl/state.json").exists());
    assert!(user.host.path("home/.local/state/secretctl.prom").exists());
    assert!(user.host.path("runtime/secretctl/status.json").exists());

    user.run(&["plan"]).clean();
    let inode = seen.ino();
    user.activate(&[]).clean();
    assert_eq!(user.file("a").metadata().unwrap().ino(), inode, "an unchanged file stays");
}

#[test]
fn the_same_request_means_root_where_root_runs_it() {
    private!();
    let mut user = User::new();
    user.host.secret("a", b"1");
    let (runtime, home) = (user.host.path("runtime-of-root"), user.host.path("home-of-root"));
    for folder in [&runtime, &home] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::copy(user.host.path("host"), home.join("id_ed25519")).unwrap();
    user.host.write();
    let mut command = user.host.command(&["activate"]);
    command.env("XDG_RUNTIME_DIR", &runtime).env("HOME", &home).env("XDG_STATE_HOME", home.join("state"));
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = runtime.join("secrets/a").metadata().unwrap();
    assert_eq!((seen.uid(), seen.gid()), (0, 0));
    assert!(home.join("state/secretctl/state.json").exists());
    rustix::mount::unmount(runtime.join("secretctl.d"), rustix::mount::UnmountFlags::DETACH).unwrap();
}

#[test]
fn a_users_folder_that_could_be_swapped_in_the_clear_is_refused_with_the_way_out() {
    private!();
    let mut user = User::new();
    user.host.secret("a", b"1");
    user.host.fields.remove("danger_allow_swap");
    let cover = user.host.path("swaps");
    std::fs::write(&cover, "Filename\tType\tSize\tUsed\tPriority\n").unwrap();
    rustix::mount::mount_bind(&cover, "/proc/swaps").unwrap();
    user.activate(&[]).exit(4).says("memory::swap_in_clear").says("swapoff").says("danger_allow_swap");
    assert!(!user.file("a").exists());
}

#[test]
fn a_users_folder_on_a_disk_is_refused() {
    private!();
    let mut user = User::new();
    user.host.secret("a", b"1").fields.insert("mount", json!("%h/secretctl.d"));
    user.host.fields.insert("danger_allow_swap", json!(true));
    let ran = user.activate(&[]);
    // Where the test's own folder happens to lie in memory, home does too.
    let disk = Command::new("stat").args(["-f", "-c", "%T"]).arg(user.host.path("home")).output().unwrap();
    if String::from_utf8_lossy(&disk.stdout).trim() == "tmpfs" {
        ran.clean();
    } else {
        ran.exit(4).says("memory::unsafe_backing").says("not in memory");
    }
}

#[test]
fn a_folder_that_the_environment_does_not_name_is_an_error_and_no_guess() {
    private!();
    let mut user = User::new();
    user.host.secret("a", b"1");
    let home = user.host.path("home");
    let home = [("HOME", home.to_str().unwrap())];
    user.run_with(&["activate"], &home)
        .exit(2)
        .says("request::specifier")
        .says("`%t/secretctl.d` stands for no path: no absolute path is in `XDG_RUNTIME_DIR`");
    user.run_with(&["plan"], &home).exit(2).says("request::specifier");
    user.run_with(&["activate"], &[("XDG_RUNTIME_DIR", "run"), home[0]]).exit(2).says("request::specifier");
    // At build time nobody's folders are known, and none are needed.
    user.run_with(&["verify"], &[]).clean();
}

#[test]
fn a_user_cannot_make_files_of_somebody_else() {
    private!();
    let mut user = User::new();
    user.host.secret("a", b"1").seal("b", b"2").want("b", json!({"owner": "root"}));
    user.activate(&[]).exit(4).says("set owner and mode");
    assert_eq!(user.value("a"), "1");
    assert!(!user.file("b").exists());
}

#[test]
fn units_of_a_user_are_told_to_the_users_own_systemd() {
    private!();
    let mut user = User::new();
    user.host.fake_systemctl("");
    std::fs::write(user.host.path("log"), "").unwrap();
    own(&user.host.path("log"));
    let fields = json!({"restart_units": ["a.service"], "reload_units": ["b.socket"]});
    user.host.seal("a", b"1").want("a", fields);
    user.activate(&["--systemctl=user"]).clean();
    user.host.seal("a", b"2");
    user.activate(&["--systemctl=user"]).clean();
    assert_eq!(
        user.host.log(),
        "--user --no-block try-restart -- a.service core=0\n\
         --user --no-block try-reload-or-restart -- b.socket core=0\n"
    );
}
