//! Plain types at the way out: views and dictionaries are written out, because clients differ in what they read, and
//! because their shared buffers may hold more than the rows that leave.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;

use crate::edges;

/// The schema with plain types; field metadata is kept, schema metadata dropped.
pub(crate) fn schema(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(|field| plain_field(field)).collect::<Vec<_>>())
}

fn plain_field(field: &Field) -> Arc<Field> {
    Arc::new(
        Field::new(field.name(), data_type(field.data_type()), field.is_nullable())
            .with_metadata(field.metadata().clone()),
    )
}

fn data_type(from: &DataType) -> DataType {
    match from {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => data_type(value),
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| plain_field(field)).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        DataType::RunEndEncoded(_, values) => data_type(values.data_type()),
        other => other.clone(),
    }
}

/// `batch` with the plain `schema`, and nothing beside its rows in its buffers.
pub(crate) fn to_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        if column.data_type() == field.data_type() {
            columns.push(edges::cut_off(column)?);
        } else {
            columns.push(edges::cut_off(&cast(column, field.data_type())?)?);
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, StringArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn no_column_of_a_batch_keeps_anything_beside_its_rows() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(true), Some(true), Some(true)]));
        let words: DictionaryArray<Int32Type> = ["a", "b", "hidden", "hidden", "hidden"].into_iter().collect();
        let words: ArrayRef = Arc::new(words);
        let whole = RecordBatch::try_from_iter([("flag", flags), ("word", words)]).unwrap();
        let plain_schema = Arc::new(schema(&whole.schema()));
        let cut = to_schema(&whole.slice(0, 2), &plain_schema).unwrap();
        let flag = cut.column(0).as_boolean();
        assert_eq!(flag.values().inner().as_slice(), [0b01]);
        assert_eq!(flag.nulls().unwrap().inner().inner().as_slice(), [0b01]);
        assert_eq!(cut.column(1).as_string::<i32>(), &StringArray::from(vec!["a", "b"]));
        assert_eq!(cut.column(1).as_string::<i32>().value_data(), b"ab");
    }
}
