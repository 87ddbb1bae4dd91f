//! The ledger on a real folder.

mod chain;
mod endings;
mod questions;
mod source;
mod tampering;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lockgate_engine::Ledger;
use lockgate_wire::audit::{AuditRecord, AuditTable, CloseRecord, OpenRecord, Outcome, RefusedRecord};
use uuid::Uuid;

use super::{FileLedger, LedgerOptions, entries, verify};

fn options() -> LedgerOptions {
    LedgerOptions { lock_wait: Duration::ZERO, retry_after: Duration::from_millis(5), ..LedgerOptions::default() }
}

fn open_ledger(dir: &Path) -> Arc<FileLedger> {
    FileLedger::open(dir, options()).unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn open_record(principal: &str, at: &str, columns: &[(&str, &str)]) -> OpenRecord {
    let columns = columns.iter().map(|(column, treatment)| ((*column).to_owned(), (*treatment).to_owned())).collect();
    OpenRecord {
        query_id: Uuid::now_v7(),
        at: time(at),
        principal: principal.to_owned(),
        purpose: "fraud".to_owned(),
        dc: "eu".to_owned(),
        door: "http".to_owned(),
        policy: "2026-11-23.1+ab12cd34ef56".to_owned(),
        sql_digest: "00".repeat(32),
        tables: vec![AuditTable {
            table: "vertica.crm.riders".to_owned(),
            columns,
            rows: vec!["all".to_owned()],
            rules: vec!["FR-01".to_owned()],
        }],
        sources: vec!["vertica".to_owned()],
    }
}

fn some_open() -> OpenRecord {
    open_record("alice", "2026-11-23T10:00:00Z", &[("phone", "last4")])
}

fn close_record(open: &OpenRecord, rows: u64) -> CloseRecord {
    CloseRecord {
        query_id: open.query_id,
        at: open.at,
        outcome: Outcome::Finished,
        code: None,
        rows,
        bytes: rows * 8,
        elapsed_ms: 12,
        given_up: Default::default(),
    }
}

fn refused_record(principal: &str, at: &str) -> RefusedRecord {
    RefusedRecord {
        query_id: Uuid::now_v7(),
        at: time(at),
        principal: principal.to_owned(),
        purpose: "fraud".to_owned(),
        door: "http".to_owned(),
        policy: "2026-11-23.1+ab12cd34ef56".to_owned(),
        sql_digest: "00".repeat(32),
        code: "POLICY_DENIED".to_owned(),
        tables: vec!["vertica.crm.riders".to_owned()],
    }
}

/// Opens and finishes `n` queries, each in a group of its own.
async fn fill(ledger: &FileLedger, n: usize) {
    for _ in 0..n {
        let open = some_open();
        ledger.open(open.clone()).await.unwrap();
        ledger.close(close_record(&open, 3));
        ledger.flush().await.unwrap();
    }
}

fn records(dir: &Path) -> Vec<AuditRecord> {
    entries(dir).unwrap().map(|entry| entry.unwrap().record.unwrap()).collect()
}

fn kinds(dir: &Path) -> Vec<&'static str> {
    let kind = |record: &AuditRecord| match record {
        AuditRecord::Open(_) => "open",
        AuditRecord::Close(_) => "close",
        AuditRecord::Refused(_) => "refused",
        AuditRecord::Policy(_) => "policy",
        AuditRecord::Writer(_) => "writer",
    };
    records(dir).iter().map(kind).collect()
}

fn breaks(dir: &Path) -> Vec<String> {
    let breaks = verify(dir, None).unwrap().breaks;
    breaks.iter().map(|broken| broken.to_string().replace(&format!("{}/", dir.display()), "")).collect()
}
