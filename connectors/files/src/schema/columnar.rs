//! Schemas from the footers of Parquet and Arrow files.

use std::ops::Range;
use std::sync::Arc;

use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{convert::fb_to_schema, reader::read_footer_length, root_as_footer};
use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use bytes::Bytes;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::schema::Failure;
use crate::types::plain_field;

/// Bytes that are read first from the end of a file; most footers fit.
const TAIL: u64 = 64 << 10;
/// A schema of an Arrow stream is not larger.
const MAX_STREAM_SCHEMA: u64 = 16 << 20;
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// Plain fields of a Parquet file, and its rows. Its metadata is left behind: it may name columns that are hidden.
pub(crate) async fn parquet(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<(Fields, u64), Failure> {
    let mut tail = TAIL.min(meta.size);
    let metadata = loop {
        let bytes = read(store, meta, meta.size - tail..meta.size).await?;
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
        match reader.try_parse_sized(&bytes, meta.size) {
            Ok(()) => break reader.finish().map_err(|error| damaged_parquet(&error))?,
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= meta.size => {
                tail = needed as u64
            }
            Err(error) => return Err(damaged_parquet(&error)),
        }
    };
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|error| damaged_parquet(&error))?;
    let mut leaf = 0;
    let plain = schema.fields().iter().map(|field| plain_field(&with_int96_in_micros(field, &metadata, &mut leaf)));
    Ok((plain.collect(), u64::try_from(file.num_rows()).unwrap_or(0)))
}

fn damaged_parquet(error: &ParquetError) -> Failure {
    Failure::data(format!("is no readable Parquet file: {error}"))
}

/// The old INT96 timestamps reach further than nanoseconds in 64 bits do (Spark writes 9999-12-31), so they are microseconds.
/// `leaf` counts the Parquet columns passed.
fn with_int96_in_micros(field: &FieldRef, metadata: &ParquetMetaData, leaf: &mut usize) -> FieldRef {
    let mut descend = |child: &FieldRef| with_int96_in_micros(child, metadata, leaf);
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(descend).collect()),
        DataType::List(item) => DataType::List(descend(item)),
        DataType::LargeList(item) => DataType::LargeList(descend(item)),
        DataType::ListView(item) => DataType::ListView(descend(item)),
        DataType::LargeListView(item) => DataType::LargeListView(descend(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(descend(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(descend(entries), *sorted),
        leaf_type => {
            let columns = metadata.file_metadata().schema_descr().columns();
            let is_int96 = columns.get(*leaf).is_some_and(|column| column.physical_type() == PhysicalType::INT96);
            *leaf += 1;
            if is_int96 { DataType::Timestamp(TimeUnit::Microsecond, None) } else { leaf_type.clone() }
        }
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

/// Plain fields of an Arrow IPC file or stream.
pub(crate) async fn arrow_ipc(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<Fields, Failure> {
    let start = read(store, meta, 0..meta.size.min(ARROW_MAGIC.len() as u64)).await?;
    let fields =
        if start == ARROW_MAGIC { file_fields(store, meta).await? } else { stream_fields(store, meta).await? };
    Ok(fields.iter().map(plain_field).collect())
}

async fn file_fields(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<Fields, Failure> {
    let damaged = || Failure::data("is no whole Arrow file: it ends without a footer");
    let tail_start = meta.size.checked_sub(10).ok_or_else(damaged)?;
    let tail = read(store, meta, tail_start..meta.size).await?;
    let tail: [u8; 10] = tail.as_ref().try_into().map_err(|_| damaged())?;
    let length = read_footer_length(tail).map_err(|_| damaged())?;
    let footer_start = tail_start.checked_sub(length as u64).ok_or_else(damaged)?;
    let footer = read(store, meta, footer_start..tail_start).await?;
    let footer = root_as_footer(&footer).map_err(|_| damaged())?;
    let schema = footer.schema().ok_or_else(damaged)?;
    // Arrow panics on a footer that is well-formed but names a type it does not know.
    std::panic::catch_unwind(|| fb_to_schema(schema).fields)
        .map_err(|_| Failure::data("holds a type that is unknown to Arrow"))
}

async fn stream_fields(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<Fields, Failure> {
    let mut length = TAIL.min(meta.size);
    loop {
        let bytes = read(store, meta, 0..length).await?;
        // Arrow panics on a schema that is well-formed but names a type it does not know.
        let decoded = std::panic::catch_unwind(move || {
            let mut decoder = StreamDecoder::new();
            // Record batches behind the schema may be cut off here, so only the schema counts.
            let decoded = decoder.decode(&mut bytes.into());
            (decoder.schema(), decoded.is_err())
        });
        let (schema, is_damaged) = decoded.map_err(|_| Failure::data("holds a type that is unknown to Arrow"))?;
        if let Some(schema) = schema {
            return Ok(schema.fields.clone());
        }
        if is_damaged || length == meta.size || length >= MAX_STREAM_SCHEMA {
            return Err(Failure::data("is neither an Arrow file nor an Arrow stream"));
        }
        length = (length * 4).min(meta.size);
    }
}

async fn read(store: &dyn ObjectStore, meta: &ObjectMeta, range: Range<u64>) -> Result<Bytes, Failure> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    store.get_range(&meta.location, range).await.map_err(|error| Failure::store(&error))
}
