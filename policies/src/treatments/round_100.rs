//! `round_100`: a number rounded down to hundreds.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    ArrowNativeType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow_schema::DataType;

use super::{Kernel, Reach, Spec, fresh, text};

pub(super) const SPEC: Spec = Spec {
    name: "round_100",
    does: "rounded down to hundreds",
    more: "towards minus infinity; never below the lowest value of the type",
    types: "integers, floats, decimals",
    reach: Reach::Elements { fits: is_number, makes_nulls: false },
    kernel: Kernel::Plain(round_100),
};

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type.is_decimal()
}

fn round_100(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Int8 => Ok(integers::<Int8Type>(array)),
        DataType::Int16 => Ok(integers::<Int16Type>(array)),
        DataType::Int32 => Ok(integers::<Int32Type>(array)),
        DataType::Int64 => Ok(integers::<Int64Type>(array)),
        DataType::UInt8 => Ok(integers::<UInt8Type>(array)),
        DataType::UInt16 => Ok(integers::<UInt16Type>(array)),
        DataType::UInt32 => Ok(integers::<UInt32Type>(array)),
        DataType::UInt64 => Ok(integers::<UInt64Type>(array)),
        DataType::Float16 => Ok(Arc::new(fresh::map(array.as_primitive::<Float16Type>(), |value| {
            <Float16Type as ArrowPrimitiveType>::Native::from_f32(float(value.to_f32().into()) as f32)
        }))),
        DataType::Float32 => {
            Ok(Arc::new(fresh::map(array.as_primitive::<Float32Type>(), |value| float(value.into()) as f32)))
        }
        DataType::Float64 => Ok(Arc::new(fresh::map(array.as_primitive::<Float64Type>(), float))),
        DataType::Decimal32(precision, scale) => Ok(decimals::<Decimal32Type>(array, *precision, *scale)),
        DataType::Decimal64(precision, scale) => Ok(decimals::<Decimal64Type>(array, *precision, *scale)),
        DataType::Decimal128(precision, scale) => Ok(decimals::<Decimal128Type>(array, *precision, *scale)),
        DataType::Decimal256(precision, scale) => Ok(decimals::<Decimal256Type>(array, *precision, *scale)),
        other => Err(text::unexpected(other)),
    }
}

fn integers<T>(array: &ArrayRef) -> ArrayRef
where
    T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>,
{
    Arc::new(fresh::map(array.as_primitive::<T>(), |value| {
        floor(value, T::Native::usize_as(100), T::Native::MIN_TOTAL_ORDER)
    }))
}

/// Not-a-number comes out as the one canonical value: its payload bits and sign could carry data.
fn float(value: f64) -> f64 {
    let floored = (value / 100.0).floor() * 100.0 + 0.0;
    if floored.is_nan() { f64::NAN } else { floored }
}

fn decimals<T: DecimalType>(array: &ArrayRef, precision: u8, scale: i8) -> ArrayRef {
    let lowest = T::Native::ZERO.sub_wrapping(power_of_ten::<T>(precision.into()).sub_wrapping(T::Native::ONE));
    // One hundred, in units of the last digit. A scale below -2 is already coarser than hundreds.
    let n_digits = u32::try_from(i16::from(scale) + 2).unwrap_or(0);
    let array = array.as_primitive::<T>();
    if n_digits > u32::from(T::MAX_PRECISION) {
        // No value reaches one hundred: all that is negative lies in the lowest bucket.
        return Arc::new(fresh::map(
            array,
            |value| if value.is_lt(T::Native::ZERO) { lowest } else { T::Native::ZERO },
        ));
    }
    let step = power_of_ten::<T>(n_digits);
    Arc::new(fresh::map(array, |value| floor(value, step, lowest)))
}

/// Wraps above the type's greatest precision.
fn power_of_ten<T: DecimalType>(n_digits: u32) -> T::Native {
    (0..n_digits).fold(T::Native::ONE, |power, _| power.mul_wrapping(T::Native::usize_as(10)))
}

/// The greatest multiple of `step` that is at most `value`, or `lowest` when that lies below it.
fn floor<N: ArrowNativeTypeOp>(value: N, step: N, lowest: N) -> N {
    let rest = value.mod_wrapping(step);
    let above = if rest.is_lt(N::ZERO) { rest.add_wrapping(step) } else { rest };
    let floored = value.sub_wrapping(above);
    if floored.is_gt(value) || floored.is_lt(lowest) { lowest } else { floored }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float32Array, Float64Array, Int8Array, Int64Array, PrimitiveArray, UInt8Array, UInt64Array};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::i256;

    use super::*;
    use crate::Treatment;
    use crate::treatments::tests::apply;

    fn check<T: ArrowPrimitiveType>(data_type: DataType, cases: &[(T::Native, T::Native)]) {
        let array = |values: Vec<T::Native>| -> ArrayRef {
            let nulls = NullBuffer::from_iter((0..=cases.len()).map(|row_idx| row_idx < cases.len()));
            let values: Vec<T::Native> = values.into_iter().chain([T::Native::default()]).collect();
            Arc::new(PrimitiveArray::<T>::new(values.into(), Some(nulls)).with_data_type(data_type.clone()))
        };
        let (inputs, expected) = cases.iter().copied().unzip();
        assert_eq!(&apply(Treatment::Round100, &array(inputs)), &array(expected));
    }

    #[test]
    fn integers_are_floored_and_stay_in_range() {
        check::<Int64Type>(
            DataType::Int64,
            &[
                (0, 0),
                (99, 0),
                (100, 100),
                (-1, -100),
                (-100, -100),
                (-101, -200),
                (i64::MAX, i64::MAX - 7),
                (i64::MIN, i64::MIN),
            ],
        );
        check::<Int8Type>(DataType::Int8, &[(127, 100), (-1, -100), (-100, -100), (-101, -128), (-128, -128)]);
        check::<UInt8Type>(DataType::UInt8, &[(0, 0), (255, 200)]);
        check::<UInt64Type>(DataType::UInt64, &[(u64::MAX, u64::MAX - 15)]);
        check::<Int32Type>(DataType::Int32, &[(i32::MIN, i32::MIN), (i32::MAX, 2_147_483_600)]);
    }

    #[test]
    fn floats_are_floored_and_lose_payload_and_sign_of_zero() {
        let inputs = [149.9, -0.1, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 99.999_999];
        let array: ArrayRef = Arc::new(Float64Array::from_iter_values(inputs));
        let treated = apply(Treatment::Round100, &array);
        let expected = [100.0, -100.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 0.0f64];
        for (left, right) in treated.as_primitive::<Float64Type>().values().iter().zip(expected) {
            assert_eq!(left.to_bits(), right.to_bits());
        }
        let odd: ArrayRef = Arc::new(Float64Array::from(vec![f64::from_bits(0xfff8_dead_beef_0001)]));
        let treated = apply(Treatment::Round100, &odd);
        assert_eq!(treated.as_primitive::<Float64Type>().value(0).to_bits(), f64::NAN.to_bits());
        let odd: ArrayRef = Arc::new(Float32Array::from(vec![f32::from_bits(0xffc0_dead), 250.0]));
        let treated = apply(Treatment::Round100, &odd);
        assert_eq!(treated.as_primitive::<Float32Type>().value(0).to_bits(), f32::NAN.to_bits());
        assert_eq!(treated.as_primitive::<Float32Type>().value(1), 200.0);
    }

    #[test]
    fn decimals_are_floored_at_every_scale() {
        check::<Decimal128Type>(
            DataType::Decimal128(10, 2),
            &[(12_345, 10_000), (-1, -10_000), (-10_000, -10_000), (0, 0), (9_999_999_999, 9_999_990_000)],
        );
        check::<Decimal128Type>(DataType::Decimal128(3, 0), &[(999, 900), (-950, -999), (-900, -900)]);
        check::<Decimal128Type>(DataType::Decimal128(5, -1), &[(12, 10), (-1, -10)]);
        check::<Decimal128Type>(DataType::Decimal128(5, -3), &[(12, 12), (-1, -1)]);
        check::<Decimal128Type>(
            DataType::Decimal128(38, 38),
            &[(5, 0), (-5, -99_999_999_999_999_999_999_999_999_999_999_999_999)],
        );
        check::<Decimal32Type>(DataType::Decimal32(9, 9), &[(5, 0), (-5, -999_999_999)]);
        check::<Decimal64Type>(DataType::Decimal64(18, 1), &[(1_999, 1_000), (-1, -1_000)]);
        let decimal = |text: &str| i256::from_string(text).unwrap();
        check::<Decimal256Type>(
            DataType::Decimal256(76, 70),
            &[
                (decimal("5"), i256::ZERO),
                (decimal("-5"), decimal(&format!("-1{}", "0".repeat(72)))),
                (i256::ZERO, i256::ZERO),
            ],
        );
    }

    #[test]
    fn arrays_without_nulls_stay_without() {
        for array in [
            Arc::new(Int64Array::from(vec![1])) as ArrayRef,
            Arc::new(Int8Array::from(vec![1])),
            Arc::new(UInt8Array::from(vec![1])),
            Arc::new(UInt64Array::from(vec![1])),
        ] {
            assert!(apply(Treatment::Round100, &array).nulls().is_none());
        }
    }
}
