//! Bytes read from the front, and what may be made of them.

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::Flaw;

/// What is left of the bytes.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, n_bytes: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.0.split_at_checked(n_bytes).ok_or(Flaw::Damaged("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// `n` things of the same width.
    pub(super) fn take_all(&mut self, n: usize, width: usize) -> Result<&'a [u8], Flaw> {
        self.take(n.checked_mul(width).ok_or(Flaw::Damaged("it ends early"))?)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Flaw::Damaged("it ends early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn integer(&mut self) -> Result<i32, Flaw> {
        self.array().map(i32::from_le_bytes)
    }

    /// How many of something there are, or how long it is.
    pub(super) fn count(&mut self) -> Result<usize, Flaw> {
        usize::try_from(self.integer()?).map_err(|_| Flaw::Damaged("a length is negative"))
    }

    pub(super) fn integers(&mut self, n: usize) -> Result<Vec<i32>, Flaw> {
        let (chunks, _none) = self.take_all(n, size_of::<i32>())?.as_chunks();
        Ok(chunks.iter().map(|chunk| i32::from_le_bytes(*chunk)).collect())
    }

    /// Where each of `n` values begins and the last one ends, among `length` things that are all theirs.
    pub(super) fn offsets(&mut self, n: usize, length: usize) -> Result<OffsetBuffer<i32>, Flaw> {
        let n_offsets = n.checked_add(1).ok_or(Flaw::Damaged("it ends early"))?;
        offsets(self.integers(n_offsets)?, length)
    }

    /// Which of `n` values are null; none when no one is.
    pub(super) fn nulls(&mut self, n: usize) -> Result<Option<NullBuffer>, Flaw> {
        match self.array()? {
            [0] => return Ok(None),
            [1] => {}
            _ => return Err(Flaw::Damaged("it does not say whether there are nulls")),
        }
        // There a bit is a null, and the highest one is the first; in Arrow it is a value, and the lowest one is the first.
        let bits = self.take(n.div_ceil(8))?.iter().map(|byte| !byte.reverse_bits()).collect::<Vec<u8>>();
        let nulls = NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, n));
        Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0))
    }
}

/// Offsets that are checked: from 0 upwards to `length`.
pub(super) fn offsets(offsets: Vec<i32>, length: usize) -> Result<OffsetBuffer<i32>, Flaw> {
    let is_whole =
        offsets.first() == Some(&0) && offsets.last().and_then(|last| usize::try_from(*last).ok()) == Some(length);
    if !is_whole || !offsets.is_sorted() {
        return Err(Flaw::Damaged("the parts of a block do not lie one behind the other"));
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Whether a null has a part of the values all the same.
pub(super) fn has_full_nulls(offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> bool {
    nulls.is_some_and(|nulls| {
        offsets.windows(2).zip(nulls).any(|(ends, is_valid)| !is_valid && ends.first() != ends.last())
    })
}

/// Truth values out of bytes.
pub(super) fn truths(bytes: &[u8]) -> BooleanBuffer {
    let mut builder = BooleanBufferBuilder::new(bytes.len());
    bytes.iter().for_each(|byte| builder.append(*byte != 0));
    builder.finish()
}

/// Bytes that may still be made where a page means more than it holds: nulls, and values that are repeated within others.
pub(super) struct Budget(u64);

impl Budget {
    const LEAST: u64 = 32 << 20;
    const TIMES: u64 = 16;
    /// Far from what the offsets of an array can count.
    const MOST: u64 = 1 << 30;

    /// What a page of this size may need.
    pub(super) fn of_page(n_bytes: usize) -> Self {
        Self(Self::LEAST.saturating_add((n_bytes as u64).saturating_mul(Self::TIMES)).min(Self::MOST))
    }

    pub(super) fn spend(&mut self, n_bytes: u64) -> Result<(), Flaw> {
        self.0 = self.0.checked_sub(n_bytes).ok_or(Flaw::Damaged("it means more than its size allows"))?;
        Ok(())
    }

    pub(super) fn spend_on(&mut self, n: usize, width: usize) -> Result<(), Flaw> {
        self.spend((n as u64).saturating_mul(width as u64))
    }
}
