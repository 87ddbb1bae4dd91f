//! A folder of the local file system as a read-only object store that no link leads out of.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FsPath, PathBuf};
use std::time::SystemTime;
use std::{fmt, io};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::{Path, PathPart};
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Bytes that one read takes from a file.
const CHUNK: u64 = 1 << 20;
/// Ranges up to this size are read where the file is opened, which saves a hop to another thread.
const AT_ONCE: u64 = 8 << 20;
/// Folders below one another; only a loop is deeper.
const MAX_DEPTH: usize = 64;

/// The files below one folder.
///
/// - Links are followed as long as they end below the folder; one that leads out is [`Error::PermissionDenied`].
/// - Only regular files exist: a pipe or a device would hang a query.
/// - The ETag changes with every write, also with one that keeps size and modification time.
pub(crate) struct LocalRoot {
    root: PathBuf,
}

impl LocalRoot {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Runs blocking file work on its own thread, with the root resolved.
    async fn with_root<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FsPath) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let root = self.root.clone();
        let run = move || {
            // A root that is not there is a disk that is not mounted: the source is down, its tables are not gone.
            let resolved =
                root.canonicalize().map_err(|error| Error::Generic { store: "local", source: Box::new(error) })?;
            work(&resolved)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(error) => Err(Error::Generic { store: "local", source: Box::new(error) }),
        }
    }
}

impl fmt::Debug for LocalRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalRoot")
    }
}

impl fmt::Display for LocalRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("local files")
    }
}

#[async_trait]
impl ObjectStore for LocalRoot {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        self.with_root(move |root| open(root, &location, &options)).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned().unwrap_or_default();
        let local_root = Self::new(self.root.clone());
        let walk = async move {
            let found = local_root
                .with_root(move |root| {
                    let mut found = Vec::new();
                    walk(root, &prefix, &mut Vec::new(), &mut found);
                    Ok(found)
                })
                .await?;
            Ok::<_, Error>(stream::iter(found))
        };
        stream::once(walk).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        self.with_root(move |root| list_one(root, &prefix)).await
    }

    async fn put_opts(&self, _location: &Path, _payload: PutPayload, _options: PutOptions) -> Result<PutResult> {
        Err(read_only("put"))
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only("put_multipart"))
    }

    fn delete_stream(&self, _locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(read_only("delete")) }).boxed()
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(read_only("copy"))
    }
}

/// What a name below the root is.
enum Entry {
    Folder(PathBuf),
    File(PathBuf, Metadata),
    /// A pipe, socket or device.
    Other,
}

fn open(root: &FsPath, location: &Path, options: &GetOptions) -> Result<GetResult> {
    let Entry::File(path, _) = resolve(root, location)? else {
        return Err(Error::NotFound { path: location.to_string(), source: "not a regular file".into() });
    };
    let mut file = File::open(&path).map_err(|error| io_error(location, error))?;
    let metadata = file.metadata().map_err(|error| io_error(location, error))?;
    let meta = object_meta(location, &metadata);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => {
            range.as_range(meta.size).map_err(|error| Error::Generic { store: "local", source: Box::new(error) })?
        }
        None => 0..meta.size,
    };
    let length = range.end - range.start;
    let payload = if options.head || length == 0 {
        stream::empty().boxed()
    } else if length <= AT_ONCE {
        file.seek(SeekFrom::Start(range.start)).map_err(|error| io_error(location, error))?;
        let bytes = read_chunk(&mut file, length).map_err(|error| io_error(location, error))?;
        check_unchanged(&file, &meta, &metadata)?;
        stream::once(async { Ok(bytes) }).boxed()
    } else {
        file.seek(SeekFrom::Start(range.start)).map_err(|error| io_error(location, error))?;
        chunks(file, meta.clone(), metadata, length)
    };
    Ok(GetResult { payload: GetResultPayload::Stream(payload), meta, range, attributes: Attributes::default() })
}

/// The next `left` bytes of the file in chunks; an error instead of the last chunk if the file changed meanwhile.
fn chunks(file: File, meta: ObjectMeta, opened: Metadata, left: u64) -> BoxStream<'static, Result<Bytes>> {
    let start = Some((file, meta, opened, left));
    stream::try_unfold(start, |state| async move {
        let Some((mut file, meta, opened, left)) = state else { return Ok(None) };
        let read = move || {
            let bytes = read_chunk(&mut file, left.min(CHUNK)).map_err(|error| io_error(&meta.location, error))?;
            let left = left - bytes.len() as u64;
            if bytes.is_empty() || left == 0 {
                check_unchanged(&file, &meta, &opened)?;
            }
            let next = (!bytes.is_empty() && left > 0).then_some((file, meta, opened, left));
            Ok(Some((bytes, next)))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(result) => result,
            Err(error) => Err(Error::Generic { store: "local", source: Box::new(error) }),
        }
    })
    .boxed()
}

fn read_chunk(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// A file that was written to while it was read mixes two states. One that was unlinked or renamed over did not change.
fn check_unchanged(file: &File, meta: &ObjectMeta, opened: &Metadata) -> Result<()> {
    let now = file.metadata().map_err(|error| io_error(&meta.location, error))?;
    if now.len() == opened.len() && modified_ns(&now) == modified_ns(opened) {
        return Ok(());
    }
    Err(Error::Precondition { path: meta.location.to_string(), source: "the file changed while it was read".into() })
}

/// Where a name leads, if it stays below the root.
fn resolve(root: &FsPath, location: &Path) -> Result<Entry> {
    let mut path = root.to_path_buf();
    path.extend(location.as_ref().split('/').filter(|part| !part.is_empty()));
    let resolved = path.canonicalize().map_err(|error| io_error(location, error))?;
    if !resolved.starts_with(root) {
        return Err(Error::PermissionDenied {
            path: location.to_string(),
            source: "a link leads out of the root folder".into(),
        });
    }
    let metadata = resolved.metadata().map_err(|error| io_error(location, error))?;
    if metadata.is_dir() {
        Ok(Entry::Folder(resolved))
    } else if metadata.is_file() {
        Ok(Entry::File(resolved, metadata))
    } else {
        Ok(Entry::Other)
    }
}

/// Names in a folder, sorted, and whether each is a link.
fn names(folder: &FsPath, location: &Path) -> Result<Vec<(OsString, bool)>> {
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(|error| io_error(location, error))? {
        let entry = entry.map_err(|error| io_error(location, error))?;
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        names.push((entry.file_name(), is_link));
    }
    names.sort();
    Ok(names)
}

fn child(location: &Path, name: &OsStr) -> Result<Path> {
    let name = name.to_str().ok_or_else(|| Error::InvalidPath {
        source: object_store::path::Error::InvalidPath { path: PathBuf::from(location.as_ref()).join(name) },
    })?;
    let part = PathPart::parse(name).map_err(|error| Error::InvalidPath {
        source: object_store::path::Error::BadSegment { path: location.to_string(), source: error },
    })?;
    // `parse` keeps the name as it is on disk; `join` would percent-encode it.
    if location.as_ref().is_empty() {
        Ok(Path::parse(part.as_ref())?)
    } else {
        Ok(Path::parse(format!("{location}/{name}"))?)
    }
}

/// Collects all files below `location`, depth first in name order; what cannot be read becomes an error in the list.
fn walk(root: &FsPath, location: &Path, above: &mut Vec<PathBuf>, found: &mut Vec<Result<ObjectMeta>>) {
    match resolve(root, location) {
        Ok(Entry::File(_, metadata)) => found.push(Ok(object_meta(location, &metadata))),
        Ok(Entry::Other) => {}
        Ok(Entry::Folder(folder)) => {
            if above.contains(&folder) || above.len() > MAX_DEPTH {
                let source = "a link makes the folder contain itself".into();
                found.push(Err(Error::PermissionDenied { path: location.to_string(), source }));
                return;
            }
            let names = match names(&folder, location) {
                Ok(names) => names,
                Err(error) => return found.push(Err(error)),
            };
            above.push(folder);
            for (name, is_link) in names {
                if is_ignored(&name.to_string_lossy()) {
                    continue;
                }
                match child(location, &name) {
                    Ok(child) => walk_child(root, &child, is_link, above, found),
                    Err(error) => found.push(Err(error)),
                }
            }
            above.pop();
        }
        Err(error) => found.push(Err(error)),
    }
}

fn walk_child(
    root: &FsPath,
    location: &Path,
    is_link: bool,
    above: &mut Vec<PathBuf>,
    found: &mut Vec<Result<ObjectMeta>>,
) {
    let before = found.len();
    walk(root, location, above, found);
    // Removed between the listing and the look at it: as if it had been removed before. A broken link is a lost file.
    if !is_link && matches!(found.get(before..), Some([Err(Error::NotFound { .. })])) {
        found.truncate(before);
    }
}

fn list_one(root: &FsPath, prefix: &Path) -> Result<ListResult> {
    let Entry::Folder(folder) = resolve(root, prefix)? else {
        return Err(Error::NotFound { path: prefix.to_string(), source: "not a folder".into() });
    };
    let mut listed = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
    for (name, _) in names(&folder, prefix)? {
        if is_ignored(&name.to_string_lossy()) {
            continue;
        }
        // A stray name or a link that leads out must not hide the other tables.
        let Ok(location) = child(prefix, &name) else { continue };
        match resolve(root, &location) {
            Ok(Entry::Folder(_)) => listed.common_prefixes.push(location),
            Ok(Entry::File(_, metadata)) => listed.objects.push(object_meta(&location, &metadata)),
            Ok(Entry::Other) | Err(_) => {}
        }
    }
    Ok(listed)
}

/// Names that are never data: hidden ones, and the work and marker files that Hive and Spark leave (`_SUCCESS`, `_temporary`).
/// A partition folder whose column starts with `_` is data.
pub(crate) fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

fn modified_ns(metadata: &Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

fn object_meta(location: &Path, metadata: &Metadata) -> ObjectMeta {
    let changed_ns = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    // The change time cannot be set back by a copy tool, the modification time can.
    let e_tag = format!(
        "{:x}-{:x}-{:x}-{:x}-{changed_ns:x}",
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        modified_ns(metadata)
    );
    ObjectMeta {
        location: location.clone(),
        last_modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).into(),
        size: metadata.len(),
        e_tag: Some(e_tag),
        version: None,
    }
}

fn io_error(location: &Path, error: io::Error) -> Error {
    let path = location.to_string();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { path, source: Box::new(error) },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source: Box::new(error) },
        _ => Error::Generic { store: "local", source: Box::new(error) },
    }
}

fn read_only(operation: &'static str) -> Error {
    Error::NotSupported { source: format!("`{operation}` on a read-only store").into() }
}

#[cfg(test)]
mod tests;
