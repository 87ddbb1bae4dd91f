"""The examples of README's «How it looks», run as they stand there against a real `lockgate demo`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ["LOCKGATE_BIN"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Environment of somebody who has just started the demo: its URL, and tokens of alice and bob."""
    process = subprocess.Popen(
        [BINARY, "demo", "--http", "127.0.0.1:0", "--json", "--dir", tmp_path_factory.mktemp("demo") / "world"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        started = json.loads(process.stdout.readline())
        tokens = started["tokens"]
        path = f"{BINARY.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield os.environ | {"LOCKGATE_URL": started["url"], "ALICE": tokens["alice"], "BOB": tokens["bob"], "PATH": path}
    finally:
        process.terminate()
        process.wait(timeout=60)


def example(language: str, contains: str) -> str:
    """The one code block of README in that language that holds the text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (found,) = [block for block in blocks if contains in block]
    return found


def run(command: list, env: dict) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_shows_alice_no_address(demo):
    header, *rows = run(["sh", "-ec", example("sh", "$LOCKGATE_URL/v1/query")], demo).splitlines()
    assert header == "home_country,email"
    assert len(rows) == 3
    assert all(row.endswith(",") for row in rows), rows


def test_python_shows_bob_addresses(demo):
    rows = run([sys.executable, "-c", example("python", "pyarrow")], demo)
    assert rows.count("@example.") == 3, rows


def test_terminal_shows_alice_countries_of_the_row_rule(demo):
    table = run(["sh", "-ec", example("sh", "lockgate query --url")], demo)
    assert set(re.findall(r"\b[A-Z]{2}\b", table)) == {"DE", "FR", "NL"}, table
