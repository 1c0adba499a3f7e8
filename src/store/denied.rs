//! `denied.json`: why policy keeps secrets from a host, for evaluations that cannot run the policy.
//!
//! It is advice. Nobody signs it, no host gets it, and nothing is ever decided by it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::Serialize;

use super::layout::Layout;
use crate::fsx::FsError;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// File name of the reasons beside a host's manifest.
pub const DENIED_FILE: &str = "denied.json";
/// Largest file that is read.
const DENIED_MAX: u64 = 64 << 20;
/// The version of the format that this program writes and reads.
const VERSION: u32 = 1;

/// One reason why services of a host don't get a secret.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// The secret.
    pub secret: SecretName,
    /// `denied`, `failed` or `ended`.
    pub reason: String,
    /// Where the rule was declared.
    pub rule: String,
    /// Why the rule exists, in the words of its author.
    pub because: Option<String>,
    /// The services that it keeps from the secret; none stands for every service.
    pub services: Option<BTreeSet<ServiceName>>,
    /// How the rule failed or when it ended.
    pub detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    host: HostName,
    denied: BTreeSet<Denied>,
}

/// The bytes of a host's file; none where there is nothing to say.
pub fn denied_bytes(host: &HostName, denied: &BTreeSet<Denied>) -> Option<Vec<u8>> {
    if denied.is_empty() {
        return None;
    }
    let lines: Vec<String> = denied.iter().filter_map(|one| serde_json::to_string(one).ok()).collect();
    let head = format!("{{\"version\":{VERSION},\"host\":\"{host}\",\"denied\":[\n");
    Some(format!("{head}{}\n]}}\n", lines.join(",\n")).into_bytes())
}

/// What a host's file says; none if it is not one that this program writes for the host.
pub fn parse_denied(host: &HostName, bytes: &[u8]) -> Option<BTreeSet<Denied>> {
    let document: Document = serde_json::from_slice(bytes).ok()?;
    (document.version == VERSION && document.host == *host).then_some(document.denied)
}

impl Layout {
    /// `sealed/HOST/denied.json`.
    pub fn denied(host: &HostName) -> std::path::PathBuf {
        Self::sealed(host).join(DENIED_FILE)
    }

    /// The bytes of a host's reasons, if there is such a file.
    pub fn read_denied(&self, host: &HostName) -> Result<Option<Vec<u8>>, FsError> {
        match self.read(&Self::denied(host), DENIED_MAX) {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn denied(secret: &str, services: Option<&str>) -> Denied {
        Denied {
            secret: secret.parse().unwrap(),
            reason: "denied".to_owned(),
            rule: "policies/access.rhai:7:1".to_owned(),
            because: Some("\"lab\" machines\nare shared".to_owned()),
            services: services.map(|name| [name.parse().unwrap()].into()),
            detail: None,
        }
    }

    #[test]
    fn the_file_round_trips_with_one_reason_a_line() {
        let host: HostName = "forge".parse().unwrap();
        let all: BTreeSet<Denied> = [denied("prod/b", Some("web")), denied("prod/a", None)].into();
        let bytes = denied_bytes(&host, &all).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("{\"version\":1,\"host\":\"forge\",\"denied\":[\n{\"secret\":\"prod/a\""));
        assert_eq!(parse_denied(&host, &bytes), Some(all));
        assert_eq!(denied_bytes(&host, &BTreeSet::new()), None);
    }

    #[test]
    fn what_this_program_does_not_write_says_nothing() {
        let host: HostName = "forge".parse().unwrap();
        for text in [
            "",
            "[]",
            r#"{"version":2,"host":"forge","denied":[]}"#,
            r#"{"version":1,"host":"luna","denied":[]}"#,
            r#"{"version":1,"host":"forge","denied":[],"more":1}"#,
            r#"{"version":1,"host":"forge","denied":[{"secret":"../x"}]}"#,
        ] {
            assert_eq!(parse_denied(&host, text.as_bytes()), None, "{text}");
        }
    }
}
