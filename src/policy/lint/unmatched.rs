//! Patterns that cover no secret that exists, and rules about no request.

use std::collections::BTreeSet;

use super::Claim;
use super::named;
use super::world::Seen;
use crate::diag::Severity;
use crate::name::SecretName;
use crate::name::is_for_admins;
use crate::policy::Policy;
use crate::policy::glob::Binding;
use crate::policy::pattern::Pattern;
use crate::policy::rule::Effect;
use crate::policy::rule::Rule;

/// How alike two segments must be for one to be taken for a slip of the other.
const NEAR: f64 = 0.87;
/// For so many patterns a near name is looked for; whoever has more has another problem.
const NEAR_MAX: usize = 200;

/// Patterns without a secret; rules that `misspelt` names are explained already.
pub(super) fn claims(
    policy: &Policy,
    secrets: &[SecretName],
    seen: &[Seen],
    misspelt: &BTreeSet<usize>,
) -> Vec<Claim> {
    let segments: BTreeSet<&str> = secrets.iter().flat_map(SecretName::segments).collect();
    let mut looked = 0;
    let mut claims = Vec::new();
    for (at, (rule, seen)) in policy.rules.iter().zip(seen).enumerate() {
        if misspelt.contains(&at) {
            continue;
        }
        let dead: Vec<_> = rule
            .patterns
            .iter()
            .enumerate()
            .filter(|(_, pattern)| !secrets.iter().any(|secret| covers(pattern, secret)))
            .collect();
        if dead.len() < rule.patterns.len() && !seen.about {
            let message =
                format!("{} covers secrets, but none for the hosts and services it selects", named(rule));
            let help = "`{host}` and `{service}` stand for names of the fleet; correct them, `.hosts(..)` or `.services(..)`";
            claims.push(Claim::new(at, "lint::no_request", message).help(help));
        }
        for (part, pattern) in dead {
            looked += 1;
            let near = if looked <= NEAR_MAX { nearest(pattern, &segments, secrets) } else { None };
            claims.push(unmatched(at, rule, pattern, near).part(part));
        }
    }
    claims
}

fn covers(pattern: &Pattern, secret: &SecretName) -> bool {
    pattern.matches(secret.as_str(), Binding::NONE)
}

fn unmatched(at: usize, rule: &Rule, pattern: &Pattern, near: Option<(String, &SecretName)>) -> Claim {
    if rule.reference.effect == Effect::Allow && is_for_admins(pattern.text()) {
        let message =
            format!("`{}` in {} is about host keys, which no rule can grant", pattern.text(), named(rule));
        let claim = Claim::new(at, "lint::host_keys", message).severity(Severity::Error);
        return claim.help("remove it; `secretctl host key` hands the key of a host to an admin");
    }
    let message = format!("`{}` in {} covers no secret that exists", pattern.text(), named(rule));
    let claim = Claim::new(at, "lint::unmatched", message);
    match near {
        Some((text, secret)) => claim.help(format!("did you mean `{text}`? it covers `{secret}`")),
        // A guard may well stand before there is anything to guard.
        None if rule.reference.effect == Effect::Deny => {
            claim.severity(Severity::Note).help("nothing is to be done if it is a guard for secrets to come")
        }
        None => claim.help("correct it, or remove it; `secretctl list` shows the secrets"),
    }
}

/// The pattern with one other segment that covers a secret, and that secret.
fn nearest<'s>(
    pattern: &Pattern,
    segments: &BTreeSet<&str>,
    secrets: &'s [SecretName],
) -> Option<(String, &'s SecretName)> {
    let own: Vec<&str> = pattern.text().split('/').collect();
    let mut best: Option<(f64, String, &SecretName)> = None;
    for (nth, word) in own.iter().enumerate().filter(|(_, word)| !word.contains(['*', '{'])) {
        for other in segments.iter().filter(|other| *other != word) {
            let score = strsim::jaro_winkler(word, other);
            if score < NEAR || best.as_ref().is_some_and(|(most, ..)| *most >= score) {
                continue;
            }
            let text: Vec<&str> = own
                .iter()
                .enumerate()
                .map(|(at, segment)| if at == nth { *other } else { *segment })
                .collect();
            let text = text.join("/");
            let Ok(changed) = Pattern::parse(&text) else { continue };
            if let Some(secret) = secrets.iter().find(|secret| covers(&changed, secret)) {
                best = Some((score, text, secret));
            }
        }
    }
    best.map(|(_, text, secret)| (text, secret))
}
