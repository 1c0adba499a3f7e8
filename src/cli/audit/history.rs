//! What an old key could still open, as a person or a program reads it.

use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::table::table;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::ops::audit::HistoryReport;

pub(super) fn show(report: &HistoryReport, format: Format, ui: &mut Ui) -> Result<Exit, CommandError> {
    let current = report.secrets.iter().filter(|old| old.current).count();
    match format {
        Format::Json => ui.json(report)?,
        Format::Text => {
            if !report.secrets.is_empty() {
                let rows = report.secrets.iter().map(|old| {
                    let revisions: Vec<String> = old.revisions.iter().map(ToString::to_string).collect();
                    let current = if old.current { "in use" } else { "" };
                    vec![old.secret.to_string(), revisions.join(", "), current.to_owned()]
                });
                ui.lines(table(&["secret", "revisions", ""], rows))?;
            }
            let opened = count(report.secrets.len(), "secret", "secrets");
            ui.line(&format!("{} could open {opened}, and {current} of the values are in use", report.who))?;
        }
    }
    Ok(if current == 0 { Exit::Clean } else { Exit::Found(Class::Finding) })
}
