//! Columns of CSV and NDJSON files.

use super::*;

#[tokio::test]
async fn csv_columns_are_inferred_over_several_files() {
    let world = World::of(&[
        ("s/t/a.csv", "id,zip,x,day,at\n1,007,1,2024-01-31,2024-01-31T00:00:00Z\n"),
        ("s/t/b.csv", "id,zip,x,day,at\n2,12,2.5,,\n"),
    ])
    .await;
    let expected = ["id: Int64", "zip: Utf8", "x: Float64", "day: Date32", "at: Timestamp(µs, \"UTC\")"];
    assert_eq!(columns(&world.table().await), expected);
}

#[tokio::test]
async fn rows_of_text_are_counted_beside_the_queries_and_anew_when_files_change() {
    let world = World::of(&[("s/t/a.csv", "id,x\n1,\"a\nb\"\n2,b\n"), ("s/t/b.csv", "id,x\n3,c")]).await;
    assert_eq!(world.counted().await, 3);
    world.write("s/t/b.csv", b"id,x\n");
    assert_eq!(world.counted().await, 2);
    world.write("s/t/b.csv", format!("id,x\n{}", "7,d\n".repeat(1_200_000)).as_bytes());
    assert_eq!(world.counted().await, 1_000_000);
    let lines = World::of(&[]).await;
    lines.gzip("s/t.ndjson.gz", "{\"id\": 1}\n\n{\"id\": 2}");
    assert_eq!(lines.counted().await, 2);
}

#[tokio::test]
async fn every_csv_file_has_its_header_compared_even_behind_the_sample() {
    let world = World::of(&[]).await;
    for i in 0..15 {
        world.write(&format!("s/t/{i:02}.csv"), b"a,b\n1,x\n");
    }
    assert_eq!(columns(&world.table().await), ["a: Int64", "b: Utf8"]);
    world.write("s/t/14.csv", b"b,a\nx,1\n");
    world.refused(&["`s/t/14.csv`", "same header"]).await;
}

#[tokio::test]
async fn a_declared_csv_schema_must_name_the_header() {
    let options = json!({"tables": {"s.t": {"path": "s/t.csv", "schema": {"a": "Utf8", "b": "Float64"}}}});
    let world = World::new(&[("s/t.csv", "a,b\n1,2\n")], options.clone()).await;
    assert_eq!(columns(&world.table().await), ["a: Utf8", "b: Float64"]);
    let world = World::new(&[("s/t.csv", "b,a\n1,2\n")], options).await;
    world.refused(&["`s/t.csv`", "header `b`, `a`", "declared are `a`, `b`"]).await;
}

#[tokio::test]
async fn some_columns_have_declared_types_and_the_others_are_inferred() {
    let options = |types: serde_json::Value| json!({"tables": {"s.t": {"path": "s/t.csv", "types": types}}});
    let world = World::new(&[("s/t.csv", "a,b,c\n1,2,x\n")], options(json!({"b": "Float64", "a": "Utf8"}))).await;
    assert_eq!(columns(&world.table().await), ["a: Utf8", "b: Float64", "c: Utf8"]);
    let world = World::new(&[("s/t.csv", "a,b\n1,2\n")], options(json!({"B": "Float64"}))).await;
    world.refused(&["`s/t.csv`: `types` names the column `B`", "they have `a`, `b`"]).await;
    let world = World::new(
        &[("s/t.ndjson", "{\"a\": 1}\n")],
        json!({"tables": {"s.t": {"path": "s/t.ndjson", "types": {"a": "Float64"}}}}),
    )
    .await;
    assert_eq!(columns(&world.table().await), ["a: Float64"]);
    let world = World::new(
        &[("s/t.parquet", "")],
        json!({"tables": {"s.t": {"path": "s/t.parquet", "types": {"a": "Float64"}}}}),
    )
    .await;
    world.refused(&["`s/t.parquet`: `types` is for text files"]).await;
}

#[tokio::test]
async fn several_texts_stand_for_null() {
    let world = World::new(&[("s/t.csv", "a,b\n1,-\nNA,2\n,\n")], json!({"csv": {"null": ["NA", "-"]}})).await;
    assert_eq!(columns(&world.table().await), ["a: Int64", "b: Int64"]);
}

#[tokio::test]
async fn zero_byte_text_files_hold_no_rows() {
    let world = World::of(&[("s/t/a.csv", ""), ("s/t/b.csv", "a\n1\n")]).await;
    let table = world.table().await;
    assert_eq!((columns(&table), file_names(&table)), (vec!["a: Int64".to_owned()], vec!["s/t/b.csv".to_owned()]));
    let world = World::of(&[("s/t.csv", "")]).await;
    world.refused(&["`s/t.csv`: no column can be inferred"]).await;
    let world =
        World::new(&[("s/t.csv", "")], json!({"tables": {"s.t": {"path": "s/t.csv", "schema": {"a": "Utf8"}}}})).await;
    assert_eq!(columns(&world.table().await), ["a: Utf8"]);
}

#[tokio::test]
async fn a_header_alone_is_an_empty_table_of_text() {
    let world = World::of(&[("s/t.csv", "a,b\n")]).await;
    assert_eq!(columns(&world.table().await), ["a: Utf8", "b: Utf8"]);
}

#[tokio::test]
async fn damaged_text_files_are_refused_by_place_without_values() {
    for (name, text, part) in [
        ("t.csv", "a,b\n1,2\nSECRET\n", "line 3 has 1 fields"),
        ("t.csv", "a,a\n1,2\n", "`s/t.csv`: two columns are named `a`"),
        ("t.ndjson", "{\"a\": 1}\n{SECRET\n", "line 2 is no JSON object"),
        ("t.json", "[{\"a\": 1}]\n", "JSON array"),
        ("t.ndjson", "{\"a\": 1}\n{\"a\": [\"SECRET\"]}\n", "the values of `a` are not all of one type"),
    ] {
        let world = World::of(&[(&format!("s/{name}"), text)]).await;
        world.refused(&[part]).await;
        let error = world.find("s", "t").await.unwrap_err();
        assert!(!error.internal.contains("SECRET"), "{}", error.internal);
    }
    let world = World::of(&[]).await;
    world.write("s/t.csv", b"a\n\xff\xfe\n");
    world.refused(&["line 2 is not UTF-8; save the file as UTF-8"]).await;
    world.write("s/t.csv", b"\xff\xfea\0\n\0");
    world.refused(&["`s/t.csv`: is UTF-16; save the file as UTF-8"]).await;
}

#[tokio::test]
async fn ndjson_columns_are_nested() {
    let world = World::of(&[(
        "s/t.ndjson",
        "{\"id\": 1, \"who\": {\"phone\": \"x\", \"tags\": [1]}}\n{\"id\": 2, \"late\": true}\n",
    )])
    .await;
    let expected = ["id: Int64", "who: Struct(\"phone\": Utf8, \"tags\": List(Int64))", "late: Boolean"];
    assert_eq!(columns(&world.table().await), expected);
}

#[tokio::test]
async fn packed_text_is_sampled_and_damage_is_noticed() {
    let world = World::of(&[]).await;
    world.gzip("s/t.ndjson.gz", &"{\"a\": 1}\n".repeat(100_000));
    assert_eq!(columns(&world.table().await), ["a: Int64"]);
    world.gzip("s/t.ndjson.gz", "{\"a\": 1}\n");
    let bytes = fs::read(world.path().join("s/t.ndjson.gz")).unwrap();
    world.write("s/t.ndjson.gz", &bytes[..bytes.len() - 4]);
    world.refused(&["s/t.ndjson.gz", "gzip data is damaged"]).await;
}

#[tokio::test]
async fn a_big_text_file_is_sampled_at_its_beginning() {
    let world = World::of(&[]).await;
    let row = format!("1,{}\n", "x".repeat(2000));
    world.write("s/t.csv", ("a,b\n".to_owned() + &row.repeat(2000) + "late,x\n").as_bytes());
    assert_eq!(columns(&world.table().await), ["a: Int64", "b: Utf8"]);
}
