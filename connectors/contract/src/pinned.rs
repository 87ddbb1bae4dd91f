//! A read-only view of a store in which a path also says which state of the file is meant.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::DamagedFile;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, coalesce_ranges,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// A store for [`crate::FileAccess`] that keeps a query from mixing two states of a table.
///
/// - Only paths made by [`PinnedStore::pin`] exist in it; each reads one file in one state (size, modification time, ETag).
/// - A file that was replaced, changed, cut or removed since is an [`Error::Precondition`] or [`Error::NotFound`],
///   which [`crate::SourceErrorKind::of_store`] reads as a changed table; a read never ends early as if it were complete.
/// - Nothing can be listed or written through it.
/// - It remembers nothing, so one of it serves a source for good, and what a reader remembers by path (Parquet
///   footers) stays right when files change.
pub struct PinnedStore {
    inner: Arc<dyn ObjectStore>,
    coalesce: u64,
}

/// What an ETag may hold that a part of a path may not, and `.`, which ends it.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'/').add(b'%').add(b'.');

/// A pinned path, taken apart.
struct Pin {
    location: Path,
    size: u64,
    last_modified: DateTime<Utc>,
    e_tag: Option<String>,
}

impl PinnedStore {
    /// A pinned view of `inner`; byte ranges closer than `coalesce` bytes are read in one request.
    pub fn new(inner: Arc<dyn ObjectStore>, coalesce: u64) -> Self {
        Self { inner, coalesce }
    }

    /// The same file with a path that means its present state only. Pinned paths sort as the paths do.
    pub fn pin(meta: &ObjectMeta) -> ObjectMeta {
        let modified = meta.last_modified.timestamp_nanos_opt().unwrap_or_default();
        let e_tag = utf8_percent_encode(meta.e_tag.as_deref().unwrap_or_default(), ESCAPED);
        let pinned = Path::parse(format!("{}/{:x}.{modified}.{e_tag}", meta.location, meta.size));
        // A path stays valid with such a part behind it; if not, it is one that no read finds.
        ObjectMeta { location: pinned.unwrap_or_default(), ..meta.clone() }
    }

    /// The path that was pinned, as the source names the file; `None` if `pinned` is not of [`PinnedStore::pin`].
    pub fn unpin(pinned: &Path) -> Option<Path> {
        Pin::read(pinned).map(|pin| pin.location)
    }
}

impl Pin {
    fn read(pinned: &Path) -> Option<Self> {
        let (location, state) = pinned.as_ref().rsplit_once('/')?;
        let (size, rest) = state.split_once('.')?;
        let (modified, e_tag) = rest.split_once('.')?;
        Some(Self {
            location: Path::parse(location).ok()?,
            size: u64::from_str_radix(size, 16).ok()?,
            last_modified: DateTime::from_timestamp_nanos(modified.parse().ok()?),
            e_tag: match percent_decode_str(e_tag).decode_utf8().ok()?.into_owned() {
                none if none.is_empty() => None,
                e_tag => Some(e_tag),
            },
        })
    }

    fn of(pinned: &Path) -> Result<Self> {
        let unknown = || Error::NotFound { path: pinned.to_string(), source: "the path is not pinned".into() };
        Self::read(pinned).ok_or_else(unknown)
    }

    /// The bytes that a request means, whatever has become of the file.
    fn wanted(&self, range: Option<&GetRange>) -> Result<Range<u64>> {
        match range {
            // Only a file whose own index is damaged makes a reader ask past its end.
            Some(GetRange::Bounded(range)) if range.end > self.size || range.start > range.end => {
                Err(DamagedFile::error(&self.location, "it points outside of itself"))
            }
            Some(GetRange::Bounded(range)) => Ok(range.clone()),
            Some(GetRange::Offset(offset)) => Ok(*offset..self.size),
            Some(GetRange::Suffix(length)) => Ok(self.size.saturating_sub(*length)..self.size),
            None => Ok(0..self.size),
        }
    }
}

impl fmt::Debug for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinnedStore")
    }
}

impl fmt::Display for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pinned files")
    }
}

#[async_trait]
impl ObjectStore for PinnedStore {
    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        let pin = Pin::of(location)?;
        let wanted = pin.wanted(options.range.as_ref())?;
        options.if_match.clone_from(&pin.e_tag);
        if pin.e_tag.is_none() {
            options.if_unmodified_since = Some(pin.last_modified);
        }
        let head = options.head;
        let result = self.inner.get_opts(&pin.location, options).await?;
        if result.meta.size != pin.size {
            return Err(changed(&pin.location, "its size is another one"));
        }
        let meta = ObjectMeta { location: location.clone(), ..result.meta.clone() };
        if head {
            return Ok(GetResult { meta, ..result });
        }
        if result.range != wanted {
            return Err(changed(&pin.location, "the store answered another byte range"));
        }
        let attributes = result.attributes.clone();
        let bytes = whole(pin.location, result.into_stream(), wanted.end - wanted.start);
        Ok(GetResult { payload: GetResultPayload::Stream(bytes), meta, range: wanted, attributes })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = |range: Range<u64>| {
            async move {
                let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
                self.get_opts(location, options).await?.bytes().await
            }
            .boxed()
        };
        coalesce_ranges(ranges, read, self.coalesce).await
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(refused("list")) }).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(refused("list_with_delimiter"))
    }

    async fn put_opts(&self, _location: &Path, _payload: PutPayload, _options: PutOptions) -> Result<PutResult> {
        Err(refused("put"))
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(refused("put_multipart"))
    }

    fn delete_stream(&self, _locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(refused("delete")) }).boxed()
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(refused("copy"))
    }
}

/// The same bytes, with an error at the end when there are fewer or more than `expected`.
fn whole(location: Path, bytes: BoxStream<'static, Result<Bytes>>, expected: u64) -> BoxStream<'static, Result<Bytes>> {
    let checked = stream::unfold((bytes, 0_u64, false), move |(mut bytes, mut seen, done)| {
        let location = location.clone();
        async move {
            if done {
                return None;
            }
            match bytes.next().await {
                Some(Ok(chunk)) => {
                    seen += chunk.len() as u64;
                    if seen > expected {
                        return Some((Err(changed(&location, "it is longer than it was")), (bytes, seen, true)));
                    }
                    Some((Ok(chunk), (bytes, seen, false)))
                }
                Some(Err(error)) => Some((Err(error), (bytes, seen, true))),
                None if seen == expected => None,
                None => Some((Err(changed(&location, "it is shorter than it was")), (bytes, seen, true))),
            }
        }
    });
    checked.boxed()
}

fn changed(location: &Path, how: &'static str) -> Error {
    Error::Precondition {
        path: location.to_string(),
        source: format!("the file changed while it was read: {how}").into(),
    }
}

fn refused(operation: &'static str) -> Error {
    Error::NotSupported { source: format!("`{operation}` on a pinned store, which can only be read").into() }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;

    async fn pinned(text: &'static str) -> (Arc<InMemory>, PinnedStore, Path) {
        let store = Arc::new(InMemory::new());
        let path = Path::from("a/b.csv");
        store.put(&path, PutPayload::from_static(text.as_bytes())).await.unwrap();
        let meta = store.head(&path).await.unwrap();
        (store.clone(), PinnedStore::new(store, 1024), PinnedStore::pin(&meta).location)
    }

    #[tokio::test]
    async fn a_pinned_file_reads_as_it_was() {
        let (_store, pinned, path) = pinned("hello world").await;
        assert_eq!(pinned.get(&path).await.unwrap().bytes().await.unwrap(), "hello world");
        assert_eq!(pinned.get_range(&path, 6..11).await.unwrap(), "world");
        let parts = pinned.get_ranges(&path, &[0..2, 6..8]).await.unwrap();
        assert_eq!(parts, vec![Bytes::from("he"), Bytes::from("wo")]);
        let head = pinned.head(&path).await.unwrap();
        assert_eq!((head.size, head.location), (11, path));
    }

    #[test]
    fn pinned_paths_sort_as_the_paths_do_and_lead_back() {
        let pin = |path: &str, size: u64, e_tag: &str| {
            let location = Path::parse(path).unwrap();
            let last_modified = DateTime::from_timestamp_nanos(1_700_000_000_123_456_789);
            PinnedStore::pin(&ObjectMeta {
                location,
                last_modified,
                size,
                e_tag: Some(e_tag.to_owned()),
                version: None,
            })
        };
        let (first, second) = (pin("t/k=x%2Fy z/a.csv", 9, "W/\"%x.y/é\""), pin("t/k=x%2Fy z/b.csv", 1, "\"a\""));
        assert!(first.location < second.location);
        assert_eq!(PinnedStore::unpin(&first.location), Some(Path::parse("t/k=x%2Fy z/a.csv").unwrap()));
        assert_eq!(Pin::read(&first.location).unwrap().e_tag.as_deref(), Some("W/\"%x.y/é\""));
    }

    #[tokio::test]
    async fn an_empty_file_reads_as_nothing() {
        let (_store, pinned, path) = pinned("").await;
        assert_eq!(pinned.get(&path).await.unwrap().bytes().await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_replaced_file_is_refused_by_every_read() {
        let (store, pinned, path) = pinned("hello world").await;
        store.put(&Path::from("a/b.csv"), PutPayload::from_static(b"HELLO WORLD")).await.unwrap();
        assert!(matches!(pinned.get(&path).await, Err(Error::Precondition { .. })));
        assert!(matches!(pinned.get_range(&path, 0..1).await, Err(Error::Precondition { .. })));
        assert!(matches!(pinned.get_ranges(&path, &[0..1, 3..4]).await, Err(Error::Precondition { .. })));
        assert!(matches!(pinned.head(&path).await, Err(Error::Precondition { .. })));
    }

    #[tokio::test]
    async fn a_store_without_etags_is_pinned_by_time_and_size() {
        let (store, pinned, _path) = pinned("hello").await;
        let path = Path::from("a/b.csv");
        let mut meta = store.head(&path).await.unwrap();
        meta.e_tag = None;
        assert!(pinned.get(&PinnedStore::pin(&meta).location).await.is_ok());
        let older =
            ObjectMeta { last_modified: meta.last_modified - std::time::Duration::from_secs(1), ..meta.clone() };
        assert!(matches!(pinned.get(&PinnedStore::pin(&older).location).await, Err(Error::Precondition { .. })));
        let shorter = ObjectMeta { size: 4, ..meta };
        assert!(matches!(pinned.get(&PinnedStore::pin(&shorter).location).await, Err(Error::Precondition { .. })));
    }

    #[tokio::test]
    async fn a_removed_file_is_not_found() {
        let (store, pinned, path) = pinned("x").await;
        store.delete(&Path::from("a/b.csv")).await.unwrap();
        assert!(matches!(pinned.get(&path).await, Err(Error::NotFound { .. })));
    }

    #[tokio::test]
    async fn paths_that_are_not_pinned_do_not_exist() {
        let (_store, pinned, path) = pinned("x").await;
        for other in ["a/b.csv", "", "a/b.csv/1.2", "a/b.csv/zz.1.", "a/b.csv/1.é.", "a/b.csv/1.1.%FF", "1.1."] {
            assert!(matches!(pinned.get(&Path::parse(other).unwrap()).await, Err(Error::NotFound { .. })), "{other}");
        }
        assert_eq!(PinnedStore::unpin(&path), Some(Path::from("a/b.csv")));
        assert!(pinned.list(None).try_collect::<Vec<_>>().await.is_err());
    }

    #[tokio::test]
    async fn a_read_past_the_end_is_damaged_data() {
        let (_store, pinned, path) = pinned("hello").await;
        for error in [
            pinned.get_range(&path, 3..9).await.unwrap_err(),
            pinned.get_ranges(&path, &[0..1, 3..9]).await.unwrap_err(),
        ] {
            assert_eq!(crate::SourceErrorKind::of_store(&error), crate::SourceErrorKind::Data);
        }
    }

    #[tokio::test]
    async fn nothing_can_be_written() {
        let (_store, pinned, path) = pinned("x").await;
        assert!(pinned.put(&path, PutPayload::from_static(b"y")).await.is_err());
        assert!(pinned.delete(&path).await.is_err());
        assert!(pinned.copy(&path, &Path::from("z")).await.is_err());
    }

    #[tokio::test]
    async fn a_stream_that_ends_early_is_an_error() {
        let short = stream::iter([Ok(Bytes::from("abc"))]).boxed();
        let read: Result<Vec<_>> = whole(Path::from("f"), short, 4).try_collect().await;
        assert!(matches!(read, Err(Error::Precondition { .. })));
        let long = stream::iter([Ok(Bytes::from("abcde"))]).boxed();
        let read: Result<Vec<_>> = whole(Path::from("f"), long, 4).try_collect().await;
        assert!(matches!(read, Err(Error::Precondition { .. })));
    }
}
