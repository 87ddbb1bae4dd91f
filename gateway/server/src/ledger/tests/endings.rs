//! However a query ends, the ledger has one close record for its open record, and it says how.

use std::fmt;
use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::NaiveDate;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lockgate_contract::{Access, BatchAccess, Source, SourceError, SourceErrorKind, SourceTable, TablePath};
use lockgate_engine::{Engine, EngineConfig, Error, Running, Session, Standing};
use lockgate_policies::{Asker, Env, KeyRing, PolicyStore, Principal};
use lockgate_wire::audit::{AuditRecord, CloseRecord};
use lockgate_wire::{ErrorCode, QueryRequest};
use tempfile::TempDir;

use super::super::FileLedger;
use super::{open_ledger, records};

/// Rows of one batch.
const ROWS: usize = 10;

const RULES: &str = "\
p, K-01, role:reader, purpose:work, tag:public, clear, always, allow
p, K-02, role:reader, purpose:work, tag:rows.odd, rows:all, always, allow
g, user:kim, role:reader
";

const CLASSES: &str = r#"
version: test.1
treatments:
  clear: {does: "as it is"}
row_filters:
  all: {tables: any, sql: "true"}
conditions: [always]
purposes:
  work: {ropa: R-1, basis: "6(1)(f)", owner: o, retention_days: 90}
tables:
"#;

/// A source whose tables are called after what happens when they are read.
#[derive(Default)]
struct Odd {
    while_planning: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Odd")
    }
}

const TABLES: [&str; 5] = ["three_batches", "fails", "panics", "hangs", "endless"];

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]))
}

#[async_trait]
impl Source for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    fn kind(&self) -> &'static str {
        "odd"
    }

    async fn tables(&self) -> Result<Vec<TablePath>, SourceError> {
        Ok(Vec::new())
    }

    async fn table(&self, path: &TablePath) -> Result<Option<SourceTable>, SourceError> {
        assert_ne!(path.table, "panics_while_planning", "as its name says");
        self.while_planning.get().into_iter().for_each(|happens| happens());
        let access = Access::Batches(Arc::new(Story(path.table.clone())));
        Ok(Some(SourceTable::new(path.clone(), schema(), access)))
    }

    async fn check(&self) -> Result<(), SourceError> {
        Ok(())
    }
}

#[derive(Debug)]
struct Story(String);

impl BatchAccess for Story {
    fn read(&self, columns: &[usize], _: usize) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
        assert_eq!(columns, [0]);
        let batch = || {
            let ids = Int64Array::from_iter_values(0..ROWS as i64);
            Ok(RecordBatch::try_new(schema(), vec![Arc::new(ids)]).unwrap())
        };
        let first = stream::iter([batch()]);
        match self.0.as_str() {
            "three_batches" => first.chain(stream::iter([batch(), batch()])).boxed(),
            "fails" => {
                let error = SourceError::new("odd", SourceErrorKind::Data, "it is damaged", "");
                first.chain(stream::iter([Err(error)])).boxed()
            }
            "panics" => first.chain(stream::once(async { panic!("as its name says") })).boxed(),
            "hangs" => first.chain(stream::pending()).boxed(),
            "endless" => stream::repeat_with(batch).boxed(),
            other => panic!("no story {other}"),
        }
    }
}

struct World {
    folder: TempDir,
    ledger: Arc<FileLedger>,
    source: Arc<Odd>,
    engine: Engine,
    session: Session,
}

impl World {
    fn new() -> Self {
        Self::of(&TABLES)
    }

    fn of(tables: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("policy");
        fs::create_dir(&dir).unwrap();
        let mut classes = CLASSES.to_owned();
        for table in tables {
            classes += &format!("  odd.lab.{table}: {{rows: rows.odd, columns: {{id: [public]}}}}\n");
        }
        let model = include_str!("../../../../../samples/policy/model.conf");
        for (name, text) in [("model.conf", model), ("policy.csv", RULES), ("classification.yaml", classes.as_str())] {
            fs::write(dir.join(name), text).unwrap();
        }
        let policies = Arc::new(PolicyStore::open(&dir).unwrap());
        let ledger = open_ledger(&folder.path().join("ledger"));
        let config = EngineConfig { target_partitions: 2, ..EngineConfig::default() };
        let keys = Arc::new(KeyRing::from_secret([7; 32], "k1"));
        let source = Arc::new(Odd::default());
        let engine =
            Engine::new(config, vec![Arc::clone(&source) as _], policies, keys, Arc::clone(&ledger) as _).unwrap();
        let env = Env { dc: "eu".into(), site: "eu".into(), today: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap() };
        let principal = Principal { name: "kim".into(), roles: [].into() };
        let asker = Asker { principal, purpose: "work".into(), env };
        let session = Session { asker, door: "http", standing: Standing::default() };
        Self { folder, ledger, source, engine, session }
    }

    async fn ask(&self, sql: &str) -> Result<Running, Error> {
        self.engine.query(&self.session, QueryRequest::new(sql)).await
    }

    async fn ask_within(&self, sql: &str, timeout: Duration) -> Result<Running, Error> {
        let timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap());
        self.engine.query(&self.session, QueryRequest { timeout_ms, ..QueryRequest::new(sql) }).await
    }

    /// The only close record, after the only open record.
    async fn close(&self) -> CloseRecord {
        self.ledger.flush().await.unwrap();
        let written = records(self.ledger.dir());
        let opened: Vec<_> = written.iter().filter(|record| matches!(record, AuditRecord::Open(_))).collect();
        assert_eq!(opened.len(), 1, "{written:?}");
        let mut closed = written.into_iter().filter_map(|record| match record {
            AuditRecord::Close(close) => Some(close),
            _ => None,
        });
        let close = closed.next().expect("a close record");
        assert_eq!(closed.next(), None, "it is closed once");
        close
    }

    async fn ended(&self) -> (&'static str, Option<String>, u64) {
        let close = self.close().await;
        (super::super::QueryOutcome::from(close.outcome).name(), close.code, close.rows)
    }
}

/// Reads to the end; gives the code of an error.
async fn read(mut running: Running) -> Option<ErrorCode> {
    while let Some(batch) = running.next().await {
        if let Err(error) = batch {
            assert_eq!(error.problem.query_id, Some(running.query_id()));
            assert!(running.next().await.is_none(), "nothing comes after an error");
            return Some(error.code());
        }
    }
    None
}

#[tokio::test]
async fn a_query_that_is_read_to_its_end_finished() {
    let world = World::new();
    assert_eq!(read(world.ask("SELECT id FROM odd.lab.three_batches").await.unwrap()).await, None);
    assert_eq!(world.ended().await, ("finished", None, 30));
}

#[tokio::test]
async fn a_query_that_a_row_limit_cut_finished_with_the_rows_that_left() {
    let world = World::new();
    let request = QueryRequest { max_rows: Some(7), ..QueryRequest::new("SELECT id FROM odd.lab.endless") };
    assert_eq!(read(world.engine.query(&world.session, request).await.unwrap()).await, None);
    assert_eq!(world.ended().await, ("finished", None, 7));
}

#[tokio::test]
async fn an_error_of_the_source_is_a_failure_with_its_code() {
    let world = World::new();
    assert_eq!(read(world.ask("SELECT id FROM odd.lab.fails").await.unwrap()).await, Some(ErrorCode::SourceData));
    assert_eq!(world.ended().await, ("failed", Some("SOURCE_DATA".to_owned()), 10));
}

#[tokio::test]
async fn a_panic_while_running_is_a_failure_of_the_gateway() {
    let world = World::new();
    for sql in ["SELECT id FROM odd.lab.panics", "SELECT id, count(*) FROM odd.lab.panics GROUP BY id ORDER BY id"] {
        let world = World::new();
        assert_eq!(read(world.ask(sql).await.unwrap()).await, Some(ErrorCode::Internal), "{sql}");
        let (outcome, code, _) = world.ended().await;
        assert_eq!((outcome, code.as_deref()), ("failed", Some("INTERNAL")), "{sql}");
    }
    assert_eq!(read(world.ask("SELECT 1").await.unwrap()).await, None);
}

#[tokio::test]
async fn a_panic_while_planning_is_recorded_as_a_refusal_with_the_id_that_the_caller_is_told() {
    let world = World::of(&["panics_while_planning"]);
    let Err(error) = world.ask("SELECT id FROM odd.lab.panics_while_planning").await else { panic!("it was planned") };
    assert_eq!(error.code(), ErrorCode::Internal);
    let written = records(world.ledger.dir());
    let Some(AuditRecord::Refused(refused)) = written.last() else { panic!("{written:?}") };
    assert_eq!((refused.code.as_str(), Some(refused.query_id)), ("INTERNAL", error.problem.query_id));
}

#[tokio::test]
async fn a_query_that_runs_out_of_time_failed_with_the_time_limit() {
    let world = World::new();
    let running = world.ask_within("SELECT id FROM odd.lab.hangs", Duration::from_millis(200)).await.unwrap();
    assert_eq!(read(running).await, Some(ErrorCode::TimeLimit));
    assert_eq!(world.ended().await, ("failed", Some("TIME_LIMIT".to_owned()), 10));
}

#[tokio::test]
async fn a_query_that_runs_out_of_time_because_nobody_reads_it_failed_with_the_time_limit() {
    let world = World::new();
    let running = world.ask_within("SELECT id FROM odd.lab.endless", Duration::from_millis(200)).await.unwrap();
    // It lets go of its slot when its time is up.
    while world.engine.status().running > 0 {
        tokio::task::yield_now().await;
    }
    drop(running);
    assert_eq!(world.ended().await, ("failed", Some("TIME_LIMIT".to_owned()), 0));
}

#[tokio::test]
async fn a_query_that_is_dropped_was_cancelled_with_the_rows_that_left() {
    let world = World::new();
    let mut running = world.ask("SELECT id FROM odd.lab.endless").await.unwrap();
    assert_eq!(running.next().await.unwrap().unwrap().num_rows(), ROWS);
    drop(running);
    assert_eq!(world.ended().await, ("cancelled", None, 10));
    while world.engine.status().running > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_query_whose_asker_is_gone_before_the_first_byte_was_cancelled() {
    let world = World::new();
    drop(world.ask("SELECT id FROM odd.lab.hangs").await.unwrap());
    assert_eq!(world.ended().await, ("cancelled", None, 0));
}

#[tokio::test]
async fn a_result_that_could_not_be_passed_on_failed() {
    let world = World::new();
    let mut running = world.ask("SELECT id FROM odd.lab.endless").await.unwrap();
    running.next().await.unwrap().unwrap();
    running.fail(&Error::new(ErrorCode::Internal, "it could not be packed"));
    drop(running);
    assert_eq!(world.ended().await, ("failed", Some("INTERNAL".to_owned()), 10));
}

#[tokio::test]
async fn batches_that_wait_when_access_is_withdrawn_do_not_leave() {
    let world = World::new();
    let mut running = world.ask("SELECT id FROM odd.lab.endless").await.unwrap();
    running.next().await.unwrap().unwrap();
    let watch = running.watch();
    watch.check().unwrap();
    let policy = world.folder.path().join("policy/policy.csv");
    fs::write(&policy, RULES.replace("p, K-01", "# p, K-01")).unwrap();
    world.engine.policies().current();
    // Those who keep rows on their way out hear of it first, then the query itself, and both for good.
    for _ in 0..2 {
        assert_eq!(watch.check().unwrap_err().code(), ErrorCode::AccessRevoked);
    }
    assert_eq!(running.next().await.unwrap().unwrap_err().code(), ErrorCode::AccessRevoked);
    drop(running);
    assert_eq!(world.ended().await, ("failed", Some("ACCESS_REVOKED".to_owned()), 10));
    fs::write(&policy, RULES).unwrap();
    world.engine.policies().current();
    assert_eq!(watch.check().unwrap_err().code(), ErrorCode::AccessRevoked);
}

#[tokio::test]
async fn access_that_is_withdrawn_while_a_query_is_planned_ends_it_before_its_first_row() {
    let world = World::new();
    let (policy, engine) = (world.folder.path().join("policy/policy.csv"), world.engine.clone());
    let taken_away = move || {
        fs::write(&policy, RULES.replace("p, K-01", "# p, K-01")).unwrap();
        engine.policies().current();
    };
    assert!(world.source.while_planning.set(Box::new(taken_away)).is_ok());
    // It keeps the policy that it began with, so it is planned.
    let running = world.ask("SELECT id FROM odd.lab.three_batches").await.unwrap();
    assert_eq!(read(running).await, Some(ErrorCode::AccessRevoked));
    assert_eq!(world.ended().await, ("failed", Some("ACCESS_REVOKED".to_owned()), 0));
}

#[tokio::test]
async fn a_change_that_takes_nothing_away_lets_a_query_run_on() {
    let world = World::new();
    let mut running = world.ask("SELECT id FROM odd.lab.endless").await.unwrap();
    fs::write(world.folder.path().join("policy/policy.csv"), format!("{RULES}# a remark\n")).unwrap();
    let before = world.engine.policies().epoch();
    world.engine.policies().current();
    assert!(world.engine.policies().epoch() > before);
    for _ in 0..20 {
        running.next().await.unwrap().unwrap();
    }
    drop(running);
    assert_eq!(world.ended().await, ("cancelled", None, 200));
}

#[tokio::test]
async fn explain_analyze_reads_and_is_recorded_and_the_statements_that_read_nothing_are_not() {
    let world = World::new();
    for sql in ["EXPLAIN SELECT id FROM odd.lab.three_batches", "SHOW TABLES", "DESCRIBE odd.lab.three_batches"] {
        assert_eq!(read(world.ask(sql).await.unwrap()).await, None, "{sql}");
    }
    let written = records(world.ledger.dir());
    assert!(written.iter().all(|record| matches!(record, AuditRecord::Writer(_))), "{written:?}");
    assert_eq!(read(world.ask("EXPLAIN ANALYZE SELECT id FROM odd.lab.three_batches").await.unwrap()).await, None);
    assert_eq!(world.ended().await.0, "finished");
    let written = records(world.ledger.dir());
    let Some(AuditRecord::Open(open)) = written.iter().find(|record| matches!(record, AuditRecord::Open(_))) else {
        panic!("{written:?}")
    };
    assert_eq!(open.tables[0].columns.keys().collect::<Vec<_>>(), ["id"]);
}
