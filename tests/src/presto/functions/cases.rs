//! The cases. An expression is asked for every row; a whole query stands for itself.

/// One case.
pub(super) struct Case {
    /// What it tries, by the names that the writers of a server's SQL have for it.
    pub(super) tries: &'static [&'static str],
    /// An expression over the table's columns, or a query of table `v`.
    pub(super) sql: &'static str,
    /// A part of what the server is sent for it.
    pub(super) sends: &'static str,
}

const fn case(tries: &'static [&'static str], sql: &'static str, sends: &'static str) -> Case {
    Case { tries, sql, sends }
}

pub(super) const CASES: &[Case] = &[
    // Comparisons.
    case(&["Eq"], "big = 3", "= BIGINT '3'"),
    case(&["Eq"], "text = other", " = t0."),
    case(&["Eq"], "x = y", "is_nan"),
    case(&["Eq"], "day = DATE '2001-08-22'", "= DATE '2001-08-22'"),
    case(&["Eq"], "price = 155.00", "= CAST('155.00' AS DECIMAL(12, 2))"),
    case(
        &["Eq", "And"],
        "SELECT count(*) AS c, max(id) AS m FROM v WHERE text = 'Paul' AND big = 2 OR x = 1 OR y > x",
        "count(*)",
    ),
    case(&["NotEq"], "big <> 42", "<> BIGINT '42'"),
    case(&["NotEq"], "x <> y", "is_nan"),
    case(&["NotEq"], "text <> ''", "<> ''"),
    case(&["Lt"], "big < 21", "< BIGINT '21'"),
    case(&["Lt"], "x < y", "is_nan"),
    case(&["Lt"], "text < other", "< "),
    case(&["LtEq"], "big <= -1", "<= BIGINT '-1'"),
    case(&["LtEq"], "x <= y", "is_nan"),
    case(&["Gt"], "big > 9007199254740992", "> BIGINT '9007199254740992'"),
    case(&["Gt"], "x > y", "is_nan"),
    case(&["Gt"], "text > 'Z'", "> 'Z'"),
    case(&["GtEq"], "big >= 42", ">= BIGINT '42'"),
    case(&["GtEq"], "x >= 0.1", "is_nan"),
    case(&["GtEq"], "flag >= good", " <= t0."),
    // Ranges, the documentation's nulls included.
    case(&["Between"], "big BETWEEN 2 AND 6", "BIGINT '6'"),
    case(&["Between"], "big NOT BETWEEN 2 AND 6", "BIGINT '6'"),
    case(&["Between"], "big BETWEEN m AND 6", "BIGINT '6'"),
    case(&["Between"], "big BETWEEN 3 AND m", "BIGINT '3'"),
    case(&["Between"], "text BETWEEN 'John' AND 'Ringo'", "'Ringo'"),
    case(&["Between"], "x BETWEEN y AND 3", "is_nan"),
    // Lists.
    case(&["InList"], "text IN ('Asia', 'Africa', 'nowhere', 'EUROPE')", "IN ('Asia'"),
    case(&["InList"], "text NOT IN ('AMERICA', 'EUROPE', 'Asia', '')", "NOT IN ("),
    case(&["InList"], "big IN (1, 2, 3, -9223372036854775808, 9223372036854775807)", "IN ("),
    case(
        &["InList"],
        "day IN (DATE '2001-08-22', DATE '0001-01-01', DATE '9999-12-31', DATE '1582-10-10')",
        "IN (DATE ",
    ),
    // Patterns.
    case(&["Like"], "text LIKE 'E%'", "LIKE 'E%'"),
    case(&["Like"], "text NOT LIKE 'E%'", "NOT LIKE 'E%'"),
    case(&["Like"], "text LIKE 'A__a'", "LIKE 'A__a'"),
    case(&["Like"], "text LIKE 'A__A'", "LIKE 'A__A'"),
    case(&["Like"], "text LIKE '%a'", "LIKE '%a'"),
    case(&["Like"], "text LIKE '___\u{1f6b2}_'", "LIKE '___"),
    case(&["Like"], "text LIKE '__'", "LIKE '__'"),
    case(&["Like"], "text LIKE '%_America'", "LIKE '%_America'"),
    case(&["Like"], "text LIKE '%.*%'", "LIKE '%.*%'"),
    // Truth.
    case(&["And"], "flag AND good", " AND "),
    case(&["Not"], "NOT (x < y)", "is_nan"),
    case(&["Not"], "NOT (x <= y)", "is_nan"),
    case(&["Not"], "NOT (x <> y)", "is_nan"),
    case(&["Not"], "NOT (x > 1 OR y >= 0.1)", "is_nan"),
    case(&["Or"], "flag OR good", " OR "),
    case(&["Not"], "NOT flag", "(NOT "),
    case(&["IsNull"], "text IS NULL", "IS NULL"),
    case(&["IsNull"], "(x = y) IS NULL", "IS NULL"),
    case(&["IsNotNull"], "price IS NOT NULL", "IS NOT NULL"),
    // Choices.
    case(&["Case"], "CASE n WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END", "THEN 'two'"),
    case(&["Case"], "CASE WHEN n = 1 THEN 'aaa' WHEN m = 2 THEN 'bbb' ELSE 'ccc' END", "THEN 'bbb'"),
    case(&["Case"], "CASE WHEN flag THEN x WHEN good THEN y END", "CASE WHEN "),
    case(
        &["Case", "Not"],
        "CASE WHEN NOT (x > y) THEN 'most' WHEN x NOT BETWEEN -1 AND 3 THEN 'far' END",
        "THEN 'most'",
    ),
    case(&["coalesce"], "coalesce(text, other, 'none')", "IS NOT NULL"),
    case(&["coalesce"], "coalesce(x, y)", "IS NOT NULL"),
    case(&["coalesce"], "coalesce(day, DATE '2022-10-20')", "IS NOT NULL"),
    // Parts of days and of texts.
    case(&["date_part"], "date_part('year', day)", "year("),
    case(&["date_part"], "extract(month FROM day)", "month("),
    case(&["date_part"], "date_part('DAY', day)", "day("),
    case(&["substr"], "substr(text, 1)", "substr("),
    case(&["substr"], "substr(text, 3)", "substr("),
    case(&["substr"], "substr(text, 2, 3)", "substr("),
    case(&["substr"], "substr(text, 1, 0)", "substr("),
    case(&["substr"], "substring(text FROM 4 FOR 100)", "substr("),
    case(&["substr"], "substr(text, 100, 5)", "substr("),
    // Casts that cannot fail.
    case(&["Cast", "cast to smallint"], "CAST(tiny AS SMALLINT)", "AS smallint)"),
    case(&["Cast", "cast to integer"], "CAST(tiny AS INT)", "AS integer)"),
    case(&["Cast", "cast to integer"], "CAST(small AS INT)", "AS integer)"),
    case(&["Cast", "cast to bigint"], "CAST(n AS BIGINT)", "AS bigint)"),
    case(&["Cast", "cast to double"], "CAST(big AS DOUBLE)", "AS double)"),
    case(&["Cast", "cast to double"], "CAST(tiny AS DOUBLE)", "AS double)"),
    // Arithmetic.
    case(&["Plus"], "x + y", " + "),
    case(&["Plus"], "0.1 + x", " + "),
    case(&["Minus"], "x - y", " - "),
    case(&["Multiply"], "x * y", " * "),
    case(&["Divide"], "x / y", " / "),
    case(&["Divide"], "x / 3 * y - 0.1", " / "),
    // Aggregates.
    case(&["count"], "SELECT grp, count(*) AS c, count(text) AS t, count(x) AS x FROM v GROUP BY grp", "count(*)"),
    case(
        &["count"],
        "SELECT grp, count(DISTINCT text) AS t, count(DISTINCT big) AS b FROM v GROUP BY grp",
        "count(DISTINCT ",
    ),
    case(&["count"], "SELECT text, count(*) FILTER (WHERE x > 4) AS c FROM v GROUP BY text", "FILTER (WHERE "),
    case(&["count"], "SELECT count(*) AS c FROM v WHERE id < 0", "count(*)"),
    case(&["sum"], "SELECT grp, sum(big) AS b, sum(q) AS q, sum(price) AS p FROM v GROUP BY grp", "sum("),
    case(
        &["sum"],
        "SELECT sum(q) FILTER (WHERE flag) AS q, sum(big) FILTER (WHERE big > 100) AS b FROM v",
        "FILTER (WHERE ",
    ),
    case(&["sum"], "SELECT sum(x) AS x, sum(big) AS b, sum(price) AS p FROM v WHERE id < 0", "sum("),
    case(&["sum"], "SELECT text, sum(x) AS x FROM v WHERE x > 1e308 OR x < -1e308 GROUP BY text", "sum("),
    case(&["avg"], "SELECT grp, avg(q) AS a FROM v GROUP BY grp", "avg("),
    case(&["avg"], "SELECT avg(q) FILTER (WHERE NOT good) AS a, avg(q) FILTER (WHERE id < 0) AS n FROM v", "avg("),
    // In a group the gateway's own least and greatest hang on where a value that is not a number stands; there is none here.
    case(&["min", "max"], "SELECT grp, min(x) AS a, max(x) AS b FROM v WHERE x <= 1e308 GROUP BY grp", "max("),
    case(&["min", "max"], "SELECT text, min(y) AS a, max(y) AS b FROM v WHERE y <= 1e308 GROUP BY text", "max("),
    case(&["min", "max"], "SELECT min(x) AS a, max(x) AS b, min(y) AS c, max(y) AS d FROM v", "max("),
    case(&["min", "max"], "SELECT min(x) AS a, max(x) AS b FROM v WHERE NOT (x <= 1e308)", "max("),
    case(&["min", "max"], "SELECT min(text) AS a, max(text) AS b, min(other) AS c, max(other) AS d FROM v", "max("),
    case(
        &["min", "max"],
        "SELECT grp, min(day) AS a, max(day) AS b, min(price) AS c, max(big) AS d FROM v GROUP BY grp",
        "max(",
    ),
    case(&["min", "max"], "SELECT min(x) AS a, max(x) AS b FROM v WHERE x = 0", "max("),
    case(
        &["min"],
        "SELECT min(text) FILTER (WHERE flag) AS a, min(big) FILTER (WHERE id < 0) AS b FROM v",
        "FILTER (WHERE ",
    ),
    case(&["max"], "SELECT max(DISTINCT big) AS a FROM v", "max("),
    case(
        &["bool_and", "bool_or"],
        "SELECT grp, bool_and(flag) AS a, bool_or(flag) AS o FROM v GROUP BY grp",
        "bool_and(",
    ),
    case(&["bool_and"], "SELECT n, bool_and(good) FILTER (WHERE id > 20) AS a FROM v GROUP BY n", "bool_and("),
    case(
        &["bool_or"],
        "SELECT n, bool_or(x > y) AS o, bool_or(good) FILTER (WHERE id < 0) AS e FROM v GROUP BY n",
        "bool_or(",
    ),
    // Groups of everything that can be one.
    case(&["count"], "SELECT x, count(*) AS c FROM v GROUP BY x", "count(*)"),
    case(&["count"], "SELECT day, flag, price, tiny, count(*) AS c FROM v GROUP BY day, flag, price, tiny", "count(*)"),
    // Treatments.
    case(&["treatment year"], "SELECT as_year, count(*) AS c FROM v GROUP BY as_year", "date_trunc('year'"),
    case(&["treatment month"], "SELECT as_month, count(*) AS c FROM v GROUP BY as_month", "date_trunc('month'"),
    case(&["treatment null"], "SELECT as_nothing, count(*) AS c FROM v GROUP BY as_nothing", "CASE WHEN false"),
    case(&["treatment round_100"], "SELECT as_round, count(*) AS c FROM v GROUP BY as_round", "floor("),
    case(&["treatment geo_1km"], "SELECT as_1km, count(*) AS c FROM v GROUP BY as_1km", "DOUBLE '100'"),
    case(
        &["treatment geo_10km"],
        "SELECT as_10km, count(*) AS c, max(as_10km) AS m FROM v GROUP BY as_10km",
        "DOUBLE '10'",
    ),
];
