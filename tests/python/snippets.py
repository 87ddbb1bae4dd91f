"""Code blocks of the docs, run as a reader would: one after the other, in one place, with what the ones before have set."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gateway import PATIENCE

RUN = {"sh", "bash", "python"}
SHOWN = {"text", "sql", "toml", "yaml", "csv", "json"}


@dataclass
class Block:
    """A fenced code block."""

    page: str
    line: int
    language: str
    text: str
    # What must come out: the `text` block right behind this one.
    output: str | None = None

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list:
    """Every code block of a page; one in a language that is not known here is an error, so that none is left out by chance."""
    text, found = page.read_text(), []
    end = 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        language, body = match.groups()
        assert language in RUN | SHOWN, f"{page}: a block in `{language}`; name one of {sorted(RUN | SHOWN)}"
        if language == "text" and found and found[-1].language in RUN and not text[end : match.start()].strip():
            found[-1].output = body
        else:
            found.append(Block(page.name, text.count("\n", 0, match.start()) + 1, language, body))
        end = match.end()
    assert text.count("```") == 2 * len(re.findall(r"^```\w+$", text, flags=re.MULTILINE)), f"{page}: an odd fence"
    return found


class Reader:
    """Somebody who pastes blocks into a terminal. What serves goes on until the reader leaves."""

    def __init__(self, cwd: Path, env: dict):
        self.cwd, self.env, self.serving = cwd, env, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.serving:
            process.terminate()
            process.wait(timeout=PATIENCE)

    def run(self, block: Block) -> None:
        if block.text.startswith("lockgate serve"):
            self.serve(block)
            return
        read, write = os.pipe()
        process = subprocess.Popen(
            [*self.command(block), str(write)],
            cwd=self.cwd,
            env=self.env,
            pass_fds=[write],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(write)
        try:
            output, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        with os.fdopen(read) as state:
            self.remember(state.read())
        assert process.returncode == 0, f"{block}: {errors}{output}"
        if block.output is not None:
            assert output.replace("\r\n", "\n") == block.output, f"{block}: {errors}"

    def command(self, block: Block) -> list:
        if block.language == "python":
            return [sys.executable, "-c", block.text]
        # The shell tells where it ended up and with which variables, all of which it exports (-a).
        return ["bash", "-aeuo", "pipefail", "-c", block.text + '\n{ pwd; env -0; } >&"$1"', "bash"]

    def remember(self, state: str) -> None:
        if state:
            cwd, variables = state.split("\n", 1)
            self.cwd = Path(cwd)
            self.env = dict(one.split("=", 1) for one in variables.split("\0") if "=" in one)

    def serve(self, block: Block) -> None:
        log = self.cwd / "serve.log"
        with log.open("w") as stderr:
            # In the shell's place, so that ending it ends the gateway.
            command = ["bash", "-c", "exec " + block.text]
            options = {"stdout": subprocess.PIPE, "stderr": stderr, "text": True}
            process = subprocess.Popen(command, cwd=self.cwd, env=self.env, **options)
        self.serving.append(process)
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"{block}: {log.read_text()}"
