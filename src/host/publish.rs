//! Telling others about a run: the status file, the journal, a node exporter. Best effort, never a value.

use std::fmt::Write;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use super::outcome::FileOutcome;
use super::outcome::FileReport;
use super::outcome::Outcome;
use super::request::Request;
use crate::fsx::FsError;
use crate::fsx::write_atomic;

/// File name of the status in the runtime folder.
pub(super) const STATUS_FILE: &str = "status.json";
/// Everybody may read what happened.
const PUBLIC_MODE: u32 = 0o644;
/// Where journald listens for entries with fields, see systemd's "Native Journal Protocol".
const JOURNAL: &str = "/run/systemd/journal/socket";
/// How long one entry may wait for journald.
const JOURNAL_PATIENCE: Duration = Duration::from_millis(500);

/// Writes status and metrics, and tells the journal.
pub(super) fn publish(request: &Request, outcome: &Outcome) -> Result<(), FsError> {
    journal(outcome);
    let path = request.runtime.join(STATUS_FILE);
    let mut bytes =
        serde_json::to_vec_pretty(outcome).map_err(Into::into).map_err(FsError::on("write", &path))?;
    bytes.push(b'\n');
    write_atomic(&path, &bytes, PUBLIC_MODE)?;
    match &request.metrics {
        Some(path) => write_atomic(path, metrics(outcome).as_bytes(), PUBLIC_MODE),
        None => Ok(()),
    }
}

/// The textfile format of Prometheus' node exporter.
fn metrics(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, samples: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP secretctl_{name} {help}\n# TYPE secretctl_{name} gauge");
        for (labels, value) in samples {
            let _ = writeln!(text, "secretctl_{name}{labels} {value}");
        }
    };
    let plain = |value: u64| [(String::new(), value)];
    let at = u64::try_from(outcome.at.as_second()).unwrap_or_default();
    gauge("activation_timestamp_seconds", "When secrets were last activated.", &plain(at));
    gauge("activation_exit_code", "How that ended; 0 is clean.", &plain(outcome.exit_code.into()));
    if let Some(generation) = outcome.generation {
        gauge("generation", "Number of the running generation.", &plain(generation));
    }
    if let Some(serial) = outcome.serial {
        gauge("manifest_serial", "Serial of the manifest in use.", &plain(serial));
    }
    let rollback = outcome.remarks.iter().any(|remark| matches!(remark, super::Remark::Rollback { .. }));
    gauge("manifest_rollback", "Whether an older manifest than before is in use.", &plain(rollback.into()));
    let label = |(outcome, count): (FileOutcome, usize)| (format!("{{outcome=\"{outcome}\"}}"), count as u64);
    let counts: Vec<_> = outcome.counts().into_iter().map(label).collect();
    gauge("files", "Files of the last activation by outcome.", &counts);
    text
}

fn journal(outcome: &Outcome) {
    if !Path::new(JOURNAL).exists() {
        return;
    }
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // Long enough for a busy journald to take entries by the hundred, short enough for a boot when it hangs.
    let _ = socket.set_write_timeout(Some(JOURNAL_PATIENCE));
    let quiet = |file: &&FileReport| !matches!(file.outcome, FileOutcome::Unchanged | FileOutcome::Skipped);
    for file in outcome.files.iter().filter(quiet) {
        if socket.send_to(file_entry(outcome, file).as_bytes(), JOURNAL).is_err() {
            break;
        }
    }
    let message = match &outcome.failure {
        Some(failure) => failure.message.clone(),
        None => outcome.summary(),
    };
    let priority = if outcome.exit_code == 0 { 6 } else { 3 };
    let class = outcome.class.map(|class| class.to_string()).unwrap_or_default();
    let code = outcome.failure.as_ref().map(|failure| failure.code.clone()).unwrap_or_default();
    let fields = [
        ("SECRETCTL_EXIT_CODE", outcome.exit_code.to_string()),
        ("SECRETCTL_CLASS", class),
        ("SECRETCTL_CODE", code),
    ];
    let _ = socket.send_to(entry(&message, priority, &fields).as_bytes(), JOURNAL);
}

fn file_entry(outcome: &Outcome, file: &FileReport) -> String {
    let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    let secret = file.secret.as_ref().map(ToString::to_string).unwrap_or_default();
    let failure = file.failure.as_ref();
    let fields = [
        ("SECRETCTL_AS", file.target.to_string()),
        ("SECRETCTL_SECRET", secret),
        ("SECRETCTL_REVISION", number(file.revision)),
        ("SECRETCTL_GENERATION", number(outcome.generation)),
        ("SECRETCTL_OUTCOME", file.outcome.to_string()),
        ("SECRETCTL_CLASS", failure.map(|failure| failure.class.to_string()).unwrap_or_default()),
        ("SECRETCTL_CODE", failure.map(|failure| failure.code.clone()).unwrap_or_default()),
    ];
    let (message, priority) = match failure {
        Some(failure) => (format!("{} {}: {}", file.outcome, file.target, failure.message), 3),
        None => (format!("{} {}", file.outcome, file.target), 6),
    };
    entry(&message, priority, &fields)
}

fn entry(message: &str, priority: u8, fields: &[(&str, String)]) -> String {
    // One line each: a line break would end the field.
    let line = |text: &str| text.replace(['\n', '\r'], " ");
    let mut text = format!("MESSAGE={}\nPRIORITY={priority}\nSYSLOG_IDENTIFIER=secretctl\n", line(message));
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name}={}", line(value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_entry_has_one_line_per_field() {
        let text =
            entry("a\nPRIORITY=0", 3, &[("SECRETCTL_SECRET", "x".to_owned()), ("EMPTY", String::new())]);
        assert_eq!(
            text,
            "MESSAGE=a PRIORITY=0\nPRIORITY=3\nSYSLOG_IDENTIFIER=secretctl\nSECRETCTL_SECRET=x\n"
        );
    }
}
