//! Whether the manifest grants what a request asks for, and why a single file fails.

use std::path::PathBuf;

use jiff::Timestamp;

use super::placement::Account;
use super::template::RenderError;
use crate::crypto::DecryptError;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::SymlinkError;
use crate::manifest::Entry;
use crate::manifest::GrantedServices;
use crate::manifest::Manifest;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Who asked for what, and under which manifest; the end of every denial.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The secret.
    pub secret: SecretName,
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: ServiceName,
    /// Serial, time and policy of the manifest.
    pub sealed: String,
}

/// Why one file is not installed as asked. The others are not touched by it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum FileError {
    /// The host may not have the secret.
    #[error("`{}` is not granted to host `{}` ({})", asked.secret, asked.host, asked.sealed)]
    #[diagnostic(
        code(grant::not_in_manifest),
        help(
            "run `secretctl policy explain {} {} {}` in the fleet, then `secretctl seal`",
            asked.secret, asked.host, asked.service
        )
    )]
    NotInManifest {
        /// Who asked.
        asked: Box<Asked>,
    },
    /// The host may have it, this service may not.
    #[error(
        "`{}` is granted to {granted} on host `{}`, not to service `{}` ({})",
        asked.secret, asked.host, asked.service, asked.sealed
    )]
    #[diagnostic(
        code(grant::wrong_service),
        help(
            "run `secretctl policy explain {} {} {}` in the fleet, or correct `service` in the configuration",
            asked.secret, asked.host, asked.service
        )
    )]
    WrongService {
        /// Who asked.
        asked: Box<Asked>,
        /// Who may.
        granted: String,
    },
    /// The grant was for a time.
    #[error("the grant of `{}` to host `{}` ended at {ended} ({})", asked.secret, asked.host, asked.sealed)]
    #[diagnostic(
        code(grant::ended),
        help(
            "run `secretctl policy explain {} {} {}` in the fleet; prolong the grant and seal, or drop the secret here",
            asked.secret, asked.host, asked.service
        )
    )]
    Ended {
        /// Who asked.
        asked: Box<Asked>,
        /// When it ended.
        ended: Timestamp,
    },
    /// There is no such user on this host.
    #[error("there is no user `{name}` on this host")]
    #[diagnostic(
        code(file::unknown_user),
        help(
            "declare the user, or name it by number; what is needed before users exist belongs to phase `users` and to root"
        )
    )]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// There is no such group on this host.
    #[error("there is no group `{name}` on this host")]
    #[diagnostic(code(file::unknown_group), help("declare the group, or name it by number"))]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// Something stands where the link should be.
    #[error("`{}` is {found}, which is not overwritten", path.display())]
    #[diagnostic(code(file::path_occupied), help("move it away, or choose another `path` for this secret"))]
    PathOccupied {
        /// The path.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// The way to the link is not safe.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Path(#[from] SymlinkError),
    /// The sealed file is gone or cannot be read.
    #[error("the sealed file of `{secret}` cannot be read")]
    #[diagnostic(
        code(sealed::unreadable),
        help(
            "if it is new, `git add sealed`: a flake sees only what Git tracks; else bring it back from Git, or run `secretctl seal`; then deploy again"
        )
    )]
    SealedUnreadable {
        /// The secret.
        secret: SecretName,
        /// Why.
        source: FsError,
    },
    /// The sealed file is not the one that was signed.
    #[error("the sealed file of `{secret}` was changed: `{}` does not have the signed digest", path.display())]
    #[diagnostic(
        code(sealed::changed),
        help("restore it from Git: `git checkout -- sealed`, or run `secretctl seal` and deploy again")
    )]
    SealedChanged {
        /// The secret.
        secret: SecretName,
        /// The file.
        path: PathBuf,
    },
    /// The sealed file has the signed digest, and does not open.
    #[error("the sealed file of `{secret}` does not open")]
    #[diagnostic(code(sealed::undecryptable), help("run `secretctl seal` in the fleet and deploy again"))]
    Undecryptable {
        /// The secret.
        secret: SecretName,
        /// Why.
        source: DecryptError,
    },
    /// The value does not fit its template.
    #[error("the template cannot be filled")]
    #[diagnostic(
        code(template::unfit),
        help("use another filter such as `base64` or `json`, or change the value with `secretctl edit {}`", source.secret)
    )]
    Unfit {
        /// Which value, where and why.
        source: RenderError,
    },
    /// Writing failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for FileError {
    fn class(&self) -> Class {
        match self {
            Self::NotInManifest { .. } | Self::WrongService { .. } | Self::Ended { .. } => Class::Finding,
            // A tree that was cut short is as broken as one that was changed.
            Self::SealedUnreadable { source, .. } if !source.is_missing() => Class::Environment,
            Self::SealedUnreadable { .. } | Self::SealedChanged { .. } | Self::Undecryptable { .. } => {
                Class::Integrity
            }
            _ => Class::Environment,
        }
    }
}

impl FileError {
    /// Whether the manifest is what stands in the way.
    pub fn is_denial(&self) -> bool {
        self.class() == Class::Finding
    }

    /// Whether there was no room for the file.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Fs(error) if error.is_full())
    }

    pub(super) fn unknown_user(account: &Account) -> Self {
        Self::UnknownUser { name: shown(account) }
    }

    pub(super) fn unknown_group(account: &Account) -> Self {
        Self::UnknownGroup { name: shown(account) }
    }
}

fn shown(account: &Account) -> String {
    match account {
        Account::Runner => "whoever runs this".to_owned(),
        Account::Name(name) => name.clone(),
        Account::Id(id) => id.to_string(),
    }
}

/// Finds the grant of `secret` to `service`, or tells why there is none.
pub(super) fn granted<'a>(
    manifest: &'a Manifest,
    secret: &SecretName,
    service: &ServiceName,
    now: Timestamp,
) -> Result<&'a Entry, FileError> {
    let asked = || {
        let policy: String = manifest.policy_sha256.to_string().chars().take(12).collect();
        let sealed =
            format!("manifest {} sealed at {} under policy {policy}", manifest.serial, manifest.sealed_at);
        let (secret, service) = (secret.clone(), service.clone());
        Box::new(Asked { secret, host: manifest.host.clone(), service, sealed })
    };
    let entry = manifest.secrets.get(secret).ok_or_else(|| FileError::NotInManifest { asked: asked() })?;
    if !entry.services.allows(service) {
        let granted = in_words(&entry.services);
        return Err(FileError::WrongService { asked: asked(), granted });
    }
    // A clock that lags, as on a machine without a battery, brings no grant back that had ended by the sealing.
    let now = now.max(manifest.sealed_at);
    match entry.not_after {
        Some(ended) if ended < now => Err(FileError::Ended { asked: asked(), ended }),
        _ => Ok(entry),
    }
}

fn in_words(services: &GrantedServices) -> String {
    match services {
        GrantedServices::All => "every service".to_owned(),
        GrantedServices::Only(names) => {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
    }
}
