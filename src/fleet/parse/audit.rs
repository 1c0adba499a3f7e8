//! Reads `[audit]`: which findings matter more or less in this fleet than by themselves.

use toml_edit::Item;
use toml_edit::TableLike;

use super::Reader;
use super::span;
use super::suggestion;
use crate::diag::Severity;
use crate::diag::catalogue;
use crate::fleet::AuditRules;
use crate::fleet::Weight;

impl Reader {
    pub(super) fn audit(&mut self, item: &Item) -> AuditRules {
        let mut rules = AuditRules::default();
        let Some(table) = item.as_table_like() else {
            self.problem(span(item), "`audit` must be a table", "not a table", None);
            return rules;
        };
        self.keys(table, &["severities", "findings-page"], "in `audit`");
        rules.findings_page = self.text::<Page>(table, "findings-page").map(|page| page.0);
        let Some(item) = table.get("severities") else { return rules };
        let Some(severities) = item.as_table_like() else {
            self.problem(span(item), "`audit.severities` must be a table", "not a table", None);
            return rules;
        };
        for (code, item) in severities.iter() {
            if let Some(weight) = self.weight(severities, code, item) {
                rules.severities.insert(code.to_owned(), weight);
            }
        }
        rules
    }

    fn weight(&mut self, table: &dyn TableLike, code: &str, item: &Item) -> Option<Weight> {
        let Some(kind) = catalogue::kind(code) else {
            let at = table.key(code).and_then(toml_edit::Key::span).unwrap_or_else(|| span(item));
            let help = suggestion(code, catalogue::kinds().map(|kind| kind.code));
            self.problem(at, format!("no finding has the code `{code}`"), "not known here", Some(help));
            return None;
        };
        let weight = self.text::<WeightWord>(table, code)?.0;
        if let Some(reason) = kind.always().filter(|_| weight != Weight::As(Severity::Error)) {
            let message = format!("`{code}` can't be less than an error");
            let help =
                "remove this line; without it nothing else that is found, or not found, could be believed";
            self.problem(span(item), message, reason, Some(help.to_owned()));
            return None;
        }
        Some(weight)
    }
}

struct WeightWord(Weight);

impl std::str::FromStr for WeightWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Weight::ALL.iter().find(|(word, _)| *word == text);
        known.map(|(_, weight)| Self(*weight)).ok_or_else(|| {
            let known = suggestion(text, Weight::ALL.iter().map(|(word, _)| *word));
            format!("unknown severity `{text}`; {known}")
        })
    }
}

struct Page(String);

impl std::str::FromStr for Page {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let plain = |c: char| {
            c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '#')
        };
        if host.is_empty() || host.starts_with('/') || !host.chars().all(plain) {
            return Err(
                "write the address of the page, such as `https://git.example.org/secretctl/docs/reference/findings.md`",
            );
        }
        Ok(Self(text.to_owned()))
    }
}
