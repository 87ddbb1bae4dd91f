//! What the coordinator's catalogue says of its tables, remembered for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use futures::StreamExt;
use lockgate_contract::{
    Access, Comment, Comments, QueryContext, SourceError, SourceTable, SqlAccess, SqlColumn, SqlServer, SqlStatement,
    TablePath, UNREADABLE_TYPE,
};
use parking_lot::Mutex;

use crate::coordinator::Coordinator;
use crate::dialect::{Dialect, quoted, text_literal};
use crate::fault::Trouble;
use crate::notes::Notes;
use crate::types::SqlType;

/// Tables that are remembered at most.
const MOST_TABLES: usize = 10_000;
/// Rows of a catalogue that are read at once.
const BATCH_ROWS: usize = 8_192;

/// One catalogue of a coordinator.
pub(crate) struct Catalog {
    coordinator: Coordinator,
    name: String,
    keep: Duration,
    known: Mutex<HashMap<TablePath, Known>>,
    notes: Notes,
}

struct Known {
    since: Instant,
    /// Changes that the coordinator had told of by then.
    n_changes: u64,
    table: Option<SourceTable>,
}

impl Catalog {
    pub(crate) fn new(coordinator: Coordinator, name: &str, keep: Duration) -> Self {
        let notes = Notes::new(coordinator.clone(), name, keep);
        Self { coordinator, name: name.to_owned(), keep, known: Mutex::default(), notes }
    }

    /// Forgets what is remembered, also what is being looked up now.
    pub(crate) fn refresh(&self) {
        self.coordinator.distrust();
        self.notes.forget();
    }

    /// All tables and views, sorted.
    pub(crate) async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        let sql = format!(
            "SELECT table_schema, table_name FROM {}.information_schema.tables \
             WHERE table_schema <> 'information_schema' ORDER BY 1, 2",
            quoted(&self.name)
        );
        let rows = self.texts(sql, 2).await?;
        Ok(rows.into_iter().filter_map(|row| Some(TablePath::new(row.first()?, row.get(1)?))).collect())
    }

    /// One table as it is, or was a short while ago.
    pub(crate) async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        if path.schema.is_empty() || path.table.is_empty() {
            return Ok(None);
        }
        // Both servers fold names to lower case, quoted or not.
        let path = TablePath::new(path.schema.to_lowercase(), path.table.to_lowercase());
        let Some(mut table) = self.known_or_new(&path).await? else { return Ok(None) };
        // Asked for beside the query: what has come by now, be it by an earlier one, is taken.
        self.notes.ask(&path);
        let note = self.notes.of(&path);
        table.rows = note.rows;
        table.comments.table = note.comment;
        Ok(Some(table))
    }

    async fn known_or_new(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        let n_changes = self.coordinator.n_changes();
        let is_fresh = |known: &&Known| known.since.elapsed() < self.keep && known.n_changes == n_changes;
        if let Some(known) = self.known.lock().get(path).filter(is_fresh) {
            return Ok(known.table.clone());
        }
        let mut table = self.look_up(path).await?;
        let mut known = self.known.lock();
        // An unchanged table keeps its schema, so that nothing is decided anew.
        let before = known.get(path).and_then(|known| Some(Arc::clone(&known.table.as_ref()?.schema)));
        if let (Some(table), Some(before)) = (&mut table, before)
            && table.schema == before
        {
            table.schema = before;
        }
        if known.len() >= MOST_TABLES {
            known.clear();
        }
        known.insert(path.clone(), Known { since: Instant::now(), n_changes, table: table.clone() });
        Ok(table)
    }

    async fn look_up(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        let sql = format!(
            "SELECT column_name, data_type, comment FROM {}.information_schema.columns \
             WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
            quoted(&self.name),
            text_literal(&path.schema),
            text_literal(&path.table)
        );
        let rows = self.texts(sql, 3).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let dialect =
            self.coordinator.dialect().await.map_err(|error| self.coordinator.error(&Trouble::Wire(error)))?;
        Ok(Some(self.described(path, dialect, &rows)))
    }

    fn described(&self, path: &TablePath, dialect: Dialect, rows: &[Vec<String>]) -> SourceTable {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        let mut comments = Comments::default();
        for row in rows {
            let [name, type_text, comment] = row.as_slice() else { continue };
            let sql_type = SqlType::parse(type_text);
            fields.push(match sql_type.arrow() {
                Ok(data_type) => Field::new(name, data_type, true),
                Err(_none) => Field::new(name, DataType::Null, true)
                    .with_metadata(HashMap::from([(UNREADABLE_TYPE.to_owned(), type_text.clone())])),
            });
            columns.push(column(name, &sql_type));
            comments.columns.extend(Comment::of(comment).map(|comment| (name.clone(), comment)));
        }
        let relation = [&self.name, &path.schema, &path.table].map(|name| quoted(name)).join(".");
        let server: Arc<dyn SqlServer> = Arc::new(self.coordinator.clone());
        let access = Access::Sql(SqlAccess { server, dialect: dialect.sql(), relation, columns });
        SourceTable { comments, ..SourceTable::new(path.clone(), Arc::new(Schema::new(fields)), access) }
    }

    /// Rows of texts; null is the empty one.
    async fn texts(&self, sql: String, n_columns: usize) -> Result<Vec<Vec<String>>, SourceError> {
        let fields: Vec<Field> = (0..n_columns).map(|at| Field::new(format!("c{at}"), DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let query = Arc::new(QueryContext::default());
        let statement = SqlStatement { sql, schema, batch_rows: BATCH_ROWS, query, watch: Arc::new(()) };
        let mut batches = self.coordinator.run(statement);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            append(&mut rows, &batch?);
        }
        Ok(rows)
    }
}

fn append(rows: &mut Vec<Vec<String>>, batch: &RecordBatch) {
    let columns: Vec<_> = batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()).collect();
    for at in 0..batch.num_rows() {
        rows.push(
            columns
                .iter()
                .map(|column| if column.is_null(at) { String::new() } else { column.value(at).to_owned() })
                .collect(),
        );
    }
}

/// How a column stands in a statement.
fn column(name: &str, sql_type: &SqlType) -> SqlColumn {
    let name = quoted(name);
    // A local time and a zone's name do not tell an instant when clocks go back: the server, which knows it, gives it in UTC.
    let value = match sql_type {
        SqlType::Timestamp { zoned: true, .. } => format!("{name} AT TIME ZONE 'UTC'"),
        _ => name.clone(),
    };
    SqlColumn { name, value, comparable: sql_type.is_comparable() }
}
