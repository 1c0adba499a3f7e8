//! The few functions of Nix and its library that people write secrets with.

use std::collections::BTreeMap;

use super::read::Reader;
use super::value::Value;

impl Reader {
    /// A function of the library with the arguments that it was given so far.
    pub(super) fn library(&self, name: &str, given: &[Value]) -> Value {
        let more = || Value::Library(name.to_owned(), given.to_vec());
        match (name, given) {
            ("mkDefault" | "mkForce" | "id" | "toString" | "readOnly" | "mkBefore" | "mkAfter", [value])
            | ("trace" | "seq" | "deepSeq" | "mkOverride" | "mkOrder" | "warn", [_, value]) => value.clone(),
            ("mkIf" | "optionalAttrs" | "optionals", [condition, value]) => match condition {
                Value::Bool(false) => Value::Unknown,
                _ => value.clone(),
            },
            ("optional", [condition, value]) => match condition {
                Value::Bool(false) => Value::List(Vec::new()),
                _ => Value::List(vec![value.clone()]),
            },
            ("mkMerge", [Value::List(values)]) => values.iter().cloned().fold(Value::Unknown, Value::merged),
            ("recursiveUpdate", [ours, theirs]) => ours.clone().merged(theirs.clone()),
            ("attrNames", [set]) => {
                Value::List(set.entries().map(|(name, _)| Value::Text(name.to_owned())).collect())
            }
            ("attrValues", [set]) => Value::List(set.entries().map(|(_, value)| value.clone()).collect()),
            ("concatLists" | "flatten", [Value::List(lists)]) => Value::List(flat(lists)),
            ("unique" | "naturalSort", [list]) => list.clone(),
            ("import", [path]) => path.path().map_or(Value::Unknown, |path| self.import(&path)),
            ("readFile" | "fileContents", [path]) => {
                path.path().and_then(|path| self.text(&path)).map_or(Value::Unknown, Value::Text)
            }
            ("removeSuffix", [Value::Text(end), Value::Text(text)]) => {
                Value::Text(text.strip_suffix(end).unwrap_or(text).to_owned())
            }
            ("removePrefix", [Value::Text(start), Value::Text(text)]) => {
                Value::Text(text.strip_prefix(start).unwrap_or(text).to_owned())
            }
            // What makes a system of modules is its modules.
            (_, [Value::Set(set)]) if set.contains_key("modules") => Value::Set(set.clone()),
            // A function of two arguments that has one.
            (_, [_]) if two(name) => more(),
            _ => self.over_items(name, given),
        }
    }

    /// What goes through the items of a list or set.
    fn over_items(&self, name: &str, given: &[Value]) -> Value {
        match (name, given) {
            ("map", [function, Value::List(items)]) => {
                Value::List(items.iter().map(|item| self.apply(function, item.clone())).collect())
            }
            ("concatMap", [function, Value::List(items)]) => {
                let lists: Vec<Value> = items.iter().map(|item| self.apply(function, item.clone())).collect();
                Value::List(flat(&lists))
            }
            ("genAttrs", [Value::List(names), function]) => self.generated(names, function),
            ("mapAttrs" | "mapAttrs'", [function, Value::Set(set)]) => self.mapped(name, function, set),
            ("listToAttrs", [Value::List(items)]) => listed(items),
            ("nameValuePair", [name, value]) => pair(name.clone(), value.clone()),
            _ => Value::Unknown,
        }
    }

    fn generated(&self, names: &[Value], function: &Value) -> Value {
        let made = names.iter().filter_map(|name| Some((name.text()?, self.apply(function, name.clone()))));
        Value::Set(made.collect())
    }

    fn mapped(&self, name: &str, function: &Value, set: &BTreeMap<String, Value>) -> Value {
        let apply = |(name, value): (&String, &Value)| {
            let function = self.apply(function, Value::Text(name.clone()));
            (name.clone(), self.apply(&function, value.clone()))
        };
        let made: BTreeMap<String, Value> = set.iter().map(apply).collect();
        if name == "mapAttrs" { Value::Set(made) } else { listed(&made.into_values().collect::<Vec<_>>()) }
    }
}

fn two(name: &str) -> bool {
    matches!(
        name,
        "mkIf"
            | "optionalAttrs"
            | "optionals"
            | "optional"
            | "recursiveUpdate"
            | "map"
            | "concatMap"
            | "genAttrs"
            | "mapAttrs"
            | "mapAttrs'"
            | "nameValuePair"
            | "trace"
            | "seq"
            | "deepSeq"
            | "mkOverride"
            | "mkOrder"
            | "warn"
            | "removeSuffix"
            | "removePrefix"
    )
}

fn flat(lists: &[Value]) -> Vec<Value> {
    let one = |value: &Value| match value {
        Value::List(items) => flat(items),
        value => vec![value.clone()],
    };
    lists.iter().flat_map(one).collect()
}

fn pair(name: Value, value: Value) -> Value {
    Value::Set([("name".to_owned(), name), ("value".to_owned(), value)].into())
}

fn listed(items: &[Value]) -> Value {
    let entry = |item: &Value| Some((item.at(&["name"]).text()?, item.at(&["value"]).clone()));
    Value::Set(items.iter().filter_map(entry).collect())
}
