//! Newline-delimited JSON: one object a row. Values as in [`super::json_cells`]; of two columns with one name the second is
//! called `name_2`.

use std::collections::HashSet;

use arrow::array::RecordBatch;

use super::json_cells::{Cells, quoted};
use super::{Chunks, Ending, Frame, PackError, Packing, PieceSize};

/// Writes newline-delimited JSON.
pub(super) struct NdJson {
    cells: Cells,
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
}

impl NdJson {
    pub(super) fn try_new(frame: &Frame) -> Result<Self, PackError> {
        let mut taken: HashSet<String> = frame.schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut seen = HashSet::new();
        let mut keys = Vec::new();
        for field in frame.schema.fields() {
            let mut name = field.name().clone();
            let mut n = 2;
            while !seen.insert(name.clone()) {
                name = format!("{}_{n}", field.name());
                n += 1;
                // A name that another column has by itself stays that column's.
                while taken.contains(&name) && !seen.contains(&name) {
                    name = format!("{}_{n}", field.name());
                    n += 1;
                }
            }
            taken.insert(name.clone());
            let mut key = quoted(&name);
            key.push(b':');
            keys.push(key);
        }
        Ok(Self { cells: Cells::try_new(&frame.schema)?, keys })
    }
}

impl Packing for NdJson {
    fn piece_size(&self) -> PieceSize {
        PieceSize { rows: 8 * 1024, bytes: 1 << 20, long: usize::MAX }
    }

    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError> {
        let mut out = Vec::with_capacity(2 * piece.get_array_memory_size());
        let keys = &self.keys;
        self.cells.columns(piece, |cells| {
            for row in 0..piece.num_rows() {
                out.push(b'{');
                for (column, (key, cell)) in keys.iter().zip(cells.iter_mut()).enumerate() {
                    if column > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    cell.write(row, &mut out);
                }
                out.extend_from_slice(b"}\n");
            }
            Ok(())
        })?;
        chunks.give(out);
        Ok(())
    }

    fn end(&mut self, _: Ending, _: &mut Chunks) -> Result<(), PackError> {
        Ok(())
    }
}
