//! Why an import was refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::diag::Class;
use crate::diag::Failure;
use crate::import::Tool;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no such folder.
    #[error("`{}` is no folder", path.display())]
    #[diagnostic(code(import::no_folder), help("name the repository of the other tool"))]
    NoFolder {
        /// What was named.
        path: PathBuf,
    },
    /// The folder has nothing of this tool.
    #[error("`{}` has no file that {tool} keeps values in", path.display())]
    #[diagnostic(
        code(import::nothing),
        help("name the repository and the tool: `secretctl import --from TOOL DIR`")
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// The tool.
        tool: Tool,
    },
    /// Files of the other tool lie where sources belong.
    #[error("{count} files of {tool}, such as `{}`, lie where the sources of a fleet belong", first.display())]
    #[diagnostic(
        code(import::in_place),
        help(
            "give the fleet a folder of its own beside them, and both tools work until the last host has moved: \
             `secretctl init fleet --source . --from {tool} …`; or let sources take their places with `--replace`, \
             after which {tool} cannot read them"
        )
    )]
    InPlace {
        /// One of them.
        first: PathBuf,
        /// How many there are.
        count: usize,
        /// The tool.
        tool: Tool,
    },
    /// A host of this name has other keys.
    #[error("host `{host}` is already in `secretctl.toml`, with other keys than the import found")]
    #[diagnostic(
        code(import::host_clash),
        help("say which key it has with `--host {host}=RECIPIENT`, or rename the host in `secretctl.toml`")
    )]
    Host {
        /// The host.
        host: HostName,
    },
    /// A key belongs to somebody already.
    #[error("host `{host}` would have a key that {owner} has")]
    #[diagnostic(
        code(import::key_clash),
        help(
            "say which key it has with `--host {host}=RECIPIENT`, or leave it pending with `--host {host}=`"
        )
    )]
    Key {
        /// The host.
        host: HostName,
        /// Whose key it is, in words.
        owner: String,
    },
    /// A secret of this name exists already.
    #[error("secret `{secret}` exists already, and `{}` would be called the same", file.display())]
    #[diagnostic(
        code(import::secret_clash),
        help("give the one that exists another name: `secretctl mv {secret} NAME`")
    )]
    Secret {
        /// The name.
        secret: SecretName,
        /// The file that is to be imported.
        file: PathBuf,
    },
    /// A document of this prefix exists already.
    #[error("document `{prefix}` is already in `secretctl.toml`, with another path than `{}`", file.display())]
    #[diagnostic(code(import::document_clash), help("rename `[documents.{prefix}]` in `secretctl.toml`"))]
    Document {
        /// The prefix.
        prefix: String,
        /// The file that is to be imported.
        file: PathBuf,
    },
    /// A document lies outside of the fleet.
    #[error("`{}` is a SOPS file, which stays where it lies, and that is not below the fleet", file.display())]
    #[diagnostic(
        code(import::outside),
        help("make the fleet in the repository of these files: `secretctl init DIR --from …` there")
    )]
    Outside {
        /// The file.
        file: PathBuf,
    },
    /// Somebody was confirmed whom the files do not know.
    #[error("nobody who was found is called `{name}`")]
    #[diagnostic(
        code(import::not_found),
        help("{}", if found.is_empty() {
            "the files name no person; add one later with `secretctl admin add`".to_owned()
        } else {
            format!("found here: {}", found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        })
    )]
    NotFound {
        /// The name.
        name: AdminName,
        /// Everybody who was found.
        found: BTreeSet<AdminName>,
    },
    /// Two values would have one name, or a value none.
    #[error("{message}")]
    #[diagnostic(code(import::names), help("rename one of the files, then import again"))]
    Names {
        /// Which, in words.
        message: String,
    },
    /// The rules of an earlier import are there, and others than those that this one makes.
    #[error("`{}` exists already, and says something else than this import would", path.display())]
    #[diagnostic(code(import::policy_clash), help("rename it, or remove it if an earlier import made it"))]
    Policy {
        /// The file.
        path: PathBuf,
    },
    /// Rules that are there grant more than the declarations ask for, or take some of it away.
    #[error(
        "with the rules that are there, {host} would have {difference} `{secret}`, and {count} pairs like it"
    )]
    #[diagnostic(
        code(import::not_exact),
        help("look at the rules in `policies/` that name it, narrow them, then import again")
    )]
    NotExact {
        /// A host.
        host: HostName,
        /// A secret.
        secret: SecretName,
        /// What differs, in words.
        difference: &'static str,
        /// How many differ.
        count: usize,
    },
    /// Nobody signs what is written.
    #[error("no signing key of an admin is at hand, and the life of every value begins with a signed line")]
    #[diagnostic(code(import::no_author), help("name one with `--signing-key FILE`"))]
    NoAuthor,
    /// A value that was written is not the one that was read.
    #[error("secret `{secret}` does not have the value that was read from `{}`", file.display())]
    #[diagnostic(
        code(import::not_same),
        help("restore the repository from Git, and report this as a mistake of secretctl")
    )]
    NotSame {
        /// The secret.
        secret: SecretName,
        /// Where it was read.
        file: PathBuf,
    },
}

impl Failure for ImportError {
    fn class(&self) -> Class {
        match self {
            Self::NoAuthor => Class::Environment,
            Self::NotSame { .. } => Class::Integrity,
            _ => Class::Usage,
        }
    }
}
