//! From a request and a manifest to the files to install, each either wanted, skipped or refused.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::accounts::Accounts;
use super::grant::FileError;
use super::grant::granted;
use super::index::Installed;
use super::links::LinkKeeper;
use super::placement::Target;
use super::request::Content;
use super::request::Need;
use super::request::Phase;
use super::request::Renewal;
use super::request::Request;
use super::request::Wanted;
use super::template::Template;
use crate::manifest::Entry;
use crate::manifest::Manifest;
use crate::name::SecretName;
use crate::name::ServiceName;

/// What a file is made from, with the grants that allow it.
pub(super) enum Source<'a> {
    Secret(&'a Entry),
    Template { template: &'a Template, values: BTreeMap<&'a SecretName, &'a Entry> },
}

/// A file that may be installed.
pub(super) struct Wish<'a> {
    pub source: Source<'a>,
    /// As it will stand in the index; size and time are known once it is written.
    pub installed: Installed,
    pub renewal: Renewal,
}

/// What becomes of one entry of the request.
pub(super) enum Verdict<'a> {
    Wanted(Wish<'a>),
    /// Optional, and not granted.
    Skipped,
    Refused(FileError),
}

/// Decides over the entries of a request.
pub(super) struct Resolver<'a> {
    pub request: &'a Request,
    pub manifest: &'a Manifest,
    pub accounts: &'a Accounts,
    pub links: &'a LinkKeeper<'a>,
    pub now: Timestamp,
}

impl<'a> Resolver<'a> {
    /// Every entry that belongs to `phase`; the main phase handles all of them.
    pub(super) fn verdicts(&self, phase: Phase) -> BTreeMap<&'a Target, Verdict<'a>> {
        let belongs = |wanted: &Wanted| phase == Phase::Main || wanted.phase == phase;
        let entries = self.request.files.iter().filter(|(_, wanted)| belongs(wanted));
        entries.map(|(target, wanted)| (target, self.verdict(wanted))).collect()
    }

    fn verdict(&self, wanted: &'a Wanted) -> Verdict<'a> {
        match self.wish(wanted) {
            Ok(wish) => Verdict::Wanted(wish),
            Err(error) if error.is_denial() && wanted.need == Need::Optional => Verdict::Skipped,
            Err(error) => Verdict::Refused(error),
        }
    }

    fn wish(&self, wanted: &'a Wanted) -> Result<Wish<'a>, FileError> {
        let source = self.source(&wanted.content, &wanted.service)?;
        let placement = &wanted.placement;
        let unknown_user = || FileError::unknown_user(&placement.owner);
        let unknown_group = || FileError::unknown_group(&placement.group);
        let owner = self.accounts.user(&placement.owner).ok_or_else(unknown_user)?;
        let group = self.accounts.group(&placement.group).ok_or_else(unknown_group)?;
        if let Some(path) = &placement.path {
            self.links.check(path)?;
        }
        let (secret, revision, sha256) = match &source {
            Source::Secret(entry) => (Some(entry.name.clone()), Some(entry.revision), entry.sha256),
            Source::Template { template, values } => {
                let digests = values.iter().map(|(name, entry)| ((*name).clone(), entry.sha256)).collect();
                (None, None, template.recipe(&digests))
            }
        };
        let (mode, path, phase) = (placement.mode, placement.path.clone(), wanted.phase);
        let installed = Installed {
            secret,
            revision,
            sha256,
            owner,
            group,
            mode,
            path,
            phase,
            size: 0,
            modified: (0, 0),
        };
        Ok(Wish { source, installed, renewal: wanted.renewal })
    }

    fn source(&self, content: &'a Content, service: &ServiceName) -> Result<Source<'a>, FileError> {
        let manifest: &'a Manifest = self.manifest;
        match content {
            Content::Secret(name) => granted(manifest, name, service, self.now).map(Source::Secret),
            Content::Template(template) => {
                let mut values = BTreeMap::new();
                let mut denied = BTreeMap::new();
                for name in template.names() {
                    match granted(manifest, name, service, self.now) {
                        Ok(entry) => drop(values.insert(name, entry)),
                        Err(error) => drop(denied.insert(name, error)),
                    }
                }
                let needed = template.needed(&|name| values.contains_key(name));
                match denied.into_iter().find(|(name, _)| needed.contains(name)) {
                    Some((_, error)) => Err(error),
                    None => Ok(Source::Template { template, values }),
                }
            }
        }
    }
}
