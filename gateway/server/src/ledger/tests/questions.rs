//! Search and who-saw over a ledger with every outcome in it.

use std::fs;
use std::path::Path;

use lockgate_engine::Ledger;
use lockgate_wire::audit::{AuditTable, CloseRecord, Outcome};
use tempfile::TempDir;

use super::super::{ColumnPattern, Filter, Findings, QueryOutcome, entries, search, sights, verify};
use super::{close_record, open_ledger, open_record, refused_record, time};

/// alice finishes, bob fails, mia is cut off by a restart, zoe is refused, carl still runs.
async fn ledger_of_a_day() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let alice = open_record(
        "alice",
        "2026-11-23T10:00:00Z",
        &[("phone", "last4"), ("payload.email", "hash"), ("birth", "withheld")],
    );
    let bob = open_record("bob", "2026-11-23T11:00:00Z", &[("phone", "null")]);
    let mia = open_record("mia", "2026-11-23T12:00:00Z", &[("payload", "clear")]);
    for open in [&alice, &bob, &mia] {
        ledger.open((*open).clone()).await.unwrap();
    }
    ledger.refused(refused_record("zoe", "2026-11-23T12:30:00Z")).await.unwrap();
    ledger.close(CloseRecord {
        outcome: Outcome::Failed,
        code: Some("TIME_LIMIT".to_owned()),
        ..close_record(&bob, 1)
    });
    ledger.close(close_record(&alice, 20));
    drop(ledger);
    let ledger = open_ledger(dir.path());
    let mut carl = open_record("carl", "2026-11-23T13:00:00Z", &[("amount", "clear")]);
    carl.purpose = "finance".to_owned();
    carl.tables[0].table = "presto.finance.payments".to_owned();
    ledger.open(carl).await.unwrap();
    dir
}

fn check_search(dir: &Path, filter: Filter, expect: &[&str]) {
    let found: Vec<String> = search(dir, filter)
        .unwrap()
        .map(|finding| finding.unwrap())
        .map(|finding| format!("{} {} {:?}", finding.principal, finding.outcome.name(), finding.rows))
        .collect();
    assert_eq!(found, expect);
}

fn check_sights(dir: &Path, pattern: &str, expect: &[&str]) {
    let found: Vec<String> = sights(dir, pattern.parse().unwrap(), None, None)
        .unwrap()
        .map(|sight| sight.unwrap())
        .map(|sight| {
            format!("{} {}.{} {} {}", sight.principal, sight.table, sight.column, sight.treatment, sight.outcome.name())
        })
        .collect();
    assert_eq!(found, expect, "{pattern}");
}

#[tokio::test]
async fn search_tells_how_each_query_ended_in_asking_order() {
    let dir = ledger_of_a_day().await;
    let all = [
        "alice finished Some(20)",
        "bob failed Some(1)",
        "mia unfinished None",
        "zoe refused None",
        "carl unfinished None",
    ];
    check_search(dir.path(), Filter::default(), &all);
}

#[tokio::test]
async fn search_filters_by_each_criterion() {
    let dir = ledger_of_a_day().await;
    let by = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    check_search(dir.path(), by(|f| f.principal = Some("alice".to_owned())), &["alice finished Some(20)"]);
    check_search(dir.path(), by(|f| f.purpose = Some("finance".to_owned())), &["carl unfinished None"]);
    check_search(dir.path(), by(|f| f.outcome = Some(QueryOutcome::Refused)), &["zoe refused None"]);
    check_search(dir.path(), by(|f| f.outcome = Some(QueryOutcome::Failed)), &["bob failed Some(1)"]);
    check_search(
        dir.path(),
        by(|f| f.from = Some(time("2026-11-23T12:30:00Z"))),
        &["zoe refused None", "carl unfinished None"],
    );
    check_search(dir.path(), by(|f| f.to = Some(time("2026-11-23T11:00:00Z"))), &["alice finished Some(20)"]);
    check_search(dir.path(), by(|f| f.column = Some("presto.*".parse().unwrap())), &["carl unfinished None"]);
    check_search(
        dir.path(),
        by(|f| f.column = Some("vertica.crm.riders.phone".parse().unwrap())),
        &["alice finished Some(20)", "bob failed Some(1)", "zoe refused None"],
    );
    let bob = search(dir.path(), by(|f| f.principal = Some("bob".to_owned()))).unwrap().next().unwrap().unwrap();
    assert_eq!(bob.code.as_deref(), Some("TIME_LIMIT"));
    let by_id = Filter { query_id: Some(bob.query_id), ..Filter::default() };
    check_search(dir.path(), by_id, &["bob failed Some(1)"]);
}

#[tokio::test]
async fn who_saw_covers_leaves_structs_wildcards_and_neither_refused_nor_withheld() {
    let dir = ledger_of_a_day().await;
    let phone = ["alice vertica.crm.riders.phone last4 finished", "bob vertica.crm.riders.phone null failed"];
    check_sights(dir.path(), "vertica.crm.riders.phone", &phone);
    check_sights(dir.path(), "VERTICA.crm.Riders.PHONE", &phone);
    let email =
        ["alice vertica.crm.riders.payload.email hash finished", "mia vertica.crm.riders.payload clear unfinished"];
    check_sights(dir.path(), "vertica.crm.riders.payload.email", &email);
    check_sights(dir.path(), "vertica.crm.riders.payload", &email);
    check_sights(dir.path(), "vertica.crm.riders.payload.phone", &email[1..]);
    check_sights(dir.path(), "vertica.crm.riders.birth", &[]);
    let riders = [email[0], phone[0], phone[1], email[1]];
    check_sights(dir.path(), "vertica.crm.riders", &riders);
    check_sights(dir.path(), "vertica.crm.riders.*", &riders);
    check_sights(dir.path(), "presto.finance.payments.*", &["carl presto.finance.payments.amount clear unfinished"]);
}

#[tokio::test]
async fn who_saw_holds_to_its_time_range() {
    let dir = ledger_of_a_day().await;
    let pattern: ColumnPattern = "vertica.crm.riders.*".parse().unwrap();
    let (from, to) = (Some(time("2026-11-23T10:30:00Z")), Some(time("2026-11-23T12:00:00Z")));
    let who: Vec<String> =
        sights(dir.path(), pattern, from, to).unwrap().map(|sight| sight.unwrap().principal).collect();
    assert_eq!(who, ["bob"]);
}

#[tokio::test]
async fn one_id_used_twice_gives_two_queries() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = open_record("alice", "2026-11-23T10:00:00Z", &[("phone", "last4")]);
    for rows in [5, 6] {
        ledger.open(open.clone()).await.unwrap();
        ledger.close(close_record(&open, rows));
    }
    drop(ledger);
    check_search(dir.path(), Filter::default(), &["alice finished Some(5)", "alice finished Some(6)"]);
}

#[tokio::test]
async fn a_query_that_runs_for_long_does_not_make_search_hold_all_that_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = |name: &str| open_record(name, "2026-11-23T10:00:00Z", &[("phone", "last4")]);
    let (long, forgotten) = (open("long"), open("forgotten"));
    ledger.open(long.clone()).await.unwrap();
    ledger.open(forgotten.clone()).await.unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        let short = open(name);
        ledger.open(short.clone()).await.unwrap();
        ledger.close(close_record(&short, 1));
    }
    ledger.close(close_record(&long, 9));
    drop(ledger);
    let found = |most_waiting| -> Vec<String> {
        let entries = entries(dir.path()).unwrap();
        let findings = Findings::over(entries, Filter::default(), most_waiting).map(|finding| finding.unwrap());
        findings.map(|finding| format!("{} {}", finding.principal, finding.outcome.name())).collect()
    };
    let short = ["a finished", "b finished", "c finished", "d finished", "e finished"];
    let in_order = [["long finished", "forgotten unfinished"].as_slice(), &short].concat();
    assert_eq!(found(100), in_order);
    for most_waiting in [0, 1, 3] {
        let as_they_end = [short.as_slice(), &["long finished", "forgotten unfinished"]].concat();
        assert_eq!(found(most_waiting), as_they_end, "{most_waiting}");
    }
}

#[tokio::test]
async fn records_of_a_clock_that_was_set_back_verify_and_are_found_by_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    for at in ["2026-11-23T12:00:00Z", "2026-11-23T11:00:00Z", "2001-01-01T00:00:00Z", "2026-11-23T12:00:01Z"] {
        let open = open_record("alice", at, &[("phone", "last4")]);
        ledger.open(open.clone()).await.unwrap();
        ledger.close(close_record(&open, 1));
    }
    drop(ledger);
    assert_eq!(verify(dir.path(), None).unwrap().breaks, []);
    let pattern: ColumnPattern = "vertica.crm.riders.phone".parse().unwrap();
    let within =
        |from: &str, to: &str| sights(dir.path(), pattern.clone(), Some(time(from)), Some(time(to))).unwrap().count();
    assert_eq!(within("2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z"), 1);
    assert_eq!(within("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z"), 1);
    assert_eq!(within("2000-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), 4);
}

#[tokio::test]
async fn search_goes_on_behind_a_break() {
    let dir = ledger_of_a_day().await;
    let path = dir.path().join("00000001.ledger");
    let altered = fs::read_to_string(&path).unwrap().replacen("\"bob\"", "\"rob\"", 1);
    fs::write(&path, altered).unwrap();
    let (mut who, mut n_breaks) = (Vec::new(), 0);
    for finding in search(dir.path(), Filter::default()).unwrap() {
        match finding {
            Ok(finding) => who.push(finding.principal),
            Err(_) => n_breaks += 1,
        }
    }
    who.sort();
    assert_eq!((who, n_breaks), (["alice", "carl", "mia", "zoe"].map(str::to_owned).to_vec(), 1));
}

#[test]
fn pattern_without_a_table_is_refused() {
    for text in ["riders", "crm.riders", "a..b", "", "a.b.c."] {
        text.parse::<ColumnPattern>().unwrap_err();
    }
    let table = AuditTable { table: "a.b.c".to_owned(), columns: Default::default(), rows: vec![], rules: vec![] };
    assert!("a.*".parse::<ColumnPattern>().unwrap().fits_table(&table.table));
    assert!(!"a.b.d".parse::<ColumnPattern>().unwrap().fits_table(&table.table));
}
