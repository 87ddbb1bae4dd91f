//! CSV and NDJSON, plain or gzip-compressed.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::ReaderBuilder as CsvBuilder;
use datafusion::arrow::csv::reader::{Decoder as CsvDecoder, Format};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
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
use super::misread::{Misread, Position};
use super::streams::{Batches, Wanted};
use super::utf8;

/// The rows of one file.
pub(super) fn read(store: Arc<dyn ObjectStore>, meta: ObjectMeta, wanted: &Wanted, batch_size: usize) -> Batches {
    let decoder = Decoder::new(wanted, batch_size);
    let schema = Arc::clone(&wanted.file_schema);
    let header = matches!(wanted.format, FileFormat::Csv { header: true, .. });
    let gzip = matches!(wanted.format, FileFormat::NdJson { gzip: true } | FileFormat::Csv { gzip: true, .. });
    let open = async move {
        let bytes = store.get(&meta.location).await?.into_stream().map_err(DataFusionError::from).boxed();
        let bytes = utf8::checked(if gzip { gunzip(bytes) } else { bytes });
        let decoder = decoder?;
        let state =
            Decoding { bytes, chunk: Bytes::new(), is_at_end: false, decoder, schema, header, batch_size, n_rows: 0 };
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
                if !null.is_empty() {
                    let texts: Vec<String> = null.iter().map(|text| regex::escape(text)).collect();
                    let any = Regex::new(&format!("^(?:{})?$", texts.join("|")));
                    let any = any.map_err(|error| DataFusionError::Internal(format!("null texts: {error}")))?;
                    format = format.with_null_regex(any);
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
    schema: SchemaRef,
    header: bool,
    batch_size: usize,
    /// Rows of the batches so far.
    n_rows: usize,
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
            let decoded = self.decoder.decode(&self.chunk);
            let n_decoded = decoded.map_err(|error| self.misread(&error))?;
            self.chunk.advance(n_decoded);
            if n_decoded == n_offered && !self.is_at_end {
                continue;
            }
            // A decoder stops when a batch is full, and CSV also behind the header.
            let flushed = self.decoder.flush();
            match flushed.map_err(|error| self.misread(&error))? {
                Some(batch) => {
                    self.n_rows += batch.num_rows();
                    return Ok(Some(batch));
                }
                None if self.is_at_end => return Ok(None),
                None if n_decoded == 0 => return Err(DataFusionError::Internal("a text decoder is stuck".to_owned())),
                None => {}
            }
        }
    }
    fn misread(&self, error: &ArrowError) -> Misread {
        let position = Position {
            schema: &self.schema,
            rows_before: self.n_rows,
            batch_size: self.batch_size,
            header: self.header,
        };
        match &self.decoder {
            Decoder::Csv(_) => position.csv(error),
            Decoder::Json(_) => position.json(),
        }
    }
}
