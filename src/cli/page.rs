//! Pages for a browser: no network, no framework, and no way for a text of the fleet to run.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use sha2::Sha256;

use crate::ops::policy::RuleRef;

/// What a page is filled with.
pub(super) struct Parts<'p> {
    /// The page with `@@policy@@`, `@@style@@`, `@@script@@` and `@@content@@`.
    pub(super) template: &'p str,
    /// Its only style.
    pub(super) style: &'p str,
    /// Its only script.
    pub(super) script: &'p str,
    /// What it shows, as JSON.
    pub(super) content: &'p str,
}

/// Fills a page in; only what the template itself says is looked at, never what was put in.
pub(super) fn filled(parts: &Parts<'_>) -> String {
    let Parts { template, style, script, content } = parts;
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    );
    let mut page = String::with_capacity(template.len() + style.len() + script.len() + content.len());
    for (nth, part) in template.split("@@").enumerate() {
        match part {
            "policy" if nth % 2 == 1 => page.push_str(&policy),
            "style" if nth % 2 == 1 => page.push_str(style),
            "script" if nth % 2 == 1 => page.push_str(script),
            "content" if nth % 2 == 1 => page.push_str(&inert(content)),
            text => page.push_str(text),
        }
    }
    page
}

/// JSON that can neither end its element nor open another one.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The hash by which the page's own policy lets its script and its style in, and nothing else.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Equal values kept once, so that many cells can share one.
pub(super) struct Shared<T> {
    pub(super) all: Vec<T>,
    at: BTreeMap<T, usize>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { all: Vec::new(), at: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> Shared<T> {
    /// The position of a value, which is kept if it is new.
    pub(super) fn add(&mut self, value: T) -> usize {
        *self.at.entry(value).or_insert_with_key(|value| {
            self.all.push(value.clone());
            self.all.len() - 1
        })
    }
}

/// The position of each name.
pub(super) fn positions<T: Ord>(names: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    names.enumerate().map(|(at, name)| (name, at)).collect()
}

/// A rule as one would write it.
pub(super) fn rule_text(rule: &RuleRef) -> String {
    let patterns: Vec<String> = rule.patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let mut text = match patterns.as_slice() {
        [one] => format!("{}({one})", rule.effect),
        _ => format!("{}([{}])", rule.effect, patterns.join(", ")),
    };
    for (method, selector) in [("hosts", &rule.hosts), ("services", &rule.services)] {
        if let Some(selector) = selector {
            text.push_str(&format!(".{method}({selector})"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_fleet_ends_its_element_or_fills_a_place_of_the_template() {
        let script = "start();";
        let content = "\"</script><script>alert(1)</script><!-- @@script@@ &amp;\"";
        let template =
            "@@policy@@<style>@@style@@</style><script>@@content@@</script><script>@@script@@</script>";
        let page = filled(&Parts { template, style: "", script, content });
        assert!(!page.contains("alert(1)</script>") && !page.contains("<!-- "), "{page}");
        assert_eq!(page.matches(script).count(), 1);
        assert_eq!(page.matches("</script>").count(), 2);
    }
}
