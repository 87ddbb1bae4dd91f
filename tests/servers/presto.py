"""Presto 0.287: the jars of its main module and its plugins' archives; catalogues tpch and memory. Over HTTP everybody is who they
say they are; over HTTPS they show a password or a token."""

import shutil
import zipfile
from pathlib import Path

from . import catalogs, identity, java, statement
from .process import Process, cache_dir, free_port, heap_gib, say

NAME = "presto"
VERSION = "0.287"
PLUGINS = ("tpch", "memory", "password-authenticators")
POM = Path(__file__).with_name("presto.pom.xml")
# Packages that this version looks into by reflection.
OPENED = [
    *(f"java.base/java.{name}" for name in "lang lang.ref lang.reflect io net nio text util util.concurrent".split()),
    "java.base/sun.nio.ch",
    "java.base/sun.nio.fs",
    "java.base/sun.security.action",
    "java.base/javax.security.auth",
    "java.base/javax.security.auth.login",
    "java.base/jdk.internal.loader",
    "java.security.jgss/sun.security.krb5",
]


def home() -> Path:
    return cache_dir() / f"presto-{VERSION}"


def install() -> None:
    if not home().exists():
        part = home().with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        say(NAME, "fetching the server")
        java.jars(POM, part / "lib")
        (part / "plugin").mkdir()
        part.rename(home())
    for plugin in PLUGINS:
        if not (home() / "plugin" / plugin).exists():
            say(NAME, f"fetching plugin {plugin}")
            part = cache_dir() / "plugin.part"
            shutil.rmtree(part, ignore_errors=True)
            java.artifact(f"com.facebook.presto:presto-{plugin}:{VERSION}:zip", part)
            with zipfile.ZipFile(part / f"presto-{plugin}-{VERSION}.zip") as archive:
                archive.extractall(part)
            unpacked = part / f"presto-{plugin}-{VERSION}"
            replace_asm(unpacked)
            unpacked.rename(home() / "plugin" / plugin)
            shutil.rmtree(part)


def replace_asm(plugin: Path) -> None:
    """Puts the server's own asm in place of the plugin's, which cannot read classes of Java 17."""
    for newer in (home() / "lib").glob("asm*.jar"):
        name = newer.name.rsplit("-", 1)[0]
        for older in plugin.glob(f"{name}-[0-9]*.jar"):
            older.unlink()
            shutil.copy(newer, plugin)


def start(folder: Path) -> str:
    """Starts the server with its state in `folder`, and gives its address once it answers queries."""
    install()
    found = java.find_java(17, 17)
    etc, port = folder / "etc", free_port()
    (etc / "catalog").mkdir(parents=True, exist_ok=True)
    config = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": str(port),
        "discovery-server.enabled": "true",
        "discovery.uri": f"http://127.0.0.1:{port}",
        "query.max-memory": f"{heap_gib() * 200}MB",
        "query.max-memory-per-node": f"{heap_gib() * 200}MB",
        # Thousands of statements are asked, and each is remembered for 15 minutes otherwise.
        "query.min-expire-age": "2m",
        "query.max-history": "50",
        # Five minutes is more than a test can wait for.
        "query.client.timeout": "75s",
        "query.max-total-memory-per-node": "500MB",
    }
    config |= identity.presto(folder / "tls", etc)
    node = {"node.environment": "test", "node.id": "presto-1", "node.data-dir": folder / "data"}
    for name, settings in (("config", config), ("node", node)):
        (etc / f"{name}.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    (etc / "log.properties").write_text("com.facebook.presto=WARN\n")
    catalogs.write(etc / "catalog")
    properties = {
        "config": etc / "config.properties",
        "log.levels-file": etc / "log.properties",
        **node,
        "node.internal-address": "127.0.0.1",
        "node.bind-ip": "127.0.0.1",
        "plugin.dir": home() / "plugin",
        "catalog.config-dir": etc / "catalog",
        "jdk.attach.allowAttachSelf": "true",
    }
    options = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
    options += [f"-D{key}={value}" for key, value in properties.items()]
    command = [found, "-server", f"-Xmx{heap_gib()}g", "-XX:+UseG1GC", *options, "-cp", f"{home()}/lib/*"]
    process = Process(folder, NAME)
    process.start([*command, "com.facebook.presto.server.PrestoServer"])
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: statement.answers(url, "Presto"))
    return url
