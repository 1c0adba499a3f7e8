//! The access of two real fleets, expressed as policies: exactly what their services need, and nothing else.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use secretctl::fleet::Fleet;
use secretctl::fleet::HostState;
use secretctl::name::SecretName;
use secretctl::policy::Policy;
use secretctl::policy::PolicyFile;
use secretctl::policy::Services;
use serde_json::Value;

/// Services by secret and host.
type Access = BTreeMap<(String, String), BTreeSet<String>>;

/// A real fleet: what its file says, and its policy.
struct Model {
    facts: Value,
    fleet: Fleet,
    files: Vec<PolicyFile>,
    policy: Policy,
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn rhai(folder: &Path, inside: &Path, files: &mut Vec<PolicyFile>) {
    let mut entries: Vec<PathBuf> =
        folder.join(inside).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let inside = path.strip_prefix(folder).unwrap();
        if path.is_dir() {
            rhai(folder, inside, files);
        } else {
            files.push(PolicyFile { path: inside.to_owned(), text: read(&path) });
        }
    }
}

impl Model {
    fn load(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleets").join(name);
        let facts = serde_json::from_str(&read(&folder.join("fleet.json"))).unwrap();
        let fleet = Fleet::parse(&read(&folder.join("secretctl.toml")), Path::new("secretctl.toml")).unwrap();
        let mut files = Vec::new();
        rhai(&folder, Path::new("policies"), &mut files);
        let policy = Policy::load(&files, &fleet).unwrap();
        Self { facts, fleet, files, policy }
    }

    fn active(&self, host: &str) -> bool {
        self.fleet.hosts[host].state == HostState::Active
    }

    /// What services read, on hosts that have a key. What no unit reads is for the operating system, and so is
    /// what creates users.
    fn needed(&self) -> Access {
        let mut needed = Access::new();
        for secret in
            self.facts["secrets"].as_array().unwrap().iter().filter(|secret| secret["active"] == true)
        {
            let texts = |key: &str| {
                secret[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned())
            };
            let services: BTreeSet<String> = texts("services")
                .map(|service| if service == "users" { "system".to_owned() } else { service })
                .collect();
            let services = if services.is_empty() { ["system".to_owned()].into() } else { services };
            for host in texts("hosts").filter(|host| self.active(host)) {
                let name = secret["name"].as_str().unwrap().to_owned();
                needed.entry((name, host)).or_default().extend(services.clone());
            }
        }
        needed
    }

    fn secrets(&self) -> Vec<SecretName> {
        let names: BTreeSet<_> = self.facts["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret["name"].as_str().unwrap())
            .collect();
        names.into_iter().map(|name| name.parse().unwrap()).collect()
    }

    /// What the policy lets services read, of the secrets that are in use.
    fn granted(&self) -> Access {
        let used: BTreeSet<_> = self.needed().into_keys().map(|(secret, _)| secret).collect();
        let rows = self.policy.matrix(&self.secrets(), now()).rows.into_iter();
        let rows = rows.filter(|row| self.active(row.host.as_str()) && used.contains(row.secret.as_str()));
        rows.map(|row| {
            let services = match row.grant.services {
                Services::All => ["*".to_owned()].into(),
                Services::Only(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            };
            ((row.secret.to_string(), row.host.to_string()), services)
        })
        .collect()
    }

    /// Pairs that are granted are those that are needed, with the same services; the tests of the policy pass
    /// and make every rule speak; no invariant is broken.
    fn assert_exact(&self, pairs: usize) {
        let (needed, granted) = (self.needed(), self.granted());
        assert_eq!(needed.len(), pairs);
        let differing: Vec<_> = needed
            .keys()
            .chain(granted.keys())
            .filter(|pair| needed.get(*pair) != granted.get(*pair))
            .map(|pair| format!("{pair:?}: needed {:?}, granted {:?}", needed.get(pair), granted.get(pair)))
            .collect();
        assert!(differing.is_empty(), "{differing:#?}");
        assert!(self.policy.rules().len() <= 30, "{} rules", self.policy.rules().len());
        assert!(!self.policy.invariants().is_empty());
        assert_eq!(self.policy.violations(&self.secrets(), now()), []);
        let report = self.policy.test(&self.files, &self.fleet, now()).unwrap();
        let failed: Vec<_> = report.cases.iter().filter(|case| !case.failures.is_empty()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let silent: Vec<_> = report.unexercised.iter().map(|rule| rule.place.to_string()).collect();
        assert!(silent.is_empty(), "no test makes these rules speak: {silent:?}");
    }
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

#[test]
fn four_machines_with_one_shared_key_need_26_pairs_of_96() {
    Model::load("torii").assert_exact(26);
}

#[test]
fn a_homelab_of_eight_machines_needs_173_pairs_of_1100() {
    Model::load("carpenike").assert_exact(173);
}
