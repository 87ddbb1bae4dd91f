//! Late treatment. A keyed token stands for one value only, so rows are joined, grouped and counted at the source by the
//! value itself, and the token is made when the rows come.
//!
//! INVARIANT: such a value is never a [`Known`](super::expression::Known), so no expression, filter or order can name it. It
//! is passed on, set equal to another one of the same token, grouped by, counted and asked whether it is null, and leaves
//! the seal as its token.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use lockgate_policies::{PurposeKey, Treatment};
use lockgate_wire::ErrorCode;

use crate::Error;
use crate::barrier::ColumnShape;

/// The treatment that a column still has to get.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    treatment: Treatment,
    key: PurposeKey,
    key_label: String,
}

/// Equal values have equal tokens, and only they.
impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        self.treatment == other.treatment && self.key_label == other.key_label
    }
}

impl Eq for Late {}

impl Late {
    /// How a column of this shape is treated late, if it can be.
    pub(crate) fn of(shape: &ColumnShape, data_type: &DataType, key: &PurposeKey, key_label: &str) -> Option<Self> {
        let ColumnShape::Treated(treatment @ Treatment::Hash) = *shape else { return None };
        let is_one_to_one = matches!(data_type, DataType::Utf8 | DataType::Int64 | DataType::Binary);
        is_one_to_one.then(|| Self { treatment, key: key.clone(), key_label: key_label.to_owned() })
    }

    /// The tokens of a column's values.
    pub(crate) fn tokens(&self, values: &ArrayRef) -> Result<ArrayRef> {
        self.treatment.apply(values, Some(&self.key)).map_err(|error| {
            let ours =
                Error::new(ErrorCode::Internal, "a column could not be treated").with_internal(error.to_string());
            DataFusionError::External(Box::new(ours))
        })
    }
}
