//! Ledgers: no bytes make the parser panic, and nothing verifies without a known author.
#![no_main]

use secretctl::ledger::Authors;
use secretctl::ledger::Ledger;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::path::Path::new("secrets/a.ledger");
    let Ok(ledger) = Ledger::parse(bytes, path) else { return };
    let empty = ledger.lines().is_empty();
    let secret = "a".parse().expect("a name");
    assert_eq!(ledger.verify(&secret, &Authors::default(), path).is_ok(), empty);
});
