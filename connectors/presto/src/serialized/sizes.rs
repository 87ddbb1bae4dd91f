//! What values need in memory, one by one.

use arrow::array::{Array, AsArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

/// The size of each value of an array, about.
pub(super) enum Sizes {
    /// All have the same.
    Each {
        size: u64,
        n: usize,
    },
    Listed(Vec<u64>),
}

impl Sizes {
    pub(super) fn of(array: &dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::of_parts(array.as_string::<i32>().offsets(), &Self::Each { size: 1, n: 0 }),
            DataType::Binary => Self::of_parts(array.as_binary::<i32>().offsets(), &Self::Each { size: 1, n: 0 }),
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                Self::of_parts(lists.offsets(), &Self::of(lists.values()))
            }
            DataType::Map(..) => {
                let maps = array.as_map();
                Self::of_parts(maps.offsets(), &Self::of(maps.entries()))
            }
            DataType::Struct(_) => {
                let columns: Vec<Self> = array.as_struct().columns().iter().map(|column| Self::of(column)).collect();
                if columns.iter().all(|column| matches!(column, Self::Each { .. })) {
                    return Self::Each { size: columns.iter().map(|column| column.at(0)).sum(), n: array.len() };
                }
                let row = |row| columns.iter().map(|column| column.at(row)).fold(0, u64::saturating_add);
                Self::Listed((0..array.len()).map(row).collect())
            }
            data_type => Self::Each { size: null_size(data_type) as u64, n: array.len() },
        }
    }

    /// The size of values that are made of parts.
    fn of_parts(offsets: &OffsetBuffer<i32>, parts: &Self) -> Self {
        let own = size_of::<i32>() as u64;
        match parts {
            Self::Each { size, .. } => {
                Self::Listed(offsets.lengths().map(|length| own + (length as u64).saturating_mul(*size)).collect())
            }
            Self::Listed(parts) => {
                let mut rest =
                    parts.get(offsets.first().map_or(0, |first| *first as usize)..).unwrap_or_default().iter();
                let sum = |length| rest.by_ref().take(length).fold(own, |sum, part| sum.saturating_add(*part));
                Self::Listed(offsets.lengths().map(sum).collect())
            }
        }
    }

    /// The size of one value.
    pub(super) fn at(&self, at: usize) -> u64 {
        match self {
            Self::Each { size, .. } => *size,
            Self::Listed(sizes) => sizes.get(at).copied().unwrap_or_default(),
        }
    }

    /// The size of all.
    pub(super) fn total(&self) -> u64 {
        match self {
            Self::Each { size, n } => size.saturating_mul(*n as u64),
            Self::Listed(sizes) => sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)),
        }
    }
}

/// What a null of this type needs.
pub(super) fn null_size(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| null_size(field.data_type())).sum::<usize>() + 1,
        DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map(..) => size_of::<i32>(),
        other => other.primitive_width().unwrap_or(1),
    }
}
