//! Text of every layout, written anew value by value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait, StringViewArray, StringViewBuilder};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;
use arrow_schema::DataType;

use super::fresh;

/// Whether values of the type are text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A text array of the same type with `write` appending, for each value that is not null, its treated UTF-8 bytes.
/// `n_extra_bytes` is how much longer than its value a treated one may become, as far as is known.
pub(super) fn map<F>(array: &ArrayRef, n_extra_bytes: usize, write: F) -> Result<ArrayRef, ArrowError>
where
    F: Fn(&str, &mut Vec<u8>),
{
    match array.data_type() {
        DataType::Utf8 => Ok(Arc::new(map_offsets(array.as_string::<i32>(), n_extra_bytes, write)?)),
        DataType::LargeUtf8 => Ok(Arc::new(map_offsets(array.as_string::<i64>(), n_extra_bytes, write)?)),
        DataType::Utf8View => Ok(Arc::new(map_views(array.as_string_view(), write)?)),
        other => Err(unexpected(other)),
    }
}

/// The error for a type that `fits` should have kept out.
pub(super) fn unexpected(data_type: &DataType) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("no kernel for type {data_type}"))
}

fn map_offsets<O, F>(
    array: &GenericStringArray<O>,
    n_extra_bytes: usize,
    write: F,
) -> Result<GenericStringArray<O>, ArrowError>
where
    O: OffsetSizeTrait,
    F: Fn(&str, &mut Vec<u8>),
{
    let n_raw_bytes = visible_bytes(array).len();
    let mut bytes = Vec::with_capacity(n_raw_bytes + array.len() * n_extra_bytes);
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(O::default());
    for value in array {
        if let Some(value) = value {
            write(value, &mut bytes);
        }
        offsets.push(O::from_usize(bytes.len()).ok_or_else(|| ArrowError::OffsetOverflowError(bytes.len()))?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    GenericStringArray::try_new(offsets, Buffer::from_vec(bytes), fresh::nulls(array.nulls()))
}

/// The bytes that the rows of this array, and no others of a slice's buffer, lie in.
pub(super) fn visible_bytes<O: OffsetSizeTrait>(array: &GenericStringArray<O>) -> &[u8] {
    let bounds = array.value_offsets().first().zip(array.value_offsets().last());
    let (start, end) = bounds.map_or((0, 0), |(first, last)| (first.as_usize(), last.as_usize()));
    array.value_data().get(start..end).unwrap_or_default()
}

fn map_views<F>(array: &StringViewArray, write: F) -> Result<StringViewArray, ArrowError>
where
    F: Fn(&str, &mut Vec<u8>),
{
    let mut treated = StringViewBuilder::with_capacity(array.len());
    let mut bytes = Vec::new();
    for value in array {
        let Some(value) = value else {
            treated.append_null();
            continue;
        };
        bytes.clear();
        write(value, &mut bytes);
        let text = std::str::from_utf8(&bytes).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        treated.try_append_value(text)?;
    }
    Ok(treated.finish())
}
