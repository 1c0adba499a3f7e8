//! Manifests: no bytes make the parser panic, and what it accepts survives being written.
#![no_main]

use secretctl::manifest::Manifest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse_unverified(bytes) else { return };
    let again = Manifest::parse_unverified(&manifest.to_bytes()).expect("our own bytes");
    assert_eq!(again, manifest);
});
