"""The limit: OpenVINO's benchmark_app, and what an inference of it costs.

CPU an inference: what the process has used when it says that measuring is over, less
what it had used after its first inference, by the inferences between. So nothing of its
start counts.
"""

from benchmarks import proc
from benchmarks.comparison.result import Cell, MeasureError, Result
from facewire_client.bench.limit import Baseline, BenchmarkAppError, benchmark_app
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.settings import Settings
from facewire_client.result import ModelInfo

_BEGINS = "First inference took"
_ENDS = "[Step 11/11]"


class Listener:
    """Reads what benchmark_app has used as its log passes these lines."""

    def __init__(self) -> None:
        self.begun: float | None = None
        self.ended: float | None = None
        self.peak_mb = 0.0

    def __call__(self, process: int, line: str) -> None:
        if _BEGINS in line:
            self.begun = proc.cpu_seconds(process)
        elif line.startswith(_ENDS):
            self.ended = proc.cpu_seconds(process)
            self.peak_mb = proc.status(process, "VmHWM") / 1000

    def cpu_seconds(self) -> float:
        """CPU time between the lines. Raises MeasureError when one did not come."""
        if self.begun is None or self.ended is None:
            raise MeasureError(f"benchmark_app has not said {_BEGINS!r}, {_ENDS!r}")
        return self.ended - self.begun


class BenchmarkApp:
    """benchmark_app with the model, device and precision of a server.

    Its hint is latency for one request at a time, else throughput.
    """

    name = "benchmark_app"

    def __init__(self, served: ModelInfo) -> None:
        self._served = served

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """Its inferences in the place of requests; it warms up by one inference."""
        load = ClosedLoop(cell.concurrency)
        settings = Settings(load=load, duration=seconds, warmup=warmup)
        path = str(cell.model.path)
        listener = Listener()
        try:
            baseline = Baseline.find(path, self._served, settings)
            found = benchmark_app(baseline.arguments, listener)
        except BenchmarkAppError as error:
            raise MeasureError(f"benchmark_app failed: {error}") from None
        return Result(
            rate=found.throughput,
            p50_ms=found.median_ms,
            p95_ms=None,
            p99_ms=None,
            cpu_ms=listener.cpu_seconds() / found.inferences * 1e3,
            memory_mb=listener.peak_mb,
        )
