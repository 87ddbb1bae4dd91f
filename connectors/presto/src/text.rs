//! Values that the servers write as texts. `None` is a text that its type does not hold exactly; nothing is rounded.

use std::borrow::Cow;

use chrono::{LocalResult, NaiveDateTime, Offset, TimeZone};

/// A `char(n)`, whose padding the servers cut off.
pub(crate) fn padded(value: &str, n_chars: usize) -> String {
    format!("{value:<n_chars$}")
}

/// A text as the servers write it into JSON: what is no UTF-8 is replaced, and as often as Java does.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    let mut text = match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(_) => String::with_capacity(bytes.len()),
    };
    let mut rest = bytes;
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, bad) = rest.split_at(error.valid_up_to());
        text.push_str(std::str::from_utf8(valid).unwrap_or_default());
        text.push(char::REPLACEMENT_CHARACTER);
        let n_bad = match bad {
            // Half of a pair of UTF-16 counts as one there, and byte by byte in Rust.
            [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..] => 3,
            [0xED, 0xA0..=0xBF, ..] => 2,
            _ => error.error_len().unwrap_or(bad.len()),
        };
        rest = bad.get(n_bad..).unwrap_or_default();
    }
    text.push_str(std::str::from_utf8(rest).unwrap_or_default());
    Cow::Owned(text)
}

/// `-12.3400` as an integer of its last of `scale` digits.
pub(crate) fn decimal(value: &str, precision: u8, scale: u8) -> Option<i128> {
    let (is_negative, digits) = sign(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() > usize::from(scale) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let text = format!("{whole}{fraction}{}", "0".repeat(missing));
    let significant = text.trim_start_matches('0');
    if significant.len() > usize::from(precision) {
        return None;
    }
    let number: i128 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    Some(if is_negative { -number } else { number })
}

/// `NaN`, `Infinity`, `-Infinity`, or a number.
pub(crate) fn float<F: std::str::FromStr + From<f32>>(value: &str) -> Option<F> {
    match value {
        "NaN" => Some(F::from(f32::NAN)),
        "Infinity" => Some(F::from(f32::INFINITY)),
        "-Infinity" => Some(F::from(f32::NEG_INFINITY)),
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => number.parse().ok(),
        _ => None,
    }
}

/// Days since 1970-01-01 of `2024-01-31`, `-0001-01-31` or `+12024-01-31`, in the proleptic Gregorian calendar.
pub(crate) fn date(value: &str) -> Option<i32> {
    i32::try_from(days(value)?).ok()
}

fn days(value: &str) -> Option<i64> {
    let (is_negative, rest) = match value.strip_prefix('+') {
        Some(rest) => (false, rest),
        None => sign(value),
    };
    let mut parts = rest.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || year > 1_000_000_000 {
        return None;
    }
    let year = if is_negative { -year } else { year };
    (day <= days_in_month(year, month)).then(|| days_from_civil(year, month, day))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `12:34:56.789` since midnight, in units of 10^-`digits` seconds.
pub(crate) fn time(value: &str, digits: u32) -> Option<i64> {
    let (clock, fraction) = value.split_once('.').unwrap_or((value, ""));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let units = 10_i64.checked_pow(digits)?;
    Some(((hour * 60 + minute) * 60 + second) * units + fraction_of(fraction, digits)?)
}

/// A fraction's digits in units of 10^-`digits`.
fn fraction_of(fraction: &str, digits: u32) -> Option<i64> {
    let exact = fraction.trim_end_matches('0');
    let length = u32::try_from(exact.len()).ok()?;
    if !is_digits(fraction) || length > digits {
        return None;
    }
    let number: i64 = if exact.is_empty() { 0 } else { exact.parse().ok()? };
    Some(number * 10_i64.checked_pow(digits - length)?)
}

/// `2024-01-31 12:34:56.789` and, when `zoned`, ` UTC`, ` +05:30` or ` Europe/Paris` behind it, since 1970-01-01T00:00Z in
/// units of 10^-`digits` seconds. A local time that a zone has twice, or never, is none.
pub(crate) fn timestamp(value: &str, zoned: bool, digits: u32) -> Option<i64> {
    let mut parts = value.splitn(3, ' ');
    let (date, clock) = (parts.next()?, parts.next()?);
    let units = 10_i64.checked_pow(digits)?;
    let local = days(date)?.checked_mul(86_400)?.checked_mul(units)?.checked_add(time(clock, digits)?)?;
    match (zoned, parts.next()) {
        (false, None) => Some(local),
        (true, Some(zone)) => local.checked_sub(offset(zone, local.div_euclid(units))?.checked_mul(units)?),
        _ => None,
    }
}

/// How many seconds a zone is ahead of UTC at a local time, which is given in seconds.
fn offset(zone: &str, local: i64) -> Option<i64> {
    if matches!(zone, "UTC" | "Z") {
        return Some(0);
    }
    if zone.starts_with(['+', '-']) {
        let (is_negative, rest) = sign(zone.trim_start_matches('+'));
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let seconds = (hours <= 18 && minutes <= 59).then_some((hours * 60 + minutes) * 60)?;
        return Some(if is_negative { -seconds } else { seconds });
    }
    let zone: chrono_tz::Tz = zone.parse().ok()?;
    let local: NaiveDateTime = chrono::DateTime::from_timestamp(local, 0)?.naive_utc();
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => Some(i64::from(offset.fix().local_minus_utc())),
        LocalResult::Ambiguous(..) | LocalResult::None => None,
    }
}

/// `-1-11`, years and months, in months.
pub(crate) fn months(value: &str) -> Option<i32> {
    let (is_negative, rest) = sign(value);
    let (years, months) = rest.split_once('-')?;
    let total = number(years)?.checked_mul(12)?.checked_add(number(months)?)?;
    i32::try_from(if is_negative { -total } else { total }).ok()
}

/// `-3 04:05:06.789`, days and a time, in milliseconds.
pub(crate) fn milliseconds(value: &str) -> Option<i64> {
    let (is_negative, rest) = sign(value);
    let (days, clock) = rest.split_once(' ')?;
    let total = number(days)?.checked_mul(86_400_000)?.checked_add(time(clock, 3)?)?;
    Some(if is_negative { -total } else { total })
}

fn sign(value: &str) -> (bool, &str) {
    match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || !is_digits(text) { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_nothing() {
        let cases: [(&str, u8, u8, Option<i128>); 9] = [
            ("12.34", 10, 2, Some(1_234)),
            ("-0.01", 3, 2, Some(-1)),
            ("5", 10, 3, Some(5_000)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
            ("1.234", 10, 2, None),
            ("100", 2, 0, None),
            ("1e5", 10, 0, None),
            ("", 10, 0, None),
            (".5", 10, 1, None),
        ];
        for (text, precision, scale, expected) in cases {
            assert_eq!(decimal(text, precision, scale), expected, "{text}");
        }
    }

    #[test]
    fn dates_reach_as_far_as_the_servers_do() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2024-02-29", Some(19_782)),
            ("2023-02-29", None),
            ("0000-01-01", Some(-719_528)),
            ("-0001-12-31", Some(-719_529)),
            ("+12024-01-01", Some(3_672_148)),
            ("1900-02-29", None),
            ("2024-13-01", None),
            ("2024-01-01 ", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn instants_are_exact_in_every_zone_or_nothing() {
        for (text, zoned, digits, expected) in [
            ("1970-01-01 00:00:00.000", false, 6, Some(0)),
            ("1969-12-31 23:59:59.999999", false, 6, Some(-1)),
            ("1970-01-01 00:00:00.1234567", false, 6, None),
            ("1970-01-01 00:00:00.1234567", false, 9, Some(123_456_700)),
            ("1970-01-01 05:30:00.000 +05:30", true, 6, Some(0)),
            ("1969-12-31 19:00:00.000 -05:00", true, 6, Some(0)),
            ("2024-07-01 02:00:00.000 Europe/Paris", true, 6, Some(1_719_792_000_000_000)),
            ("2024-10-27 02:30:00.000 Europe/Paris", true, 6, None),
            ("2024-03-31 02:30:00.000 Europe/Paris", true, 6, None),
            ("2024-07-01 02:00:00.000 Nowhere/Land", true, 6, None),
            ("2024-07-01 02:00:00.000", true, 6, None),
            ("+294277-01-10 04:00:54.775807", false, 6, None),
            ("+294247-01-10 04:00:54.775807", false, 6, Some(i64::MAX)),
        ] {
            assert_eq!(timestamp(text, zoned, digits), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_as_java_does() {
        for (bytes, expected) in [
            (&b"caf\xc3\xa9"[..], "café"),
            (b"caf\xe9 au lait", "caf\u{fffd} au lait"),
            (b"\xed\xa0\x80x", "\u{fffd}x"),
            (b"\xed\xa0x", "\u{fffd}x"),
            (b"\xed\xa0", "\u{fffd}"),
            (b"\xe2\x82x", "\u{fffd}x"),
            (b"\xf0\x9f\x98", "\u{fffd}"),
            (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xc0\x80\xff", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(lossy(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn times_and_intervals_are_read() {
        assert_eq!(time("23:59:59.999", 6), Some(86_399_999_000));
        assert_eq!(time("24:00:00", 6), None);
        assert_eq!(months("-1-11"), Some(-23));
        assert_eq!(milliseconds("3 04:05:06.789"), Some(273_906_789));
        assert_eq!(milliseconds("-0 00:00:00.001"), Some(-1));
        assert_eq!(padded("ab", 4), "ab  ");
        assert_eq!(padded("äöüß", 2), "äöüß");
        assert!(float::<f64>("NaN").unwrap().is_nan());
        assert_eq!(float::<f64>("-Infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(float::<f32>("1.5"), Some(1.5));
        assert_eq!(float::<f64>("inf"), None);
    }
}
