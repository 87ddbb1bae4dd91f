//! Rows that wait to be handed on, cut into batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, RecordBatch};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::sizes::Sizes;

/// Bytes of repeated values that one batch has at most, unless a single row has more.
const MOST_REPEATED: u64 = 16 << 20;
/// Batches with fewer bytes are put together.
const SMALL: usize = 256 << 10;
/// Batches with fewer than this part of their rows are put together.
const FEW: usize = 4;

/// One column. Values that are repeated stay as the server gave them until a batch is made: a page of a megabyte may stand for
/// many times that.
pub(crate) enum Held {
    Flat(ArrayRef),
    /// One value for all rows.
    Repeated {
        value: ArrayRef,
        size: u64,
        n_rows: usize,
    },
    /// Each row is one of some values.
    Picked {
        values: ArrayRef,
        sizes: Sizes,
        ids: Int32Array,
    },
}

impl Held {
    pub(super) fn repeated(value: ArrayRef, n_rows: usize) -> Self {
        let size = Sizes::of(&value).at(0);
        Self::Repeated { value, size, n_rows }
    }

    pub(super) fn picked(values: ArrayRef, ids: Int32Array) -> Self {
        let sizes = Sizes::of(&values);
        Self::Picked { values, sizes, ids }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Flat(values) => values.len(),
            Self::Repeated { n_rows, .. } => *n_rows,
            Self::Picked { ids, .. } => ids.len(),
        }
    }

    /// What one row needs beyond what is held already.
    fn size_at(&self, row: usize) -> u64 {
        match self {
            Self::Flat(_) => 0,
            Self::Repeated { size, .. } => *size,
            Self::Picked { sizes, ids, .. } => {
                ids.values().get(row).and_then(|id| usize::try_from(*id).ok()).map_or(0, |id| sizes.at(id))
            }
        }
    }

    /// What all rows need beyond what is held already.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Flat(_) => 0,
            // The indices of the values that are taken.
            Self::Repeated { size, n_rows, .. } => size.saturating_add(4).saturating_mul(*n_rows as u64),
            Self::Picked { .. } => (0..self.len()).fold(0, |sum, row| sum.saturating_add(self.size_at(row))),
        }
    }

    pub(super) fn slice(&self, start: usize, length: usize) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Flat(values) => Ok(values.slice(start, length)),
            Self::Repeated { value, .. } => take(value, &Int32Array::from(vec![0; length]), None),
            Self::Picked { values, ids, .. } => take(values, &ids.slice(start, length), None),
        }
    }
}

/// The rows of one page that are not handed on yet.
pub(crate) struct Rows {
    columns: Vec<Held>,
    n_rows: usize,
    n_taken: usize,
}

impl Rows {
    /// Rows of columns that all are of this length.
    pub(super) fn new(columns: Vec<Held>, n_rows: usize) -> Self {
        Self { columns, n_rows, n_taken: 0 }
    }

    /// Rows of whole columns.
    pub(crate) fn of_arrays(columns: Vec<ArrayRef>) -> Self {
        let n_rows = columns.first().map_or(0, |column| column.len());
        Self::new(columns.into_iter().map(Held::Flat).collect(), n_rows)
    }

    /// The next rows, at most so many; none when all were taken.
    fn take(&mut self, most: usize, schema: &SchemaRef) -> Result<Option<RecordBatch>, ArrowError> {
        let length = self.fitting(most);
        if length == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter().map(|column| column.slice(self.n_taken, length)).collect::<Result<_, _>>()?;
        self.n_taken += length;
        RecordBatch::try_new(Arc::clone(schema), columns).map(Some)
    }

    /// How many rows the next batch has.
    fn fitting(&self, most: usize) -> usize {
        let most = most.min(self.n_rows - self.n_taken);
        let repeated: Vec<&Held> = self.columns.iter().filter(|column| !matches!(column, Held::Flat(_))).collect();
        if repeated.is_empty() {
            return most;
        }
        let mut left = MOST_REPEATED;
        for length in 0..most {
            let size = repeated.iter().map(|column| column.size_at(self.n_taken + length)).fold(0, u64::saturating_add);
            match left.checked_sub(size) {
                Some(less) => left = less,
                None => return length.max(1),
            }
        }
        most
    }
}

/// Pages of rows, from which batches are taken.
pub(crate) struct Waiting {
    pages: VecDeque<Rows>,
    schema: SchemaRef,
    most: usize,
}

impl Waiting {
    /// Pages that are cut into batches of at most so many rows.
    pub(crate) fn new(pages: VecDeque<Rows>, schema: &SchemaRef, batch_rows: usize) -> Self {
        Self { pages, schema: Arc::clone(schema), most: batch_rows.max(1) }
    }

    /// The next batch. Small ones are put together.
    ///
    /// # Errors
    /// When columns do not fit the schema.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(first) = self.take(self.most)? else { return Ok(None) };
        let (mut n_rows, mut n_bytes) = (first.num_rows(), first.get_array_memory_size());
        let mut batches = vec![first];
        while n_rows < self.most / FEW && n_bytes < SMALL {
            let Some(batch) = self.take(self.most - n_rows)? else { break };
            n_rows += batch.num_rows();
            n_bytes = n_bytes.saturating_add(batch.get_array_memory_size());
            batches.push(batch);
        }
        match batches.as_slice() {
            [only] => Ok(Some(only.clone())),
            several => concat_batches(&self.schema, several).map(Some),
        }
    }

    fn take(&mut self, most: usize) -> Result<Option<RecordBatch>, ArrowError> {
        while let Some(page) = self.pages.front_mut() {
            if let Some(batch) = page.take(most, &self.schema)? {
                return Ok(Some(batch));
            }
            self.pages.pop_front();
        }
        Ok(None)
    }
}
