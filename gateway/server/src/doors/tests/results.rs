use std::collections::BTreeSet;
use std::io::Cursor;

use ::http::Method;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::world::{MANY, World, send, until};

const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";

fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[tokio::test]
async fn every_form_holds_the_same_rows() {
    let world = World::with("", 30_000).await;
    let sql = "SELECT id, text FROM lake.big.numbers ORDER BY id";
    let form = |accept: &str| send(world.query("ann", sql).header("Accept", accept.to_owned()));
    let expected: Vec<i64> = (0..30_000).collect();

    let codecs = format!("{ARROW}; codecs=\"zstd, lz4\"");
    let (plain, packed) = (form(ARROW).await, form(&codecs).await);
    assert_eq!(
        (plain.header("content-type"), packed.header("content-type")),
        (ARROW, &*format!("{ARROW}; codecs=zstd"))
    );
    assert!(packed.body.len() * 2 < plain.body.len());
    for answer in [plain, packed] {
        let batches: Vec<_> =
            StreamReader::try_new(Cursor::new(answer.body), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(ids(&batches), expected);
    }
    let parquet = Bytes::from(form(PARQUET).await.body);
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap();
    assert_eq!(ids(&reader.map(Result::unwrap).collect::<Vec<_>>()), expected);
    let document = form("application/json").await.json();
    assert_eq!(document["rows"].as_array().unwrap().len(), 30_000);
    assert_eq!(document["rows"][29_999], json!([29_999, format!("text number {:030}", 29_999)]));
    assert_eq!((&document["row_count"], &document["truncated"]), (&json!(30_000), &json!(false)));
    let lines = form("application/x-ndjson").await.text();
    assert_eq!(lines.lines().count(), 30_000);
    assert_eq!(serde_json::from_str::<Value>(lines.lines().last().unwrap()).unwrap()["id"], 29_999);
    let csv = form("text/csv").await.text();
    assert_eq!(csv.split("\r\n").nth(30_000).unwrap(), format!("29999,text number {:030}", 29_999));
}

#[tokio::test]
async fn notices_and_policy_travel_with_every_result() {
    let world = World::with("", 10).await;
    let sql = "SELECT * FROM lake.crm.people ORDER BY id";
    let answer = send(world.query("ann", sql).header("Accept", "application/json")).await;
    let document = answer.json();
    let names: Vec<_> = document["columns"].as_array().unwrap().iter().map(|column| column["name"].clone()).collect();
    assert_eq!(names, ["id", "mail"]);
    let notices = document["notices"].as_array().unwrap();
    assert_eq!(answer.header("lockgate-notices"), notices.len().to_string());
    let treatments: BTreeSet<_> =
        notices.iter().map(|n| (n["column"].as_str(), n["treatment"].as_str().unwrap())).collect();
    assert!(treatments.contains(&(Some("mail"), "hash")), "{treatments:?}");
    assert!(treatments.contains(&(Some("note"), "withheld")), "{treatments:?}");
    assert_eq!(answer.header("lockgate-policy"), document["policy"].as_str().unwrap());
    assert_eq!(answer.header("query-id"), document["query_id"].as_str().unwrap());
    let arrow = send(world.query("ann", sql)).await;
    let schema = StreamReader::try_new(Cursor::new(arrow.body), None).unwrap().schema();
    assert_eq!(schema.metadata()["lockgate.policy"], document["policy"].as_str().unwrap());
    assert_eq!(serde_json::from_str::<Value>(&schema.metadata()["lockgate.notices"]).unwrap(), document["notices"]);
}

#[tokio::test]
async fn the_catalogue_lists_what_the_caller_may_see() {
    let world = World::with("", 10).await;
    let catalog = |name: &'static str, purpose: &'static str| {
        let request = world.request(Method::GET, "/v1/catalog", name, purpose);
        async move { send(request).await.json() }
    };
    let (ann, bob) = (catalog("ann", "analytics").await, catalog("bob", "fraud").await);
    let tables = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|table| table["table"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(tables(&ann), ["broken", "numbers", "people"]);
    assert_eq!(tables(&bob), ["broken", "numbers", "people", "secret"]);
    let people = |list: &Value| -> Vec<String> {
        let people = list.as_array().unwrap().iter().find(|table| table["table"] == "people").unwrap();
        let columns = people["columns"].as_array().unwrap().iter();
        columns.map(|c| format!("{} {}", c["name"].as_str().unwrap(), c["treatment"].as_str().unwrap())).collect()
    };
    // A hidden column is in nobody's list.
    assert_eq!(people(&ann), ["id clear", "mail hash", "note withheld"]);
    assert_eq!(people(&bob), ["id clear", "mail clear", "note withheld"]);
    // The table's comment is the classification's; nobody said anything of the columns.
    let people = ann.as_array().unwrap().iter().find(|table| table["table"] == "people").unwrap();
    assert_eq!(people["comment"], "Everybody");
    assert!(people["columns"].as_array().unwrap().iter().all(|column| column.get("comment").is_none()));
}

#[tokio::test]
async fn an_explanation_is_for_machines_and_people_and_hides_what_is_hidden() {
    let world = World::with("", 10).await;
    let explain =
        |name: &str, query: &str| world.request(Method::GET, &format!("/v1/policy/explain?{query}"), name, "fraud");
    let answer = send(explain("ann", "table=lake.crm.people&column=mail")).await;
    assert_eq!(answer.json()["columns"][0]["column"], "mail");
    assert!(answer.header("lockgate-policy").starts_with("test.1+"));
    let text = send(explain("ann", "table=lake.crm.people&column=mail").header("Accept", "text/plain")).await;
    assert!(text.text().contains("A-02"), "{}", text.text());
    let hidden = send(explain("ann", "table=lake.crm.secret")).await;
    let absent = send(explain("ann", "table=lake.crm.sicret")).await;
    hidden.is_problem("TABLE_NOT_FOUND");
    assert_eq!(hidden.text().replace("secret", "sicret"), absent.text());
    assert_eq!(send(explain("bob", "table=lake.crm.secret")).await.status, 200);
}

#[tokio::test]
async fn an_error_before_the_first_row_has_a_status_of_its_own() {
    let world = World::with("", 10).await;
    for (sql, code, status) in [
        ("SELEC 1", "SQL_SYNTAX", 400),
        ("DROP TABLE lake.crm.people", "UNSUPPORTED_STATEMENT", 400),
        ("SELECT id FROM lake.crm.secret", "TABLE_NOT_FOUND", 404),
        ("SELECT note FROM lake.crm.people", "POLICY_DENIED", 403),
        ("SELECT 1 / (id - id) FROM lake.crm.people", "EVALUATION_FAILED", 422),
    ] {
        let answer = send(world.query("ann", sql)).await;
        answer.is_problem(code);
        assert_eq!(answer.status, status, "{sql}");
        assert!(!answer.header("query-id").is_empty());
    }
    let slow = r#"{"sql": "SELECT count(*) FROM lake.big.broken a, lake.big.broken b WHERE a.id + b.id = 7", "timeout_ms": 1}"#;
    send(world.query("ann", slow).header("Content-Type", "application/json")).await.is_problem("TIME_LIMIT");
}

#[tokio::test]
async fn an_error_in_mid_stream_cuts_the_connection_without_a_clean_end() {
    let world = World::with("", 10).await;
    for accept in [ARROW, "application/json", "application/x-ndjson", "text/csv", PARQUET] {
        let sql = "SELECT id, text FROM lake.big.broken";
        let request = format!(
            "POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lg_ann\r\nLockgate-Purpose: analytics\r\n\
             Accept: {accept}\r\nContent-Length: {}\r\n\r\n{sql}",
            sql.len()
        );
        let answer = world.raw(request.as_bytes(), |_| false).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{accept}: {}", String::from_utf8_lossy(&answer));
        // A row group of Parquet leaves as a whole, and all rows are in the first; the status is told all the same.
        assert!(accept == PARQUET || answer.len() > 100_000, "{accept}: rows had left before the error");
        assert!(!answer.ends_with(b"0\r\n\r\n"), "{accept}");
        let response = world.query("ann", sql).header("Accept", accept).send().await.unwrap();
        assert!(response.bytes().await.is_err(), "{accept}");
    }
    until(|| world.gateway.door().engine().status().running == 0).await;
    let closed: Vec<_> = world.ledger().into_iter().filter(|record| record["kind"] == "close").collect();
    assert!(closed.iter().all(|record| record["outcome"] == "failed" && record["code"] == "SOURCE_DATA"), "{closed:?}");
}

#[tokio::test]
async fn over_http2_an_error_in_mid_stream_resets_the_stream_alone() {
    let world = World::with("", 10).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let query = |sql: &'static str| {
        let request = client.post(world.url("/v1/query")).bearer_auth("lg_ann").header("Lockgate-Purpose", "analytics");
        request.body(sql).send()
    };
    let response = query("SELECT id, text FROM lake.big.broken").await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, ::http::Version::HTTP_2));
    assert!(response.bytes().await.is_err());
    assert!(query("SELECT 1").await.unwrap().bytes().await.is_ok());
}

#[tokio::test]
async fn a_caller_who_goes_away_cancels_the_query() {
    let world = World::new().await;
    let response = world.query("ann", "SELECT id, text FROM lake.big.numbers").send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(world.gateway.door().engine().status().running, 1);
    drop(stream);
    until(|| world.gateway.door().engine().status().running == 0).await;
    until(|| world.ledger().iter().any(|record| record["outcome"] == "cancelled")).await;
}

#[tokio::test]
async fn a_caller_who_goes_away_before_the_first_row_cancels_the_query() {
    let world = World::new().await;
    let sql = "SELECT count(*) FROM lake.big.numbers a, lake.big.numbers b WHERE a.id + b.id < 7";
    let running = tokio::spawn(world.query("ann", sql).send());
    until(|| world.gateway.door().engine().status().running == 1).await;
    running.abort();
    until(|| world.gateway.door().engine().status().running == 0).await;
}

#[tokio::test]
async fn http_1_0_gets_whole_results_only() {
    let world = World::new().await;
    let ask = |sql: &str| {
        format!(
            "POST /v1/query HTTP/1.0\r\nAuthorization: Bearer lg_ann\r\nLockgate-Purpose: analytics\r\nAccept: text/csv\r\n\
             Content-Length: {}\r\n\r\n{sql}",
            sql.len()
        )
    };
    let small = world.raw(ask("SELECT 1 AS one").as_bytes(), |_| false).await;
    let small = String::from_utf8(small).unwrap().to_lowercase();
    assert!(small.contains("\r\ncontent-length: 8\r\n") && small.ends_with("one\r\n1\r\n"), "{small}");
    let large = world.raw(ask("SELECT id FROM lake.big.numbers").as_bytes(), |_| false).await;
    assert!(String::from_utf8(large).unwrap().contains("\"BAD_REQUEST\""));
}

#[tokio::test]
async fn the_end_of_a_long_result_is_told_in_trailers_to_who_takes_them() {
    let world = World::new().await;
    let sql = "SELECT id FROM lake.big.numbers";
    let request = format!(
        "POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lg_ann\r\nLockgate-Purpose: analytics\r\n\
         TE: trailers\r\nConnection: TE, close\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    );
    let answer = world.raw(request.as_bytes(), |_| false).await;
    let end = String::from_utf8_lossy(&answer[answer.len() - 200..]).to_lowercase();
    assert!(end.contains(&format!("\r\n0\r\nlockgate-rows: {MANY}\r\nlockgate-truncated: false\r\n\r\n")), "{end}");
}

/// Checks a value against a schema of the description, as far as the description uses JSON Schema.
#[track_caller]
fn fits(document: &Value, schema: &Value, value: &Value) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap();
        return fits(document, target, value);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return fits(document, choice.unwrap(), value);
    }
    let is_of_type = match schema["type"].as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the description uses the type {other}"),
    };
    assert!(is_of_type, "{value} is not {schema}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{value} is not in {words:?}");
    }
    for item in value.as_array().into_iter().flatten().filter(|_| schema["items"]["type"] != "array") {
        fits(document, &schema["items"], item);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{value} lacks {name}");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let known = [&schema["properties"][name], &schema["additionalProperties"]];
        let known = known.into_iter().find(|schema| schema.is_object());
        fits(document, known.unwrap_or_else(|| panic!("the description lacks {name}: {value}")), member);
    }
}

#[tokio::test]
async fn every_answer_is_as_the_description_says() {
    let world = World::with("", 10).await;
    let document = send(world.client.get(world.url("/openapi.json"))).await.json();
    for (path, asked) in [
        ("/v1/query", "/v1/query?q=SELECT+*+FROM+lake.crm.people"),
        ("/v1/query", "/v1/query?q=SELECT+note+FROM+lake.crm.people"),
        ("/v1/query", "/v1/query?q=SELECT+1%2B"),
        ("/v1/catalog", "/v1/catalog"),
        ("/v1/policy/explain", "/v1/policy/explain?table=lake.crm.people"),
        ("/v1/policy/explain", "/v1/policy/explain?table=lake.crm.nothing"),
        ("/healthz", "/healthz"),
        ("/openapi.json", "/openapi.json?"),
    ] {
        let request = world.request(Method::GET, asked, "ann", "analytics").header("Accept", "application/json");
        let answer = send(request).await;
        let described = &document["paths"][path]["get"]["responses"][answer.status.as_str()];
        let media_type = answer.header("content-type");
        let schema = &described["content"][media_type]["schema"];
        assert!(schema.is_object(), "{asked}: {} {media_type} is not described", answer.status);
        if path != "/openapi.json" {
            fits(&document, schema, &answer.json());
        }
    }
}
