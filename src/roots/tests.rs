//! Chains of roots, and every way to get a key into one that nobody vouched for.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::crypto::NoPrompt;
use crate::crypto::Prompt;
use crate::crypto::Signer;
use crate::crypto::SignerSource;

const FLEET: &str = "00112233445566778899aabbccddeeff";

fn signer(folder: &Path, name: &str) -> Signer {
    let file = folder.join(name);
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
    let source = SignerSource { file: Some(file), ..SignerSource::default() };
    Signer::find(&source, &|_| true, &prompt).unwrap()
}

struct Desk {
    _folder: tempfile::TempDir,
    alice: Signer,
    bo: Signer,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (alice, bo) = (signer(folder.path(), "alice"), signer(folder.path(), "bo"));
        Self { _folder: folder, alice, bo }
    }

    fn people(admins: &[(&str, &Signer, Role)]) -> People {
        let admin = |(name, signer, role): &(&str, &Signer, Role)| {
            let signing_keys = [signer.key().clone()].into();
            (name.parse().unwrap(), RootAdmin { role: *role, signing_keys, ..RootAdmin::default() })
        };
        People { admins: admins.iter().map(admin).collect(), recovery: BTreeSet::new() }
    }

    fn alone(&self) -> Roots {
        let people = Self::people(&[("alice", &self.alice, Role::Full)]);
        Roots::first(FLEET.parse().unwrap(), people, voucher(&self.alice)).unwrap()
    }
}

fn voucher(signer: &Signer) -> Voucher<'_> {
    static NAME: std::sync::LazyLock<AdminName> = std::sync::LazyLock::new(|| "alice".parse().unwrap());
    Voucher { name: &NAME, signer, now: "2026-11-20T10:00:00Z".parse().unwrap() }
}

fn refused(text: &str) -> RootsError {
    Roots::verify(text.as_bytes()).unwrap_err()
}

#[test]
fn a_list_is_read_back_and_grows_by_what_the_version_before_vouched_for() {
    let desk = Desk::new();
    let both = Desk::people(&[("alice", &desk.alice, Role::Full), ("bo", &desk.bo, Role::Full)]);
    let first = desk.alone();
    let second = first.clone().next(both.clone(), voucher(&desk.alice)).unwrap();
    let third = second.next(Desk::people(&[("bo", &desk.bo, Role::Full)]), voucher(&desk.bo)).unwrap();

    let read = Roots::verify(third.bytes()).unwrap();
    assert_eq!((read.head().number, read.pin()), (3, third.pin()));
    assert!(read.holds(&first.pin()));
    assert!(!first.holds(&third.pin()));
    assert_eq!(read.head().people.full_keys(), [desk.bo.key().clone()].into());
    assert!(read.is_vouched_by(&[desk.alice.key().clone()].into()));
}

#[test]
fn a_key_that_no_full_admin_before_vouched_for_does_not_count() {
    let desk = Desk::new();
    let both = Desk::people(&[("alice", &desk.alice, Role::Full), ("bo", &desk.bo, Role::Full)]);
    let own = desk.alone().next(both, voucher(&desk.bo)).unwrap();
    assert!(matches!(
        refused(std::str::from_utf8(own.bytes()).unwrap()),
        RootsError::NotVouched { number: 2, .. }
    ));

    let limited = Desk::people(&[("alice", &desk.alice, Role::Full), ("bo", &desk.bo, Role::Named)]);
    let named = desk.alone().next(limited, voucher(&desk.alice)).unwrap();
    let alone = Desk::people(&[("bo", &desk.bo, Role::Full)]);
    let raised = named.next(alone, voucher(&desk.bo)).unwrap();
    assert!(matches!(
        refused(std::str::from_utf8(raised.bytes()).unwrap()),
        RootsError::NotVouched { number: 3, .. }
    ));
}

#[test]
fn a_first_version_vouches_for_itself_and_for_nobody_else() {
    let desk = Desk::new();
    let people = Desk::people(&[("alice", &desk.alice, Role::Full)]);
    let foreign = Roots::first(FLEET.parse().unwrap(), people, voucher(&desk.bo)).unwrap();
    let text = String::from_utf8(foreign.bytes().to_vec()).unwrap();
    assert!(matches!(refused(&text), RootsError::NotVouched { number: 1, .. }));
    assert!(!desk.alone().holds(&foreign.pin()));
}

#[test]
fn every_change_of_a_list_is_refused() {
    let desk = Desk::new();
    let both = Desk::people(&[("alice", &desk.alice, Role::Full), ("bo", &desk.bo, Role::Full)]);
    let list = desk.alone().next(both, voucher(&desk.alice)).unwrap();
    let text = String::from_utf8(list.bytes().to_vec()).unwrap();
    let (first, second) = text.trim_end().split_once('\n').unwrap();
    for changed in [
        String::new(),
        text.trim_end().to_owned(),
        format!("{second}\n{first}\n"),
        format!("{second}\n"),
        format!("{first}\n{first}\n"),
        format!("{first}\n{second}\n{second}\n"),
        text.replacen("\"role\":\"full\"", "\"role\":\"named\"", 1),
        text.replace("\"number\":2", "\"number\":3"),
        text.replace(FLEET, "ffeeddccbbaa99887766554433221100"),
        text.replacen("\"version\":1", "\"version\":1,\"more\":1", 1),
        text.replacen("\"version\":1", "\"version\":2", 1),
        format!("<<<<<<< ours\n{text}"),
    ] {
        assert_ne!(changed, text);
        assert!(Roots::verify(changed.as_bytes()).is_err(), "{changed}");
    }
}

#[test]
fn a_list_for_another_fleet_or_from_the_past_does_not_follow() {
    let desk = Desk::new();
    let people = Desk::people(&[("alice", &desk.alice, Role::Full)]);
    let before = Voucher { now: "2020-01-01T00:00:00Z".parse().unwrap(), ..voucher(&desk.alice) };
    let second = desk.alone().next(people.clone(), before).unwrap();
    assert_eq!(second.head().time, voucher(&desk.alice).now, "a clock that lags is not believed");
    assert!(Roots::verify(second.bytes()).is_ok());
}
