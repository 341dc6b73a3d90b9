"""The limit of a server: the speed of OpenVINO's benchmark_app with the same model here.

benchmark_app only infers. Its input is random bytes, filled in once and already of the network's
size: no image is decoded or resized, no box is read. The input is of type u8, as the server's
is, but planar. The server's package and benchmark_app run in processes of their own.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.settings import Settings
from facewire_client.result import ModelInfo

_INSTALL = "--limit needs the server's packages: pip install 'facewire[server]'"
_DESCRIBE = "facewire_server.cli.benchmark_model"
"""The program of the server's package that finds a model and describes it as JSON."""
# OpenVINO's package for sending usage data to a web service; benchmark_app runs without it.
_BENCHMARK_APP = """
import sys
sys.modules["openvino_telemetry"] = None
from openvino.tools.benchmark.main import main
sys.exit(main())
"""
_REPORT = "benchmark_report.json"
# The server's names for the precision of inference, as benchmark_app spells them. INT8 is a
# property of the model.
_PRECISIONS = {"FP32": "f32", "FP16": "f16", "BF16": "bf16"}


class LimitError(Exception):
    """The limit cannot be measured; the message says why, and what to do."""


class BenchmarkAppError(Exception):
    """benchmark_app has failed; the message is the last line that it printed."""


@dataclass(frozen=True, slots=True)
class BenchmarkAppResult:
    """The number of inferences, inferences a second, and their median latency."""

    inferences: int
    throughput: float
    median_ms: float


@dataclass(frozen=True, slots=True)
class Limit:
    """The measurement of benchmark_app: inferences a second and their median latency.

    `ratio` is the answers a second of the run divided by `throughput`.
    """

    model: str
    hint: str
    throughput: float
    median_ms: float
    ratio: float
    openvino: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The model that the server runs, and how benchmark_app is to run it.

    `path` is that of the model's file, `shape` that of the input as the server sets it, `hint`
    OpenVINO's performance hint, `seconds` how long to measure.
    """

    path: str
    shape: tuple[int, ...]
    served: ModelInfo | None
    hint: str
    seconds: float

    @classmethod
    def find(cls, model: str, served: ModelInfo | None, settings: Settings) -> Self:
        """Find a model by name or path; empty: by the name of the served one.

        The hint is latency for a closed loop of one request, else throughput. Raises LimitError
        when OpenVINO is not installed, when there is no such model, and when its weights are
        not those of the server.
        """
        is_sequential = settings.load == ClosedLoop(1)
        hint = "latency" if is_sequential else "throughput"
        found = _find(model, served)
        return cls(found["path"], tuple(found["shape"]), served, hint, settings.duration)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of benchmark_app, with the server's device and precision."""
        return (
            *("-m", self.path, "-shape", f"[{','.join(map(str, self.shape))}]", "-ip", "u8"),
            *("-hint", self.hint, "-t", str(max(1, round(self.seconds)))),
            *_as_served(self.served),
        )

    def measure(self, answered: float) -> Limit:
        """Run benchmark_app; `answered` is the answers a second of the run to compare with.

        Raises LimitError when it fails.
        """
        arguments = self.arguments
        try:
            result = benchmark_app(arguments)
        except BenchmarkAppError as error:
            raise LimitError(f"benchmark_app failed: {error}") from None
        return Limit(
            model=self.path,
            hint=self.hint,
            throughput=result.throughput,
            median_ms=result.median_ms,
            ratio=answered / result.throughput,
            openvino=version("openvino"),
            arguments=arguments,
        )


def benchmark_app(
    arguments: Sequence[str],
    listen: Callable[[int, str], None] = lambda process, line: None,
) -> BenchmarkAppResult:
    """Run benchmark_app until it ends.

    `listen` is called with the process id and each line of its output as it comes. Raises
    BenchmarkAppError.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = ("-json_stats", "-report_type", "no_counters", "-report_folder", folder)
        command = [sys.executable, "-u", "-c", _BENCHMARK_APP, *arguments, *report]
        last_line, status = _run(command, listen)
        path = Path(folder) / _REPORT
        found = json.loads(path.read_text())["execution_results"] if path.exists() else {}
    if status:
        cause = found.get("error") or last_line or "no word"
        raise BenchmarkAppError(cause.strip().splitlines()[-1])
    return BenchmarkAppResult(
        int(found["total number of iterations"]),
        float(found["throughput"]),
        float(found["latency (ms)"]),
    )


def _run(command: list[str], listen: Callable[[int, str], None]) -> tuple[str, int]:
    """Return the last line that a command prints, and its exit status."""
    last_line = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last_line = line.strip() or last_line
                listen(process.pid, last_line)
        except BaseException:  # an exception of the listener, or Ctrl-C
            process.kill()
            raise
    return last_line, process.returncode


def _find(model: str, served: ModelInfo | None) -> dict[str, Any]:
    """Return the path, sha256 and input shape of the model. Raises LimitError."""
    if find_spec("openvino") is None:
        raise LimitError(_INSTALL)
    name = model or (served.name if served else "")
    if not name:
        raise LimitError("the server does not tell its model; name that: --limit PATH")
    found = _describe(name)
    if missing := found.get("missing"):
        raise LimitError(f"{missing} is not installed; {_INSTALL}")
    if error := found.get("error"):
        advice = "" if model else "; name the server's model: --limit PATH"
        raise LimitError(f"{error}{advice}")
    if served and served.sha256 != found["sha256"]:
        raise LimitError(
            f"{found['path']} is not what the server runs ({served.name}"
            f" {served.version}); give the path of that: --limit PATH"
        )
    return found


def _describe(name: str) -> dict[str, Any]:
    """Run the server's program that describes a model. Raises LimitError when it fails."""
    # -P: a folder facewire_server in the working directory is not the server's package.
    command = [sys.executable, "-P", "-m", _DESCRIBE, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last_line = (done.stderr.strip() or "no word").splitlines()[-1]
        raise LimitError(f"the server's package cannot describe the model: {last_line}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _as_served(served: ModelInfo | None) -> tuple[str, ...]:
    if served is None:
        return ()
    precision = _PRECISIONS.get(served.precision)
    return (
        *("-d", served.device),
        *(("-infer_precision", precision) if precision else ()),
    )
