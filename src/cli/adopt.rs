//! `secretctl adopt`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::name::SecretName;
use crate::ops;
use crate::ops::adopt::AdoptReport;
use crate::ops::adopt::Unwrappable;
use crate::ops::host::Run;

/// Vouch for what `sops` or another tool wrote into documents, and seal it
#[derive(Debug, clap::Args)]
pub(super) struct AdoptArgs {
    /// Only these documents
    #[arg(value_name = "DOCUMENT")]
    documents: Vec<SecretName>,
    /// Where a document needs a data key that nobody else knows, and a key service or an OpenPGP key cannot be given one, take all
    /// keys of other tools out of it
    #[arg(long, conflicts_with = "danger_keep_data_key")]
    drop_foreign: bool,
    /// Keep its data key there: whoever made the document, or could open it once, reads all that is put into it
    #[arg(long)]
    danger_keep_data_key: bool,
    /// Change nothing; list the secrets that nobody vouches for and exit 1 if there are any
    #[arg(long)]
    dry_run: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &AdoptArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "adopt")?;
    let run = if args.dry_run { Run::Dry } else { Run::Real };
    let unwrappable = match (args.drop_foreign, args.danger_keep_data_key) {
        (true, _) => Unwrappable::Drop,
        (_, true) => Unwrappable::DangerKeep,
        _ => Unwrappable::Refuse,
    };
    let report = ops::adopt::adopt(&ws, &args.documents.iter().cloned().collect(), unwrappable, run)?;
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => tell(&report, ui)?,
    }
    let clean = report.new.is_empty() && report.changed.is_empty() && report.removed.is_empty();
    for finding in &report.left {
        ui.finding(finding);
    }
    match &report.unsealed {
        Some(finding) => {
            ui.finding(finding);
            ui.say("the values are vouched for; run `secretctl seal` when that is repaired");
            Ok(Exit::Found(finding.class))
        }
        None if !report.left.is_empty() || (args.dry_run && !clean) => Ok(Exit::Found(Class::Finding)),
        None => Ok(Exit::Clean),
    }
}

fn tell(report: &AdoptReport, ui: &mut Ui) -> std::io::Result<()> {
    for (word, names) in [("new", &report.new), ("changed", &report.changed), ("removed", &report.removed)] {
        for name in names {
            ui.line(&format!("{word} {name}"))?;
        }
    }
    for (name, complaints) in &report.unfit {
        ui.say(&format!("note: {name} is not as the policy asks: {}", complaints.join("; ")));
    }
    for path in &report.rekeyed {
        ui.say(&format!("{} has a new data key, since nobody vouched for the one it had", path.display()));
    }
    for path in &report.kept {
        ui.say(&format!(
            "note: whoever made {} knows its data key, and reads what is put into it until `secretctl rekey --drop-foreign` makes another",
            path.display()
        ));
    }
    let number = report.new.len() + report.changed.len() + report.removed.len();
    let documents = count(report.documents.len(), "document", "documents");
    if number == 0 {
        ui.say(&format!("every value in {documents} is vouched for"));
    } else {
        ui.say(&format!("{} in {documents}", count(number, "value", "values")));
    }
    Ok(())
}
