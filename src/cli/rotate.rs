//! `secretctl rotate`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::prompt::TerminalAsker;
use super::set::tell;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::generate::Asker;
use crate::ops::generate::Means;
use crate::ops::generate::Sandboxing;
use crate::ops::policy::SecretPattern;
use crate::ops::put::PutReport;
use crate::ops::rotate::Hand;
use crate::ops::rotate::HandReason;
use crate::ops::rotate::Pace;
use crate::ops::rotate::Phase;
use crate::ops::rotate::Picked;
use crate::ops::rotate::Plan;
use crate::ops::rotate::RotateReport;
use crate::ops::rotate::Services;
use crate::ops::rotate::Step;

/// Give secrets new values, and with them everything that is made from them
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct RotateArgs {
    /// Rotate the secrets that this pattern covers, such as `web/*`; with --due, --exposed or --stale only those of them (can be repeated)
    #[arg(value_name = "PATTERN")]
    patterns: Vec<SecretPattern>,
    /// Rotate what is due by `rotate(..)`, or ends within the time of its warning
    #[arg(long)]
    due: bool,
    /// Rotate what somebody knows who may not read it any more; new keys are used at once
    #[arg(long)]
    exposed: bool,
    /// Rotate what was made from values that are not the current ones
    #[arg(long)]
    stale: bool,
    /// Use new keys at once, where `.announce(..)` would let their public halves be known first
    #[arg(long)]
    at_once: bool,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before anything changes
    #[arg(long)]
    yes: bool,
    /// Run the programs of `command(..)` even without a sandbox: they then see your files and the network
    #[arg(long)]
    allow_unsandboxed: bool,
    /// How to print the plan and what was done
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Why nothing was rotated.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum RotateError {
    /// Everything is never what somebody means.
    #[error("nothing says which secrets get new values")]
    #[diagnostic(
        code(rotate::which),
        help("name some, such as `secretctl rotate 'web/*'`, or say `--due`, `--exposed` or `--stale`")
    )]
    Nothing,
    /// Nobody could say yes.
    #[error("nobody is at a terminal to say yes to the plan, so nothing was changed")]
    #[diagnostic(code(rotate::unconfirmed), help("look at `--dry-run`, then say `--yes`"))]
    Unconfirmed,
    /// Somebody said no.
    #[error("nothing was changed")]
    #[diagnostic(code(rotate::refused), help("narrow it with a pattern, and look at it with `--dry-run`"))]
    Refused,
}

impl Failure for RotateError {
    fn class(&self) -> Class {
        match self {
            Self::Nothing | Self::Unconfirmed => Class::Usage,
            Self::Refused => Class::Finding,
        }
    }
}

pub(super) fn run(
    args: &RotateArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let sandboxing = Sandboxing {
        search: env.path.clone().unwrap_or_default(),
        home: env.home.clone(),
        danger_unsandboxed: args.allow_unsandboxed,
    };
    let ws = env.open(global, "rotate")?;
    let asker = TerminalAsker;
    let pace = if args.at_once || args.exposed { Pace::AtOnce } else { Pace::Announced };
    let plan = ops::rotate::plan(&ws, &picked(args, &ws)?, &asker, pace)?;
    let mut report = RotateReport { version: 1, plan, done: Vec::new(), failed: Vec::new() };
    let mut worst = Exit::Clean;
    if !args.dry_run
        && let Some(finding) = ops::rotate::settle(&ws)?
    {
        ui.finding(&finding);
        worst = Exit::Found(finding.class);
    }
    if args.format == Format::Text {
        show(&report.plan, args.dry_run, ui)?;
    }
    if !args.dry_run && !report.plan.steps.is_empty() {
        confirm(args, &ws, &report.plan, &asker)?;
        let means = Means { asker: &asker, sandboxing };
        report.failed = ops::rotate::rotate(&ws, &report.plan, &means, &mut |put| {
            let exit = if put.unsealed.is_none() && is_announced(&put, &report.plan) {
                announced(&put, ui)
            } else {
                tell(&put, ui)
            };
            if exit != Exit::Clean {
                worst = exit;
            }
            report.done.push(put);
        })?;
        report.failed.iter().for_each(|finding| ui.finding(finding));
    }
    if args.format == Format::Json {
        ui.json(&report)?;
    }
    if let Some(class) = crate::diag::worst(&report.failed) {
        return Ok(Exit::Found(class));
    }
    let left = !report.plan.by_hand.is_empty();
    Ok(if left && worst == Exit::Clean { Exit::Found(Class::Finding) } else { worst })
}

fn picked(args: &RotateArgs, ws: &Workspace) -> Result<Picked, CommandError> {
    let by_state = args.due || args.exposed || args.stale;
    if args.patterns.is_empty() && !by_state {
        return Err(RotateError::Nothing.into());
    }
    let named = ops::rotate::named(ws, &args.patterns)?;
    if !by_state {
        return Ok(named);
    }
    let mut picked = Picked::new();
    if args.stale {
        picked.extend(ops::rotate::stale(ws)?);
    }
    if args.due {
        picked.extend(ops::rotate::due(ws)?);
    }
    if args.exposed {
        picked.extend(ops::rotate::exposed(ws)?);
    }
    picked.retain(|secret, _| args.patterns.is_empty() || named.contains_key(secret));
    Ok(picked)
}

fn confirm(args: &RotateArgs, ws: &Workspace, plan: &Plan, asker: &dyn Asker) -> Result<(), RotateError> {
    if args.yes {
        return Ok(());
    }
    let question = format!("make {}?", count(plan.steps.len(), "new value", "new values"));
    match ws.settings.prompt.confirm(&question, "yes", None).filter(|_| asker.is_there()) {
        Some(true) => Ok(()),
        Some(false) => Err(RotateError::Refused),
        None => Err(RotateError::Unconfirmed),
    }
}

/// The plan: data where only it was asked for, talk where something follows.
fn show(plan: &Plan, is_data: bool, ui: &mut Ui) -> std::io::Result<()> {
    let mut lines: Vec<String> = plan.steps.iter().flat_map(step).collect();
    lines.extend(plan.by_hand.iter().flat_map(hand));
    lines.extend(plan.waiting.iter().map(|waiting| {
        format!("{}: announced, and used by a `rotate` from {} on", waiting.secret, waiting.until)
    }));
    if lines.is_empty() {
        ui.say("nothing is to be rotated");
    }
    for line in lines {
        if is_data { ui.line(&line)? } else { ui.say(&line) }
    }
    Ok(())
}

fn step(step: &Step) -> Vec<String> {
    let Step { secret, why, recipe, .. } = step;
    let mut lines = vec![format!("{secret}: {why}; {} ({})", recipe.generator, recipe.place)];
    match &step.phase {
        Phase::Replace => {}
        Phase::Announce { next, until } => {
            lines.push(format!("  its public half first, in public/{next}.pub; it is used from {until} on"));
            return lines;
        }
        Phase::Switch { next } => lines.push(format!("  with the value that was announced as {next}")),
    }
    if let Some(until) = step.previous_until {
        lines.push(format!("  the value before stays as {secret}.previous until {until}"));
    }
    if !step.dependents.is_empty() {
        let names: Vec<&str> = step.dependents.iter().map(AsRef::as_ref).collect();
        lines.push(format!("  then {}", names.join(", ")));
    }
    for (host, services) in &step.hosts {
        lines.push(format!("  seen by {host}: {}", readers(services)));
    }
    lines
}

/// Whether a value lies beside the one in use and is for admins alone until it takes its place.
fn is_announced(put: &PutReport, plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(&step.phase, Phase::Announce { next, .. } if *next == put.secret))
}

fn announced(put: &PutReport, ui: &mut Ui) -> Exit {
    let next = &put.secret;
    ui.say(&format!(
        "announced {next}: publish public/{next}.pub, and run `rotate` again when its time has come"
    ));
    Exit::Clean
}

fn readers(services: &Services) -> String {
    let unit =
        |name: &str| if name == "system" { "the system".to_owned() } else { format!("{name}.service") };
    match services {
        Services::All => "every service".to_owned(),
        Services::Only(names) => names.iter().map(|name| unit(name.as_str())).collect::<Vec<_>>().join(", "),
    }
}

fn hand(hand: &Hand) -> Vec<String> {
    let reason = match hand.reason {
        HandReason::NoGenerator => "no generator makes it",
        HandReason::InstallOnce => "hosts keep the first value that they got (`install_once()`)",
        HandReason::NobodyAsked => "a person is asked for it",
    };
    let mut lines =
        vec![format!("{}: {}; by hand, since {reason}: `{}`", hand.secret, hand.why, hand.command)];
    let mut more = |what: &str, texts: &std::collections::BTreeSet<String>| {
        if !texts.is_empty() {
            lines.push(format!("  {what} {}", texts.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
    };
    more("owner", &hand.owners);
    more("how", &hand.runbooks);
    lines
}
