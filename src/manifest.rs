//! What a host may have: the signed list in its sealed tree.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::crypto::Digest;
use crate::crypto::Namespace;
use crate::crypto::Recipient;
use crate::crypto::SignatureError;
use crate::crypto::SshSignature;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// File name of the manifest in a host's sealed tree.
pub const MANIFEST_FILE: &str = "manifest.json";
/// File name of its signature.
pub const SIGNATURE_FILE: &str = "manifest.json.sig";
/// File name of the sealing identity, wrapped to the host.
pub const HOST_KEY_FILE: &str = "host-key.age";
/// Largest manifest that is read.
pub const MANIFEST_MAX: u64 = 64 << 20;
/// Largest serial: beyond it a counter would stop growing one day, and with it the protection against older manifests.
pub const SERIAL_MAX: u64 = 1 << 53;
/// The version of manifests in a fleet without an id.
const VERSION_WITHOUT_FLEET: u64 = 1;
/// The version of manifests that name their fleet.
const VERSION: u64 = 2;

/// Why a manifest is not used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ManifestError {
    /// Nobody who is trusted signed these bytes.
    #[error("the manifest of the sealed tree is refused")]
    #[diagnostic(
        code(manifest::signature),
        help("have an admin whose key is trusted run `secretctl seal` and deploy the result")
    )]
    Signature(#[from] SignatureError),
    /// The bytes were signed, but are no manifest.
    #[error("the manifest does not parse: {reason}")]
    #[diagnostic(code(manifest::malformed), help("seal again with `secretctl seal`"))]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// The format is newer than this program.
    #[error("the manifest has version {found}, and this program reads versions 1 and 2")]
    #[diagnostic(code(manifest::version), help("update secretctl on this machine"))]
    Version {
        /// Version in the file.
        found: u64,
    },
    /// Its serial leaves no room for later ones.
    #[error("the manifest has serial {found}, above the largest that counts, {SERIAL_MAX}")]
    #[diagnostic(
        code(manifest::serial),
        help("restore the sealed tree from Git: `git log -p -- sealed` shows who jumped to that serial")
    )]
    Serial {
        /// Serial in the file.
        found: u64,
    },
    /// It was signed for another fleet.
    #[error("the manifest is for another fleet ({found})")]
    #[diagnostic(
        code(manifest::other_fleet),
        help("restore the sealed tree from Git, or seal again with `secretctl seal`, and deploy the result")
    )]
    OtherFleet {
        /// The id in the manifest.
        found: FleetId,
    },
    /// It names no fleet, so it may be for another one.
    #[error("the manifest names no fleet, and may be for another one")]
    #[diagnostic(code(manifest::no_fleet), help("seal again with `secretctl seal`, and deploy the result"))]
    NoFleet,
    /// It belongs to another host.
    #[error("the manifest is for host `{found}`, not for `{wanted}`")]
    #[diagnostic(code(manifest::wrong_host), help("point the request at the sealed tree of `{wanted}`"))]
    WrongHost {
        /// Host in the manifest.
        found: HostName,
        /// Host that it should be for.
        wanted: HostName,
    },
}

impl Failure for ManifestError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}

/// Which services of a host may read a secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub enum GrantedServices {
    /// Every service, `system` included: `["*"]`.
    All,
    /// These.
    Only(BTreeSet<ServiceName>),
}

impl GrantedServices {
    /// Whether `service` is among them.
    pub fn allows(&self, service: &ServiceName) -> bool {
        match self {
            Self::All => true,
            Self::Only(services) => services.contains(service),
        }
    }
}

impl TryFrom<Vec<String>> for GrantedServices {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        if words == ["*"] {
            return Ok(Self::All);
        }
        let parsed: Result<BTreeSet<_>, _> = words.into_iter().map(ServiceName::try_from).collect();
        let services = parsed.map_err(|error| error.to_string())?;
        if services.is_empty() {
            Err("a grant names at least one service".to_owned())
        } else {
            Ok(Self::Only(services))
        }
    }
}

impl From<GrantedServices> for Vec<String> {
    fn from(services: GrantedServices) -> Self {
        match services {
            GrantedServices::All => vec!["*".to_owned()],
            GrantedServices::Only(services) => services.into_iter().map(String::from).collect(),
        }
    }
}

/// One secret that a host may have.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name of the secret.
    pub name: SecretName,
    /// Its file in the sealed tree; always `files/NAME.age`.
    pub file: String,
    /// Digest of that file.
    pub sha256: Digest,
    /// Which value of the secret this is, from 1.
    pub revision: u64,
    /// Digest of the ledger line that made this value, so that two values with one number are told apart.
    pub line_sha256: Digest,
    /// Who on the host may read it.
    pub services: GrantedServices,
    /// The instant after which the grant has ended.
    pub not_after: Option<Timestamp>,
}

impl Entry {
    /// The file of `name` in a sealed tree.
    pub fn file_of(name: &SecretName) -> String {
        format!("files/{name}.age")
    }
}

/// A secret that this host once had and may no longer read, with a value that is still in use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Name of the secret.
    pub name: SecretName,
    /// Digest of the ledger line that made the value which the host knows.
    pub line_sha256: Digest,
    /// Who on the host lost it: every service, or these.
    pub services: GrantedServices,
}

/// What one host may have. Nothing here is true until [`Manifest::verify`] says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// The fleet; none in manifests from before it had an id.
    pub fleet: Option<FleetId>,
    /// The host.
    pub host: HostName,
    /// Number of this manifest; grows with every change, up to [`SERIAL_MAX`].
    pub serial: u64,
    /// When it was signed.
    pub sealed_at: Timestamp,
    /// What the sealed files are encrypted to.
    pub sealing_recipient: Recipient,
    /// What the sealing identity is wrapped to.
    pub host_recipients: BTreeSet<Recipient>,
    /// Digest of `host-key.age`.
    pub host_key_sha256: Digest,
    /// Digest of the policy files under which this host was last sealed.
    pub policy_sha256: Digest,
    /// What the host had and must not keep; always empty without a fleet id.
    pub revoked: BTreeMap<SecretName, Revoked>,
    /// The grants.
    pub secrets: BTreeMap<SecretName, Entry>,
}

/// The manifest as JSON; strict, so that no field is silently ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    #[serde(default)]
    fleet: Option<FleetId>,
    host: HostName,
    serial: u64,
    sealed_at: Timestamp,
    sealing_recipient: Recipient,
    host_recipients: BTreeSet<Recipient>,
    host_key_sha256: Digest,
    policy_sha256: Digest,
    #[serde(default)]
    revoked: Vec<Revoked>,
    secrets: Vec<Entry>,
}

impl Document {
    /// The fields that version 2 added stand in it, and in no other.
    fn has_its_fields(&self) -> bool {
        match self.version {
            VERSION => self.fleet.is_some(),
            _ => self.fleet.is_none() && self.revoked.is_empty(),
        }
    }
}

/// A manifest that a trusted key signed. Only [`Manifest::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedManifest {
    manifest: Manifest,
    signer: VerifyingKey,
}

impl VerifiedManifest {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The trusted key that signed it.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// Checks that the manifest is meant for `wanted`.
    pub fn for_host(self, wanted: &HostName) -> Result<Self, ManifestError> {
        if self.manifest.host == *wanted {
            return Ok(self);
        }
        Err(ManifestError::WrongHost { found: self.manifest.host, wanted: wanted.clone() })
    }

    /// Checks that the manifest is one of this fleet, or, where the fleet has no id, names none.
    pub fn of_fleet(self, wanted: Option<FleetId>) -> Result<Self, ManifestError> {
        match self.manifest.fleet {
            found if found == wanted => Ok(self),
            Some(found) => Err(ManifestError::OtherFleet { found }),
            None => Err(ManifestError::NoFleet),
        }
    }
}

impl Manifest {
    /// Checks the signature over the raw bytes before any of them is parsed.
    pub fn verify(
        bytes: &[u8],
        signature: &str,
        trusted: &BTreeSet<VerifyingKey>,
    ) -> Result<VerifiedManifest, ManifestError> {
        let signature = SshSignature::from_armored(signature)?;
        let signer = signature.verify(bytes, Namespace::Manifest, trusted)?.clone();
        Ok(VerifiedManifest { manifest: Self::parse_unverified(bytes)?, signer })
    }

    /// Parses without looking at a signature; for tools that show or repair, never for activation.
    pub fn parse_unverified(bytes: &[u8]) -> Result<Self, ManifestError> {
        let malformed = |reason: String| ManifestError::Malformed { reason };
        check_version(bytes)?;
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if !document.has_its_fields() {
            return Err(malformed(format!("version {} has other fields", document.version)));
        }
        if document.serial > SERIAL_MAX {
            return Err(ManifestError::Serial { found: document.serial });
        }
        let mut secrets = BTreeMap::new();
        for entry in document.secrets {
            if entry.file != Entry::file_of(&entry.name) {
                return Err(malformed(format!(
                    "the file of `{}` is not `{}`",
                    entry.name,
                    Entry::file_of(&entry.name)
                )));
            }
            let name = entry.name.clone();
            if secrets.insert(name.clone(), entry).is_some() {
                return Err(malformed(format!("`{name}` stands in it twice")));
            }
        }
        let mut revoked = BTreeMap::new();
        for entry in document.revoked {
            let name = entry.name.clone();
            if revoked.insert(name.clone(), entry).is_some() {
                return Err(malformed(format!("`{name}` is revoked twice")));
            }
        }
        Ok(Self {
            fleet: document.fleet,
            host: document.host,
            serial: document.serial,
            sealed_at: document.sealed_at,
            sealing_recipient: document.sealing_recipient,
            host_recipients: document.host_recipients,
            host_key_sha256: document.host_key_sha256,
            policy_sha256: document.policy_sha256,
            revoked,
            secrets,
        })
    }

    /// The exact bytes that are signed and stored: fixed field order, secrets sorted, one a line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = if self.fleet.is_some() { VERSION } else { VERSION_WITHOUT_FLEET };
        let mut text = format!("{{\"version\":{version}");
        if let Some(fleet) = &self.fleet {
            field(&mut text, ",", "fleet", fleet);
        }
        field(&mut text, ",", "host", &self.host);
        field(&mut text, ",", "serial", &self.serial);
        field(&mut text, ",", "sealed_at", &self.sealed_at);
        field(&mut text, ",", "sealing_recipient", &self.sealing_recipient);
        field(&mut text, ",\n ", "host_recipients", &self.host_recipients);
        field(&mut text, ",", "host_key_sha256", &self.host_key_sha256);
        field(&mut text, ",", "policy_sha256", &self.policy_sha256);
        if self.fleet.is_some() {
            list(&mut text, "revoked", self.revoked.values());
        }
        list(&mut text, "secrets", self.secrets.values());
        text.push_str("}\n");
        text.into_bytes()
    }

    /// The number of the next manifest; none at the end of the numbers.
    pub fn next_serial(&self) -> Option<u64> {
        next_serial(self.serial)
    }

    /// Whether the other manifest grants the same, whatever its serial, time and policy digest.
    pub fn grants_same(&self, other: &Self) -> bool {
        self.fleet == other.fleet
            && self.host == other.host
            && self.sealing_recipient == other.sealing_recipient
            && self.host_recipients == other.host_recipients
            && self.host_key_sha256 == other.host_key_sha256
            && self.revoked == other.revoked
            && self.secrets == other.secrets
    }
}

/// The serial after this one, up to [`SERIAL_MAX`].
pub fn next_serial(last: u64) -> Option<u64> {
    last.checked_add(1).filter(|serial| *serial <= SERIAL_MAX)
}

fn check_version(bytes: &[u8]) -> Result<(), ManifestError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let malformed = |error: serde_json::Error| ManifestError::Malformed { reason: error.to_string() };
    let Versioned { version: found } = serde_json::from_slice(bytes).map_err(malformed)?;
    if matches!(found, VERSION_WITHOUT_FLEET | VERSION) {
        Ok(())
    } else {
        Err(ManifestError::Version { found })
    }
}

fn field(text: &mut String, separator: &str, name: &str, value: &impl Serialize) {
    let _ = write!(text, "{separator}\"{name}\":{}", json(value));
}

/// One item a line; an empty list still has a line of its own, as it always had.
fn list<T: Serialize>(text: &mut String, name: &str, items: impl Iterator<Item = T>) {
    let _ = writeln!(text, ",\"{name}\":[");
    let lines: Vec<String> = items.map(|item| json(&item)).collect();
    text.push_str(&lines.join(",\n"));
    text.push_str("\n]");
}

#[expect(clippy::expect_used, reason = "these types have string keys and no failing serializer")]
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain values serialize")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::crypto::SealingIdentity;

    fn manifest(secrets: &[&str]) -> Manifest {
        let entry = |name: &&str| {
            let name: SecretName = name.parse().unwrap();
            let services = GrantedServices::Only([ServiceName::system()].into());
            let file = Entry::file_of(&name);
            let sha256 = Digest::of(name.as_str().as_bytes());
            (
                name.clone(),
                Entry { name, file, sha256, revision: 1, line_sha256: sha256, services, not_after: None },
            )
        };
        Manifest {
            fleet: None,
            revoked: BTreeMap::new(),
            host: "forge".parse().unwrap(),
            serial: 7,
            sealed_at: "2026-11-20T10:00:00Z".parse().unwrap(),
            sealing_recipient: SealingIdentity::generate().recipient(),
            host_recipients: [SealingIdentity::generate().recipient()].into(),
            host_key_sha256: Digest::of(b"k"),
            policy_sha256: Digest::of(b"p"),
            secrets: secrets.iter().map(entry).collect(),
        }
    }

    #[test]
    fn bytes_round_trip_with_one_secret_a_line() {
        for names in [&[][..], &["a"], &["sonarr/api-key", "a/b", "wireguard/forge/key"]] {
            let manifest = manifest(names);
            let bytes = manifest.to_bytes();
            assert_eq!(Manifest::parse_unverified(&bytes).unwrap(), manifest);
            assert_eq!(Manifest::parse_unverified(&bytes).unwrap().to_bytes(), bytes);
            let lines =
                String::from_utf8(bytes).unwrap().lines().filter(|l| l.starts_with("{\"name\"")).count();
            assert_eq!(lines, names.len());
        }
    }

    #[test]
    fn a_manifest_with_a_fleet_round_trips() {
        let name: SecretName = "a/b".parse().unwrap();
        let services = GrantedServices::Only(["grafana".parse().unwrap()].into());
        let revoked = Revoked { name: name.clone(), line_sha256: Digest::of(b"l"), services };
        let fleet = Some("00112233445566778899aabbccddeeff".parse().unwrap());
        for revoked in [BTreeMap::new(), BTreeMap::from([(name, revoked)])] {
            let manifest = Manifest { fleet, revoked, ..manifest(&["a", "b"]) };
            let bytes = manifest.to_bytes();
            assert_eq!(Manifest::parse_unverified(&bytes).unwrap(), manifest);
            let text = String::from_utf8(bytes).unwrap();
            for (from, to) in
                [("\"version\":2", "\"version\":1"), ("\"fleet\":\"00112233445566778899aabbccddeeff\",", "")]
            {
                let changed = text.replacen(from, to, 1);
                assert_ne!(changed, text);
                assert!(Manifest::parse_unverified(changed.as_bytes()).is_err(), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn every_change_of_shape_is_refused() {
        let text = String::from_utf8(manifest(&["a", "b"]).to_bytes()).unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":1,\"fleet\":\"00112233445566778899aabbccddeeff\""),
            ("\"serial\":7", "\"serial\":9007199254740993"),
            ("\"serial\":7", "\"serial\":7,\"extra\":1"),
            ("\"revision\":1", "\"revision\":1,\"revision\":2"),
            ("files/a.age", "files/b.age"),
            ("files/a.age", "../a.age"),
            ("\"name\":\"b\"", "\"name\":\"a\""),
            ("\"name\":\"a\"", "\"name\":\"../a\""),
            ("[\"system\"]", "[]"),
            ("\"serial\":7,", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert!(Manifest::parse_unverified(changed.as_bytes()).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn a_newer_version_is_refused_with_the_way_out() {
        use miette::Diagnostic;
        let error = Manifest::parse_unverified(b"{\"version\":3,\"unknown\":true}").unwrap_err();
        assert!(matches!(error, ManifestError::Version { found: 3 }));
        assert!(error.help().unwrap().to_string().contains("update"));
    }

    #[test]
    fn grants_are_compared_without_serial_and_time() {
        let first = manifest(&["a"]);
        let later =
            Manifest { serial: 8, sealed_at: "2027-01-01T00:00:00Z".parse().unwrap(), ..first.clone() };
        assert!(first.grants_same(&later));
        let fewer = Manifest { secrets: BTreeMap::new(), ..first.clone() };
        assert!(!first.grants_same(&fewer));
    }
}
