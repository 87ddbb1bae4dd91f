//! `redact`: one constant of the type in every row, nulls included.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, FixedSizeListArray, GenericStringArray, OffsetSizeTrait, StringViewArray,
    StructArray, make_array, new_empty_array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, OffsetBuffer};
use arrow::error::ArrowError;
use arrow_schema::DataType;

use super::{Kernel, Reach, Spec};

pub(super) const SPEC: Spec = Spec {
    name: "redact",
    does: "the same constant in every row",
    more: "nulls included: `***`, 0, false, 1970-01-01, no bytes, an empty list; null where the type has no constant",
    types: "any",
    reach: Reach::Whole,
    kernel: Kernel::Plain(|array| {
        let (data_type, n_rows) = (array.data_type(), array.len());
        Ok(constant(data_type, n_rows).unwrap_or_else(|_| new_null_array(data_type, n_rows)))
    }),
};

const TEXT: &str = "***";

fn texts<O: OffsetSizeTrait>(n_rows: usize) -> Result<GenericStringArray<O>, ArrowError> {
    let offsets = OffsetBuffer::from_repeated_length(TEXT.len(), n_rows);
    GenericStringArray::try_new(offsets, Buffer::from_vec(TEXT.repeat(n_rows).into_bytes()), None)
}

/// # Errors
/// Any error means that the type has no constant.
fn constant(data_type: &DataType, n_rows: usize) -> Result<ArrayRef, ArrowError> {
    if let Some(width) = data_type.primitive_width() {
        return filled(data_type, n_rows, vec![zeroes(width * n_rows)], vec![]);
    }
    match data_type {
        DataType::Boolean => Ok(Arc::new(BooleanArray::new(BooleanBuffer::new_unset(n_rows), None))),
        DataType::Utf8 => Ok(Arc::new(texts::<i32>(n_rows)?)),
        DataType::LargeUtf8 => Ok(Arc::new(texts::<i64>(n_rows)?)),
        DataType::Utf8View => Ok(Arc::new(StringViewArray::from_iter_values(repeat_n(TEXT, n_rows)))),
        DataType::Binary => filled(data_type, n_rows, vec![zeroes((n_rows + 1) * 4), zeroes(0)], vec![]),
        DataType::LargeBinary => filled(data_type, n_rows, vec![zeroes((n_rows + 1) * 8), zeroes(0)], vec![]),
        DataType::BinaryView => filled(data_type, n_rows, vec![zeroes(n_rows * 16)], vec![]),
        DataType::FixedSizeBinary(width) => {
            filled(data_type, n_rows, vec![zeroes(usize::try_from(*width).unwrap_or(0) * n_rows)], vec![])
        }
        DataType::List(item) | DataType::Map(item, _) => {
            filled(data_type, n_rows, vec![zeroes((n_rows + 1) * 4)], vec![new_empty_array(item.data_type())])
        }
        DataType::LargeList(item) => {
            filled(data_type, n_rows, vec![zeroes((n_rows + 1) * 8)], vec![new_empty_array(item.data_type())])
        }
        DataType::ListView(item) => {
            let places = vec![zeroes(n_rows * 4), zeroes(n_rows * 4)];
            filled(data_type, n_rows, places, vec![new_empty_array(item.data_type())])
        }
        DataType::LargeListView(item) => {
            let places = vec![zeroes(n_rows * 8), zeroes(n_rows * 8)];
            filled(data_type, n_rows, places, vec![new_empty_array(item.data_type())])
        }
        DataType::FixedSizeList(item, width) => {
            let elements = constant(item.data_type(), n_rows * usize::try_from(*width).unwrap_or(0))?;
            Ok(Arc::new(FixedSizeListArray::try_new_with_length(Arc::clone(item), *width, elements, None, n_rows)?))
        }
        DataType::Struct(fields) => {
            let children: Result<Vec<_>, _> = fields.iter().map(|field| constant(field.data_type(), n_rows)).collect();
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), children?, None, n_rows)?))
        }
        DataType::Dictionary(key, value) => {
            let keys = vec![zeroes(key.primitive_width().unwrap_or(0) * n_rows)];
            filled(data_type, n_rows, keys, vec![constant(value, 1)?])
        }
        other => Err(super::text::unexpected(other)),
    }
}

fn zeroes(n_bytes: usize) -> Buffer {
    MutableBuffer::from_len_zeroed(n_bytes).into()
}

fn filled(
    data_type: &DataType,
    n_rows: usize,
    buffers: Vec<Buffer>,
    children: Vec<ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let children = children.iter().map(|child| child.to_data()).collect();
    let builder = ArrayData::builder(data_type.clone()).len(n_rows).buffers(buffers).child_data(children);
    Ok(make_array(builder.build()?))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow_schema::DataType;

    use crate::Treatment;
    use crate::treatments::samples::{every_type, sample};
    use crate::treatments::tests::apply;
    use arrow::util::display::array_value_to_string;

    #[test]
    fn constants_are_what_the_manual_says() {
        for data_type in every_type() {
            let treated = apply(Treatment::Redact, &sample(&data_type, 20, 3));
            let expected = match &data_type {
                DataType::Null | DataType::Union(..) | DataType::RunEndEncoded(..) => continue,
                DataType::Dictionary(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "***",
                DataType::Boolean => "false",
                DataType::Date32 => "1970-01-01",
                DataType::Date64 => "1970-01-01T00:00:00",
                DataType::Timestamp(_, None) => "1970-01-01T00:00:00",
                DataType::Timestamp(_, Some(_)) => continue,
                DataType::List(_) | DataType::LargeList(_) => "[]",
                DataType::FixedSizeList(..) => "[0.0, 0.0, 0.0]",
                DataType::Map(..) => "{}",
                DataType::Struct(_) => "{phone: ***, tip: 0.0}",
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "",
                DataType::Float32 | DataType::Float64 => "0.0",
                DataType::Float16 | DataType::Int8 | DataType::Int64 | DataType::UInt64 => "0",
                _ => {
                    assert_eq!(treated.null_count(), 0, "{data_type}");
                    continue;
                }
            };
            for row_idx in 0..20 {
                assert_eq!(array_value_to_string(&treated, row_idx).unwrap(), expected, "{data_type}");
            }
            assert_eq!(treated.null_count(), 0);
        }
    }

    #[test]
    fn types_without_a_constant_become_null() {
        let union = every_type().into_iter().find(|data_type| matches!(data_type, DataType::Union(..))).unwrap();
        let treated = apply(Treatment::Redact, &sample(&union, 5, 2));
        assert!((0..5).all(|row_idx| treated.as_union().value(row_idx).is_null(0)));
    }
}
