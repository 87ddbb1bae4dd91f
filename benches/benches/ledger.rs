//! Opens a second of the audit ledger: each waits until its record is durable, many share one `fdatasync`.
//!
//! `LOCKGATE_BENCH_DIR` names a folder on the disk to measure; the default is the system's temporary folder, which may
//! be memory. Besides criterion's figures it prints how many records one group held.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate_engine::Ledger;
use lockgate_server::ledger::{FileLedger, LedgerOptions};
use lockgate_wire::audit::{AuditTable, CloseRecord, OpenRecord, Outcome};
use uuid::Uuid;

/// A record of usual size: two tables, twelve columns each.
fn open_record() -> OpenRecord {
    let table = |name: &str| AuditTable {
        table: name.to_owned(),
        columns: (0..12).map(|n| (format!("column_{n}"), "clear".to_owned())).collect(),
        rows: vec!["own_region".to_owned()],
        rules: vec!["AN-01".to_owned(), "AN-02".to_owned()],
    };
    OpenRecord {
        query_id: Uuid::now_v7(),
        at: Utc::now(),
        principal: "alice".to_owned(),
        purpose: "analytics".to_owned(),
        dc: "eu".to_owned(),
        door: "http".to_owned(),
        policy: "2026-11-23.1+ab12cd34ef56".to_owned(),
        sql_digest: "ab".repeat(32),
        tables: vec![table("hive.rides.trips"), table("vertica.crm.riders")],
        sources: vec!["hive".to_owned(), "vertica".to_owned()],
    }
}

async fn one_query(ledger: &FileLedger) {
    let open = open_record();
    let (query_id, at) = (open.query_id, open.at);
    ledger.open(open).await.unwrap();
    ledger.close(CloseRecord {
        query_id,
        at,
        outcome: Outcome::Finished,
        code: None,
        rows: 1,
        bytes: 8,
        elapsed_ms: 1,
    });
}

/// Time in which `openers` tasks open (and close) `n` queries together.
async fn run(ledger: &Arc<FileLedger>, openers: u64, n: u64) -> Duration {
    let left = Arc::new(AtomicU64::new(n));
    let start = Instant::now();
    let tasks: Vec<_> = (0..openers)
        .map(|_| {
            let (ledger, left) = (Arc::clone(ledger), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    one_query(&ledger).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

fn opens(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut group = criterion.benchmark_group("ledger_open");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3)).sample_size(10);
    for openers in [1, 16, 64] {
        let dir = match std::env::var_os("LOCKGATE_BENCH_DIR") {
            Some(dir) => tempfile::tempdir_in(dir).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let ledger = FileLedger::open(dir.path(), LedgerOptions::default()).unwrap();
        group.bench_function(format!("{openers}_openers"), |bencher| {
            bencher.iter_custom(|n| runtime.block_on(run(&ledger, openers, n)));
        });
        let counters = ledger.counters();
        let per_group = counters.records as f64 / counters.groups as f64;
        println!(
            "{openers} openers: {} records in {} groups, {per_group:.1} a sync",
            counters.records, counters.groups
        );
    }
    group.finish();
}

criterion_group!(benches, opens);
criterion_main!(benches);
