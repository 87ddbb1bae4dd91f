//! One column of a page: JSON values -> an Arrow array, without anything in between.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, ListArray, MapArray, NullArray, PrimitiveBuilder,
    StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMillisecondType, FieldRef, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::text;
use crate::types::{NoArrowType, SqlType};

/// Gathers the values of one column.
pub(crate) struct Column {
    sql_type: SqlType,
    data_type: DataType,
    values: Values,
}

enum Values {
    Null(usize),
    Boolean(BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Decimal(PrimitiveBuilder<Decimal128Type>),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    TimeMicros(PrimitiveBuilder<Time64MicrosecondType>),
    TimeNanos(PrimitiveBuilder<Time64NanosecondType>),
    Micros(PrimitiveBuilder<TimestampMicrosecondType>),
    Nanos(PrimitiveBuilder<TimestampNanosecondType>),
    Months(PrimitiveBuilder<IntervalYearMonthType>),
    Millis(PrimitiveBuilder<DurationMillisecondType>),
    List { item: Box<Column>, lengths: Vec<usize>, valid: Vec<bool> },
    Map { key: Box<Column>, value: Box<Column>, lengths: Vec<usize>, valid: Vec<bool> },
    Row { columns: Vec<Column>, valid: Vec<bool> },
}

/// A value that its column's type does not hold. Tells nothing of the value.
const MISFIT: &str = "a value does not fit its type";

impl Column {
    /// An empty column of a type.
    ///
    /// # Errors
    /// The part of the type that no Arrow type holds exactly.
    pub(crate) fn new(sql_type: &SqlType) -> Result<Self, NoArrowType> {
        let data_type = sql_type.arrow()?;
        let values = match (sql_type, &data_type) {
            (SqlType::Array(item), _) => {
                Values::List { item: Box::new(Self::new(item)?), lengths: Vec::new(), valid: Vec::new() }
            }
            (SqlType::Map(key, value), _) => Values::Map {
                key: Box::new(Self::new(key)?),
                value: Box::new(Self::new(value)?),
                lengths: Vec::new(),
                valid: Vec::new(),
            },
            (SqlType::Row(fields), _) => {
                let columns = fields.iter().map(|(_, field)| Self::new(field)).collect::<Result<_, _>>()?;
                Values::Row { columns, valid: Vec::new() }
            }
            (_, DataType::Null) => Values::Null(0),
            (_, DataType::Boolean) => Values::Boolean(BooleanBuilder::new()),
            (_, DataType::Int8) => Values::Int8(of(&data_type)),
            (_, DataType::Int16) => Values::Int16(of(&data_type)),
            (_, DataType::Int32) => Values::Int32(of(&data_type)),
            (_, DataType::Int64) => Values::Int64(of(&data_type)),
            (_, DataType::Float32) => Values::Float32(of(&data_type)),
            (_, DataType::Float64) => Values::Float64(of(&data_type)),
            (_, DataType::Decimal128(..)) => Values::Decimal(of(&data_type)),
            (_, DataType::Binary) => Values::Binary(BinaryBuilder::new()),
            (_, DataType::Date32) => Values::Date(of(&data_type)),
            (_, DataType::Time64(unit)) if *unit == arrow::datatypes::TimeUnit::Microsecond => {
                Values::TimeMicros(of(&data_type))
            }
            (_, DataType::Time64(_)) => Values::TimeNanos(of(&data_type)),
            (_, DataType::Timestamp(unit, _)) if *unit == arrow::datatypes::TimeUnit::Microsecond => {
                Values::Micros(of(&data_type))
            }
            (_, DataType::Timestamp(..)) => Values::Nanos(of(&data_type)),
            (_, DataType::Interval(_)) => Values::Months(of(&data_type)),
            (_, DataType::Duration(_)) => Values::Millis(of(&data_type)),
            _ => Values::Text(StringBuilder::new()),
        };
        Ok(Self { sql_type: sql_type.clone(), data_type, values })
    }

    /// The type as the server has it.
    pub(crate) fn sql_type(&self) -> &SqlType {
        &self.sql_type
    }

    /// The Arrow type of its values.
    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The values so far; the column is empty then.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match &mut self.values {
            Values::Null(n_rows) => Arc::new(NullArray::new(std::mem::take(n_rows))),
            Values::Boolean(values) => Arc::new(values.finish()),
            Values::Int8(values) => Arc::new(values.finish()),
            Values::Int16(values) => Arc::new(values.finish()),
            Values::Int32(values) => Arc::new(values.finish()),
            Values::Int64(values) => Arc::new(values.finish()),
            Values::Float32(values) => Arc::new(values.finish()),
            Values::Float64(values) => Arc::new(values.finish()),
            Values::Decimal(values) => Arc::new(values.finish()),
            Values::Text(values) => Arc::new(values.finish()),
            Values::Binary(values) => Arc::new(values.finish()),
            Values::Date(values) => Arc::new(values.finish()),
            Values::TimeMicros(values) => Arc::new(values.finish()),
            Values::TimeNanos(values) => Arc::new(values.finish()),
            Values::Micros(values) => Arc::new(values.finish()),
            Values::Nanos(values) => Arc::new(values.finish()),
            Values::Months(values) => Arc::new(values.finish()),
            Values::Millis(values) => Arc::new(values.finish()),
            Values::List { item, lengths, valid } => {
                let offsets = OffsetBuffer::from_lengths(lengths.drain(..));
                Arc::new(ListArray::try_new(child(&self.data_type)?, offsets, item.finish()?, nulls(valid))?)
            }
            Values::Map { key, value, lengths, valid } => {
                let entries = child(&self.data_type)?;
                let DataType::Struct(fields) = entries.data_type() else { return Err(unlike(&self.data_type)) };
                let pairs = StructArray::try_new(fields.clone(), vec![key.finish()?, value.finish()?], None)?;
                let offsets = OffsetBuffer::from_lengths(lengths.drain(..));
                Arc::new(MapArray::try_new(Arc::clone(&entries), offsets, pairs, nulls(valid), false)?)
            }
            Values::Row { columns, valid } => {
                let DataType::Struct(fields) = &self.data_type else { return Err(unlike(&self.data_type)) };
                let arrays = columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>, _>>()?;
                let n_rows = valid.len();
                Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls(valid), n_rows)?)
            }
        })
    }

    fn append_null(&mut self) {
        match &mut self.values {
            Values::Null(n_rows) => *n_rows += 1,
            Values::Boolean(values) => values.append_null(),
            Values::Int8(values) => values.append_null(),
            Values::Int16(values) => values.append_null(),
            Values::Int32(values) => values.append_null(),
            Values::Int64(values) => values.append_null(),
            Values::Float32(values) => values.append_null(),
            Values::Float64(values) => values.append_null(),
            Values::Decimal(values) => values.append_null(),
            Values::Text(values) => values.append_null(),
            Values::Binary(values) => values.append_null(),
            Values::Date(values) => values.append_null(),
            Values::TimeMicros(values) => values.append_null(),
            Values::TimeNanos(values) => values.append_null(),
            Values::Micros(values) => values.append_null(),
            Values::Nanos(values) => values.append_null(),
            Values::Months(values) => values.append_null(),
            Values::Millis(values) => values.append_null(),
            Values::List { lengths, valid, .. } | Values::Map { lengths, valid, .. } => {
                lengths.push(0);
                valid.push(false);
            }
            Values::Row { columns, valid } => {
                columns.iter_mut().for_each(Column::append_null);
                valid.push(false);
            }
        }
    }

    fn append_integer(&mut self, value: i64) -> Option<()> {
        match &mut self.values {
            Values::Int8(values) => values.append_value(i8::try_from(value).ok()?),
            Values::Int16(values) => values.append_value(i16::try_from(value).ok()?),
            Values::Int32(values) => values.append_value(i32::try_from(value).ok()?),
            Values::Int64(values) => values.append_value(value),
            // Both servers write whole floating point numbers with a fraction, but JSON need not.
            Values::Float32(values) => values.append_value(exact_f32(value)?),
            Values::Float64(values) => values.append_value(exact_f64(value)?),
            _ => return None,
        }
        Some(())
    }

    /// A floating-point number as it stands in the page: JSON's own reader may be off by one in the last place.
    fn append_raw(&mut self, value: &str) -> Option<()> {
        if value == "null" {
            self.append_null();
            return Some(());
        }
        if let Some(text) = value.strip_prefix('"') {
            return self.append_text(text.strip_suffix('"')?);
        }
        if !value.contains(['.', 'e', 'E']) {
            return self.append_integer(value.parse().ok()?);
        }
        self.append_text(value)
    }

    fn append_bool(&mut self, value: bool) -> Option<()> {
        let Values::Boolean(values) = &mut self.values else { return None };
        values.append_value(value);
        Some(())
    }

    /// A value that JSON has as a text: most types, and everything that is the key of a map.
    fn append_text(&mut self, value: &str) -> Option<()> {
        if matches!(self.values, Values::List { .. } | Values::Map { .. } | Values::Row { .. }) {
            // Presto writes a nested value as a text of JSON, and again at each level below.
            let mut json = serde_json::Deserializer::from_str(value);
            Value(self).deserialize(&mut json).ok()?;
            return json.end().ok();
        }
        match (&mut self.values, &self.sql_type) {
            (Values::Text(values), SqlType::Char(length)) => values.append_value(text::padded(value, *length)),
            (Values::Text(values), _) => values.append_value(value),
            (Values::Binary(values), _) => values.append_value(BASE64.decode(value).ok()?),
            (Values::Decimal(values), SqlType::Decimal { precision, scale }) => {
                values.append_value(text::decimal(value, *precision, *scale)?);
            }
            (Values::Float32(values), _) => values.append_value(text::float(value)?),
            (Values::Float64(values), _) => values.append_value(text::float(value)?),
            (Values::Date(values), _) => values.append_value(text::date(value)?),
            (Values::TimeMicros(values), _) => values.append_value(text::time(value, 6)?),
            (Values::TimeNanos(values), _) => values.append_value(text::time(value, 9)?),
            (Values::Micros(values), SqlType::Timestamp { zoned, .. }) => {
                values.append_value(text::timestamp(value, *zoned, 6)?);
            }
            (Values::Nanos(values), SqlType::Timestamp { zoned, .. }) => {
                values.append_value(text::timestamp(value, *zoned, 9)?);
            }
            (Values::Months(values), _) => values.append_value(text::months(value)?),
            (Values::Millis(values), _) => values.append_value(text::milliseconds(value)?),
            _ => return self.append_key(value),
        }
        Some(())
    }

    /// Numbers and truth values are texts only as keys of a map.
    fn append_key(&mut self, value: &str) -> Option<()> {
        match &mut self.values {
            Values::Boolean(_) => self.append_bool(value.parse().ok()?),
            Values::Int8(_) | Values::Int16(_) | Values::Int32(_) | Values::Int64(_) => {
                self.append_integer(value.parse().ok()?)
            }
            _ => None,
        }
    }
}

fn of<T: ArrowPrimitiveType>(data_type: &DataType) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::new().with_data_type(data_type.clone())
}

fn exact_f64(value: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "checked right here")]
    Some(value as f64).filter(|float| *float as i64 == value)
}

fn exact_f32(value: i64) -> Option<f32> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "checked right here")]
    Some(value as f32).filter(|float| *float as i64 == value)
}

fn child(data_type: &DataType) -> Result<FieldRef, ArrowError> {
    match data_type {
        DataType::List(field) | DataType::Map(field, _) => Ok(Arc::clone(field)),
        other => Err(unlike(other)),
    }
}

fn unlike(data_type: &DataType) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("values were gathered that are none of {data_type}"))
}

fn nulls(valid: &mut Vec<bool>) -> Option<NullBuffer> {
    let valid = std::mem::take(valid);
    valid.contains(&false).then(|| NullBuffer::from(valid))
}

/// Reads one value into a column. Errors tell nothing of the value.
pub(crate) struct Value<'a>(pub(crate) &'a mut Column);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.values {
            Values::Float32(_) | Values::Float64(_) => {
                let value = <&RawValue>::deserialize(deserializer)?;
                fits(self.0.append_raw(value.get()))
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

/// The key of a map, which is always a text.
struct Key<'a>(&'a mut Column);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(Value(self.0))
    }
}

fn fits<E: de::Error>(appended: Option<()>) -> Result<(), E> {
    appended.ok_or_else(|| E::custom(MISFIT))
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the column's type")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.append_null();
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        fits(self.0.append_bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        fits(self.0.append_integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        fits(i64::try_from(value).ok().and_then(|value| self.0.append_integer(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        fits(self.0.append_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        match &mut self.0.values {
            Values::List { item, lengths, valid } => {
                let mut length = 0;
                while elements.next_element_seed(Value(item))?.is_some() {
                    length += 1;
                }
                lengths.push(length);
                valid.push(true);
            }
            Values::Row { columns, valid } => {
                for column in columns {
                    fits(elements.next_element_seed(Value(column))?)?;
                }
                fits(elements.next_element::<IgnoredAny>()?.is_none().then_some(()))?;
                valid.push(true);
            }
            _ => return Err(de::Error::custom(MISFIT)),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Values::Map { key, value, lengths, valid } = &mut self.0.values else {
            return Err(de::Error::custom(MISFIT));
        };
        let mut length = 0;
        while entries.next_key_seed(Key(key))?.is_some() {
            entries.next_value_seed(Value(value))?;
            length += 1;
        }
        lengths.push(length);
        valid.push(true);
        Ok(())
    }
}
