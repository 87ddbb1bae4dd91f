//! A block, as its name says that it is encoded, and blocks within it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, ListArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Fields};

use super::cursor::{Budget, Cursor, has_full_nulls};
use super::rows::Held;
use super::sizes::{Sizes, null_size};
use super::{Flaw, value};
use crate::types::SqlType;

/// How deep blocks lie within each other at most.
const DEEPEST: usize = 64;
/// The identity of a dictionary, by which servers know it again.
const DICTIONARY_ID: usize = 24;

/// The blocks of a page, read one after the other.
pub(super) struct Blocks<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) budget: Budget,
    depth: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(cursor: Cursor<'a>, budget: Budget) -> Self {
        Self { cursor, budget, depth: 0 }
    }

    /// The block of a column. Values that it only refers to are not repeated yet.
    pub(super) fn column(&mut self, sql_type: &SqlType, data_type: &DataType) -> Result<Held, Flaw> {
        if self.depth >= DEEPEST {
            return Err(Flaw::Damaged("its blocks lie too deep within each other"));
        }
        self.depth += 1;
        let length = self.cursor.count()?;
        let held = match self.cursor.take(length)? {
            b"RLE" => {
                let n_rows = self.cursor.count()?;
                let value = self.block(sql_type, data_type)?;
                if value.len() != 1 {
                    return Err(Flaw::Damaged("it repeats more than one value"));
                }
                Held::repeated(value, n_rows)
            }
            b"DICTIONARY" => {
                let n_rows = self.cursor.count()?;
                let values = self.block(sql_type, data_type)?;
                let ids = self.cursor.integers(n_rows)?;
                self.cursor.take(DICTIONARY_ID)?;
                let is_known = |id: &i32| usize::try_from(*id).is_ok_and(|id| id < values.len());
                if !ids.iter().all(is_known) {
                    return Err(Flaw::Damaged("it refers to a value that is not there"));
                }
                Held::picked(values, Int32Array::from(ids))
            }
            name => Held::Flat(self.flat(name, sql_type, data_type)?),
        };
        self.depth -= 1;
        Ok(held)
    }

    /// A block with all its values, those that it only refers to repeated.
    fn block(&mut self, sql_type: &SqlType, data_type: &DataType) -> Result<ArrayRef, Flaw> {
        let held = self.column(sql_type, data_type)?;
        self.budget.spend(held.size())?;
        Ok(held.slice(0, held.len())?)
    }

    fn flat(&mut self, name: &[u8], sql_type: &SqlType, data_type: &DataType) -> Result<ArrayRef, Flaw> {
        let width = match (name, sql_type) {
            (b"ARRAY", SqlType::Array(item)) => return self.array(item, data_type),
            (b"MAP", SqlType::Map(key, value)) => return self.map(key, value, data_type),
            (b"ROW", SqlType::Row(fields)) => return self.row(fields, data_type),
            (b"VARIABLE_WIDTH", _) => return value::variable(&mut self.cursor, &mut self.budget, sql_type),
            (b"BYTE_ARRAY", _) => 1,
            (b"SHORT_ARRAY", _) => 2,
            (b"INT_ARRAY", _) => 4,
            (b"LONG_ARRAY", _) => 8,
            (b"INT128_ARRAY", _) => 16,
            _ => return Err(value::OTHER_TYPE),
        };
        value::fixed(&mut self.cursor, &mut self.budget, width, sql_type, data_type)
    }

    fn array(&mut self, item: &SqlType, data_type: &DataType) -> Result<ArrayRef, Flaw> {
        let DataType::List(field) = data_type else { return Err(value::OTHER_TYPE) };
        let items = self.block(item, field.data_type())?;
        let (offsets, nulls) = self.lists(items.len())?;
        let is_full = has_full_nulls(&offsets, nulls.as_ref());
        let lists = ListArray::try_new(Arc::clone(field), offsets, items, nulls)?;
        if is_full { self.without_null_parts(&lists) } else { Ok(Arc::new(lists)) }
    }

    fn map(&mut self, key: &SqlType, value: &SqlType, data_type: &DataType) -> Result<ArrayRef, Flaw> {
        let DataType::Map(entries, is_sorted) = data_type else { return Err(value::OTHER_TYPE) };
        let DataType::Struct(fields) = entries.data_type() else { return Err(value::OTHER_TYPE) };
        let [key_field, value_field] = fields.as_ref() else { return Err(value::OTHER_TYPE) };
        let keys = self.block(key, key_field.data_type())?;
        let values = self.block(value, value_field.data_type())?;
        // A table of hashes by which the server finds keys, or -1.
        if let Ok(n_hashes) = usize::try_from(self.cursor.integer()?) {
            self.cursor.take_all(n_hashes, size_of::<i32>())?;
        }
        let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        let (offsets, nulls) = self.lists(pairs.len())?;
        let is_full = has_full_nulls(&offsets, nulls.as_ref());
        let maps = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *is_sorted)?;
        if is_full { self.without_null_parts(&maps) } else { Ok(Arc::new(maps)) }
    }

    /// How items belong to lists: their number, where each begins, and which are null.
    fn lists(&mut self, n_items: usize) -> Result<(OffsetBuffer<i32>, Option<NullBuffer>), Flaw> {
        let n_lists = self.cursor.count()?;
        let offsets = self.cursor.offsets(n_lists, n_items)?;
        Ok((offsets, self.cursor.nulls(n_lists)?))
    }

    /// The fields of rows that are null are left out.
    fn row(&mut self, fields: &[(Option<String>, SqlType)], data_type: &DataType) -> Result<ArrayRef, Flaw> {
        let DataType::Struct(arrow_fields) = data_type else { return Err(value::OTHER_TYPE) };
        if self.cursor.count()? != fields.len() || fields.len() != arrow_fields.len() {
            return Err(Flaw::Damaged("a row has other fields"));
        }
        let mut columns = Vec::with_capacity(fields.len());
        for ((_, sql_type), field) in fields.iter().zip(arrow_fields) {
            columns.push(self.block(sql_type, field.data_type())?);
        }
        let n_values = columns.first().map_or(0, |column| column.len());
        if columns.iter().any(|column| column.len() != n_values) {
            return Err(Flaw::Damaged("the fields of a row are of different lengths"));
        }
        let n_rows = self.cursor.count()?;
        let offsets = self.cursor.offsets(n_rows, n_values)?;
        let nulls = self.cursor.nulls(n_rows)?;
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if offsets.lengths().enumerate().any(|(row, length)| length != usize::from(!is_null(row))) {
            return Err(Flaw::Damaged("a row has no fields, or a null has"));
        }
        if nulls.is_some() {
            let places = Int32Array::try_new(offsets.iter().take(n_rows).copied().collect(), nulls.clone())?;
            self.spend_on_nulls(arrow_fields, n_rows)?;
            for column in &mut columns {
                self.budget.spend(Sizes::of(column.as_ref()).total())?;
                *column = take(column, &places, None)?;
            }
        }
        Ok(Arc::new(StructArray::try_new_with_length(arrow_fields.clone(), columns, nulls, n_rows)?))
    }

    fn spend_on_nulls(&mut self, fields: &Fields, n_rows: usize) -> Result<(), Flaw> {
        let width = fields.iter().map(|field| null_size(field.data_type())).sum();
        self.budget.spend_on(n_rows, width)
    }

    /// The same without what stands behind nulls, which is nobody's to see.
    fn without_null_parts(&mut self, array: &dyn Array) -> Result<ArrayRef, Flaw> {
        value::without_null_parts(&mut self.budget, array)
    }
}
