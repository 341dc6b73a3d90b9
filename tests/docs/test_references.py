"""The links, files and modules that the pages name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    path.relative_to(ROOT)
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    if path.name != "CHANGELOG.md"  # it names files of earlier versions
]
PACKAGES = ("client/facewire_client", "ext/facewire_ext", "server/facewire_server")
FOLDERS = [
    ".ci",
    "benchmarks",
    "client",
    "deploy",
    "docs",
    "examples",
    "ext",
    "locks",
    "proto",
    "scripts",
    "server",
    "tests",
    "typings",
]
LINK = re.compile(r"\]\(([^)\s:]+)\)")
IN_FOLDER = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w/]")
SOURCE = re.compile(r"(?<![\w./*-])(?:[\w*-][\w.*-]*/)*[\w*-]+\.pyx?\b")
MODULE = re.compile(r"python -m\s+((?:benchmarks|tests)[\w.]*\w)")

every_page = pytest.mark.parametrize("page", PAGES, ids=str)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def files_named(name: str) -> Iterator[Path]:
    """Files of a path from the root or from a package, or of a name anywhere below one."""
    for folder in ("", *PACKAGES):
        yield from (ROOT / folder).glob(name)
    if "/" not in name:
        for folder in FOLDERS:
            yield from (ROOT / folder).rglob(name)


@every_page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall((ROOT / page).read_text()):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


@every_page
def test_files_exist(page: Path) -> None:
    text = (ROOT / page).read_text()
    missing = {name for name in IN_FOLDER.findall(text) if not any(ROOT.glob(name))}
    missing |= {name for name in SOURCE.findall(text) if not any(files_named(name))}
    assert not missing


@every_page
def test_modules_can_be_run(page: Path) -> None:
    for module in MODULE.findall((ROOT / page).read_text()):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
