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
    use crate::Treatment;
    use crate::treatments::tests::check_text;

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
