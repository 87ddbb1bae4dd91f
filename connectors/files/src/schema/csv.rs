//! Columns of delimited text.

use arrow_schema::Fields;
use csv::{ByteRecord, ReaderBuilder};

use crate::guess::Guess;
use crate::schema::sample::{Head, SAMPLED_LINES};
use crate::schema::{Depth, nullable};

/// How the text is laid out.
pub(crate) struct Layout<'a> {
    pub(crate) header: bool,
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
    pub(crate) null: &'a [String],
}

/// What one file says about its columns.
#[derive(Debug)]
pub(crate) struct CsvFacts {
    /// Names in the first line, if the layout has a header.
    pub(crate) header: Option<Vec<String>>,
    /// One for each column; nothing seen where only the header was read.
    guesses: Vec<Guess>,
}

/// Reads the header, and at [`Depth::Sample`] the first rows; `None` when there is not even a first line.
pub(crate) fn read(head: &Head, layout: &Layout<'_>, depth: Depth) -> Result<Option<CsvFacts>, String> {
    if head.bytes.starts_with(b"\xff\xfe") || head.bytes.starts_with(b"\xfe\xff") {
        return Err("is UTF-16; save the file as UTF-8".to_owned());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(layout.delimiter)
        .quote(layout.quote)
        .escape(layout.escape)
        .from_reader(head.bytes.as_slice());
    let mut rows = Vec::new();
    let wanted = match depth {
        Depth::Header => 1,
        Depth::Sample => SAMPLED_LINES + usize::from(layout.header),
    };
    // One more than wanted shows that the last wanted one is whole.
    while rows.len() <= wanted {
        let mut row = ByteRecord::new();
        let more = reader.read_byte_record(&mut row).map_err(|error| format!("is no readable CSV: {error}"))?;
        if !more {
            break;
        }
        rows.push(row);
    }
    if head.is_cut && rows.len() <= wanted {
        rows.pop();
        if rows.is_empty() {
            return Err("its first line is too long to be a line of CSV".to_owned());
        }
    }
    rows.truncate(wanted);
    let Some(first) = rows.first() else { return Ok(None) };
    let width = first.len();
    let header = if layout.header { Some(header_names(first)?) } else { None };
    let mut guesses = vec![Guess::NOTHING_SEEN; width];
    if depth == Depth::Sample {
        for row in rows.iter().skip(usize::from(layout.header)) {
            see_row(row, layout, &mut guesses)?;
        }
    }
    Ok(Some(CsvFacts { header, guesses }))
}

fn see_row(row: &ByteRecord, layout: &Layout<'_>, guesses: &mut [Guess]) -> Result<(), String> {
    let line = row.position().map_or(0, csv::Position::line);
    if row.len() != guesses.len() {
        return Err(format!("line {line} has {} fields, the first line has {}", row.len(), guesses.len()));
    }
    for (cell, guess) in row.iter().zip(guesses) {
        let text =
            std::str::from_utf8(cell).map_err(|_| format!("line {line} is not UTF-8; save the file as UTF-8"))?;
        if !text.is_empty() && !layout.null.iter().any(|null| null == text) {
            guess.see(text);
        }
    }
    Ok(())
}

fn header_names(first: &ByteRecord) -> Result<Vec<String>, String> {
    let name = |(i, cell): (usize, &[u8])| match std::str::from_utf8(cell) {
        // R and pandas write row numbers under no name.
        Ok("") => Ok(numbered(i)),
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err("the header is not UTF-8; save the file as UTF-8".to_owned()),
    };
    first.iter().enumerate().map(name).collect()
}

fn numbered(i: usize) -> String {
    format!("column_{}", i + 1)
}

/// One list of columns; the files come with their paths. They are read by position, so a file whose columns are named or ordered
/// otherwise would show values under another column's name, and with that column's policy.
pub(crate) fn merge(files: &[(&str, &CsvFacts)]) -> Result<Fields, String> {
    let Some((first_path, first)) = files.first() else { return Ok(Fields::empty()) };
    let mut guesses = first.guesses.clone();
    for (path, facts) in files {
        if facts.header != first.header || facts.guesses.len() != guesses.len() {
            return Err(format!(
                "`{path}` has other columns than `{first_path}`; give all files of a table the same header"
            ));
        }
        for (guess, other) in guesses.iter_mut().zip(&facts.guesses) {
            *guess = guess.and(*other);
        }
    }
    let names = first.header.clone().unwrap_or_else(|| (0..guesses.len()).map(numbered).collect());
    Ok(names.iter().zip(guesses).map(|(name, guess)| nullable(name, guess.data_type())).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use arrow_schema::DataType;

    use super::*;

    static NULL: LazyLock<Vec<String>> = LazyLock::new(|| vec!["NA".to_owned(), "-".to_owned()]);

    fn comma() -> Layout<'static> {
        Layout { header: true, delimiter: b',', quote: b'"', escape: None, null: &NULL }
    }

    fn columns(text: &str, layout: &Layout<'_>) -> Result<Vec<(String, DataType)>, String> {
        let head = Head { bytes: text.as_bytes().to_vec(), is_cut: false };
        let facts = read(&head, layout, Depth::Sample)?.unwrap();
        Ok(merge(&[("f", &facts)])?.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect())
    }

    fn named(columns: &[(&str, DataType)]) -> Vec<(String, DataType)> {
        columns.iter().map(|(name, data_type)| ((*name).to_owned(), data_type.clone())).collect()
    }

    #[test]
    fn names_come_from_the_header_and_types_from_the_rows() {
        let text = "\u{feff}a,\"b,c\",,d\n1,x,1.5,NA\n\n2,,-,NA\n";
        let expected =
            [("a", DataType::Int64), ("b,c", DataType::Utf8), ("column_3", DataType::Float64), ("d", DataType::Utf8)];
        assert_eq!(columns(text, &comma()).unwrap(), named(&expected));
    }

    #[test]
    fn columns_without_a_header_are_numbered() {
        let layout = Layout { header: false, delimiter: b'\t', ..comma() };
        assert_eq!(
            columns("1\t007\r\n2\t008\r\n", &layout).unwrap(),
            named(&[("column_1", DataType::Int64), ("column_2", DataType::Utf8)])
        );
    }

    #[test]
    fn quoted_line_breaks_are_one_row() {
        assert_eq!(
            columns("a,b\n\"x\ny\",1\n", &comma()).unwrap(),
            named(&[("a", DataType::Utf8), ("b", DataType::Int64)])
        );
    }

    #[test]
    fn a_row_of_another_width_is_refused_with_its_line() {
        assert_eq!(columns("a,b\n1,2\n3\n", &comma()), Err("line 3 has 1 fields, the first line has 2".to_owned()));
    }

    #[test]
    fn a_cut_last_line_does_not_count() {
        let head = Head { bytes: b"a,b\n1,2\n3".to_vec(), is_cut: true };
        assert!(read(&head, &comma(), Depth::Sample).is_ok());
        let endless = Head { bytes: b"a,b,c".to_vec(), is_cut: true };
        assert!(read(&endless, &comma(), Depth::Sample).is_err());
    }

    #[test]
    fn rows_behind_the_sample_do_not_count() {
        let mut text = "a\n".to_owned() + &"1\n".repeat(SAMPLED_LINES);
        text += "x\n";
        assert_eq!(columns(&text, &comma()).unwrap(), named(&[("a", DataType::Int64)]));
    }

    #[test]
    fn another_header_is_refused() {
        let facts = |text: &str| {
            let head = Head { bytes: text.as_bytes().to_vec(), is_cut: false };
            read(&head, &comma(), Depth::Sample).unwrap().unwrap()
        };
        for other in ["b,a\n", "a\n", "a,b,c\n", "A,b\n"] {
            assert!(
                merge(&[("f", &facts("a,b\n1,2\n")), ("g", &facts(other))]).unwrap_err().contains("same header"),
                "{other}"
            );
        }
        let fields = merge(&[("f", &facts("a,b\n1,2\n")), ("g", &facts("a,b\n1.5,x\n"))]).unwrap();
        assert_eq!(fields[0].data_type(), &DataType::Float64);
        assert_eq!(fields[1].data_type(), &DataType::Utf8);
    }
}
