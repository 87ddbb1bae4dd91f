//! What the ledger holds of a query, and that nothing is read without it.

use serde_json::{Value, json};

use super::world::{World, send, until};

/// Records of one kind.
fn records(world: &World, kind: &str) -> Vec<Value> {
    world.ledger().into_iter().filter(|record| record["kind"] == kind).collect()
}

#[tokio::test]
async fn every_column_that_a_query_reads_stands_in_its_open_record_also_those_of_subqueries() {
    let world = World::with("", 10).await;
    let people = "lake.crm.people";
    for (sql, read) in [
        ("SELECT id FROM (SELECT * FROM lake.crm.people)", json!({"id": "clear"})),
        ("SELECT id FROM lake.crm.people ORDER BY mail", json!({"id": "clear", "mail": "hash"})),
        ("SELECT 1 WHERE EXISTS (SELECT id FROM lake.crm.people WHERE mail <> '')", json!({"mail": "hash"})),
        ("SELECT id FROM lake.big.numbers WHERE id IN (SELECT id FROM lake.crm.people)", json!({"id": "clear"})),
        (
            "SELECT id FROM lake.big.numbers WHERE text > (SELECT max(mail) FROM lake.crm.people)",
            json!({"mail": "hash"}),
        ),
        ("SELECT (SELECT max(mail) FROM lake.crm.people)", json!({"mail": "hash"})),
    ] {
        world.rows("ann", sql).await;
        let open = records(&world, "open").pop().unwrap();
        let table = open["tables"].as_array().unwrap().iter().find(|table| table["table"] == people).cloned();
        assert_eq!(table.unwrap()["columns"], read, "{sql}");
        assert_eq!((&open["principal"], &open["purpose"]), (&json!("ann"), &json!("analytics")));
    }
}

#[tokio::test]
async fn a_refused_query_leaves_a_record_with_its_code_and_tables() {
    let world = World::with("", 10).await;
    for (sql, code, tables) in [
        ("SELECT note FROM lake.crm.people", "POLICY_DENIED", json!(["lake.crm.people"])),
        ("SELECT id FROM lake.crm.secret", "TABLE_NOT_FOUND", json!([])),
        ("DROP TABLE lake.crm.people", "UNSUPPORTED_STATEMENT", json!([])),
    ] {
        let answer = send(world.query("ann", sql)).await;
        answer.is_problem(code);
        let refused = records(&world, "refused").pop().unwrap();
        assert_eq!((&refused["code"], &refused["tables"]), (&json!(code), &tables), "{sql}");
        assert_eq!(refused["query_id"], answer.header("query-id"));
    }
    assert_eq!(records(&world, "open"), [json!(null); 0]);
}

#[tokio::test]
async fn nothing_is_read_while_the_ledger_cannot_be_written() {
    let world = World::with("", 10).await;
    let segment = world.folder.path().join("ledger/00000001.ledger");
    std::fs::rename(&segment, segment.with_extension("away")).unwrap();
    for sql in ["SELECT id FROM lake.crm.people", "SELECT nope FROM lake.crm.people"] {
        let answer = send(world.query("ann", sql)).await;
        answer.is_problem("LEDGER_UNAVAILABLE");
        assert_eq!(answer.status, 503);
    }
    until(|| world.gateway.door().engine().status().running == 0).await;
}
