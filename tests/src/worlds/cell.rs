//! Values of the test worlds, independent of Arrow: one cell, its type, and how a column of them becomes an array.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `Int64`.
    Int,
    /// `Int32`.
    SmallInt,
    /// `Float64`.
    Float,
    /// `Utf8`.
    Text,
    /// `Boolean`.
    Bool,
    /// `Date32`.
    Date,
    /// `Timestamp(us)`.
    Time,
    /// `Decimal128(12, 2)`.
    Money,
    /// A struct.
    Struct(&'static [(&'static str, Kind)]),
    /// A list of texts.
    Texts,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Null of any type.
    Null,
    /// `Int` and `SmallInt`.
    Int(i64),
    /// `Float`.
    Float(f64),
    /// `Text`.
    Text(String),
    /// `Bool`.
    Bool(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01.
    Time(i64),
    /// Cents.
    Money(i128),
    /// Fields of a struct, in order.
    Struct(Vec<Cell>),
    /// Elements of a list.
    Texts(Vec<Option<String>>),
}

impl Kind {
    /// The Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Int => DataType::Int64,
            Kind::SmallInt => DataType::Int32,
            Kind::Float => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::Money => DataType::Decimal128(12, 2),
            Kind::Struct(fields) => DataType::Struct(self::fields(fields)),
            Kind::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
        }
    }

    /// The type as the configuration of a files source writes it.
    pub fn declared(self) -> String {
        match self {
            Kind::Int => "Int64".to_owned(),
            Kind::SmallInt => "Int32".to_owned(),
            Kind::Float => "Float64".to_owned(),
            Kind::Text => "Utf8".to_owned(),
            Kind::Bool => "Boolean".to_owned(),
            Kind::Date => "Date32".to_owned(),
            Kind::Time => "Timestamp(us)".to_owned(),
            Kind::Money => "Decimal128(12, 2)".to_owned(),
            Kind::Struct(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, kind)| format!("{name}: {}", kind.declared())).collect();
                format!("Struct({})", fields.join(", "))
            }
            Kind::Texts => "List(Utf8)".to_owned(),
        }
    }

    /// A column of `cells` as an array of this type.
    ///
    /// # Panics
    /// When a cell is of another type.
    pub fn array(self, cells: &[Cell]) -> ArrayRef {
        macro_rules! flat {
            ($array:ty, $variant:ident, $value:ident => $made:expr) => {
                Arc::new(
                    cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Null => None,
                            Cell::$variant($value) => Some($made),
                            other => panic!("{other:?} in a column of {self:?}"),
                        })
                        .collect::<$array>(),
                )
            };
        }
        match self {
            Kind::Int => flat!(Int64Array, Int, value => *value),
            Kind::SmallInt => flat!(Int32Array, Int, value => i32::try_from(*value).expect("a small integer")),
            Kind::Float => flat!(Float64Array, Float, value => *value),
            Kind::Text => flat!(StringArray, Text, value => value.as_str()),
            Kind::Bool => flat!(BooleanArray, Bool, value => *value),
            Kind::Date => flat!(Date32Array, Date, value => *value),
            Kind::Time => flat!(TimestampMicrosecondArray, Time, value => *value),
            Kind::Money => {
                let money: Arc<Decimal128Array> = flat!(Decimal128Array, Money, value => *value);
                Arc::new(money.as_ref().clone().with_precision_and_scale(12, 2).expect("money fits"))
            }
            Kind::Struct(fields) => structs(fields, cells),
            Kind::Texts => lists(cells),
        }
    }
}

fn fields(fields: &[(&str, Kind)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect()
}

fn structs(names: &[(&str, Kind)], cells: &[Cell]) -> ArrayRef {
    let valid: Vec<bool> = cells.iter().map(|cell| *cell != Cell::Null).collect();
    let arrays = names.iter().enumerate().map(|(field_idx, (_, kind))| {
        let column: Vec<Cell> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Struct(values) => values[field_idx].clone(),
                _ => Cell::Null,
            })
            .collect();
        kind.array(&column)
    });
    let arrays = arrays.collect();
    Arc::new(StructArray::try_new(fields(names), arrays, Some(NullBuffer::from(valid))).expect("a struct column"))
}

fn lists(cells: &[Cell]) -> ArrayRef {
    let valid: Vec<bool> = cells.iter().map(|cell| *cell != Cell::Null).collect();
    let lengths = cells.iter().map(|cell| if let Cell::Texts(texts) = cell { texts.len() } else { 0 });
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values: StringArray = cells
        .iter()
        .filter_map(|cell| if let Cell::Texts(texts) = cell { Some(texts.clone()) } else { None })
        .flatten()
        .collect();
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    Arc::new(ListArray::try_new(item, offsets, Arc::new(values), Some(NullBuffer::from(valid))).expect("a list column"))
}
