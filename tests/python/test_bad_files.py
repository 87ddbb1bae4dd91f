"""Files that a user's folder may hold, asked for over HTTP from a real gateway.

What cannot be read faithfully is an error: it names the file in the operator's log and only the source to the user, and a result that
has begun is cut off. What other systems write (byte order marks, CRLF, line breaks in quotes, gzip) is read as it is meant.
"""

import gzip
import io
import json
import re
import shutil
import socket
import time

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from conftest import token
from gateway import PATIENCE, ROOT, Refused, lockgate, serving

# In every cell that is damaged, so that it can be looked for where it must not be.
CANARY = "CANARY"
PURPOSE = "reading"
# More than client, kernel and gateway hold between them, so that the end is read after the beginning has left.
MANY = 150_000
ARROW = "application/vnd.apache.arrow.stream"
FORMS = [ARROW, "text/csv", "application/json", "application/x-ndjson", "application/vnd.apache.parquet"]


def rows(numbers) -> bytes:
    return b"".join(b"%d,name %060d\n" % (number, number) for number in numbers)


HEADER = b"id,name\n"
BIG = HEADER + rows(range(MANY))
SMALL = HEADER + rows(range(10))


def parquet(text: bytes) -> bytearray:
    table = pacsv.read_csv(io.BytesIO(text))
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=20_000, compression="none", use_dictionary=False, write_statistics=False)
    return bytearray(sink.getvalue())


def ndjson(numbers) -> bytes:
    return b"".join(b'{"id": %d, "name": "name %060d"}\n' % (number, number) for number in numbers)


def overwritten(data: bytearray, start: int, length: int) -> bytes:
    data[start : start + length] = b"\xff" * length
    return bytes(data)


def cut(data: bytes, length: int) -> bytes:
    return data[:-length]


def last_page(data: bytearray) -> bytes:
    """A page of texts near the end, overwritten; the footer is as it was."""
    return overwritten(data, len(data) * 93 // 100, 4000)


# Table: file and content, refused before the first row. Behind them what the log says besides the file.
REFUSED = {
    "row_too_short": ("csv", SMALL + b"CANARY\n", "line 12 has 1 fields"),
    "row_too_long": ("csv", SMALL + b"1,x,CANARY\n", "line 12 has 3 fields"),
    "latin1": ("csv", SMALL + "1,CANARY Müller\n".encode("latin-1"), "line 12 is not UTF-8; save the file as UTF-8"),
    "latin1_header": ("csv", "id,Straße\n1,x\n".encode("latin-1"), "the header is not UTF-8"),
    "utf16": ("csv", SMALL.decode().encode("utf-16"), "is UTF-16; save the file as UTF-8"),
    "no_bytes": ("csv", b"", "no column can be inferred"),
    "two_columns_of_one_name": ("csv", b"id,id\n1,2\n", "two columns are named `id`"),
    "not_gzip": ("csv.gz", SMALL, "gzip data is damaged"),
    "cut_gzip": ("csv.gz", cut(gzip.compress(SMALL), 5), "gzip data is damaged"),
    "no_json": ("ndjson", ndjson(range(10)) + b"{CANARY\n", "line 11 is no JSON object"),
    "json_array": ("json", b'[{"id": 1, "name": "CANARY"}]\n', "is a JSON array"),
    "cut_parquet": ("parquet", bytes(parquet(SMALL))[:-9], ""),
    "corrupt_footer": ("parquet", overwritten(parquet(SMALL), len(parquet(SMALL)) - 60, 40), ""),
    "no_parquet": ("parquet", SMALL, ""),
    "empty_parquet": ("parquet", b"", ""),
}
# Table: file and content, with rows that leave before the damage is met.
CUT_OFF = {
    "late_short_row": ("csv", BIG + b"CANARY\n", f"row {MANY + 1} behind the header has 1 fields, the table has 2 columns"),
    "late_long_row": ("csv", BIG + b"1,x,CANARY\n", f"row {MANY + 1} behind the header has "),
    "late_text": ("csv", BIG + b"CANARY,x\n" + rows(range(5)), f"row {MANY + 1} behind the header: column `id` holds a text that is no Int64"),
    "late_latin1": ("csv", BIG + "1,CANARY Müller\n".encode("latin-1"), f"line {MANY + 2} is not UTF-8"),
    "split_latin1": ("csv", BIG + b"1,CANARY \xc3\n\xa9,x\n", f"line {MANY + 2} is not UTF-8"),
    "late_cut_gzip": ("csv.gz", cut(gzip.compress(BIG, 1), 9), ""),
    "late_garbage": ("ndjson", ndjson(range(MANY)) + b"{CANARY\n", "hold no JSON objects"),
    "late_object": ("ndjson", ndjson(range(MANY)) + b'{"id": {"CANARY": 1}}\n', "hold no JSON objects"),
    "cut_ndjson": ("ndjson", cut(ndjson(range(MANY)), 9), "hold no JSON objects"),
    "corrupt_page": ("parquet", last_page(parquet(BIG)), ""),
}
# Table: file, content, and the rows that it holds.
READ = {
    "plain": ("csv", b"id,name\n1,a\n2,b\n", [(1, "a"), (2, "b")]),
    "mark": ("csv", b"\xef\xbb\xbfid,name\n1,a\n", [(1, "a")]),
    "mark_json": ("ndjson", b'\xef\xbb\xbf{"id": 1, "name": "a"}\n', [(1, "a")]),
    "crlf": ("csv", b"id,name\r\n1,a\r\n\r\n2,\r\n", [(1, "a"), (2, None)]),
    "no_last_line_end": ("csv", b"id,name\n1,a\n2,b", [(1, "a"), (2, "b")]),
    "quotes": ("csv", b'"id","name"\n1,"a ""b"", c"\n2,"two\nlines\r\n"\n3,""\n', [(1, 'a "b", c'), (2, "two\nlines\r\n"), (3, None)]),
    "header_only": ("csv", b"id,name\n", []),
    "empty_files_beside": ("csv", [b"", b"id,name\n1,a\n", b""], [(1, "a")]),
    "gzip": ("csv.gz", gzip.compress(b"id,name\n1,a\n"), [(1, "a")]),
    "gzip_in_two": ("csv.gz", gzip.compress(b"id,name\n1,a\n") + gzip.compress(b"2,b\n"), [(1, "a"), (2, "b")]),
    "tabs": ("tsv", b"id\tname\n1\ta,b\n", [(1, "a,b")]),
    "accents": ("csv", "id,name\n1,Müller 北 👩🚀\n".encode(), [(1, "Müller 北 👩🚀")]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A gateway's folder with every table of this file, all of whose columns the only user may see."""
    folder = tmp_path_factory.mktemp("bad-files")
    data = folder / "data"
    data.mkdir()
    tables = {name: (extension, content) for name, (extension, content, _) in (REFUSED | CUT_OFF | READ).items()}
    for name, (extension, content) in tables.items():
        if isinstance(content, list):
            # One folder is a schema; its folders are tables.
            parts = data / "main" / name
            parts.mkdir(parents=True)
            for number, part in enumerate(content):
                (parts / f"part-{number}.{extension}").write_bytes(part)
        else:
            (data / f"{name}.{extension}").write_bytes(content)
    for name in ["vanishing", "changing"]:
        parts = data / "main" / name
        parts.mkdir(parents=True)
        for number in range(4):
            (parts / f"part-{number}.csv").write_bytes(BIG)
    write_policy(folder / "policy", [*tables, "vanishing", "changing"])
    (folder / "lockgate.toml").write_text(
        '[server]\nhttp = "127.0.0.1:0"\nsite = "eu"\n[policy]\ndir = "policy"\n[users]\nfile = "users.toml"\n'
        '[keys]\nhash = { file = "hash.key" }\n[ledger]\ndir = "ledger"\n[limits]\nthreads = 1\n'
        '[sources.lake]\nconnector = "files"\nroot = "data"\n'
    )
    (folder / "hash.key").write_text("k" * 64)
    return folder


def write_policy(policy, tables):
    policy.mkdir()
    shutil.copy(ROOT / "samples/policy/model.conf", policy)
    (policy / "policy.csv").write_text(
        f"p, RE-01, role:reader, purpose:{PURPOSE}, tag:public, clear, always, allow\n"
        f"p, RE-02, role:reader, purpose:{PURPOSE}, tag:rows.any, rows:all, always, allow\n"
        "g, user:kim, role:reader\n"
    )
    entries = "".join(
        f"  lake.main.{name}: {{rows: rows.any, columns: {{id: [public], name: [public]}}}}\n" for name in tables
    )
    (policy / "classification.yaml").write_text(
        'version: test.1\ntreatments: {clear: {does: "as it is"}}\nrow_filters: {all: {tables: any, sql: "true"}}\n'
        f'conditions: [always]\npurposes: {{{PURPOSE}: {{ropa: T, basis: "6(1)(f)", owner: tests, retention_days: 1}}}}\n'
        f"tables:\n{entries}"
    )
    (policy / "policy_tests.yaml").write_text("[]\n")


@pytest.fixture(scope="module")
def kim(folder):
    return token(folder, "kim")


@pytest.fixture(scope="module")
def gateway(folder, kim):
    with serving(folder) as gateway:
        yield gateway


@pytest.mark.parametrize("name", READ)
def test_files_of_other_systems_are_read_as_they_are_meant(gateway, kim, name):
    found = gateway.table(f"SELECT id, name FROM lake.main.{name}", kim, PURPOSE)
    assert found.column_names == ["id", "name"]
    assert list(zip(*(column.to_pylist() for column in found.columns))) == READ[name][2]


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_before_the_first_row(gateway, kim, folder, name):
    extension, _, said = REFUSED[name]
    for sql in [f"SELECT * FROM lake.main.{name}", f"SELECT count(*) AS n FROM lake.main.{name}"]:
        with pytest.raises(Refused) as refused:
            gateway.table(sql, kim, PURPOSE)
        problem = refused.value.problem
        assert (refused.value.status, refused.value.code) == (502, "SOURCE_DATA"), problem
        assert_names_the_source_only(json.dumps(problem), folder, f"{name}.{extension}")
        assert_logged(gateway, problem["query_id"], "SOURCE_DATA", f"{name}.{extension}", said)
    assert_others_work(gateway, kim)


@pytest.mark.parametrize("name", REFUSED)
def test_an_operator_finds_the_file_before_anybody_asks(folder, name):
    extension, _, said = REFUSED[name]
    done = lockgate("source", "check", "--config", folder / "lockgate.toml")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if f"lake.main.{name}:" in line]
    assert f"{name}.{extension}" in line and said in line, line
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize("name", CUT_OFF)
@pytest.mark.parametrize("accept", FORMS)
def test_damage_in_mid_stream_cuts_the_result_off(gateway, kim, folder, name, accept):
    extension, _, said = CUT_OFF[name]
    head, body = exchange(gateway, kim, f"SELECT id, name FROM lake.main.{name}", accept)
    assert head.startswith("HTTP/1.1 200 OK"), head
    if "parquet" not in accept:
        # A row group leaves as a whole, and the damage may be in the first.
        assert len(body) > 1_000_000, "rows had left before the error"
    assert_cut_off(head, body)
    assert CANARY.encode() not in body
    query_id = re.search(r"(?i)^query-id: (\S+)", head, flags=re.MULTILINE)[1]
    assert_logged(gateway, query_id, "SOURCE_DATA", f"{name}.{extension}", said)
    assert_recorded(folder, query_id, "SOURCE_DATA")
    assert_others_work(gateway, kim)


@pytest.mark.parametrize("name", CUT_OFF)
def test_damage_that_is_met_before_the_first_row_is_a_problem_document(gateway, kim, folder, name):
    extension, _, said = CUT_OFF[name]
    with pytest.raises(Refused) as refused:
        gateway.table(f"SELECT count(name) AS n, max(id) AS m FROM lake.main.{name}", kim, PURPOSE)
    problem = refused.value.problem
    assert (refused.value.status, refused.value.code) == (502, "SOURCE_DATA"), problem
    assert_names_the_source_only(json.dumps(problem), folder, f"{name}.{extension}")
    assert_logged(gateway, problem["query_id"], "SOURCE_DATA", f"{name}.{extension}", said)


@pytest.mark.parametrize("name", ["late_text", "corrupt_page"])
def test_the_command_line_leaves_no_half_a_file(gateway, kim, tmp_path, name):
    output = tmp_path / "result.csv"
    done = lockgate(
        "query", "--url", gateway.url, "--token", kim, "--purpose", PURPOSE, "-o", output, f"SELECT id, name FROM lake.main.{name}"
    )
    assert done.returncode == 1
    assert "cut off" in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_vanishes_in_mid_query_cuts_the_result_off(gateway, kim, folder):
    def vanish():
        (folder / "data/main/vanishing/part-3.csv").unlink()

    assert_changed(gateway, kim, folder, "vanishing", vanish)
    # The next query finds three files.
    found = gateway.table("SELECT count(*) AS n FROM lake.main.vanishing", kim, PURPOSE)
    assert found.to_pylist() == [{"n": 3 * MANY}]


def test_a_file_that_changes_in_mid_query_cuts_the_result_off(gateway, kim, folder):
    def change():
        path = folder / "data/main/changing/part-3.csv"
        path.write_bytes(BIG.replace(b"name 0", b"CANARY"))

    assert_changed(gateway, kim, folder, "changing", change)


def assert_changed(gateway, kim, folder, table, change):
    head, body = exchange(gateway, kim, f"SELECT id, name FROM lake.main.{table}", "text/csv", after_first_bytes=change)
    assert head.startswith("HTTP/1.1 200 OK"), head
    assert_cut_off(head, body)
    assert CANARY.encode() not in body
    query_id = re.search(r"(?i)^query-id: (\S+)", head, flags=re.MULTILINE)[1]
    assert_logged(gateway, query_id, "SOURCE_CHANGED", f"{table}/part-3.csv", "")
    assert_recorded(folder, query_id, "SOURCE_CHANGED")
    assert_others_work(gateway, kim)


def exchange(gateway, kim, sql, accept, after_first_bytes=None):
    """Head and body of an answer as they come over the wire, to the end of the connection."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        if after_first_bytes:
            # Small, so that the gateway cannot run far ahead of the reader.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.settimeout(PATIENCE)
        connection.connect((host, int(port)))
        connection.sendall(
            f"POST /v1/query HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {kim}\r\nLockgate-Purpose: {PURPOSE}\r\n"
            f"Accept: {accept}\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode()
        )
        answer = bytearray(connection.recv(4096))
        if after_first_bytes:
            after_first_bytes()
        try:
            while piece := connection.recv(1 << 20):
                answer += piece
        except ConnectionResetError:
            pass
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    return head.decode(), body


def assert_cut_off(head, body):
    """The answer is chunked and its last chunk, which has no bytes, never came."""
    assert re.search(r"(?i)^transfer-encoding: chunked", head, flags=re.MULTILINE), head
    assert not body.endswith(b"0\r\n\r\n"), body[-100:]


def assert_names_the_source_only(text, folder, file):
    assert "source `lake`" in text, text
    for hidden in [CANARY, file, str(folder), "part-"]:
        assert hidden not in text, text


def assert_logged(gateway, query_id, code, file, said):
    """The log has one line about the query, which names the file and no value."""
    log = gateway.log.read_text()
    (line,) = [line for line in log.splitlines() if query_id in line]
    assert code in line and file in line and said in line, line
    assert CANARY not in log


def assert_recorded(folder, query_id, code):
    """The ledger says how the query ended; it is written after the connection was cut."""
    search = ["audit", "search", "--config", folder / "lockgate.toml", "--query-id", query_id, "--format", "json"]
    deadline = time.monotonic() + PATIENCE
    while (record := json.loads(lockgate(*search).stdout))["outcome"] == "unfinished" and time.monotonic() < deadline:
        pass
    assert (record["outcome"], record["code"]) == ("failed", code), record


def assert_others_work(gateway, kim):
    found = gateway.table("SELECT count(*) AS n FROM lake.main.plain", kim, PURPOSE)
    assert found.to_pylist() == [{"n": 2}]
