//! What the policy declares besides who reads what, and mistakes in its tests.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::found;
use super::mistake;

pub(super) const KINDS: &[Kind] = &[
    found("policy::empty", Error, "No rule is declared", &EMPTY),
    found("policy::invariant", Error, "Something is allowed that must never be", &INVARIANT),
    found("policy::test", Error, "A test of the policy fails", &TEST),
    found(
        "policy::first_boot",
        Error,
        "A host needs a secret to come up, and it does not exist",
        &FIRST_BOOT,
    ),
    found("policy::no_editor", Error, "Nobody but recovery could decrypt a source", &NO_EDITOR),
    mistake("policy::syntax", "A test of the policy does not parse", &MISTAKE),
    mistake(
        "policy::unknown_function",
        "A test of the policy calls a function that does not exist",
        &MISTAKE,
    ),
    mistake("policy::unknown_variable", "A test of the policy uses a variable that does not exist", &MISTAKE),
    mistake(
        "policy::unknown_property",
        "A test of the policy asks for a property that does not exist",
        &MISTAKE,
    ),
    mistake("policy::unknown_host", "A test of the policy names a host that does not exist", &MISTAKE),
    mistake("policy::unknown_import", "A test of the policy imports a file that does not exist", &MISTAKE),
    mistake("policy::unknown_admin", "A test of the policy names an admin who does not exist", &MISTAKE),
    mistake("policy::pattern", "A test of the policy has a pattern that does not parse", &MISTAKE),
    mistake("policy::selector", "A test of the policy has a selector that does not parse", &MISTAKE),
    mistake("policy::date", "A test of the policy has a date that does not parse", &MISTAKE),
    mistake("policy::period", "A test of the policy has a period that does not parse", &MISTAKE),
    mistake("policy::argument", "A test of the policy gives an argument that does not fit", &MISTAKE),
    mistake("policy::limit", "A test of the policy takes too long or too much", &MISTAKE),
    mistake("policy::script", "A test of the policy fails while it runs", &MISTAKE),
];

static EMPTY: Lesson = Lesson {
    means: "`policies/` holds no rule.",
    matters: "Nobody may read anything; sealing would take every copy from every host.",
    action: "Write rules into `policies/*.rhai`, or bring them back: `git checkout HEAD -- policies`.",
    example: "error[policy::empty]: no rule is declared, so nobody may read anything",
};

static INVARIANT: Lesson = Lesson {
    means: "A `never(..)` of the policy does not hold, now or from the day that a denial ends.",
    matters: "Somebody wrote down that this must not be, whatever another rule allows. `secretctl seal` refuses to seal it.",
    action: "`secretctl policy explain SECRET HOST SERVICE` names the rule that allows it: take it back or narrow it.",
    example: "error[policy::invariant]: `caddy` on `web-1` may read `prod/db/password`, which must never be",
};

static TEST: Lesson = Lesson {
    means: "A test in `policies/tests/` expects another answer than the rules give.",
    matters: "A change of a rule did more than was meant, or the test is old.",
    action: "`secretctl policy test` tells which rule spoke.",
    example: "error[policy::test]: a test of the policy fails: `dashboards`: expected `forge` to be allowed",
};

static FIRST_BOOT: Lesson = Lesson {
    means: "The policy says that a secret is needed for a host to come up, and nobody has made it.",
    matters: "The host does not come up.",
    action: "`secretctl edit SECRET`, or `secretctl generate` where a generator covers it.",
    example: "error[policy::first_boot]: `luna/system/root-password-hash` does not exist, and a host needs it to come up",
};

static NO_EDITOR: Lesson = Lesson {
    means: "`editors(..)` leaves a secret without an active admin, or no rule names one and every admin has `editor = \"named\"`.",
    matters: "Nobody can edit it without the recovery key.",
    action: "Name an active admin in `editors(..)`, take one of the lists away, or let an admin edit everything with `editor = \"all\"`.",
    example: "error[policy::no_editor]: no active admin is an editor of `shared/token`, so only recovery could decrypt it",
};

static MISTAKE: Lesson = Lesson {
    means: "A file in `policies/tests/` has a mistake. The same mistake in a rule stops the command instead.",
    matters: "None of the tests in that file was run.",
    action: "`secretctl policy test` underlines it.",
    example: "error[policy::syntax]: expecting ')'",
};
