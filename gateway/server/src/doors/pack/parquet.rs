//! Parquet files, written while they are sent.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use super::{Chunks, Ending, Frame, PackError, Packing, PieceSize};

/// A row group ends once it holds this many rows or bytes; it stays in memory until then.
const GROUP_ROWS: usize = 256 * 1024;
const GROUP_BYTES: usize = 16 << 20;

/// Writes a Parquet file.
pub(super) struct ParquetFile {
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetFile {
    pub(super) fn try_new(frame: &Frame) -> Result<Self, PackError> {
        try_types(&frame.schema).map_err(failed)?;
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("lockgate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), frame.schema.clone(), Some(properties)).map_err(failed)?;
        Ok(Self { writer })
    }

    fn hand_over(&mut self, chunks: &mut Chunks) {
        // The writer counts what it has written by itself, so its buffer may be emptied at any time.
        chunks.give(std::mem::take(self.writer.inner_mut()));
    }
}

impl Packing for ParquetFile {
    fn piece_size(&self) -> PieceSize {
        PieceSize { rows: 64 * 1024, bytes: 4 << 20, long: usize::MAX }
    }

    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError> {
        self.writer.write(piece).map_err(failed)?;
        if self.writer.in_progress_size() >= GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        self.hand_over(chunks);
        Ok(())
    }

    fn end(&mut self, _: Ending, chunks: &mut Chunks) -> Result<(), PackError> {
        self.writer.finish().map_err(failed)?;
        self.hand_over(chunks);
        Ok(())
    }
}

/// Writes one row of nulls to nowhere: some types are found out only when a row is written, which is too late for an answer
/// that has begun.
fn try_types(schema: &SchemaRef) -> Result<(), ParquetError> {
    let fields: Vec<_> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let columns = fields.iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
    let mut writer = ArrowWriter::try_new(std::io::sink(), row.schema(), None)?;
    writer.write(&row)?;
    writer.flush()
}

fn failed(error: ParquetError) -> PackError {
    match error {
        ParquetError::NYI(internal) | ParquetError::ArrowError(internal) => {
            PackError::Failed(ArrowError::NotYetImplemented(internal))
        }
        other => PackError::Failed(ArrowError::ParquetError(other.to_string())),
    }
}
