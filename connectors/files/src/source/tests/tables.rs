//! Names, places, partitions, changes.

use lockgate_contract::{FileFormat, SourceErrorKind};
use object_store::ObjectStoreExt;

use super::*;

#[tokio::test]
async fn files_and_folders_below_schemas_are_tables() {
    let world = World::of(&[
        ("raw/trips/day=1/a.csv", "a\n1\n"),
        ("raw/events.ndjson.gz", ""),
        ("raw/README.md", "no table"),
        ("raw/notes/README.md", "no table"),
        ("raw/.hidden.csv", ""),
        ("raw/_tmp/x.csv", ""),
        ("crm/riders.parquet", ""),
        ("crm/Two Words.arrow", ""),
        (".git/x.csv", ""),
    ])
    .await;
    assert_eq!(world.tables().await, ["crm.Two Words", "crm.riders", "raw.events", "raw.trips"]);
}

#[tokio::test]
async fn files_directly_below_the_root_are_tables_of_the_schema_main() {
    let files =
        [("a.csv", "a\n1\n"), ("b.ndjson", "{\"b\": 1}\n"), ("main/c/part.csv", "c\n1\n"), ("README.md", "no table")];
    let world = World::of(&[&files[..], &[("_x.csv", "x\n"), (".y.csv", "y\n")]].concat()).await;
    assert_eq!(world.tables().await, ["main.a", "main.b", "main.c"]);
    for (table, column) in [("a", "a: Int64"), ("b", "b: Int64"), ("c", "c: Int64")] {
        assert_eq!(columns(&world.find("main", table).await.unwrap().unwrap()), [column]);
    }
    for (schema, table) in
        [("", "a"), ("Main", "a"), ("main", "README"), ("main", "_x"), ("main", ".y"), ("main", "main")]
    {
        assert!(world.find(schema, table).await.unwrap().is_none(), "{schema}.{table}");
    }
    let world = World::of(&[("a.csv", "a\n1\n"), ("main/a.csv", "a\n1\n")]).await;
    assert_eq!(world.tables().await, ["main.a"]);
    assert!(world.find("main", "a").await.unwrap_err().internal.contains("`a.csv` and `main/a.csv` both claim"));
    let declared = json!({"tables": {"s.t": {"path": "a.csv"}}});
    let world = World::new(&[("a.csv", "a\n1\n")], declared).await;
    assert_eq!(world.tables().await, ["s.t"]);
    assert!(world.find("main", "a").await.unwrap().is_none());
}

#[tokio::test]
async fn unknown_names_are_none() {
    let world = World::of(&[("s/t.csv", "a\n1\n"), ("s/_x.csv", "a\n1\n")]).await;
    for (schema, table) in [
        ("s", "u"),
        ("S", "t"),
        ("s", "T"),
        ("", "t"),
        ("s", ""),
        ("s", "t.csv"),
        ("s", "_x"),
        ("..", "t"),
        ("s", "../s/t"),
        ("s/..", "s"),
        (".", "s"),
        ("x", "t"),
    ] {
        assert!(world.find(schema, table).await.unwrap().is_none(), "{schema}.{table}");
    }
}

#[tokio::test]
async fn declared_tables_win_and_their_place_is_not_found_again() {
    let declared = json!({"tables": {
        "s.t": {"path": "raw/a.csv"},
        "s.bare": {"path": "raw/bare", "format": "csv", "header": false, "delimiter": ";"},
    }});
    let world = World::new(
        &[("s/t.csv", "other\n1\n"), ("raw/a.csv", "a\n1\n"), ("raw/bare/000000_0", "1;x\n"), ("raw/b.csv", "b\n")],
        declared,
    )
    .await;
    assert_eq!(world.tables().await, ["raw.b", "s.bare", "s.t"]);
    assert_eq!(columns(&world.table().await), ["a: Int64"]);
    assert_eq!(columns(&world.find("s", "bare").await.unwrap().unwrap()), ["column_1: Int64", "column_2: Utf8"]);
    assert!(world.find("raw", "a").await.unwrap().is_none());
}

#[tokio::test]
async fn without_discovery_only_declared_tables_exist() {
    let options = json!({"discover": false, "tables": {"s.t": {"path": "s/t.csv"}}});
    let world = World::new(&[("s/t.csv", "a\n1\n"), ("s/u.csv", "a\n1\n")], options).await;
    assert_eq!(world.tables().await, ["s.t"]);
    assert!(world.find("s", "u").await.unwrap().is_none());
}

#[tokio::test]
async fn two_claims_on_one_name_are_refused() {
    let world = World::of(&[("s/t.csv", "a\n1\n"), ("s/t/b.csv", "a\n1\n")]).await;
    assert_eq!(world.tables().await, ["s.t"]);
    world.refused(&["`s/t.csv`", "`s/t`", "claim one table name"]).await;
}

#[tokio::test]
async fn mixed_formats_in_a_folder_are_refused() {
    let world = World::of(&[("s/t/a.csv", "a\n1\n"), ("s/t/b.ndjson", "{}\n")]).await;
    world.refused(&["`s/t/a.csv`", "`s/t/b.ndjson`", "different formats"]).await;
    let world = World::of(&[("s/t/a.csv", "a\n1\n"), ("s/t/b.csv.gz", "")]).await;
    world.refused(&["different formats"]).await;
    let world = World::of(&[("s/t/a.csv", "a\n1\n"), ("s/t/part-0", "a\n1\n")]).await;
    world.refused(&["`s/t/part-0`", "names no format"]).await;
    let world =
        World::new(&[("s/t/a.csv", "a\n1\n")], json!({"tables": {"s.t": {"path": "s/t", "format": "ndjson"}}})).await;
    world.refused(&["`s/t/a.csv`", "another format"]).await;
}

#[tokio::test]
async fn partition_columns_stand_behind_those_of_the_files() {
    let world = World::of(&[
        ("s/t/city=S%C3%A3o Paulo/day=2024-01-31/a.csv", "a\n1\n"),
        ("s/t/city=__HIVE_DEFAULT_PARTITION__/day=2024-02-01/b.csv", "a\n2\n"),
    ])
    .await;
    let table = world.table().await;
    assert_eq!(columns(&table), ["a: Int64", "city: Utf8", "day: Date32"]);
    let access = access(&table);
    assert_eq!(access.file_schema.fields().len(), 1);
    assert_eq!(access.partition_columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["city", "day"]);
    let values: Vec<_> = access.files.iter().map(|file| file.partition_values.clone()).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values, [[text("São Paulo"), text("2024-01-31")], [None, text("2024-02-01")]]);
}

#[tokio::test]
async fn a_partition_column_that_the_files_hold_too_is_refused() {
    let world = World::of(&[("s/t/a=1/f.csv", "a\n1\n")]).await;
    world.refused(&["column `a` is in the path and in the files"]).await;
}

#[tokio::test]
async fn nothing_changed_gives_the_same_schema_and_store() {
    let world = World::of(&[("s/t/a.csv", "a\n1\n")]).await;
    let (first, second) = (world.table().await, world.table().await);
    assert!(Arc::ptr_eq(&first.schema, &second.schema));
    assert_eq!(access(&first).store_name, access(&second).store_name);
}

#[tokio::test]
async fn new_files_and_other_columns_show_at_once() {
    let world = World::of(&[("s/t/a.csv", "a\n1\n")]).await;
    let first = world.table().await;
    world.write("s/t/b.csv", b"a\nx\n");
    let second = world.table().await;
    assert_eq!(file_names(&second), ["s/t/a.csv", "s/t/b.csv"]);
    assert_eq!(columns(&second), ["a: Utf8"]);
    assert_eq!(access(&first).store_name, access(&second).store_name);
    fs::remove_file(world.path().join("s/t/a.csv")).unwrap();
    assert_eq!(file_names(&world.table().await), ["s/t/b.csv"]);
    fs::remove_dir_all(world.path().join("s/t")).unwrap();
    assert!(world.find("s", "t").await.unwrap().is_none());
}

#[tokio::test]
async fn the_store_of_a_table_holds_its_files_only_and_notices_changes() {
    let world = World::of(&[("s/t.csv", "a\n1\n"), ("s/u.csv", "a\n1\n")]).await;
    let table = world.table().await;
    let access = access(&table);
    let (store, own) = (&access.store, &access.files[0].meta.location);
    assert_eq!(store.get(own).await.unwrap().bytes().await.unwrap(), "a\n1\n");
    for other in ["s/t.csv", "s/u.csv"] {
        let other = object_store::path::Path::from(other);
        assert_eq!(SourceErrorKind::of_store(&store.get(&other).await.unwrap_err()), SourceErrorKind::Changed);
    }
    world.write("s/t.csv", b"a\n2\n");
    assert_eq!(SourceErrorKind::of_store(&store.get(own).await.unwrap_err()), SourceErrorKind::Changed);
}

#[tokio::test]
async fn a_link_out_of_the_root_is_refused_and_named_in_the_log() {
    let outside = World::of(&[("secret.csv", "a\n1\n")]).await;
    let world = World::of(&[("s/t/a.csv", "a\n1\n")]).await;
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), world.path().join("s/t/b.csv")).unwrap();
    world.refused(&["s/t/b.csv", "leads out of the root"]).await;
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), world.path().join("s/u.csv")).unwrap();
    assert_eq!(world.tables().await, ["s.t"]);
    assert!(world.find("s", "u").await.unwrap().is_none());
}

#[tokio::test]
async fn a_missing_root_is_a_source_that_is_down() {
    let world = World::new(&[], json!({"tables": {"s.t": {"path": "t.csv"}}})).await;
    fs::remove_dir_all(world.path()).unwrap();
    for error in [
        world.source.tables().await.unwrap_err(),
        world.find("s", "t").await.unwrap_err(),
        world.find("s", "u").await.unwrap_err(),
        world.source.check().await.unwrap_err(),
    ] {
        assert_eq!(error.kind, SourceErrorKind::Unavailable, "{}", error.internal);
        assert!(!error.to_string().contains(world.path().to_str().unwrap()));
    }
}

#[tokio::test]
async fn a_declared_place_that_is_missing_is_an_error() {
    let world =
        World::new(&[], json!({"tables": {"s.t": {"path": "x/t", "format": "csv", "schema": {"a": "Int64"}}}})).await;
    world.refused(&["`x/t` does not exist"]).await;
    let error = world.source.check().await.unwrap_err();
    assert!(error.internal.contains("table `s.t`: `x/t` does not exist"), "{}", error.internal);
    fs::create_dir_all(world.path().join("x/t")).unwrap();
    let table = world.table().await;
    assert_eq!((columns(&table), access(&table).files.len()), (vec!["a: Int64".to_owned()], 0));
    world.source.check().await.unwrap();
}

#[tokio::test]
async fn an_empty_table_with_declared_partitions_keeps_its_columns() {
    let options = json!({"tables": {"s.t": {"path": "s/t", "format": "csv", "schema": {"a": "Int64"}, "partitions": {"day": "Date32"}}}});
    let world = World::new(&[], options).await;
    fs::create_dir_all(world.path().join("s/t")).unwrap();
    assert_eq!(columns(&world.table().await), ["a: Int64", "day: Date32"]);
}

#[tokio::test]
async fn the_layout_of_text_files_reaches_the_gateway() {
    let options = json!({"csv": {"null": "NA"}, "tables": {"s.t": {"path": "s/t.csv", "quote": "'", "escape": "\\", "delimiter": "|"}}});
    let world = World::new(&[("s/t.csv", "a|b\n1|'x|y'\n")], options).await;
    world.gzip("s/z.tsv.gz", "a\tb\nNA\t1\n");
    let csv = |delimiter, quote, escape, gzip| FileFormat::Csv {
        header: true,
        delimiter,
        quote,
        escape,
        null: vec!["NA".to_owned()],
        gzip,
    };
    assert_eq!(access(&world.table().await).format, csv(b'|', b'\'', Some(b'\\'), false));
    let packed = world.find("s", "z").await.unwrap().unwrap();
    assert_eq!(access(&packed).format, csv(b'\t', b'"', None, true));
    assert_eq!(columns(&packed), ["a: Utf8", "b: Int64"]);
}
