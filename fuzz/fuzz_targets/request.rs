//! Requests: no bytes make the parser panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = secretctl::host::Request::parse(bytes, &secretctl::host::Places::of_anybody());
});
