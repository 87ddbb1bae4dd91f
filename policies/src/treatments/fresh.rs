//! New arrays from old ones, sharing no buffer with them.

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::ArrowNativeType;

/// A copy of the null mask that holds the bits of exactly these rows, or none when no row is null.
pub(super) fn nulls(nulls: Option<&NullBuffer>) -> Option<NullBuffer> {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0)?;
    let n_rows = nulls.len();
    let mut bytes = nulls.inner().sliced().as_slice().to_vec();
    // Bits after the last row belong to rows outside of a slice.
    bytes.truncate(n_rows.div_ceil(8));
    if let Some(last) = bytes.last_mut() {
        let n_bits = n_rows % 8;
        if n_bits > 0 {
            *last &= (1u8 << n_bits) - 1;
        }
    }
    Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bytes), 0, n_rows)))
}

/// Applies `to` to each value; slots under a null become zero. `to` must not panic on any value: it also runs on what
/// lies under nulls.
pub(super) fn map<T, F>(array: &PrimitiveArray<T>, to: F) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType,
    F: Fn(T::Native) -> T::Native,
{
    let mut values: Vec<T::Native> = array.values().iter().map(|value| to(*value)).collect();
    let nulls = nulls(array.nulls());
    if let Some(nulls) = &nulls {
        clear_masked(&mut values, nulls);
    }
    PrimitiveArray::new(values.into(), nulls).with_data_type(array.data_type().clone())
}

/// Zeroes the slots under a null.
pub(super) fn clear_masked<N: ArrowNativeType>(values: &mut [N], nulls: &NullBuffer) {
    for (value, is_valid) in values.iter_mut().zip(nulls.iter()) {
        if !is_valid {
            *value = N::default();
        }
    }
}
