//! The format of one line and its hash.
//!
//! A line is `{"seq":N,"prev":"P","record":{...},"hash":"H"}` and a newline, with no other spaces: `N` counts from 1 over
//! all segments, `P` is the hash of the line before (64 zeros for the first), `H` is the SHA-256 of this line's own bytes
//! up to, and not including, `,"hash":`. So each byte of a line is either hashed, or part of the hash, or fixed.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Longest line that a ledger holds, in bytes. Readers never hold more than this.
pub const MAX_LINE: usize = 16 << 20;

const HASH_KEY: &[u8] = b",\"hash\":\"";
const LINE_END: &[u8] = b"\"}";
const HEX_LEN: usize = 64;

/// A SHA-256 digest, shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record of a ledger follows.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads exactly 64 lower-case hex digits: upper case is another byte, so it is not the same line.
    fn from_hex(text: &[u8]) -> Option<Self> {
        if text.len() != HEX_LEN || text.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_hex(text.to_ascii_lowercase().as_bytes())
            .ok_or("a record's hash is 64 hex digits, as `audit verify` prints it")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The last record of a chain. An empty ledger has `seq` 0 and [`Hash::ZERO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Number of the record, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a ledger without records.
    pub const EMPTY: Head = Head { seq: 0, hash: Hash::ZERO };

    /// Length of the `head` file: always the same, so that it is rewritten in place.
    pub(super) const FILE_LEN: usize = 20 + 1 + HEX_LEN + 1;

    /// Content of the `head` file.
    pub(super) fn to_file(self) -> String {
        format!("{:020} {}\n", self.seq, self.hash)
    }

    /// Reads the content of a `head` file.
    pub(super) fn from_file(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let (seq, hash) = text.strip_suffix('\n')?.split_once(' ')?;
        let head = Self { seq: seq.parse().ok()?, hash: Hash::from_hex(hash.as_bytes())? };
        (head.to_file().as_bytes() == content).then_some(head)
    }
}

/// Appends the line that carries `record` (one JSON object) after `head` to `out`; returns the new head.
pub fn append_line(head: Head, record: &[u8], out: &mut Vec<u8>) -> Head {
    let start = out.len();
    let seq = head.seq.saturating_add(1);
    out.extend_from_slice(format!("{{\"seq\":{seq},\"prev\":\"{}\",\"record\":", head.hash).as_bytes());
    out.extend_from_slice(record);
    let hash = Hash::of(out.get(start..).unwrap_or_default());
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(hash.to_string().as_bytes());
    out.extend_from_slice(LINE_END);
    out.push(b'\n');
    Head { seq, hash }
}

/// A line in its parts, not yet compared with its neighbours.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Number that the line gives itself.
    pub seq: u64,
    /// Hash of the line before, as this line says.
    pub prev: Hash,
    /// The record's JSON text.
    pub record: &'a [u8],
    /// Hash that the line gives itself.
    pub hash: Hash,
    /// Whether the line's bytes have that hash.
    pub sound: bool,
}

/// Takes a line (without its newline) apart; `None` when it has not the shape of one.
pub fn parse_line(line: &[u8]) -> Option<Line<'_>> {
    let body = line.strip_suffix(LINE_END)?;
    let (body, hash) = body.split_at_checked(body.len().checked_sub(HEX_LEN)?)?;
    let hash = Hash::from_hex(hash)?;
    let hashed = body.strip_suffix(HASH_KEY)?;
    let rest = hashed.strip_prefix(b"{\"seq\":")?;
    let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(n_digits)?;
    let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b",\"prev\":\"")?;
    let (prev, rest) = rest.split_at_checked(HEX_LEN)?;
    let prev = Hash::from_hex(prev)?;
    let record = rest.strip_prefix(b"\",\"record\":")?;
    Some(Line { seq, prev, record, hash, sound: Hash::of(hashed) == hash })
}
