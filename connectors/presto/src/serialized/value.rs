//! Single values: those of a fixed width, and texts and bytes.

use std::net::Ipv6Addr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Int32Array, NullArray, PrimitiveArray, StringArray,
    StringBuilder,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalYearMonthType, Time64MicrosecondType, TimestampMicrosecondType,
};

use super::Flaw;
use super::cursor::{Budget, Cursor, has_full_nulls, offsets, truths};
use super::sizes::Sizes;
use crate::text;
use crate::types::SqlType;

/// The block is not one that holds values of its column's type.
pub(super) const OTHER_TYPE: Flaw = Flaw::Damaged("a block is not of its column's type");
/// Filled in where the column is known.
const MISFIT: Flaw = Flaw::Misfit(0);

/// Digits that fit 64 bits; longer decimals have 128.
const SHORT_DIGITS: u8 = 18;
/// Digits behind the second: Presto has three.
const MILLISECONDS: u8 = 3;
const DAY: i64 = 86_400_000;

/// A block of values of `width` bytes.
pub(super) fn fixed(
    cursor: &mut Cursor<'_>,
    budget: &mut Budget,
    width: usize,
    sql_type: &SqlType,
    data_type: &DataType,
) -> Result<ArrayRef, Flaw> {
    let n = cursor.count()?;
    let nulls = cursor.nulls(n)?;
    let n_values = n - nulls.as_ref().map_or(0, NullBuffer::null_count);
    let bytes = cursor.take_all(n_values, width)?;
    if nulls.is_some() {
        budget.spend_on(n, width.max(data_type.primitive_width().unwrap_or_default()))?;
    }
    let values = Fixed { bytes, n, nulls, data_type };
    match (sql_type, width) {
        (SqlType::Unknown, 1) => match n_values {
            0 => Ok(Arc::new(NullArray::new(n))),
            _ => Err(MISFIT),
        },
        (SqlType::Boolean, 1) => {
            let bytes = values.placed(|[byte]: [u8; 1]| byte);
            if bytes.iter().any(|byte| *byte > 1) {
                return Err(MISFIT);
            }
            Ok(Arc::new(BooleanArray::new(truths(&bytes), values.nulls)))
        }
        (SqlType::TinyInt, 1) => values.array::<Int8Type, 1>(i8::from_le_bytes),
        (SqlType::SmallInt, 2) => values.array::<Int16Type, 2>(i16::from_le_bytes),
        (SqlType::Integer, 4) => values.array::<Int32Type, 4>(i32::from_le_bytes),
        (SqlType::BigInt, 8) => values.array::<Int64Type, 8>(i64::from_le_bytes),
        // What is no number has many forms, of which JSON knows one.
        (SqlType::Real, 4) => values.array::<Float32Type, 4>(|bytes| match f32::from_le_bytes(bytes) {
            nan if nan.is_nan() => f32::NAN,
            number => number,
        }),
        (SqlType::Double, 8) => values.array::<Float64Type, 8>(|bytes| match f64::from_le_bytes(bytes) {
            nan if nan.is_nan() => f64::NAN,
            number => number,
        }),
        (SqlType::Decimal { precision: precision @ ..=SHORT_DIGITS, .. }, 8) => {
            values.checked::<Decimal128Type, 8>(|bytes| i64::from_le_bytes(bytes).into(), holds_digits(*precision)?)
        }
        (SqlType::Decimal { precision: precision @ SHORT_DIGITS.., .. }, 16) if *precision > SHORT_DIGITS => {
            values.checked::<Decimal128Type, 16>(long_decimal, holds_digits(*precision)?)
        }
        (SqlType::Date, 4) => values.array::<Date32Type, 4>(i32::from_le_bytes),
        (SqlType::IntervalYearToMonth, 4) => values.array::<IntervalYearMonthType, 4>(i32::from_le_bytes),
        (SqlType::IntervalDayToSecond, 8) => values.array::<DurationMillisecondType, 8>(i64::from_le_bytes),
        (SqlType::Time { precision: MILLISECONDS }, 8) => {
            values.checked::<Time64MicrosecondType, 8>(micros, |time| (0..DAY * 1_000).contains(time))
        }
        (SqlType::Timestamp { precision: MILLISECONDS, zoned: false }, 8) => {
            values.checked::<TimestampMicrosecondType, 8>(micros, |time| *time != i64::MAX && *time != i64::MIN)
        }
        // The number of the zone stands in the lowest bits.
        (SqlType::Timestamp { precision: MILLISECONDS, zoned: true }, 8) => {
            values.array::<TimestampMicrosecondType, 8>(|bytes| (i64::from_le_bytes(bytes) >> 12) * 1_000)
        }
        (SqlType::LikeText("uuid"), 16) => values.texts(uuid),
        (SqlType::LikeText("ipaddress"), 16) => values.texts(address),
        _ => Err(OTHER_TYPE),
    }
}

/// Values of a fixed width, with the nulls that are left out of them.
struct Fixed<'a> {
    bytes: &'a [u8],
    n: usize,
    nulls: Option<NullBuffer>,
    data_type: &'a DataType,
}

impl Fixed<'_> {
    /// All values, those that are null in their places.
    fn placed<V: Copy + Default, const W: usize>(&self, read: impl Fn([u8; W]) -> V) -> Vec<V> {
        let (chunks, _none) = self.bytes.as_chunks::<W>();
        let Some(nulls) = &self.nulls else { return chunks.iter().map(|chunk| read(*chunk)).collect() };
        let mut values = vec![V::default(); self.n];
        for (at, chunk) in nulls.valid_indices().zip(chunks) {
            if let Some(place) = values.get_mut(at) {
                *place = read(*chunk);
            }
        }
        values
    }

    fn array<T: ArrowPrimitiveType, const W: usize>(
        self,
        read: impl Fn([u8; W]) -> T::Native,
    ) -> Result<ArrayRef, Flaw> {
        self.checked::<T, W>(read, |_| true)
    }

    fn checked<T: ArrowPrimitiveType, const W: usize>(
        self,
        read: impl Fn([u8; W]) -> T::Native,
        fits: impl Fn(&T::Native) -> bool,
    ) -> Result<ArrayRef, Flaw> {
        let values = self.placed(read);
        // Zero, which stands for nulls, fits every type.
        if !values.iter().all(fits) {
            return Err(MISFIT);
        }
        let array = PrimitiveArray::<T>::try_new(values.into(), self.nulls)?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }

    fn texts(self, write: impl Fn([u8; 16]) -> String) -> Result<ArrayRef, Flaw> {
        let (mut chunks, _none) = self.bytes.as_chunks::<16>();
        let mut texts = StringBuilder::with_capacity(self.n, self.bytes.len() * 3);
        for at in 0..self.n {
            match chunks.split_first() {
                Some((chunk, rest)) if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at)) => {
                    texts.append_value(write(*chunk));
                    chunks = rest;
                }
                _ => texts.append_null(),
            }
        }
        Ok(Arc::new(texts.finish()))
    }
}

/// Milliseconds as microseconds, or the least or largest number when they are too many.
fn micros(bytes: [u8; 8]) -> i64 {
    i64::from_le_bytes(bytes).saturating_mul(1_000)
}

/// The highest bit is the sign, and the others the magnitude.
fn long_decimal(bytes: [u8; 16]) -> i128 {
    let number = i128::from_le_bytes(bytes);
    let magnitude = number & i128::MAX;
    if number < 0 { -magnitude } else { magnitude }
}

fn holds_digits(precision: u8) -> Result<impl Fn(&i128) -> bool, Flaw> {
    let limit = 10_i128.checked_pow(precision.into()).ok_or(OTHER_TYPE)?;
    Ok(move |number: &i128| -limit < *number && *number < limit)
}

/// Two numbers of 64 bits.
fn uuid(bytes: [u8; 16]) -> String {
    let number = u128::from_le_bytes(bytes).rotate_left(64);
    let part = |shift: u32, n_digits: u32| number >> shift & ((1 << (4 * n_digits)) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12))
}

fn address(bytes: [u8; 16]) -> String {
    Ipv6Addr::from(bytes).to_canonical().to_string()
}

/// An address, and how many of its bits count.
fn prefix(bytes: &[u8]) -> Option<String> {
    let (address_bytes, [n_bits]) = bytes.split_first_chunk::<16>()? else { return None };
    Some(format!("{}/{n_bits}", address(*address_bytes)))
}

/// A block of texts or bytes, each with its own length.
pub(super) fn variable(cursor: &mut Cursor<'_>, budget: &mut Budget, sql_type: &SqlType) -> Result<ArrayRef, Flaw> {
    let n = cursor.count()?;
    // Where each value ends.
    let mut ends = cursor.integers(n)?;
    let nulls = cursor.nulls(n)?;
    let n_bytes = cursor.count()?;
    ends.insert(0, 0);
    let offsets = offsets(ends, n_bytes)?;
    let bytes = cursor.take(n_bytes)?;
    let is_full = has_full_nulls(&offsets, nulls.as_ref());
    let write: fn(&[u8]) -> Option<String> = match sql_type {
        SqlType::Varbinary => {
            let array = BinaryArray::try_new(offsets, Buffer::from(bytes), nulls)?;
            return if is_full { without_null_parts(budget, &array) } else { Ok(Arc::new(array)) };
        }
        SqlType::Text | SqlType::LikeText("json") => {
            if !is_full && let Ok(texts) = StringArray::try_new(offsets.clone(), Buffer::from(bytes), nulls.clone()) {
                return Ok(Arc::new(texts));
            }
            |bytes| Some(text::lossy(bytes).into_owned())
        }
        SqlType::Char(n_chars) => {
            let n_chars = *n_chars;
            budget.spend_on(n, n_chars)?;
            return each(&offsets, bytes, nulls.as_ref(), |bytes| Some(text::padded(&text::lossy(bytes), n_chars)));
        }
        SqlType::LikeText("ipprefix") => prefix,
        _ => return Err(OTHER_TYPE),
    };
    each(&offsets, bytes, nulls.as_ref(), write)
}

/// Texts that are written one by one.
fn each(
    offsets: &OffsetBuffer<i32>,
    bytes: &[u8],
    nulls: Option<&NullBuffer>,
    write: impl Fn(&[u8]) -> Option<String>,
) -> Result<ArrayRef, Flaw> {
    let mut texts = StringBuilder::with_capacity(offsets.len(), bytes.len());
    let (mut rest, mut n_bytes) = (bytes, 0_usize);
    for (at, length) in offsets.lengths().enumerate() {
        let (value, behind) = rest.split_at_checked(length).ok_or(OTHER_TYPE)?;
        rest = behind;
        if nulls.is_none_or(|nulls| nulls.is_valid(at)) {
            let text = write(value).ok_or(MISFIT)?;
            n_bytes = n_bytes.saturating_add(text.len());
            if i32::try_from(n_bytes).is_err() {
                return Err(Flaw::Damaged("it means more than its size allows"));
            }
            texts.append_value(text);
        } else {
            texts.append_null();
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// The same without what stands behind nulls, which is nobody's to see.
pub(super) fn without_null_parts(budget: &mut Budget, array: &dyn Array) -> Result<ArrayRef, Flaw> {
    budget.spend(Sizes::of(array).total())?;
    let n = i32::try_from(array.len()).map_err(|_| OTHER_TYPE)?;
    let places = Int32Array::try_new((0..n).collect(), array.nulls().cloned())?;
    Ok(take(array, &places, None)?)
}
