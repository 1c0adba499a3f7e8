//! Sources, ledgers and sealed trees.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::Severity::Warning;
use super::broken;
use super::found;
use super::mistake;

pub(super) const KINDS: &[Kind] = &[
    broken("store::no_ledger", "A source has no ledger", &UNVOUCHED),
    broken("store::source_changed", "A source is not the file that its ledger vouches for", &UNVOUCHED),
    broken(
        "store::source_missing",
        "A source is missing, and its ledger does not say that it was removed",
        &MISSING,
    ),
    broken("ledger::signature", "The signature of a ledger line does not hold", &LEDGER),
    broken("ledger::author", "A ledger line is by somebody who may not write it", &LEDGER),
    broken("ledger::chain", "A ledger line does not follow from the one before", &LEDGER),
    broken("ledger::malformed", "A ledger line does not parse", &LEDGER),
    broken("ledger::version", "A ledger line has a version that this program does not know", &LEDGER),
    broken("ledger::unmerged", "A ledger holds the marks of a merge", &UNMERGED),
    broken("ledger::rewritten", "A ledger has lost lines that Git remembers", &PAST),
    broken("manifest::serial_went_back", "A manifest is older than one that Git remembers", &PAST),
    broken("ledger::behind_last_seen", "A ledger lacks lines that this checkout has seen", &PAST),
    broken("manifest::behind_last_seen", "A manifest is older than one that this checkout has seen", &PAST),
    broken("ledger::other_fleet", "A ledger line was signed for another fleet", &FOREIGN),
    broken("ledger::unbound", "No line of a ledger names this fleet", &FOREIGN),
    found("ledger::backdated", Warning, "A ledger line is dated before one that it follows", &FUTURE),
    broken("manifest::serial_jump", "The serial of a manifest has jumped", &SERIALS),
    broken("store::serial_end", "There is no serial left for the next manifest", &SERIALS),
    found("roots::rewritten", Warning, "The roots have lost a version that Git remembers", &ROOTS),
    found("roots::differ", Error, "No admin has vouched for the people in `secretctl.toml`", &ROOTS),
    found("git::shallow", Warning, "Only the latest commits are here to compare with", &SHALLOW),
    found("git::partial", Warning, "Contents of earlier commits are not here to compare with", &SHALLOW),
    found("ledger::future", Warning, "A ledger line is from the future", &FUTURE),
    broken("public::changed", "A public half is not the one that was written with its value", &PUBLIC),
    found("public::missing", Error, "The public half of a value is missing", &PUBLIC),
    found(
        "ledger::readers",
        Error,
        "A ledger does not name the hosts that policy lets read its secret",
        &DRIFT,
    ),
    broken("sealed::tampered", "A sealed tree is not as an admin signed it", &TAMPERED),
    found("sealed::drift", Error, "A sealed tree is not what policy and sources ask for", &DRIFT),
    found("sealed::reasons", Error, "The reasons of denials that evaluations show are old", &DRIFT),
    found("sealed::surplus", Error, "A host that takes no part has a sealed tree", &DRIFT),
    found("store::recipients", Error, "A source is not encrypted to the people who may read it", &RECIPIENTS),
    found("store::interrupted", Error, "A change was interrupted", &INTERRUPTED),
    found("store::old_journal", Error, "An interrupted change lies in the work tree", &OLD_JOURNAL),
    found("store::stray", Error, "A file that is no source lies among the sources", &STRAY),
    mistake("store::two_sources", "Two sources for one name", &TWO_SOURCES),
    mistake("store::unknown_secret", "A source went away while it was looked at", &TWO_SOURCES),
    Kind {
        class: super::Class::Environment,
        ..found("fs::failed", Error, "A file could not be read", &FILE)
    },
];

static PAST: Lesson = Lesson {
    means: "Ledgers only grow and serials only rise. Here something is gone that was committed, or that this checkout remembers.",
    matters: "Whoever puts a ledger back to the past hides who read which value, and brings back a value that was replaced. A push with force looks the same.",
    action: "Find out who did it: `git log -p -- secrets/ sealed/`, and `git reflog`. The message names the commit that had more and the command that brings it back. If going back is meant, `secretctl check --accept-past`.",
    example: "error[ledger::rewritten]: the ledger of `shared/token` has lost lines: commit 1f37bfe0a9c2 had 3, and not all of them are here\n  --> secrets/shared/token.ledger",
};

static SHALLOW: Lesson = Lesson {
    means: "The clone lacks commits or their contents, so ledgers and manifests were not held against all that came before. Nothing is fetched for it.",
    matters: "A history that was rewritten further back is not noticed.",
    action: "`git fetch --unshallow`, and `git fetch --refetch --no-filter` where `--filter` left something out; in CI ask for the whole history, such as `fetch-depth: 0`.",
    example: "warning[git::shallow]: the comparison with earlier commits is incomplete: only the latest ones were cloned",
};

static FUTURE: Lesson = Lesson {
    means: "A signed line says a time that is more than ten minutes later than now.",
    matters: "Ages and deadlines follow from these times; a clock that is ahead makes a value look younger than it is.",
    action: "Compare the clock of this machine with that of the line's author. A new value, written with the right time, ends it.",
    example: "warning[ledger::future]: line 2 of the ledger of `shared/token`, by `alice`, says 2027-11-20T10:00:00Z, and it is 2026-11-20T10:00:00Z now\n  --> secrets/shared/token.ledger:2",
};

static FOREIGN: Lesson = Lesson {
    means: "Every ledger of a fleet with an id says that it belongs to this fleet. This one says another, or none.",
    matters: "An admin of two fleets has signed for both: without this, a value of one could be put into the other.",
    action: "Restore the ledger from Git. If a branch from before the fleet had its id made the secret, `secretctl upgrade fleet` binds it, once you know where it came from.",
    example: "error[ledger::other_fleet]: line 1 of `secrets/shared/token.ledger` was signed for another fleet (8f0c2d5e5d2b4c7fa1f00c6f5e2d9a11)\n  --> secrets/shared/token.age",
};

static SERIALS: Lesson = Lesson {
    means: "Serials grow by one with each seal. This one is far above the one before, or at the end of the numbers.",
    matters: "Hosts refuse older manifests by their serials. Once these are at their end, nothing newer can be told from older.",
    action: "`git log -p -- sealed/HOST` shows who signed it. Once that key is no longer an admin's, `secretctl seal` goes on from the serial before.",
    example: "error[manifest::serial_jump]: the manifest of host `forge` has serial 9007199254740992: nobody seals so often\n  --> sealed/forge/manifest.json",
};

static ROOTS: Lesson = Lesson {
    means: "`sealed/roots.jsonl` says whose signatures count. `secretctl.toml` names other people than its newest version, or Git remembers a version that is gone.",
    matters: "Nothing is encrypted to people whom no admin vouched for, and nothing that they sign counts.",
    action: "Look at `git log -p -- secretctl.toml sealed/roots.jsonl`. A change that is meant is signed with `secretctl admin vouch`; otherwise restore both files.",
    example: "error[roots::differ]: `secretctl.toml` names people for whom no admin has vouched: admin `eve` is new\n  --> secretctl.toml",
};

static PUBLIC: Lesson = Lesson {
    means: "The ledger line of a value has the digest of its public half. The file below `public/` is another, or is not there.",
    matters: "Peers and evaluations believe that file: with another public key in it they would talk to somebody else.",
    action: "`git checkout HEAD -- public/`, and trust nothing that was built with the wrong one. If it is lost for good, `secretctl rotate NAME` makes a new pair.",
    example: "error[public::changed]: the public half of `wireguard/forge/key` is not the one that was written with its value\n  --> public/wireguard/forge/key.pub",
};

static UNVOUCHED: Lesson = Lesson {
    means: "A source counts only if the last line of its ledger, signed by an admin, names its digest. This one does not.",
    matters: "Whoever can write to the repository could have put it there; hosts would get a value of their choice.",
    action: "Find out where it comes from with `git log -p -- secrets/`. Bring the right one back with `git checkout`, or take \
             this value over as yours: `age --decrypt … | secretctl set SECRET`.",
    example: "error[store::source_changed]: `secrets/shared/token.age` is not the file that its ledger vouches for",
};

static MISSING: Lesson = Lesson {
    means: "The ledger says that the secret has a value, and the file is gone.",
    matters: "At the next seal every host would lose it.",
    action: "`git checkout HEAD -- secrets/SECRET.age`, or `secretctl rm SECRET` if it should be gone.",
    example: "error[store::source_missing]: the source of `shared/token` is missing, and its ledger does not say that it was removed",
};

static LEDGER: Lesson = Lesson {
    means: "Each line of a ledger is signed by an admin and names the digest of the line before. One of them does not hold, so \
            the history of the secret was rewritten, cut short, or added to by somebody who may not.",
    matters: "Due dates, exposure and the value itself follow from this history; none of it can be believed.",
    action: "`git log -p -- secrets/SECRET.ledger` shows who changed it. Bring the last good one back, then treat the value as known to \
             whoever did it.",
    example: "error[ledger::signature]: line 2 of `secrets/shared/token.ledger` does not count",
};

static UNMERGED: Lesson = Lesson {
    means: "Two branches wrote to the same ledger, and Git's conflict marks are still in it.",
    matters: "Until it is settled nobody knows which value is meant.",
    action: "Take the ledger and the source of one side, then make the change of the other side anew.",
    example: "error[ledger::unmerged]: `secrets/shared/token.ledger` holds the marks of a merge that was not settled",
};

static TAMPERED: Lesson = Lesson {
    means: "The manifest of a host is not signed by an admin, a copy does not have the digest that the manifest names, a file lies \
            there that it does not list, or source and ledger were put back to the past.",
    matters: "A host refuses such a tree. Somebody, or a bad merge, changed what only `secretctl seal` writes.",
    action: "Find out what happened with `git log -p -- sealed/`. `secretctl seal --repair` makes the tree anew; without it, `seal` leaves it.",
    example: "error[sealed::tampered]: host `luna` has a damaged copy of `shared/token`\n  --> sealed/luna",
};

static DRIFT: Lesson = Lesson {
    means: "The policy, the fleet or a source changed, and nobody has sealed since.",
    matters: "Hosts still have what they may not read any more, or lack what they need.",
    action: "`secretctl seal`; `secretctl seal --check` shows first what it would do.",
    example: "error[sealed::drift]: host `forge` still has `shared/token`, which it may no longer read\n  --> sealed/forge",
};

static RECIPIENTS: Lesson = Lesson {
    means: "By its ledger the source is encrypted to somebody who is no editor of it, or not to somebody who is.",
    matters: "Somebody can read what they should not, or an editor cannot work.",
    action: "If `git log -p secretctl.toml` shows a change that is meant, run `secretctl rekey`.",
    example: "error[store::recipients]: the source of `shared/token` is still encrypted to admin `bob`",
};

static INTERRUPTED: Lesson = Lesson {
    means: "A command was stopped between its files; the rest of its change waits in Git's own folder.",
    matters: "What lies in the repository is half old and half new.",
    action: "`secretctl seal` completes the change first.",
    example: "error[store::interrupted]: a change was interrupted and waits to be completed",
};

static OLD_JOURNAL: Lesson = Lesson {
    means: "`.secretctl/change` in the work tree holds a list of steps. Version 0.1 kept those of an interrupted change there; a commit can bring them too.",
    matters: "It is never carried out. If it was yours, what lies in the repository may be half old and half new.",
    action: "`git ls-files .secretctl` tells whether a commit brought it. If not, `git checkout HEAD -- secrets sealed public`, remove `.secretctl`, and run the interrupted command again.",
    example: "error[store::old_journal]: `.secretctl/change` holds an interrupted change, and nothing in the work tree is carried out",
};

static STRAY: Lesson = Lesson {
    means: "Below `secrets/` lies a file that is neither `NAME.age` nor `NAME.ledger`.",
    matters: "It may be plaintext that somebody meant to store, and it is about to be committed.",
    action: "Store it with `secretctl set NAME --from-file FILE` and remove it, or move it away.",
    example: "error[store::stray]: `secrets/notes.txt` does not belong below `secrets/`: it is no source",
};

static TWO_SOURCES: Lesson = Lesson {
    means: "It is not clear which file holds the value of a secret.",
    matters: "Which of the two is meant decides over everything else, so nothing else was looked at.",
    action: "Remove the one that is not meant, and run the command again.",
    example: "error[store::two_sources]: two sources for one name: `secrets/a.age` and `secrets/A.age`",
};

static FILE: Lesson = Lesson {
    means: "The operating system refused to give a file.",
    matters: "What could not be read was not checked.",
    action: "Look at the rights of the file and at the disk, then run the command again.",
    example: "error[fs::failed]: cannot read `result/luna.json`: Permission denied (os error 13)",
};
