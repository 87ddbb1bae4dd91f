//! CSV and NDJSON, plain or gzip-compressed.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::ReaderBuilder as CsvBuilder;
use datafusion::arrow::csv::reader::{Decoder as CsvDecoder, Format};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder as JsonBuilder;
use datafusion::arrow::json::reader::Decoder as JsonDecoder;
use datafusion::common::{DataFusionError, Result};
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use lockgate_contract::FileFormat;
use regex::Regex;

use super::gunzip::gunzip;
use super::streams::{Batches, Wanted};

/// The rows of one file.
pub(super) fn read(store: Arc<dyn ObjectStore>, meta: ObjectMeta, wanted: &Wanted, batch_size: usize) -> Batches {
    let decoder = Decoder::new(wanted, batch_size);
    let gzip = matches!(wanted.format, FileFormat::NdJson { gzip: true } | FileFormat::Csv { gzip: true, .. });
    let open = async move {
        let bytes = store.get(&meta.location).await?.into_stream().map_err(DataFusionError::from).boxed();
        let bytes = if gzip { gunzip(bytes) } else { bytes };
        let state = Decoding { bytes, chunk: Bytes::new(), is_at_end: false, decoder: decoder? };
        Ok::<_, DataFusionError>(stream::try_unfold(state, |mut state| async move {
            Ok(state.next().await?.map(|batch| (batch, state)))
        }))
    };
    stream::once(open).try_flatten().boxed()
}

enum Decoder {
    Csv(Box<CsvDecoder>),
    Json(Box<JsonDecoder>),
}

impl Decoder {
    fn new(wanted: &Wanted, batch_size: usize) -> Result<Self> {
        match &wanted.format {
            FileFormat::Csv { header, delimiter, quote, escape, null, .. } => {
                let mut format = Format::default()
                    .with_header(*header)
                    .with_delimiter(*delimiter)
                    .with_quote(*quote)
                    .with_truncated_rows(false);
                if let Some(escape) = escape {
                    format = format.with_escape(*escape);
                }
                if let Some(null) = null {
                    let either = Regex::new(&format!("^(?:{})?$", regex::escape(null)));
                    let either = either.map_err(|error| DataFusionError::Internal(format!("null text: {error}")))?;
                    format = format.with_null_regex(either);
                }
                let builder = CsvBuilder::new(Arc::clone(&wanted.file_schema)).with_format(format);
                let builder = builder.with_batch_size(batch_size).with_projection(wanted.file_columns.clone());
                Ok(Self::Csv(Box::new(builder.build_decoder())))
            }
            FileFormat::NdJson { .. } => {
                let schema = Arc::new(Schema::new(wanted.file_fields()));
                // Text columns take numbers and booleans as they are written.
                let builder = JsonBuilder::new(schema).with_batch_size(batch_size).with_coerce_primitive(true);
                Ok(Self::Json(Box::new(builder.build_decoder()?)))
            }
            FileFormat::Parquet | FileFormat::ArrowIpc => {
                Err(DataFusionError::Internal("the format is no text".to_owned()))
            }
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> std::result::Result<usize, ArrowError> {
        match self {
            Self::Csv(decoder) => decoder.decode(bytes),
            Self::Json(decoder) => decoder.decode(bytes),
        }
    }

    fn flush(&mut self) -> std::result::Result<Option<RecordBatch>, ArrowError> {
        match self {
            Self::Csv(decoder) => decoder.flush(),
            Self::Json(decoder) => decoder.flush(),
        }
    }
}

struct Decoding {
    bytes: BoxStream<'static, Result<Bytes>>,
    chunk: Bytes,
    is_at_end: bool,
    decoder: Decoder,
}

impl Decoding {
    /// The next batch, or `None` at the end.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.chunk.is_empty() && !self.is_at_end {
                match self.bytes.try_next().await? {
                    Some(chunk) => self.chunk = chunk,
                    None => self.is_at_end = true,
                }
            }
            // At the end an empty slice tells the decoder that the last line is whole.
            let n_offered = self.chunk.len();
            let n_decoded = self.decoder.decode(&self.chunk)?;
            self.chunk.advance(n_decoded);
            if n_decoded == n_offered && !self.is_at_end {
                continue;
            }
            // A decoder stops when a batch is full, and CSV also behind the header.
            match self.decoder.flush()? {
                Some(batch) => return Ok(Some(batch)),
                None if self.is_at_end => return Ok(None),
                None if n_decoded == 0 => return Err(DataFusionError::Internal("a text decoder is stuck".to_owned())),
                None => {}
            }
        }
    }
}
