"""The lock files match the requirements in pyproject.toml, and have hashes and no URLs."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)( ; .*)? \\$", re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "extras"),
    [("server.txt", ["server", "otel"]), ("dev.txt", ["dev"]), ("build.txt", None)],
)
def test_a_lock_is_fresh(name: str, extras: list[str] | None) -> None:
    """`scripts/lock` repairs a stale lock."""
    versions: dict[str, set[str]] = {}
    for found in LOCKED.finditer((ROOT / "locks" / name).read_text()):
        versions.setdefault(found["name"], set()).add(found["version"])
    if extras is None:
        asked = [Requirement(each) for each in SETTINGS["build-system"]["requires"]]
    else:
        asked = list(requirements(extras))
    for requirement in asked:
        found_versions = versions[canonicalize_name(requirement.name)]
        assert all(map(requirement.specifier.contains, found_versions)), requirement


def test_a_server_is_installed_without_the_packages_of_other_extras() -> None:
    text = (ROOT / "locks/server.txt").read_text()
    locked = {found["name"] for found in LOCKED.finditer(text)}
    asked = names(["server", "otel"])
    assert asked <= locked
    assert not locked & (names(["evaluate", "quantize", "ray"]) - asked)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "locks").iterdir()))
def test_a_lock_has_hashes_and_names_no_address(name: str) -> None:
    text = (ROOT / "locks" / name).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\w)", text)[1:]
    for entry in entries:
        assert LOCKED.match(entry), entry
        assert "--hash=sha256:" in entry


def names(extras: Iterable[str]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements(extras)}


def requirements(extras: Iterable[str]) -> Iterable[Requirement]:
    """Return the requirements of the package with these extras, nested extras included."""
    project = SETTINGS["project"]
    yield from map(Requirement, project["dependencies"])
    for extra in extras:
        for text in project["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if requirement.name == project["name"]:
                yield from requirements(requirement.extras)
            else:
                yield requirement
