//! Which form of a result the caller takes: the `Accept` header against the forms that can be served (RFC 9110, 12.5.1).

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT;
use lockgate_engine::Error;
use lockgate_wire::ErrorCode;
use mediatype::{MediaType, MediaTypeList, Name, ReadParams, names};

/// A form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An Arrow IPC stream.
    Arrow(Compression),
    /// One JSON document.
    Json,
    /// One JSON object a line.
    NdJson,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
    /// A Parquet file.
    Parquet,
}

/// How the buffers of an Arrow stream are compressed; only ever on request, because not every reader can undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Zstandard.
    Zstd,
    /// LZ4 frames.
    Lz4,
}

impl Format {
    /// Every form, the gateway's first choice first.
    pub const ALL: &'static [Format] =
        &[Format::Arrow(Compression::None), Format::Json, Format::NdJson, Format::Csv, Format::Parquet];

    /// The media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Arrow(_) => "application/vnd.apache.arrow.stream",
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The `Content-Type` of an answer in this form.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Arrow(Compression::Zstd) => "application/vnd.apache.arrow.stream; codecs=zstd",
            Self::Arrow(Compression::Lz4) => "application/vnd.apache.arrow.stream; codecs=lz4",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow(Compression::None) | Self::Json | Self::NdJson | Self::Parquet => self.media_type(),
        }
    }
}

/// One of the things that a caller would take.
struct Wish<'a> {
    range: MediaType<'a>,
    /// Quality in thousandths.
    quality: u16,
    /// Place in the header, from 0.
    place: usize,
}

impl Wish<'_> {
    /// How closely the range names the media type: 0 for `*/*`, 1 for `type/*`, 2 for the type itself; `None` if not at all.
    fn closeness(&self, media_type: &str) -> Option<u8> {
        let (main, sub) = media_type.split_once('/')?;
        let (wish_main, wish_sub) = (self.range.ty.as_str(), self.range.subty.as_str());
        match (wish_main, wish_sub) {
            ("*", "*") => Some(0),
            (_, "*") if wish_main.eq_ignore_ascii_case(main) => Some(1),
            // `x-ndjson` was never registered; others write it without the `x-`.
            (_, _) if wish_main.eq_ignore_ascii_case(main) && same_subtype(wish_sub, sub) => Some(2),
            (_, _) => None,
        }
    }
}

fn same_subtype(wish: &str, sub: &str) -> bool {
    wish.eq_ignore_ascii_case(sub)
        || (sub == "x-ndjson" && ["ndjson", "jsonl"].iter().any(|name| wish.eq_ignore_ascii_case(name)))
}

/// The form to answer in: the one with the highest quality, then the one named more closely, then the one named first.
/// No `Accept` header means anything. NOT_ACCEPTABLE lists what can be served.
pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Format, Error> {
    let wishes = wishes(headers)?;
    let offers = Format::ALL.iter().map(|format| (*format, format.media_type()));
    let (format, wish) = choose(&wishes, offers)?;
    Ok(wish.map_or(format, |wish| with_codec(format, wish)))
}

/// As [`negotiate`], for an answer that comes in other media types; gives the one that was chosen.
pub(crate) fn negotiate_among(headers: &HeaderMap, offers: &[&'static str]) -> Result<&'static str, Error> {
    let wishes = wishes(headers)?;
    choose(&wishes, offers.iter().map(|offer| (*offer, *offer))).map(|(offer, _)| offer)
}

fn wishes(headers: &HeaderMap) -> Result<Vec<Wish<'_>>, Error> {
    let mut wishes = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let text = value.to_str().map_err(|_| malformed())?;
        for range in MediaTypeList::new(text) {
            let range = range.map_err(|_| malformed())?;
            let quality = quality(&range)?;
            wishes.push(Wish { range, quality, place: wishes.len() });
        }
    }
    Ok(wishes)
}

/// The best of the offers, the gateway's first choice first, and the wish that speaks for it.
fn choose<'a, 'b, T: Copy>(
    wishes: &'a [Wish<'b>],
    offers: impl Iterator<Item = (T, &'static str)>,
) -> Result<(T, Option<&'a Wish<'b>>), Error> {
    let mut best: Option<(u16, u8, Reverse<usize>, T, &Wish<'_>)> = None;
    let mut served = Vec::new();
    for (offer, media_type) in offers {
        if wishes.is_empty() {
            return Ok((offer, None));
        }
        served.push(format!("`{media_type}`"));
        let Some((closeness, wish)) = closest(wishes, media_type) else { continue };
        let rank = (wish.quality, closeness, Reverse(wish.place));
        if wish.quality > 0 && best.is_none_or(|best| rank > (best.0, best.1, best.2)) {
            best = Some((rank.0, rank.1, rank.2, offer, wish));
        }
    }
    best.map(|(_, _, _, offer, wish)| (offer, Some(wish))).ok_or_else(|| not_acceptable(&served))
}

/// The wish that speaks for a media type: the one that names it most closely.
fn closest<'a, 'b>(wishes: &'a [Wish<'b>], media_type: &str) -> Option<(u8, &'a Wish<'b>)> {
    let fitting = wishes.iter().filter_map(|wish| wish.closeness(media_type).map(|closeness| (closeness, wish)));
    fitting.max_by_key(|(closeness, wish)| (*closeness, Reverse(wish.place)))
}

fn with_codec(format: Format, wish: &Wish<'_>) -> Format {
    let Format::Arrow(_) = format else { return format };
    let Some(codecs) = wish.range.get_param(Name::new_unchecked("codecs")) else { return format };
    let codecs = codecs.unquoted_str();
    let known = codecs.split(',').find_map(|codec| match codec.trim().to_ascii_lowercase().as_str() {
        "zstd" => Some(Compression::Zstd),
        "lz4" => Some(Compression::Lz4),
        _ => None,
    });
    Format::Arrow(known.unwrap_or(Compression::None))
}

/// The `q` of a range, in thousandths; 1000 when there is none.
fn quality(range: &MediaType<'_>) -> Result<u16, Error> {
    let Some(value) = range.get_param(names::Q) else { return Ok(1000) };
    let text = value.as_str();
    let digits_fit = text.len() <= 5 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let quality = text.parse::<f32>().ok().filter(|quality| digits_fit && (0.0..=1.0).contains(quality));
    // At most three digits after the point, so that the product is a whole number up to rounding.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    quality.map(|quality| (quality * 1000.0).round() as u16).ok_or_else(malformed)
}

fn malformed() -> Error {
    Error::new(ErrorCode::BadRequest, "the `Accept` header is malformed")
        .with_hint("write media types as RFC 9110 has them")
}

fn not_acceptable(served: &[String]) -> Error {
    Error::new(ErrorCode::NotAcceptable, "none of the media types in `Accept` can be served")
        .with_hint(format!("ask for one of {}", served.join(", ")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ARROW: Format = Format::Arrow(Compression::None);

    #[track_caller]
    fn check(values: &[&str], expected: Result<Format, ErrorCode>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(negotiate(&headers).map_err(|error| error.code()), expected, "{values:?}");
    }

    #[test]
    fn arrow_is_served_unless_something_else_is_asked_for() {
        check(&[], Ok(ARROW));
        check(&[""], Ok(ARROW));
        check(&["*/*"], Ok(ARROW));
        check(&["application/*"], Ok(ARROW));
        check(&["text/html, application/xhtml+xml, */*;q=0.8"], Ok(ARROW));
    }

    #[test]
    fn each_form_has_its_media_type_in_any_case() {
        for format in Format::ALL {
            check(&[format.media_type()], Ok(*format));
            check(&[&format.media_type().to_uppercase()], Ok(*format));
        }
        check(&["text/*"], Ok(Format::Csv));
        check(&["application/ndjson"], Ok(Format::NdJson));
        check(&["application/jsonl"], Ok(Format::NdJson));
        check(&["text/csv; charset=utf-8; header=present"], Ok(Format::Csv));
    }

    #[test]
    fn qualities_decide_then_closeness_then_order() {
        check(&["application/json;q=0.5, text/csv;q=0.9"], Ok(Format::Csv));
        check(&["application/json;q=0.5", "text/csv;q=0.9"], Ok(Format::Csv));
        check(&["*/*, text/csv"], Ok(Format::Csv));
        check(&["text/csv, application/json"], Ok(Format::Csv));
        check(&["application/json, text/csv"], Ok(Format::Json));
        check(&["application/vnd.apache.arrow.stream;q=0, */*"], Ok(Format::Json));
        check(&["application/*;q=0, */*;q=0.1"], Ok(Format::Csv));
        check(&["text/csv;q=0.001, application/pdf"], Ok(Format::Csv));
    }

    #[test]
    fn compression_is_used_only_when_asked_for() {
        let arrow = |codecs: &str| format!("application/vnd.apache.arrow.stream; codecs={codecs}");
        check(&[&arrow("\"zstd, lz4\"")], Ok(Format::Arrow(Compression::Zstd)));
        check(&[&arrow("\"lz4, zstd\"")], Ok(Format::Arrow(Compression::Lz4)));
        check(&[&arrow("lz4")], Ok(Format::Arrow(Compression::Lz4)));
        check(&[&arrow("brotli")], Ok(ARROW));
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        check(&["image/png"], Err(ErrorCode::NotAcceptable));
        check(&["application/json;q=0"], Err(ErrorCode::NotAcceptable));
        check(&["*/*;q=0"], Err(ErrorCode::NotAcceptable));
        check(&["nonsense"], Err(ErrorCode::BadRequest));
        check(&["text/csv;q=2"], Err(ErrorCode::BadRequest));
        check(&["text/csv;q=-1"], Err(ErrorCode::BadRequest));
        check(&["text/csv;q=nan"], Err(ErrorCode::BadRequest));
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_the_negotiation_panic(value in "[a-z*/;=,\\. q0-9\"+-]{0,80}") {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(&value).unwrap());
            drop(negotiate(&headers));
        }
    }
}
