//! A policy that shows everything in the clear: the suite is about sources, and the engine reads nothing without a decision.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef};

use super::data::SCHEMA;

/// The one person of the suite, and why she asks.
pub const PERSON: (&str, &str) = ("tess", "testing");

/// The model of every policy.
pub const MODEL: &str = include_str!("../../../samples/policy/model.conf");
const RULES: &str = "\
p, T-01, role:tester, purpose:testing, tag:public, clear, always, allow
p, T-02, role:tester, purpose:testing, tag:rows.suite, rows:all, always, allow
g, user:tess, role:tester
";

/// Writes the policy folder for the tables of `catalog`, where they name none, and in the suite's schema, where they name none;
/// further tables are classified like these.
pub fn write(dir: &Path, catalog: &str, tables: &BTreeMap<String, RecordBatch>) {
    let mut text =
        "version: suite.1\ntreatments:\n  clear: {article: none}\nrow_filters:\n  all: {tables: any, sql: \"true\"}\nconditions: [always]\n\
                    purposes:\n  testing: {ropa: T, basis: none, owner: tess, retention_days: 1}\ntables:\n"
            .to_owned();
    let full = |table: &str| match table.matches('.').count() {
        0 => format!("{catalog}.{SCHEMA}.{table}"),
        1 => format!("{catalog}.{table}"),
        _ => table.to_owned(),
    };
    for (table, batch) in tables {
        let name = |part: &str| format!("{part:?}");
        text += &format!("  {}:\n    rows: rows.suite\n    columns:\n", name(&full(table)));
        for field in batch.schema().fields() {
            for leaf in leaves(field) {
                text += &format!("      {}: [public]\n", name(&leaf));
            }
        }
    }
    let (table, batch) = tables.iter().next().expect("a table");
    let column = leaves(&batch.schema().fields()[0]).remove(0);
    let cases = format!(
        "- {{who: tess, purpose: testing, dc: eu, column: \"{}.{column}\", is: clear, because: T-01}}\n",
        full(table)
    );
    std::fs::create_dir_all(dir).expect("a folder");
    let files = [("model.conf", MODEL.to_owned()), ("policy.csv", RULES.to_owned()), ("classification.yaml", text)];
    for (file, text) in files.into_iter().chain([("policy_tests.yaml", cases)]) {
        std::fs::write(dir.join(file), text).expect("a policy file");
    }
}

/// The columns that policy knows: leaves of structs by their path.
fn leaves(field: &FieldRef) -> Vec<String> {
    let children = match field.data_type() {
        DataType::Struct(children) => children,
        DataType::List(item) => match item.data_type() {
            DataType::Struct(children) => children,
            _ => return vec![field.name().clone()],
        },
        _ => return vec![field.name().clone()],
    };
    children.iter().flat_map(leaves).map(|leaf| format!("{}.{leaf}", field.name())).collect()
}
