"""What the gateway costs before a real Trino, and Presto's binary rows against JSON, as ratios against peers in the same run.

    benches/run presto

`benches/run` brings the servers and what this needs of PyPI; RUNS in the environment is how often each is measured. Peers:
draining the same statement raw, the PyPI package `trino`, Trino asked directly, the same query on clear ids, a hand-written IN
list, and Trino with the file's table in its own memory.
"""

import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pyarrow as pa
import trino

ROOT = Path(__file__).resolve().parent.parent
SERVER, PRESTO, BINARY = (os.environ["LOCKGATE_" + name] for name in ("TRINO", "PRESTO", "BIN"))
RUNS = int(os.environ.get("RUNS", "5"))
HEADERS = {"X-Trino-User": "bench", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}

CONFIG = """
[server]
http = "127.0.0.1:0"
site = "eu"
[policy]
dir = "policy"
[users]
file = "users.toml"
[keys]
hash = {{ file = "hash.key" }}
[ledger]
dir = "ledger"
[sources.shop]
connector = "presto"
url = "{server}"
catalog = "tpch"
user = "lockgate"
{option}
[sources.file]
connector = "files"
root = "data"
"""

POLICY = """\
p, R-01, role:plain, purpose:bench, tag:public, clear, always, allow
p, R-02, role:hashed, purpose:bench, tag:public, clear, always, allow
p, R-03, role:plain, purpose:bench, tag:id, clear, always, allow
p, R-04, role:hashed, purpose:bench, tag:id, hash, always, allow
p, R-05, role:plain, purpose:bench, tag:rows.all, rows:all, always, allow
p, R-06, role:hashed, purpose:bench, tag:rows.all, rows:all, always, allow
g, user:plain, role:plain
g, user:hashed, role:hashed
"""

HEAD = """\
version: 2026-11-26.1
treatments:
  clear: {does: "as it is"}
  hash:  {does: "token"}
row_filters:
  all: {tables: any, sql: "true"}
conditions: [always]
purposes:
  bench: {ropa: B-01, basis: "6(1)(f)", owner: bench, retention_days: 1}
tables:
"""


class Gateway:
    """A gateway over a server's TPC-H data and files with 1,000 keys of its orders and of its customers."""

    def __init__(self, folder: Path, server: str = SERVER, option: str = ""):
        self.folder = folder
        (folder / "policy").mkdir(parents=True)
        (folder / "data").mkdir()
        (folder / "lockgate.toml").write_text(CONFIG.format(server=server, option=option))
        (folder / "hash.key").write_text("00" * 32)
        self.keys = self.some_keys("o_orderkey")
        for name, keys in {"orderkey": self.keys, "custkey": self.some_keys("o_custkey")}.items():
            (folder / f"data/picked_{name}.csv").write_text("\n".join([name, *map(str, keys)]) + "\n")
        drain("DROP TABLE IF EXISTS memory.default.picked")
        drain("CREATE TABLE memory.default.picked (orderkey bigint)")
        drain(f"INSERT INTO memory.default.picked VALUES {', '.join(map(str, self.keys))}")
        (folder / "policy/model.conf").write_text((ROOT / "samples/policy/model.conf").read_text())
        (folder / "policy/policy.csv").write_text(POLICY)
        (folder / "policy/classification.yaml").write_text(HEAD + self.tables())
        self.tokens = {name: self.command("users", "token", name, "--into", "users.toml").strip() for name in ("plain", "hashed")}
        self.process = subprocess.Popen([BINARY, "serve"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = "http://" + self.process.stdout.readline().split("listening on ")[1].split()[0].removeprefix("http://")

    @staticmethod
    def some_keys(name: str) -> list[int]:
        return [row[0] for row in drain(f"SELECT DISTINCT {name} FROM tpch.sf1.orders WHERE o_orderkey % 601 = 1 LIMIT 1000", decode=True)]

    def command(self, *arguments: str) -> str:
        return subprocess.run([BINARY, *arguments], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def tables(self) -> str:
        text, kept = "", False
        for line in self.command("source", "list", "--columns").splitlines():
            if not line.startswith(" "):
                kept = line.startswith(("shop.sf1.", "shop.tiny.", "file."))
                text += f"  {line}:\n    rows: rows.all\n    columns:\n" if kept else ""
            elif kept:
                name, data_type = line.split()[:2]
                tag = "id" if name.endswith("custkey") else "public"
                text += f'      {name}: {{tags: [{tag}], type: "{data_type}"}}\n'
        return text

    def ask(self, sql: str, who: str = "plain"):
        headers = {"Authorization": "Bearer " + self.tokens[who], "Lockgate-Purpose": "bench"}
        request = urllib.request.Request(self.url + "/v1/query", data=sql.encode(), headers=headers)
        with urllib.request.urlopen(request) as answer:
            return pa.ipc.open_stream(answer).read_all()

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def drain(sql: str, decode: bool = False):
    """The statement at Trino, page after page, as `curl` would."""
    rows = []
    request = urllib.request.Request(SERVER + "/v1/statement", data=sql.encode(), headers=HEADERS)
    while request:
        with urllib.request.urlopen(request) as answer:
            page = answer.read()
        if decode:
            rows += json.loads(page).get("data", [])
        at = page.find(b'"nextUri":"', 0, 8192)
        if at < 0:
            error = page.find(b'"error":{', 0, 8192)
            assert error < 0, page[error : error + 300]
            return rows
        request = urllib.request.Request(page[at + 11 : page.index(b'"', at + 11)].decode(), headers=HEADERS)


def timed(work) -> tuple[float, float]:
    """Seconds, and seconds of this process's CPU."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs(one, other, runs: int = RUNS) -> tuple[list, list]:
    timed(one), timed(other)
    measured = [(timed(one), timed(other)) for _ in range(runs)]
    return [first for first, _ in measured], [second for _, second in measured]


def median(times: list, at: int = 0) -> float:
    return statistics.median(time[at] for time in times)


def show(name: str, ratio: float, limit: str, more: str) -> None:
    print(f"{name:<58} {ratio:6.3f}  asked {limit:<8} {more}", flush=True)


def pulls(gateway: Gateway) -> None:
    sql = "SELECT * FROM {}.sf1.orders"
    through, raw = pairs(lambda: gateway.ask(sql.format("shop")), lambda: drain(sql.format("tpch")))
    more = f"{median(through):.2f} s, raw {median(raw):.2f} s"
    show("pull of 1.5 M orders, rows/s against draining raw", median(raw) / median(through), ">= 0.85", more)
    connection = trino.dbapi.connect(host="127.0.0.1", port=int(SERVER.rsplit(":", 1)[1]), user="bench")

    def fetchall():
        cursor = connection.cursor()
        cursor.execute(sql.format("tpch"))
        cursor.fetchall()

    client = [timed(fetchall) for _ in range(2)]
    show("  rows/s against `trino` fetchall", median(client) / median(through), ">= 4", f"{median(client):.2f} s")
    cpu = f"{median(through, 1):.2f} s, `trino` {median(client, 1):.2f} s"
    show("  the client's CPU against `trino`", median(through, 1) / median(client, 1), "<= 0.1", cpu)
    print(f"  the gateway's peak memory: {gateway.peak_mib():.0f} MiB, asked <= 200", flush=True)


def overhead(gateway: Gateway) -> None:
    sql = "SELECT count(*) FROM {}.sf1.nation"
    through, direct = pairs(lambda: gateway.ask(sql.format("shop")), lambda: drain(sql.format("tpch")), 40)
    over = (median(through) - median(direct)) * 1000
    print(f"a small pushed query: {over:.1f} ms over Trino's {median(direct) * 1000:.1f} ms at the median, asked <= 15", flush=True)


def tpch(gateway: Gateway) -> None:
    here = there = 0.0
    for path in sorted((ROOT / "tests/cases/tpch").glob("q*.sql")):
        ours, theirs = (path.read_text().replace("SF.", f"{catalog}.sf1.") for catalog in ("shop", "tpch"))
        same(path.stem, gateway.ask(ours), drain(theirs, decode=True))
        through, direct = pairs(lambda ours=ours: gateway.ask(ours), lambda theirs=theirs: drain(theirs), 1)
        here, there = here + median(through), there + median(direct)
    show("TPC-H sf 1, all 22 queries, answers equal", here / there, "<= 1.1", f"{here:.1f} s, Trino {there:.1f} s")


def same(name: str, table: pa.Table, there: list[list]) -> None:
    """Rows in the same order; sums of floating-point numbers depend on the order in which they are made."""
    here = list(zip(*(column.to_pylist() for column in table.columns)))
    assert len(here) == len(there), f"{name}: {len(here)} rows, Trino {len(there)}"
    for one, other in zip(here, there):
        for left, right in zip(one, other):
            is_close = isinstance(left, float) and abs(left - float(right)) <= 1e-9 * abs(left)
            assert is_close or str(left) == str(right), f"{name}: {left}, Trino {right}"


def tokens(gateway: Gateway) -> None:
    for name, sql in {
        "GROUP BY a token": "SELECT o_custkey, count(*) AS n FROM shop.sf1.orders GROUP BY o_custkey",
        "a join on a token": "SELECT count(*) FROM shop.sf1.orders JOIN shop.sf1.customer ON o_custkey = c_custkey",
        "a join on a token with a file": "SELECT count(*) FROM file.main.picked_custkey JOIN shop.sf1.orders ON o_custkey = custkey",
        "GROUP BY a token behind a join with a file": "SELECT o_custkey, count(*), min(o_orderdate) FROM shop.sf1.orders "
        "JOIN file.main.picked_custkey ON o_custkey = custkey GROUP BY o_custkey",
    }.items():
        hashed, clear = pairs(lambda sql=sql: gateway.ask(sql, "hashed"), lambda sql=sql: gateway.ask(sql))
        more = f"{median(hashed):.2f} s, clear {median(clear):.2f} s"
        show(f"{name}, against the same on clear ids", median(hashed) / median(clear), "<= 1.2", more)


def narrowed(gateway: Gateway) -> None:
    joined = "SELECT sum(l_quantity) FROM shop.sf1.lineitem JOIN file.main.picked_orderkey ON l_orderkey = orderkey"
    other = "SELECT sum(l_quantity) FROM file.main.picked_orderkey JOIN shop.sf1.lineitem ON l_orderkey = orderkey"
    keys = ", ".join(map(str, gateway.keys))
    direct = f"SELECT l_orderkey, l_quantity FROM tpch.sf1.lineitem WHERE l_orderkey IN ({keys})"
    itself = "SELECT sum(l_quantity) FROM tpch.sf1.lineitem JOIN memory.default.picked ON l_orderkey = orderkey"
    for name, sql in {"the file second": joined, "the file first": other}.items():
        through, by_hand = pairs(lambda sql=sql: gateway.ask(sql), lambda: drain(direct), 3)
        ours, theirs = sent("lockgate"), sent("bench")
        show(f"lineitem x 1,000 keys of a file, {name}, bytes of Trino", ours / theirs, "<= 2", f"{ours} and {theirs}")
        more = f"{median(through):.2f} s, by hand {median(by_hand):.2f} s"
        show("  time, against a hand-written IN list", median(through) / median(by_hand), "", more)
        through, whole = pairs(lambda sql=sql: gateway.ask(sql), lambda: drain(itself), 3)
        show("  time, against Trino joining by itself", median(through) / median(whole), "", f"Trino {median(whole):.2f} s")


def sent(user: str) -> int:
    """Bytes of the rows that Trino gave for the user's last query of lineitem."""
    queries = ask_trino("/v1/query")
    last = max(
        (query["queryStats"]["endTime"], query["queryId"])
        for query in queries
        if query["session"]["user"] == user and "lineitem" in query["query"] and query["state"] == "FINISHED"
    )
    return int(ask_trino("/v1/query/" + last[1])["queryStats"]["outputDataSize"].removesuffix("B"))


def ask_trino(path: str):
    with urllib.request.urlopen(urllib.request.Request(SERVER + path, headers=HEADERS)) as answer:
        return json.load(answer)


def forms() -> None:
    """Presto's rows in the form in which its servers exchange them, against the same as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        options = {form: f"binary_results = {form}" for form in ("true", "false")}
        gateways = [Gateway(Path(folder) / form, PRESTO, option) for form, option in options.items()]
        try:
            for name, sql in {
                "orders": "SELECT * FROM shop.sf1.orders",
                "lineitem": "SELECT * FROM shop.sf1.lineitem WHERE l_orderkey < 1000000",
            }.items():
                binary, text = pairs(*(lambda gateway=gateway, sql=sql: gateway.ask(sql) for gateway in gateways))
                more = f"{median(binary):.2f} s, as JSON {median(text):.2f} s"
                show(f"Presto's {name} as binary rows, rows/s against JSON", median(text) / median(binary), "", more)
        finally:
            for gateway in gateways:
                gateway.stop()


with tempfile.TemporaryDirectory() as folder:
    gateway = Gateway(Path(folder))
    try:
        for measure in (pulls, overhead, tokens, narrowed, tpch):
            measure(gateway)
    finally:
        gateway.stop()
forms()
