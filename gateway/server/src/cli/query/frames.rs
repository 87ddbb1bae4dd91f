//! The frames of an Arrow IPC stream, followed without decoding data.
//!
//! Tells how many rows went by, and whether the stream reached its end-of-stream marker: a stream that was cut between two
//! messages looks whole to readers that do not ask.

use arrow::datatypes::Schema;
use arrow::ipc::{MessageHeader, convert::fb_to_schema, root_as_message};

/// Most bytes of one message's metadata.
const MAX_METADATA: usize = 64 << 20;
/// What each message begins with.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Follows a stream that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
    /// Rows of all record batches that began so far.
    pub(super) rows: u64,
    /// The stream's schema, once it is known.
    pub(super) schema: Option<Schema>,
}

#[derive(Debug)]
enum State {
    Prefix(Vec<u8>),
    Metadata { len: usize, bytes: Vec<u8> },
    Body { left: u64 },
    Ended,
}

impl Default for State {
    fn default() -> Self {
        State::Prefix(Vec::new())
    }
}

impl Frames {
    /// Whether the end-of-stream marker has come.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When the bytes are not an Arrow stream.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), &'static str> {
        while !piece.is_empty() {
            match &mut self.state {
                State::Prefix(bytes) => {
                    take(&mut piece, bytes, 8);
                    if bytes.len() == 8 {
                        self.state = after_prefix(bytes)?;
                    }
                }
                State::Metadata { len, bytes } => {
                    take(&mut piece, bytes, *len);
                    if bytes.len() == *len {
                        let bytes = std::mem::take(bytes);
                        self.state = self.after_metadata(&bytes)?;
                    }
                }
                State::Body { left } => {
                    let n_taken = (*left).min(piece.len() as u64);
                    piece = piece.get(usize::try_from(n_taken).unwrap_or(usize::MAX)..).unwrap_or_default();
                    *left -= n_taken;
                    if *left == 0 {
                        self.state = State::default();
                    }
                }
                State::Ended => return Err("the Arrow stream goes on behind its end"),
            }
        }
        Ok(())
    }

    fn after_metadata(&mut self, bytes: &[u8]) -> Result<State, &'static str> {
        const ODD: &str = "the answer is not a whole Arrow stream";
        let message = root_as_message(bytes).map_err(|_| ODD)?;
        if message.header_type() == MessageHeader::RecordBatch {
            let batch = message.header_as_record_batch().ok_or(ODD)?;
            self.rows = self.rows.saturating_add(u64::try_from(batch.length()).map_err(|_| ODD)?);
        } else if message.header_type() == MessageHeader::Schema {
            self.schema = Some(fb_to_schema(message.header_as_schema().ok_or(ODD)?));
        }
        match u64::try_from(message.bodyLength()).map_err(|_| ODD)? {
            0 => Ok(State::default()),
            left => Ok(State::Body { left }),
        }
    }
}

fn after_prefix(bytes: &[u8]) -> Result<State, &'static str> {
    let (continuation, len) = bytes.split_at_checked(4).unwrap_or_default();
    if continuation != CONTINUATION {
        return Err("the answer is not an Arrow stream");
    }
    let len = len.iter().rev().fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
    match len {
        0 => Ok(State::Ended),
        len if len > MAX_METADATA => Err("the answer is not an Arrow stream"),
        len => Ok(State::Metadata { len, bytes: Vec::new() }),
    }
}

/// Moves bytes from the front of `piece` until `into` has `len` of them.
fn take(piece: &mut &[u8], into: &mut Vec<u8>, len: usize) {
    let n_wanted = len.saturating_sub(into.len()).min(piece.len());
    let (front, rest) = piece.split_at_checked(n_wanted).unwrap_or_default();
    into.extend_from_slice(front);
    *piece = rest;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch, StringArray};
    use arrow::ipc::writer::StreamWriter;

    use super::*;

    fn stream() -> Vec<u8> {
        let numbers = Arc::new(Int64Array::from(vec![1, -1, i64::from_le_bytes([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])]));
        let texts = Arc::new(StringArray::from(vec![Some("a"), None, Some("北")]));
        let batch = RecordBatch::try_from_iter([("n", numbers as _), ("t", texts as _)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn whole_stream_is_complete_however_it_is_cut_into_pieces() {
        let bytes = stream();
        for size in [1, 3, 8, 100, bytes.len()] {
            let mut frames = Frames::default();
            for piece in bytes.chunks(size) {
                frames.push(piece).unwrap();
            }
            assert!(frames.is_complete(), "pieces of {size}");
            assert_eq!((frames.rows, frames.schema.unwrap().fields().len()), (6, 2));
        }
    }

    #[test]
    fn stream_without_its_end_is_never_complete() {
        let bytes = stream();
        for len in 0..bytes.len() {
            let mut frames = Frames::default();
            frames.push(&bytes[..len]).unwrap();
            assert!(!frames.is_complete(), "cut at {len}");
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(Frames::default().push(b"{\"code\":\"x\"}").is_err());
        let mut more = stream();
        more.push(0);
        assert!(Frames::default().push(&more).is_err());
    }
}
