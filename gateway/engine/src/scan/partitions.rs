//! Partition pruning: files whose path says that no row can match are not opened.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use lockgate_contract::{FileAccess, FilePart};

use super::files::partition_value;
use super::unqualified;

/// The files that may hold a matching row.
pub(super) fn prune<'a>(access: &'a FileAccess, filters: &[Expr], state: &dyn Session) -> Result<Vec<&'a FilePart>> {
    let is_partition = |name: &str| access.partition_columns.iter().any(|column| column.name == name);
    let usable: Vec<Expr> = filters
        .iter()
        .filter(|filter| {
            !filter.column_refs().is_empty() && filter.column_refs().iter().all(|column| is_partition(&column.name))
        })
        .map(unqualified)
        .collect::<Result<_>>()?;
    let Some(predicate) = conjunction(usable) else {
        return Ok(access.files.iter().collect());
    };
    if access.files.is_empty() {
        return Ok(Vec::new());
    }
    let fields: Vec<Field> = access
        .partition_columns
        .iter()
        .map(|column| Field::new(&column.name, column.data_type.clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let mut arrays = Vec::with_capacity(access.partition_columns.len());
    for (position, column) in access.partition_columns.iter().enumerate() {
        let values = access
            .files
            .iter()
            .map(|file| {
                partition_value(
                    file.partition_values.get(position).and_then(|value| value.as_deref()),
                    &column.data_type,
                )
            })
            .collect::<Result<Vec<_>>>()?;
        arrays.push(ScalarValue::iter_to_array(values)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(access.files.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
    let df_schema = DFSchema::try_from(schema)?;
    let physical = state.create_physical_expr(predicate, &df_schema)?;
    let keep = physical.evaluate(&batch)?.into_array(batch.num_rows())?;
    let keep = keep.as_boolean();
    Ok(access
        .files
        .iter()
        .enumerate()
        .filter(|(index, _)| keep.is_valid(*index) && keep.value(*index))
        .map(|(_, file)| file)
        .collect())
}
