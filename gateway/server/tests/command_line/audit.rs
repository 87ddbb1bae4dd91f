use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use lockgate_engine::Ledger;
use lockgate_server::ledger::{FileLedger, LedgerOptions};
use lockgate_wire::audit::{AuditTable, CloseRecord, OpenRecord, Outcome, RefusedRecord};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Done, lockgate, run};

fn open(principal: &str, at: &str) -> OpenRecord {
    let columns =
        [("phone", "last4"), ("email", "hash")].map(|(column, treatment)| (column.to_owned(), treatment.to_owned()));
    OpenRecord {
        query_id: Uuid::now_v7(),
        at: at.parse().unwrap(),
        principal: principal.to_owned(),
        purpose: "support".to_owned(),
        dc: "eu".to_owned(),
        door: "http".to_owned(),
        policy: "v1+00".to_owned(),
        sql_digest: "00".repeat(32),
        tables: vec![AuditTable {
            table: "vertica.crm.riders".to_owned(),
            columns: columns.into(),
            rows: vec!["all".to_owned()],
            rules: vec!["SU-02".to_owned()],
        }],
        sources: vec!["vertica".to_owned()],
    }
}

/// sam finishes, pia is refused, sam asks again without an end.
fn ledger() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = FileLedger::open(dir.path(), LedgerOptions::default()).unwrap();
        let first = open("sam", "2026-11-22T10:00:00Z");
        ledger.open(first.clone()).await.unwrap();
        let (query_id, at) = (first.query_id, first.at);
        ledger.close(CloseRecord {
            query_id,
            at,
            outcome: Outcome::Finished,
            code: None,
            rows: 20,
            bytes: 160,
            elapsed_ms: 3,
            given_up: Default::default(),
        });
        let refused = RefusedRecord {
            query_id: Uuid::now_v7(),
            at: "2026-11-23T09:00:00Z".parse().unwrap(),
            principal: "pia".to_owned(),
            purpose: "planning".to_owned(),
            door: "http".to_owned(),
            policy: "v1+00".to_owned(),
            sql_digest: "00".repeat(32),
            code: "POLICY_DENIED".to_owned(),
            tables: vec!["vertica.crm.riders".to_owned()],
        };
        ledger.refused(refused).await.unwrap();
        ledger.open(open("sam", "2026-11-23T23:59:59Z")).await.unwrap();
    });
    dir
}

fn audit(dir: &Path, args: &[&str]) -> Done {
    let place = ["--dir", dir.to_str().unwrap()];
    run(&mut lockgate(["audit"].into_iter().chain(args.iter().copied()).chain(place)))
}

/// Cells of a text answer, line by line, without the header and the columns that hold ids.
fn rows(done: &Done) -> Vec<String> {
    let words =
        |line: &str| line.split_whitespace().filter(|word| word.parse::<Uuid>().is_err()).collect::<Vec<_>>().join(" ");
    done.stdout.lines().skip(1).map(words).collect()
}

#[test]
fn verify_prints_the_head_and_finds_it_again() {
    let dir = ledger();
    let verified = audit(dir.path(), &["verify"]).expect(0);
    assert!(
        verified.stdout.contains("records  5 records in 1 segment\n") && verified.stdout.contains("chain    holds"),
        "{}",
        verified.stdout
    );
    let head =
        verified.stdout.lines().find_map(|line| line.strip_prefix("head ")).unwrap().split_whitespace().next().unwrap();
    let expected = audit(dir.path(), &["verify", "--expect", head]).expect(0);
    assert!(expected.stdout.contains("is record 5; 0 records since"), "{}", expected.stdout);
    let json = audit(dir.path(), &["verify", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["holds"], &json["records"], json["head"]["hash"].as_str()),
        (&true.into(), &5.into(), Some(head))
    );
    audit(dir.path(), &["verify", "--expect", &"ab".repeat(32)]).expect(2);
}

#[test]
fn verify_names_the_place_of_a_change_and_ends_with_two() {
    let dir = ledger();
    let segment = dir.path().join("00000001.ledger");
    fs::write(&segment, fs::read_to_string(&segment).unwrap().replacen("sam", "tom", 1)).unwrap();
    let verified = audit(dir.path(), &["verify"]).expect(2);
    assert!(verified.stdout.contains("DOES NOT HOLD"), "{}", verified.stdout);
    assert!(verified.stderr.contains("00000001.ledger:2: record 2 was altered"), "{}", verified.stderr);
    let searched = audit(dir.path(), &["search"]).expect(2);
    assert!(searched.stdout.contains("pia") && searched.stderr.contains("00000001.ledger:2:"), "{}", searched.stderr);
}

#[test]
fn folder_without_a_ledger_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for args in [["verify"].as_slice(), &["search"], &["who-saw", "a.b.c.d"]] {
        audit(dir.path(), args).expect(2);
        audit(&dir.path().join("absent"), args).expect(2);
    }
}

#[test]
fn search_lists_every_query_with_its_outcome() {
    let dir = ledger();
    let found = audit(dir.path(), &["search"]).expect(0);
    let expect = [
        "2026-11-22T10:00:00Z sam support finished 20 vertica.crm.riders",
        "2026-11-23T09:00:00Z pia planning refused POLICY_DENIED vertica.crm.riders",
        "2026-11-23T23:59:59Z sam support unfinished vertica.crm.riders",
    ];
    assert_eq!(rows(&found), expect);
    assert_eq!(found.stderr, "3 queries\n");
    assert_eq!(rows(&audit(dir.path(), &["search", "--from", "2026-11-23"]).expect(0)), expect[1..]);
    assert_eq!(rows(&audit(dir.path(), &["search", "--to", "2026-11-22"]).expect(0)), expect[..1]);
    assert_eq!(rows(&audit(dir.path(), &["search", "--outcome", "refused"]).expect(0)), expect[1..2]);
    assert_eq!(rows(&audit(dir.path(), &["search", "--limit", "1"]).expect(0)), expect[..1]);
    assert_eq!(rows(&audit(dir.path(), &["search", "--table", "hive.*"]).expect(0)), [""; 0]);
    audit(dir.path(), &["search", "--from", "soon"]).expect(2);
}

#[test]
fn who_saw_lists_sights_as_text_csv_and_json() {
    let dir = ledger();
    let saw = audit(dir.path(), &["who-saw", "vertica.crm.riders.phone", "--from", "2026-11-22", "--to", "2026-11-23"])
        .expect(0);
    let expect = [
        "2026-11-22T10:00:00Z sam support last4 20 finished vertica.crm.riders.phone all SU-02",
        "2026-11-23T23:59:59Z sam support last4 unfinished vertica.crm.riders.phone all SU-02",
    ];
    assert_eq!(rows(&saw), expect);
    assert_eq!(saw.stderr, "1 principal, 2 queries\n");
    let csv = audit(dir.path(), &["who-saw", "vertica.crm.riders", "--format", "csv"]).expect(0);
    assert_eq!(csv.stdout.lines().count(), 5, "{}", csv.stdout);
    assert!(
        csv.stdout.starts_with("at,principal,purpose,treatment,rows,outcome,query_id,column,row_rules,rules\n"),
        "{}",
        csv.stdout
    );
    let json = audit(dir.path(), &["who-saw", "vertica.crm.riders.email", "--format", "json"]).expect(0);
    let first: serde_json::Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["treatment"], &first["rows"], &first["outcome"]),
        (&"hash".into(), &20.into(), &"finished".into())
    );
}

#[test]
fn configuration_file_names_the_ledger_without_its_other_settings() {
    let dir = ledger();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("[keys]\nhash = {{ env = \"NOT_SET\" }}\n[ledger]\ndir = {:?}\n", dir.path()))
        .unwrap();
    run(&mut lockgate(["audit", "verify", "--config", file.path().to_str().unwrap()])).expect(0);
    fs::write(file.path(), "[ledger]\n").unwrap();
    let missing = run(&mut lockgate(["audit", "verify", "--config", file.path().to_str().unwrap()])).expect(2);
    assert!(missing.stderr.contains("ledger.dir"), "{}", missing.stderr);
}

#[test]
fn reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = FileLedger::open(dir.path(), LedgerOptions::default()).unwrap();
        // More than a pipe holds.
        futures::future::join_all((0..2000).map(|_| ledger.open(open("sam", "2026-11-22T10:00:00Z")))).await;
    });
    let mut child = lockgate(["audit", "search", "--dir", dir.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}
