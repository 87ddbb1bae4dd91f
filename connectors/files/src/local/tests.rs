use std::fs;
use std::os::unix::fs::symlink;

use lockgate_contract::SourceErrorKind;
use object_store::{GetRange, ObjectStoreExt, PutPayload};
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> (TempDir, LocalRoot) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let store = LocalRoot::new(dir.path().to_path_buf());
    (dir, store)
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

async fn listed(store: &LocalRoot, prefix: &str) -> Result<Vec<String>> {
    store.list(Some(&path(prefix))).map_ok(|meta| meta.location.to_string()).try_collect().await
}

#[tokio::test]
async fn files_are_listed_in_name_order_and_read_back() {
    let (_dir, store) = folder(&[("t/b.csv", "bb"), ("t/a.csv", "a"), ("t/k=x%2Fy z/c.csv", "ccc"), ("u.csv", "u")]);
    assert_eq!(listed(&store, "t").await.unwrap(), ["t/a.csv", "t/b.csv", "t/k=x%2Fy z/c.csv"]);
    assert_eq!(store.get(&path("t/k=x%2Fy z/c.csv")).await.unwrap().bytes().await.unwrap(), "ccc");
    assert_eq!(store.get_range(&path("t/b.csv"), 1..2).await.unwrap(), "b");
    let suffix = GetOptions { range: Some(GetRange::Suffix(2)), ..Default::default() };
    assert_eq!(store.get_opts(&path("t/k=x%2Fy z/c.csv"), suffix).await.unwrap().bytes().await.unwrap(), "cc");
    assert_eq!(store.head(&path("t/a.csv")).await.unwrap().size, 1);
}

#[tokio::test]
async fn hidden_and_work_files_are_not_listed() {
    let (_dir, store) = folder(&[
        ("t/a.csv", ""),
        ("t/_SUCCESS", ""),
        ("t/.a.csv.crc", ""),
        ("t/_temporary/x.csv", ""),
        ("t/_k=1/b.csv", ""),
    ]);
    assert_eq!(listed(&store, "t").await.unwrap(), ["t/_k=1/b.csv", "t/a.csv"]);
}

#[tokio::test]
async fn big_files_stream_whole() {
    let (dir, store) = folder(&[]);
    let bytes: Vec<u8> = (0..AT_ONCE + CHUNK / 2).map(|i| (i % 251) as u8).collect();
    fs::write(dir.path().join("big"), &bytes).unwrap();
    assert_eq!(store.get(&path("big")).await.unwrap().bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_big_file_that_is_cut_while_it_is_read_is_an_error() {
    let (dir, store) = folder(&[]);
    fs::write(dir.path().join("big"), vec![b'x'; (AT_ONCE + CHUNK) as usize]).unwrap();
    let mut stream = store.get(&path("big")).await.unwrap().into_stream();
    stream.next().await.unwrap().unwrap();
    File::options().write(true).open(dir.path().join("big")).unwrap().set_len(2 * CHUNK).unwrap();
    let rest: Result<Vec<_>> = stream.try_collect().await;
    assert!(matches!(rest, Err(Error::Precondition { .. })));
}

#[tokio::test]
async fn a_big_file_that_is_unlinked_while_it_is_read_reads_whole() {
    let (dir, store) = folder(&[]);
    let bytes = vec![b'x'; (AT_ONCE + CHUNK) as usize];
    fs::write(dir.path().join("big"), &bytes).unwrap();
    let result = store.get(&path("big")).await.unwrap();
    fs::remove_file(dir.path().join("big")).unwrap();
    assert_eq!(result.bytes().await.unwrap().len(), bytes.len());
}

#[tokio::test]
async fn links_inside_the_root_are_followed() {
    let (dir, store) = folder(&[("data/a.csv", "a")]);
    symlink(dir.path().join("data"), dir.path().join("t")).unwrap();
    assert_eq!(listed(&store, "t").await.unwrap(), ["t/a.csv"]);
    assert_eq!(store.get(&path("t/a.csv")).await.unwrap().bytes().await.unwrap(), "a");
}

#[tokio::test]
async fn links_out_of_the_root_are_refused() {
    let (outside, _) = folder(&[("secret.csv", "s")]);
    let (dir, store) = folder(&[("t/a.csv", "a")]);
    symlink(outside.path().join("secret.csv"), dir.path().join("t/b.csv")).unwrap();
    symlink(outside.path(), dir.path().join("u")).unwrap();
    assert!(matches!(listed(&store, "t").await, Err(Error::PermissionDenied { .. })));
    assert!(matches!(listed(&store, "u").await, Err(Error::PermissionDenied { .. })));
    assert!(matches!(store.get(&path("t/b.csv")).await, Err(Error::PermissionDenied { .. })));
    assert!(matches!(store.get(&path("u/secret.csv")).await, Err(Error::PermissionDenied { .. })));
    let top = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(top.common_prefixes, vec![path("t")]);
}

#[tokio::test]
async fn a_link_loop_is_refused() {
    let (dir, store) = folder(&[("t/a.csv", "a")]);
    symlink(dir.path().join("t"), dir.path().join("t/again")).unwrap();
    assert!(matches!(listed(&store, "t").await, Err(Error::PermissionDenied { .. })));
}

#[tokio::test]
async fn a_broken_link_is_a_lost_file() {
    let (dir, store) = folder(&[("t/a.csv", "a")]);
    symlink(dir.path().join("gone"), dir.path().join("t/b.csv")).unwrap();
    let error = listed(&store, "t").await.unwrap_err();
    assert_eq!(SourceErrorKind::of_store(&error), SourceErrorKind::Changed);
}

#[tokio::test]
async fn the_etag_changes_even_when_size_and_time_do_not() {
    let (dir, store) = folder(&[("a", "one")]);
    let before = store.head(&path("a")).await.unwrap();
    let modified = fs::metadata(dir.path().join("a")).unwrap().modified().unwrap();
    // The clock of the file system may be coarse: write until it has ticked.
    let after = loop {
        fs::write(dir.path().join("a"), "two").unwrap();
        File::options().write(true).open(dir.path().join("a")).unwrap().set_modified(modified).unwrap();
        let after = store.head(&path("a")).await.unwrap();
        if after.e_tag != before.e_tag {
            break after;
        }
    };
    assert_eq!((after.size, after.last_modified), (before.size, before.last_modified));
}

#[tokio::test]
async fn folders_and_missing_files_are_not_found() {
    let (_dir, store) = folder(&[("t/a.csv", "a")]);
    assert!(matches!(store.head(&path("t")).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.head(&path("t/b.csv")).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.head(&path("t/a.csv/x")).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn nothing_can_be_written() {
    let (_dir, store) = folder(&[("a", "one")]);
    assert!(store.put(&path("a"), PutPayload::from_static(b"y")).await.is_err());
    assert!(store.delete(&path("a")).await.is_err());
    assert_eq!(store.get(&path("a")).await.unwrap().bytes().await.unwrap(), "one");
}
