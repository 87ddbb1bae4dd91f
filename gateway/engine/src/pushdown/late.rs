//! Late treatment. A keyed token stands for one value only, so rows are joined, grouped and counted at the source by the
//! value itself, and the token is made when the rows come.
//!
//! INVARIANT: such a value is never a [`Known`](super::expression::Known), so no expression, filter or order can name it. It
//! is passed on, set equal to another one of the same token, grouped by, counted and asked whether it is null, and leaves
//! the seal as its token.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use lockgate_policies::Treatment;

use crate::barrier::ColumnShape;
use crate::tokens::Tokens;

/// The treatment that a column still has to get. Of two that are equal, equal values have equal tokens, and only they.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Late {
    treatment: Treatment,
    tokens: Tokens,
}

impl Late {
    /// How a column of this shape is treated late, if it can be.
    pub(crate) fn of(shape: &ColumnShape, data_type: &DataType, tokens: &Tokens) -> Option<Self> {
        let ColumnShape::Treated(treatment @ Treatment::Hash) = *shape else { return None };
        let is_one_to_one = matches!(data_type, DataType::Utf8 | DataType::Int64 | DataType::Binary);
        is_one_to_one.then(|| Self { treatment, tokens: tokens.clone() })
    }

    /// What made, or will make, the tokens.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The column in its treatment; `name` tells it from others of the query.
    pub(crate) fn treated(&self, name: &str, values: &ArrayRef) -> Result<ArrayRef> {
        self.tokens.treated(self.treatment, name, values)
    }
}
