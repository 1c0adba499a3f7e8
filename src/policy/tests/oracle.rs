//! A second, naive reading of the language, which decisions and grants must agree with.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the naive reading is over short ASCII texts"
)]

use proptest::prelude::*;

use super::*;

/// A rule as data, so that both readings start from the same thing.
#[derive(Clone, Debug)]
struct Spec {
    allow: bool,
    pattern: String,
    hosts: Option<&'static str>,
    services: Option<&'static str>,
    condition: Option<&'static str>,
    ended: bool,
    except: Option<&'static str>,
    dormant: bool,
    /// How the fleet reads services without hosts.
    reach: ServiceReach,
}

/// What the fleet of these tests lists, in words of its own.
fn lists(host: &str, service: &str) -> bool {
    let services: &[&str] = match host {
        "forge" => &["sonarr", "restic", "caddy"],
        "web-1" => &["caddy", "wireguard"],
        "torii-chan" => &["wireguard"],
        "cellar" => &["restic"],
        _ => &["caddy"],
    };
    service == "system" || services.contains(&service)
}

const KNOWN: [&str; 5] = ["system", "caddy", "restic", "sonarr", "wireguard"];
const NAMES: [&str; 5] = ["torii-chan", "web-1", "forge", "cellar", "stolen"];
const SERVICES: [&str; 4] = ["system", "caddy", "restic", "wireguard"];
const TRUE: &str = "|s, h, v| true";
const FALSE: &str = "|s, h, v| false";
const CADDY: &str = "|s, h, v| v == \"caddy\"";
const BROKEN: &str = "|s, h, v| 42";

impl Spec {
    fn text(&self) -> String {
        let part = |name: &str, value: Option<&str>, quote: &str| {
            value.map(|value| format!(".{name}({quote}{value}{quote})")).unwrap_or_default()
        };
        format!(
            "{}(\"{}\"){}{}{}{}{}{};\n",
            if self.allow { "allow" } else { "deny" },
            self.pattern,
            part("hosts", self.hosts, "\""),
            part("services", self.services, "\""),
            part("when", self.condition, ""),
            if self.ended { ".until(\"2020-01-01\")" } else { "" },
            part("except", self.except, "\""),
            if self.dormant && self.allow { ".including_dormant()" } else { "" },
        )
    }

    /// Whether it is about no host but those that list one of its services.
    fn narrows(&self) -> bool {
        self.reach == ServiceReach::Listed && self.allow && self.hosts.is_none() && self.services.is_some()
    }

    fn selects(&self, secret: &str, host: &str, service: &str) -> bool {
        let pattern = self.pattern.replace("{host:_}", &host.replace('-', "_"));
        let pattern = pattern.replace("{host}", host).replace("{service}", service);
        let pattern: Vec<_> = pattern.split('/').collect();
        let secret: Vec<_> = secret.split('/').collect();
        let reached = match host {
            "cellar" => !self.allow || self.dormant,
            "stolen" => !self.allow,
            _ => true,
        };
        !self.ended
            && reached
            && self.except.is_none_or(|glob| !stars(glob, host))
            && self.hosts.is_none_or(|glob| stars(glob, host))
            && self.services.is_none_or(|glob| stars(glob, service))
            && (!self.narrows() || lists(host, service))
            && segments(&pattern, &secret)
    }

    fn condition(&self, service: &str) -> Option<bool> {
        match self.condition {
            None | Some(TRUE) => Some(true),
            Some(CADDY) => Some(service == "caddy"),
            Some(FALSE) => Some(false),
            Some(_) => None,
        }
    }
}

fn stars(glob: &str, text: &str) -> bool {
    match (glob.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => stars(&glob[1..], text) || (!text.is_empty() && stars(glob, &text[1..])),
        (Some(a), Some(b)) => a == b && stars(&glob[1..], &text[1..]),
        _ => false,
    }
}

fn segments(pattern: &[&str], secret: &[&str]) -> bool {
    match (pattern, secret) {
        ([], []) => true,
        (["**", tail @ ..], _) => {
            segments(tail, secret) || (!secret.is_empty() && segments(pattern, &secret[1..]))
        }
        ([first, tail @ ..], [segment, rest @ ..]) => stars(first, segment) && segments(tail, rest),
        _ => false,
    }
}

fn naive(rules: &[Spec], secret: &str, host: &str, service: &str) -> bool {
    let speaking: Vec<_> = rules.iter().filter(|rule| rule.selects(secret, host, service)).collect();
    let failed = speaking.iter().any(|rule| rule.condition(service).is_none());
    let forbidden = speaking.iter().any(|rule| !rule.allow && rule.condition(service) == Some(true));
    let permitted = speaking.iter().any(|rule| rule.allow && rule.condition(service) == Some(true));
    permitted && !forbidden && !failed
}

/// The places of the rules that deny a request which some allow is or was about.
fn naive_denials(rules: &[Spec], secret: &str, host: &str, service: &str) -> BTreeSet<usize> {
    let speaks = |rule: &Spec| rule.selects(secret, host, service);
    let was = |rule: &Spec| Spec { ended: false, ..rule.clone() }.selects(secret, host, service);
    let permits = |rule: &Spec| rule.allow && speaks(rule) && rule.condition(service) == Some(true);
    let failed = |rule: &Spec| speaks(rule) && rule.condition(service).is_none();
    let ended = |rule: &Spec| rule.allow && rule.ended && was(rule) && rule.condition(service) == Some(true);
    let permitted = rules.iter().any(permits);
    let meant = permitted || rules.iter().any(|rule| ended(rule) || (rule.allow && failed(rule)));
    let forbids = |rule: &Spec| !rule.allow && speaks(rule) && rule.condition(service) == Some(true);
    if naive(rules, secret, host, service) || !meant {
        return BTreeSet::new();
    }
    let against = |rule: &Spec| forbids(rule) || failed(rule) || (!permitted && ended(rule));
    rules.iter().enumerate().filter(|(_, rule)| against(rule)).map(|(at, _)| at).collect()
}

/// Every service that could matter: those of the host, those that rules name, and one that nobody knows.
fn naive_grant(rules: &[Spec], secret: &str, host: &str) -> String {
    let fleet = fleet();
    let mut known: BTreeSet<&str> =
        fleet.hosts.get(host).unwrap().services.iter().map(ServiceName::as_str).collect();
    known.insert("system");
    let touches = |rule: &&Spec| {
        // `{service}*` must become `*`, since `**` would mean something else.
        let any = |segment: &str| match segment {
            "{service}*" => "*".to_owned(),
            other => other.replace("{service}", "*"),
        };
        let pattern = rule.pattern.split('/').map(any).collect::<Vec<_>>().join("/");
        let star = Spec { services: None, pattern, ..(*rule).clone() };
        let here =
            |service: &&str| lists(host, service) && rule.services.is_some_and(|glob| stars(glob, service));
        star.selects(secret, host, "unheard-of") && (!rule.narrows() || KNOWN.iter().any(here))
    };
    let touching: Vec<_> = rules.iter().filter(touches).collect();
    let names = touching.iter().filter(|rule| !rule.narrows()).filter_map(|rule| rule.services);
    known.extend(names.filter(|name| !name.contains('*')));
    let independent = |rule: &&Spec| rule.services.is_none() && !rule.pattern.contains("{service}");
    if touching.iter().all(|rule| rule.allow && rule.condition.is_none())
        && touching.iter().copied().any(|rule| independent(&rule))
    {
        return "all".to_owned();
    }
    let names: Vec<_> = known.into_iter().filter(|service| naive(rules, secret, host, service)).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn segment() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "a",
        "b",
        "*",
        "**",
        "{host}",
        "{host:_}",
        "{service}",
        "a*",
        "*b",
        "{host}-x",
        "{host:_}_*",
        "{service}*",
        "forge",
    ])
}

fn rule() -> impl Strategy<Value = Spec> {
    (
        proptest::bool::weighted(0.7),
        proptest::collection::vec(segment(), 1..4),
        proptest::option::of(proptest::sample::select(vec!["forge", "web-*", "*", "*-*"])),
        proptest::option::weighted(0.4, proptest::sample::select(vec!["caddy", "unlisted", "*", "*a*"])),
        proptest::option::weighted(0.3, proptest::sample::select(vec![TRUE, FALSE, CADDY, BROKEN])),
        proptest::bool::weighted(0.1),
        proptest::option::weighted(0.2, proptest::sample::select(vec!["forge", "*-*", "c*"])),
        proptest::bool::weighted(0.3),
    )
        .prop_map(|(allow, segments, hosts, services, condition, ended, except, dormant)| Spec {
            allow,
            pattern: segments.join("/"),
            hosts,
            services,
            condition,
            ended,
            except,
            dormant,
            reach: ServiceReach::EveryHost,
        })
}

/// Rules of one fleet, which reads them in one of the two ways.
fn rules(most: usize) -> impl Strategy<Value = Vec<Spec>> {
    let rules = proptest::collection::vec(rule(), 0..most);
    (rules, reach()).prop_map(|(rules, reach)| read(rules, reach))
}

fn reach() -> impl Strategy<Value = ServiceReach> {
    proptest::sample::select(vec![ServiceReach::EveryHost, ServiceReach::Listed])
}

fn read(rules: Vec<Spec>, reach: ServiceReach) -> Vec<Spec> {
    rules.into_iter().map(|rule| Spec { reach, ..rule }).collect()
}

fn secret() -> impl Strategy<Value = String> {
    let segment = proptest::sample::select(vec![
        "a",
        "b",
        "ab",
        "forge",
        "web-1",
        "torii_chan",
        "torii-chan-x",
        "web_1_ab",
        "caddy",
        "system",
    ]);
    proptest::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"))
}

/// Every request over these secrets, in words.
fn requests(secrets: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for secret in secrets {
        for host in NAMES {
            all.extend(SERVICES.map(|service| format!("{secret} {host} {service}")));
        }
    }
    all
}

/// These rules in a fleet that reads them as they are to be read; more text may follow them.
fn load_read(rules: &[Spec], more: &str) -> Policy {
    let reach = rules.first().map(|rule| rule.reach).unwrap_or_default();
    load_with(&format!("{}{more}", text(rules)), reach)
}

fn text<'s>(rules: impl IntoIterator<Item = &'s Spec>) -> String {
    rules.into_iter().map(Spec::text).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_rule_of_several_patterns_is_found_exactly_where_one_of_them_covers(
        patterns in proptest::collection::vec(proptest::collection::vec(segment(), 1..4).prop_map(|s| s.join("/")), 1..5),
        secrets in proptest::collection::vec(secret(), 1..6),
    ) {
        let joined = load(&format!("allow([\"{}\"]);", patterns.join("\", \"")));
        let alone: Vec<_> = patterns.iter().map(|pattern| load(&format!("allow(\"{pattern}\");"))).collect();
        for request in requests(&secrets) {
            let wanted = alone.iter().any(|policy| allowed(policy, &request));
            prop_assert_eq!(allowed(&joined, &request), wanted, "{} {:?}", request, patterns);
            let permits = match decide(&joined, &request) {
                Decision::Allow { permits, .. } => permits.len(),
                Decision::Deny { .. } => 0,
            };
            prop_assert_eq!(permits, usize::from(wanted), "{} {:?}", request, patterns);
        }
    }

    #[test]
    fn the_order_of_random_rules_changes_no_decision(
        (rules, shuffled) in rules(7).prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        secrets in proptest::collection::vec(secret(), 1..4),
    ) {
        let (straight, other) = (load_read(&rules, ""), load_read(&shuffled, ""));
        for request in requests(&secrets) {
            prop_assert_eq!(allowed(&straight, &request), allowed(&other, &request), "{}", request);
        }
    }

    #[test]
    fn a_further_deny_never_gives_and_a_further_allow_that_does_not_fail_never_takes(
        rules in proptest::collection::vec(rule(), 0..6),
        more in rule(),
        reach in reach(),
        secrets in proptest::collection::vec(secret(), 1..4),
    ) {
        let rules = read(rules, reach);
        let all = read(rules.iter().chain([&more]).cloned().collect(), reach);
        let (before, after) = (load_read(&rules, ""), load_read(&all, ""));
        for request in requests(&secrets) {
            let (before, after) = (allowed(&before, &request), allowed(&after, &request));
            let holds = if more.allow { !before || after || more.condition == Some(BROKEN) } else { before || !after };
            prop_assert!(holds, "{request}\n{}", text(rules.iter().chain([&more])));
        }
    }

    #[test]
    fn an_invariant_is_broken_exactly_where_a_naive_reading_grants_against_it(
        rules in rules(5),
        invariant in rule(),
        secret in secret(),
    ) {
        let invariant = Spec { allow: false, ended: false, condition: None, services: None, pattern: invariant.pattern.replace("{service}", "*").replace("**", "*"), ..invariant };
        let never = invariant.text().replacen("deny", "never", 1);
        let policy = load_read(&rules, &never);
        let found = policy.violations(&[secret.parse().unwrap()], now());
        for host in NAMES {
            let wanted = naive_grant(&rules, &secret, host) != "none" && invariant.selects(&secret, host, "system");
            let broken = found.iter().any(|violation| violation.host.as_str() == host);
            prop_assert_eq!(broken, wanted, "{} {}\n{}{}", secret, host, text(&rules), never);
        }
    }

    #[test]
    fn decisions_and_grants_agree_with_a_naive_reading(
        rules in rules(6),
        secrets in proptest::collection::vec(secret(), 1..8),
    ) {
        let text: String = rules.iter().map(Spec::text).collect();
        let policy = load_read(&rules, "");
        for secret in &secrets {
            for host in NAMES {
                for service in SERVICES {
                    let request = format!("{secret} {host} {service}");
                    prop_assert_eq!(allowed(&policy, &request), naive(&rules, secret, host, service), "{}\n{}", request, text);
                }
                prop_assert_eq!(granted(&policy, secret, host), naive_grant(&rules, secret, host), "{} {}\n{}", secret, host, text);
            }
        }
    }

    #[test]
    fn a_denial_is_told_exactly_where_the_decision_denies_what_an_allow_is_about(
        rules in rules(6),
        secret in secret(),
    ) {
        let policy = load_read(&rules, "");
        for host in NAMES {
            let verdict = policy.verdict(&secret.parse().unwrap(), &host.parse().unwrap(), now());
            prop_assert_eq!(&verdict.grant, &grant(&policy, &secret, host));
            for service in SERVICES {
                let name: ServiceName = service.parse().unwrap();
                let request = format!("{secret} {host} {service}");
                let (told, blanket): (Vec<_>, Vec<_>) = {
                    let about = verdict.denials.iter().filter(|denial| denial.services.contains(&name));
                    let all = about.clone().filter(|denial| denial.services == Services::All);
                    (about.map(|denial| denial.rule.clone()).collect(), all.collect())
                };
                // What holds for every service holds for one that no rule and no host names, too.
                prop_assert!(blanket.is_empty() || !allowed(&policy, &format!("{secret} {host} unheard-of")), "{}", request);
                let wanted = naive_denials(&rules, &secret, host, service);
                let known = fleet().hosts.get(host).unwrap().services.contains(service) || service == "system";
                let lines: BTreeSet<usize> = told.iter().map(|rule| rule.place.line.unwrap() - 1).collect();
                if known {
                    prop_assert_eq!(lines, wanted, "{}\n{}", request, text(&rules));
                } else {
                    // Whether a condition objects is asked for known services alone.
                    prop_assert!(lines.is_subset(&wanted), "{}\n{}", request, text(&rules));
                }
                prop_assert!(told.is_empty() || !allowed(&policy, &request), "{}", request);
            }
        }
    }

    #[test]
    fn a_grant_holds_exactly_where_the_decision_does(
        rules in rules(6),
        secret in secret(),
    ) {
        let policy = load_read(&rules, "");
        for host in NAMES {
            let grant = grant(&policy, &secret, host);
            for service in fleet().hosts.get(host).unwrap().services.iter().map(ServiceName::as_str).chain(["system"]) {
                let contains = grant.as_ref().is_some_and(|grant| grant.services.contains(&service.parse().unwrap()));
                prop_assert_eq!(contains, allowed(&policy, &format!("{secret} {host} {service}")), "{}", service);
            }
        }
    }

    #[test]
    fn the_narrow_reading_takes_exactly_what_rules_gave_for_naming_no_hosts(
        rules in proptest::collection::vec(rule(), 0..6),
        secret in secret(),
    ) {
        // A rule that fails for fewer hosts denies fewer, which is no matter of what it allows.
        let rules: Vec<Spec> = rules.into_iter().filter(|rule| rule.condition != Some(BROKEN)).collect();
        let (wide, narrow) = (load_read(&rules, ""), load_read(&read(rules.clone(), ServiceReach::Listed), ""));
        let name: crate::name::SecretName = secret.parse().unwrap();
        prop_assert!(narrow.unlisted(std::slice::from_ref(&name), now()).is_empty());
        let unlisted = wide.unlisted(&[name], now());
        for host in NAMES {
            for service in KNOWN.into_iter().chain(["unlisted"]) {
                let request = format!("{secret} {host} {service}");
                let lost = allowed(&wide, &request) && !allowed(&narrow, &request);
                let told = unlisted.iter().any(|one| one.host.as_str() == host && one.service.as_str() == service);
                prop_assert!(allowed(&wide, &request) || !allowed(&narrow, &request), "{}\n{}", request, text(&rules));
                // What no rule names without a glob is in no grant, so nothing is lost there.
                prop_assert!(!told || lost, "{}\n{}", request, text(&rules));
                let granted = grant(&wide, &secret, host).is_some_and(|grant| grant.services.contains(&service.parse().unwrap()));
                prop_assert!(told || !lost || !granted, "{}\n{}", request, text(&rules));
            }
        }
    }
}
