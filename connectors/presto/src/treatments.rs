//! Treatments without a key as both servers write them: of every value what the gateway makes of it, never an error.

use lockgate_contract::LiteralKind;
use lockgate_contract::LiteralKind::{
    Boolean, Date, Float32, Float64, Instant, Int8, Int16, Int32, Int64, Text, Timestamp,
};

/// All of them: the treatment, the kind of value (none for every kind), and what is made of the value `{}`.
pub(crate) const TREATMENTS: &[(&str, Option<LiteralKind>, &str)] = &[
    ("null", None, "CASE WHEN false THEN {} END"),
    ("year", Some(Date), "date_trunc('year', {})"),
    ("year", Some(Timestamp), "date_trunc('year', {})"),
    ("year", Some(Instant), "date_trunc('year', {})"),
    ("month", Some(Date), "date_trunc('month', {})"),
    ("month", Some(Timestamp), "date_trunc('month', {})"),
    ("month", Some(Instant), "date_trunc('month', {})"),
    ("round_100", Some(Float64), "floor({} / DOUBLE '100') * DOUBLE '100' + DOUBLE '0'"),
    ("geo_1km", Some(Float64), GEO_1KM),
    ("geo_10km", Some(Float64), GEO_10KM),
    ("last4", Some(Text), LAST4),
    ("email_domain", Some(Text), EMAIL_DOMAIN),
    ("redact", Some(Boolean), "false"),
    ("redact", Some(Int8), "TINYINT '0'"),
    ("redact", Some(Int16), "SMALLINT '0'"),
    ("redact", Some(Int32), "INTEGER '0'"),
    ("redact", Some(Int64), "BIGINT '0'"),
    ("redact", Some(Float32), "REAL '0'"),
    ("redact", Some(Float64), "DOUBLE '0'"),
    ("redact", Some(Text), "'***'"),
    ("redact", Some(Date), "DATE '1970-01-01'"),
    ("redact", Some(Timestamp), "TIMESTAMP '1970-01-01 00:00:00'"),
    ("redact", Some(Instant), "TIMESTAMP '1970-01-01 00:00:00 UTC'"),
];

const GEO_1KM: &str =
    "CASE WHEN is_finite({} * DOUBLE '100') THEN floor({} * DOUBLE '100') / DOUBLE '100' + DOUBLE '0' END";
const GEO_10KM: &str =
    "CASE WHEN is_finite({} * DOUBLE '10') THEN floor({} * DOUBLE '10') / DOUBLE '10' + DOUBLE '0' END";
const LAST4: &str = "CASE WHEN length({}) > 4 THEN rpad('', length({}) - 4, '*') || substr({}, -4) \
                     ELSE rpad('', length({}), '*') END";
/// Servers differ in how they find the last of several: from the end of the text it is the first.
const EMAIL_DOMAIN: &str = "'***' || CASE WHEN strpos({}, '@') > 0 THEN '@' || reverse(split_part(reverse({}), '@', 1)) \
                            WHEN {} IS NOT NULL THEN '' END";
