//! Facts about a device, a host or a person: a value with its origin, or the reason why there is none.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Facts by name, in the order of their names. A name is in lower case with underscores and carries its unit:
/// `logical_sector_bytes`.
pub type Facts = BTreeMap<String, Fact>;

/// Where a fact comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Asked of the kernel, a device or a file.
    Probed,
    /// Told by the operator.
    Told,
    /// Worked out from other facts.
    Derived,
}

/// One fact: a value with its origin, or no value with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The value; `null` where it is not known.
    pub value: Value,
    /// Where the value comes from; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Origin>,
    /// The file, call or option that gave the value, such as `/sys/block/sda/device/model`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl Fact {
    /// A value that was asked of `source`.
    #[must_use]
    pub fn probed(value: impl Into<Value>, source: impl Into<String>) -> Self {
        Self { value: value.into(), origin: Some(Origin::Probed), source: Some(source.into()), reason: None }
    }

    /// A value that the operator told with the option `source`.
    #[must_use]
    pub fn told(value: impl Into<Value>, source: impl Into<String>) -> Self {
        Self { value: value.into(), origin: Some(Origin::Told), source: Some(source.into()), reason: None }
    }

    /// A value that was worked out; `source` says from what.
    #[must_use]
    pub fn derived(value: impl Into<Value>, source: impl Into<String>) -> Self {
        Self { value: value.into(), origin: Some(Origin::Derived), source: Some(source.into()), reason: None }
    }

    /// No value, for this reason.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { value: Value::Null, origin: None, source: None, reason: Some(reason.into()) }
    }

    /// The value as text: a string as it is, other values as JSON; `None` if there is no value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// The value as a number.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.value.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_without_value_is_null_with_a_reason() {
        let fact = Fact::unknown("no such file");
        assert_eq!(serde_json::to_string(&fact).unwrap(), r#"{"value":null,"reason":"no such file"}"#);
        assert_eq!(fact.text(), None);
    }

    #[test]
    fn a_probed_fact_names_its_source() {
        let fact = Fact::probed(512, "BLKSSZGET");
        assert_eq!(serde_json::to_string(&fact).unwrap(), r#"{"value":512,"origin":"probed","source":"BLKSSZGET"}"#);
        assert_eq!(fact.number(), Some(512));
    }
}
