"""Catalogues that both servers have: empty ones in memory for tests to fill, and TPC-H's generated tables."""

from pathlib import Path

# One for each fixture of the behaviour suite.
SUITES = 16
# The generated queries' worlds.
WORLDS = 8
# The attack cases' worlds: the base and two twins for each of their nine askers.
ATTACKS = 19
# Hostile statements: with hidden rows, without, and with other ones.
HOSTILE = 3
IN_MEMORY = [
    *("types", "faults", "functions"),
    *(f"suite{number}" for number in range(SUITES)),
    *(f"world{number}" for number in range(WORLDS)),
    *(f"attack{number}" for number in range(ATTACKS)),
    *(f"hostile{number}" for number in range(HOSTILE)),
]


def write(folder: Path) -> None:
    """A file of properties for each catalogue."""
    for name in ("memory", *IN_MEMORY):
        (folder / f"{name}.properties").write_text("connector.name=memory\n")
    (folder / "tpch.properties").write_text("connector.name=tpch\ntpch.column-naming=STANDARD\n")
