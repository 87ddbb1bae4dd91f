//! Treatments inside a hidden plan: one function object that holds shape and key, so that no key is ever a literal.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray,
};
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::common::{Result, exec_datafusion_err, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::shape::{ColumnShape, NestedShape};
use crate::tokens::Tokens;

/// Shows one raw column in its shape.
#[derive(Debug)]
pub(crate) struct Treat {
    shape: ColumnShape,
    /// The column as shown; its type is the function's result.
    field: FieldRef,
    tokens: Tokens,
    /// The table's and the column's name.
    column: String,
    signature: Signature,
}

impl Treat {
    /// A function that shows a raw column as `field` in `shape`.
    pub(crate) fn new(shape: ColumnShape, field: FieldRef, tokens: Tokens, column: String) -> Self {
        Self { shape, field, tokens, column, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl PartialEq for Treat {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.field == other.field && self.tokens == other.tokens
    }
}

impl Eq for Treat {}

impl Hash for Treat {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shape.hash(state);
        self.field.hash(state);
        self.tokens.hash(state);
    }
}

impl ScalarUDFImpl for Treat {
    fn name(&self) -> &str {
        "lockgate_treat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return internal_err!("a treatment takes one column");
        };
        let raw = value.into_array(args.number_rows)?;
        let shown = self.show(&self.shape, self.field.data_type(), &raw)?;
        Ok(ColumnarValue::Array(shown))
    }
}

impl Treat {
    /// Shows `raw` in `shape` as `data_type`.
    fn show(&self, shape: &ColumnShape, data_type: &DataType, raw: &ArrayRef) -> Result<ArrayRef> {
        match shape {
            ColumnShape::Clear => Ok(Arc::clone(raw)),
            ColumnShape::Treated(treatment) => self.tokens.treated(*treatment, &self.column, raw),
            ColumnShape::Nested(children) => self.nested(children, data_type, raw),
        }
    }

    fn nested(&self, children: &[NestedShape], data_type: &DataType, raw: &ArrayRef) -> Result<ArrayRef> {
        match data_type {
            DataType::Struct(fields) => {
                let raw = raw.as_struct_opt().ok_or_else(|| exec_datafusion_err!("a struct was expected"))?;
                Ok(Arc::new(self.rebuild_struct(children, fields, raw)?))
            }
            DataType::List(item) => {
                let raw = raw.as_list_opt::<i32>().ok_or_else(|| exec_datafusion_err!("a list was expected"))?;
                let values = self.nested(children, item.data_type(), raw.values())?;
                Ok(Arc::new(ListArray::try_new(Arc::clone(item), raw.offsets().clone(), values, raw.nulls().cloned())?))
            }
            DataType::LargeList(item) => {
                let raw = raw.as_list_opt::<i64>().ok_or_else(|| exec_datafusion_err!("a list was expected"))?;
                let values = self.nested(children, item.data_type(), raw.values())?;
                Ok(Arc::new(LargeListArray::try_new(
                    Arc::clone(item),
                    raw.offsets().clone(),
                    values,
                    raw.nulls().cloned(),
                )?))
            }
            DataType::FixedSizeList(item, size) => {
                let raw = raw.as_fixed_size_list_opt().ok_or_else(|| exec_datafusion_err!("a list was expected"))?;
                let values = self.nested(children, item.data_type(), raw.values())?;
                Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *size, values, raw.nulls().cloned())?))
            }
            DataType::Map(entries_field, sorted) => {
                let raw = raw.as_map_opt().ok_or_else(|| exec_datafusion_err!("a map was expected"))?;
                let DataType::Struct(fields) = entries_field.data_type() else {
                    return internal_err!("a map holds a struct");
                };
                let entries = self.rebuild_struct(children, fields, raw.entries())?;
                Ok(Arc::new(MapArray::try_new(
                    Arc::clone(entries_field),
                    raw.offsets().clone(),
                    entries,
                    raw.nulls().cloned(),
                    *sorted,
                )?))
            }
            other => internal_err!("a nested shape does not fit {other}"),
        }
    }

    fn rebuild_struct(&self, children: &[NestedShape], fields: &Fields, raw: &StructArray) -> Result<StructArray> {
        let mut arrays = Vec::with_capacity(children.len());
        for (child, field) in children.iter().zip(fields) {
            let Some(column) = raw.columns().get(child.index) else {
                return internal_err!("a struct field is missing");
            };
            arrays.push(self.show(&child.shape, field.data_type(), column)?);
        }
        Ok(StructArray::try_new(fields.clone(), arrays, raw.nulls().cloned())?)
    }
}
