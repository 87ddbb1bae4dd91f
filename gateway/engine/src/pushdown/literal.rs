//! A value as a literal of a source's SQL, of exactly its type.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta};
use datafusion::common::ScalarValue;
use lockgate_contract::{LiteralKind, SqlDialect};

/// The literal; `None` when the dialect cannot write this value, or the value is null.
pub(crate) fn literal(value: &ScalarValue, dialect: &SqlDialect) -> Option<String> {
    let (kind, text) = match value {
        ScalarValue::Boolean(Some(value)) => (LiteralKind::Boolean, value.to_string()),
        ScalarValue::Int8(Some(value)) => (LiteralKind::Int8, value.to_string()),
        ScalarValue::Int16(Some(value)) => (LiteralKind::Int16, value.to_string()),
        ScalarValue::Int32(Some(value)) => (LiteralKind::Int32, value.to_string()),
        ScalarValue::Int64(Some(value)) => (LiteralKind::Int64, value.to_string()),
        // Exponents: plain digits of a large number are read as another type. The shortest text means this one value.
        ScalarValue::Float32(Some(value)) if value.is_finite() => (LiteralKind::Float32, format!("{value:E}")),
        ScalarValue::Float64(Some(value)) if value.is_finite() => (LiteralKind::Float64, format!("{value:E}")),
        ScalarValue::Decimal128(Some(value), precision, scale) => {
            let text = decimal(*value, u32::try_from(*scale).ok()?);
            let template = dialect.literal(LiteralKind::Decimal)?;
            let typed = template.replace("{precision}", &precision.to_string()).replace("{scale}", &scale.to_string());
            return Some(typed.replace("{}", &text));
        }
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            if text.contains('\0') {
                return None;
            }
            (LiteralKind::Text, text.replace('\'', "''"))
        }
        ScalarValue::Binary(Some(bytes)) => (LiteralKind::Binary, hexadecimal(bytes)?),
        ScalarValue::Date32(Some(days)) => {
            let day = DateTime::UNIX_EPOCH.naive_utc().checked_add_signed(TimeDelta::try_days(i64::from(*days))?)?;
            (LiteralKind::Date, usual(day)?.format("%Y-%m-%d").to_string())
        }
        ScalarValue::TimestampSecond(Some(value), zone) => time(*value, 1, zone.is_some(), dialect)?,
        ScalarValue::TimestampMillisecond(Some(value), zone) => time(*value, 1_000, zone.is_some(), dialect)?,
        ScalarValue::TimestampMicrosecond(Some(value), zone) => time(*value, 1_000_000, zone.is_some(), dialect)?,
        ScalarValue::TimestampNanosecond(Some(value), zone) => time(*value, 1_000_000_000, zone.is_some(), dialect)?,
        _ => return None,
    };
    Some(dialect.literal(kind)?.replace("{}", &text))
}

fn decimal(value: i128, scale: u32) -> String {
    let digits = value.unsigned_abs().to_string();
    let width = usize::try_from(scale).unwrap_or(0);
    let padded = format!("{digits:0>least$}", least = width.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(width));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{whole}{point}{fraction}", if value < 0 { "-" } else { "" })
}

fn hexadecimal(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len().checked_mul(2)?);
    for byte in bytes {
        write!(text, "{byte:02X}").ok()?;
    }
    Some(text)
}

/// The time if its year is one that all dialects write alike.
fn usual(time: NaiveDateTime) -> Option<NaiveDateTime> {
    (1..=9_999).contains(&time.year()).then_some(time)
}

fn time(value: i64, units: i64, is_instant: bool, dialect: &SqlDialect) -> Option<(LiteralKind, String)> {
    let nanoseconds = value.rem_euclid(units).checked_mul(1_000_000_000_i64.checked_div(units)?)?;
    let seconds = DateTime::from_timestamp(value.div_euclid(units), u32::try_from(nanoseconds).ok()?)?.naive_utc();
    let mut text = usual(seconds)?.format("%Y-%m-%d %H:%M:%S").to_string();
    let digits = format!("{nanoseconds:09}");
    let fraction = digits.trim_end_matches('0');
    if fraction.len() > dialect.second_digits {
        return None;
    }
    if !fraction.is_empty() {
        write!(text, ".{fraction}").ok()?;
    }
    Some((if is_instant { LiteralKind::Instant } else { LiteralKind::Timestamp }, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: SqlDialect = SqlDialect {
        literals: &[
            (LiteralKind::Int64, "BIGINT '{}'"),
            (LiteralKind::Float64, "DOUBLE '{}'"),
            (LiteralKind::Decimal, "CAST('{}' AS DECIMAL({precision}, {scale}))"),
            (LiteralKind::Text, "'{}'"),
            (LiteralKind::Binary, "X'{}'"),
            (LiteralKind::Date, "DATE '{}'"),
            (LiteralKind::Timestamp, "TIMESTAMP '{}'"),
            (LiteralKind::Instant, "TIMESTAMP '{} UTC'"),
        ],
        ..crate::pushdown::tests::DIALECT
    };

    #[test]
    fn literals_are_of_exactly_their_type_or_not_written() {
        let utc = || Some("UTC".into());
        let cases: Vec<(ScalarValue, Option<&str>)> = vec![
            (ScalarValue::Int64(Some(-5)), Some("BIGINT '-5'")),
            (ScalarValue::Int64(None), None),
            (ScalarValue::Int32(Some(5)), None),
            (ScalarValue::Float64(Some(1.5)), Some("DOUBLE '1.5E0'")),
            (ScalarValue::Float64(Some(1e300)), Some("DOUBLE '1E300'")),
            (ScalarValue::Float64(Some(f64::NAN)), None),
            (ScalarValue::Float64(Some(f64::INFINITY)), None),
            (ScalarValue::Decimal128(Some(-5), 10, 2), Some("CAST('-0.05' AS DECIMAL(10, 2))")),
            (ScalarValue::Decimal128(Some(12_345), 10, 2), Some("CAST('123.45' AS DECIMAL(10, 2))")),
            (ScalarValue::Decimal128(Some(7), 10, 0), Some("CAST('7' AS DECIMAL(10, 0))")),
            (ScalarValue::Decimal128(Some(7), 10, -2), None),
            (ScalarValue::from("it's {} here"), Some("'it''s {} here'")),
            (ScalarValue::from("a\0b"), None),
            (ScalarValue::Binary(Some(vec![0, 255])), Some("X'00FF'")),
            (ScalarValue::Date32(Some(19_782)), Some("DATE '2024-02-29'")),
            (ScalarValue::Date32(Some(i32::MAX)), None),
            (ScalarValue::Date32(Some(-719_528)), None),
            (ScalarValue::TimestampMicrosecond(Some(-1_000), None), Some("TIMESTAMP '1969-12-31 23:59:59.999'")),
            (ScalarValue::TimestampMicrosecond(Some(1), None), None),
            (ScalarValue::TimestampSecond(Some(0), utc()), Some("TIMESTAMP '1970-01-01 00:00:00 UTC'")),
            (ScalarValue::TimestampNanosecond(Some(1_500_000_000), None), Some("TIMESTAMP '1970-01-01 00:00:01.5'")),
        ];
        for (value, expected) in cases {
            assert_eq!(literal(&value, &DIALECT).as_deref(), expected, "{value:?}");
        }
    }
}
