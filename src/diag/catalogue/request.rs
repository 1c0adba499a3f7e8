//! What hosts ask for, with `check --request`.

use super::Kind;
use super::Lesson;
use super::Severity::Error;
use super::found;
use super::mistake;

pub(super) const KINDS: &[Kind] = &[
    found("request::missing", Error, "A host needs a secret that does not exist", &MISSING),
    found("request::denied", Error, "A host asks for a secret that policy denies it", &DENIED),
    mistake("request::malformed", "The request does not parse", &MISTAKE),
    mistake("request::version", "The request has a version that this program does not know", &MISTAKE),
    mistake("request::invalid", "The request has mistakes, each of them a finding of its own", &MISTAKE),
    mistake("request::as_is_folder", "The name of one file is the folder of another", &MISTAKE),
    mistake("request::as_twice", "Two entries have one name", &MISTAKE),
    mistake("request::folders", "Two folders of the request lie inside each other", &MISTAKE),
    mistake("request::group", "A group is no name or number", &MISTAKE),
    mistake("request::host", "The host is no host name", &MISTAKE),
    mistake(
        "request::identity_in_store",
        "An identity lies in the Nix store, which everybody can read",
        &MISTAKE,
    ),
    mistake("request::keep_generations", "Fewer than one generation would be kept", &MISTAKE),
    mistake("request::mode", "A mode is not allowed", &MISTAKE),
    mistake("request::name", "A name is not allowed", &MISTAKE),
    mistake("request::no_sealed_tree", "No sealed tree is named", &MISTAKE),
    mistake("request::no_trusted_key", "Nobody may sign the manifest", &MISTAKE),
    mistake("request::owner", "An owner is no name or number", &MISTAKE),
    mistake("request::path", "A path is not allowed", &MISTAKE),
    mistake("request::path_inside", "A path lies inside the folders of the generations", &MISTAKE),
    mistake("request::path_twice", "Two entries have one path", &MISTAKE),
    mistake("request::reserved", "A name is reserved", &MISTAKE),
    mistake("request::service", "A service is no service name", &MISTAKE),
    mistake("request::specifier", "A path has a specifier that does not exist", &MISTAKE),
    mistake("request::template", "A template does not parse", &MISTAKE),
    mistake("request::trusted_key", "A trusted key does not parse", &MISTAKE),
    mistake("request::unit", "A unit is no unit name", &MISTAKE),
    mistake(
        "request::users_phase_owner",
        "A secret that comes before users is given to one of them",
        &MISTAKE,
    ),
];

static MISSING: Lesson = Lesson {
    means: "The configuration of a host declares a secret that is not in the repository. Where it is optional, this is a note.",
    matters: "The service that needs it will not start.",
    action: "Make it with `secretctl edit SECRET`, or drop it from the configuration of the host.",
    example: "error[request::missing]: host `luna` needs `luna/restic/pasword` for `restic`, and there is no such secret",
};

static DENIED: Lesson = Lesson {
    means: "The configuration of a host declares a secret that no rule grants this service, or that one denies it.",
    matters: "The host never gets it, so the service will not start.",
    action: "`secretctl policy explain SECRET HOST SERVICE` tells why; grant it, or drop it from the configuration.",
    example: "error[request::denied]: `sonarr` on `luna` asks for `shared/token`: no rule allows it",
};

static MISTAKE: Lesson = Lesson {
    means: "The request that a host's configuration renders is not one that the host will accept.",
    matters: "The activation would fail as a whole, and the running secrets would stay as they are.",
    action: "Correct the configuration of the host as the finding says, and build it again. \
             [The host side](host.md) describes every field.",
    example: "error[request::mode]: secrets[0].mode (`wg0`): others may not write\n  --> result/luna.json",
};
