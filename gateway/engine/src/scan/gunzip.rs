//! Unpacks gzip while it streams.

use std::io::Write;

use bytes::Bytes;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result};
use flate2::write::MultiGzDecoder;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

/// Packed bytes that are unpacked in one step: gzip packs a thousandfold at most, so a step needs 16 MiB at most.
const STEP: usize = 16 << 10;

struct Unpacking {
    packed: BoxStream<'static, Result<Bytes>>,
    chunk: Bytes,
    /// `None` after the end.
    decoder: Option<MultiGzDecoder<Vec<u8>>>,
}

/// The unpacked bytes; packed bytes that are cut or damaged are an error, never an early end.
pub(super) fn gunzip(packed: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let start = Unpacking { packed, chunk: Bytes::new(), decoder: Some(MultiGzDecoder::new(Vec::new())) };
    stream::try_unfold(start, |mut state| async move { Ok(state.step().await?.map(|bytes| (bytes, state))) }).boxed()
}

impl Unpacking {
    async fn step(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            if self.chunk.is_empty() {
                match self.packed.try_next().await? {
                    Some(chunk) => self.chunk = chunk,
                    None => {
                        decoder.try_finish().map_err(damaged)?;
                        let rest = std::mem::take(decoder.get_mut());
                        self.decoder = None;
                        return Ok(Some(rest.into()));
                    }
                }
            }
            let step = self.chunk.split_to(self.chunk.len().min(STEP));
            decoder.write_all(&step).map_err(damaged)?;
            let unpacked = std::mem::take(decoder.get_mut());
            if !unpacked.is_empty() {
                return Ok(Some(unpacked.into()));
            }
        }
    }
}

fn damaged(error: std::io::Error) -> DataFusionError {
    ArrowError::ParseError(format!("gzip: {error}")).into()
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn pack(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Unpacks `packed` as it comes in chunks of `size` bytes.
    async fn unpack(packed: &[u8], size: usize) -> Result<Vec<u8>> {
        let chunks: Vec<_> = packed.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let unpacked: Vec<Bytes> = gunzip(stream::iter(chunks).boxed()).try_collect().await?;
        Ok(unpacked.concat())
    }

    #[tokio::test]
    async fn packed_bytes_come_out_whole_in_whatever_chunks_they_come() {
        let text: Vec<u8> = (0..200_000_u64).map(|i| (i * i % 251) as u8).collect();
        let mut packed = pack(&text);
        for size in [1, 7, 4096, usize::MAX] {
            assert_eq!(unpack(&packed, size).await.unwrap(), text);
        }
        packed.extend(pack(b"a second member"));
        assert_eq!(unpack(&packed, 1000).await.unwrap(), [&text[..], b"a second member"].concat());
        assert_eq!(unpack(&pack(b""), 5).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn cut_or_damaged_bytes_are_an_error() {
        let packed = pack(&b"some text that repeats, ".repeat(50));
        for length in [1, 5, 9, 10, packed.len() / 2, packed.len() - 9, packed.len() - 8, packed.len() - 1] {
            assert!(unpack(&packed[..length], 16).await.is_err(), "{length} of {}", packed.len());
        }
        let mut damaged = packed.clone();
        let at = damaged.len() - 6;
        damaged[at] ^= 1;
        assert!(unpack(&damaged, 16).await.is_err());
        let mut trailing = packed;
        trailing.extend(b"not gzip");
        assert!(unpack(&trailing, 16).await.is_err());
    }
}
