"""The bare OpenVINO script that the server's start is compared with."""

from pathlib import Path

from benchmarks.cold_start import start_bare
from benchmarks.harness.settings import EMBEDDED_FILE


def test_it_answers_after_compiling_after_importing(tmp_path: Path) -> None:
    seconds = start_bare(EMBEDDED_FILE, tmp_path)
    assert 0 < seconds["imported"] <= seconds["compiled"] <= seconds["answered"]
    assert list(tmp_path.glob("*.blob"))
