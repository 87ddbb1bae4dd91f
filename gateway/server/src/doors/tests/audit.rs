//! The ledger asked in SQL, through the whole walk.

use ::http::Method;
use lockgate_engine::Ledger;
use lockgate_wire::audit::{CloseRecord, OpenRecord, Outcome};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{CLASSES, RULES, World, policy, send, until, users};
use crate::ledger::{self, Filter};

const AUDIT_RULES: &str = "\
p, U-01, role:auditor, purpose:analytics, tag:ledger, clear, always, allow
p, U-02, role:auditor, purpose:analytics, tag:ledger.who, clear, always, allow
p, U-03, role:lead, purpose:any, tag:ledger, clear, always, allow
p, U-04, role:lead, purpose:any, tag:ledger.who, hash, always, allow
p, U-05, role:auditor, purpose:analytics, tag:rows.ledger, rows:all, always, allow
p, U-06, role:lead, purpose:any, tag:rows.ledger, rows:of_people, always, allow
g, user:ada, role:auditor
";

/// The tables of the ledger, each column tagged; `bytes` is left out.
fn classes() -> String {
    let column = |name: &str, kind: &str| {
        let tag = if name == "principal" { "ledger.who" } else { "ledger" };
        format!("      {name}: {{tags: [{tag}], type: {kind}}}\n")
    };
    let mut text = CLASSES.replace(
        "  all: {tables: any, sql: \"true\"}\n",
        "  all: {tables: any, sql: \"true\"}\n  of_people: {tables: [lockgate.audit.columns], sql: \"table_name LIKE 'lake.crm.%'\"}\n",
    );
    let table = |name: &str| {
        format!(
            "  lockgate.audit.{name}:\n    rows: rows.ledger\n    subject_key: {{column: principal, subject: staff}}\n    columns:\n"
        )
    };
    let texts = ["query_id", "principal", "purpose", "dc", "policy", "outcome"];
    let only_queries = ["door", "code", "sql_digest"];
    text += &table("queries");
    text.extend(texts.iter().chain(&only_queries).map(|name| column(name, "Utf8")));
    text.extend(["seq", "rows", "elapsed_ms"].map(|name| column(name, "Int64")));
    text.extend(["tables", "sources"].map(|name| column(name, "List(Utf8)")));
    text += column("at", "Timestamp").as_str();
    text += &table("columns");
    text.extend(texts.iter().chain(&["table_name", "column_name", "treatment"]).map(|name| column(name, "Utf8")));
    text.extend(["seq", "rows"].map(|name| column(name, "Int64")));
    text.extend(["row_rules", "rules"].map(|name| column(name, "List(Utf8)")));
    text + column("at", "Timestamp").as_str()
}

/// A world in which ada audits and bob sees who read of people, in tokens.
async fn audited() -> World {
    let world = World::with("", 10).await;
    std::fs::write(world.folder.path().join("users.toml"), users(&["ann", "bob", "ada"])).unwrap();
    policy(world.folder.path(), &format!("{RULES}{AUDIT_RULES}"), &classes());
    world
}

const PEOPLE: &str = "SELECT id, mail FROM lake.crm.people";

#[tokio::test]
async fn an_auditor_sees_in_sql_who_saw_what() {
    let world = audited().await;
    world.rows("ann", PEOPLE).await;
    send(world.request(Method::POST, "/v1/query", "bob", "fraud").body("SELECT mail FROM lake.crm.people LIMIT 1"))
        .await;
    send(world.query("ann", "SELECT note FROM lake.crm.people")).await.is_problem("POLICY_DENIED");
    until(|| world.ledger().iter().filter(|record| record["kind"] == "close").count() == 2).await;
    let saw = "SELECT principal, purpose, treatment, rows, rules, at > now() - INTERVAL '1 hour' AS lately \
               FROM lockgate.audit.columns WHERE table_name = 'lake.crm.people' AND column_name = 'mail' ORDER BY seq";
    let expected = json!([
        ["ann", "analytics", "hash", 3, ["A-01", "A-02", "R-01"], true],
        ["bob", "fraud", "clear", 1, ["A-01", "A-02", "L-01", "R-01"], true],
    ]);
    let found = world.rows("ada", saw).await;
    let without_rules = |rows: &Value| -> Vec<Value> {
        rows.as_array().unwrap().iter().map(|row| json!([row[0], row[1], row[2], row[3], row[5]])).collect()
    };
    assert_eq!(without_rules(&found), without_rules(&expected));
    for (row, rule) in [(0, "A-02"), (1, "L-01")] {
        assert!(found[row][4].as_array().unwrap().contains(&json!(rule)), "{found}");
    }
    let refused = "SELECT principal, code, tables, sources FROM lockgate.audit.queries WHERE outcome = 'refused'";
    assert_eq!(world.rows("ada", refused).await, json!([["ann", "POLICY_DENIED", ["lake.crm.people"], []]]));
    let by_table =
        "SELECT count(DISTINCT principal) FROM lockgate.audit.queries WHERE array_has(tables, 'lake.crm.people')";
    assert_eq!(world.rows("ada", by_table).await, json!([[2]]));
    // Every form of a result takes its lists and times.
    for form in ["text/csv", "application/x-ndjson", "application/vnd.apache.parquet"] {
        let answer = send(world.query("ada", "SELECT * FROM lockgate.audit.queries").header("Accept", form)).await;
        assert_eq!(answer.status, 200, "{form}: {}", answer.text());
    }
}

#[tokio::test]
async fn who_asks_the_ledger_stands_in_it() {
    let world = audited().await;
    let id = Uuid::now_v7();
    let own = format!("SELECT principal, outcome, rows, tables FROM lockgate.audit.queries WHERE query_id = '{id}'");
    let asked = world.query("ada", &own).header("Query-Id", id.to_string()).header("Accept", "application/json");
    // The query sees its own open record: it stood in the ledger before the first row was read.
    let answer = send(asked).await.json();
    assert_eq!(answer["rows"], json!([["ada", "unfinished", null, ["lockgate.audit.queries"]]]));
    until(|| world.ledger().iter().any(|record| record["kind"] == "close")).await;
    assert_eq!(world.rows("ada", &own).await, json!([["ada", "finished", 1, ["lockgate.audit.queries"]]]));
    let read = format!("SELECT column_name FROM lockgate.audit.columns WHERE query_id = '{id}' ORDER BY 1");
    assert_eq!(world.rows("ada", &read).await, json!([["outcome"], ["principal"], ["query_id"], ["rows"], ["tables"]]));
}

#[tokio::test]
async fn a_policy_that_does_not_classify_the_ledger_shows_it_to_nobody() {
    let world = World::with("", 10).await;
    let absent = send(world.query("ann", "SELECT * FROM lockgate.audit.nothing")).await;
    for table in ["queries", "columns"] {
        let there = send(world.query("ann", &format!("SELECT * FROM lockgate.audit.{table}"))).await;
        there.is_problem("TABLE_NOT_FOUND");
        let alike = |text: String| {
            text.split("\"query_id\"").next().unwrap().replace(table, "nothing").replace("audit.nothing", "audit.x")
        };
        assert_eq!(alike(there.text()), alike(absent.text()));
    }
    let tables = world.rows("ann", "SHOW TABLES").await;
    assert!(!tables.to_string().contains("lockgate"), "{tables}");
}

#[tokio::test]
async fn others_get_of_the_ledger_what_policy_says_and_no_more() {
    let world = audited().await;
    world.rows("ann", PEOPLE).await;
    world.rows("ann", "SELECT id FROM lake.big.numbers").await;
    let denied = send(world.query("ann", "SELECT seq FROM lockgate.audit.queries")).await;
    denied.is_problem("POLICY_DENIED");
    // bob may read of no rows of `queries`, of those of `columns` that are about people, and tokens instead of names.
    send(world.query("bob", "SELECT seq FROM lockgate.audit.queries")).await.is_problem("POLICY_DENIED");
    let seen = world.rows("bob", "SELECT DISTINCT principal, table_name FROM lockgate.audit.columns").await;
    let [row] = seen.as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!(row[1], "lake.crm.people");
    assert_ne!(row[0], "ann");
    for probe in [
        "SELECT count(*) FROM lockgate.audit.columns WHERE table_name = 'lake.big.numbers'",
        "SELECT count(*) FROM lockgate.audit.columns WHERE principal = 'ann'",
    ] {
        assert_eq!(world.rows("bob", probe).await, json!([[0]]), "{probe}");
    }
    // What is not classified is withheld from auditors as well.
    let all =
        send(world.query("ada", "SELECT * FROM lockgate.audit.queries").header("Accept", "application/json")).await;
    let names: Vec<Value> =
        all.json()["columns"].as_array().unwrap().iter().map(|column| column["name"].clone()).collect();
    assert!(names.contains(&json!("rows")) && !names.contains(&json!("bytes")), "{names:?}");
    send(world.query("ada", "SELECT bytes FROM lockgate.audit.queries")).await.is_problem("POLICY_DENIED");
    // An erasure hides the rows of a subject here too.
    std::fs::write(
        world.folder.path().join("policy/erasures.csv"),
        "subject,key,requested_at,reference\nstaff,ann,2026-11-20,DSR-1\n",
    )
    .unwrap();
    let left = "SELECT DISTINCT principal FROM lockgate.audit.queries ORDER BY 1";
    assert_eq!(world.rows("ada", left).await, json!([["ada"], ["bob"]]));
}

#[tokio::test]
async fn the_answer_in_sql_is_that_of_the_command_line() {
    let world = audited().await;
    world.rows("ann", PEOPLE).await;
    let broken = world.query("ann", "SELECT id, text FROM lake.big.broken").send().await.unwrap();
    broken.bytes().await.unwrap_err();
    send(world.query("bob", "SELECT nonsense FROM")).await.is_problem("SQL_SYNTAX");
    until(|| world.ledger().iter().filter(|record| record["kind"] == "close").count() == 2).await;
    let columns = "seq, query_id, principal, purpose, dc, door, policy, outcome, code, rows, elapsed_ms, sql_digest, tables, sources";
    let own = "(SELECT max(seq) FROM lockgate.audit.queries)";
    let found = world
        .rows("ada", &format!("SELECT {columns} FROM lockgate.audit.queries WHERE seq < {own} ORDER BY seq"))
        .await;
    let dir = world.folder.path().join("ledger");
    let searched: Vec<Value> = ledger::search(&dir, Filter::default())
        .unwrap()
        .map(|finding| serde_json::to_value(finding.unwrap()).unwrap())
        .filter(|finding| finding["principal"] != "ada")
        .map(|finding| {
            let tables = finding["tables"].as_array().unwrap().iter().map(|table| table["table"].clone());
            let tables = Value::Array(tables.collect());
            let cells =
                columns.split(", ").map(|name| if name == "tables" { tables.clone() } else { finding[name].clone() });
            Value::Array(cells.collect())
        })
        .collect();
    assert_eq!(found, Value::Array(searched));
    let outcomes: Vec<&Value> = found.as_array().unwrap().iter().map(|row| &row[7]).collect();
    assert_eq!(outcomes, ["finished", "failed", "refused"]);

    let saw = "SELECT seq, principal, table_name, column_name, treatment, row_rules, rules FROM lockgate.audit.columns \
               WHERE principal <> 'ada' ORDER BY seq, column_name";
    let found = world.rows("ada", saw).await;
    let sighted: Vec<Value> = ledger::sights(&dir, "lake.*".parse().unwrap(), None, None)
        .unwrap()
        .map(|sight| serde_json::to_value(sight.unwrap()).unwrap())
        .map(|sight| {
            let cell = |name: &str| sight[name].clone();
            Value::Array(["seq", "principal", "table", "column", "treatment", "row_rules", "rules"].map(cell).to_vec())
        })
        .collect();
    assert_eq!(found, Value::Array(sighted));
}

fn open_record() -> OpenRecord {
    OpenRecord {
        query_id: Uuid::now_v7(),
        at: chrono::Utc::now(),
        principal: "load".to_owned(),
        purpose: "analytics".to_owned(),
        dc: "eu".to_owned(),
        door: "http".to_owned(),
        policy: "test.1+00".to_owned(),
        sql_digest: "00".repeat(32),
        tables: Vec::new(),
        sources: Vec::new(),
    }
}

#[tokio::test]
async fn while_many_queries_are_recorded_the_count_only_grows_and_no_row_is_torn() {
    let world = audited().await;
    let ledger = world.gateway.door().parts().ledger.clone();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let ledger = ledger.clone();
        writers.spawn(async move {
            for _ in 0..500 {
                let open = open_record();
                let (query_id, at) = (open.query_id, open.at);
                ledger.open(open).await.unwrap();
                let outcome = Outcome::Finished;
                ledger.close(CloseRecord {
                    query_id,
                    at,
                    outcome,
                    code: None,
                    rows: 1,
                    bytes: 8,
                    elapsed_ms: 1,
                    given_up: Default::default(),
                });
            }
        });
    }
    let count = "SELECT count(*), count(DISTINCT seq), count(DISTINCT query_id), count(DISTINCT sql_digest), \
                 count(*) FILTER (WHERE outcome NOT IN ('finished', 'unfinished') OR door <> 'http') \
                 FROM lockgate.audit.queries WHERE principal = 'load'";
    let mut before = 0;
    for _ in 0..20 {
        let rows = world.rows("ada", count).await;
        let [n, seqs, ids, digests, odd] = rows[0].as_array().unwrap().as_slice() else { panic!("{rows}") };
        let n = n.as_i64().unwrap();
        assert!(n >= before, "{n} after {before}");
        assert_eq!((seqs.as_i64(), ids.as_i64(), odd.as_i64()), (Some(n), Some(n), Some(0)));
        assert!(digests.as_i64().unwrap() <= 1);
        before = n;
    }
    assert!(before > 100, "{before}");
}

#[tokio::test]
async fn a_ledger_that_was_tampered_with_is_an_error_of_the_source_that_names_no_file() {
    let world = audited().await;
    world.rows("ann", PEOPLE).await;
    let segment = world.folder.path().join("ledger/00000001.ledger");
    let altered = std::fs::read_to_string(&segment).unwrap().replacen("\"ann\"", "\"eve\"", 1);
    std::fs::write(&segment, altered).unwrap();
    let answer = send(world.query("ada", "SELECT count(*) FROM lockgate.audit.queries")).await;
    answer.is_problem("SOURCE_DATA");
    assert!(answer.text().contains("source `lockgate`") && !answer.text().contains("00000001"), "{}", answer.text());
}
