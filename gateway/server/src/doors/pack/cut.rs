//! Cuts a stream of batches anew, at places that depend on the rows alone. Where no rows are hidden, batches that are long
//! enough stay as they are, which saves copying them.

use std::collections::VecDeque;

use arrow::array::{
    Array, ArrayRef, AsArray, MutableArrayData, OffsetSizeTrait, RecordBatch, RecordBatchOptions, make_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

/// Cuts fall on multiples of this many rows (and on the end). A multiple of 8, so that no piece ends within a byte of a
/// bitmap.
const BLOCK: usize = 256;

/// How large pieces become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PieceSize {
    /// Rows of a piece; the first pieces are smaller, so that the first bytes leave early.
    pub(crate) rows: usize,
    /// A piece ends early once its values take this many bytes.
    pub(crate) bytes: usize,
    /// Rows from which on a batch may be a piece as it stands, where no rows are hidden.
    pub(crate) long: usize,
}

/// Rows of the first pieces.
const FIRST_ROWS: [usize; 2] = [1024, 16 * 1024];

/// Gathers batches into pieces.
pub(crate) struct Cutter {
    schema: SchemaRef,
    size: PieceSize,
    /// Whether rows are hidden, of which the ends of batches could tell.
    hides_rows: bool,
    /// Whether a shared slice of a batch is a piece as it stands, without bits of other rows.
    flat: bool,
    waiting: Vec<RecordBatch>,
    n_rows: usize,
    n_bytes: usize,
    n_pieces: usize,
    done: VecDeque<RecordBatch>,
}

impl Cutter {
    /// A cutter for batches of a schema.
    pub(crate) fn new(schema: SchemaRef, size: PieceSize, hides_rows: bool) -> Self {
        let flat = schema.fields().iter().all(|field| !field.data_type().is_nested());
        Self {
            schema,
            size,
            hides_rows,
            flat,
            waiting: Vec::new(),
            n_rows: 0,
            n_bytes: 0,
            n_pieces: 0,
            done: VecDeque::new(),
        }
    }

    /// Adds a batch.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        if !self.hides_rows && (self.size.long..=self.size.rows).contains(&batch.num_rows()) {
            self.finish()?;
            self.n_pieces += 1;
            self.done.push_back(batch.clone());
            return Ok(());
        }
        let mut start = 0;
        let mut at = 0;
        while at < batch.num_rows() {
            let to_block_end = BLOCK - self.n_rows % BLOCK;
            let n = to_block_end.min(batch.num_rows() - at);
            self.n_bytes += batch.columns().iter().map(|column| value_bytes(column, at, n)).sum::<usize>();
            self.n_rows += n;
            at += n;
            if n == to_block_end && (self.n_rows >= self.target_rows() || self.n_bytes >= self.size.bytes) {
                self.waiting.push(batch.slice(start, at - start));
                start = at;
                self.close()?;
            }
        }
        if at > start {
            self.waiting.push(batch.slice(start, at - start));
        }
        Ok(())
    }

    /// Closes the last piece.
    pub(crate) fn finish(&mut self) -> Result<(), ArrowError> {
        if self.n_rows > 0 { self.close() } else { Ok(()) }
    }

    /// The next piece that is complete.
    pub(crate) fn next(&mut self) -> Option<RecordBatch> {
        self.done.pop_front()
    }

    /// Whether another piece is complete.
    pub(crate) fn has_next(&self) -> bool {
        !self.done.is_empty()
    }

    fn target_rows(&self) -> usize {
        FIRST_ROWS.get(self.n_pieces).map_or(self.size.rows, |first| self.size.rows.min(*first))
    }

    fn close(&mut self) -> Result<(), ArrowError> {
        let piece = match self.waiting.as_slice() {
            [only] if self.flat && only.num_rows().is_multiple_of(8) => only.clone(),
            // A slice shares its last byte of bits, and its children, with rows that are not part of it.
            [only] => fresh(only)?,
            several => concat_batches(&self.schema, several)?,
        };
        self.waiting.clear();
        self.n_rows = 0;
        self.n_bytes = 0;
        self.n_pieces += 1;
        self.done.push_back(piece);
        Ok(())
    }
}

/// A copy that shares no buffer.
fn fresh(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(|column| {
        let data = column.to_data();
        let mut copy = MutableArrayData::new(vec![&data], false, data.len());
        copy.try_extend(0, 0, data.len())?;
        Ok(make_array(copy.freeze()))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = columns.collect::<Result<_, ArrowError>>()?;
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}

/// Bytes that the values of some rows take, without validity and padding. Depends on the values alone, not on how their
/// buffers are laid out.
fn value_bytes(array: &ArrayRef, start: usize, len: usize) -> usize {
    match array.data_type() {
        DataType::Utf8 => offset_bytes(array.as_string::<i32>().value_offsets(), start, len),
        DataType::LargeUtf8 => offset_bytes(array.as_string::<i64>().value_offsets(), start, len),
        DataType::Binary => offset_bytes(array.as_binary::<i32>().value_offsets(), start, len),
        DataType::LargeBinary => offset_bytes(array.as_binary::<i64>().value_offsets(), start, len),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            list_bytes(list.values(), list.value_offsets(), start, len)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            list_bytes(list.values(), list.value_offsets(), start, len)
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
            list_bytes(&entries, map.value_offsets(), start, len)
        }
        DataType::FixedSizeList(_, n) => {
            let n = usize::try_from(*n).unwrap_or_default();
            value_bytes(array.as_fixed_size_list().values(), start * n, len * n)
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| value_bytes(column, start, len)).sum(),
        DataType::FixedSizeBinary(n) => len * usize::try_from(*n).unwrap_or_default(),
        // Views, dictionaries and runs do not leave the engine; a guess is good enough.
        other => len * other.primitive_width().unwrap_or(if *other == DataType::Boolean { 1 } else { 16 }),
    }
}

fn offset_bytes<O: OffsetSizeTrait>(offsets: &[O], start: usize, len: usize) -> usize {
    let (first, last) = offset_range(offsets, start, len);
    last - first + len * size_of::<O>()
}

fn list_bytes<O: OffsetSizeTrait>(values: &ArrayRef, offsets: &[O], start: usize, len: usize) -> usize {
    let (first, last) = offset_range(offsets, start, len);
    value_bytes(values, first, last - first) + len * size_of::<O>()
}

fn offset_range<O: OffsetSizeTrait>(offsets: &[O], start: usize, len: usize) -> (usize, usize) {
    let at = |index: usize| offsets.get(index).map_or(0, |offset| offset.as_usize());
    (at(start), at(start + len))
}
