//! Whatever is done to the segments, `verify` says so and where.

use std::fs;
use std::path::Path;

use lockgate_engine::Ledger;
use proptest::prelude::*;
use proptest::sample::Index;
use tempfile::TempDir;

use super::super::chain::{Head, append_line, parse_line};
use super::super::{FileLedger, LedgerOptions, verify};
use super::{breaks, fill, options, some_open};

/// A ledger of several segments, as `(name, content)` of its files.
fn sample() -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = FileLedger::open(dir.path(), LedgerOptions { segment_bytes: 1500, ..options() }).unwrap();
        fill(&ledger, 8).await;
        ledger.open(some_open()).await.unwrap();
    });
    let mut files: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| name != "lock")
        .collect();
    files.sort();
    files
}

fn lay_out(files: &[(String, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// Index of the `n`-th line's file, and the lines of that file.
fn line_at(files: &[(String, Vec<u8>)], at: &Index) -> (usize, Vec<Vec<u8>>, usize) {
    let places: Vec<(usize, usize)> = files
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| name.ends_with(".ledger"))
        .flat_map(|(file, (_, content))| (0..lines(content).len()).map(move |line| (file, line)))
        .collect();
    let (file, line) = *at.get(&places);
    (file, lines(&files[file].1), line)
}

fn lines(content: &[u8]) -> Vec<Vec<u8>> {
    content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn expect_break_at(dir: &Path, file: &str, line: usize) -> Result<(), TestCaseError> {
    let found = breaks(dir);
    let place = format!("{file}:{line}: ");
    prop_assert!(found.first().is_some_and(|first| first.starts_with(&place)), "wanted {place}, found {found:?}");
    Ok(())
}

#[test]
fn untouched_ledger_verifies() {
    let files = sample();
    assert!(files.len() > 5, "{}", files.len());
    let dir = lay_out(&files);
    let verification = verify(dir.path(), None).unwrap();
    assert_eq!((verification.breaks.as_slice(), verification.records), ([].as_slice(), 18));
    assert!(verification.has_head_file && !verification.in_flight);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bit_is_found_in_its_line(file in any::<Index>(), byte in any::<Index>(), bit in 0..8_u32) {
        let mut files = SAMPLE.clone();
        let n_segments = files.len() - 1;
        let (name, content) = &mut files[file.index(n_segments)];
        let byte = byte.index(content.len());
        let line = content[..byte].iter().filter(|byte| **byte == b'\n').count() + 1;
        content[byte] ^= 1 << bit;
        let name = name.clone();
        let dir = lay_out(&files);
        expect_break_at(dir.path(), &name, line)?;
    }

    #[test]
    fn deleted_line_is_found(at in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let (file, mut lines, line) = line_at(&files, &at);
        lines.remove(line);
        files[file].1 = lines.concat();
        let dir = lay_out(&files);
        let found = breaks(dir.path());
        prop_assert!(!found.is_empty());
        if line < lines.len() {
            expect_break_at(dir.path(), &files[file].0, line + 1)?;
        }
    }

    #[test]
    fn duplicated_line_is_found(at in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let (file, mut lines, line) = line_at(&files, &at);
        lines.insert(line, lines[line].clone());
        files[file].1 = lines.concat();
        let dir = lay_out(&files);
        expect_break_at(dir.path(), &files[file].0, line + 2)?;
    }

    #[test]
    fn reordered_lines_are_found(at in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let (file, mut lines, line) = line_at(&files, &at);
        prop_assume!(line + 1 < lines.len());
        lines.swap(line, line + 1);
        files[file].1 = lines.concat();
        let dir = lay_out(&files);
        expect_break_at(dir.path(), &files[file].0, line + 1)?;
    }

    #[test]
    fn swapped_segments_are_found(one in any::<Index>(), other in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let n_segments = files.len() - 1;
        let (one, other) = (one.index(n_segments), other.index(n_segments));
        prop_assume!(one < other);
        let content = files[one].1.clone();
        files[one].1 = std::mem::replace(&mut files[other].1, content);
        let dir = lay_out(&files);
        expect_break_at(dir.path(), &files[one].0, 1)?;
    }

    #[test]
    fn segment_cut_anywhere_is_found(file in any::<Index>(), len in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let n_segments = files.len() - 1;
        let content = &mut files[file.index(n_segments)].1;
        content.truncate(len.index(content.len()));
        let dir = lay_out(&files);
        prop_assert!(!breaks(dir.path()).is_empty());
    }

    #[test]
    fn removed_segment_is_found(file in any::<Index>()) {
        let mut files = SAMPLE.clone();
        let n_segments = files.len() - 1;
        let (name, _) = files.remove(file.index(n_segments));
        let dir = lay_out(&files);
        let found = breaks(dir.path());
        let place = if name == files[n_segments - 1].0 || name > files[n_segments - 2].0 { "head: ".to_owned() } else { format!("{name}: ") };
        prop_assert!(found.first().is_some_and(|first| first.starts_with(&place)), "wanted {place}, found {found:?}");
    }

    #[test]
    fn altered_head_file_is_found_or_lags(byte in any::<Index>(), bit in 0..8_u32) {
        let mut files = SAMPLE.clone();
        let head = &mut files.last_mut().unwrap().1;
        let byte = byte.index(head.len());
        head[byte] ^= 1 << bit;
        let dir = lay_out(&files);
        let found = breaks(dir.path());
        // Only number 0 of no record at all cannot be compared with the chain.
        prop_assert!(!found.is_empty(), "byte {byte} bit {bit}");
    }
}

static SAMPLE: std::sync::LazyLock<Vec<(String, Vec<u8>)>> = std::sync::LazyLock::new(sample);

#[test]
fn cut_end_without_a_head_file_is_found_by_an_expected_hash() {
    let files = sample();
    let intact = lay_out(&files);
    let noted = verify(intact.path(), None).unwrap().head;
    let mut shorter: Vec<_> = files.into_iter().filter(|(name, _)| name != "head").collect();
    shorter.pop();
    let dir = lay_out(&shorter);
    let verification = verify(dir.path(), None).unwrap();
    assert!(verification.breaks.is_empty() && !verification.has_head_file);
    let verification = verify(dir.path(), Some(noted.hash)).unwrap();
    assert_eq!(verification.breaks.len(), 1);
    assert!(verification.breaks[0].what.contains("no record has the expected hash"), "{:?}", verification.breaks);
    assert_eq!(verify(intact.path(), Some(noted.hash)).unwrap().expected_at, Some(18));
}

/// The lines of all segments, each with its file, from `from` on chained anew after `change`.
fn forged(files: &[(String, Vec<u8>)], from: usize, change: impl Fn(&str) -> String) -> Vec<(String, Vec<u8>)> {
    let (mut head, mut n_line) = (Head::EMPTY, 0);
    let mut forged = Vec::new();
    for (name, content) in files.iter().filter(|(name, _)| name.ends_with(".ledger")) {
        let mut segment = Vec::new();
        for line in lines(content) {
            let parsed = parse_line(line.strip_suffix(b"\n").unwrap()).unwrap();
            let record = std::str::from_utf8(parsed.record).unwrap();
            let record = if n_line >= from { change(record) } else { record.to_owned() };
            head = append_line(head, record.as_bytes(), &mut segment);
            n_line += 1;
        }
        forged.push((name.clone(), segment));
    }
    forged.push(("head".to_owned(), head.to_file().into_bytes()));
    forged
}

#[test]
fn end_that_was_forged_with_right_hashes_is_found_by_the_head_file_and_by_an_expected_hash() {
    let files = sample();
    assert_eq!(forged(&files, 0, str::to_owned), files, "an honest copy is the same");
    let mut rewritten = forged(&files, 9, |record| record.replace("alice", "mallory"));
    let noted = verify(lay_out(&files).path(), None).unwrap().head;
    // Who forgets the head file is found out at once.
    let head = files.last().unwrap().clone();
    let forged_head = std::mem::replace(rewritten.last_mut().unwrap(), head);
    let found = breaks(lay_out(&rewritten).path());
    assert!(found.len() == 1 && found[0].contains("record 18 is not the one that the `head` file saw"), "{found:?}");
    assert!(found[0].starts_with("0000000"), "{found:?}");
    // Who does not can be found out only with a hash that was kept elsewhere.
    *rewritten.last_mut().unwrap() = forged_head;
    let dir = lay_out(&rewritten);
    assert_eq!(breaks(dir.path()), [""; 0]);
    let verification = verify(dir.path(), Some(noted.hash)).unwrap();
    assert!(verification.breaks[0].what.contains("no record has the expected hash"), "{:?}", verification.breaks);
}

#[test]
fn record_that_was_inserted_with_a_right_hash_is_found_at_the_next_line() {
    let mut files = sample();
    let mut lines = lines(&files[1].1);
    let before = parse_line(lines[0].strip_suffix(b"\n").unwrap()).unwrap();
    let mut inserted = Vec::new();
    append_line(Head { seq: before.seq, hash: before.hash }, before.record, &mut inserted);
    lines.insert(1, inserted);
    files[1].1 = lines.concat();
    let found = breaks(lay_out(&files).path());
    assert!(found[0].starts_with("00000002.ledger:3: "), "{found:?}");
}

#[test]
fn all_breaks_are_told_at_once() {
    let mut files = sample();
    for file in [0, 2] {
        let altered = String::from_utf8(files[file].1.clone()).unwrap().replacen("alice", "mallo", 1);
        files[file].1 = altered.into_bytes();
    }
    let dir = lay_out(&files);
    let found = breaks(dir.path());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("00000001.ledger:") && found[1].starts_with("00000003.ledger:"), "{found:?}");
}

#[test]
fn endless_line_is_not_held_in_memory() {
    let files = sample();
    let dir = lay_out(&files);
    let segment = dir.path().join("00000001.ledger");
    fs::File::options().append(true).open(&segment).unwrap().set_len(4 << 30).unwrap();
    let found = breaks(dir.path());
    assert!(found[0].contains("longer than any record"), "{found:?}");
}
