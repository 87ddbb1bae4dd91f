//! Values under nulls: what lies in a buffer where the validity bitmap says null.
//!
//! A reader of files leaves there whatever was in its buffer before, which may be the value of a row that is hidden; and
//! buffers leave the gateway as they are. So behind a row filter every such value is overwritten. Columns that were
//! treated have fresh buffers already; going over them again changes nothing.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, GenericByteArray, GenericListArray,
    MapArray, OffsetSizeTrait, StructArray, UInt64Array, make_array,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{ByteArrayType, DataType, GenericBinaryType, GenericStringType};
use datafusion::arrow::error::ArrowError;

/// The column with zeroes, empty texts and empty lists under every null.
///
/// # Errors
/// When it is of a type that a governed table never has.
pub(crate) fn overwrite(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    array(column, None)
}

/// `array` with nothing under its own nulls, nor under those of the struct that it is a field of.
fn array(array: &ArrayRef, outer: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let nulls = NullBuffer::union(outer, array.nulls()).filter(|nulls| nulls.null_count() > 0);
    match array.data_type() {
        DataType::Struct(fields) => structs(array.as_struct(), fields, nulls),
        DataType::List(_) => lists::<i32>(array.as_list(), nulls),
        DataType::LargeList(_) => lists::<i64>(array.as_list(), nulls),
        DataType::FixedSizeList(item, size) => {
            let lists = array.as_fixed_size_list();
            let width = usize::try_from(*size).unwrap_or(0);
            let of_items = nulls.as_ref().map(|nulls| nulls.expand(width));
            let values = lists.values().slice(lists.offset().saturating_mul(width), lists.len().saturating_mul(width));
            let values = self::array(&values, of_items.as_ref())?;
            Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *size, values, nulls)?))
        }
        DataType::Map(..) => maps(array.as_map(), nulls),
        _ => match nulls {
            Some(nulls) => flat(array, nulls),
            None => Ok(Arc::clone(array)),
        },
    }
}

fn flat(array: &ArrayRef, nulls: NullBuffer) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Null => Ok(Arc::clone(array)),
        DataType::Boolean => Ok(Arc::new(BooleanArray::new(array.as_boolean().values() & nulls.inner(), Some(nulls)))),
        DataType::Utf8 => Ok(texts::<GenericStringType<i32>>(array.as_bytes(), nulls)),
        DataType::LargeUtf8 => Ok(texts::<GenericStringType<i64>>(array.as_bytes(), nulls)),
        DataType::Binary => Ok(texts::<GenericBinaryType<i32>>(array.as_bytes(), nulls)),
        DataType::LargeBinary => Ok(texts::<GenericBinaryType<i64>>(array.as_bytes(), nulls)),
        DataType::FixedSizeBinary(width) => fixed(array, usize::try_from(*width).unwrap_or(0), nulls),
        other => match other.primitive_width() {
            Some(width) => fixed(array, width, nulls),
            None => Err(ArrowError::NotYetImplemented(format!("a governed column of type {other}"))),
        },
    }
}

fn fixed(array: &ArrayRef, width: usize, nulls: NullBuffer) -> Result<ArrayRef, ArrowError> {
    let data = array.to_data();
    let start = data.offset().saturating_mul(width);
    let end = start.saturating_add(data.len().saturating_mul(width));
    let raw = data.buffers().first().and_then(|buffer| buffer.as_slice().get(start..end));
    let mut bytes = raw.unwrap_or_default().to_vec();
    for (value, is_valid) in bytes.chunks_exact_mut(width.max(1)).zip(&nulls) {
        if !is_valid {
            value.fill(0);
        }
    }
    let built = ArrayData::builder(array.data_type().clone())
        .len(array.len())
        .nulls(Some(nulls))
        .add_buffer(Buffer::from_vec(bytes))
        .align_buffers(true)
        .build()?;
    Ok(make_array(built))
}

fn texts<T: ByteArrayType>(array: &GenericByteArray<T>, nulls: NullBuffer) -> ArrayRef {
    let values = array.iter().zip(&nulls).map(|(value, is_valid)| value.filter(|_| is_valid));
    let has_hidden =
        array.value_offsets().windows(2).zip(&nulls).any(|(ends, is_valid)| !is_valid && ends.first() != ends.last());
    // A slice keeps the texts before and after it in its buffer; where nothing is hidden, the null ranges are empty.
    if has_hidden {
        Arc::new(values.collect::<GenericByteArray<T>>())
    } else {
        let (offsets, bytes, _) = array.clone().into_parts();
        Arc::new(GenericByteArray::<T>::new(offsets, bytes, Some(nulls)))
    }
}

fn structs(
    array: &StructArray,
    fields: &datafusion::arrow::datatypes::Fields,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let columns: Result<Vec<ArrayRef>, ArrowError> = array
        .columns()
        .iter()
        .zip(fields)
        .map(|(column, field)| {
            let overwritten = self::array(column, nulls.as_ref())?;
            // A field that is never null keeps its values, now zeroes, without a bitmap.
            if field.is_nullable() || overwritten.null_count() == column.null_count() {
                return Ok(overwritten);
            }
            let data = overwritten.to_data().into_builder().nulls(column.nulls().cloned()).build()?;
            Ok(make_array(data))
        })
        .collect();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns?, nulls, array.len())?))
}

/// Offsets and elements without the elements of null lists.
fn kept<O: OffsetSizeTrait>(
    offsets: &[O],
    values: &ArrayRef,
    nulls: Option<&NullBuffer>,
) -> Result<(OffsetBuffer<O>, ArrayRef), ArrowError> {
    let mut positions: Vec<u64> = Vec::new();
    let mut lengths = Vec::with_capacity(offsets.len());
    let mut n_dropped = 0_usize;
    for (list_idx, ends) in offsets.windows(2).enumerate() {
        let (Some(start), Some(end)) = (ends.first(), ends.last()) else { continue };
        let elements = start.as_usize()..end.as_usize();
        if nulls.is_none_or(|nulls| nulls.is_valid(list_idx)) {
            lengths.push(elements.len());
            positions.extend(elements.map(|position| position as u64));
        } else {
            lengths.push(0);
            n_dropped = n_dropped.saturating_add(elements.len());
        }
    }
    let start = offsets.first().map_or(0, |first| first.as_usize());
    let elements = if n_dropped == 0 {
        values.slice(start, positions.len())
    } else {
        take(values, &UInt64Array::from(positions), None)?
    };
    Ok((OffsetBuffer::from_lengths(lengths), elements))
}

fn lists<O: OffsetSizeTrait>(array: &GenericListArray<O>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let (DataType::List(item) | DataType::LargeList(item)) = array.data_type() else {
        return Err(ArrowError::InvalidArgumentError("a list was expected".to_owned()));
    };
    let (offsets, elements) = kept(array.value_offsets(), array.values(), nulls.as_ref())?;
    let elements = self::array(&elements, None)?;
    Ok(Arc::new(GenericListArray::<O>::try_new(Arc::clone(item), offsets, elements, nulls)?))
}

fn maps(array: &MapArray, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let DataType::Map(entries_field, sorted) = array.data_type() else {
        return Err(ArrowError::InvalidArgumentError("a map was expected".to_owned()));
    };
    let entries: ArrayRef = Arc::new(array.entries().clone());
    let (offsets, entries) = kept(array.value_offsets(), &entries, nulls.as_ref())?;
    let entries = self::array(&entries, None)?;
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries_field), offsets, entries.as_struct().clone(), nulls, *sorted)?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, ListArray, StringArray};
    use datafusion::arrow::buffer::{BooleanBuffer, ScalarBuffer};
    use datafusion::arrow::datatypes::Field;

    use super::*;

    fn second_is_null() -> NullBuffer {
        NullBuffer::from(vec![true, false, true])
    }

    #[test]
    fn nothing_is_left_under_a_null_number() {
        let dirty: ArrayRef = Arc::new(Int64Array::new(ScalarBuffer::from(vec![1, 77, 3]), Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert_eq!(&dirty, &clean);
        assert_eq!(clean.as_primitive::<datafusion::arrow::datatypes::Int64Type>().values().to_vec(), [1, 0, 3]);
    }

    #[test]
    fn a_slice_is_overwritten_where_it_begins() {
        let dirty: ArrayRef = Arc::new(Int64Array::new(ScalarBuffer::from(vec![1, 77, 3]), Some(second_is_null())));
        let clean = array(&dirty.slice(1, 2), None).unwrap();
        assert_eq!(clean.as_primitive::<datafusion::arrow::datatypes::Int64Type>().values().to_vec(), [0, 3]);
        assert_eq!(clean.null_count(), 1);
    }

    #[test]
    fn nothing_is_left_under_a_null_boolean() {
        let dirty: ArrayRef = Arc::new(BooleanArray::new(BooleanBuffer::new_set(3), Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert!(!clean.as_boolean().values().value(1));
    }

    #[test]
    fn nothing_is_left_under_a_null_text() {
        let offsets = OffsetBuffer::from_lengths([1, 6, 1]);
        let dirty: ArrayRef = Arc::new(StringArray::new(offsets, Buffer::from(b"ahiddenb"), Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert_eq!(&dirty, &clean);
        assert_eq!(clean.as_string::<i32>().value_data(), b"ab");
    }

    #[test]
    fn nothing_is_left_under_a_null_struct_or_list() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 77, 3]));
        let fields = vec![Field::new("n", DataType::Int64, true)].into();
        let dirty: ArrayRef = Arc::new(StructArray::new(fields, vec![Arc::clone(&numbers)], Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert_eq!(clean.as_struct().column(0).null_count(), 1);
        assert_eq!(clean.as_struct().column(0).to_data().buffers()[0].typed_data::<i64>(), [1, 0, 3]);

        let item = Arc::new(Field::new("item", DataType::Int64, true));
        let offsets = OffsetBuffer::from_lengths([1, 1, 1]);
        let dirty: ArrayRef = Arc::new(ListArray::new(item, offsets, numbers, Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert_eq!(&dirty, &clean);
        assert_eq!(clean.as_list::<i32>().values().to_data().buffers()[0].typed_data::<i64>(), [1, 3]);
    }

    #[test]
    fn a_field_that_is_never_null_stays_so() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 77, 3]));
        let fields = vec![Field::new("n", DataType::Int64, false)].into();
        let dirty: ArrayRef = Arc::new(StructArray::new(fields, vec![numbers], Some(second_is_null())));
        let clean = array(&dirty, None).unwrap();
        assert_eq!(clean.as_struct().column(0).null_count(), 0);
        assert_eq!(clean.as_struct().column(0).to_data().buffers()[0].typed_data::<i64>(), [1, 0, 3]);
    }
}
