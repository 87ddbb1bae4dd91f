"""The HTTP protocol of Presto and Trino, as far as starting a server needs it; the tests bring clients of their own."""

import json
import urllib.request


def rows(url: str, dialect: str, sql: str, seconds: float = 60) -> list[list]:
    """All rows of a statement; RuntimeError with the server's message when it fails."""
    headers = {f"X-{dialect}-User": "lockgate", f"X-{dialect}-Time-Zone": "UTC"}
    request = urllib.request.Request(f"{url}/v1/statement", data=sql.encode(), headers=headers, method="POST")
    found = []
    while True:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            page = json.load(response)
        if "error" in page:
            raise RuntimeError(page["error"]["message"])
        found += page.get("data", [])
        if "nextUri" not in page:
            return found
        request = urllib.request.Request(page["nextUri"], headers=headers)


def answers(url: str, dialect: str) -> bool:
    """Whether a real query is answered, not only the port open."""
    try:
        return rows(url, dialect, "SELECT count(*) FROM tpch.tiny.region") == [[5]]
    except (OSError, RuntimeError, ValueError):
        return False
