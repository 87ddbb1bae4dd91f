//! Kinds of values as dialects name them, and Arrow's types.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use lockgate_contract::LiteralKind;

/// The kind of a type's values; times of other precisions than a server gives are of none.
pub(super) fn kind(data_type: &DataType) -> Option<LiteralKind> {
    Some(match data_type {
        DataType::Boolean => LiteralKind::Boolean,
        DataType::Int8 => LiteralKind::Int8,
        DataType::Int16 => LiteralKind::Int16,
        DataType::Int32 => LiteralKind::Int32,
        DataType::Int64 => LiteralKind::Int64,
        DataType::Float32 => LiteralKind::Float32,
        DataType::Float64 => LiteralKind::Float64,
        DataType::Decimal128(..) => LiteralKind::Decimal,
        DataType::Utf8 => LiteralKind::Text,
        DataType::Binary => LiteralKind::Binary,
        DataType::Date32 => LiteralKind::Date,
        DataType::Timestamp(TimeUnit::Microsecond, None) => LiteralKind::Timestamp,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => LiteralKind::Instant,
        _ => return None,
    })
}

/// The type of what a function gives; decimals have none of their own.
pub(super) fn data_type(kind: LiteralKind) -> Option<DataType> {
    Some(match kind {
        LiteralKind::Boolean => DataType::Boolean,
        LiteralKind::Int8 => DataType::Int8,
        LiteralKind::Int16 => DataType::Int16,
        LiteralKind::Int32 => DataType::Int32,
        LiteralKind::Int64 => DataType::Int64,
        LiteralKind::Float32 => DataType::Float32,
        LiteralKind::Float64 => DataType::Float64,
        LiteralKind::Decimal => return None,
        LiteralKind::Text => DataType::Utf8,
        LiteralKind::Binary => DataType::Binary,
        LiteralKind::Date => DataType::Date32,
        LiteralKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        LiteralKind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    })
}
