"""Real servers for tests and for looking around.

    python3 -m tests.servers start FOLDER NAME...    installs what is missing, starts, prints NAME=ADDRESS once it answers
    python3 -m tests.servers stop FOLDER NAME...
    python3 -m tests.servers sql FOLDER NAME STATEMENT
"""

import sys
from pathlib import Path

from . import presto, statement, trino
from .process import Process

SERVERS = {"presto": (presto, "Presto"), "trino": (trino, "Trino")}


def main(arguments: list[str]) -> int:
    if len(arguments) < 3 or arguments[2] not in SERVERS:
        print(__doc__, file=sys.stderr)
        return 2
    verb, root, names = arguments[0], Path(arguments[1]).absolute(), arguments[2:]
    for name in names if verb in ("start", "stop") else names[:1]:
        folder = root / name
        address = folder / "address"
        if verb == "start":
            folder.mkdir(parents=True, exist_ok=True)
            address.write_text(SERVERS[name][0].start(folder))
            print(f"{name.upper()}={address.read_text()}", flush=True)
        elif verb == "stop":
            Process(folder, name).stop()
        elif verb == "sql":
            for row in statement.rows(address.read_text(), SERVERS[name][1], names[1]):
                print(row)
    return 0


sys.exit(main(sys.argv[1:]))
