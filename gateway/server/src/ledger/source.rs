//! The ledger as a source, so that it is asked in SQL: bound, governed and recorded like any other.
//!
//! Policy decides here too: a policy that does not classify these tables shows them to nobody.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lockgate_contract::{Access, BatchAccess, Source, SourceError, SourceErrorKind, SourceTable, TablePath};
use tokio::sync::mpsc;

use super::chain::Head;
use super::error::Break;
use super::pattern::ColumnPattern;
use super::reader;
use super::search::{Filter, Findings};
use super::segment;
use super::sights::sights_among;
use super::tables::{self, Batcher, Column};
use super::writer::Shared;

/// Catalogue of the gateway's own tables; no configured source may have this name.
pub const CATALOG: &str = "lockgate";
/// Schema of the ledger's tables.
pub const SCHEMA: &str = "audit";

/// Batches that wait for the query.
const CHANNEL: usize = 2;

/// The audit ledger as the source `lockgate`, with the tables `audit.queries` and `audit.columns`.
#[derive(Debug)]
pub struct LedgerSource {
    dir: PathBuf,
    durable: Durable,
}

/// How far the ledger may be read.
#[derive(Debug, Clone)]
enum Durable {
    /// This process writes it, and knows.
    Here(Arc<Shared>),
    /// As far as the `head` file says.
    Noted,
}

#[derive(Debug, Clone, Copy)]
enum Table {
    Queries,
    Columns,
}

impl Table {
    fn find(path: &TablePath) -> Option<Self> {
        match (path.schema.as_str(), path.table.as_str()) {
            (SCHEMA, "queries") => Some(Self::Queries),
            (SCHEMA, "columns") => Some(Self::Columns),
            _ => None,
        }
    }
}

impl LedgerSource {
    /// The ledger that this process writes.
    pub(super) fn written_here(dir: &Path, shared: Arc<Shared>) -> Self {
        Self { dir: dir.to_owned(), durable: Durable::Here(shared) }
    }

    /// The ledger in a folder that some other process may write, or nobody.
    pub fn of_folder(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), durable: Durable::Noted }
    }
}

#[async_trait]
impl Source for LedgerSource {
    fn name(&self) -> &str {
        CATALOG
    }

    fn kind(&self) -> &'static str {
        "ledger"
    }

    async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        Ok(["columns", "queries"].map(|table| TablePath::new(SCHEMA, table)).to_vec())
    }

    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        let Some(table) = Table::find(path) else { return Ok(None) };
        let schema = match table {
            Table::Queries => tables::schema(tables::QUERIES),
            Table::Columns => tables::schema(tables::COLUMNS),
        };
        let rows = LedgerRows { dir: self.dir.clone(), durable: self.durable.clone(), table, head: Arc::default() };
        Ok(Some(SourceTable::new(path.clone(), schema, Access::Batches(Arc::new(rows)))))
    }

    async fn check(&self) -> Result<(), SourceError> {
        match segment::list(&self.dir) {
            Ok(_) => Ok(()),
            // A gateway makes the folder when it starts.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(cause) => Err(unreadable(&self.dir, &cause)),
        }
    }
}

/// The rows of one table as one query sees them.
#[derive(Debug, Clone)]
struct LedgerRows {
    dir: PathBuf,
    durable: Durable,
    table: Table,
    /// Last record that is looked at: the last durable one when the query began to read, its own open record included.
    head: Arc<OnceLock<Head>>,
}

impl BatchAccess for LedgerRows {
    fn read(&self, columns: &[usize], batch_rows: usize) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
        let (rows, columns) = (self.clone(), columns.to_vec());
        let begin = async move {
            let (sender, batches) = mpsc::channel(CHANNEL);
            let task = tokio::task::spawn_blocking(move || rows.send(&columns, batch_rows, &sender));
            stream::try_unfold((batches, Some(task)), |(mut batches, mut task)| async move {
                if let Some(batch) = batches.recv().await {
                    return Ok(Some((batch, (batches, task))));
                }
                // Only a task that ended well has given everything.
                match task.take() {
                    None => Ok(None),
                    Some(task) => match task.await {
                        Ok(ended) => ended.map(|()| None),
                        // What a panic says may hold a value.
                        Err(_panicked) => Err(failed("reading it was stopped".to_owned())),
                    },
                }
            })
        };
        stream::once(begin).flatten().boxed()
    }
}

impl LedgerRows {
    /// Sends all rows, and stops early when nobody takes them any more.
    fn send(
        &self,
        columns: &[usize],
        batch_rows: usize,
        sender: &mpsc::Sender<RecordBatch>,
    ) -> Result<(), SourceError> {
        let head = match self.head.get() {
            Some(head) => *head,
            None => {
                let now = self.durable_head()?;
                *self.head.get_or_init(|| now)
            }
        };
        let entries = reader::entries_to(&self.dir, head).map_err(|cause| unreadable(&self.dir, &cause))?;
        let findings = Findings::over(entries, Filter::default(), 0);
        match self.table {
            Table::Queries => send(findings, tables::QUERIES, columns, batch_rows, sender),
            Table::Columns => {
                send(sights_among(findings, ColumnPattern::every()), tables::COLUMNS, columns, batch_rows, sender)
            }
        }
    }

    fn durable_head(&self) -> Result<Head, SourceError> {
        match &self.durable {
            Durable::Here(shared) => Ok(*shared.head.lock()),
            Durable::Noted => match reader::read_head_file(&self.dir) {
                Ok(head) => Ok(head.unwrap_or(Head::EMPTY)),
                Err(what) => Err(broken(&Break { file: self.dir.join(segment::HEAD_FILE), line: None, what })),
            },
        }
    }
}

fn send<R>(
    rows: impl Iterator<Item = Result<R, Break>>,
    table: &'static [Column<R>],
    columns: &[usize],
    batch_rows: usize,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<(), SourceError> {
    let mut batcher = Batcher::new(table, columns);
    let give = |batcher: &mut Batcher<R>| {
        let batch = batcher.batch().map_err(|cause| failed(format!("a batch could not be made: {cause}")))?;
        Ok(sender.blocking_send(batch).is_ok())
    };
    for row in rows {
        batcher.push(&row.map_err(|found| broken(&found))?);
        if batcher.n_rows() >= batch_rows && !give(&mut batcher)? {
            return Ok(());
        }
    }
    if batcher.n_rows() > 0 {
        give(&mut batcher)?;
    }
    Ok(())
}

fn broken(found: &Break) -> SourceError {
    let public = "the audit ledger is not as it was left, so it is not shown; tell the operator";
    let internal = format!("the audit ledger is not as it was left: {found}; `lockgate audit verify` lists all places");
    SourceError::new(CATALOG, SourceErrorKind::Data, public, internal)
}

fn unreadable(dir: &Path, cause: &io::Error) -> SourceError {
    let internal = format!("the audit ledger in `{}` cannot be read: {cause}", dir.display());
    SourceError::new(CATALOG, SourceErrorKind::Unavailable, "the audit ledger cannot be read", internal)
}

fn failed(internal: String) -> SourceError {
    SourceError::new(CATALOG, SourceErrorKind::Data, "the audit ledger cannot be read", internal)
}
