//! X.509 certificates of an own authority: RFC 5280.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use p256::SecretKey;
use p256::ecdsa::DerSignature;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey;
use rand::RngCore;
use rand::rngs::OsRng;
use x509_cert::Certificate;
use x509_cert::builder::Builder;
use x509_cert::builder::CertificateBuilder;
use x509_cert::builder::Profile;
use x509_cert::der::Any;
use x509_cert::der::DecodePem;
use x509_cert::der::EncodePem;
use x509_cert::der::asn1::GeneralizedTime;
use x509_cert::der::asn1::Ia5String;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::asn1::SetOfVec;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::der::oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use x509_cert::der::oid::db::rfc5280::ID_KP_SERVER_AUTH;
use x509_cert::der::pem::LineEnding;
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::name::RdnSequence;
use x509_cert::name::RelativeDistinguishedName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::EncodePublicKey;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;
use x509_cert::time::Validity;

use super::GeneratorError;
use super::derived::Authority;
use super::derived::Given;
use super::derived::Leaf;
use crate::secret::SecretBytes;

/// How much a clock may lag behind ours.
const CLOCK_SKEW: i64 = 3600;
const DAY: i64 = 24 * 3600;
/// Longest common name: RFC 5280 appendix A.1.
const COMMON_NAME_MAX: usize = 64;

/// The certificate of an authority, signed by its own key.
pub(super) fn authority(
    key: Given<'_>,
    terms: &Authority,
    now: Timestamp,
) -> Result<SecretBytes, GeneratorError> {
    let signer = SigningKey::from(private_key(&key)?);
    let public = public_key(&signer)?;
    let validity = validity(now, terms.days, None)?;
    let subject = common_name(&terms.name)?;
    let builder = CertificateBuilder::new(Profile::Root, serial()?, validity, subject, public, &signer);
    pem(&builder.and_then(Builder::build::<DerSignature>).map_err(failed)?)
}

/// A certificate that an authority signs; it ends no later than that of the authority.
pub(super) fn leaf(
    key: Given<'_>,
    terms: &Leaf,
    (ca, ca_key): (Given<'_>, Given<'_>),
    now: Timestamp,
) -> Result<SecretBytes, GeneratorError> {
    let public = public_key(&SigningKey::from(private_key(&key)?))?;
    let signer = SigningKey::from(private_key(&ca_key)?);
    let issuer = certificate(&ca)?.tbs_certificate;
    if issuer.subject_public_key_info != public_key(&signer)? {
        let message = format!("`{}` is not the key of the certificate `{}`", ca_key.name, ca.name);
        return Err(GeneratorError::Input(message));
    }
    let end = issuer.validity.not_after.to_unix_duration().as_secs().cast_signed();
    if end <= now.as_second() {
        return Err(GeneratorError::Input(format!("the authority `{}` has ended", ca.name)));
    }
    let validity = validity(now, terms.days, Some(end))?;
    let first = terms.names.first().map(String::as_str).unwrap_or_default();
    let subject = if first.len() <= COMMON_NAME_MAX { common_name(first)? } else { Name::default() };
    let profile =
        Profile::Leaf { issuer: issuer.subject, enable_key_agreement: false, enable_key_encipherment: false };
    let mut builder =
        CertificateBuilder::new(profile, serial()?, validity, subject, public, &signer).map_err(failed)?;
    let names: Option<Vec<GeneralName>> = terms.names.iter().map(|name| general_name(name)).collect();
    let names = names.ok_or_else(|| GeneratorError::Input("a name of the certificate is none".to_owned()))?;
    builder.add_extension(&SubjectAltName(names)).map_err(failed)?;
    let uses: Vec<ObjectIdentifier> = vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH];
    builder.add_extension(&ExtendedKeyUsage(uses)).map_err(failed)?;
    pem(&builder.build::<DerSignature>().map_err(failed)?)
}

/// A host name, IP address or URI as a certificate holds it; none for any other text.
pub(super) fn general_name(text: &str) -> Option<GeneralName> {
    let ascii = |text: &str| Ia5String::new(text).ok();
    if let Ok(address) = text.parse::<IpAddr>() {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        return OctetString::new(bytes).ok().map(GeneralName::IpAddress);
    }
    if text.contains("://") {
        let fits = text.chars().all(|c| c.is_ascii_graphic());
        return ascii(text).filter(|_| fits).map(GeneralName::UniformResourceIdentifier);
    }
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !label.starts_with('-')
    };
    let fits = text.strip_prefix("*.").unwrap_or(text).split('.').all(label) && text.len() <= 253;
    ascii(text).filter(|_| fits).map(GeneralName::DnsName)
}

fn private_key(given: &Given<'_>) -> Result<SecretKey, GeneratorError> {
    let refused = || {
        let message = format!("`{}` is no P-256 private key in PKCS #8 or SEC 1", given.name);
        GeneratorError::Input(message)
    };
    let text = std::str::from_utf8(given.value.expose()).map_err(|_| refused())?;
    SecretKey::from_pkcs8_pem(text).or_else(|_| SecretKey::from_sec1_pem(text)).map_err(|_| refused())
}

fn certificate(given: &Given<'_>) -> Result<Certificate, GeneratorError> {
    let refused = |_| GeneratorError::Input(format!("`{}` is no certificate in PEM", given.name));
    Certificate::from_pem(given.value.expose()).map_err(refused)
}

fn public_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, GeneratorError> {
    let document = key.verifying_key().to_public_key_der().map_err(failed)?;
    SubjectPublicKeyInfoOwned::try_from(document.as_bytes()).map_err(failed)
}

fn serial() -> Result<SerialNumber, GeneratorError> {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    // Positive and of full length: RFC 5280 section 4.1.2.2.
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0b0111_1111) | 0b0100_0000;
    }
    SerialNumber::new(&bytes).map_err(failed)
}

fn validity(now: Timestamp, days: i64, latest: Option<i64>) -> Result<Validity, GeneratorError> {
    let (from, to) = (now.as_second() - CLOCK_SKEW, now.as_second() + days * DAY);
    let to = latest.map_or(to, |latest| to.min(latest));
    Ok(Validity { not_before: time(from)?, not_after: time(to)? })
}

fn time(second: i64) -> Result<Time, GeneratorError> {
    let since_1970 = Duration::from_secs(u64::try_from(second).map_err(failed)?);
    Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970).map_err(failed)?))
}

fn common_name(text: &str) -> Result<Name, GeneratorError> {
    let value = Any::from(Utf8StringRef::new(text).map_err(failed)?);
    let attribute = x509_cert::attr::AttributeTypeAndValue { oid: CN, value };
    let attributes = SetOfVec::try_from(vec![attribute]).map_err(failed)?;
    Ok(RdnSequence(vec![RelativeDistinguishedName(attributes)]))
}

fn pem(certificate: &Certificate) -> Result<SecretBytes, GeneratorError> {
    Ok(SecretBytes::from(certificate.to_pem(LineEnding::LF).map_err(failed)?.into_bytes()))
}

fn failed(error: impl std::fmt::Display) -> GeneratorError {
    GeneratorError::Library { what: "the certificate", reason: error.to_string() }
}
