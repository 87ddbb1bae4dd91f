//! Proof of a whole ledger.

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockgate_wire::audit::AuditRecord;

use super::chain::{Hash, Head};
use super::error::Break;
use super::reader;

/// What [`verify`] found.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Whole records.
    pub records: u64,
    /// Segment files.
    pub segments: u64,
    /// The last record.
    pub head: Head,
    /// Time of the first record.
    pub first_at: Option<DateTime<Utc>>,
    /// Time of the last record.
    pub last_at: Option<DateTime<Utc>>,
    /// Number of the record that has the expected hash.
    pub expected_at: Option<u64>,
    /// Whether a running gateway was in mid-write at the end.
    pub in_flight: bool,
    /// Whether the ledger has a `head` file, so that a lost end shows.
    pub has_head_file: bool,
    /// Every place where the chain does not hold, in order.
    pub breaks: Vec<Break>,
}

/// Reads the whole ledger and proves its chain. With `expect`, some record must have that hash: a head that was noted
/// elsewhere earlier proves that nothing up to it was removed or changed.
///
/// # Errors
/// When the folder cannot be listed. A broken chain is not an error here: see [`Verification::breaks`].
pub fn verify(dir: &Path, expect: Option<Hash>) -> io::Result<Verification> {
    let mut entries = reader::entries(dir)?;
    let has_head_file = entries.has_head_file();
    let (mut records, mut first_at, mut last_at, mut expected_at, mut breaks) = (0, None, None, None, Vec::new());
    for entry in &mut entries {
        match entry {
            Ok(entry) => {
                records += 1;
                let at = entry.record.as_ref().map(time_of);
                first_at = first_at.or(at);
                last_at = at.or(last_at);
                if expect == Some(entry.head.hash) {
                    expected_at = Some(entry.head.seq);
                }
            }
            Err(broken) => breaks.push(broken),
        }
    }
    if let Some(expect) = expect
        && expected_at.is_none()
    {
        let what = format!("no record has the expected hash {expect}: the ledger was cut off before it or rewritten");
        breaks.push(Break { file: dir.to_owned(), line: None, what });
    }
    Ok(Verification {
        records,
        segments: entries.n_segments(),
        head: entries.reached(),
        first_at,
        last_at,
        expected_at,
        in_flight: entries.incomplete().is_some(),
        has_head_file,
        breaks,
    })
}

/// When a record was made.
fn time_of(record: &AuditRecord) -> DateTime<Utc> {
    match record {
        AuditRecord::Open(open) => open.at,
        AuditRecord::Close(close) => close.at,
        AuditRecord::Refused(refused) => refused.at,
        AuditRecord::Policy(policy) => policy.at,
        AuditRecord::Writer(writer) => writer.at,
    }
}
