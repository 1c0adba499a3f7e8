//! `secretctl.toml`: no text makes the parser panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = secretctl::fleet::Fleet::parse(text, std::path::Path::new("secretctl.toml"));
});
