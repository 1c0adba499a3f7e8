//! The check at build time: request and sealed tree fit together. Needs no key and looks at no state.

use jiff::Timestamp;
use serde::Serialize;

use super::grant::granted;
use super::placement::Target;
use super::request::Content;
use super::request::Need;
use super::request::Request;
use super::request::Wanted;
use super::sealed;
use super::trust::SealedTree;
use super::trust::TrustError;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::worst;
use crate::name::HostName;
use crate::name::SecretName;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// What a check at build time found.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    version: u32,
    /// The host.
    pub host: HostName,
    /// Serial of the manifest; none when nothing is asked for and there is no sealed tree.
    pub serial: Option<u64>,
    /// How many files the request asks for.
    pub files: usize,
    /// How many sealed files were looked at.
    pub sealed: usize,
    /// Everything that does not fit.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The worst class among the findings.
    pub fn worst(&self) -> Option<Class> {
        worst(&self.findings)
    }

    /// One line about all of it.
    pub fn summary(&self) -> String {
        let result = match self.findings.len() {
            0 => "everything fits".to_owned(),
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        };
        let (host, files, sealed) = (&self.host, self.files, self.sealed);
        let serial = self.serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
        format!("host {host}, serial {serial}: {files} files asked for, {sealed} sealed; {result}")
    }
}

/// Checks signature, host, every sealed file and every grant; gathers what can be gathered.
pub fn verify(request: &Request, now: Timestamp) -> Result<Verification, TrustError> {
    let Some(sealed) = &request.sealed else {
        let (host, findings) = (request.host.clone(), Vec::new());
        return Ok(Verification { version: VERSION, host, serial: None, files: 0, sealed: 0, findings });
    };
    let tree = SealedTree::open(request, sealed)?;
    let manifest = tree.manifest();
    let mut findings: Vec<Finding> = Vec::new();
    for entry in manifest.secrets.values() {
        findings.extend(sealed::check(&tree, entry).err().map(|error| Finding::from_failure(&error)));
    }
    for (target, wanted) in &request.files {
        findings.extend(denials(&tree, target, wanted, now));
    }
    let (files, sealed) = (request.files.len(), manifest.secrets.len());
    Ok(Verification {
        version: VERSION,
        host: request.host.clone(),
        serial: Some(manifest.serial),
        files,
        sealed,
        findings,
    })
}

fn denials(tree: &SealedTree, target: &Target, wanted: &Wanted, now: Timestamp) -> Vec<Finding> {
    let denial = |name: &SecretName| granted(tree.manifest(), name, &wanted.service, now).err();
    let denied: Vec<_> = match &wanted.content {
        Content::Secret(_) if wanted.need == Need::Optional => Vec::new(),
        Content::Secret(name) => denial(name).into_iter().collect(),
        Content::Template(template) => {
            template.needed(&|name| denial(name).is_none()).into_iter().filter_map(denial).collect()
        }
    };
    let finding = |error| {
        let finding = Finding::from_failure(&error);
        Finding { message: format!("`{target}`: {}", finding.message), ..finding }
    };
    denied.into_iter().map(finding).collect()
}
