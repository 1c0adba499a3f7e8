//! Documents: files of several secrets, such as SOPS files.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::Severity::Note;
use super::Severity::Warning;
use super::broken;
use super::found;

pub(super) const KINDS: &[Kind] = &[
    broken("document::unadopted", "No ledger vouches for values of a document", &UNADOPTED),
    found("document::changed", Warning, "A document was changed, and none of its values", &CHANGED),
    found(
        "document::beyond_policy",
        Error,
        "A host opens a document with secrets it is not granted",
        &BESIDE,
    ),
    found("document::legacy", Warning, "Keys of another tool still open a document", &LEGACY),
    found(
        "document::foreign_key",
        Note,
        "A document can be opened through a key that is none of age",
        &FOREIGN,
    ),
    found("document::unnamable", Warning, "A key of a document can't be the name of a secret", &UNNAMABLE),
    found("document::missing", Error, "A document that the fleet names is not there", &MISSING),
];

static UNADOPTED: Lesson = Lesson {
    means: "The ciphertext of these values is not the one in their ledgers, or they have no ledger. Somebody wrote the document with `sops` or another tool, or replaced it.",
    matters: "A value that no admin signed for is not sealed for any host. Whoever can push could have put their own in its place.",
    action: "Look at `git log -p` of the file. If the change is meant, `secretctl adopt` opens the document, checks its integrity and signs for it; if not, bring the file back with `git checkout`.",
    example: "error[document::unadopted]: no ledger vouches for a value of the document `secrets/forge.sops.yaml`: `forge/sonarr/api-key`",
};

static CHANGED: Lesson = Lesson {
    means: "The document has another stanza, MAC, date or order than an admin left it with, and its values are the ones that ledgers vouch for. Its metadata say, signed, how it was left.",
    matters: "One changed stanza or MAC is enough that nobody can open the document, and nobody can tell that without a key. `sops updatekeys` changes stanzas as well.",
    action: "Look at `git log -p` of the file. `secretctl adopt` opens the document, checks its integrity and signs how it is now; if it does not open, bring the file back with `git checkout`.",
    example: "warning[document::changed]: `secrets/forge.sops.yaml` was changed after an admin left it, though none of its values was: perhaps nobody can open it any more",
};

static BESIDE: Lesson = Lesson {
    means: "`direct` in `secretctl.toml` lets a host open the whole file, for as long as another tool reads it there. Policy does not grant the host every secret in it.",
    matters: "What policy denies must not be readable with the host's key; here it is.",
    action: "Take the host out of `direct`, or move the secrets it may not read to another document with `secretctl mv`, then run `secretctl rekey`.",
    example: "error[document::beyond_policy]: host `luna` opens `secrets/forge.sops.yaml` itself, and policy does not grant it `forge/sonarr/api-key`",
};

static LEGACY: Lesson = Lesson {
    means: "`legacy-recipients` in `secretctl.toml` are keys that could open the document when it was imported. They stay until nobody needs them any more.",
    matters: "Whoever holds such a key reads every value in the document, whatever policy says.",
    action: "When no host reads the document with the other tool any more, run `secretctl rekey --settle`; then rotate what `secretctl audit` calls exposed.",
    example: "warning[document::legacy]: `hosts/forge/secrets.sops.yaml` can still be opened with keys of another tool (6)",
};

static FOREIGN: Lesson = Lesson {
    means: "The document names a PGP key or a key of a key management service besides its age recipients.",
    matters: "Nobody can tell from the repository who uses that key. It reads every value in the document.",
    action: "Nothing, if it is the key of an admin. If nobody needs it, `secretctl rekey --drop-foreign`.",
    example: "note[document::foreign_key]: `secrets/forge.sops.yaml` can also be opened through pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21",
};

static UNNAMABLE: Lesson = Lesson {
    means: "The key is empty or too long to be a part of a secret's name. It is kept in the document as it is.",
    matters: "No rule can speak about it and no host gets it.",
    action: "Give it another name with `sops` or `secretctl edit`.",
    example: "warning[document::unnamable]: `db/` in `secrets/forge.sops.yaml` can't be a secret: one of its keys is empty",
};

static MISSING: Lesson = Lesson {
    means: "`secretctl.toml` names a document whose file is not in the repository.",
    matters: "Its secrets are gone: hosts keep what they have and get nothing new.",
    action: "Bring the file back with `git checkout HEAD -- FILE`, or remove its table from `secretctl.toml` if it is gone for good.",
    example: "error[document::missing]: the document `forge` of `secretctl.toml` is not there",
};
