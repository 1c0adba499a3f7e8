//! Signatures: no text makes the parser panic, and what it accepts has one spelling.
#![no_main]

use secretctl::crypto::SshSignature;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(signature) = SshSignature::from_base64(text) else { return };
    assert_eq!(signature.to_base64(), text);
});
