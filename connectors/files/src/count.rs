//! How many rows a table of text files has. Nothing in such files says so: they are read through once, beside the queries.
//!
//! INVARIANT: what is told hangs on the number of rows and on nothing else. How far a file is read to look at its columns does
//! not: that is a matter of bytes, also of those in hidden columns.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use csv_core::{ReadRecordResult, ReaderBuilder};
use flate2::write::MultiGzDecoder;
use futures::StreamExt;
use lockgate_contract::FileFormat;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Rows behind these are not counted: nobody would hold so many of text to save reading the other side of a join.
const MOST: u64 = 1_000_000;
/// How long the first look-up of a table waits: enough for the small file that somebody joins with a large table.
const MOMENT: Duration = Duration::from_millis(20);

/// A count that is going on, or its result. Dropping it ends the work.
pub(crate) struct Count {
    rows: watch::Receiver<Option<u64>>,
    _task: AbortOnDropHandle<()>,
}

impl Count {
    /// Counts the rows of pinned files; one table of a source at a time, so that queries keep the disk for themselves.
    pub(crate) fn start(
        store: Arc<dyn ObjectStore>,
        files: Vec<ObjectMeta>,
        format: FileFormat,
        turns: Arc<Semaphore>,
    ) -> Self {
        let (sender, rows) = watch::channel(None);
        let task = tokio::spawn(async move {
            let Ok(_turn) = turns.acquire().await else { return };
            // What cannot be read is told by the query that reads it.
            if let Ok(n_rows) = count(store.as_ref(), &files, &format).await {
                sender.send_replace(Some(n_rows));
            }
        });
        Self { rows, _task: AbortOnDropHandle::new(task) }
    }

    /// What is known by now.
    pub(crate) fn rows(&self) -> Option<u64> {
        *self.rows.borrow()
    }

    /// Waits for a moment until it is known.
    pub(crate) async fn wait(&self) {
        let mut rows = self.rows.clone();
        // Whether it was known in time shows in `rows`.
        let _ = timeout(MOMENT, rows.wait_for(Option::is_some)).await;
    }
}

async fn count(store: &dyn ObjectStore, files: &[ObjectMeta], format: &FileFormat) -> io::Result<u64> {
    let mut n_rows = 0_u64;
    for file in files {
        let mut text = Text::new(format);
        let mut pieces = store.get(&file.location).await.map_err(io::Error::other)?.into_stream();
        while let Some(piece) = pieces.next().await {
            text.take(&piece.map_err(io::Error::other)?)?;
            if n_rows.saturating_add(text.rows().n_rows) >= MOST {
                return Ok(MOST);
            }
        }
        n_rows = n_rows.saturating_add(text.end()?);
    }
    Ok(n_rows.min(MOST))
}

/// One file, piece by piece.
enum Text {
    Plain(Rows),
    Gzip(Box<MultiGzDecoder<Rows>>),
}

impl Text {
    fn new(format: &FileFormat) -> Self {
        let (layout, gzip) = match format {
            FileFormat::Csv { header, delimiter, quote, escape, gzip, .. } => {
                let reader = ReaderBuilder::new().delimiter(*delimiter).quote(*quote).escape(*escape).build();
                (Layout::Csv { reader: Box::new(reader), header: *header }, *gzip)
            }
            FileFormat::NdJson { gzip } => (Layout::Lines { is_begun: false }, *gzip),
            FileFormat::Parquet | FileFormat::ArrowIpc => (Layout::Lines { is_begun: false }, false),
        };
        let rows = Rows { layout, n_rows: 0 };
        if gzip { Self::Gzip(Box::new(MultiGzDecoder::new(rows))) } else { Self::Plain(rows) }
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(rows) => rows.write_all(piece),
            Self::Gzip(packed) => packed.write_all(piece),
        }
    }

    fn rows(&self) -> &Rows {
        match self {
            Self::Plain(rows) => rows,
            Self::Gzip(packed) => packed.get_ref(),
        }
    }

    fn end(self) -> io::Result<u64> {
        match self {
            Self::Plain(rows) => Ok(rows.end()),
            Self::Gzip(packed) => packed.finish().map(Rows::end),
        }
    }
}

/// The rows so far.
struct Rows {
    layout: Layout,
    n_rows: u64,
}

enum Layout {
    /// Line ends within quotes end no row.
    Csv { reader: Box<csv_core::Reader>, header: bool },
    /// A line that is blank is no row.
    Lines { is_begun: bool },
}

impl Rows {
    fn end(mut self) -> u64 {
        match &mut self.layout {
            Layout::Csv { reader, header } => {
                let is_open = read_records(reader, &[]);
                (self.n_rows + is_open).saturating_sub(u64::from(*header))
            }
            Layout::Lines { is_begun } => self.n_rows + u64::from(*is_begun),
        }
    }
}

impl Write for Rows {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match &mut self.layout {
            // An empty piece would mean the end.
            Layout::Csv { reader, .. } if !text.is_empty() => self.n_rows += read_records(reader, text),
            Layout::Csv { .. } => {}
            Layout::Lines { is_begun } => {
                for part in text.split_inclusive(|byte| *byte == b'\n') {
                    *is_begun |= !part.trim_ascii().is_empty();
                    if part.ends_with(b"\n") {
                        self.n_rows += u64::from(std::mem::take(is_begun));
                    }
                }
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Rows that end within `text`, or with it when it is empty. What stands in them is thrown away.
fn read_records(reader: &mut csv_core::Reader, mut text: &[u8]) -> u64 {
    let (mut fields, mut ends) = ([0; 4096], [0; 256]);
    let mut n_rows = 0;
    loop {
        let (result, n_read, ..) = reader.read_record(text, &mut fields, &mut ends);
        text = text.get(n_read..).unwrap_or_default();
        match result {
            ReadRecordResult::Record => n_rows += 1,
            ReadRecordResult::InputEmpty | ReadRecordResult::End => return n_rows,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
        }
        if text.is_empty() && n_read > 0 {
            return n_rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn csv(header: bool, gzip: bool) -> FileFormat {
        FileFormat::Csv { header, delimiter: b',', quote: b'"', escape: None, null: Vec::new(), gzip }
    }

    /// However the text is cut into pieces.
    fn rows(format: &FileFormat, bytes: &[u8]) -> Vec<u64> {
        let mut counts: Vec<u64> = [1, 2, 3, 7, bytes.len().max(1)]
            .iter()
            .map(|step| {
                let mut text = Text::new(format);
                bytes.chunks(*step).for_each(|piece| text.take(piece).unwrap());
                text.end().unwrap()
            })
            .collect();
        counts.dedup();
        counts
    }

    #[test]
    fn rows_are_counted_however_the_text_arrives() {
        for (text, expected) in [
            ("", 0),
            ("a,b\n", 1),
            ("a,b\n1,2\n3,4\n", 3),
            ("a,b\r\n1,2\r\n3,4", 3),
            ("a\n\"x\ny\"\n\n\n\"\"\"\n\"\n", 3),
        ] {
            assert_eq!(rows(&csv(false, false), text.as_bytes()), [expected], "{text}");
            assert_eq!(rows(&csv(true, false), text.as_bytes()), [expected.saturating_sub(1)], "{text}");
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            let packed = packed.finish().unwrap();
            assert_eq!(rows(&csv(true, true), &packed), [expected.saturating_sub(1)], "{text}");
            if text.ends_with('\n') {
                assert_eq!(rows(&csv(true, true), &[&packed[..], &packed].concat()), [2 * expected - 1], "{text}");
            }
        }
        let wide = format!("{},{}\n", "x".repeat(100_000), ",".repeat(5_000)).repeat(3);
        assert_eq!(rows(&csv(false, false), wide.as_bytes()), [3]);
        let lines = "{\"a\": 1}\n\n  \n{\"a\": 2}\r\n{}";
        assert_eq!(rows(&FileFormat::NdJson { gzip: false }, lines.as_bytes()), [3]);
    }
}
