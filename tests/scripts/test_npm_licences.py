"""Which packages `scripts/npm_licences.py` lists, and which it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "npm_licences.py"
PAGE = {"name": "page", "version": "1"}
TOOL = {"version": "3", "license": "GPL-3.0-only", "dev": True}


def listed(lock: Path, allowed: str) -> tuple[int, list[str], str]:
    """The exit code, the lines of packages, and what is wrong."""
    done = subprocess.run(
        [sys.executable, SCRIPT, lock, allowed],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(
    ("licence", "status"),
    [("MIT", 0), ("(Apache-2.0 AND MIT)", 0), ("GPL-3.0-only", 1), (None, 1)],
)
def test_a_package_in_the_page_needs_an_allowed_licence(
    licence: str | None, status: int, tmp_path: Path
) -> None:
    package = {"version": "2"} | ({"license": licence} if licence else {})
    packages = {"": PAGE, "node_modules/a/node_modules/@b/c": package, "node_modules/tool": TOOL}
    lock = tmp_path / "package-lock.json"
    lock.write_text(json.dumps({"packages": packages}))
    code, lines, problem = listed(lock, "MIT;Apache-2.0 AND MIT")
    shown = licence.strip("()") if licence else "unknown"
    assert (code, lines) == (status, [f"| @b/c | 2 | {shown} |"])
    assert bool(problem) is bool(status)


def test_the_page_has_the_packages_that_its_document_names() -> None:
    _, lines, _ = listed(ROOT / "examples/web/package-lock.json", "")
    assert [line.split()[1] for line in lines] == [
        *("@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"),
    ]
