//! `secretctl policy who-can`

use std::collections::BTreeSet;

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::names;
use crate::cli::table::table;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::ops;
use crate::ops::policy::Reader;
use crate::ops::policy::RuleRef;
use crate::ops::policy::SourceReaders;
use crate::ops::policy::WhoCan;

/// Show who may read a secret, or what a host may read, and through which rules; exits 1 when nobody may
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("asked").required(true).args(["secret", "host"]))]
pub(in crate::cli) struct WhoCanArgs {
    /// Show the readers of this secret; it need not exist yet
    secret: Option<SecretName>,
    /// Show what this host may read
    #[arg(long, value_name = "HOST")]
    host: Option<HostName>,
    /// Show what this service of the host may read
    #[arg(long, value_name = "SERVICE", requires = "host", conflicts_with = "secret")]
    service: Option<ServiceName>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &WhoCanArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy who-can")?;
    let (answer, column, nobody) = match (&args.secret, &args.host) {
        (_, Some(host)) => {
            let answer = ops::policy::readable_by(&ws, host, args.service.as_ref())?;
            let who = args.service.as_ref().map(|s| format!("`{s}` on ")).unwrap_or_default();
            (answer, Column::Secret, format!("{who}`{host}` may read nothing"))
        }
        (Some(secret), None) => {
            (ops::policy::readers_of(&ws, secret), Column::Host, format!("no host may read `{secret}`"))
        }
        (None, None) => return Ok(Exit::Found(Class::Usage)),
    };
    match args.format {
        Format::Json => ui.json(&answer)?,
        Format::Text if answer.readers.is_empty() => ui.line(&nobody)?,
        Format::Text => ui.lines(words(&answer, column))?,
    }
    if let (Format::Text, Some(source)) = (args.format, &answer.source) {
        ui.line(&opened_by(source))?;
    }
    if args.format == Format::Text {
        notes(&answer, args.service.as_ref(), ui);
    }
    Ok(if answer.readers.is_empty() { Exit::Found(Class::Finding) } else { Exit::Clean })
}

/// What the first column shows; the other name was given.
#[derive(Clone, Copy)]
enum Column {
    Secret,
    Host,
}

/// A table of readers, and below it each rule once.
fn words(answer: &WhoCan, column: Column) -> Vec<String> {
    let mut last = None;
    let rows = answer.readers.iter().map(|reader| {
        let Reader { secret, host, services, not_after, rules } = reader;
        let name = match column {
            Column::Secret => secret.as_str(),
            Column::Host => host.as_str(),
        };
        let shown = if last == Some(name) { String::new() } else { name.to_owned() };
        last = Some(name);
        let end = not_after.map(|end| end.to_string()).unwrap_or_default();
        vec![shown, services.to_string(), end, names(rules.iter().map(place))]
    });
    let head = match column {
        Column::Secret => "secret",
        Column::Host => "host",
    };
    let mut lines = table(&[head, "services", "until", "through"], rows);
    let rules: BTreeSet<&RuleRef> = answer.readers.iter().flat_map(|reader| &reader.rules).collect();
    lines.push(String::new());
    lines.extend(rules.into_iter().flat_map(rule));
    lines
}

/// Who opens the source, whatever hosts may read.
fn opened_by(source: &SourceReaders) -> String {
    let recovery = (source.recovery > 0).then(|| "recovery".to_owned());
    let admins = source.admins.iter().map(|name| format!("admin `{name}`"));
    let all: Vec<String> = admins.chain(recovery).chain(source.others.iter().cloned()).collect();
    let all = if all.is_empty() { "nobody".to_owned() } else { all.join(", ") };
    format!(" its source is open to {all}")
}

fn place(rule: &RuleRef) -> String {
    let line = rule.place.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}", rule.place.file.display()).escape_debug().to_string()
}

fn rule(rule: &RuleRef) -> Vec<String> {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let head = format!(" {}  {}({})", place(rule), rule.effect, patterns.join(", "));
    let because = rule
        .because
        .as_ref()
        .map(|because| format!("   because {}", because.split_whitespace().collect::<Vec<_>>().join(" ")));
    [head].into_iter().chain(because).collect()
}

fn notes(answer: &WhoCan, service: Option<&ServiceName>, ui: &mut Ui) {
    if let Some(missing) = &answer.missing {
        ui.say(&format!("note: {missing}"));
    }
    for (host, state) in &answer.inactive {
        ui.say(&format!("note: rules allow `{host}` too, but it is {state} and gets no sealed copies"));
    }
    for (host, services) in &answer.unlisted {
        ui.say(&format!(
            "note: `{host}` does not list {} in secretctl.toml, and may read it because the rule names no hosts; see `secretctl upgrade services`",
            names(services.iter().map(|service| format!("`{service}`")))
        ));
    }
    if let (Some(listed), Some(service)) = (&answer.listed, service) {
        ui.say(&format!(
            "note: the host does not list the service `{service}` in secretctl.toml; it lists {}",
            if listed.is_empty() { "none".to_owned() } else { names(listed) }
        ));
    }
}
