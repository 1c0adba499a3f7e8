//! A summary for people where Markdown is shown: the page of a CI run, a merge request, a mail.

use std::fmt::Write;

use super::View;
use super::text;
use super::told;
use crate::cli::escape::code;
use crate::cli::escape::prose;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::diag::catalogue;

/// Findings of one severity that are shown; GitHub cuts a summary off at a megabyte.
const SHOWN: usize = 200;

pub(super) fn document(view: &View<'_>) -> String {
    let mut page = format!("## Audit of secrets\n\n{}\n", prose(&text::sum(view)));
    for (severity, title) in
        [(Severity::Error, "Errors"), (Severity::Warning, "Warnings"), (Severity::Note, "Notes")]
    {
        let found: Vec<&Finding> =
            view.report.findings.iter().filter(|finding| finding.severity == severity).collect();
        if !found.is_empty() {
            section(&mut page, view, title, &found);
        }
    }
    if !view.report.gone.is_empty() {
        page.push_str("\n### Gone\n\n");
        for known in &view.report.gone {
            let _ = writeln!(page, "- {}", prose(&text::gone(known)));
        }
    }
    page.push('\n');
    page
}

fn section(page: &mut String, view: &View<'_>, title: &str, found: &[&Finding]) {
    let _ = write!(page, "\n### {title} ({})\n\n| code | what | where |\n| --- | --- | --- |\n", found.len());
    for finding in found.iter().take(SHOWN) {
        let place = finding.place.as_ref().map(|place| code(&place.to_string())).unwrap_or_default();
        let help = finding.help.as_ref().map(|help| format!("<br>{}", prose(help))).unwrap_or_default();
        let _ = writeln!(page, "| {} | {}{help} | {place} |", kind(view, finding), prose(&told(finding)));
    }
    if found.len() > SHOWN {
        let _ = writeln!(page, "\nand {} more, which the other formats name", found.len() - SHOWN);
    }
}

/// The code, as a link where it is known where the page of findings lies.
fn kind(view: &View<'_>, finding: &Finding) -> String {
    let shown = code(&finding.code);
    match view.page.filter(|_| catalogue::kind(&finding.code).is_some()) {
        Some(page) => format!("[{shown}](<{page}#{}>)", catalogue::anchor(&finding.code)),
        None => shown,
    }
}
