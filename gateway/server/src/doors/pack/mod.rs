//! Batches into bytes, one file for each form of results.
//!
//! What is written depends on the rows, their order and the schema alone, never on how the engine happened to cut them
//! into batches: that could tell how many hidden rows lay between visible ones. So batches are first cut anew
//! ([`cut`]), and every form writes pieces.

mod arrow;
mod chunks;
mod csv;
mod cut;
mod json;
mod json_cells;
mod ndjson;
mod parquet;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use lockgate_engine::Error;
use lockgate_wire::{ErrorCode, Notice};

pub(crate) use chunks::Chunks;
pub(crate) use cut::{Cutter, PieceSize};

use super::accept::Format;

/// What stands around the rows of a result.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Schema with its `lockgate.*` metadata.
    pub(crate) schema: SchemaRef,
    /// The query's id.
    pub(crate) query_id: uuid::Uuid,
    /// Version of the policy that decided.
    pub(crate) policy: String,
    /// What was treated.
    pub(crate) notices: Vec<Notice>,
}

/// What is known at the end of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// Rows written.
    pub(crate) rows: u64,
    /// Whether a limit cut the result.
    pub(crate) truncated: bool,
}

/// Writes one result in one form. After an error nothing more may be written, and the answer must not end cleanly.
pub(crate) trait Packing: Send {
    /// How many rows the pieces should have.
    fn piece_size(&self) -> PieceSize;

    /// Writes a piece; what comes before the first row is written with the first piece.
    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError>;

    /// Writes the end (and the beginning, when there was no piece).
    fn end(&mut self, ending: Ending, chunks: &mut Chunks) -> Result<(), PackError>;
}

/// Starts to write a result. Fails with UNSUPPORTED_FEATURE when the form cannot hold a column's type.
pub(crate) fn packing(format: Format, frame: Frame) -> Result<Box<dyn Packing>, PackError> {
    let frame = Arc::new(frame);
    Ok(match format {
        Format::Arrow(compression) => Box::new(arrow::ArrowStream::try_new(&frame, compression)?),
        Format::Json => Box::new(json::JsonDocument::try_new(frame)?),
        Format::NdJson => Box::new(ndjson::NdJson::try_new(&frame)?),
        Format::Csv => Box::new(csv::Csv::try_new(&frame)?),
        Format::Parquet => Box::new(parquet::ParquetFile::try_new(&frame)?),
    })
}

/// Why a result cannot be written in a form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// The form has no place for a type or a value; another one has.
    #[error("{0}")]
    DoesNotHold(&'static str),
    /// The writer failed.
    #[error(transparent)]
    Failed(#[from] ArrowError),
}

impl From<PackError> for Error {
    fn from(error: PackError) -> Self {
        const HINT: &str = "ask for `application/vnd.apache.arrow.stream`, which holds everything";
        match error {
            PackError::DoesNotHold(text) => Error::new(ErrorCode::UnsupportedFeature, text).with_hint(HINT),
            PackError::Failed(ArrowError::NotYetImplemented(internal) | ArrowError::SchemaError(internal)) => {
                let text = "the result has a column whose type this form cannot hold";
                Error::new(ErrorCode::UnsupportedFeature, text).with_hint(HINT).with_internal(internal)
            }
            PackError::Failed(error) => {
                Error::new(ErrorCode::Internal, "the result could not be written").with_internal(error.to_string())
            }
        }
    }
}
