"""Breaks the enforcer on purpose, one mutation at a time, and expects the suite to turn red; README.md says how.

All mutations are woven into one copy of the tree, each behind a question to the environment, so that the copy is built
once. The copy lies outside the checkout; the product itself has no such question.
"""

import argparse
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VARIABLE = "LOCKGATE_MUTANT"
BUILD = ["cargo", "test", "--workspace", "--lib", "--test", "fast", "--no-run"]
# The copy's crates are of another version, so that cargo never takes them for the checkout's in the target folder of both.
OURS = re.compile(rb'(\[workspace\.package\]\nversion = "|name = "lockgate-[a-z0-9-]+"\nversion = ")([0-9.]+)"')
VERSION = rb'\g<1>\g<2>+mutations"'
# Generated queries that are tried, unless a mutation says otherwise.
QUERIES = 300
# A test that takes longer hangs: on two cores the slowest takes some ten seconds.
PATIENCE = 300
MOVED_ON = "the code has moved on: let the mutation break what does this now, or remove it with what it broke"


class Broken(Exception):
    """What is wrong with a mutation itself."""


@dataclasses.dataclass
class Mutation:
    name: str
    breaks: str
    edits: list
    # Names of tests, as `cargo test` filters them, by suite; every one must turn red.
    red: dict
    # Queries that the generated ones are cut to.
    queries: int

    @staticmethod
    def read(file):
        fields = tomllib.loads(file.read_text())
        try:
            mutation = Mutation(file.stem, fields.pop("breaks"), fields.pop("edit"), fields.pop("red"), fields.pop("queries", QUERIES))
        except KeyError as missing:
            raise SystemExit(f"{file.name}: {missing} is missing; see README.md") from None
        if fields or not mutation.edits or not any(mutation.red.values()):
            raise SystemExit(f"{file.name}: unknown {list(fields)}, or nothing to edit, or no test named; see README.md")
        return mutation

    def runs(self):
        return [(suite, test, self.queries) for suite, tests in self.red.items() for test in tests]


def place_of(edit):
    """Where the edit's text stands in the file of the checkout."""
    file = ROOT / edit["file"]
    text = file.read_text() if file.is_file() else ""
    n_found = text.count(edit["find"])
    if n_found != 1:
        raise Broken(f"its text stands {n_found} times in {edit['file']}, once is right; {MOVED_ON}")
    if "MUTANT" not in edit["replace"]:
        raise Broken(f"its text for {edit['file']} does not ask for MUTANT")
    start = text.index(edit["find"])
    return start, start + len(edit["find"])


def switch(name):
    """An expression of Rust that is true when the mutation is on."""
    is_on = f'std::env::var_os("{VARIABLE}").is_some_and(|on| on == "{name}")'
    return f"({{ static ON: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {is_on}); *ON }})"


def weave(mutations):
    """Files with every mutation in them, and where in these files each mutation lies, in bytes."""
    edits = sorted(
        ((edit["file"], *place_of(edit), edit["replace"], mutation.name) for mutation in mutations for edit in mutation.edits)
    )
    files, places, ends = {}, {}, {}
    for file, start, end, replace, name in edits:
        if start < ends.get(file, 0):
            raise Broken(f"{name} and {places[file][-1][2]} edit the same text of {file}; let each find less")
        so_far = files.setdefault(file, b"") + (ROOT / file).read_text()[ends.get(file, 0) : start].encode()
        files[file] = so_far + replace.replace("MUTANT", switch(name)).encode()
        places.setdefault(file, []).append((len(so_far), len(files[file]), name))
        ends[file] = end
    for file, end in ends.items():
        files[file] += (ROOT / file).read_text()[end:].encode()
    return files, places


def lay_out(tree, woven):
    """Makes `tree` the checkout's files with the woven ones; what is the same keeps its time, so that cargo sees it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        target, content = tree / name, woven.get(name)
        content = (ROOT / name).read_bytes() if content is None else content
        if name in ("Cargo.toml", "Cargo.lock"):
            content = OURS.sub(VERSION, content)
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    for target in [path for path in tree.rglob("*") if path.is_file() and str(path.relative_to(tree)) not in names]:
        target.unlink()


def build(tree, places):
    """Test binaries by suite, each with the folder to run it in; or the mutations that do not compile."""
    process = subprocess.run(BUILD + ["--message-format", "json"], cwd=tree, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode == 0:
        suites = {}
        for message in messages:
            if message.get("executable") and message["profile"]["test"]:
                assert "+mutations" in message["package_id"], message["package_id"]
                suite = message["target"]["name"].removeprefix("lockgate_")
                suites[suite] = (message["executable"], pathlib.Path(message["manifest_path"]).parent)
        return suites, {}
    culprits = {}
    for message in [message["message"] for message in messages if message["reason"] == "compiler-message"]:
        for span in message["spans"] if message["level"] == "error" else []:
            for start, end, name in places.get(span["file_name"], []):
                if span["byte_start"] < end and start < span["byte_end"]:
                    culprits.setdefault(name, message["rendered"])
    if not culprits:
        errors = [message["message"]["rendered"] for message in messages if message["reason"] == "compiler-message"]
        raise SystemExit("\n".join(errors[-5:]) + "\nmutations: the copy does not build, and no mutation is to blame")
    return {}, culprits


@dataclasses.dataclass
class Verdict:
    n_passed: int
    n_failed: int
    # First generated query that showed a fault.
    query: int
    seconds: float
    output: str


def run(suites, suite, test, queries, mutant=None):
    """Runs the tests of a suite that have `test` in their names, with a mutation on or without."""
    if suite not in suites:
        raise Broken(f"there is no suite {suite}; there are {', '.join(sorted(suites))}")
    program, folder = suites[suite]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        faults = pathlib.Path(scratch) / "faults"
        environment = dict(os.environ, LOCKGATE_FUZZ_FAULTS=str(faults), TMPDIR=scratch)
        if queries:
            environment["LOCKGATE_FUZZ_QUERIES"] = str(queries)
        if mutant:
            environment[VARIABLE] = mutant
        try:
            process = subprocess.run(
                [program, test], cwd=folder, env=environment, timeout=PATIENCE, text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"{suite} {test} had not ended after {PATIENCE} s") from None
        found = [int(number) for number in re.findall(r"^seed \d+ query (\d+) by", faults.read_text(), re.M)] if faults.exists() else []
    ended = re.search(r"^test result: .*? (\d+) passed; (\d+) failed", process.stdout, re.M)
    if not ended:
        raise Broken(f"{suite} {test} ended with {process.returncode} and no result:\n{process.stdout[-2000:]}")
    seconds = time.monotonic() - started
    return Verdict(int(ended[1]), int(ended[2]), min(found, default=-1), seconds, process.stdout)


def is_green(suites, runs):
    """Whether the copy without a mutation passes everything that is to turn red."""
    queries = {}
    for suite, test, n_queries in runs:
        queries[suite, test] = max(n_queries, queries.get((suite, test), 0))

    def one(key):
        verdict = run(suites, *key, queries[key])
        if verdict.n_failed or not verdict.n_passed:
            print(f"FAILED  without any mutation: {' '.join(key)}: {verdict.n_passed} passed\n{verdict.output[-3000:]}")
        return verdict.n_passed > 0 and verdict.n_failed == 0

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(list(pool.map(one, queries)))


def judge(suites, mutation):
    """One line on what came of a mutation, and whether it was caught by every test that was to."""
    shown = []
    try:
        for suite, test, queries in mutation.runs():
            verdict = run(suites, suite, test, queries, mutation.name)
            if verdict.n_failed == 0:
                raise Broken(f"{suite} {test} stays green; mend that test, or write one that this turns red")
            if "noninterference" in test and verdict.query < 0:
                raise Broken(f"{suite} {test} failed without a fault:\n{verdict.output[-2000:]}")
            at = f" at query {verdict.query}" if verdict.query >= 0 else ""
            shown.append(f"{suite} {test.rsplit('::', 1)[-1]}{at} {verdict.seconds:.1f} s")
    except Broken as why:
        return False, f"FAILED  {mutation.name}: {mutation.breaks}: {why}"
    return True, f"red     {mutation.name}: {'; '.join(shown)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tree", type=pathlib.Path, required=True, help="folder for the copy, outside the checkout; kept")
    parser.add_argument("names", nargs="*", metavar="MUTATION", help="only these; all when none is named")
    arguments = parser.parse_args()
    started = time.monotonic()
    mutations = {file.stem: Mutation.read(file) for file in sorted(HERE.glob("*.toml"))}
    unknown = set(arguments.names) - set(mutations)
    if unknown or not mutations:
        raise SystemExit(f"mutations: there is no mutation {', '.join(sorted(unknown))}")
    tree = arguments.tree.resolve()
    if tree == ROOT or ROOT in tree.parents:
        raise SystemExit(f"mutations: {tree} lies inside the checkout")
    tree.mkdir(parents=True, exist_ok=True)
    n_failed = n_passed = 0
    with open(tree.with_name(tree.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, mutation in list(mutations.items()):
            try:
                weave([mutation])
            except Broken as why:
                print(f"FAILED  {name}: {why}", flush=True)
                n_failed += 1
                del mutations[name]
        while True:
            woven, places = weave(mutations.values())
            lay_out(tree, woven)
            suites, culprits = build(tree, places)
            for name, error in culprits.items():
                print(f"FAILED  {name}: it does not compile:\n{error}", flush=True)
                n_failed += 1
                del mutations[name]
            if suites:
                break
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
        chosen = [mutations[name] for name in arguments.names or mutations if name in mutations]
        if not is_green(suites, [run for mutation in chosen for run in mutation.runs()]):
            raise SystemExit("mutations: the copy must be green without any mutation; mend that first")
        print(f"green without any mutation after {time.monotonic() - started:.0f} s", flush=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for was_caught, line in pool.map(lambda mutation: judge(suites, mutation), chosen):
                print(line, flush=True)
                n_passed += was_caught
                n_failed += not was_caught
    failed = f"{n_failed} failed, " if n_failed else ""
    print(f"{failed}{n_passed} passed in {time.monotonic() - started:.0f} s")
    return n_failed > 0


if __name__ == "__main__":
    sys.exit(main())
