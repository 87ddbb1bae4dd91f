//! Which side of a join is held is up to estimates, and estimates may be wrong: whatever sources say of their rows, the answer is
//! the same. Columns of the tables have the same names, since push-down of filters through joins goes by names in places.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use lockgate_policies::{ColumnDecision, KeyRing, RowFilter, RowRule, Shown, TableName, Treatment};
use parking_lot::Mutex;

use super::world::{Raw, context, provider};
use crate::barrier::{PolicyTable, RowPredicate, TableShape};
use crate::scan::{RawTable, SourceFault};
use crate::tokens::Tokens;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Columns `id`, `k` and `name`, other values in each table, some in all.
fn batch(table: i64) -> RecordBatch {
    let rows = || 0..20 + table * 4;
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values(rows().map(|row| row + table * 3)))),
        ("k", Arc::new(Int64Array::from_iter(rows().map(|row| (row % 5 != 4).then_some((row * (7 + table)) % 29))))),
        ("name", Arc::new(StringArray::from_iter_values(rows().map(|row| format!("n{}", (row * (3 + table)) % 23))))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A governed table of which every row is shown, and which its source says to have so many.
async fn governed(
    context: &SessionContext,
    name: &str,
    batch: &RecordBatch,
    rows: u64,
) -> (PolicyTable, tempfile::TempDir) {
    let (provider, files) = provider(Raw::ParquetWithPushdown, context, batch).await;
    let fault = Arc::new(SourceFault {
        source: "s".to_owned(),
        table: name.to_owned(),
        files: Vec::new(),
        opened: Arc::default(),
    });
    let clear = |column: &str| ColumnDecision {
        name: column.to_owned(),
        shown: Shown::Treated(Treatment::Clear),
        rules: Vec::new(),
        tags: Vec::new(),
    };
    let shape = TableShape::new(&batch.schema(), &["id", "k", "name"].map(clear), name);
    let expr = Parser::new(&GenericDialect {}).try_with_sql("true").unwrap().parse_expr().unwrap();
    let all = RowRule { name: "all".to_owned(), rule: "R".to_owned(), expr, all: true, columns: Vec::new() };
    let filter = RowFilter { granted: vec![all], retention: None, erased: None, region: None };
    let predicate =
        RowPredicate::new(&filter, &batch.schema(), &context.state(), chrono::NaiveDate::default()).unwrap();
    let key = KeyRing::from_secret([7_u8; 32], "test").purpose_key("test");
    let raw = RawTable { provider, fault, rows: Some(rows) };
    (PolicyTable::new(TableName::new("s", "m", name), raw, shape, predicate, Tokens::new(key, "test")), files.unwrap())
}

async fn answer(context: &SessionContext, sql: &str) -> String {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for first in ["JOIN", "LEFT JOIN", "RIGHT JOIN"] {
        for on in ["a.id = b.id", "a.k = b.id", "a.name = b.name"] {
            for second in ["JOIN", "RIGHT JOIN", "LEFT SEMI JOIN"] {
                for other in [
                    "c.name = b.name",
                    "c.name = a.name",
                    "c.k = b.k",
                    "c.id = a.k AND c.name = b.name",
                    "c.id = b.k AND c.k < b.id",
                ] {
                    let shown = "a.id, a.k, a.name, b.id, b.k, b.name";
                    let shown =
                        if second.contains("SEMI") { shown.to_owned() } else { format!("{shown}, c.id, c.name") };
                    let n_shown = shown.split(',').count();
                    let order = (1..=n_shown).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
                    let from = format!("a {first} b ON {on} {second} c ON {other}");
                    queries.push(format!("SELECT {shown} FROM {from} ORDER BY {order}"));
                    queries.push(format!("SELECT {shown} FROM {from} ORDER BY b.name DESC, {order} LIMIT 3"));
                    queries.push(format!("SELECT {shown} FROM {from} ORDER BY b.k, {order} LIMIT 3"));
                }
            }
        }
    }
    queries
}

#[tokio::test]
async fn whatever_sources_say_of_their_rows_the_answer_is_the_same() {
    let batches = [batch(0), batch(1), batch(2)];
    // As it is written, without any optimiser over physical plans but what makes them run.
    let plain = SessionConfig::new().with_target_partitions(1);
    let oracle = SessionContext::new_with_config(plain);
    let state = SessionStateBuilder::new_from_existing(oracle.state());
    let oracle = SessionContext::new_with_state(state.with_physical_optimizer_rules(Vec::new()).build());
    for (name, batch) in NAMES.iter().zip(&batches) {
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap();
        oracle.register_table(*name, Arc::new(table)).unwrap();
    }
    let mut worlds = Vec::new();
    for said in [[3, 2, 1], [2, 3, 1], [1_000_000, 2_000_000, 500_000], [10, 9_000_000, 500_000]] {
        let context = context(Raw::ParquetWithPushdown, &Arc::new(Mutex::new(Vec::new())));
        let mut files = Vec::new();
        for ((name, batch), rows) in NAMES.iter().zip(&batches).zip(said) {
            let (table, dir) = governed(&context, name, batch, rows).await;
            context.register_table(*name, Arc::new(table)).unwrap();
            files.push(dir);
        }
        worlds.push((said, context, files));
    }
    let mut n_with_rows = 0;
    let mut wrong = Vec::new();
    for sql in queries() {
        let expected = answer(&oracle, &sql).await;
        n_with_rows += usize::from(expected.lines().count() > 4);
        for (said, context, _files) in &worlds {
            let given = answer(context, &sql).await;
            if given != expected {
                wrong.push(format!("{said:?} {sql}\n{given}\n{expected}"));
            }
        }
    }
    assert!(n_with_rows > 150, "{n_with_rows}");
    assert!(wrong.is_empty(), "{} are wrong, such as {}", wrong.len(), wrong.first().map_or("", String::as_str));
}
