"""A real `lockgate`, started from the command line, for the tests in this folder."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ["LOCKGATE_BIN"])
PATIENCE = 120


def environment() -> dict:
    """The environment of somebody who has `lockgate` and this Python on their path."""
    path = f"{BINARY.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path}


def lockgate(*arguments, cwd=None, **options) -> subprocess.CompletedProcess:
    """Runs a command to its end."""
    command = [BINARY, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, **options)


class Refused(Exception):
    """A problem document in place of a result."""

    def __init__(self, status: int, problem: dict):
        super().__init__(f"{status} {problem}")
        self.status, self.code, self.problem = status, problem["code"], problem


@dataclass
class Gateway:
    """A gateway that listens."""

    url: str
    log: Path

    def request(self, sql: str, token: str, purpose: str, accept: str) -> urllib.request.Request:
        headers = {"Authorization": f"Bearer {token}", "Lockgate-Purpose": purpose, "Accept": accept}
        return urllib.request.Request(f"{self.url}/v1/query", sql.encode(), headers)

    def bytes(self, sql: str, token: str, purpose: str, accept="application/vnd.apache.arrow.stream") -> bytes:
        try:
            with urllib.request.urlopen(self.request(sql, token, purpose, accept), timeout=PATIENCE) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read())) from None

    def table(self, sql: str, token: str, purpose: str) -> pa.Table:
        return pa.ipc.open_stream(self.bytes(sql, token, purpose)).read_all()


@contextlib.contextmanager
def serving(folder: Path):
    """`lockgate serve` with the configuration of the folder, until the block ends."""
    log = folder / "serve.log"
    with log.open("w") as stderr:
        command = [BINARY, "serve", "--config", folder / "lockgate.toml"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on "), log.read_text()
            yield Gateway(line.split()[-1], log)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
