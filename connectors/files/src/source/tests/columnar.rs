//! Columns of Parquet and Arrow files.

use std::collections::HashMap;

use arrow::array::{
    Array, DictionaryArray, Int32Array, Int64Array, LargeStringArray, NullArray, StringArray, StringViewArray,
    StructArray,
};
use arrow::datatypes::Int32Type;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

fn ints() -> ArrayRef {
    Arc::new(Int64Array::from(vec![Some(1), None]))
}

fn texts() -> ArrayRef {
    Arc::new(StringArray::from(vec!["x", "y"]))
}

#[tokio::test]
async fn footers_of_all_files_are_merged() {
    let world = World::of(&[]).await;
    world.parquet("s/t/a.parquet", vec![("id", ints()), ("name", texts()), ("gone", texts())]);
    world.parquet(
        "s/t/b.parquet",
        vec![("new", ints()), ("name", Arc::new(LargeStringArray::from(vec!["x"; 2]))), ("id", ints())],
    );
    assert_eq!(columns(&world.table().await), ["id: Int64", "name: LargeUtf8!", "gone: Utf8", "new: Int64"]);
}

#[tokio::test]
async fn rows_are_counted_where_every_footer_counts_them() {
    let world = World::of(&[]).await;
    world.parquet("s/t/a.parquet", vec![("id", ints())]);
    world.parquet("s/t/b.parquet", vec![("id", Arc::new(Int64Array::from(vec![3; 5])))]);
    assert_eq!(world.table().await.rows, Some(7));
    world.parquet("s/t/b.parquet", vec![("id", ints())]);
    assert_eq!(world.table().await.rows, Some(4));
}

#[tokio::test]
async fn conflicting_types_are_refused_by_column_and_file() {
    let world = World::of(&[]).await;
    world.parquet("s/t/a.parquet", vec![("id", ints())]);
    world.parquet("s/t/b.parquet", vec![("id", Arc::new(Int32Array::from(vec![1, 2])))]);
    world.refused(&["column `id` is Int32 in `s/t/b.parquet` and Int64"]).await;
    let struct_of = |name: &str| -> ArrayRef {
        Arc::new(StructArray::from(vec![(Arc::new(Field::new(name, DataType::Utf8, true)), texts())]))
    };
    world.parquet("s/t/a.parquet", vec![("id", struct_of("a"))]);
    world.parquet("s/t/b.parquet", vec![("id", struct_of("b"))]);
    world.refused(&["column `id`"]).await;
}

#[tokio::test]
async fn a_column_of_nulls_takes_the_type_of_other_files() {
    let world = World::of(&[]).await;
    world.parquet("s/t/a.parquet", vec![("id", Arc::new(NullArray::new(2)))]);
    world.parquet("s/t/b.parquet", vec![("id", ints())]);
    assert_eq!(columns(&world.table().await), ["id: Int64"]);
}

#[tokio::test]
async fn views_and_dictionaries_are_shown_plain_and_metadata_is_left_behind() {
    let world = World::of(&[]).await;
    let dictionary: DictionaryArray<Int32Type> = vec!["x", "y"].into_iter().collect();
    let inner = Field::new("inner", dictionary.data_type().clone(), true)
        .with_metadata(HashMap::from([("k".into(), "hidden".into())]));
    let nested = StructArray::from(vec![(Arc::new(inner), Arc::new(dictionary.clone()) as ArrayRef)]);
    let metadata = HashMap::from([("pandas".to_owned(), "{\"columns\": [\"hidden\"]}".to_owned())]);
    let fields = vec![
        Field::new("view", DataType::Utf8View, true).with_metadata(metadata.clone()),
        Field::new("dictionary", dictionary.data_type().clone(), true),
        Field::new("nested", nested.data_type().clone(), true),
    ];
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(StringViewArray::from(vec!["x", "y"])), Arc::new(dictionary), Arc::new(nested)];
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut parquet = ArrowWriter::try_new(world.create("s/t.parquet"), Arc::clone(&schema), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();
    let mut file = FileWriter::try_new(world.create("s/file.feather"), &schema).unwrap();
    file.write(&batch).unwrap();
    file.finish().unwrap();
    let mut stream = StreamWriter::try_new(world.create("s/stream.arrows"), &schema).unwrap();
    stream.write(&batch).unwrap();
    stream.finish().unwrap();
    for name in ["t", "file", "stream"] {
        let table = world.find("s", name).await.unwrap().unwrap();
        assert_eq!(columns(&table), ["view: Utf8", "dictionary: Utf8", "nested: Struct(\"inner\": Utf8)"], "{name}");
        let whole = format!("{:?} {:?}", table.schema, access(&table).file_schema);
        assert!(!whole.contains("hidden") && !whole.contains("PARQUET"), "{whole}");
    }
}

#[tokio::test]
async fn int96_timestamps_are_microseconds_at_any_depth() {
    let world = World::of(&[]).await;
    let message = "message m { required int96 top; required group g { required int64 n; required int96 at; } required int64 last; }";
    let message = Arc::new(parse_message_type(message).unwrap());
    let mut writer = SerializedFileWriter::new(world.create("s/t.parquet"), message, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut index = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        match index {
            0 | 2 => drop(
                column.typed::<Int96Type>().write_batch(&[Int96::from(vec![0, 0, 5_373_484])], None, None).unwrap(),
            ),
            _ => drop(column.typed::<parquet::data_type::Int64Type>().write_batch(&[7], None, None).unwrap()),
        }
        column.close().unwrap();
        index += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
    let expected =
        ["top: Timestamp(µs)!", "g: Struct(\"n\": non-null Int64, \"at\": non-null Timestamp(µs))!", "last: Int64!"];
    assert_eq!(columns(&world.table().await), expected);
}

#[tokio::test]
async fn a_declared_schema_is_checked_against_the_footers() {
    let declared = |schema: Value| json!({"tables": {"s.t": {"path": "s/t.parquet", "schema": schema}}});
    let world = World::new(&[], declared(json!({"name": "Utf8", "id": "Int64", "later": "Date32"}))).await;
    world.parquet(
        "s/t.parquet",
        vec![("id", Arc::new(Int32Array::from(vec![1, 2]))), ("name", texts()), ("more", texts())],
    );
    assert_eq!(columns(&world.table().await), ["name: Utf8", "id: Int64", "later: Date32"]);
    let world = World::new(&[], declared(json!({"id": "Int32"}))).await;
    world.parquet("s/t.parquet", vec![("id", ints())]);
    world.refused(&["column `id` is declared Int32, but is Int64 in `s/t.parquet`"]).await;
}

#[tokio::test]
async fn damaged_files_are_refused() {
    let world = World::of(&[]).await;
    world.parquet("s/t.parquet", vec![("id", ints())]);
    let good = fs::read(world.path().join("s/t.parquet")).unwrap();
    let mut flipped = good.clone();
    let near_end = flipped.len() - 20;
    flipped[near_end..near_end + 8].fill(0xff);
    for bytes in [&good[..good.len() - 1], &good[..4], b"", b"PAR1PAR1", &flipped] {
        world.write("s/t.parquet", bytes);
        world.refused(&["s/t.parquet", "no readable Parquet file"]).await;
    }
    fs::remove_file(world.path().join("s/t.parquet")).unwrap();
    let batch = RecordBatch::try_from_iter([("id", ints())]).unwrap();
    let mut writer = FileWriter::try_new(world.create("s/t.arrow"), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    assert_eq!(columns(&world.table().await), ["id: Int64"]);
    let good = fs::read(world.path().join("s/t.arrow")).unwrap();
    for bytes in [&good[..good.len() - 3], &good[..20], b"", b"FEA1 and more", b"ARROW1"] {
        world.write("s/t.arrow", bytes);
        world.refused(&["s/t.arrow"]).await;
    }
}
