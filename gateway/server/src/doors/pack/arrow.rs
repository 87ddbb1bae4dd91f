//! Arrow IPC streams.

use ::arrow::array::RecordBatch;
use ::arrow::ipc::CompressionType;
use ::arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};

use super::{Chunks, Ending, Frame, PackError, Packing, PieceSize};
use crate::doors::accept::Compression;

/// Writes an Arrow IPC stream; value buffers go to the socket without a copy.
pub(super) struct ArrowStream {
    /// Absent after the end.
    encoder: Option<StreamEncoder>,
}

impl ArrowStream {
    pub(super) fn try_new(frame: &Frame, compression: Compression) -> Result<Self, PackError> {
        let codec = match compression {
            Compression::None => None,
            Compression::Zstd => Some(CompressionType::ZSTD),
            Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        };
        let options = IpcWriteOptions::default().try_with_compression(codec)?;
        Ok(Self { encoder: Some(StreamEncoder::try_new_with_options(&frame.schema, options)?) })
    }
}

impl Packing for ArrowStream {
    fn piece_size(&self) -> PieceSize {
        PieceSize { rows: 64 * 1024, bytes: 4 << 20, long: 1024 }
    }

    fn rows(&mut self, piece: &RecordBatch, chunks: &mut Chunks) -> Result<(), PackError> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        for buffer in encoder.encode(piece)? {
            chunks.share(buffer);
        }
        Ok(())
    }

    fn end(&mut self, _: Ending, chunks: &mut Chunks) -> Result<(), PackError> {
        let Some(encoder) = self.encoder.take() else { return Ok(()) };
        for buffer in encoder.finish()? {
            chunks.share(buffer);
        }
        Ok(())
    }
}
