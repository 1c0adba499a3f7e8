//! `secretctl policy test`

mod junit;

use super::explain;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::ops;
use crate::ops::policy::Case;
use crate::ops::policy::RuleRef;
use crate::ops::policy::TestReport;

/// Run the tests in `policies/tests/` and hold every `never(..)` against the secrets that exist
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// Fail if the tests make less than this share of the rules speak
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
}

/// How the report of tests is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
enum TestFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is versioned.
    Json,
    /// For CI systems that collect test results.
    Junit,
}

pub(super) fn run(
    args: &TestArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy test")?;
    let report = ops::policy::test(&ws)?;
    match args.format {
        TestFormat::Text => ui.lines(words(&report))?,
        TestFormat::Json => ui.json(&report)?,
        TestFormat::Junit => ui.data(&junit::document(&report))?,
    }
    let short = args.min_coverage.map(usize::from).filter(|least| report.coverage < *least);
    if let Some(least) = short {
        ui.say(&format!(
            "the tests make {} % of the rules speak, and {least} % are asked for; the rules above have no test",
            report.coverage
        ));
    }
    Ok(if report.is_passed() && short.is_none() { Exit::Clean } else { Exit::Found(Class::Finding) })
}

/// The report as a person reads it: each file with its tests, then what no test touches, then the sum.
fn words(report: &TestReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut file = None;
    for case in &report.suite.cases {
        if file != Some(&case.file) {
            file = Some(&case.file);
            lines.push(case.file.display().to_string());
        }
        lines.extend(case_lines(case));
    }
    if !report.invariants.is_empty() {
        lines.push("invariants".to_owned());
        lines.extend(report.invariants.iter().flat_map(|invariant| invariant_lines(report, invariant)));
    }
    if !report.suite.unexercised.is_empty() {
        lines.push("no test makes these rules speak".to_owned());
        lines.extend(report.suite.unexercised.iter().map(|rule| format!("  {} {}", rule.place, said(rule))));
    }
    lines.push(sum(report));
    lines
}

fn case_lines(case: &Case) -> Vec<String> {
    let word = if case.failures.is_empty() { "ok  " } else { "FAIL" };
    let name = case.name.as_deref().unwrap_or("(outside of any test)");
    let mut lines =
        vec![format!("  {word} {name} ({})", count(case.expectations, "expectation", "expectations"))];
    for failure in &case.failures {
        lines.push(format!("       {}: {}", failure.place, failure.message));
        let reasons = failure.explanation.iter().flat_map(|explanation| explain::lines(explanation));
        lines.extend(reasons.map(|line| format!("       {line}")));
    }
    lines
}

fn invariant_lines(report: &TestReport, invariant: &RuleRef) -> Vec<String> {
    let broken: Vec<_> = report.violations.iter().filter(|found| found.invariant == *invariant).collect();
    let word = if broken.is_empty() { "ok  " } else { "FAIL" };
    let because =
        invariant.because.as_ref().map(|because| format!(", because {because}")).unwrap_or_default();
    let mut lines = vec![format!("  {word} {} at {}{because}", said(invariant), invariant.place)];
    for violation in broken {
        lines.push(format!("       {violation}"));
        let permits = violation.permits.iter().flat_map(|rule| explain::rule_lines("allowed by", rule));
        lines.extend(permits.map(|line| format!("       {line}")));
    }
    lines
}

fn sum(report: &TestReport) -> String {
    let cases = &report.suite.cases;
    let failed = cases.iter().filter(|case| !case.failures.is_empty()).count();
    let expectations = cases.iter().map(|case| case.expectations).sum();
    format!(
        "{} with {}, {failed} failed; {}, {} broken; {} of {} exercised ({} %)",
        count(cases.len(), "test", "tests"),
        count(expectations, "expectation", "expectations"),
        count(report.invariants.len(), "invariant", "invariants"),
        report
            .invariants
            .iter()
            .filter(|rule| report.violations.iter().any(|v| v.invariant == **rule))
            .count(),
        report.suite.rules - report.suite.unexercised.len(),
        count(report.suite.rules, "rule", "rules"),
        report.coverage,
    )
}

/// A rule with its patterns, as it was written.
fn said(rule: &RuleRef) -> String {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    format!("{}({})", rule.effect, patterns.join(", "))
}
