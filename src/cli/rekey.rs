//! `secretctl rekey`

use std::io::IsTerminal;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::document::Beside;
use crate::ops::rekey::Foreign;
use crate::ops::rekey::RekeyReport;

/// Bring the recipients of sources in line with admins and recovery; values stay the same
#[derive(Debug, clap::Args)]
pub(super) struct RekeyArgs {
    /// Change nothing; list the sources that would change and exit 1 if there are any. Needs no key
    #[arg(long, alias = "dry-run")]
    check: bool,
    /// Let this host open documents itself while another tool still reads them there, and nobody else but editors and
    /// recovery (can be repeated); refused where policy does not grant it every secret of the document
    #[arg(long, value_name = "HOST", conflicts_with_all = ["check", "settle"])]
    direct: Vec<HostName>,
    /// Nobody but editors and recovery opens documents any more: the move from another tool is over
    #[arg(long, conflicts_with = "check")]
    settle: bool,
    /// Take PGP keys and those of key management services out of documents, with a new data key
    #[arg(long, conflicts_with = "check")]
    drop_foreign: bool,
    /// With `--direct` or `--settle`, only these documents
    #[arg(value_name = "DOCUMENT")]
    documents: Vec<SecretName>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &RekeyArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let mut ws = env.open(global, "rekey")?;
    let beside = match args.settle {
        true => Some(Beside::Settled),
        false if args.direct.is_empty() => None,
        false => Some(Beside::Direct(args.direct.iter().cloned().collect())),
    };
    if let Some(beside) = beside {
        ops::document::beside(&ws, &args.documents.iter().cloned().collect(), &beside)?;
        ws = Workspace::open(ws.settings)?;
    }
    let report = if args.check {
        ops::rekey::outdated(&ws)?
    } else {
        {
            // Progress is for people who watch.
            let watched = std::io::stderr().is_terminal();
            let foreign = if args.drop_foreign { Foreign::Drop } else { Foreign::Keep };
            ops::rekey::rekey(&ws, foreign, &mut |done, all| {
                if watched {
                    ui.say(&format!("{done} of {all}"));
                }
            })?
        }
    };
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => tell(&report, args.check, ui)?,
    }
    let open = if args.check { !report.secrets.is_empty() } else { !report.left.is_empty() };
    Ok(if open { Exit::Found(Class::Finding) } else { Exit::Clean })
}

fn tell(report: &RekeyReport, only_checked: bool, ui: &mut Ui) -> std::io::Result<()> {
    for secret in &report.secrets {
        ui.line(secret.as_str())?;
    }
    for (set, what) in [(&report.gained, "can read them now"), (&report.lost, "can't any more")] {
        if !set.is_empty() {
            ui.say(&format!("{}: {what}", set.iter().cloned().collect::<Vec<_>>().join(", ")));
        }
    }
    if !report.left.is_empty() {
        let left: Vec<&str> = report.left.iter().map(AsRef::as_ref).collect();
        let message = format!("no identity at hand opens {}, so their recipients stay", left.join(", "));
        let finding = Finding::new(Severity::Error, Class::Finding, "rekey::left", message);
        ui.finding(&finding.help("let one of their editors run `secretctl rekey`"));
    }
    match (only_checked, report.secrets.len()) {
        (_, 0) => ui.say("every source has the right recipients"),
        (true, number) => {
            ui.say(&format!(
                "{}; run `secretctl rekey`",
                count(number, "source has other recipients", "sources have other recipients")
            ));
        }
        (false, number) => ui.say(&format!("rekeyed {}", count(number, "source", "sources"))),
    }
    Ok(())
}
