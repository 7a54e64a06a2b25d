//! `kanshiki iocs`: by what the same attacker can be looked for elsewhere, as CSV or STIX 2.1.

use crate::console::Console;
use crate::csv::harmless_row;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RowsArguments};
use clap::ValueEnum;
use kanshiki_model::{Algorithm, Hasher, hex};
use serde_json::{Value, json};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Indicators are taken from findings that were not rejected: addresses, domains, URLs, digests and
paths of files, wallets, accounts. Weak settings give none, nor do the account root, files of
packages by their path, and files that every machine has. The same findings give the same STIX bundle, byte for byte.

Exit codes: 0 done; 4 not done.

Examples:
  kanshiki iocs --case cases/2026-014 > indicators.csv
  kanshiki iocs --case cases/2026-014 --format stix > indicators.json";

/// Write the indicators of a case as CSV, STIX 2.1 or JSON lines
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct IocsArguments {
    /// Case folder
    #[arg(long, value_name = "DIR")]
    case: PathBuf,
    /// Form: csv or stix
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true, default_value = "csv")]
    format: Form,
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Stix,
}

/// The time that all objects bear, so that the same indicators give the same bytes; STIX wants one, and indicators of the
/// past have none of their own.
const STAMP: &str = "2000-01-01T00:00:00.000Z";

/// Runs the verb.
pub(crate) fn run(arguments: &IocsArguments, console: &Console) -> Result<Exit, Failure> {
    let reader = super::open(&arguments.case)?;
    let indicators = reader.indicators().map_err(|error| Failure::of(&error))?;
    let mut output = Output::new(arguments.rows, console)?;
    if output.is_json() {
        for (kind, value, findings) in &indicators {
            let findings: Vec<&str> = findings.split(',').collect();
            output.object("indicator", &json!({ "kind": kind, "value": value, "findings": findings }))?;
        }
        return output.finish();
    }
    match arguments.format {
        Form::Csv => {
            output.line("kind,value,findings")?;
            for (kind, value, findings) in indicators {
                output.line(&harmless_row(&[kind, value, findings]))?;
            }
        }
        Form::Stix => {
            let objects: Vec<Value> =
                indicators.iter().filter_map(|(kind, value, findings)| object(kind, value, findings)).collect();
            let names: Vec<&str> = objects.iter().filter_map(|it| it["id"].as_str()).collect();
            let bundle =
                json!({ "type": "bundle", "id": format!("bundle--{}", uuid(&names.join("\n"))), "objects": objects });
            // Texts of the store are visible text, and JSON escapes what is left.
            let text = serde_json::to_string_pretty(&bundle);
            let text = text.map_err(|error| Failure::from_error("cannot write the bundle", &error))?;
            output.bytes(format!("{text}\n").as_bytes())?;
        }
    }
    output.finish()
}

/// An indicator object (STIX 2.1, section 4.7) with its pattern (section 9); `None` for what STIX has no pattern for.
fn object(kind: &str, value: &str, findings: &str) -> Option<Value> {
    let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
    let pattern = match kind {
        "ipv4" => format!("[ipv4-addr:value = '{quoted}']"),
        "ipv6" => format!("[ipv6-addr:value = '{quoted}']"),
        "domain" => format!("[domain-name:value = '{quoted}']"),
        "url" => format!("[url:value = '{quoted}']"),
        "md5" => format!("[file:hashes.MD5 = '{quoted}']"),
        "sha1" => format!("[file:hashes.'SHA-1' = '{quoted}']"),
        "sha256" => format!("[file:hashes.'SHA-256' = '{quoted}']"),
        "account" => format!("[user-account:account_login = '{quoted}']"),
        "path" => {
            let (folder, name) = quoted.rsplit_once('/')?;
            let folder = if folder.is_empty() { "/" } else { folder };
            format!("[file:name = '{name}' AND file:parent_directory_ref.path = '{folder}']")
        }
        _ => return None,
    };
    Some(json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{}", uuid(&format!("{kind} {value}"))),
        "created": STAMP, "modified": STAMP, "valid_from": STAMP, "name": format!("{kind} {value}"),
        "description": format!("named by the findings {findings}"),
        "indicator_types": ["malicious-activity"], "pattern": pattern, "pattern_type": "stix", "pattern_version": "2.1",
    }))
}

/// The namespace of the names that this program gives: a UUID that was drawn for it.
const NAMESPACE: [u8; 16] =
    [0x28, 0x07, 0xba, 0xa7, 0x1b, 0x4a, 0x42, 0xce, 0xb2, 0x86, 0x44, 0x4b, 0xd4, 0xbb, 0x1e, 0xa7];

/// A UUID of version 5 (RFC 9562, section 5.5) of a text.
fn uuid(text: &str) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha1);
    hasher.update(&NAMESPACE);
    hasher.update(text.as_bytes());
    let mut bytes: Vec<u8> = hasher.finish().as_bytes().iter().take(16).copied().collect();
    if let Some(byte) = bytes.get_mut(6) {
        *byte = *byte & 0x0f | 0x50;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = *byte & 0x3f | 0x80;
    }
    let digits = hex(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_stix_and_quotes_do_not_break_out() {
        let pattern =
            |kind: &str, value: &str| object(kind, value, "f").unwrap()["pattern"].as_str().unwrap().to_owned();
        assert_eq!(pattern("ipv4", "192.0.2.7"), "[ipv4-addr:value = '192.0.2.7']");
        assert_eq!(pattern("account", "o'x\\"), "[user-account:account_login = 'o\\'x\\\\']");
        assert_eq!(pattern("path", "/x"), "[file:name = 'x' AND file:parent_directory_ref.path = '/']");
        assert_eq!(object("wallet", "4A", "f"), None);
        let id = uuid("x");
        assert_eq!((id.len(), &id[14..15], id.matches('-').count()), (36, "5", 4));
        assert_eq!(id, uuid("x"));
    }
}
