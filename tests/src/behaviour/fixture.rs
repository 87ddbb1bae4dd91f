//! The standard tables behind one source, with an engine over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use lockgate_contract::{Source, SourceTable, TablePath};
use lockgate_engine::{Engine, EngineConfig, Error, Ledger, LedgerError, Running, Session};
use lockgate_policies::{Asker, Env, KeyRing, PolicyStore, Principal};
use lockgate_wire::QueryRequest;
use lockgate_wire::audit::{CloseRecord, OpenRecord, RefusedRecord};
use tempfile::TempDir;
use tokio::sync::watch;

use super::data::SCHEMA;
use super::{Need, files, oracle, policy};

/// Catalogue name of every fixture's source.
pub const CATALOG: &str = "src";

/// Makes fixtures of one kind.
pub struct Maker {
    /// Name in the names of trials.
    pub name: String,
    /// What the fixtures can do.
    pub can: Vec<Need>,
    /// Makes one with data of its own.
    pub make: Box<dyn Fn() -> Fixture + Send + Sync>,
}

/// Puts a table's rows in place of what was there, or removes the table.
pub type Change = Box<dyn Fn(&str, Option<&RecordBatch>) + Send + Sync>;

/// The standard tables behind one source.
pub struct Fixture {
    /// The source.
    pub source: Arc<dyn Source>,
    /// An engine that holds this source only.
    pub engine: Engine,
    /// The tables as the source must show them: what a format cannot hold is left out.
    pub tables: BTreeMap<String, RecordBatch>,
    /// Plain DataFusion over the same tables.
    pub oracle: SessionContext,
    /// How many queries have ended.
    pub closed: Arc<ClosedCount>,
    /// Changes tables from outside, if that can be done.
    pub change: Option<Change>,
    /// Where and how the files lie, if the tables are files.
    pub files: Option<files::Place>,
    /// Holds what lies on disk; last, so that it goes last.
    pub dir: TempDir,
}

impl Fixture {
    /// A fixture over a source that holds `tables`; tables that only some checks put there are classified like `extra`.
    ///
    /// # Panics
    /// When the policy or the engine refuses.
    pub fn new(
        dir: TempDir,
        source: Arc<dyn Source>,
        tables: BTreeMap<String, RecordBatch>,
        extra: &[(&str, RecordBatch)],
    ) -> Self {
        Self::configured(dir, source, tables, extra, true)
    }

    /// The same, with or without parts of queries that the source answers.
    ///
    /// # Panics
    /// When the policy or the engine refuses.
    pub fn configured(
        dir: TempDir,
        source: Arc<dyn Source>,
        tables: BTreeMap<String, RecordBatch>,
        extra: &[(&str, RecordBatch)],
        pushdown: bool,
    ) -> Self {
        let mut classified = tables.clone();
        classified.extend(extra.iter().map(|(name, batch)| ((*name).to_owned(), batch.clone())));
        policy::write(&dir.path().join("policy"), CATALOG, &classified);
        Self::governed(dir, source, tables, pushdown)
    }

    /// The same, under the policy that lies in `policy` below `dir`.
    ///
    /// # Panics
    /// When the policy or the engine refuses.
    pub fn governed(
        dir: TempDir,
        source: Arc<dyn Source>,
        tables: BTreeMap<String, RecordBatch>,
        pushdown: bool,
    ) -> Self {
        let policies = match PolicyStore::open(&dir.path().join("policy")) {
            Ok(store) => Arc::new(store),
            Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        };
        let closed = Arc::new(ClosedCount::default());
        // One partition and small batches: answers come in one order, and mid-stream is soon reached.
        let config = EngineConfig { target_partitions: 1, batch_size: 64, pushdown, ..EngineConfig::default() };
        let keys = Arc::new(KeyRing::from_secret(b"the suite's own key, 32 bytes long", "suite"));
        let ledger = Arc::<ClosedCount>::clone(&closed);
        let engine = Engine::new(config, vec![Arc::clone(&source)], policies, keys, ledger).expect("an engine");
        let oracle = oracle::context(&tables);
        Self { source, engine, tables, oracle, closed, change: None, files: None, dir }
    }

    /// Where the tables lie on disk.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// One table of the suite's schema, from the source.
    pub async fn look_up(&self, table: &str) -> anyhow::Result<Option<SourceTable>> {
        Ok(self.source.table(&TablePath::new(SCHEMA, table)).await?)
    }

    /// Starts a query.
    pub async fn start(&self, sql: &str) -> Result<Running, Error> {
        self.ask(QueryRequest::new(sql)).await
    }

    /// Starts a query with limits of its own.
    pub async fn ask(&self, request: QueryRequest) -> Result<Running, Error> {
        self.engine.query(&session(), request).await
    }

    /// Cancels a query.
    pub fn cancel(&self, query_id: uuid::Uuid) -> bool {
        self.engine.cancel(&session(), query_id)
    }

    /// All rows of a query.
    pub async fn query(&self, sql: &str) -> Result<Answer, Error> {
        let running = self.start(sql).await?;
        rest(running).await
    }

    /// Puts or removes a table from outside.
    ///
    /// # Panics
    /// When the fixture cannot; the check should need [`Need::Change`].
    pub fn put(&self, table: &str, batch: Option<&RecordBatch>) {
        self.change.as_ref().expect("the check needs `Need::Change`")(table, batch);
    }
}

/// The rows of a result.
#[derive(Debug)]
pub struct Answer {
    /// Schema of the result.
    pub schema: arrow::datatypes::SchemaRef,
    /// Its batches.
    pub batches: Vec<RecordBatch>,
}

impl Answer {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// What is left of a running query.
pub async fn rest(mut running: Running) -> Result<Answer, Error> {
    let schema = running.schema();
    let mut batches = Vec::new();
    while let Some(batch) = running.next().await {
        batches.push(batch?);
    }
    Ok(Answer { schema, batches })
}

/// The session of the suite's one person.
pub fn session() -> Session {
    let (person, purpose) = policy::PERSON;
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let env = Env { dc: "eu".to_owned(), site: "eu".to_owned(), today };
    let principal = Principal { name: person.to_owned(), roles: BTreeSet::new() };
    Session { asker: Asker { principal, purpose: purpose.to_owned(), env }, door: "test", standing: Default::default() }
}

/// Counts the queries that ended; the ledger on disk is tested where it lives.
#[derive(Debug)]
pub struct ClosedCount {
    records: Mutex<Vec<CloseRecord>>,
    count: watch::Sender<usize>,
}

impl Default for ClosedCount {
    fn default() -> Self {
        Self { records: Mutex::new(Vec::new()), count: watch::channel(0).0 }
    }
}

impl ClosedCount {
    /// Waits for the `n`-th end since the fixture was made, and tells how that query ended.
    pub async fn nth(&self, n: usize) -> CloseRecord {
        self.count.subscribe().wait_for(|count| *count >= n).await.expect("the sender lives");
        self.records.lock().expect("no panic while it was held")[n - 1].clone()
    }
}

#[async_trait]
impl Ledger for ClosedCount {
    async fn open(&self, _: OpenRecord) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn refused(&self, _: RefusedRecord) -> Result<(), LedgerError> {
        Ok(())
    }

    fn close(&self, record: CloseRecord) {
        let mut records = self.records.lock().expect("no panic while it was held");
        records.push(record);
        self.count.send_replace(records.len());
    }
}
