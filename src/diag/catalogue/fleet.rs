//! What `secretctl.toml` allows and an administrator should not have.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::Severity::Warning;
use super::found;
use super::mistake;

pub(super) const KINDS: &[Kind] = &[
    found("fleet::no_signer", Error, "No active admin has a signing key", &NO_SIGNER),
    found("fleet::no_recovery", Warning, "There is no recovery recipient", &NO_RECOVERY),
    found("fleet::pending", Warning, "A host has a key and is still pending", &PENDING),
    found("fleet::shared_recipient", Error, "Two holders share one key", &SHARED),
    mistake("fleet::unknown_host", "A request is for a host that the fleet does not have", &UNKNOWN_HOST),
];

static NO_SIGNER: Lesson = Lesson {
    means: "Nobody in `secretctl.toml` can sign, so nothing can be sealed and no ledger line can be written.",
    matters: "The fleet is as it is and cannot be changed.",
    action: "Add `signing-keys = [\"ssh-ed25519 AAAA…\"]` to an admin.",
    example: "error[fleet::no_signer]: no active admin has a signing key, so nothing can be sealed",
};

static NO_RECOVERY: Lesson = Lesson {
    means: "Sources are encrypted to admins alone.",
    matters: "If every admin loses their key, every value is lost.",
    action: "Make a key that is kept offline, name its public half in `[recovery]`, and run `secretctl rekey`.",
    example: "warning[fleet::no_recovery]: there is no recovery recipient: if every admin loses their key, the values are lost",
};

static PENDING: Lesson = Lesson {
    means: "The host got its key, and `state = \"pending\"` was left in place.",
    matters: "It gets no secrets, and its services will not start.",
    action: "Remove `state = \"pending\"`, then run `secretctl seal`.",
    example: "warning[fleet::pending]: host `luna` has a key and is still pending, so it gets nothing",
};

static SHARED: Lesson = Lesson {
    means: "Hosts, admins or recovery use the same key.",
    matters: "Whoever holds it reads what is meant for either, so policy cannot keep them apart.",
    action: "Give each a key of its own, then run `secretctl rekey` and `secretctl seal`.",
    example: "error[fleet::shared_recipient]: host `forge` and host `luna` share the key `age1…`, so policy can't keep them apart",
};

static UNKNOWN_HOST: Lesson = Lesson {
    means: "`secretctl check --request` was given a request whose host is not in `secretctl.toml`.",
    matters: "It would get nothing.",
    action: "Correct the name, or add the host with `secretctl host add`.",
    example: "error[fleet::unknown_host]: there is no host `lunna` in `secretctl.toml`\n  help: did you mean `luna`?",
};
