use futures::StreamExt;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, send, until};

async fn delete(world: &World, name: &str, id: Uuid) -> Value {
    send(world.request(Method::DELETE, &format!("/v1/query?query_id={id}"), name, "analytics")).await.json()
}

async fn ends_as_cancelled(world: &World, id: Uuid) {
    until(|| world.gateway.door().engine().status().running == 0).await;
    let is_end = |record: &Value| record["kind"] == "close" && record["query_id"] == json!(id);
    until(|| world.ledger().iter().any(is_end)).await;
    let end = world.ledger().into_iter().find(is_end).unwrap();
    assert_eq!((&end["outcome"], end.get("code")), (&json!("cancelled"), None));
}

#[tokio::test]
async fn a_query_is_cancelled_by_who_asked_it_and_nobody_else() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let sql = "SELECT count(*) FROM lake.big.numbers a, lake.big.numbers b WHERE a.id + b.id < 7";
    let running = tokio::spawn(send(world.query("ann", sql).header("Query-Id", id.to_string())));
    until(|| world.gateway.door().engine().status().running == 1).await;
    assert_eq!(delete(&world, "bob", id).await, json!({"query_id": id, "cancelled": false}));
    assert_eq!(delete(&world, "ann", Uuid::now_v7()).await["cancelled"], json!(false));
    assert_eq!(world.gateway.door().engine().status().running, 1);
    assert_eq!(delete(&world, "ann", id).await, json!({"query_id": id, "cancelled": true}));
    let answer = running.await.unwrap();
    answer.is_problem("CANCELLED");
    assert_eq!(answer.header("query-id"), id.to_string());
    ends_as_cancelled(&world, id).await;
    assert_eq!(delete(&world, "ann", id).await["cancelled"], json!(false));
}

#[tokio::test]
async fn a_cancelled_result_has_no_clean_end() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let query = world.query("ann", "SELECT id, text FROM lake.big.numbers").header("Query-Id", id.to_string());
    let mut stream = query.send().await.unwrap().bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(delete(&world, "ann", id).await["cancelled"], json!(true));
    let rest: Vec<_> = stream.collect().await;
    assert!(rest.last().is_some_and(Result::is_err));
    ends_as_cancelled(&world, id).await;
}
