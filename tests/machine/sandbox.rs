//! What the units take away from the program that they run, and what that is worth by systemd's own count.

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::on_each_systemd;
use crate::ran::Ran;

/// The page that promises figures.
const PAGE: &str = include_str!("../../docs/explanation/units.md");
/// How the sentence with the figures begins.
const FIGURES: &str = "`systemd-analyze security` gives ";
/// Asks systemd for the figures of a running machine, and is to stand in its script.
pub(crate) const MEASURE: &str = r"
    systemctl start dbus
    for unit in secretctl-mount secretctl-users secretctl; do
      systemd-analyze security --no-pager $unit.service |
        sed -n 's/.*exposure level for \(.*\): \([0-9.]* [A-Z]*\).*/\1 \2/p'
    done | LC_ALL=C sort >figures
";
/// The services that are confined.
const SERVICES: &str = "secretctl-mount.service secretctl-users.service secretctl.service";
/// The sandbox of an activation, with a look around in place of the program.
const LOOKS: &str =
    "[Service]\nExecStart=\nExecStart=/bin/bash /nix/store/a/look /out/inside\nReadWritePaths=/out\n";
/// Writes down what can be done.
const LOOK: &str = r"
can() { if eval $2 >/dev/null 2>&1; then echo $1 >>$seen; fi; }
seen=$1
can run 'touch /run/x'
can state 'touch /var/lib/secretctl/x'
can usr 'touch /usr/x'
can var 'touch /var/x'
can home 'touch /home/somebody/x'
can tmp 'ls /tmp/there'
can others 'ls /proc/1/'
can kernel 'ls /proc/sys/'
can mount 'mount -t tmpfs none /var/lib/secretctl'
can namespace 'unshare --mount true'
can internet 'exec 9<>/dev/udp/127.0.0.1/9'
";

/// Checks what [`MEASURE`] found against the page.
pub(crate) fn confined_as_promised(ran: &Ran) {
    let promised = promised();
    assert_eq!(promised.len(), SERVICES.split(' ').count(), "{promised:?}");
    assert_eq!(ran.lines("figures"), promised);
}

/// Each service with the figure and the word that the page gives it, such as `secretctl.service 1.2 OK`, by name.
fn promised() -> Vec<String> {
    let (_, sentence) = PAGE.split_once(FIGURES).unwrap();
    let (sentence, _) = sentence.split_once("\n\n").unwrap_or((sentence, ""));
    let mut promised = Vec::new();
    let mut waiting = Vec::new();
    let mut words = sentence.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '.']));
    while let Some(word) = words.next() {
        if word.ends_with(".service") {
            waiting.push(word);
        } else if word.parse::<f32>().is_ok() {
            let verdict = words.next().unwrap();
            promised.extend(waiting.drain(..).map(|service| format!("{service} {word} {verdict}")));
        }
    }
    promised.sort();
    promised
}

on_each_systemd! {
    fn units_are_confined_as_the_docs_say(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("a", b"value");
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        let ran = machine.boot("a", MEASURE);
        ran.clean();
        confined_as_promised(&ran);
    }

    fn systemd_finds_nothing_to_say_about_the_units(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("a", b"value");
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        let ran = machine.boot("a", &format!(r"
            systemd-analyze verify --man=no {SERVICES} secretctl.target sysinit-reactivation.target >verified 2>&1
            echo 'Nonsense=yes' >>$LIVE/secretctl.service
            systemd-analyze verify --man=no secretctl.service >nonsense 2>&1 || true
        "));
        ran.clean();
        assert_eq!(ran.text("verified"), "");
        // Were it silent about everything, its silence would mean nothing.
        assert!(ran.text("nonsense").contains("Nonsense"), "{}", ran.text("nonsense"));
    }

    fn values_lie_in_memory_that_is_never_swapped_and_everybody_sees_the_mount(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("a", b"value");
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        let ran = machine.boot("a", "grep ' /run/secretctl.d ' /proc/1/mountinfo >mounts");
        ran.clean();
        let mounts = ran.lines("mounts");
        assert!(mounts.len() == 1 && mounts[0].contains("tmpfs") && mounts[0].contains("noswap"), "{mounts:?}");
    }

    fn an_activation_reaches_nothing_that_it_has_no_business_with(systemd: Systemd) {
        let mut host = Host::new();
        host.secret("a", b"value");
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host).unit("a", "look.service.d/look.conf", LOOKS, &[]);
        std::fs::write(machine.path("store/a/look"), LOOK).unwrap();
        let ran = machine.boot("a", r"
            mkdir -p /home/somebody
            touch /tmp/there
            cp $LIVE/secretctl.service $LIVE/look.service
            systemctl daemon-reload
            bash /nix/store/a/look /out/outside
            systemctl start look
        ");
        ran.clean();
        assert_eq!(ran.lines("inside"), ["run", "state"]);
        // Without the sandbox everything goes, so nothing above is missing by chance.
        let outside = ["run", "state", "usr", "var", "home", "tmp", "others", "kernel", "mount", "namespace", "internet"];
        assert_eq!(ran.lines("outside"), outside);
    }
}
