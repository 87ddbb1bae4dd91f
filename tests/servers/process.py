"""Processes of a real server on loopback: started once, found again, and ended by exactly the PID that was started."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def say(server: str, text: str) -> None:
    print(f"{server}: {text}", file=sys.stderr, flush=True)


def cache_dir() -> Path:
    """Where unpacked servers are kept between runs."""
    base = os.environ.get("LOCKGATE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lockgate"
    return Path(base) / "servers"


def heap_gib() -> int:
    """Heap of a Java server, of which queries may take a fifth: little, so that it fits beside a build. Benches set more."""
    return int(os.environ.get("LOCKGATE_SERVER_GIB") or 2)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def born(pid: int) -> str | None:
    """When a process was started, in ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rsplit(")", 1)[1].split()
    return None if fields[0] == "Z" else fields[19]


class Process:
    """A process that outlives this one. A PID that the system gave to somebody else meanwhile is not taken for it."""

    def __init__(self, folder: Path, name: str):
        self.folder = folder
        self.name = name
        self.state = folder / f"{name}.json"
        self.log = folder / f"{name}.log"

    def pid(self) -> int | None:
        try:
            known = json.loads(self.state.read_text())
        except OSError:
            return None
        return known["pid"] if born(known["pid"]) == known["born"] else None

    def start(self, command: list[str], env: dict[str, str] | None = None) -> None:
        with open(self.log, "wb") as log:
            child = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )
        self.state.write_text(json.dumps({"pid": child.pid, "born": born(child.pid)}))

    def stop(self, seconds: float = 20) -> None:
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + seconds
            while self.pid() is not None and time.monotonic() < until:
                time.sleep(0.1)
            if self.pid() is not None:
                os.kill(pid, signal.SIGKILL)
        self.state.unlink(missing_ok=True)

    def wait_until(self, is_ready, seconds: float = 240) -> None:
        """Waits until `is_ready()` gives something true."""
        until = time.monotonic() + seconds
        while not is_ready():
            if self.pid() is None:
                raise RuntimeError(f"{self.name} ended; the end of its log:\n{self.tail()}")
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not answer after {seconds:.0f} s; the end of its log:\n{self.tail()}")
            time.sleep(0.3)

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:]) if self.log.exists() else ""
