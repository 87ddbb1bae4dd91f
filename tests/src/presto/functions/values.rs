//! The values: those of the servers' documentation, and the edges of each type. Columns repeat their lists, which are of
//! lengths that have no factor in common, so that every pair of the first two numbers is met.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::{NaiveDate, NaiveDateTime};

const ROWS: usize = 13 * 11;

type Make = fn() -> ArrayRef;

/// Name, treatment and values of each column.
pub(super) const COLUMNS: &[(&str, &str, Make)] = &[
    ("id", "clear", || Arc::new((0..ROWS).map(|row| i64::try_from(row).ok()).collect::<Int64Array>())),
    ("grp", "clear", || Arc::new((0..ROWS).map(|row| i32::try_from(row % 5).ok()).collect::<Int32Array>())),
    ("x", "clear", || doubles(X)),
    ("y", "clear", || doubles(Y)),
    ("q", "clear", || {
        Arc::new(
            (0..ROWS).map(|row| (row % 17 != 3).then_some((row % 17) as f64 * 0.25 - 2.0)).collect::<Float64Array>(),
        )
    }),
    ("tiny", "clear", || Arc::new(all(&[None, Some(-128), Some(127), Some(0), Some(3)]).collect::<Int8Array>())),
    ("small", "clear", || {
        Arc::new(all(&[None, Some(-32_768), Some(32_767), Some(0), Some(7), Some(1)]).collect::<Int16Array>())
    }),
    ("n", "clear", || {
        Arc::new(
            all(&[None, Some(1), Some(2), Some(3), Some(8), Some(i32::MIN), Some(i32::MAX)]).collect::<Int32Array>(),
        )
    }),
    ("m", "clear", || Arc::new(all(&[Some(2), Some(6), None, Some(4), Some(3)]).collect::<Int64Array>())),
    ("big", "clear", || Arc::new(all(BIG).collect::<Int64Array>())),
    ("text", "clear", || Arc::new(all(TEXTS).collect::<StringArray>())),
    ("other", "clear", || Arc::new(all(OTHERS).collect::<StringArray>())),
    ("flag", "clear", || Arc::new(all(&[Some(true), Some(false), None]).collect::<BooleanArray>())),
    ("good", "clear", || {
        Arc::new(
            all(&[Some(true), None, Some(true), Some(true), Some(false), Some(false), None]).collect::<BooleanArray>(),
        )
    }),
    ("day", "clear", || days()),
    ("price", "clear", || {
        let cents =
            all(&[None, Some(0), Some(999_999_999_999), Some(-1), Some(15_500), Some(1_950), Some(-999_999_999_999)]);
        Arc::new(cents.collect::<Decimal128Array>().with_precision_and_scale(12, 2).expect("they fit"))
    }),
    ("at", "clear", || Arc::new(times())),
    ("since", "clear", || Arc::new(times().with_timezone("UTC"))),
    ("as_last4", "last4", || Arc::new(all(MAILS).collect::<StringArray>())),
    ("as_domain", "email_domain", || Arc::new(all(MAILS).collect::<StringArray>())),
    ("as_stars", "redact", || Arc::new(all(MAILS).collect::<StringArray>())),
    ("as_zero", "redact", || Arc::new(all(BIG).collect::<Int64Array>())),
    ("as_first_day", "redact", || Arc::new(times())),
    ("as_year_of_time", "year", || Arc::new(times())),
    ("as_month_since", "month", || Arc::new(times().with_timezone("UTC"))),
    ("as_year", "year", || days()),
    ("as_month", "month", || days()),
    ("as_nothing", "null", || Arc::new(all(TEXTS).collect::<StringArray>())),
    ("as_round", "round_100", || doubles(PLACES)),
    ("as_1km", "geo_1km", || doubles(PLACES)),
    ("as_10km", "geo_10km", || doubles(PLACES)),
];

const X: &[Option<f64>] = &[
    None,
    Some(f64::NAN),
    Some(f64::INFINITY),
    Some(f64::NEG_INFINITY),
    Some(-0.0),
    Some(0.0),
    Some(1.0),
    Some(-1.5),
    Some(0.1),
    Some(f64::MAX),
    Some(5e-324),
    Some(3.0),
    Some(-99.5),
];
const Y: &[Option<f64>] = &[
    None,
    Some(f64::NAN),
    Some(f64::INFINITY),
    Some(f64::NEG_INFINITY),
    Some(-0.0),
    Some(0.0),
    Some(2.0),
    Some(f64::MIN),
    Some(3.0),
    Some(0.1),
    Some(7.0),
];
const PLACES: &[Option<f64>] = &[
    None,
    Some(f64::NAN),
    Some(f64::INFINITY),
    Some(f64::NEG_INFINITY),
    Some(-0.0),
    Some(0.0),
    Some(52.379_189),
    Some(-0.004),
    Some(1e307),
    Some(-99.5),
    Some(250.0),
    Some(0.29),
];
const BIG: &[Option<i64>] = &[
    None,
    Some(3),
    Some(2),
    Some(8),
    Some(0),
    Some(-1),
    Some(i64::MIN),
    Some(i64::MAX),
    Some(9_007_199_254_740_993),
    Some(-9_007_199_254_740_993),
    Some(41),
    Some(42),
    Some(21),
    Some(1),
];
const TEXTS: &[Option<&str>] = &[
    Some("America"),
    Some("Asia"),
    Some("Africa"),
    Some("Europe"),
    Some("Australia"),
    Some("Antarctica"),
    Some("Paul"),
    Some("John"),
    Some("Ringo"),
    Some("AMERICA"),
    Some("EUROPE"),
    Some(""),
    None,
    Some("South_America"),
    Some("\u{fc}n\u{ef}\u{1f6b2}e"),
    Some("u\u{308}n"),
    Some("\u{65e5}\u{672c}"),
    Some("a  "),
    Some("100%"),
];
const OTHERS: &[Option<&str>] =
    &[Some("Paul"), Some("Ringo"), None, Some(""), Some("Europe"), Some("a"), Some("\u{ffff}"), Some("\u{1f6b2}")];

const MAILS: &[Option<&str>] = &[
    Some("a.petrov@example.com"),
    None,
    Some(""),
    Some("1234"),
    Some("12345"),
    Some("no address"),
    Some("\"a@b\"@example.org"),
    Some("nobody@"),
    Some("@example.com"),
    Some("j\u{fc}rgen@m\u{fc}ller.example"),
    Some("a\u{1f6b2}\u{1f6b2}\u{1f6b2}\u{1f6b2}"),
    Some("e\u{301}bcd"),
    Some("@"),
];

/// Times of whole milliseconds, which both servers hold.
fn times() -> TimestampMicrosecondArray {
    const TIMES: &[Option<&str>] = &[
        None,
        Some("2001-08-22T03:04:05.321"),
        Some("1969-12-31T23:59:59.999"),
        Some("1970-01-01T00:00:00"),
        Some("1600-02-29T12:30:00.001"),
        Some("0001-01-01T00:00:00"),
        Some("9999-12-31T23:59:59.999"),
        Some("2024-12-30T00:00:00"),
        Some("2023-01-01T01:00:00"),
        Some("1965-06-07T08:09:10"),
        Some("2020-12-31T18:45:30.5"),
    ];
    let micros = |text: &str| text.parse::<NaiveDateTime>().expect("a time").and_utc().timestamp_micros();
    all(TIMES).map(|known| known.map(micros)).collect()
}

fn days() -> ArrayRef {
    const DAYS: &[Option<(i32, u32, u32)>] = &[
        None,
        Some((2001, 8, 22)),
        Some((2022, 10, 20)),
        Some((1, 1, 1)),
        Some((9999, 12, 31)),
        Some((1969, 12, 31)),
        Some((2024, 2, 29)),
        Some((1582, 10, 10)),
        Some((1582, 10, 4)),
        Some((2000, 1, 1)),
        Some((1900, 2, 28)),
    ];
    let day = |day: (i32, u32, u32)| NaiveDate::from_ymd_opt(day.0, day.1, day.2).expect("a day").to_epoch_days();
    Arc::new(all(DAYS).map(|known| known.map(day)).collect::<Date32Array>())
}

fn all<T: Copy>(values: &'static [Option<T>]) -> impl Iterator<Item = Option<T>> {
    values.iter().copied().cycle().take(ROWS)
}

fn doubles(values: &'static [Option<f64>]) -> ArrayRef {
    Arc::new(all(values).collect::<Float64Array>())
}

/// All of them.
pub(super) fn table() -> RecordBatch {
    RecordBatch::try_from_iter(COLUMNS.iter().map(|(name, _, make)| (*name, make()))).expect("columns of one length")
}
