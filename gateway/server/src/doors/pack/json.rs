//! One JSON document: `{"query_id", "policy", "columns", "notices", "rows", "row_count", "truncated"}`, rows as arrays in
//! column order. Values as in [`super::json_cells`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use arrow::error::ArrowError;
use serde::Serialize;

use super::json_cells::Cells;
use super::{Chunks, Ending, Frame, PackError, Packing, PieceSize};

/// Writes one JSON document.
pub(super) struct JsonDocument {
    frame: Arc<Frame>,
    cells: Cells,
    n_rows: u64,
}

/// One entry of `columns`.
#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
    /// The column's `lockgate.*` metadata.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
}

impl<'a> Column<'a> {
    fn of(field: &'a Field) -> Self {
        let metadata = field.metadata().iter().filter(|(key, _)| key.starts_with("lockgate."));
        Self {
            name: field.name(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
            metadata: metadata.map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        }
    }
}

impl JsonDocument {
    pub(super) fn try_new(frame: Arc<Frame>) -> Result<Self, PackError> {
        Ok(Self { cells: Cells::try_new(&frame.schema)?, frame, n_rows: 0 })
    }

    fn head(&self, out: &mut Vec<u8>) -> Result<(), PackError> {
        let columns: Vec<Column<'_>> = self.frame.schema.fields().iter().map(|field| Column::of(field)).collect();
        let columns = serde_json::to_string(&columns).map_err(|error| ArrowError::from_external_error(error.into()))?;
        let notices = serde_json::to_string(&self.frame.notices)
            .map_err(|error| ArrowError::from_external_error(error.into()))?;
        let policy = serde_json::Value::from(self.frame.policy.as_str());
        let query_id = self.frame.query_id;
        let head = format!(
            "{{\"query_id\":\"{query_id}\",\"policy\":{policy},\"columns\":{columns},\"notices\":{notices},\"rows\":["
        );
        out.extend_from_slice(head.as_bytes());
        Ok(())
    }
}

impl Packing for JsonDocument {
    fn piece_size(&self) -> PieceSize {
        PieceSize { rows: 8 * 1024, bytes: 1 << 20, long: usize::MAX }
    }

    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError> {
        let mut out = Vec::with_capacity(piece.get_array_memory_size());
        if self.n_rows == 0 {
            self.head(&mut out)?;
        }
        let first_row = self.n_rows;
        self.cells.columns(piece, |cells| {
            for row in 0..piece.num_rows() {
                out.extend_from_slice(if first_row == 0 && row == 0 { b"\n" } else { b",\n" });
                out.push(b'[');
                for (column, cell) in cells.iter_mut().enumerate() {
                    if column > 0 {
                        out.push(b',');
                    }
                    cell.write(row, &mut out);
                }
                out.push(b']');
            }
            Ok(())
        })?;
        self.n_rows += piece.num_rows() as u64;
        chunks.give(out);
        Ok(())
    }

    fn end(&mut self, ending: Ending, chunks: &mut Chunks) -> Result<(), PackError> {
        let mut out = Vec::new();
        if self.n_rows == 0 {
            self.head(&mut out)?;
        }
        let tail = format!("],\"row_count\":{},\"truncated\":{}}}\n", ending.rows, ending.truncated);
        out.extend_from_slice(tail.as_bytes());
        chunks.give(out);
        Ok(())
    }
}
