//! Files of the demo world.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::ops::Range;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Small enough that a filter on time skips most row groups of a file.
const ROWS_A_GROUP: u64 = 20_000;

/// An empty file, with its folders.
pub(super) fn create(path: &Path) -> io::Result<BufWriter<File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
}

/// Writes the rows, one batch and row group at a time.
pub(super) fn write_parquet(
    path: &Path,
    schema: SchemaRef,
    row_idxs: Range<u64>,
    batch: impl Fn(Range<u64>) -> Result<RecordBatch, ArrowError>,
) -> io::Result<()> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(create(path)?, schema, Some(properties))?;
    let mut first = row_idxs.start;
    while first < row_idxs.end {
        let end = row_idxs.end.min(first + ROWS_A_GROUP);
        writer.write(&batch(first..end).map_err(io::Error::other)?)?;
        writer.flush()?;
        first = end;
    }
    writer.close()?;
    Ok(())
}
