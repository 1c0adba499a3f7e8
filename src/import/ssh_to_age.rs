//! Hosts that a repository knows by `ssh-to-age`: the age key that stands there is the form of an ssh key that their
//! machine really has.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bech32::Bech32;
use bech32::Hrp;
use ed25519_dalek::VerifyingKey;

use super::found::Found;
use super::found::Tool;
use super::plan::Wishes;
use super::tree;
use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;

/// What an ssh key of the kind that can be converted begins with.
const KIND: &str = "ssh-ed25519 ";

/// Gives each such host the ssh key as well, where the repository has it, and notes those for which it may be missing.
pub(super) fn settle(root: &Path, found: &mut Found) {
    let by_age = |keys: &Recipient| keys.as_str().starts_with("age1") && !keys.is_of_plugin();
    let known: Vec<HostName> = found
        .hosts
        .iter()
        .filter(|(_, host)| !host.recipients.is_empty() && host.recipients.iter().all(by_age))
        .map(|(name, _)| name.clone())
        .collect();
    if known.is_empty() {
        return;
    }
    let converted = converted(root);
    let mut unknown = Vec::new();
    for name in known {
        let Some(host) = found.hosts.get_mut(&name) else { continue };
        let ssh: Vec<Recipient> =
            host.recipients.iter().filter_map(|key| converted.get(key)).cloned().collect();
        if ssh.is_empty() {
            unknown.push(name);
        }
        host.recipients.extend(ssh);
    }
    // The others do not teach it.
    if found.tool == Tool::SopsNix {
        found.converted.extend(unknown);
    }
}

/// Asks for the ssh keys of hosts that the command line says nothing of.
pub(super) fn question(found: &Found, wishes: &Wishes) -> Option<Finding> {
    let asked: Vec<&HostName> =
        found.converted.iter().filter(|name| !wishes.hosts.contains_key(*name)).collect();
    let first = asked.first()?;
    let names: Vec<String> = asked.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "known by an age key alone, which `ssh-to-age` may have made of an ssh key: {}",
        names.join(", ")
    );
    let help = format!(
        "if so, name the ssh key: `--host \"{first}=ssh-ed25519 …\"`, from /etc/ssh/ssh_host_ed25519_key.pub, or later `secretctl host set {first} --recipient \"ssh-ed25519 …\"`"
    );
    let finding = Finding::new(Severity::Warning, Class::Finding, "import::converted_key", message);
    Some(finding.help(help).about(asked))
}

/// Every ssh key that the repository shows, by its converted form.
fn converted(root: &Path) -> BTreeMap<Recipient, Recipient> {
    let shows_keys = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        matches!(ending, "pub" | "nix" | "yaml") || path.ends_with("known_hosts")
    };
    let texts = tree::files(root).into_iter().filter(|path| shows_keys(path));
    let texts = texts.filter_map(|path| tree::text(root, path)).filter(|text| text.contains(KIND));
    let mut all = BTreeMap::new();
    for text in texts {
        for (at, _) in text.match_indices(KIND) {
            let body = text.get(at + KIND.len()..).unwrap_or_default();
            let end =
                body.find(|c: char| !c.is_ascii_alphanumeric() && !"+/=".contains(c)).unwrap_or(body.len());
            let key = body.get(..end).unwrap_or_default();
            if let (Ok(ssh), Some(age)) = (format!("{KIND}{key}").parse(), age_form(key)) {
                all.insert(age, ssh);
            }
        }
    }
    all
}

/// The age recipient of an ed25519 key: the same point on the other form of the curve.
fn age_form(body: &str) -> Option<Recipient> {
    let wire = STANDARD.decode(body).ok()?;
    let point: &[u8; 32] = wire.last_chunk()?;
    let point = VerifyingKey::from_bytes(point).ok()?.to_montgomery().to_bytes();
    bech32::encode::<Bech32>(Hrp::parse("age").ok()?, &point).ok()?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_converted_key_is_the_same_point_on_the_other_form_of_the_curve() {
        // Worked out by hand: u = (1 + y) / (1 - y), in the Bech32 of BIP 173.
        let ssh = "AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti";
        assert_eq!(
            age_form(ssh).unwrap().as_str(),
            "age1ru2d3p49ty8hd3g8m964ch404k0wcr0ee500zagp3ftzqkld7auqaudj0s"
        );
        assert_eq!(age_form("AAAA"), None);
    }
}
