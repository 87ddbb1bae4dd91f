"""The examples of README's «How it looks», run as they stand there against a real `lockgate demo`."""

import re
import subprocess
import sys

import pytest
from gateway import ROOT, environment


@pytest.fixture(scope="module")
def reader(demo):
    """Environment of somebody who has just started the demo: its URL, and tokens of alice and bob."""
    tokens = demo["tokens"]
    return environment() | {"LOCKGATE_URL": demo["url"], "ALICE": tokens["alice"], "BOB": tokens["bob"]}


def example(language: str, contains: str) -> str:
    """The one code block of README in that language that holds the text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (found,) = [block for block in blocks if contains in block]
    return found


def run(command: list, env: dict) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_shows_alice_no_address(reader):
    header, *rows = run(["sh", "-ec", example("sh", "$LOCKGATE_URL/v1/query")], reader).splitlines()
    assert header == "home_country,email"
    assert len(rows) == 3
    assert all(row.endswith(",") for row in rows), rows


def test_python_shows_bob_addresses(reader):
    rows = run([sys.executable, "-c", example("python", "pyarrow")], reader)
    assert rows.count("@example.") == 3, rows


def test_terminal_shows_alice_countries_of_the_row_rule(reader):
    table = run(["sh", "-ec", example("sh", "lockgate query --url")], reader)
    assert set(re.findall(r"\b[A-Z]{2}\b", table)) == {"DE", "FR", "NL"}, table
