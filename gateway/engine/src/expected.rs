//! How many rows are to be expected: enough to tell the small side of a join from the large one, and no more.
//!
//! INVARIANT: what is expected of a table hangs on rows that the asker may see. Of one that policy hides rows of, nothing is.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;

/// Of how many rows a condition is expected to keep one: DataFusion's own guess.
const KEPT_BY_A_CONDITION: u64 = 5;

/// About how many rows there are; nothing where nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Expected(Option<u64>);

impl Expected {
    /// One row.
    pub(crate) const ONE: Self = Self(Some(1));

    /// As many as a source says.
    pub(crate) fn of(rows: Option<u64>) -> Self {
        Self(rows)
    }

    /// What is left of them behind a condition.
    #[must_use]
    pub(crate) fn filtered(self) -> Self {
        Self(self.0.map(|rows| rows.div_ceil(KEPT_BY_A_CONDITION)))
    }

    /// Read with so many conditions and a limit; all conditions count as one.
    #[must_use]
    pub(crate) fn read(self, n_filters: usize, limit: Option<usize>) -> Self {
        let kept = if n_filters == 0 { self } else { self.filtered() };
        // Nothing is said of a table of which nothing is known, not even how many rows were asked for.
        Self(kept.0.map(|rows| limit.and_then(|most| u64::try_from(most).ok()).map_or(rows, |most| rows.min(most))))
    }

    /// The first of them.
    #[must_use]
    pub(crate) fn at_most(self, most: usize) -> Self {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        Self(Some(self.0.map_or(most, |rows| rows.min(most))))
    }

    /// Joined with others by keys that are those of one of the two sides.
    #[must_use]
    pub(crate) fn joined(self, other: Self) -> Self {
        Self(self.0.zip(other.0).map(|(one, two)| one.max(two)))
    }

    /// Together with others.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0.zip(other.0).map(|(one, two)| one.saturating_add(two)))
    }

    /// As DataFusion takes it: never as exact, and nothing about columns or bytes.
    pub(crate) fn statistics(self, schema: &Schema) -> Arc<Statistics> {
        let mut statistics = Statistics::new_unknown(schema);
        if let Some(rows) = self.0 {
            statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
        }
        Arc::new(statistics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_follows_from_what_is_known() {
        let (unknown, five, many) = (Expected::default(), Expected::of(Some(5)), Expected::of(Some(1_001)));
        assert_eq!((many.filtered(), five.filtered()), (Expected::of(Some(201)), Expected::ONE));
        assert_eq!((many.at_most(10), unknown.at_most(10)), (Expected::of(Some(10)), Expected::of(Some(10))));
        assert_eq!((five.joined(many), five.and(many)), (many, Expected::of(Some(1_006))));
        for still_unknown in [unknown.filtered(), unknown.joined(five), five.joined(unknown), five.and(unknown)] {
            assert_eq!(still_unknown, unknown);
        }
    }
}
