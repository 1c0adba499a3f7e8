//! Reads `[documents]`: files of several secrets that another tool made or lie elsewhere.

use std::collections::BTreeMap;

use toml_edit::Item;
use toml_edit::TableLike;

use super::Reader;
use super::span;
use super::suggestion;
use crate::fleet::Document;
use crate::fleet::Fleet;

impl Reader {
    pub(super) fn document(&mut self, name: &str, table: &dyn TableLike) -> Document {
        let known = ["path", "whole", "direct", "legacy-recipients"];
        self.keys(table, &known, &format!("in `documents.{name}`"));
        Document {
            path: self.text(table, "path"),
            whole: self.flag(table, "whole"),
            direct: self.list(table, "direct"),
            legacy: self.list(table, "legacy-recipients"),
        }
    }

    fn flag(&mut self, table: &dyn TableLike, key: &str) -> bool {
        let Some(item) = table.get(key) else { return false };
        item.as_bool().unwrap_or_else(|| {
            self.problem(span(item), format!("`{key}` must be `true` or `false`"), "neither", None);
            false
        })
    }

    /// Two documents in one file, or one inside the other, would give one secret two names.
    pub(super) fn documents_fit(&mut self, fleet: &Fleet, root: &dyn TableLike) {
        let mut paths = BTreeMap::new();
        for (name, document) in &fleet.documents {
            let at = entry(root, name.as_str()).map_or(0..0, span);
            if let Some(first) = document.path.as_ref().and_then(|path| paths.insert(path, name)) {
                let message = format!("documents `{first}` and `{name}` are one file");
                self.problem(at.clone(), message, "", Some("remove one of them".to_owned()));
            }
            for host in &document.direct {
                if !fleet.hosts.contains_key(host) {
                    let help = suggestion(host.as_str(), fleet.hosts.keys().map(AsRef::as_ref));
                    let message = format!("document `{name}` names the unknown host `{host}`");
                    self.problem(at.clone(), message, "", Some(help));
                }
            }
            if name.is_for_admins() {
                let message = format!("document `{name}` is named like what is kept for admins");
                self.problem(at, message, "", Some("rename it".to_owned()));
            }
        }
    }
}

fn entry<'t>(root: &'t dyn TableLike, name: &str) -> Option<&'t Item> {
    root.get("documents")?.as_table_like()?.get(name)
}
