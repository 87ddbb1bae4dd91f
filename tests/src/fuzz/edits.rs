//! Small changes to valid texts.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One change.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Puts something in.
    Insert(Index, Vec<u8>),
    /// Takes bytes out.
    Delete(Index, usize),
    /// Writes a part a second time, somewhere else.
    Copy(Index, usize, Index),
    /// Changes two bytes for each other.
    Swap(Index, Index),
    /// Drops the rest.
    Cut(Index),
}

/// Changes that put in one of `pieces`, or bytes of any kind.
pub fn edits(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<Edit>> {
    let known = select(pieces).prop_map(|text| text.as_bytes().to_vec());
    let piece = prop_oneof![4 => known, 1 => prop::collection::vec(any::<u8>(), 1..6)];
    let edit = prop_oneof![
        5 => (any::<Index>(), piece).prop_map(|(place, piece)| Edit::Insert(place, piece)),
        3 => (any::<Index>(), 1..30_usize).prop_map(|(place, length)| Edit::Delete(place, length)),
        2 => (any::<Index>(), 1..60_usize, any::<Index>()).prop_map(|(from, length, to)| Edit::Copy(from, length, to)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ];
    prop::collection::vec(edit, 1..5)
}

/// The text with all changes made to it.
pub fn edited(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let part = |at: usize, count: usize| at..(at + count).min(length);
        match edit {
            Edit::Insert(place, piece) => {
                let at = place.index(length);
                bytes.splice(at..at, piece.iter().copied());
            }
            Edit::Delete(place, count) => drop(bytes.drain(part(place.index(length), *count))),
            Edit::Copy(from, count, to) => {
                let copied = bytes[part(from.index(length), *count)].to_vec();
                let at = to.index(length);
                bytes.splice(at..at, copied);
            }
            Edit::Swap(a, b) => bytes.swap(a.index(length), b.index(length)),
            Edit::Cut(place) => bytes.truncate(place.index(length)),
        }
    }
    bytes
}
