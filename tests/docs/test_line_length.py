"""Lines of the pages have at most 100 columns, except in tables and code blocks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
COLUMNS = 100


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines outside of tables and code blocks."""
    in_block = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_block = not in_block
        elif not in_block and not line.lstrip().startswith("|"):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_has_no_long_lines(page: Path) -> None:
    long = [number for number, line in prose(page.read_text()) if len(line) > COLUMNS]
    assert not long, f"lines of more than {COLUMNS} columns: {long}"
