//! `last4`: the last four characters.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;
use arrow::error::ArrowError;

use super::{Kernel, Reach, Spec, text};

pub(super) const SPEC: Spec = Spec {
    name: "last4",
    does: "the last four characters",
    more: "every other one becomes `*`; text of four or fewer becomes all `*`",
    types: "text",
    reach: Reach::Elements { fits: text::is_text, makes_nulls: false },
    kernel: Kernel::Plain(last4),
};

const STAR: u8 = b'*';

fn last4(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.as_string_opt::<i32>() {
        Some(array) if array.null_count() == 0 && text::visible_bytes(array).is_ascii() => Ok(Arc::new(ascii(array)?)),
        Some(_) | None => text::map(array, 0, |value, bytes| {
            let n_chars = value.chars().count();
            let last = match value.char_indices().rev().nth(3) {
                Some((first_byte, _)) if n_chars > 4 => value.get(first_byte..).unwrap_or_default(),
                Some(_) | None => "",
            };
            let n_stars = n_chars - if last.is_empty() { 0 } else { 4 };
            bytes.resize(bytes.len() + n_stars, STAR);
            bytes.extend_from_slice(last.as_bytes());
        }),
    }
}

/// Lengths stay when every character is one byte: only the last four bytes are written over stars.
fn ascii(array: &StringArray) -> Result<StringArray, ArrowError> {
    let raw = text::visible_bytes(array);
    let mut bytes = vec![STAR; raw.len()];
    let first = array.value_offsets().first().copied().unwrap_or_default();
    let offsets: Vec<i32> = array.value_offsets().iter().map(|offset| offset - first).collect();
    for bounds in offsets.windows(2) {
        let [start, end] = [bounds.first(), bounds.last()].map(|bound| bound.map_or(0, |bound| bound.as_usize()));
        if end > start + 4 {
            let last = end - 4..end;
            if let (Some(slots), Some(last)) = (bytes.get_mut(last.clone()), raw.get(last)) {
                slots.copy_from_slice(last);
            }
        }
    }
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None)
}

#[cfg(test)]
mod tests {
    use crate::Treatment;
    use crate::treatments::tests::check_text;

    #[test]
    fn last_four_characters_are_kept() {
        check_text(
            Treatment::Last4,
            &[
                ("", ""),
                ("1", "*"),
                ("1234", "****"),
                ("12345", "*2345"),
                ("+31 6 1234 5678", "***********5678"),
                ("日本", "**"),
                ("日本語文字列", "**語文字列"),
                ("a😀😀😀😀", "*😀😀😀😀"),
                ("e\u{301}bcd", "*\u{301}bcd"),
            ],
        );
    }
}
