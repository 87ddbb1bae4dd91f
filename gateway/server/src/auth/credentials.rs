//! What a request's headers say about who asks and why.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use lockgate_engine::Error;
use lockgate_wire::ErrorCode;

use super::token::Digest;

/// Header that declares the purpose of a request.
pub const PURPOSE_HEADER: HeaderName = HeaderName::from_static("lockgate-purpose");

/// Longest token that is looked at.
const MAX_TOKEN: usize = 512;

/// The digest of the bearer token, or UNAUTHENTICATED.
///
/// - The header must be there exactly once: two of them could be read differently by a proxy in front.
/// - The scheme's name may be in any case; the token is one word of visible ASCII.
pub fn bearer_digest(headers: &HeaderMap) -> Result<Digest, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, None | Some(_)) => return Err(unauthenticated("the request carries no token")),
        (Some(_), Some(_)) => return Err(unauthenticated("the request carries more than one `Authorization` header")),
    };
    let text = value.to_str().map_err(|_| unauthenticated("the `Authorization` header is not plain text"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > MAX_TOKEN || token.contains(' ') {
        return Err(unauthenticated("the `Authorization` header is not `Bearer TOKEN`"));
    }
    Ok(Digest::of(token))
}

/// The error for a caller who is not known. It does not say whether the token was ever valid.
pub(crate) fn unauthenticated(text: &str) -> Error {
    Error::new(ErrorCode::Unauthenticated, text).with_hint("send the header `Authorization: Bearer TOKEN`")
}

/// The declared purpose, or PURPOSE_REQUIRED. Whether the policy knows it is for the caller to check.
pub fn declared_purpose(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(PURPOSE_HEADER).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim).filter(|purpose| !purpose.is_empty()),
        (None, None | Some(_)) => None,
        (Some(_), Some(_)) => {
            let text = "the request declares more than one purpose";
            return Err(Error::new(ErrorCode::PurposeRequired, text).with_hint("send `Lockgate-Purpose` once"));
        }
    };
    value.ok_or_else(|| {
        let hint = "send the header `Lockgate-Purpose` with a purpose that the policy knows";
        Error::new(ErrorCode::PurposeRequired, "the request declares no purpose").with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[track_caller]
    fn check_bearer(values: &[&'static [u8]], expected: Option<&str>) {
        let pairs: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let digest = bearer_digest(&headers(&pairs));
        match expected {
            Some(token) => assert_eq!(digest.unwrap(), Digest::of(token)),
            None => assert_eq!(digest.unwrap_err().code(), ErrorCode::Unauthenticated),
        }
    }

    #[test]
    fn one_bearer_token_is_taken_and_everything_else_refused() {
        check_bearer(&[b"Bearer lg_x"], Some("lg_x"));
        check_bearer(&[b"bEARER   lg_x "], Some("lg_x"));
        check_bearer(&[], None);
        check_bearer(&[b"lg_x"], None);
        check_bearer(&[b"Bearer"], None);
        check_bearer(&[b"Bearer "], None);
        check_bearer(&[b"Bearer a b"], None);
        check_bearer(&[b"Basic bGc6eA=="], None);
        check_bearer(&[b"Bearer lg_x", b"Bearer lg_x"], None);
        check_bearer(&[b"Bearer lg_x, Bearer lg_y"], None);
        check_bearer(&[b"Bearer \xff"], None);
        check_bearer(&[Box::leak(format!("Bearer {}", "x".repeat(600)).into_bytes().into_boxed_slice())], None);
    }

    #[test]
    fn exactly_one_purpose_must_be_declared() {
        let purpose = |values: &[&'static [u8]]| {
            let pairs: Vec<_> = values.iter().map(|value| ("lockgate-purpose", *value)).collect();
            declared_purpose(&headers(&pairs)).map(str::to_owned).map_err(|error| error.code())
        };
        assert_eq!(purpose(&[b" fraud "]), Ok("fraud".to_owned()));
        assert_eq!(purpose(&[]), Err(ErrorCode::PurposeRequired));
        assert_eq!(purpose(&[b" "]), Err(ErrorCode::PurposeRequired));
        assert_eq!(purpose(&[b"\xc3\xa9"]), Err(ErrorCode::PurposeRequired));
        assert_eq!(purpose(&[b"fraud", b"fraud"]), Err(ErrorCode::PurposeRequired));
    }
}
