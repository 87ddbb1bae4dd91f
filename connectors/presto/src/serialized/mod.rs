//! Rows as Presto's own servers hand them to each other, its `SerializedPage`: bytes -> Arrow, without anything in between.
//!
//! Columns come one after the other, each as a block that says how it is encoded. Three things are not as one expects: nulls
//! are left out of the values, a long decimal is a sign and a magnitude, and the bytes may go on behind the end.
//!
//! Nothing in the bytes is trusted. Every length and position is checked before it is used, blocks nest only so deep, and what
//! a page needs in memory is bounded by its own size ([`Budget`]), or by a batch's where values are repeated ([`Rows`]).

mod block;
mod cursor;
mod rows;
mod sizes;
mod value;

use std::borrow::Cow;

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use self::block::Blocks;
use self::cursor::{Budget, Cursor};
use crate::types::SqlType;

pub(crate) use self::rows::{Rows, Waiting};

/// Why bytes are no rows. Tells nothing of what stands in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They are not what they should be; what is wrong with them.
    Damaged(&'static str),
    /// A value of this column, by position, is none of its type.
    Misfit(usize),
}

impl From<ArrowError> for Flaw {
    /// Whatever could go wrong is looked for before; the error's own text might quote values.
    fn from(_: ArrowError) -> Self {
        Self::Damaged("a block's parts do not fit together")
    }
}

/// The body is packed with LZ4.
const PACKED: u8 = 1;
/// The body is encrypted, with a key that servers share.
const ENCRYPTED: u8 = 1 << 1;
/// The checksum is one.
const CHECKED: u8 = 1 << 2;
/// Bytes of a page at most. It is about a megabyte, unless a single row is larger.
const MOST_BYTES: usize = 256 << 20;
/// What LZ4 can make of one byte at most.
const MOST_PACKED_INTO_ONE: usize = 255;

/// Reads one page whose columns are of these types.
///
/// # Errors
/// When the bytes are damaged, or a value is none of its type.
pub(crate) fn read(bytes: &[u8], columns: &[(&SqlType, &DataType)]) -> Result<Rows, Flaw> {
    let mut cursor = Cursor::new(bytes);
    let n_rows = cursor.count()?;
    let [codec] = cursor.array()?;
    let unpacked = cursor.count()?;
    let size = cursor.count()?;
    let checksum = i64::from_le_bytes(cursor.array()?);
    // Behind the body come bytes that mean nothing: the server sends the whole buffer that it wrote into.
    let body = cursor.take(size)?;
    if unpacked > MOST_BYTES {
        return Err(Flaw::Damaged("it is larger than a page may be"));
    }
    if codec & !(PACKED | ENCRYPTED | CHECKED) != 0 {
        return Err(Flaw::Damaged("its codec is unknown"));
    }
    if codec & ENCRYPTED != 0 {
        return Err(Flaw::Damaged("it is encrypted"));
    }
    if codec & CHECKED != 0 && checksum != checksum_of(body, codec, n_rows, unpacked)? {
        return Err(Flaw::Damaged("its checksum is wrong"));
    }
    let body = if codec & PACKED == 0 { Cow::Borrowed(body) } else { Cow::Owned(unpack(body, unpacked)?) };
    if body.len() != unpacked {
        return Err(Flaw::Damaged("its size is wrong"));
    }
    let mut blocks = Blocks::new(Cursor::new(&body), Budget::of_page(body.len()));
    if blocks.cursor.count()? != columns.len() {
        return Err(Flaw::Damaged("it has other columns"));
    }
    let mut held = Vec::with_capacity(columns.len());
    for (position, (sql_type, data_type)) in columns.iter().enumerate() {
        let column = blocks.column(sql_type, data_type).map_err(|flaw| flaw.of_column(position))?;
        if column.len() != n_rows {
            return Err(Flaw::Damaged("its columns are of different lengths"));
        }
        held.push(column);
    }
    if !blocks.cursor.is_at_end() {
        return Err(Flaw::Damaged("it goes on behind its last column"));
    }
    Ok(Rows::new(held, n_rows))
}

impl Flaw {
    fn of_column(self, position: usize) -> Self {
        match self {
            Self::Misfit(_) => Self::Misfit(position),
            Self::Damaged(_) => self,
        }
    }
}

fn unpack(body: &[u8], unpacked: usize) -> Result<Vec<u8>, Flaw> {
    if unpacked / MOST_PACKED_INTO_ONE > body.len() {
        return Err(Flaw::Damaged("it says that it unpacks to more than it can"));
    }
    let mut bytes = vec![0; unpacked];
    let n_bytes =
        lz4_flex::block::decompress_into(body, &mut bytes).map_err(|_| Flaw::Damaged("it cannot be unpacked"))?;
    bytes.truncate(n_bytes);
    Ok(bytes)
}

fn checksum_of(body: &[u8], codec: u8, n_rows: usize, unpacked: usize) -> Result<i64, Flaw> {
    let number = |n: usize| u32::try_from(n).map_err(|_| Flaw::Damaged("its size is wrong"));
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(&[codec]);
    hasher.update(&number(n_rows)?.to_le_bytes());
    hasher.update(&number(unpacked)?.to_le_bytes());
    Ok(i64::from(hasher.finalize()))
}

#[cfg(test)]
mod tests;
