"""Java and Maven: the servers are fetched as Maven artifacts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"


def find_java(least: int, most: int) -> str:
    """The `java` of a version from `least` to `most`: JAVA<n>_HOME, JAVA_HOME, the PATH, the usual folders."""
    homes = [os.environ.get(f"JAVA{version}_HOME") for version in range(least, most + 1)]
    on_path = shutil.which("java")
    homes += [os.environ.get("JAVA_HOME"), on_path and str(Path(on_path).resolve().parent.parent)]
    homes += sorted(str(home) for home in Path("/usr/lib/jvm").glob("*"))
    for home in filter(None, homes):
        java = Path(home) / "bin" / "java"
        if java.exists() and least <= version_of(java) <= most:
            return str(java)
    raise SystemExit(f"Java {least} to {most} is needed; install one or name its folder in JAVA{most}_HOME")


def version_of(java: Path) -> int:
    release = java.parent.parent / "release"
    text = release.read_text() if release.exists() else ""
    found = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    if not found:
        text = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
        found = re.search(r'version "(\d+)', text)
    return int(found[1]) if found else 0


def maven(*arguments: str) -> None:
    if not shutil.which("mvn"):
        raise SystemExit("Maven is needed: `mvn` was not found")
    # Our own standard output is for addresses alone.
    subprocess.run(["mvn", "-q", "-B", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def jars(pom: Path, folder: Path) -> None:
    """The runtime jars of a pom."""
    maven("-f", str(pom), f"{COPY}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")


def artifact(name: str, folder: Path) -> None:
    """One file, `group:name:version:type`, without what it depends on."""
    maven(f"{COPY}:copy", f"-Dartifact={name}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true")
