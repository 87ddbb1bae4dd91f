//! Treatments of single values, carried into lists and dictionaries.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, OffsetSizeTrait, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::error::ArrowError;
use arrow_schema::{DataType, FieldRef};

use super::{fresh, text};

/// A treatment of an array of single values.
pub(super) type Leaf<'a> = dyn Fn(&ArrayRef) -> Result<ArrayRef, ArrowError> + 'a;

/// Whether `leaf` fits the values of this type, or the elements of a list of them.
pub(super) fn fits(data_type: &DataType, leaf: fn(&DataType) -> bool, makes_nulls: bool) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            (item.is_nullable() || !makes_nulls) && fits(item.data_type(), leaf, makes_nulls)
        }
        DataType::Dictionary(_, value) => text::is_text(value) && leaf(value),
        scalar => leaf(scalar),
    }
}

/// Applies `leaf` to the innermost values. Nulls of lists stay; what lies under them is dropped.
pub(super) fn apply(array: &ArrayRef, leaf: &Leaf<'_>) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::List(item) => Ok(Arc::new(list(array.as_list::<i32>(), item, leaf)?)),
        DataType::LargeList(item) => Ok(Arc::new(list(array.as_list::<i64>(), item, leaf)?)),
        DataType::FixedSizeList(item, width) => Ok(Arc::new(fixed(array.as_fixed_size_list(), item, *width, leaf)?)),
        DataType::Dictionary(_, value) => cast(&leaf(&cast(array, value)?)?, array.data_type()),
        _ => leaf(array),
    }
}

fn list<O: OffsetSizeTrait>(
    array: &GenericListArray<O>,
    item: &FieldRef,
    leaf: &Leaf<'_>,
) -> Result<GenericListArray<O>, ArrowError> {
    let nulls = fresh::nulls(array.nulls());
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(O::default());
    let mut kept = Vec::new();
    for (row_idx, bounds) in array.value_offsets().windows(2).enumerate() {
        if let ([start, end], true) = (bounds, is_valid(nulls.as_ref(), row_idx)) {
            kept.extend(start.as_usize() as u64..end.as_usize() as u64);
        }
        offsets.push(O::from_usize(kept.len()).ok_or(ArrowError::OffsetOverflowError(kept.len()))?);
    }
    let elements = take(array.values(), &UInt64Array::from(kept), None)?;
    let treated = apply(&elements, leaf)?;
    GenericListArray::try_new(Arc::clone(item), OffsetBuffer::new(ScalarBuffer::from(offsets)), treated, nulls)
}

fn fixed(
    array: &FixedSizeListArray,
    item: &FieldRef,
    width: i32,
    leaf: &Leaf<'_>,
) -> Result<FixedSizeListArray, ArrowError> {
    let nulls = fresh::nulls(array.nulls());
    let n_elements = u64::try_from(width).unwrap_or(0);
    let mut kept = Vec::with_capacity(array.len() * n_elements as usize);
    for row_idx in 0..array.len() {
        let first = row_idx as u64 * n_elements;
        let valid = is_valid(nulls.as_ref(), row_idx);
        kept.extend((first..first + n_elements).map(|element_idx| valid.then_some(element_idx)));
    }
    let elements = take(array.values(), &UInt64Array::from(kept), None)?;
    let treated = apply(&elements, leaf)?;
    FixedSizeListArray::try_new_with_length(Arc::clone(item), width, treated, nulls, array.len())
}

fn is_valid(nulls: Option<&NullBuffer>, row_idx: usize) -> bool {
    nulls.is_none_or(|nulls| nulls.is_valid(row_idx))
}
