//! Policies: no script makes the sandbox panic, hang or take the process down.
#![no_main]

use secretctl::fleet::Fleet;
use secretctl::policy::Policy;
use secretctl::policy::PolicyFile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let file = PolicyFile { path: "policies/access.rhai".into(), text: text.to_owned() };
    let _ = Policy::load(&[file], &Fleet::default());
});
