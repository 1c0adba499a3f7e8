//! Why a value was not made.

use crate::diag::Class;
use crate::diag::Failure;
use crate::name::SecretName;

/// Why a generator gave no value.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum GenerateError {
    /// The policy does not say how to make the value.
    #[error("no `generate(..)` in the policy covers `{secret}`")]
    #[diagnostic(
        code(generate::none),
        help("add one, such as `generate(\"{secret}\", password(24));`, or run `secretctl edit {secret}`")
    )]
    None {
        /// The secret.
        secret: SecretName,
    },
    /// The policy says two things about how to make the value.
    #[error("two generators cover `{secret}`, at {places}")]
    #[diagnostic(code(generate::two), help("leave one of them out with `.except(\"{secret}\")`"))]
    Two {
        /// The secret.
        secret: SecretName,
        /// The declarations.
        places: String,
    },
    /// Values are made from each other.
    #[error("values would be made from themselves: {circle}")]
    #[diagnostic(code(generate::circle), help("give one of them a generator that does not read the next"))]
    Circle {
        /// The secrets, the first again at the end.
        circle: String,
    },
    /// What a value is made from is not there.
    #[error("`{secret}` is made from `{input}`, which has no value and no generator")]
    #[diagnostic(code(generate::no_input), help("it stays as it is; run `secretctl edit {input}` first"))]
    NoInput {
        /// The secret.
        secret: SecretName,
        /// The one that is missing.
        input: SecretName,
    },
    /// A person should be asked, and nobody is there.
    #[error("the value of `{secret}` is asked of a person, and nobody is at a terminal")]
    #[diagnostic(
        code(generate::nobody),
        help(
            "it stays as it is; run it at a terminal, or pipe the value in: `secretctl set {secret} --from-file -`"
        )
    )]
    Nobody {
        /// The secret.
        secret: SecretName,
    },
    /// There is nothing to run a program in.
    #[error(
        "the value of `{secret}` is made by a program, and `bwrap` is not there to keep it from network and files"
    )]
    #[diagnostic(
        code(generate::no_sandbox),
        help("it stays as it is; install bubblewrap, or trust the program and say `--allow-unsandboxed`")
    )]
    NoSandbox {
        /// The secret.
        secret: SecretName,
    },
    /// The program of a generator did not give a value.
    #[error("`{secret}` was not made: `{program}` ({place}) {reason}")]
    #[diagnostic(
        code(generate::program),
        help("it stays as it is; repair `command(..)` at that place, or run `secretctl edit {secret}`")
    )]
    Program {
        /// The secret.
        secret: SecretName,
        /// The program.
        program: String,
        /// The declaration.
        place: String,
        /// What happened.
        reason: String,
    },
    /// It would not fit to another value.
    #[error("`{secret}` goes together with `{other}`, which was not made")]
    #[diagnostic(
        code(generate::held),
        help("it stays as it is; see to `{other}`, then run the command again")
    )]
    Held {
        /// The secret.
        secret: SecretName,
        /// The one that failed.
        other: SecretName,
    },
    /// A generator failed.
    #[error("`{secret}` was not made: {reason}")]
    #[diagnostic(
        code(generate::failed),
        help("it stays as it is; repair what the policy says there, or run `secretctl edit {secret}`")
    )]
    Failed {
        /// The secret.
        secret: SecretName,
        /// What happened.
        reason: String,
    },
}

impl Failure for GenerateError {
    fn class(&self) -> Class {
        match self {
            Self::None { .. } | Self::Two { .. } | Self::Circle { .. } | Self::NoInput { .. } => Class::Usage,
            Self::Held { .. } => Class::Finding,
            Self::Nobody { .. } | Self::NoSandbox { .. } | Self::Program { .. } | Self::Failed { .. } => {
                Class::Environment
            }
        }
    }
}
