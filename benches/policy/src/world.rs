//! The fleet and the secrets that every engine is asked about: 100 hosts, 10 services, 1,000 secrets.

/// How many hosts there are.
pub const HOSTS: usize = 100;

/// How many secrets there are.
pub const SECRETS: usize = 1_000;

/// Questions about one secret: one for each host and service.
pub const PAIRS: usize = HOSTS * SERVICES.len();

/// What runs on hosts; each of these asks for each secret on each host.
pub const SERVICES: [&str; 10] = [
    "caddy",
    "restic",
    "postgresql",
    "wireguard",
    "sonarr",
    "gitea",
    "grafana",
    "nextcloud",
    "minio",
    "openssh",
];

/// What hosts are for: ten hosts each, and a tag.
pub const ROLES: [&str; 10] =
    ["backup", "build", "db", "edge", "lab", "mail", "media", "monitor", "nas", "web"];

/// Where hosts stand: a second tag of each host.
pub const ZONES: [&str; 4] = ["east", "north", "south", "west"];

/// First segments of the 600 secrets that are not in the folder of a host.
pub const AREAS: [&str; 30] = [
    "acme",
    "alerts",
    "backups",
    "billing",
    "cache",
    "calendar",
    "chat",
    "ci",
    "cloud",
    "dns",
    "docs",
    "exports",
    "forge",
    "games",
    "home",
    "identity",
    "ldap",
    "logs",
    "mail-relay",
    "maps",
    "metrics",
    "mirror",
    "payments",
    "photos",
    "prod",
    "proxy",
    "radio",
    "registry",
    "search",
    "staging",
];

/// Second segments in each area.
pub const GROUPS: [&str; 4] = ["api", "db", "ops", "tls"];

/// Last segments in each area.
pub const NAMES: [&str; 3] = ["password", "signing-key", "token"];

/// One host with its facts.
pub struct Host {
    pub name: String,
    pub tags: [&'static str; 2],
    pub services: [&'static str; 4],
}

/// One question: may this service on this host read this secret? All three are places in the lists of [`World`].
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub secret: usize,
    pub host: usize,
    pub service: usize,
}

/// Everything that questions are about.
pub struct World {
    pub hosts: Vec<Host>,
    pub secrets: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let hosts: Vec<_> = (0..HOSTS).map(host).collect();
        let own = hosts
            .iter()
            .flat_map(|host| host.services.iter().map(|service| format!("{}/{service}/token", host.name)));
        let shared = AREAS.iter().flat_map(|area| (0..20).map(move |nth| shared_secret(area, nth)));
        let secrets: Vec<_> = own.chain(shared).collect();
        assert_eq!(secrets.len(), SECRETS);
        Self { hosts, secrets }
    }

    /// The fleet as `secretctl.toml` describes it.
    pub fn fleet_file(&self) -> String {
        let mut text = "version = 1\n".to_owned();
        for Host { name, tags, services } in &self.hosts {
            text +=
                &format!("[hosts.{name}]\nstate = \"pending\"\ntags = {tags:?}\nservices = {services:?}\n");
        }
        text
    }

    /// A question in words, for messages.
    pub fn in_words(&self, question: Question) -> String {
        let host = &self.hosts[question.host].name;
        format!("{} for {} on {host}", self.secrets[question.secret], SERVICES[question.service])
    }
}

fn host(nth: usize) -> Host {
    Host {
        name: format!("{}-{}", ROLES[nth / 10], nth % 10),
        tags: [ROLES[nth / 10], ZONES[nth % ZONES.len()]],
        services: [0, 1, 3, 6].map(|step| SERVICES[(nth + step) % SERVICES.len()]),
    }
}

/// Of 20 secrets in an area, 12 have three segments, 4 have four, and 4 have two: a group's own name, which
/// `area/group/**` covers and `area/group/*` does not.
fn shared_secret(area: &str, nth: usize) -> String {
    let group = GROUPS[nth % GROUPS.len()];
    match nth / GROUPS.len() {
        3 => format!("{area}/{group}/old/{}", NAMES[nth % NAMES.len()]),
        4 => format!("{area}/{group}"),
        name => format!("{area}/{group}/{}", NAMES[name]),
    }
}

/// The questions about one secret, `count` of all [`PAIRS`], spread evenly over hosts and services.
///
/// The step has no factor in common with the number of pairs, so no pair comes twice and every service and host
/// has its turn; the first pair differs from secret to secret. With all pairs it is every combination in order.
pub fn questions(secret: usize, count: usize) -> impl Iterator<Item = Question> {
    debug_assert_eq!(PAIRS % count, 0);
    let (first, step) = if count == PAIRS { (0, 1) } else { (secret * 7, PAIRS / count + 1) };
    (0..count).map(move |nth| {
        let pair = (first + nth * step) % PAIRS;
        Question { secret, host: pair / SERVICES.len(), service: pair % SERVICES.len() }
    })
}
