//! JSON texts, and schemas for them. What a schema says about a value is told by its own path alone.

use std::fmt;
use std::sync::Arc;

use jsonschema::Draft;
use jsonschema::Validator;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroize;

use super::Check;
use super::CheckError;

/// A JSON Schema, compiled: draft 2020-12 unless it names another, formats checked, nothing fetched.
#[derive(Clone)]
pub struct JsonSchema(Arc<Validator>);

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonSchema")
    }
}

impl Check {
    /// A check for JSON that a schema accepts.
    pub fn json_schema(schema: &Value) -> Result<Self, CheckError> {
        let options =
            jsonschema::options().offline().with_draft(Draft::Draft202012).should_validate_formats(true);
        let compiled = options.build(schema).map_err(|error| {
            let help = "write a JSON Schema as a map: `json(#{ type: \"object\", required: [\"token\"] })`";
            CheckError::new(format!("it is no JSON Schema: {error}"), help)
        })?;
        Ok(Self::JsonSchema(JsonSchema(Arc::new(compiled))))
    }
}

/// Whether the value is JSON.
pub(super) fn json(bytes: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<IgnoredAny>(bytes).map(|_| ()).map_err(|error| not_json(&error))
}

impl JsonSchema {
    /// Whether the value is JSON that the schema accepts.
    pub(super) fn test(&self, bytes: &[u8]) -> Result<(), String> {
        let mut value: Value = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        // Its own words would quote the value.
        let broken = self.0.iter_errors(&value).next().map(|error| error.schema_path().to_string());
        wipe(&mut value);
        broken.map_or(Ok(()), |path| Err(format!("the schema does not hold at `{path}`")))
    }
}

/// The parser's own message quotes what it found.
fn not_json(error: &serde_json::Error) -> String {
    format!("it is not JSON (line {}, column {})", error.line(), error.column())
}

/// Overwrites the texts and names of a parsed value; numbers, and what the library kept aside, are freed as they are.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => {
            for (mut name, mut member) in std::mem::take(members) {
                name.zeroize();
                wipe(&mut member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
