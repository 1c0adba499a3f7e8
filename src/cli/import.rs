//! `secretctl import`

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table;
use super::ui::Format;
use super::ui::Ui;
use crate::name::AdminName;
use crate::name::HostName;
use crate::ops;
use crate::ops::Recipient;
use crate::ops::host::Run;
use crate::ops::import::Evaluation;
use crate::ops::import::ImportReport;
use crate::ops::import::InPlace;
use crate::ops::import::Nix;
use crate::ops::import::Outcome;
use crate::ops::import::Request;
use crate::ops::import::Tool;

/// Take over the secrets of another tool: hosts, rules that are proved, sources, declarations to paste
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The repository of the other tool [else the fleet's own]
    #[arg(value_name = "DIR")]
    source: Option<PathBuf>,
    /// The tool: sops-nix, agenix, ragenix, agenix-rekey, secrix, vaultix, or folder (age, pass, env, JSON, SOPS files)
    #[arg(long, value_name = "TOOL")]
    from: Tool,
    #[command(flatten)]
    how: How,
}

/// How an import goes about it; `init --from` has the same.
#[derive(Debug, clap::Args)]
#[group(requires = "from")]
pub(super) struct How {
    /// The key of a host that the files do not tell, or a better one; without a key it is pending (can be repeated)
    #[arg(long = "host", value_name = "NAME=RECIPIENT", value_parser = host_key)]
    hosts: Vec<(HostName, Option<Recipient>)>,
    /// A person whose key the files tell, as an admin who opens every secret, new ones too (can be repeated); others stay
    /// able to open what they could
    #[arg(long = "confirm-admin", value_name = "NAME")]
    confirmed: Vec<AdminName>,
    /// The program that evaluates what hosts declare
    #[arg(long, value_name = "PROGRAM", default_value = "nix")]
    nix: PathBuf,
    /// Read the files alone, and evaluate nothing
    #[arg(long)]
    files_alone: bool,
    /// Let sources take the places of the other tool's files, which it cannot read any more then
    #[arg(long)]
    replace: bool,
    /// Tell what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

fn host_key(text: &str) -> Result<(HostName, Option<Recipient>), String> {
    let (name, key) = text.split_once('=').ok_or("it must be `NAME=RECIPIENT`")?;
    let name = name.parse().map_err(|error| format!("{error}"))?;
    let key = if key.is_empty() { None } else { Some(key.parse().map_err(|error| format!("{error}"))?) };
    Ok((name, key))
}

impl How {
    /// What the use case is asked for.
    pub(super) fn request(&self, tool: Tool, from: Option<&Path>, env: &Environment) -> Request {
        let mut hosts: BTreeMap<HostName, BTreeSet<Recipient>> = BTreeMap::new();
        for (name, key) in &self.hosts {
            hosts.entry(name.clone()).or_default().extend(key.clone());
        }
        Request {
            from: from.map(|from| env.current_dir.join(from)),
            tool,
            evaluation: if self.files_alone {
                Evaluation::FilesAlone
            } else {
                Evaluation::Nix(self.nix(env))
            },
            hosts,
            confirmed: self.confirmed.iter().cloned().collect(),
            in_place: if self.replace { InPlace::Replace } else { InPlace::Refuse },
            run: if self.dry_run { Run::Dry } else { Run::Real },
        }
    }

    /// A name is looked up; a path begins where whoever types it is.
    fn nix(&self, env: &Environment) -> Nix {
        let is_name = self.nix.components().count() == 1;
        Nix {
            program: if is_name { self.nix.clone() } else { env.current_dir.join(&self.nix) },
            search: env.path.clone().unwrap_or_default(),
            home: env.home.clone(),
            variables: env.nix.clone(),
        }
    }
}

pub(super) fn run(
    args: &ImportArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let request = args.how.request(args.from, args.source.as_deref(), &env);
    let report = ops::import::import(&env.settings(global, "import"), &request)?;
    show(&report, args.how.format, ui)?;
    Ok(Exit::Clean)
}

/// Prints what was found and done.
pub(super) fn show(report: &ImportReport, format: Format, ui: &mut Ui) -> Result<(), CommandError> {
    match format {
        Format::Json => ui.json(report)?,
        Format::Text => text(report, ui)?,
    }
    for finding in &report.findings {
        ui.finding(finding);
    }
    for path in &report.written {
        ui.say(&format!("wrote {}", path.display()));
    }
    if report.dry_run {
        ui.say("nothing was written");
    } else {
        ui.say("next: look at the rules and `imported/`, then `secretctl seal`, and move one host after the other");
    }
    Ok(())
}

fn text(report: &ImportReport, ui: &mut Ui) -> Result<(), CommandError> {
    let access = &report.access;
    let told = if report.evaluated { "as Nix evaluates it" } else { "as its files alone tell it" };
    ui.line(&format!("{} repository, {told}", report.tool))?;
    ui.line(&format!("hosts      {}: {}", report.hosts.len(), words(&report.hosts)))?;
    if !report.admins.is_empty() || !report.recovery.is_empty() {
        ui.line(&format!("people     {}", people(report)))?;
    }
    ui.line(&format!("values     {}: {}", report.secrets.len(), outcomes(report)))?;
    ui.line(&format!(
        "needed     {} pairs of a host and a value, of {} that can be opened today",
        access.needed, access.decryptable_before
    ))?;
    if access.waiting > 0 {
        ui.line(&format!(
            "waiting    {} more, declared on hosts that cannot open them today",
            access.waiting
        ))?;
    }
    ui.line(&format!(
        "granted    {} by {} rule{} in {}",
        access.decryptable_after,
        report.rules,
        if report.rules == 1 { "" } else { "s" },
        report.policy.display()
    ))?;
    if report.proved_equal > 0 {
        let told = table::count(
            report.proved_equal,
            "value was read back, and is",
            "values were read back, and are",
        );
        ui.line(&format!("compared   {told} the same"))?;
    }
    for (prefix, document) in &report.documents {
        let direct: Vec<&str> = document.direct.iter().map(HostName::as_str).collect();
        let direct =
            if direct.is_empty() { String::new() } else { format!(", open to {} itself", direct.join(", ")) };
        ui.line(&format!("document   {prefix}: {}{direct}", document.path.display()))?;
    }
    Ok(())
}

/// Who opens sources from now on besides the admins who were there.
fn people(report: &ImportReport) -> String {
    let admin = |name: &AdminName| {
        let opens = if report.named_admins.contains(name) { "what they could open" } else { "everything" };
        format!("{name} ({opens})")
    };
    let recovery = (!report.recovery.is_empty())
        .then(|| table::count(report.recovery.len(), "recovery recipient", "recovery recipients"));
    report.admins.iter().map(admin).chain(recovery).collect::<Vec<_>>().join(", ")
}

/// How many values came to what.
fn outcomes(report: &ImportReport) -> String {
    let count = |outcome| report.secrets.values().filter(|one| one.outcome == outcome).count();
    let files = table::count(report.documents.len(), "SOPS file", "SOPS files");
    let kinds = [
        (count(Outcome::Document), format!("stay in {files}")),
        (count(Outcome::Converted), "become sources".to_owned()),
        (count(Outcome::Kept), "are sources as they are".to_owned()),
        (count(Outcome::There), "were there".to_owned()),
        (count(Outcome::Left), "are left".to_owned()),
    ];
    let told: Vec<String> = kinds
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    told.join(", ")
}

fn words(hosts: &BTreeMap<HostName, ops::HostState>) -> String {
    let word = |(name, state): (&HostName, &ops::HostState)| match state {
        ops::HostState::Active => name.to_string(),
        state => format!("{name} ({state})"),
    };
    hosts.iter().map(word).collect::<Vec<_>>().join(", ")
}
