//! Coordinates on a grid.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow_schema::DataType;
use num_traits::{Float, One, Zero};

use super::{fresh, text};

pub(super) fn is_coordinate(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// Rounds down to a grid of `cells` cells a degree, as SQL's `floor(x * cells) / cells` does. What is then not a finite
/// number becomes null.
pub(super) fn on_grid(array: &ArrayRef, cells: u8) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Float32 => Ok(floored(array.as_primitive::<Float32Type>(), cells, ROUNDS_SINGLES)),
        DataType::Float64 => Ok(floored(array.as_primitive::<Float64Type>(), cells, ROUNDS_DOUBLES)),
        other => Err(text::unexpected(other)),
    }
}

/// Numbers of which this is added are rounded to the nearest integer, as long as they are below a third of it: the sum has
/// no bits left for a fraction. `floor` itself is a call for each value on machines that are as old as we build for, and
/// these additions are done for several values at once.
const ROUNDS_SINGLES: f32 = 12_582_912.0;
const ROUNDS_DOUBLES: f64 = 6_755_399_441_055_744.0;

/// Every number of degrees is below this, and any number below it times 255 cells is below the third.
const USUAL: u16 = 16_384;

fn floored<T>(array: &PrimitiveArray<T>, cells: u8, rounds: T::Native) -> ArrayRef
where
    T: ArrowPrimitiveType<Native: Float + From<u16>>,
{
    let cells = <T::Native as From<u16>>::from(u16::from(cells));
    let usual = <T::Native as From<u16>>::from(USUAL);
    if array.values().iter().fold(true, |all, degrees| all & (degrees.abs() < usual)) {
        return Arc::new(fresh::map(array, |degrees| {
            let scaled = degrees * cells;
            let nearest = (scaled + rounds) - rounds;
            (nearest - if nearest > scaled { T::Native::one() } else { T::Native::zero() }) / cells + T::Native::zero()
        }));
    }
    let floored = fresh::map(array, |degrees| (degrees * cells).floor() / cells + T::Native::zero());
    Arc::new(finite(floored, |degrees| degrees.is_finite()))
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

#[cfg(test)]
mod tests {
    use arrow::array::{Float32Array, Float64Array};

    use super::*;

    #[test]
    fn usual_numbers_are_rounded_as_floor_rounds_them() {
        let near = |at: f64| [at, at.next_up(), at.next_down(), -at, (-at).next_up(), (-at).next_down()];
        let numbers =
            (0..3_700).flat_map(|step| near(f64::from(step) * 0.05)).chain([-0.0, 1e-300, -1e-300, 16_383.99]);
        let doubles: Vec<f64> = numbers.collect();
        let singles: Vec<f32> = doubles
            .iter()
            .flat_map(|number| {
                let single = *number as f32;
                [single, single.next_up(), single.next_down()]
            })
            .filter(|single| single.abs() < 16_384.0)
            .collect();
        for cells in [10, 100] {
            let array: ArrayRef = Arc::new(Float64Array::from(doubles.clone()));
            let treated = on_grid(&array, cells).unwrap();
            for (number, on_grid) in doubles.iter().zip(treated.as_primitive::<Float64Type>().values()) {
                let expected = (number * f64::from(cells)).floor() / f64::from(cells) + 0.0;
                assert_eq!(on_grid.to_bits(), expected.to_bits(), "{number}");
            }
            let array: ArrayRef = Arc::new(Float32Array::from(singles.clone()));
            let treated = on_grid(&array, cells).unwrap();
            for (number, on_grid) in singles.iter().zip(treated.as_primitive::<Float32Type>().values()) {
                let expected = (number * f32::from(cells)).floor() / f32::from(cells) + 0.0;
                assert_eq!(on_grid.to_bits(), expected.to_bits(), "{number}");
            }
        }
    }
}
