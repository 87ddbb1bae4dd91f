use super::*;

fn check(text: &str, expected: &str) {
    let data_type = SqlType::parse(text).arrow().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(data_type.to_string(), expected, "{text}");
}

#[test]
fn both_servers_ways_to_write_a_type_are_read() {
    for (presto, trino, arrow) in [
        ("decimal(20,4)", "decimal(20, 4)", "Decimal128(20, 4)"),
        ("INTERVAL DAY TO SECOND", "interval day to second", "Duration(ms)"),
        ("interval year to month", "interval year to month", "Interval(YearMonth)"),
        ("timestamp", "timestamp(3)", "Timestamp(µs)"),
        ("timestamp with time zone", "timestamp(3) with time zone", "Timestamp(µs, \"UTC\")"),
        ("time", "time(3)", "Time64(µs)"),
        ("varchar", "varchar(25)", "Utf8"),
        ("array(bigint)", "array(bigint)", "List(Int64)"),
    ] {
        check(presto, arrow);
        check(trino, arrow);
    }
    check("timestamp(9)", "Timestamp(ns)");
    check("time(7)", "Time64(ns)");
}

#[test]
fn fields_of_rows_are_named_quoted_or_not_at_all() {
    let fields = |text: &str| match SqlType::parse(text) {
        SqlType::Row(fields) => fields.into_iter().map(|(name, _)| name.unwrap_or_default()).collect::<Vec<_>>(),
        other => panic!("{text} is {other:?}"),
    };
    assert_eq!(fields("row(a bigint, \"B \"\"c\" varchar(3))"), ["a", "B \"c"]);
    assert_eq!(fields("row(bigint, timestamp(3) with time zone, interval day to second)"), ["", "", ""]);
    assert_eq!(
        fields("row(timestamp timestamp with time zone, row row(x double), time with time zone)")[..2],
        ["timestamp", "row"]
    );
    assert_eq!(fields("row(\"timestamp\" with_ bigint)".replace("with_ ", "").as_str()), ["timestamp"]);
    check("row(bigint,varchar)", "Struct(\"field0\": Int64, \"field1\": Utf8)");
}

#[test]
fn what_has_no_exact_arrow_type_is_refused_by_name() {
    for (text, named) in [
        ("time(3) with time zone", "time(3) with time zone"),
        ("timestamp(12)", "timestamp(12)"),
        ("time(10)", "time(10)"),
        ("HyperLogLog", "HyperLogLog"),
        ("array(qdigest(bigint))", "array(qdigest(bigint))"),
        ("map(array(bigint), varchar)", "map(array(bigint), varchar)"),
        ("map(varbinary, bigint)", "map(varbinary, bigint)"),
        ("row(a bigint, a varchar)", "row(\"a\" bigint, \"a\" varchar)"),
        ("decimal(39, 0)", "decimal(39, 0)"),
        ("bigint)", "bigint)"),
        ("array(bigint", "array(bigint"),
        ("", ""),
    ] {
        assert_eq!(SqlType::parse(text).arrow(), Err(NoArrowType(named.to_owned())), "{text}");
    }
}

#[test]
fn a_type_is_read_back_as_it_is_written() {
    for text in [
        "map(varchar, array(row(\"a\" decimal(10, 2), \"b c\" timestamp(6) with time zone)))",
        "char(3)",
        "row(bigint, \"x\" interval year to month)",
    ] {
        assert_eq!(SqlType::parse(text).to_string(), text);
        assert_eq!(SqlType::parse(&text.to_uppercase()).to_string().to_lowercase(), text);
    }
}
