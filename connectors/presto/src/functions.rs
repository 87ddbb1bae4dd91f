//! Functions that both servers compute as the gateway does.
//!
//! Left out on purpose: `upper` and `lower`, which take `ß` for two letters in the gateway alone; `trim`, which takes away
//! other characters; roots, which fail in the gateway for numbers below zero; logarithms, powers and angles, whose last digits differ; whole numbers' arithmetic, which overflows in
//! another way.

use lockgate_contract::LiteralKind::{Date, Float64, Instant, Int32, Text, Timestamp};
use lockgate_contract::SqlArgument::{Value, Whole, Word};
use lockgate_contract::{LiteralKind, SqlArgument, SqlFunction};

/// From 2^52 on every number is whole, and the servers' own `round` takes it for one of 64 bits; of zero it loses the sign.
const ROUND: &str =
    "(CASE WHEN {0} = DOUBLE '0' OR abs({0}) >= DOUBLE '4503599627370496' THEN {0} ELSE round({0}) END)";
const ROUND_TO: &str = "(CASE WHEN {0} * DOUBLE '1E{1}' = DOUBLE '0' OR abs({0} * DOUBLE '1E{1}') >= DOUBLE '4503599627370496' \
                        THEN {0} * DOUBLE '1E{1}' ELSE round({0} * DOUBLE '1E{1}') END / DOUBLE '1E{1}')";

/// All of them.
pub(crate) const FUNCTIONS: &[SqlFunction] = &[
    function("abs", &[Value(Float64)], Float64, "abs({0})"),
    function("ceil", &[Value(Float64)], Float64, "ceil({0})"),
    function("floor", &[Value(Float64)], Float64, "floor({0})"),
    function("round", &[Value(Float64)], Float64, ROUND),
    function("round", &[Value(Float64), Whole(0, 15)], Float64, ROUND_TO),
    function("character_length", &[Value(Text)], Int32, "CAST(length({0}) AS integer)"),
    function("strpos", &[Value(Text), Value(Text)], Int32, "CAST(strpos({0}, {1}) AS integer)"),
    function("substr", &[Value(Text), Whole(1, i64::MAX)], Text, "substr({0}, {1})"),
    function("substr", &[Value(Text), Whole(1, i64::MAX), Whole(0, i64::MAX)], Text, "substr({0}, {1}, {2})"),
    function("date_part", &[Word("year"), Value(Date)], Int32, "CAST(year({1}) AS integer)"),
    function("date_part", &[Word("quarter"), Value(Date)], Int32, "CAST(quarter({1}) AS integer)"),
    function("date_part", &[Word("month"), Value(Date)], Int32, "CAST(month({1}) AS integer)"),
    function("date_part", &[Word("week"), Value(Date)], Int32, "CAST(week({1}) AS integer)"),
    function("date_part", &[Word("day"), Value(Date)], Int32, "CAST(day({1}) AS integer)"),
    function("date_part", &[Word("dow"), Value(Date)], Int32, "CAST(day_of_week({1}) % 7 AS integer)"),
    function("date_part", &[Word("doy"), Value(Date)], Int32, "CAST(day_of_year({1}) AS integer)"),
    function("date_part", &[Word("year"), Value(Timestamp)], Int32, "CAST(year({1}) AS integer)"),
    function("date_part", &[Word("quarter"), Value(Timestamp)], Int32, "CAST(quarter({1}) AS integer)"),
    function("date_part", &[Word("month"), Value(Timestamp)], Int32, "CAST(month({1}) AS integer)"),
    function("date_part", &[Word("week"), Value(Timestamp)], Int32, "CAST(week({1}) AS integer)"),
    function("date_part", &[Word("day"), Value(Timestamp)], Int32, "CAST(day({1}) AS integer)"),
    function("date_part", &[Word("dow"), Value(Timestamp)], Int32, "CAST(day_of_week({1}) % 7 AS integer)"),
    function("date_part", &[Word("doy"), Value(Timestamp)], Int32, "CAST(day_of_year({1}) AS integer)"),
    function("date_part", &[Word("hour"), Value(Timestamp)], Int32, "CAST(hour({1}) AS integer)"),
    function("date_part", &[Word("minute"), Value(Timestamp)], Int32, "CAST(minute({1}) AS integer)"),
    function("date_part", &[Word("second"), Value(Timestamp)], Int32, "CAST(second({1}) AS integer)"),
    function("date_trunc", &[Word("year"), Value(Timestamp)], Timestamp, "date_trunc('year', {1})"),
    function("date_trunc", &[Word("quarter"), Value(Timestamp)], Timestamp, "date_trunc('quarter', {1})"),
    function("date_trunc", &[Word("month"), Value(Timestamp)], Timestamp, "date_trunc('month', {1})"),
    function("date_trunc", &[Word("week"), Value(Timestamp)], Timestamp, "date_trunc('week', {1})"),
    function("date_trunc", &[Word("day"), Value(Timestamp)], Timestamp, "date_trunc('day', {1})"),
    function("date_trunc", &[Word("hour"), Value(Timestamp)], Timestamp, "date_trunc('hour', {1})"),
    function("date_trunc", &[Word("minute"), Value(Timestamp)], Timestamp, "date_trunc('minute', {1})"),
    function("date_trunc", &[Word("second"), Value(Timestamp)], Timestamp, "date_trunc('second', {1})"),
    function("date_trunc", &[Word("year"), Value(Instant)], Instant, "date_trunc('year', {1})"),
    function("date_trunc", &[Word("quarter"), Value(Instant)], Instant, "date_trunc('quarter', {1})"),
    function("date_trunc", &[Word("month"), Value(Instant)], Instant, "date_trunc('month', {1})"),
    function("date_trunc", &[Word("week"), Value(Instant)], Instant, "date_trunc('week', {1})"),
    function("date_trunc", &[Word("day"), Value(Instant)], Instant, "date_trunc('day', {1})"),
    function("date_trunc", &[Word("hour"), Value(Instant)], Instant, "date_trunc('hour', {1})"),
    function("date_trunc", &[Word("minute"), Value(Instant)], Instant, "date_trunc('minute', {1})"),
];

const fn function(
    name: &'static str,
    arguments: &'static [SqlArgument],
    gives: LiteralKind,
    sql: &'static str,
) -> SqlFunction {
    SqlFunction { name, arguments, gives, sql }
}
