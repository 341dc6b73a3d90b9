"""The bare OpenVINO script that the server's start is held against."""

import json
import subprocess
import sys
from pathlib import Path

from facewire_server.models.source import DATA, EMBEDDED

ROOT = Path(__file__).parents[2]


def test_it_answers_after_compiling_after_importing(tmp_path: Path) -> None:
    model = DATA / EMBEDDED / f"{EMBEDDED}.xml"
    command = [sys.executable, "-m", "benchmarks.cold_start_bare", str(model)]
    done = subprocess.run(
        [*command, "--cache", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = json.loads(done.stdout)
    assert 0 < seconds["imported"] <= seconds["compiled"] <= seconds["answered"]
    assert list(tmp_path.glob("*.blob"))
