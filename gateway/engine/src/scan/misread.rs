//! What is wrong with a text file, told by place and never by value.

use std::sync::LazyLock;

use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use regex::Regex;

/// Text that cannot be read as the table's columns; for the operator's log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misread(String);

impl Misread {
    /// `text` says where and what to do; it holds no value.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The misread text inside an error.
    pub(super) fn find(error: &DataFusionError) -> Option<&Self> {
        match error.find_root() {
            DataFusionError::External(inner) => inner.downcast_ref(),
            _ => None,
        }
    }
}

impl From<Misread> for DataFusionError {
    fn from(misread: Misread) -> Self {
        Self::External(Box::new(misread))
    }
}

/// Where a reader of text was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'a> {
    /// Columns of the file.
    pub(super) schema: &'a Schema,
    /// Rows of the batches before, without the header.
    pub(super) rows_before: usize,
    /// Most rows of a batch.
    pub(super) batch_size: usize,
    /// Whether the first line is a header.
    pub(super) header: bool,
}

/// What the reader says of a row of another width.
static WIDTH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^incorrect number of fields for line (\d+), expected (\d+) got (more than )?(\d+)$").ok()
});
/// The place in what the reader says of a value, which it quotes.
static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^Error (?:while parsing value '(?s:.*?)' as type '[^']*' for|parsing) column (\d+) at line (\d+)[.:] ")
        .ok()
});

impl Position<'_> {
    /// What the CSV reader's error means.
    ///
    /// It quotes the value and the whole row, so nothing of its text is passed on but numbers, and those only as far as they can be a
    /// place in this batch.
    pub(super) fn csv(&self, error: &ArrowError) -> Misread {
        let text = match error {
            ArrowError::CsvError(text) => self.width(text),
            ArrowError::ParseError(text) => self.value(text),
            _ => None,
        };
        Misread(text.unwrap_or_else(|| format!("{} cannot be read as CSV", self.rows())))
    }

    /// What the NDJSON reader's error means.
    pub(super) fn json(&self) -> Misread {
        Misread(format!(
            "{} hold no JSON objects with the table's columns; write one object on each line, and declare the type of a \
             column that holds several",
            self.rows()
        ))
    }

    fn width(&self, text: &str) -> Option<String> {
        let found = WIDTH.as_ref()?.captures(text)?;
        let part = |index| found.get(index).map_or("", |part| part.as_str());
        // The reader counts records from 1, the header included.
        let row = part(1).parse::<usize>().ok()?.checked_sub(usize::from(self.header))?;
        Some(format!(
            "row {row}{} has {}{} fields, the table has {} columns; quote fields that hold the delimiter",
            self.behind(),
            part(3),
            part(4),
            part(2)
        ))
    }

    fn value(&self, text: &str) -> Option<String> {
        let found = PLACE.as_ref()?.captures(text)?;
        let number = |index| found.get(index)?.as_str().parse::<usize>().ok();
        // The reader counts records from 0, the header included.
        let row = (number(2)? + 1).checked_sub(usize::from(self.header))?;
        let field = self.schema.fields().get(number(1)?)?;
        if row <= self.rows_before || row > self.rows_before + self.batch_size {
            return None;
        }
        let (name, data_type) = (field.name(), field.data_type());
        Some(format!(
            "row {row}{}: column `{name}` holds a text that is no {data_type}; mend it, declare `types = {{ {name} = \"Utf8\" }}` \
             for the table, or name the text with `null` if it stands for a missing value",
            self.behind()
        ))
    }

    fn rows(&self) -> String {
        format!("rows {} to {}{}", self.rows_before + 1, self.rows_before + self.batch_size, self.behind())
    }

    fn behind(&self) -> &'static str {
        if self.header { " behind the header" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::csv::ReaderBuilder;
    use datafusion::arrow::csv::reader::Format;
    use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};

    use super::*;

    /// What is told about the first row that cannot be read, in batches of two rows.
    fn told(text: &str, header: bool) -> String {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = [("id", DataType::Int64), ("at", micros), ("ok", DataType::Boolean)];
        let schema = Arc::new(Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()));
        let format = Format::default().with_header(header);
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_format(format).with_batch_size(2);
        let mut rows_before = 0;
        for batch in reader.build(text.as_bytes()).unwrap() {
            match batch {
                Ok(batch) => rows_before += batch.num_rows(),
                Err(error) => {
                    let position = Position { schema: &schema, rows_before, batch_size: 2, header };
                    let told = position.csv(&error).to_string();
                    assert!(!told.contains("CANARY"), "{told}");
                    return told;
                }
            }
        }
        panic!("{text} was read");
    }

    #[test]
    fn a_value_is_told_by_row_column_and_type() {
        for (row, column) in
            [("CANARY,,", "`id`"), (",CANARY,", "`at`"), (",,CANARY", "`ok`"), ("99999999999999999999,,", "`id`")]
        {
            for before in 0..5 {
                let rows = "1,2024-01-31T00:00:00Z,true\n".repeat(before) + row + "\n";
                let place = format!("row {} behind the header: column {column} holds a text that is no ", before + 1);
                let with_header = told(&format!("a,b,c\n{rows}"), true);
                assert!(with_header.starts_with(&place), "{with_header}");
                assert!(told(&rows, false).starts_with(&place.replace(" behind the header", "")));
            }
        }
    }

    #[test]
    fn a_row_of_another_width_is_told_by_its_row() {
        for (row, fields) in [("CANARY", "1 fields"), ("1,,,CANARY", " fields"), ("1,,,,,,CANARY", " fields")] {
            for before in 0..5 {
                let text = format!("a,b,c\n{}{row}\n", "1,,\n".repeat(before));
                let told = told(&text, true);
                let place = format!("row {} behind the header has ", before + 1);
                assert!(told.starts_with(&place) && told.contains(fields), "{told}");
                assert!(told.contains("the table has 3 columns"), "{told}");
            }
        }
    }

    #[test]
    fn a_value_that_looks_like_a_place_is_not_taken_for_one() {
        let row = "\"CANARY' as type 'Int64' for column 1 at line 4711. Row data: '\",,\n";
        assert_eq!(told(&format!("a,b,c\n1,,\n{row}"), true), "rows 1 to 2 behind the header cannot be read as CSV");
    }
}
