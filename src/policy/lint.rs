//! What in the rules is dead, past, shadowed, redundant or misspelt.
//!
//! A line of a policy may declare many rules, in a loop or a function. What is wrong with one of them only is
//! often meant so; therefore most findings are told if they hold for every rule that the line declares.

mod contain;
mod redundant;
mod selector;
mod spelling;
mod unmatched;
mod world;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Policy;
use super::rule::Effect;
use super::rule::Rule;
use super::rule::RuleRef;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use world::Seen;

/// How far a claim about one rule speaks for the line that declares it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scope {
    /// It is told if it holds for every rule of the line.
    EveryRule,
    /// It is told if it holds for one.
    AnyRule,
}

/// One thing that is wrong with one rule.
struct Claim {
    rule: usize,
    /// Which part of the rule, such as the position of a pattern.
    part: usize,
    scope: Scope,
    finding: Finding,
}

impl Claim {
    fn new(rule: usize, code: &str, message: impl Into<String>) -> Self {
        let finding = Finding::new(Severity::Warning, Class::Finding, code, message);
        Self { rule, part: 0, scope: Scope::EveryRule, finding }
    }

    fn part(self, part: usize) -> Self {
        Self { part, ..self }
    }

    fn of_any_rule(self) -> Self {
        Self { scope: Scope::AnyRule, ..self }
    }

    fn severity(self, severity: Severity) -> Self {
        Self { finding: Finding { severity, ..self.finding }, ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { finding: self.finding.help(help), ..self }
    }
}

impl Policy {
    /// What is wrong with the rules, judged by these secrets and the fleet; nothing here changes a decision.
    ///
    /// Every finding names the line of its rule. `docs/how-to/lint-policy.md` says when each one is told.
    pub fn lint(&self, secrets: &[SecretName], now: Timestamp) -> Vec<Finding> {
        let seen = world::look(self, secrets, now);
        let mut claims = self.ended(now);
        claims.extend(spelling::claims(self, now));
        let misspelt: BTreeSet<usize> = claims.iter().map(|claim| claim.rule).collect();
        claims.extend(unmatched::claims(self, secrets, &seen, &misspelt));
        claims.extend(self.spoken(&seen));
        claims.extend(self.not_there(secrets, now));
        claims.extend(redundant::claims(self, now));
        self.settle(claims)
    }

    fn ended(&self, now: Timestamp) -> Vec<Claim> {
        let ended = self.rules.iter().enumerate().filter(|(_, rule)| rule.has_ended(now));
        let claims = ended.filter_map(|(at, rule)| {
            let message = format!("{} ended at {}", named(rule), rule.reference.not_after?);
            Some(Claim::new(at, "lint::ended", message).help("remove it, or give it a later `.until(..)`"))
        });
        claims.collect()
    }

    /// What evaluation alone tells: rules that fail, that never speak, and that always lose.
    fn spoken(&self, seen: &[Seen]) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (at, (rule, seen)) in self.rules.iter().zip(seen).enumerate() {
            if let Some(failure) = &seen.failed {
                let message = format!("the condition of {} fails: {failure}", named(rule));
                let help = "make it give `true` or `false` for every request; until then it denies";
                let claim = Claim::new(at, "lint::failing_condition", message).of_any_rule();
                claims.push(claim.severity(Severity::Error).help(help));
            } else if rule.is_conditional() && seen.about && !seen.spoke {
                let message = format!("the condition of {} is true for no request", named(rule));
                claims.push(
                    Claim::new(at, "lint::silent", message).help("correct the condition, or remove the rule"),
                );
            }
            if rule.reference.effect == Effect::Allow && seen.spoke && !seen.allowed {
                claims.extend(self.shadowed(at, rule, seen));
            }
        }
        claims
    }

    /// Rules that seal to hosts which do not list the services, because they name no hosts.
    fn not_there(&self, secrets: &[SecretName], now: Timestamp) -> Vec<Claim> {
        let unlisted = self.unlisted(secrets, now);
        let mut reached: BTreeMap<&RuleRef, (BTreeSet<&HostName>, BTreeSet<&ServiceName>)> = BTreeMap::new();
        for found in &unlisted {
            for rule in &found.permits {
                let (hosts, services) = reached.entry(rule).or_default();
                hosts.insert(&found.host);
                services.insert(&found.service);
            }
        }
        let rules = self.rules.iter().enumerate();
        let claims = rules.filter_map(|(at, rule)| {
            let (hosts, services) = reached.get(&rule.reference)?;
            let services: Vec<String> = services.iter().map(|service| format!("`{service}`")).collect();
            let number = hosts.len();
            let which = if number == 1 { "host that does" } else { "hosts that do" };
            let message = format!(
                "{} allows {} on {number} {which} not list it, `{}` for one",
                named(rule),
                services.join(", "),
                hosts.first()?
            );
            let help = "name the hosts with `.hosts(..)`, or run `secretctl upgrade services`, which leaves it to hosts that list the service";
            Some(Claim::new(at, "lint::service_not_there", message).of_any_rule().help(help))
        });
        claims.collect()
    }

    fn shadowed(&self, at: usize, rule: &Rule, seen: &Seen) -> Option<Claim> {
        let objector = self.rules.get(seen.objector?)?;
        let message =
            format!("whatever {} allows is denied, at {} for one", named(rule), objector.reference.place);
        let help = "remove it, or narrow what denies it; a deny always wins";
        Some(Claim::new(at, "lint::shadowed", message).help(help))
    }

    /// Turns claims about rules into findings about lines.
    fn settle(&self, claims: Vec<Claim>) -> Vec<Finding> {
        let mut declared: BTreeMap<&Place, usize> = BTreeMap::new();
        for rule in &self.rules {
            *declared.entry(&rule.reference.place).or_default() += 1;
        }
        let mut grouped: BTreeMap<_, Vec<Claim>> = BTreeMap::new();
        for claim in claims {
            let Some(rule) = self.rules.get(claim.rule) else { continue };
            let what = match claim.scope {
                Scope::EveryRule => String::new(),
                Scope::AnyRule => claim.finding.message.clone(),
            };
            let key = (&rule.reference.place, claim.finding.code.clone(), claim.part, what);
            grouped.entry(key).or_default().push(claim);
        }
        let findings = grouped.into_iter().filter_map(|((place, ..), claims)| {
            let rules: BTreeSet<usize> = claims.iter().map(|claim| claim.rule).collect();
            let all = declared.get(place).copied().unwrap_or_default();
            let Claim { scope, finding, .. } = claims.into_iter().next()?;
            if scope == Scope::EveryRule && rules.len() < all {
                return None;
            }
            let finding = finding.at(place.clone());
            Some(if scope == Scope::EveryRule && all > 1 { of_every(finding, all) } else { finding })
        });
        let mut findings: Vec<Finding> = findings.collect();
        findings.sort_by(|a, b| (b.severity, &a.place, &a.code).cmp(&(a.severity, &b.place, &b.code)));
        findings
    }
}

/// The same finding, told by the example of one rule.
fn of_every(finding: Finding, rules: usize) -> Finding {
    let message = format!("{}; so it is with all {rules} rules that this line declares", finding.message);
    Finding { message, ..finding }
}

/// A rule as messages call it, its first patterns being enough to find it.
fn named(rule: &Rule) -> String {
    let text = &rule.reference;
    match text.patterns.as_slice() {
        [one] => format!("`{}(\"{one}\")`", text.effect),
        [one, ..] => format!("`{}([\"{one}\", …])`", text.effect),
        [] => format!("`{}([])`", text.effect),
    }
}

#[cfg(test)]
mod tests;
