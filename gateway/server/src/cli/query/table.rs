//! The first rows of a result as a table in the terminal.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches;
use lockgate_wire::Notice;

use super::super::output::{Failure, Out, counted, shown, tell};
use super::ask::Answer;
use super::frames::Frames;
use super::progress::Progress;

/// Most characters of one cell.
const CELL: usize = 4_000;
/// Schema metadata that holds the notices, as a JSON list.
const NOTICES: &str = "lockgate.notices";

/// Prints the first `n_shown` rows as soon as they are there, then counts the rest without decoding it.
pub(super) async fn show(mut answer: Answer, n_shown: usize, quiet: bool, progress: &Progress) -> Result<(), Failure> {
    let (mut frames, mut first_rows, mut bytes) = (Frames::default(), FirstRows::new(n_shown), 0_u64);
    while let Some(piece) = answer.next().await? {
        bytes = bytes.saturating_add(piece.len() as u64);
        frames.push(&piece).map_err(Failure::failed)?;
        if let Some(table) = first_rows.push(piece.into()).map_err(unreadable)? {
            progress.aside(|| print(&table))?;
        }
        progress.at(frames.rows, bytes);
    }
    if !frames.is_complete() {
        return Err(answer.cut_off());
    }
    answer.check_rows(frames.rows)?;
    progress.done();
    if let Some(table) = first_rows.finish(frames.schema.as_ref()).map_err(unreadable)? {
        print(&table)?;
    }
    if !quiet {
        let more = frames.rows.saturating_sub(n_shown as u64);
        let more = if more == 0 {
            String::new()
        } else {
            format!(", {} of them not shown; -o FILE takes them all", super::super::output::grouped(more))
        };
        tell(format!("{}{more}", counted(frames.rows, "row")));
        tell_notices(frames.schema.as_ref(), &answer);
    }
    Ok(())
}

fn unreadable(error: ArrowError) -> Failure {
    Failure::failed(format!("the answer cannot be read as Arrow: {error}"))
}

fn print(table: &str) -> Result<(), Failure> {
    let mut out = Out::stdout();
    out.line(table)?;
    out.finish()
}

/// Collects the rows of the table; decodes no more than needed.
struct FirstRows {
    n_left: usize,
    decoder: Option<StreamDecoder>,
    batches: Vec<RecordBatch>,
}

impl FirstRows {
    fn new(n_rows: usize) -> Self {
        Self { n_left: n_rows, decoder: Some(StreamDecoder::new()), batches: Vec::new() }
    }

    /// Takes a piece of the stream; gives the table when its last row has come.
    fn push(&mut self, mut piece: Buffer) -> Result<Option<String>, ArrowError> {
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        while let Some(batch) = decoder.decode(&mut piece)? {
            let batch = batch.slice(0, batch.num_rows().min(self.n_left));
            self.n_left -= batch.num_rows();
            self.batches.push(as_text(&batch)?);
            if self.n_left == 0 {
                self.decoder = None;
                return pretty(&self.batches).map(Some);
            }
        }
        Ok(None)
    }

    /// The table of a result that had fewer rows; `None` when it was given before.
    fn finish(mut self, schema: Option<&Schema>) -> Result<Option<String>, ArrowError> {
        if self.decoder.is_none() {
            return Ok(None);
        }
        if self.batches.is_empty() {
            let Some(schema) = schema else { return Ok(None) };
            self.batches.push(as_text(&RecordBatch::new_empty(Arc::new(schema.clone())))?);
        }
        pretty(&self.batches).map(Some)
    }
}

fn pretty(batches: &[RecordBatch]) -> Result<String, ArrowError> {
    pretty_format_batches(batches).map(|table| table.to_string())
}

/// Every cell as a short text that is safe in a terminal.
fn as_text(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        let cells = (0..batch.num_rows()).map(|row_idx| short(&formatter.value(row_idx).to_string()));
        columns.push(Arc::new(StringArray::from_iter_values(cells)));
        fields.push(Field::new(short(field.name()), DataType::Utf8, false));
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

/// A cell may have several lines, such as a plan; no other control character reaches the terminal.
fn short(text: &str) -> String {
    let (text, more) = match text.char_indices().nth(CELL) {
        Some((end, _)) => (text.get(..end).unwrap_or_default(), "…"),
        None => (text, ""),
    };
    let lines: Vec<_> = text.split('\n').map(shown).collect();
    lines.join("\n") + more
}

/// The notices that a result carries.
pub(super) fn notices(schema: &Schema) -> Vec<Notice> {
    schema.metadata().get(NOTICES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Tells what policy and limits did to the result.
pub(super) fn tell_notices(schema: Option<&Schema>, answer: &Answer) {
    if let Some(schema) = schema {
        notices(schema).iter().for_each(|notice| tell(notice_line(notice)));
    }
    if answer.ending().truncated {
        tell("notice: a row limit cut this result; there are more rows");
    }
}

fn notice_line(notice: &Notice) -> String {
    let rules = if notice.rules.is_empty() { String::new() } else { format!(" ({})", notice.rules.join(", ")) };
    shown(&format!("notice: {}: {}{rules}", notice.table, notice.text)).into_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::ipc::writer::StreamWriter;

    use super::*;

    fn stream(n_batches: usize) -> Vec<u8> {
        let numbers = Arc::new(Int64Array::from(vec![Some(1), None]));
        let texts = Arc::new(StringArray::from(vec!["a\u{1b}[2J\nb\rc".to_owned(), "x".repeat(5_000)]));
        let batch = RecordBatch::try_from_iter([("n", numbers as _), ("text", texts as _)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        for _ in 0..n_batches {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    fn table(bytes: &[u8], n_rows: usize) -> String {
        let mut first_rows = FirstRows::new(n_rows);
        for piece in bytes.chunks(64) {
            if let Some(table) = first_rows.push(piece.to_vec().into()).unwrap() {
                assert!(first_rows.decoder.is_none());
                return table;
            }
        }
        first_rows.finish(None).unwrap().unwrap_or_default()
    }

    #[test]
    fn table_shows_nulls_and_no_control_characters_and_short_cells() {
        let table = table(&stream(1), 10);
        assert!(table.contains("| 1    | a\\u{1b}[2J ") && table.contains("|      | b\\rc "), "{table}");
        assert!(table.contains("| NULL | ") && table.contains(&format!("{}… ", "x".repeat(4_000))), "{table}");
    }

    #[test]
    fn no_more_rows_are_decoded_than_shown() {
        let n_lines = |n_rows| table(&stream(5), n_rows).lines().count();
        assert_eq!([n_lines(1), n_lines(3), n_lines(10), n_lines(100)], [6, 9, 19, 19]);
    }
}
