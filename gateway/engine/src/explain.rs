//! Safe EXPLAIN: the plan over governed tables, what policy does at each of them, and nothing from below a barrier.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::ExecutionPlan;
use lockgate_policies::{ColumnDecision, TableAccess};

use crate::notices::Reader;
use crate::plan::Planned;
use crate::{Error, notices, rewrite};

/// Two text columns: what a line is about, and the line.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("plan_type", DataType::Utf8, false),
        Field::new("plan", DataType::Utf8, false),
    ]))
}

/// EXPLAIN of a planned query. Literals in it are the caller's own.
pub(crate) fn explain(planned: &Planned) -> Result<RecordBatch, Error> {
    let mut rows = vec![("logical_plan".to_owned(), planned.logical.display_indent().to_string())];
    for table in notices::audit_tables(&planned.governed, &planned.reads, Reader::Asker) {
        let place = |column: &str| {
            let full = format!("{}.{column}", table.table);
            let is_there = planned.sent.iter().any(|sent| sent.treated.contains(&full));
            if is_there { "at the source" } else { "in the gateway" }
        };
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(column, treatment)| format!("{column}: {treatment} ({})", place(column)))
            .collect();
        let text = format!(
            "rows: {}\ncolumns: {}\nrules: {}",
            table.rows.join(" or "),
            columns.join(", "),
            public_rules(planned, &table.table).join(", ")
        );
        rows.push((format!("governed {}", table.table), text));
    }
    for sent in &planned.sent {
        let because = sent.because.as_deref().map_or_else(String::new, |why| format!("\nabove it: {why}"));
        let verb = if sent.is_read { "read from" } else { "sent to" };
        rows.push((format!("{verb} {} ({})", sent.source, sent.dialect), format!("{}{because}", sent.sql)));
    }
    batch(rows)
}

/// Ids of the rules that decided about what the caller may know of: not those about hidden columns, whose existence they
/// would tell.
fn public_rules(planned: &Planned, table: &str) -> Vec<String> {
    let mut rules = BTreeSet::new();
    for governed in planned.governed.tables.iter().filter(|governed| governed.name.to_string() == table) {
        let TableAccess::Visible { columns, rows } = &governed.decision.access else { continue };
        rules.extend(rows.granted.iter().map(|rule| rule.rule.clone()));
        let leaves = columns.iter().flat_map(ColumnDecision::leaves);
        rules.extend(leaves.flat_map(|leaf| leaf.decision.rules.iter().cloned()));
    }
    rules.into_iter().collect()
}

/// EXPLAIN ANALYZE of a query that has run: each operator above the barriers with the rows that it gave. Operators are
/// named without their arguments, which may hold values that were learnt while running.
pub(crate) fn analyzed(physical: &Arc<dyn ExecutionPlan>) -> Result<RecordBatch, Error> {
    let mut text = String::new();
    render(physical, 0, &mut text);
    batch(vec![("plan_with_rows".to_owned(), text)])
}

fn render(plan: &Arc<dyn ExecutionPlan>, depth: usize, text: &mut String) {
    let rows = plan.metrics().and_then(|metrics| metrics.output_rows());
    let rows = rows.map_or_else(String::new, |rows| format!(", output_rows={rows}"));
    text.push_str(&format!("{}{}{rows}\n", "  ".repeat(depth), plan.name()));
    for child in plan.children() {
        render(child, depth.saturating_add(1), text);
    }
}

fn batch(rows: Vec<(String, String)>) -> Result<RecordBatch, Error> {
    let (kinds, texts): (Vec<String>, Vec<String>) = rows.into_iter().unzip();
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(kinds)), Arc::new(StringArray::from(texts))];
    RecordBatch::try_new(schema(), columns).map_err(|error| rewrite::run_error(&error.into()))
}
