//! `email_domain`: the domain of an e-mail address.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;
use arrow::error::ArrowError;

use super::{Kernel, Reach, Spec, fresh, text};

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
    match array.as_string_opt::<i32>() {
        Some(array) => Ok(Arc::new(domains(array)?)),
        None => text::map(array, NOBODY.len(), |value, bytes| {
            bytes.extend_from_slice(NOBODY);
            bytes.extend_from_slice(last_at(value.as_bytes()).map(|(_, domain)| domain).unwrap_or_default());
        }),
    }
}

/// Bytes that are copied for every domain that is not longer: a copy of fixed length is a load and a store. What it takes
/// along from behind a domain is cut off.
const COPIED: usize = 16;

fn domains(array: &StringArray) -> Result<StringArray, ArrowError> {
    let raw = text::visible_bytes(array);
    let first = array.value_offsets().first().copied().unwrap_or_default();
    let mut bytes = Vec::with_capacity(raw.len() + array.len() * NOBODY.len() + COPIED);
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(0);
    for (row_idx, bounds) in array.value_offsets().windows(2).enumerate() {
        if array.is_valid(row_idx) {
            bytes.extend_from_slice(NOBODY);
            let [from, to] = [bounds.first(), bounds.last()].map(|at| at.map_or(0, |at| (at - first).as_usize()));
            if let Some((at, domain)) = last_at(raw.get(from..to).unwrap_or_default()) {
                match raw.get(from + at..).and_then(|rest| rest.first_chunk::<COPIED>()) {
                    Some(copied) if domain.len() <= COPIED => {
                        let end = bytes.len() + domain.len();
                        bytes.extend_from_slice(copied);
                        bytes.truncate(end);
                    }
                    _ => bytes.extend_from_slice(domain),
                }
            }
        }
        let end = bytes.len();
        offsets.push(i32::try_from(end).map_err(|_| ArrowError::OffsetOverflowError(end))?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_vec(bytes), fresh::nulls(array.nulls()))
}

/// Where the last `@` stands, and the text from there on. Eight bytes are looked at at once: addresses are too short for
/// what searches long texts fast.
fn last_at(value: &[u8]) -> Option<(usize, &[u8])> {
    const AT: u64 = u64::from_ne_bytes([b'@'; 8]);
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);
    let mut rest = value;
    while let Some((before, eight)) = rest.split_last_chunk::<8>() {
        // A byte that is zero here is an `@`; its highest bit is then the only one of its byte below.
        let others = u64::from_le_bytes(*eight) ^ AT;
        let found = !(((others & LOW_BITS) + LOW_BITS) | others | LOW_BITS);
        if found != 0 {
            let n_behind = found.leading_zeros().as_usize() / 8;
            let at = rest.len() - 1 - n_behind;
            return Some((at, value.get(at..)?));
        }
        rest = before;
    }
    let at = rest.iter().rposition(|byte| *byte == b'@')?;
    Some((at, value.get(at..)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, StringArray};

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
            let whole: ArrayRef = std::sync::Arc::new(StringArray::from_iter_values(texts(n)));
            for skipped in [0, n / 2] {
                let treated = email_domain(&whole.slice(skipped, n - skipped)).unwrap();
                let treated = treated.as_string::<i32>();
                let alone = StringArray::from_iter_values(texts(n).skip(skipped).map(expected));
                assert_eq!(treated, &alone);
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
