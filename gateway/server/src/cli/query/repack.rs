//! An Arrow stream written in another form on the way, by the same code that a gateway's doors use.
//!
//! Asking for Arrow and writing the form here tells rows, notices and a cut-off result, which other forms cannot.

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use lockgate_engine::Error;
use uuid::Uuid;

use super::super::output::{Failure, shown};
use super::ask::Answer;
use super::table::notices;
use crate::doors::Format;
use crate::doors::pack::{Chunks, Cutter, Ending, Frame, PackError, Packing, packing};

/// Turns the pieces of an Arrow stream into pieces of another form.
pub(super) struct Repack {
    format: Format,
    query_id: Uuid,
    policy: String,
    decoder: StreamDecoder,
    started: Option<Started>,
    chunks: Chunks,
    rows: u64,
}

struct Started {
    cutter: Cutter,
    packing: Box<dyn Packing>,
}

impl Repack {
    pub(super) fn new(format: Format, answer: &Answer) -> Self {
        let query_id = answer.query_id.as_deref().and_then(|id| id.parse().ok()).unwrap_or_default();
        let policy = answer.policy.clone().unwrap_or_default();
        Self {
            format,
            query_id,
            policy,
            decoder: StreamDecoder::new(),
            started: None,
            chunks: Chunks::default(),
            rows: 0,
        }
    }

    /// Takes a piece of the Arrow stream; `write` gets what is ready of the other form.
    pub(super) fn push(
        &mut self,
        mut piece: Buffer,
        write: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(batch) = self.decoder.decode(&mut piece).map_err(unreadable)? {
            self.rows = self.rows.saturating_add(batch.num_rows() as u64);
            self.start(batch.schema())?.cutter.push(&batch).map_err(unreadable)?;
            self.drain(write)?;
        }
        Ok(())
    }

    /// Writes the end. To be called for a whole stream only.
    pub(super) fn end(
        mut self,
        schema: SchemaRef,
        truncated: bool,
        write: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.start(schema)?.cutter.finish().map_err(unreadable)?;
        self.drain(write)?;
        let ending = Ending { rows: self.rows, truncated };
        if let Some(started) = &mut self.started {
            started.packing.end(ending, &mut self.chunks).map_err(refused)?;
        }
        self.chunks.take().iter().try_for_each(|chunk| write(chunk))
    }

    fn start(&mut self, schema: SchemaRef) -> Result<&mut Started, Failure> {
        let started = match self.started.take() {
            Some(started) => started,
            None => {
                let frame = Frame {
                    notices: notices(&schema),
                    schema: schema.clone(),
                    query_id: self.query_id,
                    policy: self.policy.clone(),
                };
                let packing = packing(self.format, frame).map_err(refused)?;
                Started { cutter: Cutter::new(schema, packing.piece_size(), true), packing }
            }
        };
        Ok(self.started.insert(started))
    }

    fn drain(&mut self, write: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let Some(started) = &mut self.started else { return Ok(()) };
        while let Some(piece) = started.cutter.next() {
            started.packing.rows(&piece, &mut self.chunks).map_err(refused)?;
        }
        self.chunks.take().iter().try_for_each(|chunk| write(chunk))
    }
}

fn unreadable(error: ArrowError) -> Failure {
    Failure::failed(format!("the answer cannot be read as Arrow: {error}"))
}

fn refused(error: PackError) -> Failure {
    let error = Error::from(error);
    let hint = error.problem.hint.as_deref().unwrap_or_default();
    Failure::refused(format!("{}\n  hint: {}", shown(&error.to_string()), shown(hint)))
}
