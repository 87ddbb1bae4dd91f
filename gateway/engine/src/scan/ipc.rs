//! Arrow IPC, file and stream format.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::convert::fb_to_schema;
use datafusion::arrow::ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use datafusion::arrow::ipc::{Block, root_as_footer};
use datafusion::common::{DataFusionError, Result};
use datafusion::object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::streams::Batches;

const MAGIC: &[u8] = b"ARROW1";

/// The rows of one file as columns `fields`, found by name; one that the file lacks is null.
pub(super) fn read(store: Arc<dyn ObjectStore>, meta: ObjectMeta, fields: Vec<FieldRef>, batch_size: usize) -> Batches {
    let open = async move {
        let head = store.get_range(&meta.location, 0..meta.size.min(MAGIC.len() as u64)).await?;
        let batches =
            if head == MAGIC { open_file(store, meta, &fields).await? } else { open_stream(&store, &meta).await? };
        let output: SchemaRef = Arc::new(Schema::new(fields));
        let adapted = batches
            .map(move |batch| Ok::<_, DataFusionError>(stream::iter(slices(adapt(&batch?, &output)?, batch_size))));
        Ok::<_, DataFusionError>(adapted.try_flatten())
    };
    stream::once(open).try_flatten().boxed()
}

/// A batch may be as large as its writer liked; what streams on is not.
fn slices(batch: RecordBatch, size: usize) -> impl Iterator<Item = Result<RecordBatch>> {
    let n_rows = batch.num_rows();
    (0..n_rows).step_by(size.max(1)).map(move |at| Ok(batch.slice(at, size.min(n_rows - at))))
}

/// The columns of `output` by name, decoded to its types.
fn adapt(batch: &RecordBatch, output: &SchemaRef) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(output.fields().len());
    for field in output.fields() {
        columns.push(match batch.column_by_name(field.name()) {
            None => new_null_array(field.data_type(), batch.num_rows()),
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) => cast_with_options(column, field.data_type(), &strict)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(output), columns, &options)?)
}

fn damaged(what: &str) -> DataFusionError {
    ArrowError::IpcError(what.to_owned()).into()
}

async fn open_file(
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    fields: &[FieldRef],
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let no_footer = || damaged("the file ends without a footer");
    let tail_start = meta.size.checked_sub(10).ok_or_else(no_footer)?;
    let tail = store.get_range(&meta.location, tail_start..meta.size).await?;
    let tail: [u8; 10] = tail.as_ref().try_into().map_err(|_| no_footer())?;
    let length = read_footer_length(tail)?;
    let footer_start = tail_start.checked_sub(length as u64).ok_or_else(no_footer)?;
    let footer = store.get_range(&meta.location, footer_start..tail_start).await?;
    let footer = root_as_footer(&footer).map_err(|_| no_footer())?;
    let fb_schema = footer.schema().ok_or_else(no_footer)?;
    // Arrow panics on a footer that is well-formed but names a type it does not know.
    let schema = std::panic::catch_unwind(|| fb_to_schema(fb_schema)).map_err(|_| damaged("a type is unknown"))?;
    let wanted =
        schema.fields().iter().enumerate().filter(|(_, column)| fields.iter().any(|f| f.name() == column.name()));
    let wanted: Vec<usize> = wanted.map(|(index, _)| index).collect();
    let mut decoder = FileDecoder::new(Arc::new(schema), footer.version()).with_projection(wanted);
    for block in footer.dictionaries().iter().flatten() {
        let bytes = store.get_range(&meta.location, range(block)?).await?;
        decoder.read_dictionary(block, &Buffer::from(bytes))?;
    }
    let blocks: Vec<Block> = footer.recordBatches().iter().flatten().copied().collect();
    let decoder = Arc::new(decoder);
    let batches = stream::iter(blocks).map(Ok).and_then(move |block| {
        let (store, location, decoder) = (Arc::clone(&store), meta.location.clone(), Arc::clone(&decoder));
        async move {
            let bytes = store.get_range(&location, range(&block)?).await?;
            let batch = decoder.read_record_batch(&block, &Buffer::from(bytes))?;
            batch.ok_or_else(|| damaged("a block of the index holds no rows"))
        }
    });
    Ok(batches.boxed())
}

/// The bytes of a block.
fn range(block: &Block) -> Result<Range<u64>> {
    let range = || {
        let start = u64::try_from(block.offset()).ok()?;
        let length =
            u64::try_from(block.metaDataLength()).ok()?.checked_add(u64::try_from(block.bodyLength()).ok()?)?;
        Some(start..start.checked_add(length)?)
    };
    range().ok_or_else(|| damaged("a block of the index lies outside of the file"))
}

async fn open_stream(
    store: &Arc<dyn ObjectStore>,
    meta: &ObjectMeta,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    struct Decoding {
        bytes: BoxStream<'static, datafusion::object_store::Result<bytes::Bytes>>,
        buffer: Buffer,
        decoder: StreamDecoder,
    }
    let bytes = store.get(&meta.location).await?.into_stream();
    let start = Decoding { bytes, buffer: Buffer::from(Vec::<u8>::new()), decoder: StreamDecoder::new() };
    let batches = stream::try_unfold(start, |mut state| async move {
        loop {
            if let Some(batch) = state.decoder.decode(&mut state.buffer)? {
                return Ok(Some((batch, state)));
            }
            match state.bytes.try_next().await? {
                Some(chunk) => state.buffer = Buffer::from(chunk),
                None => {
                    // A stream that was cut is an error here, not the end.
                    state.decoder.finish()?;
                    return Ok::<_, DataFusionError>(None);
                }
            }
        }
    });
    Ok(batches.boxed())
}
