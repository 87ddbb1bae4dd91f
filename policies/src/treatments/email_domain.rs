//! `email_domain`: the domain of an e-mail address.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;
use arrow::error::ArrowError;

use super::{Kernel, Reach, Spec, text};

pub(super) const SPEC: Spec = Spec {
    name: "email_domain",
    does: "the domain of an e-mail address",
    more: "what follows the last `@`, as `***@domain`; text without `@` becomes `***`",
    types: "text",
    reach: Reach::Elements { fits: text::is_text, makes_nulls: false },
    kernel: Kernel::Plain(email_domain),
};

const NOBODY: &[u8] = b"***";

fn email_domain(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let Some(array) = array.as_string_opt::<i32>().filter(|array| array.null_count() == 0) {
        return Ok(Arc::new(without_nulls(array)?));
    }
    text::map(array, NOBODY.len(), |value, bytes| {
        bytes.extend_from_slice(NOBODY);
        let with_at = memchr::memrchr(b'@', value.as_bytes()).and_then(|at| value.as_bytes().get(at..));
        bytes.extend_from_slice(with_at.unwrap_or_default());
    })
}

/// Bytes that are copied at once: a copy of fixed length costs much less than one of any length.
const AT_ONCE: usize = 32;

/// Each value is written where the one before it ends, over what was copied beyond that end.
fn without_nulls(array: &StringArray) -> Result<StringArray, ArrowError> {
    let raw = text::visible_bytes(array);
    let first = array.value_offsets().first().copied().unwrap_or_default();
    let mut bytes = vec![0; raw.len() + array.len() * NOBODY.len() + AT_ONCE];
    let mut offsets = Vec::with_capacity(array.len() + 1);
    let mut end = 0;
    offsets.push(0);
    for bounds in array.value_offsets().windows(2) {
        let [from, to] = [bounds.first(), bounds.last()].map(|at| at.map_or(0, |at| (at - first).as_usize()));
        let value = raw.get(from..to).unwrap_or_default();
        if let Some(slot) = bytes.get_mut(end..end + NOBODY.len()) {
            slot.copy_from_slice(NOBODY);
        }
        end += NOBODY.len();
        if let Some(at) = value.iter().rposition(|byte| *byte == b'@') {
            let (at, length) = (from + at, to - from - at);
            let n_copied = if length <= AT_ONCE && at + AT_ONCE <= raw.len() { AT_ONCE } else { length };
            if let (Some(slot), Some(domain)) = (bytes.get_mut(end..end + n_copied), raw.get(at..at + n_copied)) {
                copy(slot, domain);
            }
            end += length;
        }
        offsets.push(i32::try_from(end).map_err(|_| ArrowError::OffsetOverflowError(end))?);
    }
    // What was copied beyond the last value is of other rows.
    bytes.truncate(end);
    bytes.shrink_to_fit();
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes), None)
}

/// Copies between slices of one length.
fn copy(to: &mut [u8], from: &[u8]) {
    match (<&mut [u8; AT_ONCE]>::try_from(&mut *to), <&[u8; AT_ONCE]>::try_from(from)) {
        (Ok(to), Ok(from)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Treatment;
    use crate::treatments::tests::check_text;

    #[test]
    fn nothing_but_domains_is_in_the_bytes_whatever_their_lengths() {
        let texts = |n: usize| {
            (0..n).map(move |at| match at % 5 {
                0 => String::new(),
                1 => format!("hidden{at}"),
                2 => format!("hidden@{}.example", "d".repeat(at % 67)),
                3 => format!("hidden@a@{}", "\u{fc}".repeat(at % 23)),
                _ => format!("{}@x.nl", "hidden".repeat(at % 9)),
            })
        };
        let expected = |text: String| match text.rsplit_once('@') {
            Some((_, domain)) => format!("***@{domain}"),
            None => "***".to_owned(),
        };
        for n in [0, 1, 2, 3, 100, 1_000] {
            let whole = StringArray::from_iter_values(texts(n));
            for skipped in [0, n / 2] {
                let treated = without_nulls(&whole.slice(skipped, n - skipped)).unwrap();
                let alone = StringArray::from_iter_values(texts(n).skip(skipped).map(expected));
                assert_eq!(treated, alone);
                assert_eq!(treated.value_data(), alone.value_data());
            }
        }
    }

    #[test]
    fn only_the_domain_is_kept() {
        check_text(
            Treatment::EmailDomain,
            &[
                ("", "***"),
                ("a.petrov@example.com", "***@example.com"),
                ("no address", "***"),
                ("\"a@b\"@example.org", "***@example.org"),
                ("nobody@", "***@"),
                ("@example.com", "***@example.com"),
                ("jürgen@müller.example", "***@müller.example"),
            ],
        );
    }
}
