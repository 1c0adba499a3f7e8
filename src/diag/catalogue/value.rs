//! Rotation, exposure, expiry and strength.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::Severity::Note;
use super::Severity::Warning;
use super::found;

pub(super) const KINDS: &[Kind] = &[
    found("rotation::overdue", Error, "A value is past its period", &OVERDUE),
    found("rotation::soon", Warning, "A value is due within its warning", &SOON),
    found(
        "rotation::never",
        Warning,
        "A value has never been renewed in a year, and no rule says that it may stay",
        &NEVER,
    ),
    found("rotation::unproven", Note, "Nobody held a new value against the one before", &UNPROVEN),
    found("rotation::no_rule", Note, "Secrets without a period", &NO_RULE),
    found("exposure::admin", Error, "An admin who may not read a secret any more knows its value", &EXPOSURE),
    found("exposure::host", Error, "A host that may not read a secret any more knows its value", &EXPOSURE),
    found(
        "exposure::key",
        Error,
        "The holder of a key that the fleet does not name any more knows a value",
        &EXPOSURE,
    ),
    found("exposure::renamed", Note, "A host goes by another name", &RENAMED),
    found("value::expired", Error, "A certificate, token or key has ended", &EXPIRED),
    found("value::expires_soon", Warning, "A certificate, token or key is about to end", &EXPIRES_SOON),
    found("value::weak", Warning, "A value could be found by trying", &WEAK),
    found("value::duplicate", Warning, "Two secrets have the same value", &DUPLICATE),
    found("value::unfit", Error, "A value is not what the policy asks for", &UNFIT),
    found("value::closed", Note, "A value that no identity at hand opens was not looked at", &CLOSED),
];

static RENAMED: Lesson = Lesson {
    means: "A host that knows values in use is gone from the fleet, or may not read them any more, and a host that may has \
            every key to which they were sealed for it, by manifests that admins signed. The new one had no sealed tree beside it, \
            so it is taken for the same machine.",
    matters: "A rename takes nothing from anybody, so no new value is needed. If these are two machines, the one that is \
              gone still knows the values, and its key opens what the other one gets.",
    action: "Nothing, if the host was renamed. Otherwise give the new host a key of its own, and the secrets new values.",
    example: "note[exposure::renamed]: host `anvil` has the keys of `forge`, which is gone: it was renamed, so what it \
              knows is no exposure",
};

static OVERDUE: Lesson = Lesson {
    means: "`rotate(..).every(..)` gives the secret a period, and its value has not really changed for longer than that. \
            A rekey, or the same bytes saved once more, does not begin a new period.",
    matters: "A value that leaked without anybody noticing works for whoever has it until it is replaced.",
    action: "Give it a new value: `secretctl edit SECRET`, or as the runbook says that the finding names. If the \
             period is too short to be kept, change the rule: a rule that is always broken protects nothing.",
    example: "error[rotation::overdue]: revision 1 of `shared/token` is due since 2027-02-18\n  \
              --> secrets/shared/token.ledger:1\n  help: `secretctl edit shared/token`; ask alice",
};

static SOON: Lesson = Lesson {
    means: "The period of `rotate(..).every(..)` ends within the warning: `.warn(..)`, else a tenth of the period and \
            two weeks at most.",
    matters: "After that day it is an error.",
    action: "Renew it while there is time to plan: `secretctl audit --at DATE` shows what else falls due.",
    example: "warning[rotation::soon]: revision 1 of `shared/token` is due on 2027-02-18",
};

static NEVER: Lesson = Lesson {
    means: "The secret still has its first value after a year, and no `rotate(..)` covers it.",
    matters: "Nobody knows who saw it in that time, and nobody has tried whether it can be replaced at all.",
    action: "Renew it once, or write down that it may stay: `rotate(\"SECRET\").every(\"5y\")`.",
    example: "warning[rotation::never]: `shared/token` has its first value since 2025-11-19",
};

static UNPROVEN: Lesson = Lesson {
    means: "The ledger says that a value is new, and whoever wrote it had no identity to compare it with the old one.",
    matters: "The same bytes under a new number would look like a rotation.",
    action: "If it was not new, renew it with `secretctl edit SECRET`, where an identity is at hand.",
    example: "note[rotation::unproven]: nobody looked whether revision 2 of `shared/token` differs from the one before",
};

static NO_RULE: Lesson = Lesson {
    means: "No `rotate(..)` covers these secrets, so they never fall due.",
    matters: "What has no period is renewed after an accident, if at all.",
    action: "End your policy with a rule for the rest: `rotate(\"**\").every(\"2y\")`.",
    example: "note[rotation::no_rule]: no `rotate(..)` says when 52 secrets are due, `backup/forge/offsite-env` among them",
};

static EXPOSURE: Lesson = Lesson {
    means: "Somebody who could read this revision may not read the secret any more, and the revision is still in use. \
            It follows from the ledger alone: who the source was encrypted to, which hosts had a copy, and who may \
            have it now. A grant that ended, a host that was removed, revoked or whose key was in other hands, and an \
            admin who left all count; old ciphertext stays in Git for whoever kept a key.",
    matters: "Taking away a grant takes no knowledge away. Only a new value does.",
    action: "Renew the value, and where it is accepted (a database, a provider) end the old one.",
    example: "error[exposure::admin]: admin `bob` knows revision 1 of `shared/token`, which is in use: they have left\n  \
              --> secrets/shared/token.ledger:1",
};

static EXPIRED: Lesson = Lesson {
    means: "The value says of itself when it ends (X.509, JWT, PGP, ssh certificate); that day was written down when \
            it was edited, and has passed.",
    matters: "Whatever uses it has stopped working, or accepts what it should refuse.",
    action: "Renew it: `secretctl edit SECRET`.",
    example: "error[value::expired]: the value of `web/tls/cert` says of itself that it ended at 2027-01-31 00:00 UTC",
};

static EXPIRES_SOON: Lesson = Lesson {
    means: "The value says of itself that it ends within the warning: `.warn(..)` of its `rotate(..)`, else 30 days.",
    matters: "After that day whatever uses it stops working.",
    action: "Renew it before: `secretctl edit SECRET`.",
    example: "warning[value::expires_soon]: the value of `web/tls/cert` says of itself that it ends at 2027-01-31 00:00 UTC",
};

static WEAK: Lesson = Lesson {
    means: "When it was written, the value was so short, or of so few kinds of characters, that it could be found by \
            trying. Nothing but that verdict was written down.",
    matters: "Whoever can ask the service, or has a hash of the value, can find it.",
    action: "Let a generator make a new one, or `secretctl edit SECRET`.",
    example: "warning[value::weak]: the value of `shared/token` is so short, or of so few kinds of characters, that it \
              could be found by trying",
};

static DUPLICATE: Lesson = Lesson {
    means: "`secretctl audit --duplicates` opened the values, in memory, and these are the same.",
    matters: "Whoever may read one knows the others, whatever the policy says.",
    action: "Give each its own value, or keep one secret and let the policy grant it to all who need it.",
    example: "warning[value::duplicate]: `forge/sonarr/api-key`, `shared/token` have the same value",
};

static UNFIT: Lesson = Lesson {
    means: "`secretctl check --values` opened the value, and a `validate(..)` of the policy does not hold for it.",
    matters: "The service that reads it will likely not start, or reads something else than was meant.",
    action: "Give it another with `secretctl edit SECRET`, or change the policy.",
    example: "error[value::unfit]: the value of `web/tls/key` is not as the policy asks: it is no PEM (policies/values.rhai:3)",
};

static CLOSED: Lesson = Lesson {
    means: "A check that needs values skipped this one, because no identity at hand opens it.",
    matters: "Nothing is known to be wrong; it was just not looked at.",
    action: "Let one of its editors run the same command.",
    example: "note[value::closed]: no identity at hand opens `shared/token`, so its value was not checked",
};
