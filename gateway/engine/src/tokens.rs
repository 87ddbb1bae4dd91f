//! The tokens of one query: made with one key, and remembered where a source can be asked for the few values they stand for.
//!
//! A join's keys narrow the statement of its other side. Keys that are tokens mean nothing to a source, so those that the
//! gateway made in this query itself are led back to their values, in the statement's condition and nowhere else.
//!
//! INVARIANT: what a token stands for leaves this module only by [`Tokens::values`], which only the writing of a statement's
//! condition asks; a token that this query has not made of a row that the asker may see is unknown.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use lockgate_policies::{PurposeKey, TreatError, Treatment};
use lockgate_wire::ErrorCode;
use parking_lot::Mutex;

use crate::Error;

/// Most tokens of one column that are remembered, and most bytes of them; of a column with more, none are.
const MOST_TOKENS: usize = 1 << 16;
const MOST_BYTES: usize = 8 << 20;

/// Makes the tokens of one query. Two are equal when they make equal tokens of equal values.
#[derive(Clone)]
pub(crate) struct Tokens {
    key: PurposeKey,
    /// Names the key, never is it.
    label: Arc<str>,
    book: Arc<Book>,
}

#[derive(Default)]
struct Book {
    is_wanted: AtomicBool,
    /// For each column; `None` for one that has too many.
    columns: Mutex<HashMap<String, Option<Page>>>,
}

#[derive(Default)]
struct Page {
    values: HashMap<ScalarValue, ScalarValue>,
    bytes: usize,
}

impl Tokens {
    /// Makes tokens with the key that `label` names.
    pub(crate) fn new(key: PurposeKey, label: &str) -> Self {
        Self { key, label: label.into(), book: Arc::default() }
    }

    /// The column in its treatment.
    ///
    /// # Errors
    /// When the treatment does not fit the type.
    pub(crate) fn treated(&self, treatment: Treatment, column: &str, values: &ArrayRef) -> Result<ArrayRef> {
        let treated = treatment.apply(values, Some(&self.key)).map_err(|error| not_treated(&error))?;
        if treatment == Treatment::Hash && self.book.is_wanted.load(Ordering::Acquire) {
            self.book.note(column, values, &treated);
        }
        Ok(treated)
    }

    /// Has tokens remembered from now on: a statement waits for them.
    pub(crate) fn want(&self) {
        self.book.is_wanted.store(true, Ordering::Release);
    }

    /// The values that these tokens stand for; `None` when one is unknown. Nulls are left out: they stand for nothing.
    pub(crate) fn values(&self, tokens: &[ScalarValue]) -> Option<Vec<ScalarValue>> {
        let columns = self.book.columns.lock();
        let known = |token: &ScalarValue| columns.values().flatten().find_map(|page| page.values.get(token)).cloned();
        tokens.iter().filter(|token| !token.is_null()).map(known).collect()
    }
}

impl Book {
    fn note(&self, column: &str, values: &ArrayRef, tokens: &ArrayRef) {
        let mut columns = self.columns.lock();
        let place = columns.entry(column.to_owned()).or_insert_with(|| Some(Page::default()));
        for row in 0..values.len() {
            let Some(page) = place else { return };
            if values.is_valid(row)
                && let (Ok(token), Ok(value)) =
                    (ScalarValue::try_from_array(tokens, row), ScalarValue::try_from_array(values, row))
            {
                page.add(token, value);
            }
            if page.values.len() > MOST_TOKENS || page.bytes > MOST_BYTES {
                *place = None;
            }
        }
    }
}

impl Page {
    fn add(&mut self, token: ScalarValue, value: ScalarValue) {
        let bytes = token.size().saturating_add(value.size());
        if self.values.insert(token, value).is_none() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

fn not_treated(error: &TreatError) -> DataFusionError {
    let ours = Error::new(ErrorCode::Internal, "a column could not be treated").with_internal(error.to_string());
    DataFusionError::External(Box::new(ours))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("label", &self.label).finish_non_exhaustive()
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label
    }
}

impl Eq for Tokens {}

impl Hash for Tokens {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.label.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringArray};
    use lockgate_policies::KeyRing;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(KeyRing::from_secret([7_u8; 32], "test").purpose_key("test"), "test")
    }

    fn scalars(array: &ArrayRef) -> Vec<ScalarValue> {
        (0..array.len()).map(|row| ScalarValue::try_from_array(array, row).unwrap()).collect()
    }

    #[test]
    fn only_what_was_made_since_it_was_wanted_is_known() {
        let tokens = tokens();
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
        let made = scalars(&tokens.treated(Treatment::Hash, "t.x", &values).unwrap());
        assert_eq!(tokens.values(&made), None);
        tokens.want();
        let other: ArrayRef = Arc::new(StringArray::from(vec!["c"]));
        let later = scalars(&tokens.treated(Treatment::Hash, "t.y", &other).unwrap());
        assert_eq!(tokens.values(&later), Some(vec![ScalarValue::from("c")]));
        assert_eq!(tokens.values(&made), None);
        let _ = tokens.treated(Treatment::Hash, "t.x", &values).unwrap();
        assert_eq!(tokens.values(&made), Some(vec![ScalarValue::from("a"), ScalarValue::from("b")]));
        assert_eq!(tokens.values(&[ScalarValue::from("a")]), None);
        assert!(!format!("{tokens:?}").contains("\"a\""));
    }

    #[test]
    fn a_column_with_many_is_forgotten_and_others_are_not() {
        let tokens = tokens();
        tokens.want();
        let many: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::try_from(MOST_TOKENS).unwrap() + 1));
        let made = scalars(&tokens.treated(Treatment::Hash, "t.many", &many.slice(0, 2)).unwrap());
        assert_eq!(tokens.values(&made), Some(vec![ScalarValue::from(0_i64), ScalarValue::from(1_i64)]));
        let _ = tokens.treated(Treatment::Hash, "t.many", &many).unwrap();
        assert_eq!(tokens.values(&made), None);
        let _ = tokens.treated(Treatment::Hash, "t.few", &many.slice(0, 2)).unwrap();
        assert!(tokens.values(&made).is_some());
    }
}
