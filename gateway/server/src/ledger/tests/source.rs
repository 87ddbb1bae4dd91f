//! The ledger as tables: what they hold is what the command line finds, at any moment, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::StreamExt;
use lockgate_contract::{Access, BatchAccess, Source, SourceError, SourceErrorKind, TablePath};
use lockgate_engine::Ledger;
use lockgate_wire::audit::{CloseRecord, Outcome};

use super::super::{ColumnPattern, FileLedger, Filter, LedgerOptions, LedgerSource, search, sights};
use super::{close_record, fill, open_ledger, open_record, options, refused_record, some_open};

async fn access(source: &LedgerSource, table: &str) -> Arc<dyn BatchAccess> {
    let table = source.table(&TablePath::new("audit", table)).await.unwrap().unwrap();
    match table.access {
        Access::Batches(access) => access,
        Access::Files(_) | Access::Sql(_) => panic!("the ledger makes its rows itself"),
    }
}

async fn columns_of(source: &LedgerSource, table: &str) -> Vec<usize> {
    let table = source.table(&TablePath::new("audit", table)).await.unwrap().unwrap();
    (0..table.schema.fields().len()).collect()
}

async fn read(access: &dyn BatchAccess, columns: &[usize], batch_rows: usize) -> Result<Vec<RecordBatch>, SourceError> {
    access.read(columns, batch_rows).collect::<Vec<_>>().await.into_iter().collect()
}

/// Rows of a whole table as texts, sorted by the record that each begins with.
async fn rows(source: &LedgerSource, table: &str) -> Vec<String> {
    let columns = columns_of(source, table).await;
    let mut rows = Vec::new();
    for batch in read(access(source, table).await.as_ref(), &columns, 3).await.unwrap() {
        assert!(batch.num_rows() <= 3);
        rows.extend((0..batch.num_rows()).map(|row| {
            let seq = batch.column(0).as_primitive::<Int64Type>().value(row);
            let cell = |column: usize| arrow::util::display::array_value_to_string(batch.column(column), row).unwrap();
            (seq, columns.iter().map(|column| cell(*column)).collect::<Vec<_>>().join("|"))
        }));
    }
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

fn or_empty(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What `audit search` finds, in the form of [`rows`].
fn searched(dir: &Path) -> Vec<String> {
    let found = search(dir, Filter::default()).unwrap().map(|finding| finding.unwrap());
    found
        .map(|query| {
            let tables: Vec<&str> = query.tables.iter().map(|table| table.table.as_str()).collect();
            [
                query.seq.to_string(),
                query.query_id.to_string(),
                time(query.at),
                query.principal,
                query.purpose,
                query.dc.unwrap_or_default(),
                query.door,
                query.policy,
                query.outcome.name().to_owned(),
                query.code.unwrap_or_default(),
                or_empty(query.rows),
                or_empty(query.bytes),
                or_empty(query.elapsed_ms),
                query.sql_digest,
                format!("[{}]", tables.join(", ")),
                format!("[{}]", query.sources.join(", ")),
                given_up(&query.given_up, true),
                given_up(&query.given_up, false),
            ]
            .join("|")
        })
        .collect()
}

/// The sources that confirmed, or did not, that a statement ended there.
fn given_up(sources: &BTreeMap<String, bool>, confirmed: bool) -> String {
    let some = sources.iter().filter(|(_, ended)| **ended == confirmed).map(|(source, _)| source.as_str());
    format!("[{}]", some.collect::<Vec<_>>().join(", "))
}

/// What `audit who-saw` finds, in the form of [`rows`].
fn sighted(dir: &Path) -> Vec<String> {
    let found = sights(dir, ColumnPattern::every(), None, None).unwrap().map(|sight| sight.unwrap());
    let mut rows: Vec<(u64, String)> = found
        .map(|sight| {
            let row = [
                sight.seq.to_string(),
                sight.query_id.to_string(),
                time(sight.at),
                sight.principal,
                sight.purpose,
                sight.dc.unwrap_or_default(),
                sight.table,
                sight.column,
                sight.treatment,
                format!("[{}]", sight.row_rules.join(", ")),
                format!("[{}]", sight.rules.join(", ")),
                sight.policy,
                sight.outcome.name().to_owned(),
                or_empty(sight.rows),
            ];
            (sight.seq, row.join("|"))
        })
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

#[tokio::test]
async fn tables_hold_what_search_and_who_saw_find_with_every_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let cut_off = some_open();
    ledger.open(cut_off).await.unwrap();
    drop(ledger);
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 1500, ..options() }).unwrap();
    let columns = [("phone", "last4"), ("payload.email", "hash"), ("birth", "withheld")];
    let opened: Vec<_> =
        ["alice", "bob", "mia", "zoe"].map(|name| open_record(name, "2026-11-23T10:00:00Z", &columns)).to_vec();
    for open in &opened {
        ledger.open(open.clone()).await.unwrap();
    }
    ledger.refused(refused_record("carl", "2026-11-23T11:00:00Z")).await.unwrap();
    let code = Some("TIME_LIMIT".to_owned());
    ledger.close(close_record(&opened[2], 20));
    ledger.close(CloseRecord { outcome: Outcome::Failed, code, ..close_record(&opened[1], 1) });
    let given_up = BTreeMap::from([("presto".to_owned(), true), ("vertica".to_owned(), false)]);
    ledger.close(CloseRecord { outcome: Outcome::Cancelled, given_up, ..close_record(&opened[0], 2) });
    ledger.flush().await.unwrap();
    fill(&ledger, 4).await;

    let source = ledger.source();
    let found = rows(&source, "queries").await;
    assert_eq!(found, searched(dir.path()));
    assert_eq!(found.len(), 10);
    for outcome in ["unfinished", "cancelled", "failed|TIME_LIMIT|1|8|12", "finished||20", "refused|POLICY_DENIED|||"] {
        assert!(found.iter().any(|row| row.contains(outcome)), "{outcome}: {found:#?}");
    }
    let seen = rows(&source, "columns").await;
    assert_eq!(seen, sighted(dir.path()));
    assert!(!seen.iter().any(|row| row.contains("withheld") || row.contains("carl")), "{seen:#?}");
    // The same from outside of the writing process.
    let outside = LedgerSource::of_folder(dir.path());
    assert_eq!((rows(&outside, "queries").await, rows(&outside, "columns").await), (found, seen));
}

#[tokio::test]
async fn columns_are_typed_and_come_as_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    ledger.open(some_open()).await.unwrap();
    let source = ledger.source();
    let queries = access(&source, "queries").await;
    let batches = read(queries.as_ref(), &[10, 2], 100).await.unwrap();
    let [batch] = batches.as_slice() else { panic!("{batches:?}") };
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["rows", "at"]);
    assert!(batch.column(0).as_primitive::<Int64Type>().is_null(0));
    assert_eq!(batch.column(1).data_type().to_string(), "Timestamp(µs, \"UTC\")");
    assert_eq!(batch.column(1).as_primitive::<TimestampMicrosecondType>().value(0), 1_795_428_000_000_000);
    // Rows are counted without any column.
    assert_eq!(read(queries.as_ref(), &[], 100).await.unwrap()[0].num_rows(), 1);
    assert!(source.table(&TablePath::new("audit", "secrets")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_table_that_is_read_twice_in_one_query_is_in_one_state_and_the_next_query_sees_more() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let source = ledger.source();
    let queries = access(&source, "queries").await;
    fill(&ledger, 2).await;
    let count = async |access: &dyn BatchAccess| {
        let batches = read(access, &[], 100).await.unwrap();
        batches.iter().map(RecordBatch::num_rows).sum::<usize>()
    };
    // What is durable when reading begins counts, not when the table was looked up.
    assert_eq!(count(queries.as_ref()).await, 2);
    fill(&ledger, 3).await;
    assert_eq!(count(queries.as_ref()).await, 2);
    assert_eq!(count(access(&source, "queries").await.as_ref()).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_many_write_and_segments_rotate_no_row_is_torn_and_the_count_only_grows() {
    const N_WRITERS: usize = 8;
    const N_QUERIES: usize = 150;
    let dir = tempfile::tempdir().unwrap();
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 20_000, ..options() }).unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..N_WRITERS {
        let ledger = Arc::clone(&ledger);
        writers.spawn(async move {
            for _ in 0..N_QUERIES {
                let open = some_open();
                ledger.open(open.clone()).await.unwrap();
                ledger.close(close_record(&open, 3));
            }
        });
    }
    let source = ledger.source();
    let (mut before, mut n_reads) = (0, 0);
    while !writers.is_empty() {
        while let Some(written) = writers.try_join_next() {
            written.unwrap();
        }
        let durable = ledger.counters().records;
        let seqs: Vec<i64> = read(access(&source, "queries").await.as_ref(), &[0, 3, 8], 1000)
            .await
            .unwrap()
            .iter()
            .flat_map(|batch| {
                let (who, outcome) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
                assert!(who.iter().all(|who| who == Some("alice")));
                assert!(outcome.iter().all(|outcome| matches!(outcome, Some("finished" | "unfinished"))));
                batch.column(0).as_primitive::<Int64Type>().values().to_vec()
            })
            .collect();
        let mut distinct = seqs.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), seqs.len());
        assert!(seqs.len() >= before, "{} after {before}", seqs.len());
        // At least every second durable record is an open one.
        assert!(seqs.len() as u64 >= (durable - 1) / 2, "{} of {durable}", seqs.len());
        (before, n_reads) = (seqs.len(), n_reads + 1);
    }
    ledger.flush().await.unwrap();
    let found = rows(&source, "queries").await;
    assert_eq!((found.len(), found.iter().all(|row| row.contains("|finished|"))), (N_WRITERS * N_QUERIES, true));
    assert!(n_reads > 3 && fs::read_dir(dir.path()).unwrap().count() > 12, "{n_reads} reads");
    assert_eq!(found, searched(dir.path()));
}

#[tokio::test]
async fn a_line_in_mid_write_is_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    fill(&ledger, 2).await;
    let segment = dir.path().join("00000001.ledger");
    let whole = fs::read(&segment).unwrap();
    fs::write(&segment, [whole.as_slice(), br#"{"seq":6,"prev":"00"#].concat()).unwrap();
    assert_eq!(rows(&ledger.source(), "queries").await.len(), 2);
}

#[tokio::test]
async fn a_ledger_that_was_tampered_with_is_not_shown_and_the_log_names_the_place() {
    type Deed = fn(&str) -> String;
    let tampered: [(&str, Deed, &str); 3] = [
        ("altered", |text| text.replacen("alice", "mallo", 1), "00000001.ledger:2: record 2 was altered"),
        ("cut", |text| text.split_inclusive('\n').take(4).collect(), "head: 7 records were durable"),
        (
            "a line less",
            |text| {
                text.split_inclusive('\n').enumerate().filter(|(line, _)| *line != 2).map(|(_, text)| text).collect()
            },
            "00000001.ledger:3: record 3 should stand here",
        ),
    ];
    for (what, change, place) in tampered {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open_ledger(dir.path());
        fill(&ledger, 3).await;
        let segment = dir.path().join("00000001.ledger");
        let text = fs::read_to_string(&segment).unwrap();
        fs::write(&segment, change(&text)).unwrap();
        for table in ["queries", "columns"] {
            let columns = columns_of(&ledger.source(), table).await;
            let access = access(&ledger.source(), table).await;
            let error = read(access.as_ref(), &columns, 1).await.unwrap_err();
            assert_eq!(error.kind, SourceErrorKind::Data, "{what}");
            assert!(error.internal.contains(place), "{what}: {}", error.internal);
            assert!(!error.public.contains("ledger:"), "{}", error.public);
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_is_a_source_that_does_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(&dir.path().join("ledger"));
    fs::rename(ledger.dir(), dir.path().join("away")).unwrap();
    let error = read(access(&ledger.source(), "queries").await.as_ref(), &[0], 10).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unavailable);
    // Before the first start there is no folder, and nothing is wrong.
    LedgerSource::of_folder(ledger.dir()).check().await.unwrap();
}
