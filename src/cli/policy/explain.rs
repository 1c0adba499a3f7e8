//! `secretctl policy explain`

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops;
use crate::ops::policy::Decision;
use crate::ops::policy::Explained;
use crate::ops::policy::Explanation;
use crate::ops::policy::HostState;
use crate::ops::policy::Objection;
use crate::ops::policy::RuleRef;

/// Tell every rule that decides one request; exits 1 on a denial
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The secret; it need not exist yet
    secret: SecretName,
    /// The host that would read it
    host: HostName,
    /// The service on that host; else the one that may read it, or `system`, the operating system itself
    service: Option<ServiceName>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &ExplainArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy explain")?;
    let explained = ops::policy::explain(&ws, &args.secret, &args.host, args.service.as_ref())?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "explanation": explained }))?,
        Format::Text => ui.lines(words(&explained))?,
    }
    let allowed = matches!(explained.explanation.decision, Decision::Allow { .. });
    Ok(if allowed { Exit::Clean } else { Exit::Found(Class::Finding) })
}

/// The explanation as a person reads it: the answer first, then what it rests on.
fn words(explained: &Explained) -> Vec<String> {
    let explanation = &explained.explanation;
    let Explanation { host, service, .. } = explanation;
    let mut lines = lines(explanation);
    if let Some(state) = explanation.host_state.filter(|state| *state != HostState::Active) {
        lines.push(format!("  note: `{host}` is {state}; {}", of_state(state)));
    }
    if let Some(others) = &explained.others {
        let others: Vec<String> = others.iter().map(|service| format!("`{service}`")).collect();
        lines.push(format!("  note: no service was named; {} may read it", others.join(", ")));
    }
    if !explained.exists {
        let secret = &explanation.secret;
        lines.push(format!("  note: there is no secret `{secret}` yet"));
    }
    if let Some(listed) = &explained.listed {
        let listed: Vec<String> = listed.iter().map(|service| format!("`{service}`")).collect();
        let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
        lines.push(format!(
            "  note: `{host}` does not list the service `{service}` in secretctl.toml; it lists {listed}"
        ));
        if explained.for_naming_no_host {
            lines.push("  note: it is allowed there because the rule names no hosts; with `secretctl upgrade services`, only hosts that list the service get it".to_owned());
        }
    }
    lines
}

/// What a state other than active means for sealed copies.
fn of_state(state: HostState) -> &'static str {
    match state {
        HostState::Dormant => "it gets sealed copies only of what a rule with `.including_dormant()` allows",
        HostState::Revoked => "it gets no sealed copies",
        HostState::Active | HostState::Pending => "it gets sealed copies as soon as it has a recipient",
    }
}

/// The decision and every rule behind it.
pub(super) fn lines(explanation: &Explanation) -> Vec<String> {
    let Explanation { secret, host, service, decision, .. } = explanation;
    let mut lines = Vec::new();
    match decision {
        Decision::Allow { permits, not_after } => {
            let end = not_after.map(|end| format!(" until {end}")).unwrap_or_default();
            lines.push(format!("allowed: `{service}` on `{host}` may read `{secret}`{end}"));
            permits.iter().for_each(|rule| lines.extend(rule_lines("allowed by", rule)));
        }
        Decision::Deny { permits, objections } => {
            lines.push(format!("denied: `{service}` on `{host}` may not read `{secret}`"));
            lines.extend(denial(explanation, permits, objections));
        }
    }
    lines
}

/// What a denial rests on, and the rules that came nearest.
fn denial(explanation: &Explanation, permits: &[RuleRef], objections: &[Objection]) -> Vec<String> {
    let mut lines = Vec::new();
    if explanation.for_admins {
        lines.push("  it is a host's own key, which is for admins alone: no rule can allow it".to_owned());
    } else if permits.is_empty() && objections.is_empty() {
        lines.push("  no rule allows it".to_owned());
    }
    objections.iter().for_each(|objection| lines.extend(objection_lines(objection)));
    permits.iter().for_each(|rule| lines.extend(rule_lines("would be allowed by", rule)));
    // Where a rule objects, the ones that almost allowed would change nothing.
    let near = explanation.near.iter().filter(|_| objections.is_empty());
    for miss in near {
        lines.extend(rule_lines("nearest:", &miss.rule));
        lines.extend(miss.missed.iter().map(|missed| format!("      but {missed}")));
    }
    lines
}

fn objection_lines(objection: &Objection) -> Vec<String> {
    match objection {
        Objection::Forbidden { rule } => rule_lines("denied by", rule),
        Objection::Failed { rule, error } => {
            let mut lines = rule_lines("denied, for it failed:", rule);
            lines.push(format!("      {error}"));
            lines
        }
    }
}

/// A rule behind a few words, with its place and reason.
pub(super) fn rule_lines(what: &str, rule: &RuleRef) -> Vec<String> {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let mut lines = vec![format!("  {what} {}({}) at {}", rule.effect, patterns.join(", "), rule.place)];
    if let Some(because) = &rule.because {
        lines.push(format!("      because {because}"));
    }
    lines
}
