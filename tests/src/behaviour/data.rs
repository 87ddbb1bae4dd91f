//! The standard tables, in memory. Everything in them is deterministic.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, TimeUnit};

/// Schema of the standard tables.
pub const SCHEMA: &str = "suite";

/// Rows of `orders`.
pub const ORDERS: usize = 1000;

/// Cities of `orders`, among them names that are hard to put into a path or a line.
pub const CITIES: [&str; 8] =
    ["Amsterdam", "São Paulo", "x/y=z", "50% off", "say \"hi\"", "C:\\temp", " lead", "a,b;c|d\te"];

/// Texts that a format could take for something else.
const NOTES: [&str; 18] = [
    "a,b",
    "say \"hi\"",
    "two\nlines",
    "tab\there",
    " lead",
    "trail ",
    "NULL",
    "null",
    "ünï",
    "日本",
    "'",
    "\\",
    "%_",
    "true",
    "1",
    "-",
    "🚲",
    "\"",
];

/// All standard tables by name.
pub fn tables() -> BTreeMap<&'static str, RecordBatch> {
    BTreeMap::from([
        ("cities", cities()),
        ("empty", empty()),
        ("orders", orders()),
        ("scratch", scratch(0..40)),
        ("types", types()),
    ])
}

/// 1,000 rows of the usual types, with nulls, in order of `id`.
pub fn orders() -> RecordBatch {
    let n = i64::try_from(ORDERS).expect("small");
    let days = |i: i64| i32::try_from(19_000 + i % 400).expect("small");
    let every = |i: i64, k: i64| i % k == k - 1;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new((0..n).map(Some).collect::<Int64Array>())),
        ("city", Arc::new((0..n).map(|i| (!every(i, 9)).then(|| pick(&CITIES, i))).collect::<StringArray>())),
        // Quarters add up without rounding, in whatever order.
        (
            "amount",
            Arc::new(
                (0..n).map(|i| (!every(i, 11)).then(|| (i * 37 % 1009) as f64 / 4.0 - 50.0)).collect::<Float64Array>(),
            ),
        ),
        ("qty", Arc::new((0..n).map(|i| (!every(i, 5)).then_some(i * 7 % 13 - 3)).collect::<Int64Array>())),
        ("day", Arc::new((0..n).map(|i| (!every(i, 17)).then(|| days(i))).collect::<Date32Array>())),
        ("paid", Arc::new((0..n).map(|i| (!every(i, 6)).then_some(i % 3 == 0)).collect::<BooleanArray>())),
        ("note", Arc::new((0..n).map(|i| (!every(i, 4)).then(|| pick(&NOTES, i))).collect::<StringArray>())),
    ];
    nullable(columns)
}

fn pick(texts: &[&'static str], i: i64) -> &'static str {
    texts[usize::try_from(i).expect("small") % texts.len()]
}

/// What is known of the cities of `orders`; one is not in it, one of it is missing, one has no name.
pub fn cities() -> RecordBatch {
    nullable(vec![
        (
            "name",
            Arc::new(StringArray::from(vec![
                Some("Amsterdam"),
                Some("São Paulo"),
                Some("x/y=z"),
                Some("Nowhere"),
                None,
            ])),
        ),
        ("country", Arc::new(StringArray::from(vec![Some("nl"), Some("br"), None, Some("nw"), Some("zz")]))),
        ("people", Arc::new(Int64Array::from(vec![Some(900_000), Some(12_000_000), Some(0), None, Some(-1)]))),
    ])
}

/// No rows.
pub fn empty() -> RecordBatch {
    nullable(vec![("a", Arc::new(Int64Array::new_null(0))), ("b", Arc::new(StringArray::new_null(0)))])
}

/// A table that checks may replace.
pub fn scratch(ids: std::ops::Range<i64>) -> RecordBatch {
    let names: StringArray = ids.clone().map(|i| Some(format!("name {i}"))).collect();
    nullable(vec![("id", Arc::new(ids.map(Some).collect::<Int64Array>())), ("name", Arc::new(names))])
}

/// Two million seconds before and after the epoch, the ends of the calendar, and null.
const MOMENTS: [Option<i64>; 6] =
    [Some(0), Some(1_700_000_000), Some(-62_135_596_800), Some(253_402_300_799), None, Some(-1)];

/// Six rows of every type: ordinary values, both ends, null.
pub fn types() -> RecordBatch {
    let (f32_min, f64_min) = (f32::MIN_POSITIVE, f64::MIN_POSITIVE);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![0, 1, 2, 3, 4, 5]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), None, Some(false)]))),
        ("i8", Arc::new(Int8Array::from(vec![Some(i8::MIN), Some(i8::MAX), None, Some(0), Some(-1), Some(1)]))),
        ("i16", Arc::new(Int16Array::from(vec![Some(i16::MIN), Some(i16::MAX), None, Some(0), Some(-1), Some(1)]))),
        ("i32", Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), None, Some(0), Some(-1), Some(1)]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(i64::MAX), None, Some(0), Some(-1), Some(1)]))),
        ("u8", Arc::new(UInt8Array::from(vec![Some(0), Some(u8::MAX), None, Some(7), Some(1), Some(2)]))),
        ("u16", Arc::new(UInt16Array::from(vec![Some(0), Some(u16::MAX), None, Some(7), Some(1), Some(2)]))),
        ("u32", Arc::new(UInt32Array::from(vec![Some(0), Some(u32::MAX), None, Some(7), Some(1), Some(2)]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(0), Some(u64::MAX), None, Some(7), Some(1), Some(2)]))),
        (
            "f32",
            Arc::new(Float32Array::from(vec![
                Some(f32::MIN),
                Some(f32::MAX),
                None,
                Some(-0.0),
                Some(f32_min),
                Some(0.1),
            ])),
        ),
        (
            "f64",
            Arc::new(Float64Array::from(vec![
                Some(f64::MIN),
                Some(f64::MAX),
                None,
                Some(-0.0),
                Some(f64_min),
                Some(0.1),
            ])),
        ),
        (
            "odd",
            Arc::new(Float64Array::from(vec![
                Some(f64::NAN),
                Some(f64::INFINITY),
                None,
                Some(f64::NEG_INFINITY),
                Some(1.5),
                Some(0.0),
            ])),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![
                Some(""),
                Some("ünï \"x\", 日本\n🚲"),
                None,
                Some("NULL"),
                Some(" "),
                Some("\\N"),
            ])),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from_opt_vec(vec![
                Some(b""),
                Some(b"\x00\xff\n"),
                None,
                Some(b"a"),
                Some(b"\""),
                None,
            ])),
        ),
        (
            "day",
            Arc::new(
                MOMENTS
                    .iter()
                    .map(|s| s.map(|s| i32::try_from(s.div_euclid(86_400)).expect("a day")))
                    .collect::<Date32Array>(),
            ),
        ),
        ("at_ms", Arc::new(MOMENTS.iter().map(|s| s.map(|s| s * 1000 + 7)).collect::<TimestampMillisecondArray>())),
        (
            "at_us",
            Arc::new(MOMENTS.iter().map(|s| s.map(|s| s * 1_000_000 + 7)).collect::<TimestampMicrosecondArray>()),
        ),
        (
            "at_utc",
            Arc::new(
                MOMENTS
                    .iter()
                    .map(|s| s.map(|s| s * 1_000_000 + 7))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
        ),
        (
            "at_ns",
            Arc::new(TimestampNanosecondArray::from(vec![
                Some(0),
                Some(i64::MAX),
                None,
                Some(1),
                Some(-1),
                Some(1_700_000_000_123_456_789),
            ])),
        ),
        (
            "price",
            decimal(vec![Some(0), Some(9_999_999_999), None, Some(-9_999_999_999), Some(1), Some(12_345)], 10, 2),
        ),
        ("huge", decimal(vec![Some(i128::MAX / 10), Some(-1), None, Some(0), Some(1), Some(10)], 38, 10)),
    ];
    columns.extend(nested());
    nullable(columns)
}

/// Columns that hold others.
fn nested() -> Vec<(&'static str, ArrayRef)> {
    let tags = vec![
        Some(vec![Some(1), None, Some(3)]),
        Some(vec![]),
        None,
        Some(vec![None]),
        Some(vec![Some(i64::MIN)]),
        Some(vec![Some(2)]),
    ];
    let inner = StructArray::new(
        Fields::from(vec![field("street", DataType::Utf8), field("zip", DataType::Int64)]),
        vec![
            Arc::new(StringArray::from(vec![Some("Kade"), None, None, Some("x"), Some(""), None])),
            Arc::new(Int64Array::from(vec![Some(1), Some(2), None, None, Some(0), None])),
        ],
        Some(vec![true, true, false, true, true, false].into()),
    );
    let outer = StructArray::new(
        Fields::from(vec![
            field("phone", DataType::Utf8),
            Field::new("home", arrow::array::Array::data_type(&inner).clone(), true),
        ]),
        vec![
            Arc::new(StringArray::from(vec![Some("+31"), None, None, Some("p"), Some("q"), Some("r")])),
            Arc::new(inner),
        ],
        Some(vec![true, true, false, true, true, true].into()),
    );
    vec![("tags", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(tags))), ("who", Arc::new(outer))]
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn decimal(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).expect("it fits"))
}

fn nullable(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| field(name, array.data_type().clone())).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

/// The batch without the columns that `keep` refuses.
pub fn only(batch: &RecordBatch, keep: impl Fn(&Field) -> bool) -> RecordBatch {
    let indices: Vec<usize> =
        batch.schema().fields().iter().enumerate().filter(|(_, field)| keep(field)).map(|(i, _)| i).collect();
    batch.project(&indices).expect("its own columns")
}

/// Whether values of the type hold others.
pub fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested()
}

/// Whether the type is a timestamp of nanoseconds.
pub fn is_nanoseconds(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _))
}
