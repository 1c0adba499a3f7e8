//! The table as RFC 4180 CSV, one line for each secret, host and service.

use std::io;

use crate::cli::ui::one_line;
use crate::ops::Workspace;
use crate::ops::policy::Entry;
use crate::ops::policy::MatrixRow;
use crate::ops::policy::RuleRef;
use crate::ops::policy::View;
use crate::ops::policy::entries;

const HEADER: [&str; 6] = ["secret", "host", "service", "until", "rules", "because"];

/// The lines with their header.
pub(super) fn lines(ws: &Workspace, view: &View) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for row in &view.rows {
        for entry in entries(ws, row) {
            writer.write_record(record(row, &entry).map(|cell| defused(one_line(&cell))))?;
        }
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn record(row: &MatrixRow, entry: &Entry) -> [String; 6] {
    let joined = |part: fn(&RuleRef) -> Option<String>| {
        let parts: Vec<String> = entry.permits.iter().filter_map(part).collect();
        parts.join("; ")
    };
    [
        row.secret.to_string(),
        row.host.to_string(),
        entry.service.as_ref().map_or("*".to_owned(), ToString::to_string),
        row.grant.not_after.map(|end| end.to_string()).unwrap_or_default(),
        joined(|rule| Some(rule.place.to_string())),
        joined(|rule| rule.because.clone()),
    ]
}

/// A cell that no spreadsheet takes for a formula: reasons and file names may come from anybody.
fn defused(cell: String) -> String {
    let first = cell.trim_start().chars().next();
    let formula = cell.starts_with(['\t', '\r', '\n'])
        || first.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'));
    if formula { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_starts_with_an_apostrophe() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"] {
            assert_eq!(defused(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "a=1", "policies/a.rhai:1:1", "*", "2026-11-20T10:00:00Z", "'=1"] {
            assert_eq!(defused(cell.to_owned()), cell);
        }
    }
}
