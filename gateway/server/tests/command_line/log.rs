//! The log of a gateway that is attacked, at its most talkative: no value, no token, no key, no literal of a row rule.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::world::{PURPOSE, TOKEN, World};

/// Stands in every cell, and nowhere else.
const CELL: &str = "k9zcell";
/// Stands in the row rules.
const LITERAL: &str = "k9zrule";
/// Stands in the erasure list.
const ERASED: &str = "k9zgone";
/// Stands in the key of the tokens.
const KEY: &str = "k9zkey";
/// Stands in the statements that are sent.
const TYPED: &str = "k9ztyped";

const POLICY: &str = "\
p, KR-01, role:reader, purpose:load, tag:public, clear, always, allow
p, KR-02, role:reader, purpose:load, tag:internal, hash, always, allow
p, KR-03, role:reader, purpose:load, tag:rows.some, rows:some, always, allow
g, user:kim, role:reader
g2, tag:rows.kept, tag:rows.none
";

const CLASSIFICATION: &str = r#"
version: world.1
treatments:
  clear: {does: "as it is"}
  hash: {sql_type: [Utf8, Int64], does: "a token"}
row_filters:
  some: {tables: [lab.readings.plain, lab.readings.sorted, lab.readings.wide, lab.readings.torn, lab.readings.odd], sql: "note <> 'k9zrule'"}
conditions: [always]
purposes:
  load: {ropa: TEST-1, basis: "6(1)(f)", owner: tests, retention_days: 1}
tables:
  lab.readings.plain:
    rows: rows.some
    subject_key: station
    columns:
      id: [public]
      station: [internal]
      note: [public]
      diary: [special.health]
  lab.readings.sorted:
    rows: rows.some
    columns: {id: [public], station: [internal], note: [public], diary: [special.health]}
  lab.readings.wide:
    rows: rows.some
    columns: {id: [public], station: [internal], note: [public], diary: [special.health]}
  lab.readings.torn:
    rows: rows.some
    columns: {id: [public], station: [internal], note: [public], diary: [special.health]}
  lab.readings.odd:
    rows: rows.some
    columns: {id: [public], station: [internal], note: [public], diary: [special.health]}
  lab.readings.kept:
    rows: rows.kept
    columns: {id: [public], note: [public]}
  lab.readings.unseen:
    rows: rows.kept
    hidden: true
    columns: {id: [public], note: [public]}
"#;

/// Rows of which every text is a canary; those with `LITERAL` are hidden by the row rule.
fn csv(n_rows: usize) -> String {
    let mut text = String::from("id,station,note,diary\n");
    for id in 0..n_rows {
        let note = if id % 3 == 0 { LITERAL.to_owned() } else { format!("{CELL}-note-{id:05}") };
        text.push_str(&format!("{id},{CELL}-station-{id},{note},{CELL}-diary-{id}\n"));
    }
    text
}

fn parquet(n_rows: i64) -> Vec<u8> {
    let text = |name: &'static str| (0..n_rows).map(move |id| Some(format!("{CELL}-{name}-{id:05}")));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..n_rows)) as ArrayRef),
        ("station", Arc::new(text("station").collect::<StringArray>()) as ArrayRef),
        ("note", Arc::new(text("note").collect::<StringArray>()) as ArrayRef),
        ("diary", Arc::new(text("diary").collect::<StringArray>()) as ArrayRef),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_data_page_row_count_limit(20)
        .set_write_batch_size(20)
        .set_bloom_filter_enabled(true)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

/// A gateway's folders, with a log that says what `filter` lets through.
fn world(filter: &str) -> World {
    let world = World::new(1);
    world.write("policy/policy.csv", POLICY);
    world.write("policy/classification.yaml", CLASSIFICATION);
    world.write("policy/policy_tests.yaml", "[]\n");
    world
        .write("policy/erasures.csv", format!("subject,key,requested_at,reference\nstation,{ERASED},2026-10-01,T-1\n"));
    world.write("key", format!("{KEY}{}", "k".repeat(60)));
    world.write("data/readings/plain.csv", csv(300));
    world.write("data/readings/kept.csv", "id,note\n1,k9zcell-kept\n");
    world.write("data/readings/unseen.csv", "id,note\n1,k9zcell-unseen\n");
    let whole = parquet(1_000);
    world.write("data/readings/sorted.parquet", &whole);
    // Its middle is overwritten, its footer is not.
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[4..middle].fill(b'x');
    world.write("data/readings/torn.parquet", &torn);
    world.write(
        "data/readings/wide.csv",
        csv(300) + format!("301,{CELL}-a,{CELL}-b,{CELL}-c,{CELL}-d,{CELL}-e\n").as_str(),
    );
    world
        .write("data/readings/odd.csv", csv(3_000) + format!("{CELL}-no-number,{CELL}-a,{CELL}-b,{CELL}-c\n").as_str());
    let config = std::fs::read_to_string(world.config()).unwrap();
    world.write("lockgate.toml", format!("{config}[limits]\nquery_memory = \"8 MiB\"\n[log]\nfilter = \"{filter}\"\n"));
    world
}

/// Sends a request and reads whatever comes back, also half of it.
fn ask(world: &World, line: &str, head: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(world.address).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let _ = socket.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A statement of the only user, and a part of the answer that shows that it failed as it was to.
struct Attempt(&'static str, &'static str);

const ATTEMPTS: &[Attempt] = &[
    Attempt("SELECT id, station, note FROM lab.readings.plain WHERE note > 'k9ztyped'", "HTTP/1.1 200"),
    Attempt("SELECT id FROM lab.readings.sorted WHERE note = 'k9ztyped' AND id > 100", "HTTP/1.1 200"),
    Attempt("SELECT id FROM lab.readings.sorted WHERE id BETWEEN 500 AND 620 ORDER BY id DESC LIMIT 3", "HTTP/1.1 200"),
    Attempt(
        "SELECT a.id FROM lab.readings.sorted a JOIN lab.readings.plain b ON a.id = b.id WHERE b.note LIKE '%k9ztyped%'",
        "HTTP/1.1 200",
    ),
    Attempt(
        "EXPLAIN ANALYZE SELECT note FROM lab.readings.sorted WHERE note < 'k9ztyped' ORDER BY note LIMIT 5",
        "HTTP/1.1 200",
    ),
    Attempt(
        "SELECT station FROM lab.readings.sorted WHERE station IN (SELECT station FROM lab.readings.plain)",
        "HTTP/1.1 200",
    ),
    Attempt("SELECT diary FROM lab.readings.plain WHERE diary = 'k9ztyped'", "POLICY_DENIED"),
    Attempt("SELECT note FROM lab.readings.kept", "POLICY_DENIED"),
    Attempt("SELECT note FROM lab.readings.unseen", "TABLE_NOT_FOUND"),
    Attempt("SELECT k9ztyped FROM lab.readings.k9ztyped", "TABLE_NOT_FOUND"),
    Attempt("SELECT k9ztyped FROM lab.readings.plain", "COLUMN_NOT_FOUND"),
    Attempt("SELECT CAST(note AS INT) FROM lab.readings.plain", "EVALUATION_FAILED"),
    Attempt("SELECT CAST(note AS INT) FROM lab.readings.sorted WHERE id = 77", "EVALUATION_FAILED"),
    Attempt("SELECT to_date(station) FROM lab.readings.sorted", "EVALUATION_FAILED"),
    Attempt("SELECT 1 / (id - 100) FROM lab.readings.sorted", "EVALUATION_FAILED"),
    Attempt("SELECT regexp_like('x', note || '[') FROM lab.readings.plain", "EVALUATION_FAILED"),
    Attempt("SELECT arrow_cast(note, station) FROM lab.readings.plain", "problem+json"),
    Attempt("SELECT CAST('k9ztyped' AS INT) FROM lab.readings.plain", "EVALUATION_FAILED"),
    Attempt("SELECT note FROM lab.readings.torn", "SOURCE_DATA"),
    Attempt("SELECT count(note) FROM lab.readings.wide", "SOURCE_DATA"),
    Attempt("SELECT sum(id) FROM lab.readings.odd", "problem+json"),
    Attempt("SELECT sum(id) FROM lab.readings.lost", "problem+json"),
    Attempt(
        "SELECT array_agg(a.note || b.note || c.note) FROM lab.readings.sorted a, lab.readings.sorted b, lab.readings.sorted c \
         WHERE a.id < 90 AND b.id < 90",
        "MEMORY_LIMIT",
    ),
    Attempt("SELECT 'k9ztyped' FROM", "SQL_SYNTAX"),
    Attempt("SELECT 'k9ztyped", "SQL_SYNTAX"),
    Attempt("INSERT INTO lab.readings.plain VALUES ('k9ztyped')", "UNSUPPORTED_STATEMENT"),
    Attempt("SELECT k9ztyped('k9ztyped')", "UNSUPPORTED_FEATURE"),
    Attempt("SELECT sum(note) FROM lab.readings.plain", "SQL_INVALID"),
    Attempt("DESCRIBE lab.readings.sorted", "HTTP/1.1 200"),
    Attempt("SHOW TABLES", "HTTP/1.1 200"),
];

/// Asks everything, then has the gateway read a bad policy and bad users.
fn attack(world: &World) {
    let signed = format!("Authorization: Bearer {TOKEN}\r\nLockgate-Purpose: {PURPOSE}\r\n");
    let gateway = world.serve();
    for Attempt(sql, expected) in ATTEMPTS {
        let answer = ask(world, "POST /v1/query", &signed, sql);
        assert!(answer.contains(expected), "{sql}\n{answer}\n{}", world.log());
    }
    let json = format!("{signed}Content-Type: application/json\r\n");
    let slow =
        "WITH RECURSIVE w AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM w WHERE n < 100000000) SELECT count(*) FROM w";
    let late = ask(world, "POST /v1/query", &json, &format!(r#"{{"sql": "{slow}", "timeout_ms": 50}}"#));
    assert!(late.contains("TIME_LIMIT"), "{late}\n{}", world.log());
    for (line, head, body) in [
        ("POST /v1/query", json.as_str(), r#"{"sql": "SELECT 'k9ztyped'", "k9ztyped": 1}"#),
        ("GET /v1/query?q=SELECT%20'k9ztyped'&k9ztyped=1", signed.as_str(), ""),
        ("GET /v1/policy/explain?table=lab.readings.plain", signed.as_str(), ""),
        ("GET /v1/policy/explain?table=lab.readings.unseen&column=k9ztyped", signed.as_str(), ""),
        ("GET /v1/catalog", signed.as_str(), ""),
        ("GET /v1/k9ztyped", signed.as_str(), ""),
        ("POST /v1/query", "Authorization: Bearer lg_k9ztyped\r\nLockgate-Purpose: load\r\n", "SELECT 'k9ztyped'"),
        ("POST /v1/query", "Authorization: Bearer lg_kim\r\nLockgate-Purpose: k9ztyped\r\n", "SELECT 'k9ztyped'"),
        (
            "POST /v1/query",
            "Authorization: Bearer lg_kim\r\nLockgate-Purpose: load\r\nAccept: k9ztyped\r\n",
            "SELECT 1",
        ),
        ("GET /metrics", signed.as_str(), ""),
        ("GET /healthz", signed.as_str(), ""),
    ] {
        assert!(ask(world, line, head, body).starts_with("HTTP/1.1 "), "{line}");
    }
    world.write(
        "policy/classification.yaml",
        CLASSIFICATION.replace("note <> 'k9zrule'", "note <> 'k9zrule' AND nope = 'k9zrule2' OR"),
    );
    world.write("users.toml", "[[users]]\nname = \"kim\"\ntoken_sha256 = \"lg_k9zkey\"\nlg_k9zkey = 1\n");
    let kept = ask(world, "POST /v1/query", &signed, "SELECT id FROM lab.readings.plain");
    assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
    // It follows the files by itself; both refusals are waited for.
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.log().matches("is refused; the one before it stays in force").count() < 2 && Instant::now() < deadline {
        ask(world, "GET /healthz", "", "");
    }
    assert_eq!(gateway.stop(), Some(0));
}

#[track_caller]
fn check_silence(log: &str, never: &[&str]) {
    for never in never {
        let told: Vec<&str> = log.lines().filter(|line| line.contains(never)).take(3).collect();
        assert!(told.is_empty(), "the log tells `{never}`:\n{}", told.join("\n"));
    }
}

#[test]
fn no_value_token_key_or_literal_of_policy_is_logged_at_any_level() {
    for filter in ["info", "trace", "trace,lockgate_engine=debug,datafusion=trace,parquet=trace,log=trace"] {
        let world = world(filter);
        attack(&world);
        let log = world.log();
        for told in ["request refused", "query failed", "is refused; the one before it stays in force"] {
            assert!(log.contains(told), "`{told}` is missing, so the log proves nothing:\n{log}");
        }
        check_silence(&log, &[CELL, LITERAL, ERASED, KEY, TOKEN]);
        if filter == "info" {
            check_silence(&log, &[TYPED]);
        } else {
            assert!(log.contains(TYPED), "statements are to be logged from `debug` on:\n{log}");
        }
    }
}
