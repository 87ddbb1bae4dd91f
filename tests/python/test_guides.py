"""Every command and program in docs/guide and in the sample's README, run as it stands there against a real gateway.

Only the port is another one: that of the pages may be taken on the machine of the test.
"""

import os
import shutil
import socket

import pytest
from gateway import ROOT, environment
from snippets import RUN, Reader, blocks

PAGES = sorted((ROOT / "docs/guide").glob("*.md"))
# Pages whose reader begins with nothing but the checkout; the others' has a demo.
FROM_NOTHING = ["your-own-files.md"]
# Pages whose reader has a server: the variable that names the test's, where the page says that it is, and what else is
# called otherwise in the test's.
WITH_A_SERVER = {
    "presto.md": ("LOCKGATE_TRINO", "http://localhost:8080", {'catalog = "tpch"': 'catalog = "tpch_as_it_comes"'}),
}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def run(page, cwd, env, port=None, renamed=None):
    port = port or free_port()
    with Reader(cwd, {"LOCKGATE_URL": f"http://127.0.0.1:{port}"} | env) as reader:
        found = [block for block in blocks(page) if block.language in RUN]
        assert found, f"{page.name} shows nothing that can be run"
        for block in found:
            for name, here in ({"8815": port} | (renamed or {})).items():
                block.text = block.text.replace(name, here)
            reader.run(block)


@pytest.fixture()
def checkout(tmp_path):
    """What a reader has before them, without what they must not change."""
    folder = tmp_path / "lockgate"
    shutil.copytree(ROOT / "samples", folder / "samples")
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in FROM_NOTHING], ids=lambda page: page.name)
def test_a_page_that_begins_with_nothing_holds(page, checkout):
    run(page, checkout, environment())


@pytest.mark.parametrize("name", WITH_A_SERVER)
def test_a_page_that_begins_with_a_server_holds(name, checkout):
    variable, there, renamed = WITH_A_SERVER[name]
    if variable not in os.environ:
        pytest.skip(f"{variable} names no server; `tests/run live` starts one")
    run(ROOT / "docs/guide" / name, checkout, environment(), renamed=renamed | {there: os.environ[variable]})


WITH_A_DEMO = [page for page in PAGES if page.name not in FROM_NOTHING and page.name not in WITH_A_SERVER]


@pytest.mark.parametrize("page", WITH_A_DEMO, ids=lambda page: page.name)
def test_a_page_that_begins_with_a_demo_holds(page, demo, checkout):
    # A gateway of the reader's own has the demo's files, another ledger, and a free port like the demo.
    shutil.copytree(demo["dir"], checkout, ignore=shutil.ignore_patterns("ledger"), dirs_exist_ok=True)
    assert 'http = "127.0.0.1:0"' in (checkout / "lockgate.toml").read_text()
    env = {"LOCKGATE_URL": demo["url"], "LOCKGATE_TOKEN": demo["tokens"]["alice"]}
    run(page, checkout, environment() | env)


def test_the_samples_readme_holds(checkout):
    folder, port = checkout / "samples/flights", free_port()
    config = folder / "lockgate.toml"
    config.write_text(config.read_text().replace("8815", port))
    run(folder / "README.md", folder, environment(), port)
