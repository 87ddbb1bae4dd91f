//! The beginning of a text file.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use crate::schema::Failure;

/// Lines that are looked at in each sampled file.
pub(crate) const SAMPLED_LINES: usize = 1000;
/// Bytes that are read of a file, and text that is taken out of it, at most: lines may be long, and gzip packs a thousandfold.
const MAX_BYTES: u64 = 8 << 20;
const FIRST_BYTES: u64 = 256 << 10;

/// The beginning of a text.
pub(crate) struct Head {
    pub(crate) bytes: Vec<u8>,
    /// The text goes on, so its last line may be cut.
    pub(crate) is_cut: bool,
}

/// Reads until there are [`SAMPLED_LINES`] line ends after the header, the file ends or the limit is reached.
pub(crate) async fn head(store: &dyn ObjectStore, meta: &ObjectMeta, gzip: bool) -> Result<Head, Failure> {
    let mut wanted = FIRST_BYTES.min(meta.size);
    loop {
        let range = (wanted < meta.size).then_some(GetRange::Bounded(0..wanted));
        let options = GetOptions { range, ..Default::default() };
        let result = store.get_opts(&meta.location, options).await.map_err(|error| Failure::store(&error))?;
        let read = result.bytes().await.map_err(|error| Failure::store(&error))?;
        let is_whole_file = wanted == meta.size;
        let head =
            if gzip { unpack(&read, is_whole_file)? } else { Head { bytes: read.to_vec(), is_cut: !is_whole_file } };
        let lines = head.bytes.iter().filter(|byte| **byte == b'\n').count();
        if !head.is_cut
            || wanted >= MAX_BYTES.min(meta.size)
            || head.bytes.len() as u64 >= MAX_BYTES
            || lines > SAMPLED_LINES
        {
            return Ok(head);
        }
        wanted = (wanted * 4).min(MAX_BYTES).min(meta.size);
    }
}

fn unpack(packed: &[u8], is_whole_file: bool) -> Result<Head, Failure> {
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(packed).take(MAX_BYTES).read_to_end(&mut bytes);
    let is_full = bytes.len() as u64 >= MAX_BYTES;
    match read {
        Ok(_) => Ok(Head { bytes, is_cut: is_full || !is_whole_file }),
        // What was unpacked before the cut is good.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && !is_whole_file => {
            Ok(Head { bytes, is_cut: true })
        }
        Err(error) => Err(Failure::data(format!("the gzip data is damaged: {error}"))),
    }
}
