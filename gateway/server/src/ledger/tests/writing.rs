use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures::future::join_all;
use lockgate_engine::Ledger;
use lockgate_wire::audit::{AuditRecord, Outcome, PolicyRecord, WriterEvent};

use super::super::{FileLedger, LedgerOpenError, LedgerOptions, verify};
use super::{breaks, close_record, fill, kinds, open_ledger, options, records, refused_record, some_open, time};

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.ledger"))
}

#[tokio::test]
async fn open_record_is_in_the_file_when_open_returns() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = some_open();
    ledger.open(open.clone()).await.unwrap();
    let content = fs::read_to_string(segment(dir.path(), 1)).unwrap();
    assert!(content.contains(&open.query_id.to_string()));
    assert!(content.ends_with("}\n"));
}

#[test]
fn a_record_that_cannot_be_synced_is_not_taken_for_durable() {
    let dir = tempfile::tempdir().unwrap();
    // This device takes every byte, and refuses to sync.
    std::os::unix::fs::symlink("/dev/null", segment(dir.path(), 1)).unwrap();
    let error = FileLedger::open(dir.path(), options()).unwrap_err();
    assert!(matches!(error, LedgerOpenError::Io { action: "write", .. }), "{error}");
}

#[tokio::test]
async fn every_kind_of_record_is_kept_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = some_open();
    ledger.policy(PolicyRecord { at: time("2026-11-23T09:00:00Z"), policy: "v1+00".to_owned() }).await.unwrap();
    ledger.open(open.clone()).await.unwrap();
    ledger.refused(refused_record("bob", "2026-11-23T10:00:01Z")).await.unwrap();
    ledger.close(close_record(&open, 3));
    drop(ledger);
    assert_eq!(kinds(dir.path()), ["writer", "policy", "open", "refused", "close"]);
    let read = records(dir.path());
    assert_eq!(read[2], AuditRecord::Open(open.clone()));
    assert_eq!(read[4], AuditRecord::Close(close_record(&open, 3)));
}

#[tokio::test]
async fn close_alone_is_written_without_a_later_open() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = some_open();
    ledger.open(open.clone()).await.unwrap();
    let before = ledger.head();
    ledger.close(close_record(&open, 3));
    while ledger.head() == before {
        tokio::task::yield_now().await;
    }
    assert_eq!(kinds(dir.path()), ["writer", "open", "close"]);
}

#[tokio::test]
async fn concurrent_opens_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let n_opens = 400;
    let outcomes = join_all((0..n_opens).map(|_| ledger.open(some_open()))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let counters = ledger.counters();
    assert_eq!(counters.records, n_opens + 1);
    assert!(counters.groups < n_opens / 4, "{counters:?}");
    assert_eq!(verify(dir.path(), None).unwrap().records, n_opens + 1);
}

#[tokio::test]
async fn open_that_is_abandoned_is_closed_as_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let open = some_open();
    {
        let mut opening = std::pin::pin!(ledger.open(open.clone()));
        // One poll queues the record; then the asker goes away.
        assert!(futures::poll!(&mut opening).is_pending());
    }
    ledger.flush().await.unwrap();
    let read = records(dir.path());
    let AuditRecord::Close(close) = &read[2] else { panic!("{read:?}") };
    assert_eq!((close.query_id, close.outcome, close.rows), (open.query_id, Outcome::Cancelled, 0));
}

#[tokio::test]
async fn segments_rotate_and_stay_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 2000, ..options() }).unwrap();
    fill(&ledger, 12).await;
    let head = ledger.head();
    drop(ledger);
    let verification = verify(dir.path(), Some(head.hash)).unwrap();
    assert!(verification.segments >= 5, "{verification:?}");
    assert_eq!((verification.records, verification.head, verification.expected_at), (25, head, Some(25)));
    assert_eq!(breaks(dir.path()), [""; 0]);
    let ledger = open_ledger(dir.path());
    fill(&ledger, 1).await;
    assert_eq!(verify(dir.path(), Some(head.hash)).unwrap().records, 28);
}

#[tokio::test]
async fn folder_and_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let ledger_dir = dir.path().join("new/ledger");
    let _ledger = open_ledger(&ledger_dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&ledger_dir), 0o700);
    for file in ["00000001.ledger", "lock", "head"] {
        assert_eq!(mode(&ledger_dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn second_writer_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_ledger(dir.path());
    let second = FileLedger::open(dir.path(), options()).unwrap_err();
    assert!(matches!(second, LedgerOpenError::Locked { .. }), "{second}");
    drop(first);
    open_ledger(dir.path());
}

#[tokio::test]
async fn removed_lock_file_fails_closed_before_a_second_writer_does_harm() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_ledger(dir.path());
    first.open(some_open()).await.unwrap();
    fs::remove_file(dir.path().join("lock")).unwrap();
    let second = open_ledger(dir.path());
    first.open(some_open()).await.unwrap_err();
    assert!(!first.healthy());
    second.open(some_open()).await.unwrap();
    first.flush().await.unwrap_err();
    drop(first);
    second.open(some_open()).await.unwrap();
    drop(second);
    assert_eq!(breaks(dir.path()), [""; 0]);
    assert_eq!(kinds(dir.path()), ["writer", "open", "writer", "open", "open"]);
}

#[test]
fn folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = FileLedger::open(&dir.path().join("file/ledger"), options()).unwrap_err().to_string();
    assert!(error.contains("cannot create") && error.contains("file/ledger"), "{error}");
}

#[tokio::test]
async fn torn_last_line_is_cut_off_kept_and_noted() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    fill(&ledger, 2).await;
    drop(ledger);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let torn = br#"{"seq":6,"prev":"00"#;
    fs::write(&path, [whole.as_slice(), torn].concat()).unwrap();
    let found = breaks(dir.path());
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("00000001.ledger:6: the last line is not whole"), "{found:?}");

    drop(open_ledger(dir.path()));
    assert_eq!(breaks(dir.path()), [""; 0]);
    assert_eq!(fs::read(dir.path().join("00000001.1.torn")).unwrap(), torn);
    let read = records(dir.path());
    let AuditRecord::Writer(writer) = &read[5] else { panic!("{read:?}") };
    let cut = writer.cut.clone().unwrap();
    assert_eq!(
        (writer.event, cut.file.as_str(), cut.bytes),
        (WriterEvent::Started, "00000001.1.torn", torn.len() as u64)
    );

    let again = fs::read(&path).unwrap();
    fs::write(&path, [again.as_slice(), b"second"].concat()).unwrap();
    drop(open_ledger(dir.path()));
    assert_eq!(fs::read(dir.path().join("00000001.2.torn")).unwrap(), b"second");
    assert_eq!(breaks(dir.path()), [""; 0]);
}

#[tokio::test]
async fn every_cut_of_the_last_line_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 600, ..options() }).unwrap();
    fill(&ledger, 3).await;
    drop(ledger);
    let last = segment(dir.path(), verify(dir.path(), None).unwrap().segments);
    let whole = fs::read(&last).unwrap();
    // A kill comes before the head file is rewritten.
    fs::remove_file(dir.path().join("head")).unwrap();
    let start_of_last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |idx| idx + 1);
    for len in (start_of_last_line..whole.len()).step_by(7) {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        fs::write(copy.path().join(last.file_name().unwrap()), &whole[..len]).unwrap();
        let ledger = open_ledger(copy.path());
        fill(&ledger, 1).await;
        drop(ledger);
        assert_eq!(breaks(copy.path()), [""; 0], "cut at {len}");
        assert_eq!(verify(copy.path(), None).unwrap().records, 9, "cut at {len}");
    }
}

#[tokio::test]
async fn broken_chain_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    fill(&ledger, 2).await;
    drop(ledger);
    let path = segment(dir.path(), 1);
    let altered = fs::read_to_string(&path).unwrap().replacen("alice", "alicf", 1);
    fs::write(&path, altered).unwrap();
    let error = FileLedger::open(dir.path(), options()).unwrap_err();
    assert!(matches!(error, LedgerOpenError::Broken(_)));
    assert!(error.to_string().contains("00000001.ledger:2: record 2 was altered"), "{error}");
}

#[tokio::test]
async fn lost_end_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    fill(&ledger, 2).await;
    drop(ledger);
    let path = segment(dir.path(), 1);
    let content = fs::read_to_string(&path).unwrap();
    let shorter: String = content.split_inclusive('\n').take(3).collect();
    fs::write(&path, shorter).unwrap();
    let error = FileLedger::open(dir.path(), options()).unwrap_err().to_string();
    assert!(error.contains("5 records were durable, the ledger ends at record 3"), "{error}");
}

#[tokio::test]
async fn missing_segment_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 600, ..options() }).unwrap();
    fill(&ledger, 4).await;
    drop(ledger);
    fs::remove_file(segment(dir.path(), 2)).unwrap();
    let error = FileLedger::open(dir.path(), options()).unwrap_err().to_string();
    assert!(error.contains("00000002.ledger: the segment is missing"), "{error}");
}

#[tokio::test]
async fn moved_segment_fails_closed_until_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    let running = some_open();
    ledger.open(running.clone()).await.unwrap();
    let away = dir.path().join("away");
    fs::rename(segment(dir.path(), 1), &away).unwrap();
    for _ in 0..3 {
        ledger.open(some_open()).await.unwrap_err();
        ledger.refused(refused_record("bob", "2026-11-23T10:00:01Z")).await.unwrap_err();
    }
    assert!(!ledger.healthy() && ledger.failure().is_some());
    ledger.close(close_record(&running, 3));

    fs::rename(&away, segment(dir.path(), 1)).unwrap();
    while !ledger.healthy() {
        tokio::task::yield_now().await;
    }
    ledger.open(some_open()).await.unwrap();
    drop(ledger);
    assert_eq!(breaks(dir.path()), [""; 0]);
    assert_eq!(kinds(dir.path()), ["writer", "open", "writer", "close", "open"]);
    let read = records(dir.path());
    assert!(matches!(&read[2], AuditRecord::Writer(writer) if writer.event == WriterEvent::Resumed), "{read:?}");
}

#[tokio::test]
async fn foreign_bytes_in_the_segment_fail_closed_and_are_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_ledger(dir.path());
    ledger.open(some_open()).await.unwrap();
    let path = segment(dir.path(), 1);
    let content = fs::read(&path).unwrap();
    fs::write(&path, [content.as_slice(), b"foreign"].concat()).unwrap();
    ledger.open(some_open()).await.unwrap_err();
    while !ledger.healthy() {
        tokio::task::yield_now().await;
    }
    ledger.open(some_open()).await.unwrap();
    drop(ledger);
    assert_eq!(fs::read(dir.path().join("00000001.1.torn")).unwrap(), b"foreign");
    assert_eq!(breaks(dir.path()), [""; 0]);
    assert_eq!(kinds(dir.path()), ["writer", "open", "writer", "open"]);
}

#[tokio::test]
async fn segment_that_cannot_be_created_fails_closed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 1, ..options() }).unwrap();
    let obstacle = segment(dir.path(), 2);
    fs::create_dir(&obstacle).unwrap();
    ledger.open(some_open()).await.unwrap_err();
    assert!(!ledger.healthy());
    fs::remove_dir(&obstacle).unwrap();
    while !ledger.healthy() {
        tokio::task::yield_now().await;
    }
    ledger.open(some_open()).await.unwrap();
    drop(ledger);
    assert_eq!(breaks(dir.path()), [""; 0]);
}

#[tokio::test]
#[ignore = "needs a small file system (tmpfs of 256 kB) whose path stands in LOCKGATE_SMALL_FS"]
async fn full_disk_fails_closed_and_comes_back() {
    let small = tempfile::tempdir_in(std::env::var_os("LOCKGATE_SMALL_FS").unwrap()).unwrap();
    let (dir, ballast) = (small.path().join("ledger"), small.path().join("ballast"));
    fs::write(&ballast, vec![1; 128 << 10]).unwrap();
    let ledger = open_ledger(&dir);
    let mut n_durable = 0;
    while ledger.open(some_open()).await.is_ok() {
        n_durable += 1;
        assert!(n_durable < 100_000);
    }
    let failure = ledger.failure().unwrap();
    assert!(failure.contains("space"), "{failure}");
    fs::remove_file(&ballast).unwrap();
    while !ledger.healthy() {
        tokio::task::yield_now().await;
    }
    ledger.open(some_open()).await.unwrap();
    drop(ledger);
    assert_eq!(breaks(&dir), [""; 0]);
    assert_eq!(kinds(&dir).iter().filter(|kind| **kind == "open").count(), n_durable + 1);
}
