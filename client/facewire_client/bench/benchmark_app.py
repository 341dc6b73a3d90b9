"""OpenVINO's benchmark_app in a process of its own, and what it measured."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# OpenVINO reports itself to a web analytics service when it can import this package.
_MAIN = """
import sys
sys.modules["openvino_telemetry"] = None
from openvino.tools.benchmark.main import main
sys.exit(main())
"""
_REPORT = "benchmark_report.json"


class BenchmarkAppError(Exception):
    """Why it failed: the last line that it said."""


@dataclass(frozen=True, slots=True)
class Results:
    """Inferences, inferences a second, and their median latency."""

    inferences: int
    throughput: float
    median_ms: float


def benchmark_app(
    arguments: Sequence[str],
    listen: Callable[[int, str], None] = lambda process, line: None,
) -> Results:
    """Runs it with these arguments until it ends.

    `listen` is told each line of its log as it comes, with the id of the process.
    Raises BenchmarkAppError.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = ("-json_stats", "-report_type", "no_counters", "-report_folder")
        command = [sys.executable, "-u", "-c", _MAIN, *arguments, *stored, folder]
        said, status = _run(command, listen)
        written = Path(folder) / _REPORT
        found = {}
        if written.exists():
            found = json.loads(written.read_text())["execution_results"]
    if status:
        cause = found.get("error") or said or "no word"
        raise BenchmarkAppError(cause.strip().splitlines()[-1])
    return Results(
        int(found["total number of iterations"]),
        float(found["throughput"]),
        float(found["latency (ms)"]),
    )


def _run(command: list[str], listen: Callable[[int, str], None]) -> tuple[str, int]:
    """The last line that a command said, and its exit status."""
    said = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said = line.strip() or said
                listen(process.pid, said)
        except BaseException:  # the listener refuses, or Ctrl-C
            process.kill()
            raise
    return said, process.returncode
