"""The packages that extras of facewire install beyond those of a server: their names, sorted.

Takes the names of extras. Reads pyproject.toml, the requirements of the packages that are
installed here, and locks/server.txt.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def main(*extras: str) -> None:
    """Print the names, one a line."""
    lock = (ROOT / "locks/server.txt").read_text()
    server = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    print(*sorted(packages(*extras) - server), sep="\n")


def packages(*extras: str) -> set[str]:
    """Return the names of all that these extras install here, without facewire."""
    found = set[tuple[str, str]]()
    pending = [(PROJECT["name"], extra) for extra in extras]
    while pending:
        if (package := pending.pop()) not in found:
            found.add(package)
            for each in requirements(*package):
                name = canonicalize_name(each.name)
                pending.extend((name, extra) for extra in ("", *each.extras))
    return {name for name, _ in found} - {PROJECT["name"]}


def requirements(name: str, extra: str) -> Iterator[Requirement]:
    """Yield what a package with this extra, or none (empty), needs on this platform."""
    if name == PROJECT["name"]:  # its metadata may be older than pyproject.toml
        yield from map(Requirement, PROJECT["optional-dependencies"].get(extra, ()))
        return
    for each in map(Requirement, requires(name) or ()):
        if each.marker is None or each.marker.evaluate({"extra": extra}):
            yield each


if __name__ == "__main__":
    main(*sys.argv[1:])
