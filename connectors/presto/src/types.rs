//! Types of Presto and Trino: how the servers write them, and the Arrow types that hold their values exactly.

mod parse;

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

/// A type as a server writes it: `decimal(20, 4)`, `array(row(a bigint))`, `timestamp(6) with time zone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SqlType {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// `varchar` of any length.
    Text,
    /// `json`, `uuid`, `ipaddress`, `ipprefix`: what the server sends is a text, but it does not compare them as such.
    LikeText(&'static str),
    /// Padded with spaces to this many characters.
    Char(usize),
    Varbinary,
    Date,
    Time {
        /// Digits behind the second.
        precision: u8,
    },
    Timestamp {
        /// Digits behind the second.
        precision: u8,
        /// Whether each value names a time zone.
        zoned: bool,
    },
    IntervalYearToMonth,
    IntervalDayToSecond,
    /// The type of `NULL`.
    Unknown,
    Array(Box<SqlType>),
    Map(Box<SqlType>, Box<SqlType>),
    /// Fields with their names, where they have any.
    Row(Vec<(Option<String>, SqlType)>),
    /// A type that is not known here, as the server writes it.
    Other(String),
}

/// Digits that microseconds hold.
const MICROSECONDS: u8 = 6;
/// Digits that nanoseconds hold.
const NANOSECONDS: u8 = 9;
/// Digits that Arrow's `Decimal128` holds; the servers have no longer ones.
const DECIMAL_DIGITS: u8 = 38;

/// A type, or a part of one, that no Arrow type holds exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoArrowType(pub(crate) String);

impl fmt::Display for NoArrowType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type `{}` has no Arrow type that holds its values exactly", self.0)
    }
}

impl SqlType {
    /// The Arrow type that holds every value of this one.
    ///
    /// # Errors
    /// The part of the type that has none.
    pub(crate) fn arrow(&self) -> Result<DataType, NoArrowType> {
        let none = || Err(NoArrowType(self.to_string()));
        Ok(match self {
            Self::Boolean => DataType::Boolean,
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Real => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } => match i8::try_from(*scale) {
                Ok(scale_of) if (1..=DECIMAL_DIGITS).contains(precision) && scale <= precision => {
                    DataType::Decimal128(*precision, scale_of)
                }
                Ok(_) | Err(_) => return none(),
            },
            Self::Text | Self::LikeText(_) | Self::Char(_) => DataType::Utf8,
            Self::Varbinary => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time { precision: ..=MICROSECONDS } => DataType::Time64(TimeUnit::Microsecond),
            Self::Time { precision: ..=NANOSECONDS } => DataType::Time64(TimeUnit::Nanosecond),
            Self::Timestamp { precision, zoned } => {
                let unit = match precision {
                    ..=MICROSECONDS => TimeUnit::Microsecond,
                    ..=NANOSECONDS => TimeUnit::Nanosecond,
                    _ => return none(),
                };
                DataType::Timestamp(unit, zoned.then(|| "UTC".into()))
            }
            Self::IntervalYearToMonth => DataType::Interval(IntervalUnit::YearMonth),
            Self::IntervalDayToSecond => DataType::Duration(TimeUnit::Millisecond),
            Self::Unknown => DataType::Null,
            Self::Array(item) => DataType::List(nullable("item", item.arrow()?)),
            Self::Map(key, value) => {
                // In JSON a key is a text, which only single values can be read back from.
                if !key.is_key() {
                    return none();
                }
                let key = Arc::new(Field::new("key", key.arrow()?, false));
                let fields = Fields::from(vec![key, nullable("value", value.arrow()?)]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields), false)), false)
            }
            Self::Row(fields) => DataType::Struct(row_fields(self, fields)?),
            Self::Time { .. } | Self::Other(_) => return none(),
        })
    }

    /// Whether two values compare at the servers as those of the Arrow type do: with equality, and by the same order. A
    /// `char` is compared there without the padding that belongs to its value here.
    pub(crate) fn is_comparable(&self) -> bool {
        match self {
            Self::Boolean
            | Self::TinyInt
            | Self::SmallInt
            | Self::Integer
            | Self::BigInt
            | Self::Real
            | Self::Double
            | Self::Decimal { .. }
            | Self::Text
            | Self::Varbinary
            | Self::Date
            | Self::Timestamp { .. } => true,
            Self::LikeText(_)
            | Self::Char(_)
            | Self::Time { .. }
            | Self::IntervalYearToMonth
            | Self::IntervalDayToSecond
            | Self::Unknown
            | Self::Array(_)
            | Self::Map(..)
            | Self::Row(_)
            | Self::Other(_) => false,
        }
    }

    /// Whether a value can be told from its text alone.
    fn is_key(&self) -> bool {
        !matches!(
            self,
            Self::Unknown | Self::Varbinary | Self::Array(_) | Self::Map(..) | Self::Row(_) | Self::Other(_)
        )
    }
}

fn nullable(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

/// Fields of a row; those without a name are called `field0`, `field1`, ..., as the servers do.
fn row_fields(row: &SqlType, fields: &[(Option<String>, SqlType)]) -> Result<Fields, NoArrowType> {
    let mut named: Vec<FieldRef> = Vec::with_capacity(fields.len());
    for (index, (name, sql_type)) in fields.iter().enumerate() {
        let name = name.clone().unwrap_or_else(|| format!("field{index}"));
        if named.iter().any(|field| *field.name() == name) {
            return Err(NoArrowType(row.to_string()));
        }
        named.push(nullable(&name, sql_type.arrow()?));
    }
    Ok(named.into())
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Integer => f.write_str("integer"),
            Self::BigInt => f.write_str("bigint"),
            Self::Real => f.write_str("real"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Text => f.write_str("varchar"),
            Self::LikeText(name) => f.write_str(name),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Varbinary => f.write_str("varbinary"),
            Self::Date => f.write_str("date"),
            Self::Time { precision } => write!(f, "time({precision})"),
            Self::Timestamp { precision, zoned: false } => write!(f, "timestamp({precision})"),
            Self::Timestamp { precision, zoned: true } => write!(f, "timestamp({precision}) with time zone"),
            Self::IntervalYearToMonth => f.write_str("interval year to month"),
            Self::IntervalDayToSecond => f.write_str("interval day to second"),
            Self::Unknown => f.write_str("unknown"),
            Self::Array(item) => write!(f, "array({item})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Row(fields) => {
                f.write_str("row(")?;
                for (index, (name, sql_type)) in fields.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    match name {
                        Some(name) => write!(f, "{comma}\"{}\" {sql_type}", name.replace('"', "\"\""))?,
                        None => write!(f, "{comma}{sql_type}")?,
                    }
                }
                f.write_str(")")
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Types as examples, from which the documentation's table is printed; those without an Arrow type are told so.
const EXAMPLES: &[&str] = &[
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal(20, 4)",
    "varchar(25)",
    "json",
    "uuid",
    "ipaddress",
    "ipprefix",
    "char(3)",
    "varbinary",
    "date",
    "time(3)",
    "time(9)",
    "time(3) with time zone",
    "timestamp(3)",
    "timestamp(6)",
    "timestamp(9)",
    "timestamp(12)",
    "timestamp(3) with time zone",
    "interval year to month",
    "interval day to second",
    "unknown",
    "array(bigint)",
    "map(varchar, double)",
    "map(row(a bigint), double)",
    "row(x bigint, y varchar)",
    "hyperloglog",
];

/// The table of types: as a server writes them, and the Arrow type, or none where no Arrow type holds every value exactly.
pub fn type_table() -> Vec<(&'static str, Option<DataType>)> {
    EXAMPLES.iter().map(|text| (*text, SqlType::parse(text).arrow().ok())).collect()
}

#[cfg(test)]
mod tests;
