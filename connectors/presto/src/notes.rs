//! What is good to know of tables and need not be known: how many rows they have, and what is said of them. It is looked up
//! beside the queries: none waits for it, and none fails with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lockgate_contract::{Comment, TablePath};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::coordinator::Coordinator;
use crate::dialect::{Dialect, quoted, text_literal};
use crate::fault::Trouble;
use crate::statement::{PlainRows, plain_rows};

/// Tables of which something is remembered at most.
const MOST_TABLES: usize = 10_000;
/// Tables that are asked about at the same time.
const AT_ONCE: usize = 2;
/// How long the coordinator may take for one table: a catalogue may have to read files for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Counts are not asked for more often, however short columns are remembered.
const KEPT_AT_LEAST: Duration = Duration::from_secs(60);
/// How many times as long a table is left alone whose rows the coordinator did not count.
const PATIENT_WITHOUT: u32 = 10;

/// What is known of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// About how many rows it has.
    pub(crate) rows: Option<u64>,
    /// What is said of it.
    pub(crate) comment: Option<Comment>,
}

/// Notes on the tables of one catalogue.
pub(crate) struct Notes {
    keep: Duration,
    shared: Arc<Shared>,
}

struct Shared {
    coordinator: Coordinator,
    catalog: String,
    room: Semaphore,
    known: Mutex<HashMap<TablePath, Known>>,
}

struct Known {
    asked: Instant,
    is_asking: bool,
    note: Note,
}

impl Known {
    fn is_due(&self, keep: Duration) -> bool {
        let keep = if self.note.rows.is_some() { keep } else { keep.saturating_mul(PATIENT_WITHOUT) };
        !self.is_asking && self.asked.elapsed() >= keep
    }
}

impl Notes {
    pub(crate) fn new(coordinator: Coordinator, catalog: &str, keep: Duration) -> Self {
        let shared =
            Shared { coordinator, catalog: catalog.to_owned(), room: Semaphore::new(AT_ONCE), known: Mutex::default() };
        Self { keep: keep.max(KEPT_AT_LEAST), shared: Arc::new(shared) }
    }

    /// What is known of a table by now, be it old.
    pub(crate) fn of(&self, path: &TablePath) -> Note {
        self.shared.known.lock().get(path).map(|known| known.note.clone()).unwrap_or_default()
    }

    /// Has the coordinator asked about a table, if that was not done a short while ago.
    pub(crate) fn ask(&self, path: &TablePath) {
        let mut known = self.shared.known.lock();
        if known.get(path).is_some_and(|known| !known.is_due(self.keep)) {
            return;
        }
        if known.len() >= MOST_TABLES {
            known.clear();
        }
        let asked = Instant::now();
        let before = known.remove(path).map(|known| known.note).unwrap_or_default();
        known.insert(path.clone(), Known { asked, is_asking: true, note: before });
        drop(known);
        let question = Question { shared: Arc::clone(&self.shared), path: path.clone(), asked };
        tokio::spawn(question.answer());
    }

    /// Forgets everything; what was asked before is not remembered when its answer comes.
    pub(crate) fn forget(&self) {
        self.shared.known.lock().clear();
    }
}

/// One table that the coordinator is asked about. Dropped, it may be asked about again.
struct Question {
    shared: Arc<Shared>,
    path: TablePath,
    asked: Instant,
}

impl Question {
    async fn answer(self) {
        let Ok(_room) = self.shared.room.acquire().await else { return };
        let note = self.shared.note(&self.path).await;
        self.remember(|known| known.note = note);
    }

    fn remember(&self, with: impl FnOnce(&mut Known)) {
        if let Some(known) = self.shared.known.lock().get_mut(&self.path).filter(|known| known.asked == self.asked) {
            with(known);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.remember(|known| known.is_asking = false);
    }
}

impl Shared {
    /// Answers what can be answered; what cannot, as for views of some servers, is unknown.
    async fn note(&self, path: &TablePath) -> Note {
        let relation = [&self.catalog, &path.schema, &path.table].map(|name| quoted(name)).join(".");
        let statistics = format!("SHOW STATS FOR {relation}");
        let (statistics, comment) =
            tokio::join!(told(path, plain_rows(&self.coordinator, &statistics)), told(path, self.comment(path)),);
        Note { rows: statistics.as_ref().and_then(row_count), comment: comment.flatten() }
    }

    /// Presto keeps comments on tables nowhere that SQL reads.
    async fn comment(&self, path: &TablePath) -> Result<Option<Comment>, Trouble> {
        if self.coordinator.dialect().await? == Dialect::Presto {
            return Ok(None);
        }
        let sql = format!(
            "SELECT comment FROM system.metadata.table_comments \
             WHERE catalog_name = {} AND schema_name = {} AND table_name = {}",
            text_literal(&self.catalog),
            text_literal(&path.schema),
            text_literal(&path.table)
        );
        let answer = plain_rows(&self.coordinator, &sql).await?;
        Ok(answer.rows.first().and_then(|row| row.first()).and_then(Value::as_str).and_then(Comment::of))
    }
}

/// What is told in time, if anything is.
async fn told<T>(path: &TablePath, answer: impl Future<Output = Result<T, Trouble>>) -> Option<T> {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(told)) => return Some(told),
        Ok(Err(error)) => tracing::debug!(table = %path, %error, "a source tells nothing of a table"),
        Err(_elapsed) => tracing::debug!(table = %path, "a source takes too long to tell of a table"),
    }
    None
}

/// The row of the statistics that is about no column counts the table's rows. The others hold values of columns, and are left.
fn row_count(statistics: &PlainRows) -> Option<u64> {
    let at = |name: &str| statistics.columns.iter().position(|column| column == name);
    let (column, count) = (at("column_name")?, at("row_count")?);
    let of_table = statistics.rows.iter().find(|row| row.get(column).is_some_and(Value::is_null))?;
    let count = of_table.get(count)?.as_f64().filter(|count| count.is_finite() && *count >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an estimate, and not negative")]
    Some(count as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count(rows: Value) -> Option<u64> {
        let columns = ["column_name", "data_size", "row_count", "low_value"].map(str::to_owned).to_vec();
        let rows = serde_json::from_value(rows).unwrap();
        row_count(&PlainRows { columns, rows })
    }

    #[test]
    fn the_row_without_a_column_counts_the_rows() {
        assert_eq!(count(json!([["id", null, null, "1"], [null, null, 25.0, null]])), Some(25));
        assert_eq!(count(json!([[null, null, 0.0, null]])), Some(0));
        for unknown in [
            json!([["id", null, 7.0, "1"]]),
            json!([[null, null, null, null]]),
            json!([[null, null, "NaN", null]]),
            json!([[null, null, -1.0, null]]),
            json!([[null]]),
            json!([]),
        ] {
            assert_eq!(count(unknown.clone()), None, "{unknown}");
        }
        assert_eq!(row_count(&PlainRows::default()), None);
    }
}
