//! Few rules that say exactly who needs what today.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::pattern::Pattern;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// Which services of which hosts need each secret; secrets that nobody needs are in it too, with nobody.
pub type Needed = BTreeMap<SecretName, BTreeMap<HostName, BTreeSet<ServiceName>>>;

/// More candidates than this are not weighed: the rules are then longer, and as right.
const CANDIDATES: usize = 40_000;

/// How many patterns in rules that exist one new rule weighs.
const NEW_RULE: usize = 8;

/// One need: a secret, a host and a service, by their places in the world.
type Triple = (usize, usize, usize);

/// A rule that could be written.
struct Candidate {
    pattern: Pattern,
    selector: Selector,
    covered: BTreeSet<Triple>,
}

/// Whom a rule is about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Selector {
    /// None where the pattern binds the host and fits every one.
    hosts: Option<BTreeSet<usize>>,
    /// None where the pattern binds the service.
    services: Option<BTreeSet<usize>>,
}

/// Everything that rules speak of, in numbers.
struct World<'n> {
    secrets: Vec<&'n SecretName>,
    hosts: Vec<&'n HostName>,
    services: Vec<&'n ServiceName>,
    /// Services by secret and host.
    needed: BTreeMap<(usize, usize), BTreeSet<usize>>,
    /// Services of each host.
    of_host: Vec<BTreeSet<usize>>,
}

/// The text of rules that allow exactly `needed`; `hosts` are all hosts of the fleet.
pub(super) fn rules(needed: &Needed, hosts: &BTreeSet<HostName>) -> String {
    let world = World::of(needed, hosts);
    let candidates = world.candidates();
    let Some(chosen) = chosen(&world, &candidates) else { return exact_rules(needed) };
    let mut rules: BTreeMap<&Selector, BTreeSet<&Pattern>> = BTreeMap::new();
    for candidate in chosen {
        rules.entry(&candidate.selector).or_default().insert(&candidate.pattern);
    }
    let text = |(selector, patterns): (&&Selector, &BTreeSet<&Pattern>)| {
        world.rule(selector, patterns.iter().map(|pattern| pattern.text()))
    };
    let mut texts: Vec<String> = rules.iter().map(text).collect();
    texts.sort();
    texts.join("\n")
}

/// Takes what covers most for its price until nothing is open, then leaves out what the rest covers anyway.
fn chosen<'c>(world: &World<'_>, candidates: &'c [Candidate]) -> Option<Vec<&'c Candidate>> {
    let mut open: BTreeSet<Triple> = world.triples().collect();
    let mut chosen: Vec<&Candidate> = Vec::new();
    let mut selectors: BTreeSet<&Selector> = BTreeSet::new();
    while !open.is_empty() {
        let best = candidates.iter().max_by_key(|candidate| {
            let gain = candidate.covered.iter().filter(|triple| open.contains(triple)).count();
            // A rule that exists takes one more pattern more cheaply than a new rule.
            let price = if selectors.contains(&candidate.selector) { NEW_RULE } else { 1 };
            let shortest = std::cmp::Reverse(candidate.pattern.text().len());
            (gain * price, !candidate.pattern.has_wildcard(), shortest)
        })?;
        if !best.covered.iter().any(|triple| open.contains(triple)) {
            return None;
        }
        open.retain(|triple| !best.covered.contains(triple));
        selectors.insert(&best.selector);
        chosen.push(best);
    }
    for at in (0..chosen.len()).rev() {
        let others: BTreeSet<&Triple> = chosen
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .flat_map(|(_, one)| &one.covered)
            .collect();
        if chosen.get(at).is_some_and(|one| one.covered.iter().all(|triple| others.contains(triple))) {
            chosen.remove(at);
        }
    }
    Some(chosen)
}

/// The same with every name written out: longer, and right whatever patterns mean.
pub fn exact_rules(needed: &Needed) -> String {
    let hosts: BTreeSet<HostName> = needed.values().flat_map(BTreeMap::keys).cloned().collect();
    let world = World::of(needed, &hosts);
    let mut rules: BTreeMap<Selector, BTreeSet<String>> = BTreeMap::new();
    for (secret, by_host) in needed {
        let mut by_services: BTreeMap<BTreeSet<usize>, BTreeSet<usize>> = BTreeMap::new();
        for (host, services) in by_host {
            let services = services
                .iter()
                .filter_map(|service| world.services.iter().position(|known| *known == service));
            let host = world.hosts.iter().position(|known| *known == host);
            by_services.entry(services.collect()).or_default().extend(host);
        }
        for (services, hosts) in by_services {
            let selector = Selector { hosts: Some(hosts), services: Some(services) };
            rules.entry(selector).or_default().insert(secret.to_string());
        }
    }
    let mut texts: Vec<String> =
        rules.into_iter().map(|(selector, names)| world.rule(&selector, names.into_iter())).collect();
    texts.sort();
    texts.join("\n")
}

impl<'n> World<'n> {
    fn of(needed: &'n Needed, hosts: &'n BTreeSet<HostName>) -> Self {
        let all = needed.values().flat_map(|by_host| by_host.values().flatten());
        let services: Vec<&ServiceName> = all.collect::<BTreeSet<_>>().into_iter().collect();
        let hosts: Vec<&HostName> = hosts.iter().collect();
        let mut world = Self {
            secrets: needed.keys().collect(),
            of_host: vec![BTreeSet::new(); hosts.len()],
            hosts,
            services,
            needed: BTreeMap::new(),
        };
        for (secret, by_host) in needed.values().enumerate() {
            for (host, services) in by_host {
                let Some(host) = world.hosts.iter().position(|known| *known == host) else { continue };
                let services: BTreeSet<usize> = services
                    .iter()
                    .filter_map(|service| world.services.binary_search(&service).ok())
                    .collect();
                if let Some(all) = world.of_host.get_mut(host) {
                    all.extend(&services);
                }
                world.needed.insert((secret, host), services);
            }
        }
        world
    }

    fn triples(&self) -> impl Iterator<Item = Triple> + '_ {
        self.needed.iter().flat_map(|(&(secret, host), services)| {
            services.iter().map(move |service| (secret, host, *service))
        })
    }

    fn candidates(&self) -> Vec<Candidate> {
        let mut patterns = BTreeSet::new();
        for (&(secret, host), services) in &self.needed {
            let (Some(name), Some(host)) = (self.secrets.get(secret), self.hosts.get(host)) else { continue };
            let services: BTreeSet<&str> =
                services.iter().filter_map(|at| self.services.get(*at)).map(|name| name.as_str()).collect();
            patterns.insert(Pattern::exact(name.as_str()));
            patterns.extend(Pattern::suggested(name.as_str(), host.as_str(), &services));
            if patterns.len() > CANDIDATES {
                break;
            }
        }
        let mut all: Vec<Candidate> = Vec::new();
        for pattern in patterns {
            if pattern.binds_service() {
                all.extend(self.bound(&pattern))
            } else {
                all.extend(self.selected(&pattern))
            }
        }
        all
    }

    /// Names that a pattern covers on one host, for a service.
    fn covered(&self, pattern: &Pattern, host: usize, service: &str) -> Vec<usize> {
        let host = self.hosts.get(host).map(|host| host.as_str()).unwrap_or_default();
        let covers = |(_, name): &(usize, &&SecretName)| pattern.covers(name.as_str(), host, service);
        self.secrets.iter().enumerate().filter(covers).map(|(at, _)| at).collect()
    }

    /// A pattern with the service in it: right for a host where every service needs all that it covers.
    fn bound(&self, pattern: &Pattern) -> Option<Candidate> {
        let (mut right, mut covered) = (BTreeSet::new(), BTreeSet::new());
        let mut wrong = false;
        for (host, services) in self.of_host.iter().enumerate() {
            let mut here = BTreeSet::new();
            for &service in services {
                let name = self.services.get(service).map(|name| name.as_str()).unwrap_or_default();
                here.extend(
                    self.covered(pattern, host, name).into_iter().map(|secret| (secret, host, service)),
                );
            }
            let needed = |&(secret, host, service): &Triple| {
                self.needed.get(&(secret, host)).is_some_and(|services| services.contains(&service))
            };
            if !here.iter().all(needed) {
                wrong = true;
            } else if !here.is_empty() {
                right.insert(host);
                covered.extend(here);
            }
        }
        let everywhere = pattern.binds_host() && !wrong;
        let hosts = if everywhere { None } else { Some(right) };
        self.kept(Candidate {
            pattern: pattern.clone(),
            selector: Selector { hosts, services: None },
            covered,
        })
    }

    /// A pattern with services beside it: on each host those that need all that it covers.
    fn selected(&self, pattern: &Pattern) -> Vec<Candidate> {
        let mut common: BTreeMap<usize, (BTreeSet<usize>, Vec<usize>)> = BTreeMap::new();
        let all_names = if pattern.binds_host() { None } else { Some(self.covered(pattern, 0, "")) };
        for host in 0..self.hosts.len() {
            let names = all_names.clone().unwrap_or_else(|| self.covered(pattern, host, ""));
            if names.is_empty() {
                continue;
            }
            let mut sets =
                names.iter().map(|secret| self.needed.get(&(*secret, host)).cloned().unwrap_or_default());
            let first = sets.next().unwrap_or_default();
            common.insert(host, (sets.fold(first, |ours, theirs| &ours & &theirs), names));
        }
        let whole = common.values().map(|(services, _)| services.clone());
        let single = common.values().flat_map(|(services, _)| services).map(|service| [*service].into());
        let choices: BTreeSet<BTreeSet<usize>> =
            whole.chain(single).filter(|services| !services.is_empty()).collect();
        let candidate = |services: BTreeSet<usize>| {
            let fits = |(_, (all, _)): &(&usize, &(BTreeSet<usize>, Vec<usize>))| services.is_subset(all);
            let hosts: BTreeSet<usize> = common.iter().filter(fits).map(|(host, _)| *host).collect();
            let everywhere = pattern.binds_host() && hosts.len() == common.len();
            let covered = hosts.iter().flat_map(|host| {
                let names = common.get(host).map(|(_, names)| names.as_slice()).unwrap_or_default();
                names
                    .iter()
                    .flat_map(|secret| services.iter().map(|service| (*secret, *host, *service)))
                    .collect::<Vec<_>>()
            });
            let covered = covered.collect();
            let hosts = if everywhere { None } else { Some(hosts) };
            self.kept(Candidate {
                pattern: pattern.clone(),
                selector: Selector { hosts, services: Some(services) },
                covered,
            })
        };
        choices.into_iter().filter_map(candidate).collect()
    }

    /// A pattern with a sign for any text is worth writing where it stands for more than one name.
    fn kept(&self, candidate: Candidate) -> Option<Candidate> {
        let names: BTreeSet<usize> = candidate.covered.iter().map(|(secret, _, _)| *secret).collect();
        let least = if candidate.pattern.has_wildcard() { 2 } else { 1 };
        (names.len() >= least).then_some(candidate)
    }

    /// One rule in the words of the policy.
    fn rule(&self, selector: &Selector, patterns: impl Iterator<Item = String>) -> String {
        let mut text = format!("allow({})", list(patterns));
        if let Some(hosts) = &selector.hosts {
            let names = hosts.iter().filter_map(|at| self.hosts.get(*at)).map(ToString::to_string);
            text.push_str(&format!("{}hosts({})", dot(&text), list(names)));
        }
        if let Some(services) = &selector.services {
            let names = services.iter().filter_map(|at| self.services.get(*at)).map(ToString::to_string);
            text.push_str(&format!("{}services({})", dot(&text), list(names)));
        }
        format!("{text};\n")
    }
}

/// A method on the line of what comes before it, or below where that is long.
fn dot(before: &str) -> &'static str {
    if before.contains('\n') || before.len() > 70 { "\n    ." } else { "." }
}

/// One text, or an array of them, in lines that can be read.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> =
        words.map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    if let [only] = words.as_slice() {
        return only.clone();
    }
    let line = words.join(", ");
    if line.len() <= 80 {
        return format!("[{line}]");
    }
    let mut text = String::from("[");
    let mut width = usize::MAX;
    for word in words {
        if width.saturating_add(word.len()) > 100 {
            text.push_str("\n   ");
            width = 4;
        }
        width += word.len() + 2;
        text.push_str(&format!(" {word},"));
    }
    text.push_str("\n]");
    text
}
