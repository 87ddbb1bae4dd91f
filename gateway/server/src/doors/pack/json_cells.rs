//! JSON texts of values, such that an ordinary JSON reader does not change them.
//!
//! - Whole numbers beyond ±(2^53 - 1) are strings of digits, because many readers hold numbers as doubles; smaller ones are
//!   numbers. Decimals are always strings.
//! - `NaN`, `Infinity` and `-Infinity` are strings.
//! - Dates and times are ISO 8601 strings, binary values are hex strings.
//! - A null is `null`, inside structs too.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type, Int64Type, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::PackError;

/// Largest whole number that every JSON reader keeps.
const SAFE: i64 = (1 << 53) - 1;

/// Makes the writers of cells, and remembers whether one met a value that it could not write.
#[derive(Debug)]
pub(super) struct Cells {
    options: EncoderOptions,
    failed: Arc<AtomicBool>,
}

impl Cells {
    /// Cells for results of a schema; fails when JSON cannot hold one of its types.
    pub(super) fn try_new(schema: &SchemaRef) -> Result<Self, PackError> {
        let failed = Arc::new(AtomicBool::new(false));
        let factory = Arc::new(SafeEncoders { failed: Arc::clone(&failed) });
        let options = EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(factory);
        let cells = Self { options, failed };
        cells.columns(&RecordBatch::new_empty(Arc::clone(schema)), |_| Ok(()))?;
        Ok(cells)
    }

    /// Calls `write` with one cell writer for each column of a piece.
    pub(super) fn columns(
        &self,
        piece: &RecordBatch,
        write: impl FnOnce(&mut [Cell<'_>]) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        let schema = piece.schema_ref();
        let columns = schema.fields().iter().zip(piece.columns());
        let mut encoders =
            columns.map(|(field, column)| self.one(field, column)).collect::<Result<Vec<_>, PackError>>()?;
        write(&mut encoders)?;
        self.check()
    }

    /// The cell writer of one column; call [`Cells::check`] when done with it.
    pub(super) fn one<'a>(&'a self, field: &'a FieldRef, column: &'a ArrayRef) -> Result<Cell<'a>, PackError> {
        let encoder = make_encoder(field, column, &self.options).map_err(|error| match error {
            ArrowError::JsonError(internal) => PackError::Failed(ArrowError::NotYetImplemented(internal)),
            other => PackError::Failed(other),
        })?;
        Ok(Cell(encoder))
    }

    /// Fails when a value could not be written.
    pub(super) fn check(&self) -> Result<(), PackError> {
        match self.failed.load(Ordering::Relaxed) {
            true => Err(PackError::DoesNotHold("the result has a date or time that cannot be written as text")),
            false => Ok(()),
        }
    }
}

/// Writes the cells of one column.
pub(super) struct Cell<'a>(NullableEncoder<'a>);

impl Cell<'_> {
    /// Writes the JSON text of a row's value.
    pub(super) fn write(&mut self, row: usize, out: &mut Vec<u8>) {
        if self.0.is_null(row) { out.extend_from_slice(b"null") } else { self.0.encode(row, out) }
    }
}

/// The JSON text of a string.
pub(super) fn quoted(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}

#[derive(Debug)]
struct SafeEncoders {
    failed: Arc<AtomicBool>,
}

impl EncoderFactory for SafeEncoders {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Int64 => {
                match all_safe(array.as_primitive::<Int64Type>(), |value| value.abs_diff(0) <= SAFE as u64) {
                    true => return Ok(None),
                    false => Box::new(Integers(array.as_primitive::<Int64Type>())),
                }
            }
            DataType::UInt64 => match all_safe(array.as_primitive::<UInt64Type>(), |value| value <= SAFE as u64) {
                true => return Ok(None),
                false => Box::new(Naturals(array.as_primitive::<UInt64Type>())),
            },
            DataType::Float16 => Box::new(Floats(array.as_primitive::<Float16Type>(), f64::from)),
            DataType::Float32 => Box::new(Floats32(array.as_primitive::<Float32Type>())),
            DataType::Float64 => Box::new(Floats(array.as_primitive::<Float64Type>(), f64::from)),
            kind if kind.is_decimal() || kind.is_temporal() => {
                let formatter = ArrayFormatter::try_new(array, &FormatOptions::new().with_display_error(false))?;
                Box::new(Texts { formatter, scratch: String::new(), failed: Arc::clone(&self.failed) })
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

fn all_safe<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, safe: impl Fn(T::Native) -> bool) -> bool {
    array.values().iter().all(|value| safe(*value))
}

struct Integers<'a>(&'a PrimitiveArray<Int64Type>);

impl Encoder for Integers<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0.value(row);
        write_number(&value.to_string(), value.unsigned_abs() <= SAFE.unsigned_abs(), out);
    }
}

struct Naturals<'a>(&'a PrimitiveArray<UInt64Type>);

impl Encoder for Naturals<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0.value(row);
        write_number(&value.to_string(), value <= SAFE.unsigned_abs(), out);
    }
}

fn write_number(digits: &str, safe: bool, out: &mut Vec<u8>) {
    if safe {
        out.extend_from_slice(digits.as_bytes());
    } else {
        write_text(digits, out);
    }
}

/// A text that holds nothing that JSON escapes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

struct Floats<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>, fn(T::Native) -> f64);

impl<T: ArrowPrimitiveType> Encoder for Floats<'_, T> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = (self.1)(self.0.value(row));
        match serde_json::Number::from_f64(value) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => write_text(odd_float(value), out),
        }
    }
}

/// Singles are written with their own shortest digits, not with those of the double beside them.
struct Floats32<'a>(&'a PrimitiveArray<Float32Type>);

impl Encoder for Floats32<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0.value(row);
        // Writing a finite float into memory cannot fail.
        if !value.is_finite() || serde_json::to_writer(&mut *out, &value).is_err() {
            write_text(odd_float(f64::from(value)), out);
        }
    }
}

fn odd_float(value: f64) -> &'static str {
    match () {
        () if value.is_nan() => "NaN",
        () if value > 0.0 => "Infinity",
        () => "-Infinity",
    }
}

/// Decimals, dates and times.
struct Texts<'a> {
    formatter: ArrayFormatter<'a>,
    scratch: String,
    failed: Arc<AtomicBool>,
}

impl Encoder for Texts<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        self.scratch.clear();
        if write!(self.scratch, "{}", self.formatter.value(row)).is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        write_text(&self.scratch, out);
    }
}
