//! `secretctl policy access`

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fold;
use super::fold::Entry;
use super::fold::Length;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::table::table;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;
use crate::ops;
use crate::ops::policy::Access;
use crate::ops::policy::Affected;
use crate::ops::policy::Pair;

/// Count what hosts need, what policy grants them and what is sealed, and list where these differ
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AccessArgs {
    /// Take what a host needs from its request (can be repeated)
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// Fail if more pairs than this are granted to hosts that do not ask for them
    #[arg(long, value_name = "NUMBER", requires = "requests")]
    max_surplus: Option<usize>,
    /// Fail if more pairs of a secret and a host than this are granted in all
    #[arg(long, value_name = "NUMBER")]
    max_granted: Option<usize>,
    /// Name every secret instead of folding long lists
    #[arg(long)]
    full: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &AccessArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy access")?;
    let access = ops::policy::access(&ws, &args.requests)?;
    match args.format {
        Format::Json => ui.json(&access)?,
        Format::Text if access.hosts.is_empty() => {
            ui.say("no hosts yet; add one with `secretctl host add NAME`");
        }
        Format::Text => ui.lines(words(&access, Length::of(args.full)))?,
    }
    let unbelieved = access.hosts.iter().filter(|(_, numbers)| numbers.sealed.is_none());
    for (host, _) in unbelieved {
        ui.say(&format!("note: the manifest of `{host}` is refused; `secretctl check` tells why"));
    }
    let findings = [
        over("access::surplus", "surplus", access.surplus.len(), args.max_surplus),
        over("access::granted", "granted", access.granted(), args.max_granted),
    ];
    let findings: Vec<Finding> = findings.into_iter().flatten().collect();
    findings.iter().for_each(|finding| ui.finding(finding));
    Ok(crate::diag::worst(&findings).into())
}

/// The finding that a number is above its budget.
fn over(code: &str, what: &str, found: usize, max: Option<usize>) -> Option<Finding> {
    let max = max.filter(|max| found > *max)?;
    let (one, many) = (format!("{what} pair"), format!("{what} pairs"));
    let message = format!("{}, and the budget is {max}", count(found, &one, &many));
    let help = format!("narrow the rules in `policies/`, or raise `--max-{what}` where that is meant");
    Some(Finding::new(Severity::Error, Class::Finding, code, message).help(help))
}

fn words(access: &Access, length: Length) -> Vec<String> {
    let number = |number: Option<usize>, unknown: &str| number.map_or(unknown.to_owned(), |n| n.to_string());
    let of = |pairs: &[Pair], host: &HostName| pairs.iter().filter(|pair| pair.host == *host).count();
    let rows = access.hosts.iter().map(|(host, numbers)| {
        let known = |pairs: &[Pair]| number(numbers.needed.map(|_| of(pairs, host)), "-");
        let sealed = |pairs: &[Pair]| number(numbers.sealed.map(|_| of(pairs, host)), "?");
        vec![
            host.to_string(),
            number(numbers.needed, "-"),
            numbers.granted.to_string(),
            number(numbers.sealed, "?"),
            known(&access.surplus),
            known(&access.missing),
            sealed(&access.drift),
            sealed(&access.unsealed),
        ]
    });
    let header = ["host", "needed", "granted", "sealed", "surplus", "missing", "drift", "unsealed"];
    let mut lines = table(&header, rows);
    for (title, pairs) in [
        ("surplus: granted, and the request does not ask for it", &access.surplus),
        ("missing: asked for, and not granted or not there", &access.missing),
        ("drift: sealed, and not granted any more; `secretctl seal` takes it away", &access.drift),
        ("unsealed: granted, and not sealed yet; `secretctl seal` brings it", &access.unsealed),
    ] {
        if !pairs.is_empty() {
            lines.extend([String::new(), format!(" {title}")]);
            lines.extend(list(pairs, length));
        }
    }
    lines
}

/// The pairs by host and services, folded where there are many.
fn list(pairs: &[Pair], length: Length) -> Vec<String> {
    let mut groups: BTreeMap<(&HostName, &Affected), Vec<&str>> = BTreeMap::new();
    for Pair { secret, host, services } in pairs {
        groups.entry((host, services)).or_default().push(secret.as_str());
    }
    let lines = groups.into_iter().flat_map(|((host, services), names)| {
        let entries = fold::fold(&names, length).into_iter().map(move |entry| {
            let name = match entry {
                Entry::Name(name) => name.to_owned(),
                Entry::Below(prefix, count) => format!("{prefix} ({count})"),
                Entry::Others(more) => format!("… {more} more"),
            };
            (host.as_str(), name, services)
        });
        entries.collect::<Vec<_>>()
    });
    let lines: Vec<_> = lines.collect();
    let hosts = lines.iter().map(|(host, ..)| host.len()).max().unwrap_or_default();
    let names = lines.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(host, name, services): &(&str, String, &Affected)| {
        format!("   {host:hosts$}  {name:names$}  {services}")
    };
    lines.iter().map(line).collect()
}
