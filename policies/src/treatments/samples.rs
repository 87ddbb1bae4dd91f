//! Arrays of every type, with nulls, for tests.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RunArray, UnionArray, make_array};
use arrow::array::{FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray};
use arrow::array::{Float64Array, Int32Array, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::Int32Type;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit, UnionFields, UnionMode};

/// How many of [`every_type`] are no lists, structs or other nestings.
pub(crate) const LEAF_TYPES: usize = 45;

/// Every type: first the leaves, then nestings of them.
pub(crate) fn every_type() -> Vec<DataType> {
    use DataType::*;
    let zone: Option<Arc<str>> = Some("Europe/Amsterdam".into());
    let mut types = vec![
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Utf8,
        LargeUtf8,
        Utf8View,
        Binary,
        LargeBinary,
        BinaryView,
        FixedSizeBinary(4),
        FixedSizeBinary(8),
        FixedSizeBinary(70),
        Date32,
        Date64,
        Time32(TimeUnit::Second),
        Time64(TimeUnit::Nanosecond),
        Duration(TimeUnit::Second),
        Interval(IntervalUnit::YearMonth),
        Interval(IntervalUnit::DayTime),
        Interval(IntervalUnit::MonthDayNano),
        Decimal32(9, 2),
        Decimal64(18, 0),
        Decimal128(38, 38),
        Decimal128(20, 4),
        Decimal128(5, -3),
        Decimal256(76, 10),
        Dictionary(Box::new(Int8), Box::new(Utf8)),
        Dictionary(Box::new(UInt32), Box::new(LargeUtf8)),
    ];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        types.extend([Timestamp(unit, None), Timestamp(unit, zone.clone())]);
    }
    assert_eq!(types.len(), LEAF_TYPES);
    types.extend([
        list_of("list", &Utf8),
        list_of("large", &Int64),
        list_of("fixed", &Float64),
        list_of("list", &list_of("list", &Date32)),
    ]);
    let fields = Fields::from(vec![Field::new("phone", Utf8, true), Field::new("tip", Float64, true)]);
    types.extend([Struct(fields.clone()), list_of("list", &Struct(fields)), Null]);
    let entries = Fields::from(vec![Field::new("keys", Utf8, false), Field::new("values", Int64, true)]);
    types.push(Map(Arc::new(Field::new("entries", Struct(entries), false)), false));
    let members = vec![Field::new("text", Utf8, true), Field::new("number", Int64, true)];
    types.push(Union(UnionFields::try_new(vec![0, 1], members).unwrap(), UnionMode::Sparse));
    let (ends, values) = (Field::new("run_ends", Int32, false), Field::new("values", Utf8, true));
    types.push(RunEndEncoded(Arc::new(ends), Arc::new(values)));
    types
}

/// A type of lists with nullable items.
pub(crate) fn list_of(kind: &str, item: &DataType) -> DataType {
    let item = Arc::new(Field::new("item", item.clone(), true));
    match kind {
        "list" => DataType::List(item),
        "large" => DataType::LargeList(item),
        _ => DataType::FixedSizeList(item, 3),
    }
}

/// Rows that differ, every `null_every`-th of them null; 0 for none.
pub(crate) fn sample(data_type: &DataType, n_rows: usize, null_every: usize) -> ArrayRef {
    let nulls = (null_every > 0).then(|| NullBuffer::from_iter((0..n_rows).map(|row_idx| row_idx % null_every != 1)));
    let offsets = || (0..=n_rows).map(|row_idx| row_idx + row_idx / 2);
    let n_elements = n_rows + n_rows / 2;
    match data_type {
        DataType::List(item) => {
            let offsets = OffsetBuffer::new(offsets().map(|offset| offset as i32).collect::<ScalarBuffer<_>>());
            let elements = sample(item.data_type(), n_elements, null_every);
            Arc::new(ListArray::new(Arc::clone(item), offsets, elements, nulls))
        }
        DataType::LargeList(item) => {
            let offsets = OffsetBuffer::new(offsets().map(|offset| offset as i64).collect::<ScalarBuffer<_>>());
            let elements = sample(item.data_type(), n_elements, null_every);
            Arc::new(LargeListArray::new(Arc::clone(item), offsets, elements, nulls))
        }
        DataType::FixedSizeList(item, width) => {
            let elements = sample(item.data_type(), n_rows * *width as usize, null_every);
            Arc::new(FixedSizeListArray::new(Arc::clone(item), *width, elements, nulls))
        }
        DataType::Struct(fields) => {
            let child = |field: &Arc<Field>| {
                sample(field.data_type(), n_rows, if field.is_nullable() { null_every } else { 0 })
            };
            Arc::new(StructArray::new(fields.clone(), fields.iter().map(child).collect(), nulls))
        }
        DataType::Map(entries, _) => {
            let offsets = OffsetBuffer::new(offsets().map(|offset| offset as i32).collect::<ScalarBuffer<_>>());
            let pairs = sample(entries.data_type(), n_elements, 0);
            let pairs = pairs.as_any().downcast_ref::<StructArray>().unwrap().clone();
            Arc::new(MapArray::new(Arc::clone(entries), offsets, pairs, nulls, false))
        }
        DataType::Union(fields, _) => {
            let ids = (0..n_rows).map(|row_idx| (row_idx % 2) as i8).collect::<ScalarBuffer<_>>();
            let children = fields.iter().map(|(_, field)| sample(field.data_type(), n_rows, null_every)).collect();
            Arc::new(UnionArray::try_new(fields.clone(), ids, None, children).unwrap())
        }
        DataType::RunEndEncoded(_, values) => {
            let ends: Int32Array = (1..=n_rows as i32).collect();
            let values = sample(values.data_type(), n_rows, null_every);
            Arc::new(RunArray::<Int32Type>::try_new(&ends, &values).unwrap())
        }
        leaf => masked(&values(leaf, n_rows), nulls),
    }
}

fn masked(array: &ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    match (array.data_type(), nulls) {
        (DataType::Null, _) | (_, None) => Arc::clone(array),
        (_, nulls) => make_array(array.to_data().into_builder().nulls(nulls).build().unwrap()),
    }
}

fn values(data_type: &DataType, n_rows: usize) -> ArrayRef {
    let numbers = Int64Array::from_iter_values((0..n_rows as i64).map(|row| (row - 20) * 5 + 3));
    let texts =
        StringArray::from_iter_values((0..n_rows).map(|row| format!("person{row}@mail{}.example.com", row % 7)));
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => cast(&texts, data_type).unwrap(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => cast(&texts, data_type).unwrap(),
        DataType::Dictionary(_, _) => {
            let few = StringArray::from_iter_values((0..n_rows).map(|row| format!("a value {}", row % 10)));
            cast(&few, data_type).unwrap()
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let floats = Float64Array::from_iter_values((0..n_rows).map(|row| row as f64 * 17.3 - 90.0));
            cast(&floats, data_type).unwrap()
        }
        DataType::Null => arrow::array::new_null_array(data_type, n_rows),
        DataType::Boolean => Arc::new(arrow::array::BooleanArray::from_iter((0..n_rows).map(|row| Some(row % 3 == 0)))),
        fixed => {
            // Any bytes will do: a counter in the lowest byte.
            let width = match fixed {
                DataType::FixedSizeBinary(width) => *width as usize,
                other => other.primitive_width().unwrap(),
            };
            let bytes: Vec<u8> = numbers
                .values()
                .iter()
                .flat_map(|number| {
                    let mut slot = vec![0u8; width];
                    slot[0] = (*number % 90) as u8 % 90;
                    slot
                })
                .collect();
            let data = arrow::array::ArrayData::builder(fixed.clone()).len(n_rows).add_buffer(bytes.into());
            make_array(data.align_buffers(true).build().unwrap())
        }
    }
}
