//! Lives of secrets, and every way to rewrite one.

use std::sync::Arc;

use super::*;
use crate::crypto::NoPrompt;
use crate::crypto::Prompt;
use crate::crypto::SignerSource;

struct Desk {
    _folder: tempfile::TempDir,
    alice: Signer,
    mallory: Signer,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = |name: &str| {
            let file = folder.path().join(name);
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&file)
                .status();
            assert!(made.unwrap().success());
            let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
            let source = SignerSource { file: Some(file), ..SignerSource::default() };
            Signer::find(&source, &|_| true, &prompt).unwrap()
        };
        let (alice, mallory) = (signer("alice"), signer("mallory"));
        Self { _folder: folder, alice, mallory }
    }

    fn authors(&self, removed: Option<&str>) -> Authors {
        let removed = removed.map(|time| time.parse().unwrap());
        let author = KnownAuthor { name: "alice".parse().unwrap(), removed, limited: None };
        Authors { keys: [(self.alice.key().clone(), author)].into(), fleet: None }
    }

    /// Created, edited, granted, revoked, rekeyed, removed, created again.
    fn life(&self) -> VerifiedLedger {
        use Event::{Created, Edited, Granted, Rekeyed, Removed, Revoked};
        let mut ledger = VerifiedLedger::default();
        for event in [Created, Edited, Granted, Revoked, Rekeyed, Removed, Created] {
            Self::append(&mut ledger, event, &self.alice);
        }
        ledger
    }

    fn append(ledger: &mut VerifiedLedger, event: Event, signer: &Signer) {
        let entry = Entry {
            event,
            key: None,
            source_sha256: (event != Event::Removed).then(|| Digest::of(b"source")),
            recipients: BTreeSet::new(),
            hosts: BTreeSet::new(),
            above: 0,
            value: None,
        };
        let name = "alice".parse().unwrap();
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let author = Author { name: &name, signer, now, fleet: None };
        ledger.append(&secret(), entry, author).unwrap();
    }

    fn read(&self, text: &str, removed: Option<&str>) -> Result<VerifiedLedger, LedgerError> {
        let path = Path::new("secrets/a/b.ledger");
        Ledger::parse(text.as_bytes(), path)?.verify(&secret(), &self.authors(removed), path)
    }
}

fn secret() -> SecretName {
    "a/b".parse().unwrap()
}

fn text(ledger: &VerifiedLedger) -> String {
    String::from_utf8(ledger.bytes().to_vec()).unwrap()
}

#[test]
fn a_life_is_read_back_with_its_revisions() {
    let desk = Desk::new();
    let ledger = desk.life();
    let read = desk.read(&text(&ledger), None).unwrap();
    assert_eq!(read.lines(), ledger.lines());
    let revisions: Vec<u64> = read.lines().iter().map(|line| line.revision).collect();
    assert_eq!(revisions, [1, 2, 2, 2, 2, 2, 3]);
}

#[test]
fn no_line_can_be_dropped_moved_doubled_or_cut() {
    let desk = Desk::new();
    let whole = text(&desk.life());
    let lines: Vec<&str> = whole.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    // The last line may be missing: that is what the ledger was before it.
    for at in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(at);
        assert!(desk.read(&join(&fewer), None).is_err(), "dropped line {at}");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert!(desk.read(&join(&swapped), None).is_err(), "swapped line {at}");
    }
    for at in 0..lines.len() {
        let mut doubled = lines.clone();
        doubled.insert(at, lines.get(at).unwrap());
        assert!(desk.read(&join(&doubled), None).is_err(), "doubled line {at}");
    }
    for length in 1..whole.len() {
        let cut = whole.get(..length).unwrap();
        assert!(cut.ends_with('\n') || desk.read(cut, None).is_err(), "cut at {length}");
    }
}

#[test]
fn no_byte_of_a_line_can_be_changed() {
    let desk = Desk::new();
    let mut ledger = VerifiedLedger::default();
    Desk::append(&mut ledger, Event::Created, &desk.alice);
    let whole = ledger.bytes().to_vec();
    for at in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        *changed.get_mut(at).unwrap() ^= 1;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        assert!(desk.read(&changed, None).is_err(), "changed at {at}");
    }
}

#[test]
fn only_a_known_author_counts_and_only_until_they_left() {
    let desk = Desk::new();
    let mut ledger = VerifiedLedger::default();
    Desk::append(&mut ledger, Event::Created, &desk.mallory);
    assert!(matches!(desk.read(&text(&ledger), None), Err(LedgerError::Signature { number: 1, .. })));

    let ledger = text(&desk.life());
    assert!(desk.read(&ledger, Some("2026-11-21T00:00:00Z")).is_ok());
    assert!(matches!(desk.read(&ledger, Some("2026-11-19T00:00:00Z")), Err(LedgerError::Author { .. })));
}

#[test]
fn a_new_value_gets_a_number_above_every_known_one() {
    let desk = Desk::new();
    let mut ledger = VerifiedLedger::default();
    Desk::append(&mut ledger, Event::Created, &desk.alice);
    let first = ledger.value_line();
    let entry = Entry {
        event: Event::Edited,
        key: None,
        source_sha256: Some(Digest::of(b"source")),
        recipients: BTreeSet::new(),
        hosts: BTreeSet::new(),
        above: 7,
        value: None,
    };
    let name = "alice".parse().unwrap();
    let now = "2026-11-20T10:00:00Z".parse().unwrap();
    let author = Author { name: &name, signer: &desk.alice, now, fleet: None };
    ledger.append(&secret(), entry, author).unwrap();
    let made = ledger.value_line();
    Desk::append(&mut ledger, Event::Granted, &desk.alice);
    let read = desk.read(&text(&ledger), None).unwrap();
    assert_eq!(read.head().unwrap().revision, 8);
    assert_ne!(first, made);
    assert_eq!(read.value_line(), made);
}

#[test]
fn a_ledger_of_another_secret_is_refused() {
    let desk = Desk::new();
    let path = Path::new("x");
    let parsed = Ledger::parse(desk.life().bytes(), path).unwrap();
    let other = "a/c".parse().unwrap();
    assert!(parsed.verify(&other, &desk.authors(None), path).is_err());
}

#[test]
fn a_newer_line_is_refused_with_the_way_out() {
    let newer = "{\"version\":3,\"event\":\"x\",\"sig\":\"AAAA\"}\n";
    let error = Ledger::parse(newer.as_bytes(), Path::new("x")).unwrap_err();
    assert!(matches!(error, LedgerError::Version { number: 1, found: 3, .. }));
}

/// Two branches of one created secret: ours is granted to a host, theirs does what `events` say.
fn branches(desk: &Desk, events: &[Event]) -> (VerifiedLedger, VerifiedLedger) {
    let mut base = VerifiedLedger::default();
    Desk::append(&mut base, Event::Created, &desk.alice);
    let (mut ours, mut theirs) = (base.clone(), base);
    Desk::append(&mut ours, Event::Granted, &desk.alice);
    for event in events {
        Desk::append(&mut theirs, *event, &desk.alice);
    }
    (ours, theirs)
}

fn joined(desk: &Desk, ours: &VerifiedLedger, theirs: &VerifiedLedger, event: Event) -> VerifiedLedger {
    let last = theirs.head().unwrap();
    let entry = Entry {
        event,
        key: None,
        source_sha256: last.source_sha256,
        recipients: last.recipients.clone(),
        hosts: last.hosts.clone(),
        above: 0,
        value: None,
    };
    let name = "alice".parse().unwrap();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let author = Author { name: &name, signer: &desk.alice, now, fleet: None };
    let mut joined = ours.clone();
    joined.join(theirs, &secret(), entry, author).unwrap();
    joined
}

#[test]
fn a_joined_ledger_holds_has_every_line_of_both_and_tells_whose_value_is_current() {
    let desk = Desk::new();
    let (ours, theirs) = branches(&desk, &[Event::Edited, Event::Revoked]);
    let both = joined(&desk, &ours, &theirs, Event::Merged);
    let read = desk.read(&text(&both), None).unwrap();
    assert_eq!(read.lines().len(), 5);
    assert_eq!((read.relation(&ours), read.relation(&theirs)), (Relation::Contains, Relation::Contains));
    assert_eq!(read.value_line(), theirs.value_line());
    assert_eq!(both.value_line(), read.value_line());
    assert_eq!(read.head().unwrap().revision, 2);
    let mut on = read.clone();
    Desk::append(&mut on, Event::Edited, &desk.alice);
    assert_eq!(desk.read(&text(&on), None).unwrap().head().unwrap().revision, 3);
    // The same two histories, joined by the other side at the same time, and both of these joined again.
    let other = joined(&desk, &theirs, &ours, Event::Merged);
    let again = joined(&desk, &on, &other, Event::Edited);
    assert_eq!(desk.read(&text(&again), None).unwrap().head().unwrap().revision, 4);
}

#[test]
fn nobody_makes_a_joined_ledger_from_parts_of_one() {
    let desk = Desk::new();
    let (ours, theirs) = branches(&desk, &[Event::Edited, Event::Revoked]);
    let both = text(&joined(&desk, &ours, &theirs, Event::Merged));
    let lines: Vec<&str> = both.lines().collect();
    let put = |numbers: &[usize]| {
        let chosen = numbers.iter().filter_map(|at| lines.get(*at));
        chosen.fold(String::new(), |text, line| text + *line + "\n")
    };
    // Without the joining line, without a line of either branch, and with a line twice.
    for wrong in [&[0, 1, 2, 3][..], &[0, 2, 3, 4], &[0, 1, 3, 4], &[0, 1, 2, 4], &[0, 1, 2, 3, 4, 1]] {
        let error = desk.read(&put(wrong), None).unwrap_err();
        assert!(matches!(error, LedgerError::Chain { .. }), "{wrong:?}: {error:?}");
    }
    let read = desk.read(&put(&[0, 2, 3, 1, 4]), None).unwrap();
    assert_eq!(read.value_line(), theirs.value_line(), "the order of branches decides nothing");
}

#[test]
fn two_values_with_one_number_are_never_joined_as_one() {
    let desk = Desk::new();
    let (_, theirs) = branches(&desk, &[Event::Edited]);
    let (_, mut ours) = branches(&desk, &[]);
    Desk::append(&mut ours, Event::Rotated, &desk.alice);
    let wrong = joined(&desk, &ours, &theirs, Event::Merged);
    assert!(matches!(desk.read(&text(&wrong), None), Err(LedgerError::Chain { number: 4, .. })));
    let right = joined(&desk, &ours, &theirs, Event::Edited);
    assert_eq!(desk.read(&text(&right), None).unwrap().head().unwrap().revision, 3);
}

#[test]
fn what_only_one_branch_touched_settles_itself() {
    let desk = Desk::new();
    let (ours, theirs) = branches(&desk, &[Event::Revoked]);
    assert_eq!(ours.settled(&theirs).unwrap().event, Event::Merged);
    let (ours, theirs) = branches(&desk, &[Event::Removed]);
    assert!(ours.settled(&theirs).is_none(), "a removal is for a person to decide");
}
