//! Comma-separated values (RFC 4180): a header line, CRLF, quotes doubled.
//!
//! A null is an empty field and an empty text is `""`; in a result of one column a null is `""` too, because readers skip empty
//! lines. Dates and times are ISO 8601, binary values are hex; lists, structs and maps
//! are JSON texts.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, FieldRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::json_cells::{Cell, Cells};
use super::{Chunks, Ending, Frame, PackError, Packing, PieceSize};

/// Writes comma-separated values.
pub(super) struct Csv {
    header: Option<String>,
    cells: Cells,
}

impl Csv {
    pub(super) fn try_new(frame: &Frame) -> Result<Self, PackError> {
        let mut header = String::new();
        for (column, field) in frame.schema.fields().iter().enumerate() {
            if column > 0 {
                header.push(',');
            }
            write_text(field.name(), &mut header);
        }
        header.push_str("\r\n");
        let mut csv = Self { header: Some(header), cells: Cells::try_new(&frame.schema)? };
        // Finds types that cannot be written before the answer begins.
        csv.write(&RecordBatch::new_empty(frame.schema.clone()), &mut String::new())?;
        Ok(csv)
    }

    fn write(&mut self, piece: &RecordBatch, out: &mut String) -> Result<(), PackError> {
        let schema = piece.schema();
        let mut columns = Vec::with_capacity(piece.num_columns());
        for (field, column) in schema.fields().iter().zip(piece.columns()) {
            columns.push((column, Column::try_new(&self.cells, field, column)?));
        }
        let n_columns = columns.len();
        for row in 0..piece.num_rows() {
            for (place, (array, column)) in columns.iter_mut().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                match array.is_null(row) {
                    true if n_columns == 1 => out.push_str("\"\""),
                    true => {}
                    false => column.write(row, out)?,
                }
            }
            out.push_str("\r\n");
        }
        drop(columns);
        self.cells.check()
    }
}

impl Packing for Csv {
    fn piece_size(&self) -> PieceSize {
        PieceSize { rows: 8 * 1024, bytes: 1 << 20, long: usize::MAX }
    }

    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError> {
        let mut out = self.header.take().unwrap_or_default();
        out.reserve(piece.get_array_memory_size());
        self.write(piece, &mut out)?;
        chunks.give(out.into_bytes());
        Ok(())
    }

    fn end(&mut self, _: Ending, chunks: &mut Chunks) -> Result<(), PackError> {
        chunks.give(self.header.take().unwrap_or_default().into_bytes());
        Ok(())
    }
}

/// Writes the values of one column of a piece.
enum Column<'a> {
    Text(&'a StringArray),
    Plain(ArrayFormatter<'a>),
    Nested(Cell<'a>),
}

impl<'a> Column<'a> {
    fn try_new(cells: &'a Cells, field: &'a FieldRef, array: &'a ArrayRef) -> Result<Self, PackError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            kind if kind.is_nested() => Self::Nested(cells.one(field, array)?),
            _ => Self::Plain(ArrayFormatter::try_new(array, &FormatOptions::new().with_display_error(false))?),
        })
    }

    fn write(&mut self, row: usize, out: &mut String) -> Result<(), PackError> {
        match self {
            Self::Text(array) => write_text(array.value(row), out),
            Self::Plain(formatter) => {
                let start = out.len();
                let odd = || PackError::DoesNotHold("the result has a value that cannot be written as text");
                write!(out, "{}", formatter.value(row)).map_err(|_| odd())?;
                let text = out.split_off(start);
                write_text(&text, out);
            }
            Self::Nested(cell) => {
                let mut json = Vec::new();
                cell.write(row, &mut json);
                write_text(&String::from_utf8_lossy(&json), out);
            }
        }
        Ok(())
    }
}

/// Writes a text, in quotes where it needs them.
fn write_text(text: &str, out: &mut String) {
    let plain = !text.is_empty() && !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for (place, part) in text.split('"').enumerate() {
        if place > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}
