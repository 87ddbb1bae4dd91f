"""Trino 476: the core server and plugins, each its own archive; catalogues tpch and memory. Over HTTP everybody is who they
say they are; over HTTPS they show a password or a token."""

import shutil
import tarfile
import zipfile
from pathlib import Path

from . import catalogs, identity, java, statement
from .process import Process, cache_dir, free_port, heap_gib, say

NAME = "trino"
VERSION = "476"
PLUGINS = ("tpch", "memory", "password-authenticators")


def home() -> Path:
    return cache_dir() / f"trino-{VERSION}"


def install() -> None:
    if not home().exists():
        part = home().with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        say(NAME, "fetching the server")
        java.artifact(f"io.trino:trino-server-core:{VERSION}:tar.gz", part)
        archive = part / f"trino-server-core-{VERSION}.tar.gz"
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="tar")
        archive.unlink()
        unpacked = part / f"trino-server-core-{VERSION}"
        (unpacked / "plugin").mkdir(exist_ok=True)
        unpacked.rename(home())
        shutil.rmtree(part)
    for plugin in PLUGINS:
        if not (home() / "plugin" / plugin).exists():
            say(NAME, f"fetching plugin {plugin}")
            part = cache_dir() / "plugin.part"
            shutil.rmtree(part, ignore_errors=True)
            java.artifact(f"io.trino:trino-{plugin}:{VERSION}:zip", part)
            with zipfile.ZipFile(part / f"trino-{plugin}-{VERSION}.zip") as archive:
                archive.extractall(part)
            (part / f"trino-{plugin}-{VERSION}").rename(home() / "plugin" / plugin)
            shutil.rmtree(part)


def start(folder: Path) -> str:
    """Starts the server with its state in `folder`, and gives its address once it answers queries."""
    install()
    found = java.find_java(24, 25)
    etc, port = folder / "etc", free_port()
    (etc / "catalog").mkdir(parents=True, exist_ok=True)
    config = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": str(port),
        "discovery.uri": f"http://127.0.0.1:{port}",
        "query.max-memory": f"{heap_gib() * 200}MB",
        "query.max-memory-per-node": f"{heap_gib() * 200}MB",
        # Thousands of statements are asked, and each is remembered for 15 minutes otherwise.
        "query.min-expire-age": "2m",
        "query.max-history": "50",
        # Five minutes is more than a test can wait for.
        "query.client.timeout": "75s",
        "catalog.management": "static",
    }
    config |= identity.trino(folder / "tls", etc)
    (etc / "config.properties").write_text("".join(f"{key}={value}\n" for key, value in config.items()))
    (etc / "log.properties").write_text("io.trino=WARN\n")
    catalogs.write(etc / "catalog")
    # As a server has it that nobody has set up: the guide's.
    (etc / "catalog" / "tpch_as_it_comes.properties").write_text("connector.name=tpch\n")
    properties = {
        "config": etc / "config.properties",
        "log.levels-file": etc / "log.properties",
        "node.environment": "test",
        "node.id": "trino-1",
        "node.internal-address": "127.0.0.1",
        "node.bind-ip": "127.0.0.1",
        "node.data-dir": folder / "data",
        "plugin.dir": home() / "plugin",
        "catalog.config-dir": etc / "catalog",
        "jdk.attach.allowAttachSelf": "true",
    }
    options = [f"-D{key}={value}" for key, value in properties.items()]
    # What version 476 asks of its Java.
    options += ["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    command = [found, "-server", f"-Xmx{heap_gib()}g", "-XX:+UseG1GC", *options, "-cp", f"{home()}/lib/*"]
    process = Process(folder, NAME)
    process.start([*command, "io.trino.server.TrinoServer"])
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: statement.answers(url, "Trino"))
    return url
