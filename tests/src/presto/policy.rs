//! Policies of one table, in which each column has a treatment and a rule keeps some rows.

use std::path::Path;

use crate::behaviour::fixture::CATALOG;
use crate::behaviour::policy::MODEL;

/// From most to least revealing.
const TREATMENTS: [&str; 11] =
    ["clear", "geo_1km", "geo_10km", "month", "year", "round_100", "last4", "email_domain", "hash", "redact", "null"];

/// Writes the policy folder: `columns` name their treatments, or none where they are withheld; the first one is not. Rows are
/// kept where `rows` holds.
///
/// # Panics
/// When it cannot be written.
pub(super) fn write(dir: &Path, table: &str, rows: &str, columns: &[(&str, Option<&str>)]) {
    let mut rules = "p, T-00, role:tester, purpose:testing, tag:rows.suite, rows:kept, always, allow\n".to_owned();
    let mut tables = "version: tests.1\ntreatments:\n".to_owned();
    for (at, treatment) in TREATMENTS.iter().enumerate() {
        tables += &format!("  \"{treatment}\": {{does: tested}}\n");
        if columns.iter().any(|(_, shown)| *shown == Some(*treatment)) {
            let id = at + 1;
            rules += &format!(
                "p, T-{id:02}, role:tester, purpose:testing, tag:as.{treatment}, {treatment}, always, allow\n"
            );
        }
    }
    rules += "g, user:tess, role:tester\n";
    tables += &format!("row_filters:\n  kept: {{tables: [{CATALOG}.{table}], sql: \"{rows}\"}}\n");
    tables += "conditions: [always]\npurposes:\n  testing: {ropa: T, basis: none, owner: tess, retention_days: 1}\n";
    tables += &format!("tables:\n  {CATALOG}.{table}:\n    rows: rows.suite\n    columns:\n");
    for (name, treatment) in columns {
        let tag = treatment.map_or_else(|| "nobody".to_owned(), |treatment| format!("as.{treatment}"));
        tables += &format!("      {name}: [{tag}]\n");
    }
    let (name, treatment) = columns[0];
    let treatment = treatment.expect("the first column is shown");
    let because = TREATMENTS.iter().position(|known| *known == treatment).expect("a treatment") + 1;
    let cases = format!(
        "- {{who: tess, purpose: testing, dc: eu, column: {CATALOG}.{table}.{name}, is: {treatment}, because: T-{because:02}}}\n"
    );
    std::fs::create_dir_all(dir).expect("a folder");
    let files = [("model.conf", MODEL), ("policy.csv", &rules), ("classification.yaml", &tables)];
    for (file, text) in files.into_iter().chain([("policy_tests.yaml", cases.as_str())]) {
        std::fs::write(dir.join(file), text).expect("a policy file");
    }
}
