//! The program as people and CI meet it: exit codes, wording, and the promises of the design, tried to break.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod common;

mod cli {
    mod adopt;
    mod audit;
    mod audit_formats;
    mod bootstrap;
    mod ci_audit;
    mod crash;
    mod declared;
    mod denied;
    mod diff;
    mod diff_documents;
    mod documents;
    mod documents_attack;
    mod documents_crash;
    mod documents_flat;
    mod documents_gpg;
    mod documents_input;
    mod documents_leaks;
    mod documents_scale;
    mod edit;
    mod editors;
    mod enforcement;
    mod guide;
    mod history;
    mod host_set;
    mod identity;
    mod leaks;
    mod ledger;
    mod lock;
    mod merge;
    mod merge_documents;
    mod mistakes;
    mod named_admins;
    mod paste;
    mod people;
    mod policy;
    mod policy_access;
    mod policy_diff;
    mod policy_lint;
    mod policy_matrix;
    mod programs;
    mod report;
    mod roots;
    mod rotate;
    mod run;
    mod seal;
    mod settle;
    mod status;
    mod stranger;
    mod tamper;
    mod upgrade;
    mod values;
}
