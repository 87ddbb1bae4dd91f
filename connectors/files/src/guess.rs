//! What type a column of text has. Only texts that print back unchanged count as numbers: anything else stays text.

use arrow_schema::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveTime};

/// Whole numbers with more digits are more likely keys than amounts, and soon no Int64.
const MAX_INT_DIGITS: usize = 18;
/// Whole numbers with more digits are not all exact as Float64.
const MAX_EXACT_FLOAT_DIGITS: usize = 15;

/// `0`, `-7`, `123`: no sign `+`, no leading zeros, at most 18 digits.
pub(crate) fn is_canonical_int(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.starts_with('0') && text != "0";
    !digits.is_empty() && digits.len() <= MAX_INT_DIGITS && !leading_zero && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `2024-01-31`, a day that exists.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && has_shape(text, "dddd-dd-dd") && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// The types that every text seen so far is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guess {
    possible: u8,
    seen: bool,
}

const BOOLEAN: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 4;
const DATE: u8 = 8;
const TIMESTAMP: u8 = 16;
const TIMESTAMP_UTC: u8 = 32;

impl Guess {
    pub(crate) const NOTHING_SEEN: Self = Self { possible: u8::MAX, seen: false };

    /// Takes one more text into account.
    pub(crate) fn see(&mut self, text: &str) {
        if self.possible != 0 {
            self.possible &= classes(text);
        }
        self.seen = true;
    }

    /// What holds for the texts of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { possible: self.possible & other.possible, seen: self.seen || other.seen }
    }

    /// The type; text when nothing was seen or nothing else fits.
    pub(crate) fn data_type(self) -> DataType {
        if !self.seen {
            return DataType::Utf8;
        }
        let utc = || Some("UTC".into());
        match self.possible {
            p if p & BOOLEAN != 0 => DataType::Boolean,
            p if p & INT != 0 => DataType::Int64,
            p if p & FLOAT != 0 => DataType::Float64,
            p if p & DATE != 0 => DataType::Date32,
            p if p & TIMESTAMP != 0 => DataType::Timestamp(TimeUnit::Microsecond, None),
            p if p & TIMESTAMP_UTC != 0 => DataType::Timestamp(TimeUnit::Microsecond, utc()),
            _ => DataType::Utf8,
        }
    }
}

fn classes(text: &str) -> u8 {
    if is_canonical_int(text) {
        let digits = text.trim_start_matches('-').len();
        return if digits <= MAX_EXACT_FLOAT_DIGITS { INT | FLOAT } else { INT };
    }
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        BOOLEAN
    } else if is_float(text) {
        FLOAT
    } else if is_date(text) {
        DATE
    } else {
        timestamp_class(text)
    }
}

/// `1.5`, `-0.25`, `.5`, `1e-7`, `NaN`, `Inf`; not `007.5`, which may be a key.
fn is_float(text: &str) -> bool {
    if matches!(text, "NaN" | "Inf" | "-Inf" | "inf" | "-inf") {
        return true;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at).unwrap_or_default(), unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let (whole, fraction) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let whole_fits =
        all_digits(whole) && !(whole.len() > 1 && whole.starts_with('0')) && !(whole.is_empty() && fraction.is_none());
    let fraction_fits = fraction.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    let exponent_fits = exponent.is_none_or(|text| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        !digits.is_empty() && digits.len() <= 3 && all_digits(digits)
    });
    let is_whole_number = fraction.is_none() && exponent.is_none();
    // A whole number gets here only with too many digits or a leading zero, or as `-0`: those stay text.
    whole_fits && fraction_fits && exponent_fits && !is_whole_number
}

/// `2024-01-31 23:59:59`, with `T` or a space, up to six digits of a second, and `Z` or `+00:00` for UTC. Other offsets would be
/// lost in an Arrow column and finer fractions cut, so such texts stay text.
fn timestamp_class(text: &str) -> u8 {
    let (local, class) = match text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")) {
        Some(local) => (local, TIMESTAMP_UTC),
        None => (text, TIMESTAMP),
    };
    let (Some(date), Some(separator), Some(time)) = (local.get(..10), local.get(10..11), local.get(11..)) else {
        return 0;
    };
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let clock_fits =
        has_shape(clock, "dd:dd:dd") && !clock.ends_with("60") && NaiveTime::parse_from_str(clock, "%H:%M:%S").is_ok();
    let fraction_fits =
        fraction.is_none_or(|digits| (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
    if is_date(date) && matches!(separator, "T" | " ") && clock_fits && fraction_fits { class } else { 0 }
}

/// Whether the text is as long as the pattern, digits where it has `d` and the same character elsewhere.
fn has_shape(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, wanted)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(texts: &[&str]) -> DataType {
        let mut guess = Guess::NOTHING_SEEN;
        texts.iter().for_each(|text| guess.see(text));
        guess.data_type()
    }

    #[test]
    fn texts_that_print_back_unchanged_have_a_type() {
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (texts, expected) in [
            (&["true", "FALSE"][..], DataType::Boolean),
            (&["1", "-5", "0", "123456789012345678"], DataType::Int64),
            (&["1", "2.5", "1e-7", "NaN", "-.5"], DataType::Float64),
            (&["2024-02-29"], DataType::Date32),
            (&["2024-02-29 23:59:59", "2024-02-29T00:00:00.123456"], micros(None)),
            (&["2024-02-29T23:59:59Z", "2024-02-29 00:00:00.1+00:00"], micros(Some("UTC"))),
            (&[], DataType::Utf8),
        ] {
            assert_eq!(guess(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn all_else_stays_text() {
        for texts in [
            &["007"][..],
            &["00"],
            &["+1"],
            &["-0"],
            &["-"],
            &["1234567890123456789"],
            &["1", "x"],
            &["1", "true"],
            &["007.5"],
            &["1."],
            &["."],
            &["e5"],
            &["1e"],
            &["1_000"],
            &[" 1"],
            &["١"],
            &["2023-02-29"],
            &["2024-1-31"],
            &["2024-02-29", "2024-02-29 00:00:00"],
            &["2024-02-29T23:59:59Z", "2024-02-29T23:59:59"],
            &["2024-02-29T23:59:59+02:00"],
            &["2024-02-29T23:59:60"],
            &["2024-02-29T24:00:00"],
            &["2024-02-29T23:59:59.1234567"],
            &["2024-02-29éé23:59:59"],
            &["1234567890123456", "1.5"],
        ] {
            assert_eq!(guess(texts), DataType::Utf8, "{texts:?}");
        }
    }
}
