//! Named row rules: reviewed SQL that policy rules grant by name.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::Expr;

use crate::TableName;
use crate::classification::{TableClass, row_sql};
use crate::name_check;
use crate::problem::visible;
use crate::yaml::{Node, Value};
use crate::yaml_reader::Reader;

/// A row rule of the classification.
#[derive(Debug, Clone)]
pub(crate) struct RowRuleSpec {
    pub(crate) name: String,
    /// Tables that it may be granted on; `None` for any.
    pub(crate) tables: Option<BTreeSet<TableName>>,
    pub(crate) expr: Expr,
    /// Whether it is literally `true`.
    pub(crate) all: bool,
    pub(crate) columns: Vec<String>,
}

impl RowRuleSpec {
    pub(crate) fn is_for(&self, table: &TableName) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.contains(table))
    }
}

pub(crate) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    classified: &BTreeMap<TableName, TableClass>,
) -> Vec<RowRuleSpec> {
    let mut rules = Vec::new();
    for (key, entry) in reader.map(node, "row_filters") {
        let about = format!("rows:{}", visible(&key.name));
        if let Some((fault, hint)) = name_check::fault(&key.name) {
            reader.error(key.line, &about, fault, hint);
        }
        let fields = reader.fields(entry, &about, &["tables", "sql"]);
        let tables = fields.get("tables").and_then(|node| tables_of(reader, &about, node, classified));
        if fields.get("tables").is_none() {
            reader.error(
                key.line,
                &about,
                "the row rule has no `tables`",
                "write `tables: [catalog.schema.table, ...]` or `tables: any`",
            );
        }
        let Some(sql) = fields.get("sql") else {
            reader.error(key.line, &about, "the row rule has no `sql`", "write `sql: \"CONDITION\"`");
            continue;
        };
        let Some(text) = reader.text(sql, &about) else { continue };
        let condition = match row_sql::parse(text) {
            Ok(condition) => condition,
            Err((fault, hint)) => {
                reader.error(sql.line, &about, fault, hint);
                continue;
            }
        };
        let Some(tables) = tables else { continue };
        check_columns(reader, sql.line, &about, &condition.columns, tables.as_ref(), classified);
        let all = row_sql::is_true(&condition.expr);
        rules.push(RowRuleSpec {
            name: key.name.clone(),
            tables,
            expr: condition.expr,
            all,
            columns: condition.columns,
        });
    }
    rules
}

/// The tables that a row rule is for: `Some(None)` for any.
#[allow(clippy::option_option)]
fn tables_of(
    reader: &mut Reader<'_>,
    about: &str,
    node: &Node,
    classified: &BTreeMap<TableName, TableClass>,
) -> Option<Option<BTreeSet<TableName>>> {
    if matches!(&node.value, Value::Text(text) if text == "any") {
        return Some(None);
    }
    let Value::List(items) = &node.value else {
        reader.mismatch(node, about, "`any` or a list of tables");
        return None;
    };
    let mut tables = BTreeSet::new();
    for item in items {
        let Some(text) = reader.text(item, about) else { continue };
        match text.parse::<TableName>() {
            Ok(name) if classified.contains_key(&name) => {
                tables.insert(name);
            }
            Ok(_) | Err(_) => {
                reader.error(
                    item.line,
                    about,
                    format!("`{}` is not a classified table", visible(text)),
                    "name a table that stands under `tables`",
                );
            }
        }
    }
    if items.is_empty() {
        reader.error(node.line, about, "the list of tables is empty", "name a table, or write `tables: any`");
    }
    Some(Some(tables))
}

fn check_columns(
    reader: &mut Reader<'_>,
    line: usize,
    about: &str,
    columns: &[String],
    tables: Option<&BTreeSet<TableName>>,
    classified: &BTreeMap<TableName, TableClass>,
) {
    let Some(tables) = tables else {
        if let Some(column) = columns.first() {
            let text = format!("the row rule is for any table but uses column `{}`", visible(column));
            reader.error(line, about, text, "list the tables that it is for");
        }
        return;
    };
    for table in tables {
        let Some(class) = classified.get(table) else { continue };
        for column in columns {
            if !class.columns.contains_key(column) {
                let text = format!("column `{}` is not classified in `{table}`", visible(column));
                reader.error(line, about, text, "use classified top-level columns of the table, spelled exactly so");
            }
        }
    }
}
