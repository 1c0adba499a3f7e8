//! Keys and certificates: PEM, X.509, ssh, `WireGuard` and age.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

/// Base64 as PEM files have it, padded or not.
const PEM: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of a `WireGuard` key.
const WIREGUARD_BYTES: usize = 32;

/// One PEM block: its kind, and what it encodes.
struct Block<'a> {
    label: &'a str,
    bytes: Zeroizing<Vec<u8>>,
}

/// Whether there are PEM blocks, all of one kind.
pub(super) fn pem(bytes: &[u8], label: &str) -> Result<(), String> {
    let blocks = blocks(bytes)?;
    if blocks.is_empty() {
        return Err("there is no PEM block".to_owned());
    }
    if blocks.iter().all(|block| block.label == label) {
        return Ok(());
    }
    Err("there is a PEM block of another kind".to_owned())
}

/// The blocks of a PEM file. A library would leave private keys behind in memory.
fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not PEM text".to_owned())?;
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Zeroizing<Vec<u8>>)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let boundary = |word: &str| line.strip_prefix(word).and_then(|rest| rest.strip_suffix("-----"));
        if let Some(label) = boundary("-----BEGIN ") {
            let content = Zeroizing::new(Vec::with_capacity(bytes.len()));
            if open.replace((label, content)).is_some() {
                return Err(format!("line {} begins a PEM block inside another", at + 1));
            }
        } else if let Some(label) = boundary("-----END ") {
            let ended = open.take().filter(|(begun, _)| *begun == label);
            let (label, content) = ended.ok_or_else(|| format!("line {} ends no PEM block", at + 1))?;
            let decoded = PEM.decode(&content).map(Zeroizing::new);
            let bytes =
                decoded.map_err(|_| format!("the PEM block that ends in line {} is damaged", at + 1))?;
            blocks.push(Block { label, bytes });
        } else if let Some((_, content)) = &mut open
            && !line.contains(':')
        {
            content.extend_from_slice(line.as_bytes());
        }
    }
    if open.is_some() { Err("the last PEM block does not end".to_owned()) } else { Ok(blocks) }
}

/// The DER of every certificate in PEM or DER.
fn certificates(bytes: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, String> {
    Ok(if bytes.starts_with(b"0") {
        vec![Zeroizing::new(bytes.to_vec())]
    } else {
        let blocks = blocks(bytes)?.into_iter().filter(|block| block.label == "CERTIFICATE");
        blocks.map(|block| block.bytes).collect()
    })
}

/// When the first of the certificates in a value ends; none where there is none, or it is damaged.
pub(super) fn certificate_end(bytes: &[u8]) -> Option<Timestamp> {
    let ends = certificates(bytes).ok()?.into_iter().filter_map(|der| {
        let validity = Certificate::from_der(&der).ok()?.tbs_certificate.validity;
        Timestamp::from_second(validity.not_after.to_unix_duration().as_secs().cast_signed()).ok()
    });
    ends.min()
}

/// When the first of the ssh certificates in a value ends, one a line; none where none of them has an end.
pub(super) fn ssh_certificate_end(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = text.lines().filter(|line| line.contains("-cert-v01@openssh.com "));
    let ends = lines.filter_map(|line| {
        let certificate = ssh_key::Certificate::from_openssh(line).ok()?;
        // The largest number of all stands for no end.
        Timestamp::from_second(i64::try_from(certificate.valid_before()).ok()?).ok()
    });
    ends.min()
}

/// Whether all certificates are valid now.
pub(super) fn x509(bytes: &[u8], now: Timestamp) -> Result<(), String> {
    let der = certificates(bytes)?;
    if der.is_empty() {
        return Err("there is no certificate".to_owned());
    }
    for (at, der) in der.iter().enumerate() {
        let number = at + 1;
        let certificate =
            Certificate::from_der(der).map_err(|_| format!("certificate {number} is damaged"))?;
        let validity = certificate.tbs_certificate.validity;
        let instant = |time: x509_cert::time::Time| time.to_unix_duration().as_secs().cast_signed();
        let (from, to) = (instant(validity.not_before), instant(validity.not_after));
        let shown = |second| {
            Timestamp::from_second(second).map_or("a time too far away".to_owned(), |t| t.to_string())
        };
        if now.as_second() > to {
            return Err(format!("certificate {number} expired at {}", shown(to)));
        }
        if now.as_second() < from {
            return Err(format!("certificate {number} is not valid before {}", shown(from)));
        }
    }
    Ok(())
}

/// Whether `ssh` can use the private key as it is.
pub(super) fn ssh(bytes: &[u8]) -> Result<(), String> {
    let blocks = blocks(bytes)?;
    let [block] = blocks.as_slice() else {
        return Err("it is not one private key in PEM".to_owned());
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if block.label == "ENCRYPTED PRIVATE KEY" || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("it is protected by a passphrase, which no service can type".to_owned());
    }
    match block.label {
        "OPENSSH PRIVATE KEY" => openssh(bytes),
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Ok(()),
        _ => Err("it is not a private key".to_owned()),
    }
}

fn openssh(bytes: &[u8]) -> Result<(), String> {
    if !bytes.ends_with(b"\n") {
        return Err("the newline at its end is missing, without which `ssh` does not read it".to_owned());
    }
    let key = ssh_key::PrivateKey::from_openssh(bytes);
    match key {
        Ok(key) if key.is_encrypted() => {
            Err("it is protected by a passphrase, which no service can type".to_owned())
        }
        Ok(_) => Ok(()),
        Err(_) => Err("it is damaged, or of a kind that ssh does not have".to_owned()),
    }
}

/// Whether the value is a `WireGuard` key that is not zero.
pub(super) fn wireguard(bytes: &[u8]) -> Result<(), String> {
    let decoded = STANDARD.decode(bytes).map(Zeroizing::new);
    match decoded {
        Ok(key) if key.len() == WIREGUARD_BYTES && key.iter().any(|byte| *byte != 0) => Ok(()),
        _ => Err("it is no key as `wg genkey` makes it".to_owned()),
    }
}

/// Whether the value is an age identity file with at least one native identity.
pub(super) fn age(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no age identity".to_owned())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = 0;
    for line in lines {
        let known = line.parse::<age::x25519::Identity>().is_ok() || line.starts_with("AGE-PLUGIN-");
        if !known {
            return Err("it is no age identity as `age-keygen` makes it".to_owned());
        }
        found += 1;
    }
    if found == 0 { Err("there is no age identity".to_owned()) } else { Ok(()) }
}
