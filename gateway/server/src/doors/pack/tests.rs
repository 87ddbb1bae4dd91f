use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use ::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray,
    RecordBatch, RecordBatchOptions, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use ::arrow::compute::concat_batches;
use ::arrow::datatypes::{DataType, Field, Int32Type, IntervalUnit, Schema};
use ::arrow::ipc::reader::StreamReader;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use bytes::Bytes;
use lockgate_wire::ErrorCode;
use serde_json::{Value, json};

use super::*;
use crate::doors::accept::Compression;

const ARROW: Format = Format::Arrow(Compression::None);

fn frame(schema: SchemaRef) -> Frame {
    let notice = Notice {
        table: "a.b.c".into(),
        column: Some("d".into()),
        treatment: "hash".into(),
        rules: vec![],
        text: "x".into(),
    };
    Frame { schema, query_id: uuid::Uuid::nil(), policy: "p1".into(), notices: vec![notice] }
}

/// Writes batches as the door does.
fn write(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let schema = batches[0].schema();
    let mut packing = packing(format, frame(schema.clone())).unwrap();
    let mut cutter = Cutter::new(schema, packing.piece_size(), true);
    let mut chunks = Chunks::default();
    let mut rows = 0;
    for batch in batches {
        cutter.push(batch).unwrap();
        rows += batch.num_rows() as u64;
    }
    cutter.finish().unwrap();
    while let Some(piece) = cutter.next() {
        packing.rows(&piece, &mut chunks).unwrap();
    }
    packing.end(Ending { rows, truncated: false }, &mut chunks).unwrap();
    chunks.take().into_iter().flatten().collect()
}

#[test]
fn long_batches_stay_as_they_are_only_where_no_rows_are_hidden() {
    let batch = sample(6_000);
    let lengths = [300, 2_000, 700, 3_000];
    let pieces = |hides_rows: bool| {
        let mut cutter =
            Cutter::new(batch.schema(), PieceSize { rows: 65_536, bytes: 4 << 20, long: 1_024 }, hides_rows);
        for batch in slices(&batch, &lengths) {
            cutter.push(&batch).unwrap();
        }
        cutter.finish().unwrap();
        std::iter::from_fn(|| cutter.next()).map(|piece| piece.num_rows()).collect::<Vec<_>>()
    };
    assert_eq!(pieces(false), lengths);
    assert_eq!(pieces(true), [1_024, 4_976]);
}

fn text(format: Format, batch: &RecordBatch) -> String {
    String::from_utf8(write(format, std::slice::from_ref(batch))).unwrap()
}

/// Rows of every kind that is cut differently: numbers, bits, texts, nulls, lists and structs.
fn sample(n: i64) -> RecordBatch {
    let bits: BooleanArray = (0..n).map(|i| (i % 3 != 0).then_some(i % 2 == 0)).collect();
    let texts: StringArray =
        (0..n).map(|i| (i % 5 != 0).then(|| "x".repeat(usize::try_from(i % 40).unwrap()))).collect();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..n).map(|i| (i % 7 != 0).then(|| (0..i % 4).map(|j| (j != 2).then_some(1)).collect::<Vec<_>>())),
    );
    let leaf: ArrayRef = Arc::new((0..n).map(|i| (i % 4 != 0).then_some(i)).collect::<Int64Array>());
    let structs = StructArray::from(vec![(Arc::new(Field::new("leaf", DataType::Int64, true)), leaf)]);
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from_iter_values(0..n)) as ArrayRef, true),
        ("bits", Arc::new(bits) as ArrayRef, true),
        ("texts", Arc::new(texts) as ArrayRef, true),
        ("lists", Arc::new(lists) as ArrayRef, true),
        ("structs", Arc::new(structs) as ArrayRef, true),
    ])
    .unwrap()
}

fn texts(values: Vec<Option<&str>>) -> RecordBatch {
    RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(values)) as ArrayRef)]).unwrap()
}

fn slices(batch: &RecordBatch, lengths: &[usize]) -> Vec<RecordBatch> {
    let mut at = 0;
    let mut slices = Vec::new();
    for length in lengths.iter().cycle() {
        if at >= batch.num_rows() {
            break;
        }
        let length = (*length).min(batch.num_rows() - at);
        slices.push(batch.slice(at, length));
        at += length;
    }
    slices
}

#[test]
fn the_bytes_do_not_tell_how_the_engine_cut_its_batches() {
    let larger = sample(100_000);
    for format in Format::ALL {
        let binary = matches!(format, Format::Arrow(_) | Format::Parquet);
        let batch = larger.slice(0, if binary { 90_003 } else { 20_003 });
        for batch in [batch.project(&[0, 1, 2]).unwrap(), batch] {
            let whole = write(*format, std::slice::from_ref(&batch));
            for lengths in [&[8192][..], &[1, 7, 300, 20_000], &[40_000]] {
                assert!(whole == write(*format, &slices(&batch, lengths)), "{format:?} {lengths:?}");
            }
        }
    }
}

#[test]
fn bits_of_rows_beyond_the_end_do_not_leave() {
    for n in [3, 8, 1024 + 5] {
        let one = sample(2000).slice(0, n);
        let other = concat_batches(&one.schema(), &[one.clone(), sample(2000).slice(7, 900)]).unwrap().slice(0, n);
        for format in Format::ALL {
            assert!(
                write(*format, std::slice::from_ref(&one)) == write(*format, std::slice::from_ref(&other)),
                "{format:?} {n}"
            );
        }
    }
}

#[test]
fn an_arrow_stream_reads_back_with_its_metadata_in_each_compression() {
    let metadata = HashMap::from([("lockgate.policy".to_owned(), "p1".to_owned())]);
    let batch = sample(150_000);
    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata(metadata));
    let batch = batch.with_schema(schema).unwrap();
    let mut sizes = Vec::new();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let bytes = write(Format::Arrow(compression), &slices(&batch, &[8192]));
        sizes.push(bytes.len());
        let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
        assert_eq!(reader.schema(), batch.schema());
        let batches: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
        let rows: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(rows, [1024, 16 * 1024, 64 * 1024, 64 * 1024, 150_000 - 145 * 1024]);
        assert_eq!(concat_batches(&batch.schema(), &batches).unwrap(), batch);
    }
    assert!(sizes[1] < sizes[0] && sizes[2] < sizes[0], "{sizes:?}");
}

#[test]
fn a_piece_ends_early_when_its_texts_are_long() {
    let long = "y".repeat(10_000);
    let batch = texts(vec![Some(long.as_str()); 4000]);
    let reader = StreamReader::try_new(Cursor::new(write(ARROW, &[batch])), None).unwrap();
    let rows: Vec<_> = reader.map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(rows, [512, 512, 512, 512, 512, 512, 512, 416]);
}

#[test]
fn a_result_without_rows_or_columns_is_whole_in_every_form() {
    let empty = RecordBatch::new_empty(sample(1).schema());
    let reader = StreamReader::try_new(Cursor::new(write(ARROW, std::slice::from_ref(&empty))), None).unwrap();
    assert_eq!(reader.schema(), empty.schema());
    assert_eq!(reader.count(), 0);
    assert_eq!(text(Format::Csv, &empty), "id,bits,texts,lists,structs\r\n");
    assert_eq!(text(Format::NdJson, &empty), "");
    let document: Value = serde_json::from_str(&text(Format::Json, &empty)).unwrap();
    assert_eq!(document["rows"], json!([]));
    assert_eq!(document["row_count"], 0);
    let parquet = Bytes::from(write(Format::Parquet, &[empty]));
    assert_eq!(ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().metadata().file_metadata().num_rows(), 0);

    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let bare = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
    let reader = StreamReader::try_new(Cursor::new(write(ARROW, std::slice::from_ref(&bare))), None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
    assert_eq!(text(Format::NdJson, &bare), "{}\n{}\n{}\n");
    let document: Value = serde_json::from_str(&text(Format::Json, &bare)).unwrap();
    assert_eq!(document["rows"], json!([[], [], []]));
}

#[test]
fn json_keeps_every_digit_and_writes_what_json_has_no_number_for() {
    let safe = (1_i64 << 53) - 1;
    let batch = RecordBatch::try_from_iter([
        ("i", Arc::new(Int64Array::from(vec![Some(safe), Some(safe + 1), Some(i64::MIN), None])) as ArrayRef),
        ("u", Arc::new(UInt64Array::from(vec![0, 1, 2, u64::MAX])) as ArrayRef),
        ("f", Arc::new(Float64Array::from(vec![0.1, f64::NAN, f64::INFINITY, -f64::INFINITY])) as ArrayRef),
        (
            "d",
            Arc::new(Decimal128Array::from(vec![1, -150, 10_i128.pow(30), 0]).with_precision_and_scale(38, 2).unwrap())
                as ArrayRef,
        ),
        ("b", Arc::new(BinaryArray::from_vec(vec![b"\x00\xff", b"", b"a", b"\""])) as ArrayRef),
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![0, 1, 1_000_000, -1]).with_timezone("UTC")) as ArrayRef),
        ("s", Arc::new(StringArray::from(vec!["\"\n", "é", "\u{2028}", ""])) as ArrayRef),
    ])
    .unwrap();
    let document: Value = serde_json::from_str(&text(Format::Json, &batch)).unwrap();
    let expected = json!([
        [safe, 0, 0.1, "0.01", "00ff", "1970-01-01T00:00:00Z", "\"\n"],
        ["9007199254740992", 1, "NaN", "-1.50", "", "1970-01-01T00:00:00.000001Z", "é"],
        [
            "-9223372036854775808",
            2,
            "Infinity",
            "10000000000000000000000000000.00",
            "61",
            "1970-01-01T00:00:01Z",
            "\u{2028}"
        ],
        [null, "18446744073709551615", "-Infinity", "0.00", "22", "1969-12-31T23:59:59.999999Z", ""],
    ]);
    assert_eq!(document["rows"], expected);
    assert_eq!(document["row_count"], 4);
    assert_eq!(document["truncated"], false);
    assert_eq!(document["query_id"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(document["policy"], "p1");
    assert_eq!(document["notices"][0]["treatment"], "hash");
    assert_eq!(document["columns"][0], json!({"name": "i", "type": "Int64", "nullable": true}));
}

#[test]
fn ndjson_has_one_object_a_row_and_no_key_twice() {
    let sample = sample(3);
    let names = ["id", "id", "id_2"].iter().zip([0, 3, 4]).map(|(n, i)| sample.schema().field(i).clone().with_name(*n));
    let schema = Arc::new(Schema::new(names.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema, [0, 3, 4].map(|i| sample.column(i).clone()).to_vec()).unwrap();
    let expected = [
        r#"{"id":0,"id_3":null,"id_2":{"leaf":null}}"#,
        r#"{"id":1,"id_3":[1],"id_2":{"leaf":1}}"#,
        r#"{"id":2,"id_3":[1,1],"id_2":{"leaf":2}}"#,
    ];
    assert_eq!(text(Format::NdJson, &batch), expected.join("\n") + "\n");
}

#[test]
fn csv_quotes_what_needs_it_and_tells_null_from_empty() {
    let batch = RecordBatch::try_from_iter([
        ("a,\"b", Arc::new(StringArray::from(vec![Some("x"), Some(""), None, Some("q\"\r\n,")])) as ArrayRef),
        ("f", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN), Some(1e300)])) as ArrayRef),
        ("d", Arc::new(Date32Array::from(vec![Some(0), None, Some(-1), Some(20_000)])) as ArrayRef),
        ("l", sample(4).column(3).clone()),
    ])
    .unwrap();
    let expected = "\"a,\"\"b\",f,d,l\r\nx,1.5,1970-01-01,\r\n\"\",,,[1]\r\n,NaN,1969-12-31,\"[1,1]\"\r\n\"q\"\"\r\n,\",1e300,2024-10-04,\"[1,1,null]\"\r\n";
    assert_eq!(text(Format::Csv, &batch), expected);
    let single = texts(vec![Some("x"), None, Some("")]);
    assert_eq!(text(Format::Csv, &single), "a\r\nx\r\n\"\"\r\n\"\"\r\n");
}

#[test]
fn a_parquet_file_reads_back() {
    let batch = sample(90_000);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(Bytes::from(write(Format::Parquet, &slices(&batch, &[8192]))));
    let batches: Vec<_> = reader.unwrap().build().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(concat_batches(&batch.schema(), &batches).unwrap(), batch);
}

#[test]
fn a_form_that_cannot_hold_a_type_is_refused_before_it_begins() {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let schema = Arc::new(Schema::new(vec![Field::new("i", interval, true)]));
    let error = Error::from(packing(Format::Parquet, frame(schema.clone())).err().unwrap());
    assert_eq!(error.code(), ErrorCode::UnsupportedFeature);
    for format in [ARROW, Format::Json, Format::NdJson, Format::Csv] {
        assert!(packing(format, frame(schema.clone())).is_ok(), "{format:?}");
    }
}

#[test]
fn a_time_that_no_text_can_show_is_an_error_and_not_a_wrong_cell() {
    let array = TimestampMicrosecondArray::from(vec![i64::MAX]);
    let batch = RecordBatch::try_from_iter([("t", Arc::new(array) as ArrayRef)]).unwrap();
    for format in [Format::Json, Format::NdJson, Format::Csv] {
        let mut packing = packing(format, frame(batch.schema())).unwrap();
        let error = packing.rows(&batch, &mut Chunks::default()).unwrap_err();
        assert_eq!(Error::from(error).code(), ErrorCode::UnsupportedFeature, "{format:?}");
    }
}
