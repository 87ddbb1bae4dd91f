//! `email_domain`: the domain of an e-mail address.

use arrow::array::ArrayRef;
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
    text::map(array, NOBODY.len(), |value, bytes| {
        bytes.extend_from_slice(NOBODY);
        let with_at = memchr::memrchr(b'@', value.as_bytes()).and_then(|at| value.as_bytes().get(at..));
        bytes.extend_from_slice(with_at.unwrap_or_default());
    })
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
