//! Whom Nix calls while it evaluates a repository that somebody else wrote, and what it needs nobody for.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::evaluation::KINDS;
use super::evaluation::VERSIONS;
use super::evaluation::configuration;
use super::evaluation::only;
use super::evaluation::repository;
use crate::common::tool;

/// Counts who calls, and answers with the path that was asked for.
struct Server {
    calls: Arc<AtomicUsize>,
    address: String,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut asked = [0; 4096];
                let read = stream.read(&mut asked).unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
                let path = asked.split_whitespace().nth(1).unwrap_or_default();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", path.len());
                let _ = stream.write_all(format!("{head}{path}").as_bytes());
            }
        });
        Self { calls, address }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// What fetches a file with the right digest, which even pure evaluation may.
    fn pinned(&self, name: &str) -> String {
        let path = format!("/{name}-{}", std::process::id());
        format!(
            "builtins.readFile (builtins.fetchurl {{ url = \"http://{}{path}\"; sha256 = builtins.hashString \"sha256\" \"{path}\"; }})",
            self.address
        )
    }

    /// Every way out that Nix has.
    fn ways(&self) -> Vec<(&'static str, String)> {
        let at = &self.address;
        let rev = "0123456789012345678901234567890123456789";
        let hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let git = |url: &str| format!("(builtins.fetchGit {{ url = \"{url}\"; rev = \"{rev}\"; }}).outPath");
        let tree = |attributes: &str| {
            format!("(builtins.fetchTree {{ {attributes}; narHash = \"{hash}\"; }}).outPath")
        };
        vec![
            ("a pinned URL", self.pinned("way")),
            (
                "a URL",
                format!(
                    "builtins.readFile (builtins.fetchurl \"http://{at}/${{builtins.getEnv \"HOME\"}}\")"
                ),
            ),
            ("a tarball", format!("builtins.fetchTarball \"http://{at}/x.tar.gz\"")),
            (
                "a pinned tarball",
                format!("builtins.fetchTarball {{ url = \"http://{at}/x.tar.gz\"; sha256 = \"{hash}\"; }}"),
            ),
            ("Git over HTTP", git(&format!("http://{at}/x.git"))),
            ("Git's daemon", git(&format!("git://{at}/x.git"))),
            ("Git over SSH", git(&format!("ssh://git@{at}/x.git"))),
            ("S3", format!("builtins.readFile (builtins.fetchurl \"s3://x/y?endpoint={at}&scheme=http\")")),
            (
                "Mercurial",
                format!("(builtins.fetchMercurial {{ url = \"http://{at}/x\"; rev = \"{rev}\"; }}).outPath"),
            ),
            ("a tree", tree(&format!("type = \"tarball\"; url = \"http://{at}/x.tar.gz\""))),
            ("a flake", format!("(builtins.getFlake \"tarball+http://{at}/x.tar.gz\").outPath")),
            (
                "a locked flake",
                format!("(builtins.getFlake \"git+http://{at}/x.git?rev={rev}&narHash={hash}\").outPath"),
            ),
        ]
    }
}

/// One configuration tries each way; one more proves that they are looked at.
fn try_every_way(programs: &[&str], ways: &dyn Fn(&Server) -> Vec<(&'static str, String)>) {
    let server = Server::start();
    for version in VERSIONS {
        for (file, text) in KINDS {
            let mut repository = repository();
            repository.nix = tool(version);
            let mut ways = ways(&server);
            ways.extend([("forge", "\"sonarr\"".to_owned())]);
            repository.write(file, text(&ways));
            let cmd = repository.init_cmd("agenix", &["--dry-run"]).env("PATH", only(&repository, programs));
            let ran = cmd.run().ok().prints(&["as Nix evaluates it"]);
            let refused = ran.stderr().matches("import::not_evaluated").count();
            assert_eq!(refused, ways.len() - 1, "{version}, {file}, {programs:?}: {ran}");
            assert_eq!(server.calls(), 0, "{version}, {file}, {programs:?}: {ran}");
        }
    }
}

#[test]
fn an_evaluation_calls_nobody() {
    try_every_way(&["bwrap", "git"], &Server::ways);
}

#[test]
fn it_calls_nobody_where_only_the_network_can_be_taken_away() {
    try_every_way(&["unshare", "git"], &Server::ways);
}

#[test]
fn no_address_is_called_where_there_is_no_sandbox() {
    try_every_way(&["env", "git"], &|server| vec![("pinned", server.pinned("open"))]);
}

#[test]
fn the_same_evaluation_would_call_if_nothing_kept_it() {
    for version in VERSIONS {
        let server = Server::start();
        let expression = server.pinned(&format!("control-{version}-{}", server.address.replace(':', "-")));
        let ran = Command::new(tool(version)).args(["eval", "--expr", &expression]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(server.calls(), 1, "{version}");
    }
}

/// A lock file with one input.
fn lock(hash: &str) -> String {
    let locked = format!(
        "\"type\": \"github\", \"owner\": \"nobody\", \"repo\": \"nothing\", \"rev\": \"0123456789012345678901234567890123456789\", \"lastModified\": 1, \"narHash\": \"{hash}\""
    );
    format!(
        "{{ \"nodes\": {{ \"root\": {{ \"inputs\": {{ \"names\": \"names\" }} }}, \"names\": {{ \"flake\": false, \"locked\": {{ {locked} }}, \"original\": {{ \"type\": \"github\", \"owner\": \"nobody\", \"repo\": \"nothing\" }} }} }}, \"root\": \"root\", \"version\": 7 }}"
    )
}

#[test]
fn an_input_that_lies_on_the_machine_is_not_read() {
    for programs in [&["bwrap", "git"][..], &["env", "git"]] {
        let repository = repository();
        let home = repository.fleet.home();
        fs::write(home.join("name"), "sonarr").unwrap();
        let hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let github = "\"type\": \"github\", \"owner\": \"nobody\", \"repo\": \"nothing\"";
        let path = format!("\"type\": \"path\", \"path\": \"{}\"", home.display());
        let rev = ", \"rev\": \"0123456789012345678901234567890123456789\"";
        repository.write("flake.lock", lock(hash).replace(rev, "").replace(github, &path));
        let owner = configuration("builtins.readFile (names + \"/name\")");
        let input = WITH_INPUT.replace("github:nobody/nothing", &format!("path:{}", home.display()));
        repository.write("flake.nix", format!("{{ {input} {owner}; }}; }}"));
        let cmd = repository.init_cmd("agenix", &[]).env("PATH", only(&repository, programs));
        let ran = cmd.run().ok().prints(&["as its files alone tell it"]);
        ran.says(&["import::not_evaluated", "is forbidden in restricted mode"]);
        assert_eq!(repository.fleet.tree().containing(&["sonarr"]), [""; 0]);
    }
}

const WITH_INPUT: &str = "inputs.names = { url = \"github:nobody/nothing\"; flake = false; }; outputs = { self, names }: { nixosConfigurations.forge = ";

#[test]
fn inputs_that_are_in_the_store_are_used_without_network() {
    for version in VERSIONS {
        let mut repository = repository();
        repository.nix = tool(version);
        let input = repository.fleet.outside().join("input");
        fs::create_dir(&input).unwrap();
        fs::write(input.join("name"), "sonarr").unwrap();
        let hash = Command::new(tool(version))
            .args(["eval", "--impure", "--raw", "--expr"])
            .arg(format!(
                "(builtins.fetchTree {{ type = \"path\"; path = \"{}\"; }}).narHash",
                input.display()
            ))
            .output()
            .unwrap();
        repository.write("flake.lock", lock(&String::from_utf8(hash.stdout).unwrap()));
        let owner = configuration("builtins.readFile (names + \"/name\")");
        repository.write("flake.nix", format!("{{ {WITH_INPUT} {owner}; }}; }}"));
        repository.init("agenix", &[]).ok().prints(&["as Nix evaluates it"]);
        let declared = repository.fleet.text("imported/forge.nix");
        assert!(declared.contains("owner = \"sonarr\";"), "{version}: {declared}");
    }
}

#[test]
fn an_input_that_is_not_in_the_store_is_not_fetched_and_the_command_that_does_is_named() {
    for version in VERSIONS {
        let mut repository = repository();
        repository.nix = tool(version);
        repository.write("flake.lock", lock("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        let owner = configuration("builtins.readFile (names + \"/name\")");
        repository.write("flake.nix", format!("{{ {WITH_INPUT} {owner}; }}; }}"));
        let ran = repository.init("agenix", &[]).ok().prints(&["as its files alone tell it"]);
        ran.says(&["import::not_evaluated", "run `nix flake archive` in the repository first"]);
    }
}
