"""What the policy of samples/flights lets each person see, written a second time for DuckDB: the view that the gateway's answers
must equal. Nothing here reads the policy; tokens, rounding and row rules are made from the manual alone."""

import hashlib
import hmac
from pathlib import Path

import duckdb
import pyarrow as pa

SECRET, KEY_ID = b"the key of the flights test, 32 bytes and more", b"k1"
TABLES = ["airlines", "airports", "flights", "planes", "weather"]
SCHEDULE = ["day", "dep_time", "sched_dep_time", "arr_time", "sched_arr_time", "flight", "hour", "minute", "time_hour"]
# Every value that somebody sees a token of.
TEXTS = "SELECT DISTINCT tailnum FROM {0} WHERE tailnum IS NOT NULL UNION SELECT tailnum FROM {1} UNION SELECT model FROM {1}"
NUMBERS = "SELECT year FROM {1} WHERE year IS NOT NULL UNION SELECT seats FROM {1}"
ERASED = ["N14228", "N3ALAA"]


def raw(folder: Path) -> duckdb.DuckDBPyConnection:
    """The files as they are."""
    return connection(folder, {table: f"SELECT * FROM {source(folder, table)}" for table in TABLES})


def view(folder: Path, name: str, purpose: str) -> duckdb.DuckDBPyConnection:
    """What somebody sees for a purpose; a column or table that is withheld is not there."""
    database = duckdb.connect()
    columns = {table: columns_of(database, folder, table) for table in TABLES}
    del columns["planes"]["speed"]
    rows = {table: "true" for table in TABLES}
    forgotten = ", ".join(f"'{tail}'" for tail in ERASED)
    rows["flights"] = rows["planes"] = f"(tailnum IS NULL OR tailnum NOT IN ({forgotten}))"

    def treat(treatment: str, **treated: list):
        for table, names in treated.items():
            for column in names:
                columns[table][column] = treatment.format(column)

    def withhold(**withheld: list):
        for table, names in withheld.items():
            for column in names:
                del columns[table][column]

    token, number_token = "text_token({})", "number_token({})"
    match name, purpose:
        case "ann", "punctuality":
            treat(token, flights=["tailnum"], planes=["tailnum"])
        case "ann", "fleet":
            treat(token, flights=["tailnum"], planes=["tailnum", "model"])
            treat(number_token, planes=["year", "seats"])
            withhold(flights=SCHEDULE)
        case "max", "maintenance":
            pass
        case "mia", "maintenance":
            treat(token, flights=["tailnum"], planes=["tailnum"])
        case ("jo" | "lee"), "planning":
            airports = {"jo": "'JFK'", "lee": "'JFK', 'LGA'"}[name]
            rows["flights"] += f" AND origin IN ({airports})"
            rows["weather"] = f"origin IN ({airports})"
            treat("CAST(NULL AS VARCHAR)", flights=["tailnum"], planes=["tailnum", "model"])
            treat("CAST(floor({} / 100.0) * 100 AS BIGINT)", planes=["year", "seats"])
        case "pat", "publication":
            rows["flights"] += " AND dep_time IS NOT NULL AND arr_time IS NOT NULL"
            treat("date_trunc('month', {})", flights=["time_hour"])
            withhold(flights=["tailnum", *(column for column in SCHEDULE if column != "time_hour")])
            del columns["planes"], columns["weather"]
        case _:
            raise ValueError((name, purpose))
    select = {}
    for table, shown in columns.items():
        expressions = ", ".join(f'{expression} AS "{column}"' for column, expression in shown.items())
        select[table] = f"SELECT {expressions} FROM {source(folder, table)} WHERE {rows[table]}"
    return connection(folder, select, purpose)


def source(folder: Path, table: str) -> str:
    return f"read_csv('{folder / table}.csv', header = true, nullstr = 'NA')"


def columns_of(database: duckdb.DuckDBPyConnection, folder: Path, table: str) -> dict:
    names = database.execute(f"SELECT * FROM {source(folder, table)} LIMIT 0").description
    return {column[0]: column[0] for column in names}


def connection(folder: Path, select: dict, purpose="none") -> duckdb.DuckDBPyConnection:
    """A database with the tables under the names that they have in the gateway."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("ATTACH ':memory:' AS nyc")
    for kind, values, token in [("text", TEXTS, text_token), ("number", NUMBERS, number_token)]:
        found = [row[0] for row in database.execute(values.format(*(source(folder, table) for table in ["flights", "planes"]))).fetchall()]
        tokens = pa.table({"v": found, "t": [token(value, purpose) for value in found]})
        database.execute(f"CREATE TABLE {kind}_tokens AS SELECT * FROM tokens")
        database.execute(f"CREATE MACRO {kind}_token(value) AS (SELECT t FROM {kind}_tokens WHERE v = value)")
    for table, query in select.items():
        database.execute(f"CREATE TABLE nyc.main.{table} AS {query}")
    return database


def code(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def purpose_key(purpose: str) -> bytes:
    return code(SECRET, b"lockgate purpose key 1" + len(KEY_ID).to_bytes(8, "big") + KEY_ID + purpose.encode())


def text_token(text: str, purpose: str) -> str:
    return code(purpose_key(purpose), text.encode())[:16].hex()


def number_token(number: int, purpose: str) -> int:
    return int.from_bytes(code(purpose_key(purpose), number.to_bytes(8, "big", signed=True))[:8], "big", signed=True)
