//! SOPS files: no bytes make the reader of any format panic, and what it accepts keeps its bytes.
#![no_main]

use std::path::Path;

use secretctl::sops::Document;
use secretctl::sops::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary] {
        let _ = Document::is_sops(bytes, format);
        if let Ok(document) = Document::parse(bytes, format, Path::new("file")) {
            assert_eq!(document.bytes(), bytes);
        }
    }
});
