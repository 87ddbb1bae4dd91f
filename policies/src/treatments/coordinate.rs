//! Coordinates on a grid.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow_schema::DataType;

use super::{fresh, text};

pub(super) fn is_coordinate(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// Rounds down to a grid of `cells` cells a degree, as SQL's `floor(x * cells) / cells` does. What is then not a finite
/// number becomes null.
pub(super) fn on_grid(array: &ArrayRef, cells: u8) -> Result<ArrayRef, ArrowError> {
    let (single, double) = (f32::from(cells), f64::from(cells));
    match array.data_type() {
        DataType::Float32 => Ok(Arc::new(finite(
            fresh::map(array.as_primitive::<Float32Type>(), |degrees| (degrees * single).floor() / single + 0.0),
            |degrees| degrees.is_finite(),
        ))),
        DataType::Float64 => Ok(Arc::new(finite(
            fresh::map(array.as_primitive::<Float64Type>(), |degrees| (degrees * double).floor() / double + 0.0),
            |degrees| degrees.is_finite(),
        ))),
        other => Err(text::unexpected(other)),
    }
}

fn finite<T, F>(array: PrimitiveArray<T>, is_finite: F) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType,
    F: Fn(&T::Native) -> bool,
{
    if array.values().iter().all(&is_finite) {
        return array;
    }
    let finite = NullBuffer::new(BooleanBuffer::from_iter(array.values().iter().map(&is_finite)));
    let nulls = NullBuffer::union(array.nulls(), Some(&finite));
    let mut values = array.values().to_vec();
    fresh::clear_masked(&mut values, &finite);
    PrimitiveArray::new(values.into(), nulls)
}
