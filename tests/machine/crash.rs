//! Runs that are killed, and what a whole run writes where.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::on_each_systemd;
use crate::ran::Ran;

/// How often a run is killed, each time a little later.
const KILLS: usize = 24;
/// How many secrets it installs.
const SECRETS: usize = 40;
/// Stands in the value of a secret, and nowhere else.
const PLAINTEXT: &str = "plaintext-of-the-traced-secret";

/// Follows the run of the unit with a tracer, which needs more than the sandbox allows.
const TRACE: &str = "[Service]
ExecStart=
ExecStart=/opt/strace/strace -f -y -v -s 8192 -E LD_LIBRARY_PATH -o /out/trace \
  -e trace=%%file,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,copy_file_range,splice,mmap,memfd_create,prctl,prlimit64,mlockall \
  /usr/bin/secretctl-host activate --request /nix/store/a/request.json --systemctl
Environment=LD_LIBRARY_PATH=/opt/strace
CapabilityBoundingSet=~
SystemCallFilter=
ReadWritePaths=/out
";

/// The host's own tracer with its libraries, but for those of every machine.
fn strace(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let program = PathBuf::from("/usr/bin/strace");
    let libraries = Command::new("ldd").arg(&program).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let paths =
        libraries.lines().filter_map(|line| line.split_once("=> ")?.1.split(' ').next().map(PathBuf::from));
    for path in paths.chain([program]) {
        let name = path.file_name().unwrap();
        if !name.to_str().unwrap().starts_with("libc.") {
            std::fs::copy(&path, folder.join(name)).unwrap();
        }
    }
}

/// Number of the first line that has all of these words.
fn line_with(trace: &[String], words: &[&str]) -> usize {
    let found = trace.iter().position(|line| words.iter().all(|word| line.contains(word)));
    found.unwrap_or_else(|| panic!("no line with {words:?}"))
}

/// What a run gave up before it had read a key.
fn hardened_first(trace: &[String]) {
    let key = line_with(trace, &["openat(", "/persist/host-key", "O_RDONLY"]);
    for words in [
        ["prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE", "= 0"],
        ["RLIMIT_CORE, {rlim_cur=0, rlim_max=0}", "= 0"],
        ["mlockall(", "= 0"],
    ] {
        let line = line_with(trace, &words);
        assert!(line < key, "{words:?} only after the key was read");
    }
}

/// Each file that was written to or opened for that, and its file system.
fn written(ran: &Ran) -> Vec<(String, String)> {
    let pair =
        |line: String| line.split_once('\t').map(|(path, kind)| (path.to_owned(), kind.to_owned())).unwrap();
    ran.lines("written").into_iter().map(pair).collect()
}

on_each_systemd! {
    fn a_run_that_is_killed_leaves_whole_values_and_the_next_one_completes(systemd: Systemd) {
        let mut host = Host::new();
        let machine = Machine::new(systemd, &host);
        for round in 0..=KILLS {
            for number in 0..SECRETS {
                host.secret(&format!("s{number}"), format!("value{round}").as_bytes());
            }
            host.want("s0", json!({"path": "/etc/app/key"}));
            machine.system(&format!("k{round}"), &host);
        }
        let ran = machine.boot("k0", &format!(r#"
            sed -i s,/nix/store/k0/request,/run/live/request, $LIVE/secretctl.service
            systemctl daemon-reload
            seen() {{
              echo "$(for file in /run/secrets/*; do cat "$file"; echo; done | sort | uniq -c | tr -s ' \n' ' ')"
            }}
            ln -sfn /nix/store/k0 /run/live
            start=${{EPOCHREALTIME/./}}
            systemctl restart secretctl
            whole=$((${{EPOCHREALTIME/./}} - start))
            for round in {{1..{KILLS}}}; do
              ln -sfn /nix/store/k$round /run/live
              systemctl reset-failed secretctl
              systemctl restart --no-block secretctl
              sleep $(printf '0.%06d' $((whole * round * 2 / {KILLS})))
              systemctl kill --signal=KILL secretctl || true
              settle
              echo "$(systemctl show --property=Result --value secretctl) $(cat /etc/app/key) $(seen)" >>rounds
            done
            systemctl reset-failed secretctl
            systemctl restart secretctl
            ls -A /run/secretctl.d >left
            ls -A /etc/app >>left
        "#));
        ran.clean();
        let mut old = "value0".to_owned();
        let (mut killed, mut switched) = (0, 0);
        for (round, line) in (1..).zip(ran.lines("rounds")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [result, linked, count, value] = words.as_slice() else { panic!("round {round} mixes: {line}") };
            assert_eq!((*linked, *count), (*value, "40"), "round {round}");
            assert!(*value == old || *value == format!("value{round}"), "round {round}: {value} after {old}");
            killed += usize::from(*result == "signal");
            switched += usize::from(*value != old);
            (*value).clone_into(&mut old);
        }
        println!("{killed} of {KILLS} runs were killed, {switched} had switched");
        assert!(killed > KILLS / 4 && switched > 0, "{:?}", ran.lines("rounds"));
        assert!(ran.values().values().all(|value| *value == format!("value{KILLS}")));
        assert_eq!(ran.lines("left").len(), 3, "{:?}", ran.lines("left"));
    }

    fn a_run_that_crashes_dumps_no_core_and_holds_its_memory_locked(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("a", b"value");
        let machine = Machine::new(systemd, &host);
        // With a limit that would allow it, so that only the program itself stands in the way.
        let dumps = "[Service]\nLimitCORE=infinity\n";
        machine.system("a", &host).unit("a", "secretctl.service.d/dumps.conf", dumps, &[]);
        machine.unit("a", "other.service", &format!("{dumps}ExecStart=/bin/sleep inf\n"), &[]);
        let ran = machine.boot("a", r"
            systemctl start other
            exec 9>/run/secretctl/lock
            flock 9
            systemctl restart --no-block secretctl
            pid=0
            until grep -q '^VmLck:.* [1-9]' /proc/$pid/status; do
              sleep 0.01
              pid=$(systemctl show --property=MainPID --value secretctl)
            done 2>/dev/null
            # By now it waits for the lock.
            sleep 0.2
            grep -E '^(VmLck|VmRSS|VmSwap|NoNewPrivs|Seccomp|CapBnd):' /proc/$pid/status | tr -s '\t ' ' ' >process
            grep 'Max core file size' /proc/$pid/limits | tr -s ' ' >>process
            systemctl kill --signal=ABRT secretctl other
            settle
            flock --unlock 9
            for unit in secretctl other; do systemctl show --property=Result --value $unit; done >results
            systemctl reset-failed secretctl
            systemctl restart secretctl
        ");
        ran.clean();
        // The other service shows that a core would be dumped here.
        assert_eq!(ran.lines("results"), ["signal", "core-dump"]);
        let process = ran.lines("process");
        let kilobytes = |field: &str| -> u64 {
            let line = process.iter().find_map(|line| line.strip_prefix(field)?.strip_suffix(" kB"));
            line.unwrap_or_else(|| panic!("no {field} in {process:?}")).trim().parse().unwrap()
        };
        assert!(kilobytes("VmLck:") >= kilobytes("VmRSS:") && kilobytes("VmRSS:") > 0, "{process:?}");
        assert_eq!(kilobytes("VmSwap:"), 0);
        // CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_IPC_LOCK.
        for line in ["CapBnd: 000000000000400b", "NoNewPrivs: 1", "Seccomp: 2", "Max core file size 0 0 bytes "] {
            assert!(process.iter().any(|found| found == line), "`{line}` is missing in {process:?}");
        }
    }

    fn plaintext_is_written_to_memory_alone(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("app/key", PLAINTEXT.as_bytes()).want("app/key", json!({"path": "/etc/app/key"}));
        host.templates = vec![json!({"name": "app.env", "content": "KEY=<secret:app/key>", "format": "dotenv"})];
        host.fields.insert("metrics", json!("/var/lib/secretctl/metrics.prom"));
        let mut machine = Machine::new(systemd, &host);
        strace(&machine.path("strace"));
        let folder = machine.path("strace");
        machine.bind(&folder, "/opt/strace").system("a", &host).unit("a", "secretctl.service.d/trace.conf", TRACE, &[]);
        let ran = machine.boot("a", r#"
            grep -oP '^\d+ +(p?write(64|v2?)?|sendfile|copy_file_range|splice)\(\d+<\K/[^>]+' trace >paths
            grep -P 'open(at)?\(.*O_(WRONLY|RDWR)' trace | grep -oP '= \d+<\K/[^>]+' >>paths
            sort -u paths | while read -r path; do
              place=$path
              while [[ ! -e $place ]]; do place=$(dirname "$place"); done
              printf '%s\t%s\n' "$path" "$(stat --file-system --format=%T "$place")"
            done >written
            ! grep -rl plaintext-of-the /var /etc >disk
        "#);
        ran.clean();
        let trace = ran.lines("trace");
        hardened_first(&trace);
        let writes: Vec<&String> = trace.iter().filter(|line| line.contains(PLAINTEXT)).collect();
        // The secret and the template: were there none, nothing would have been looked at.
        assert_eq!(writes.len(), 2, "{writes:#?}");
        for line in writes {
            assert!(line.contains("write(") && line.contains("</run/secretctl.d/.2.partial/"), "{line}");
        }
        assert!(!trace.iter().any(|line| line.contains("AGE-SECRET-KEY")));
        assert!(!trace.iter().any(|line| line.contains("mmap(") && line.contains("PROT_WRITE, MAP_SHARED, ")));
        let on_disk = |(_, kind): &&(String, String)| !matches!(kind.as_str(), "tmpfs" | "ramfs" | "devtmpfs");
        let written = written(&ran);
        let on_disk: Vec<&str> = written.iter().filter(on_disk).map(|(path, _)| path.as_str()).collect();
        assert!(on_disk.iter().all(|path| path.starts_with("/var/lib/secretctl/") || *path == "/dev/null"), "{on_disk:?}");
        assert!(written.len() > on_disk.len() && !on_disk.is_empty(), "{written:?}");
        assert_eq!(ran.text("disk"), "");
    }
}
